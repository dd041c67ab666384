//! What a reply tells beside that it came: the other side's time, an interface's state, the way that it took.

use std::net::Ipv4Addr;

use crate::packet::Node;
use crate::packet::unbuild::{Keep, unbuild};
use crate::wire::layers::LayerTable;
use crate::wire::value::Value;

/// What a reply tells.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Told {
    /// The answer to what was asked.
    pub answer: Option<Answer>,
    /// What routers wrote into its header.
    pub route: Vec<Route>,
}

/// The answer to a question that is more than an echo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Milliseconds since midnight UT: of the request, of its arrival there, of the answer.
    Timestamps {
        /// As the request said.
        originate: u32,
        /// When it came there.
        receive: u32,
        /// When the answer left.
        transmit: u32,
    },
    /// An interface (RFC 8335 §3).
    Interface {
        /// The reply's code: 0 where it could be answered.
        code: u8,
        /// The state of a neighbour, where it is none of the node's own.
        state: u8,
        /// It is up.
        is_active: bool,
        /// It runs IPv4.
        has_ipv4: bool,
        /// It runs IPv6.
        has_ipv6: bool,
    },
}

/// What an option of the IPv4 header recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// The addresses of routers.
    Addresses(Vec<Ipv4Addr>),
    /// Their times, each with its address where that was asked for.
    Stamps {
        /// Each one's address and milliseconds since midnight UT; the uppermost bit marks other clocks (RFC 781).
        stamps: Vec<(Option<Ipv4Addr>, u32)>,
        /// How many had no room.
        overflow: u8,
    },
}

impl Answer {
    /// Reads the answer from an ICMP message, of which `kind` is type and code.
    pub(super) fn read(kind: (u8, u8), message: &[u8]) -> Option<Self> {
        let word = |at: usize| message.get(at..)?.first_chunk().map(|octets| u32::from_be_bytes(*octets));
        match kind {
            (14, _) => {
                Some(Self::Timestamps { originate: word(8)?, receive: word(12)?, transmit: word(16)? })
            }
            (43 | 161, code) => {
                let bits = message.get(7)?;
                Some(Self::Interface {
                    code,
                    state: bits >> 5,
                    is_active: bits & 4 != 0,
                    has_ipv4: bits & 2 != 0,
                    has_ipv6: bits & 1 != 0,
                })
            }
            _ => None,
        }
    }
}

impl Route {
    /// What the options of a packet's first header recorded.
    pub(super) fn read(octets: &[u8], table: &LayerTable) -> Vec<Self> {
        let packet = unbuild(octets, table, Keep::All);
        let options = packet.layers.first().and_then(|ip| ip.get("options"));
        let Some(Node::List(options)) = options else { return Vec::new() };
        options.iter().filter_map(Self::of_option).collect()
    }

    fn of_option(option: &Node) -> Option<Self> {
        let Node::Table(named) = option else { return None };
        let (name, Node::Table(fields)) = named.first()? else { return None };
        let field = |name: &str| fields.iter().find(|(key, _)| key == name).map(|(_, node)| node);
        let items = |name: &str| match field(name) {
            Some(Node::List(items)) => items.as_slice(),
            _ => &[],
        };
        // The pointer counts octets from the option's first; what it points at is free (RFC 791 §3.1).
        let filled = |first: u64, each: u64| {
            let pointer = field("ptr").and_then(uint).unwrap_or(first);
            usize::try_from(pointer.saturating_sub(first) / each).unwrap_or(usize::MAX)
        };
        match name.as_str() {
            "rr" => {
                let addresses = items("addresses").iter().take(filled(4, 4)).filter_map(address);
                Some(Self::Addresses(addresses.collect()))
            }
            "ts" => {
                let alone = items("timestamps")
                    .iter()
                    .take(filled(5, 4))
                    .filter_map(|item| Some((None, u32::try_from(uint(item)?).ok()?)));
                let pairs = items("entries").iter().take(filled(5, 8)).filter_map(|item| {
                    let Node::List(pair) = item else { return None };
                    let [of, time] = pair.as_slice() else { return None };
                    Some((Some(address(of)?), u32::try_from(uint(time)?).ok()?))
                });
                let stamps = alone.chain(pairs).collect();
                let overflow = field("overflow").and_then(uint).and_then(|count| u8::try_from(count).ok());
                Some(Self::Stamps { stamps, overflow: overflow.unwrap_or(0) })
            }
            _ => None,
        }
    }
}

fn uint(node: &Node) -> Option<u64> {
    match node {
        Node::Value(Value::Uint(number)) => Some(*number),
        _ => None,
    }
}

fn address(node: &Node) -> Option<Ipv4Addr> {
    match node {
        Node::Value(Value::Ipv4(address)) => Some(*address),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::dissect::dissect;
    use crate::wire::frame::LinkType;

    fn route(options: &[u8]) -> Vec<Route> {
        let header_len = 20 + options.len();
        let mut packet =
            vec![0x40 | (header_len / 4) as u8, 0, 0, header_len as u8 + 8, 0, 1, 0, 0, 64, 1, 0, 0];
        packet.extend([10, 0, 0, 2, 10, 0, 0, 1]);
        packet.extend(options);
        packet.extend([0, 0, 0xff, 0xff, 0, 0, 0, 0]);
        let mut table = LayerTable::default();
        dissect(&packet, LinkType::RAW, &mut table);
        Route::read(&packet, &table)
    }

    #[test]
    fn routes_are_told_as_far_as_they_are_filled() {
        let options = [7, 11, 8, 10, 0, 0, 9, 0, 0, 0, 0, 0];
        assert_eq!(route(&options), [Route::Addresses(vec![[10, 0, 0, 9].into()])]);
        assert_eq!(route(&[]), []);
    }

    #[test]
    fn stamps_have_addresses_where_they_were_asked_for() {
        let alone = [68, 12, 9, 0x20, 0, 0, 0, 7, 0, 0, 0, 0];
        assert_eq!(route(&alone), [Route::Stamps { stamps: vec![(None, 7)], overflow: 2 }]);
        let pairs = [68, 12, 13, 0x01, 10, 0, 0, 9, 0, 0, 0, 5];
        let stamps = vec![(Some([10, 0, 0, 9].into()), 5)];
        assert_eq!(route(&pairs), [Route::Stamps { stamps, overflow: 0 }]);
    }

    #[test]
    fn answers_are_read_as_far_as_they_are_there() {
        let reply = hex::decode("0e000000000100010000000500000006fffffff0").unwrap();
        let stamps = Answer::Timestamps { originate: 5, receive: 6, transmit: 0xffff_fff0 };
        assert_eq!(Answer::read((14, 0), &reply), Some(stamps));
        assert_eq!(Answer::read((14, 0), &reply[..19]), None);
        let up = Answer::Interface { code: 0, state: 0, is_active: true, has_ipv4: true, has_ipv6: false };
        assert_eq!(Answer::read((43, 0), &[43, 0, 0, 0, 0, 1, 1, 6]), Some(up));
    }
}
