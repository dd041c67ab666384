//! The probes of a trace. All of one trace are of one flow, as routers that share load see it: addresses, ports, the ICMP
//! checksum and the flow label are the same in all of them (Paris traceroute, Augustin et al., IMC 2006); where there are more
//! flows, these are what differs. Probes of a flow are told apart by what such routers do not look at: the IPv4 identification, the TCP sequence number, the ICMP sequence number with a payload
//! that balances it, and the payload of UDP, whose checksum stays the same too.

use crate::packet::build::{BuildError, Built, build};
use crate::packet::{Layer, Node, Packet};
use crate::proto::{data, registry};
use crate::wire::value::Value;

use std::net::IpAddr;

use super::plan::{Method, TracePlan};
use crate::exchange::layer::{in_v6, layer};

impl TracePlan {
    /// The number of a probe as it stands in the packet.
    pub(super) fn number(&self, probe: usize) -> u16 {
        self.base.wrapping_add(u16::try_from(probe & 0xffff).unwrap_or_default())
    }

    /// The TCP sequence number of a probe.
    pub(super) fn seq_of(&self, probe: usize) -> u32 {
        self.seq.wrapping_add(u32::try_from(probe & 0xffff).unwrap_or_default())
    }

    /// What a probe carries. Two words in it and in the header make the same sum, whatever the number is.
    pub(super) fn payload(&self, probe: usize) -> Vec<u8> {
        let number = self.number(probe);
        let mut payload = match self.method {
            Method::Icmp => balance(number, self.flow_of(probe)).to_be_bytes().to_vec(),
            Method::Udp => [number.to_be_bytes(), (!number).to_be_bytes()].concat(),
            Method::Tcp => return Vec::new(),
        };
        payload.extend(self.token);
        let fill = self.packet_len.saturating_sub(self.header_len()).saturating_sub(payload.len());
        payload.extend((0..fill).map(|at| FIRST_FILL.wrapping_add((at & 0x3f) as u8)));
        payload
    }

    /// Octets of the IP header and what stands before the payload.
    fn header_len(&self) -> usize {
        let ip = if self.destination.is_ipv4() { 20 } else { 40 };
        ip + 8
    }

    /// A probe, IP header included.
    ///
    /// # Errors
    /// When the payload is longer than the length fields can say.
    pub fn probe(&self, probe: usize) -> Result<Built, BuildError> {
        let mut layers = vec![self.ip(probe), self.transport(probe)];
        if self.method != Method::Tcp {
            layers.push(Layer::new(registry().data()).with(data::HEX, Value::Octets(self.payload(probe))));
        }
        build(&Packet { layers, trailer: Vec::new() })
    }

    fn ip(&self, probe: usize) -> Layer {
        let (tos, hop) = (number(self.tos), number(self.hop_of(probe)));
        match (self.source, self.destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => layer("ip")
                .with("dsfield", tos)
                // Never zero, or the kernel would choose one (raw(7)).
                .with("id", number(self.number(probe)))
                .with("flags.df", Value::Bool(self.dont_fragment))
                .with("ttl", hop)
                .with("src", Value::Ipv4(source))
                .with("dst", Value::Ipv4(destination)),
            (source, destination) => layer("ipv6")
                .with("tclass", tos)
                .with("flow", number(self.flow_label(probe)))
                .with("hlim", hop)
                .with("src", Value::Ipv6(in_v6(source)))
                .with("dst", Value::Ipv6(in_v6(destination))),
        }
    }

    /// Each flow has a label of its own (RFC 6437 §2).
    fn flow_label(&self, probe: usize) -> u32 {
        let flow = u32::try_from(self.flow_of(probe)).unwrap_or_default();
        self.flow.wrapping_add(flow) & 0xf_ffff
    }

    fn transport(&self, probe: usize) -> Layer {
        let source_port = self.source_port_of(self.flow_of(probe));
        let ports =
            |name| layer(name).with("srcport", number(source_port)).with("dstport", number(self.port));
        match (self.method, self.destination.is_ipv4()) {
            (Method::Icmp, true) => layer("icmp")
                .with("type", number(8u8))
                .with("ident", number(self.source_port))
                .with("seq", number(self.number(probe))),
            (Method::Icmp, false) => layer("icmpv6")
                .with("type", number(128u8))
                .with("echo.identifier", number(self.source_port))
                .with("echo.sequence_number", number(self.number(probe))),
            (Method::Udp, _) => ports("udp"),
            (Method::Tcp, _) => {
                let mut tcp = ports("tcp").with("seq", number(self.seq_of(probe)));
                tcp.fields.push(("options".to_owned(), Node::List(self.tcp_options())));
                tcp
            }
        }
    }

    /// The options of Linux's SYNs, in its order, so that whatever looks at options on the way meets some.
    fn tcp_options(&self) -> Vec<Node> {
        let option = |name: &str, node| Node::Table(vec![(name.to_owned(), node)]);
        let value = |n: u32| Node::Value(number(n));
        let mss = if self.destination.is_ipv4() { 1460 } else { 1440 };
        let stamps = vec![("tsval".to_owned(), value(self.seq)), ("tsecr".to_owned(), value(0))];
        vec![
            option("mss", value(mss)),
            option("sack_perm", Node::Table(Vec::new())),
            option("timestamp", Node::Table(stamps)),
            option("nop", Node::Table(Vec::new())),
            option("wscale", value(7)),
        ]
    }

    /// The shortest packet that this method can have.
    pub fn shortest_len(&self) -> usize {
        let payload = match self.method {
            Method::Icmp => 2 + self.token.len(),
            Method::Udp => 4 + self.token.len(),
            // 20 octets of options behind a header of 20.
            Method::Tcp => 32,
        };
        self.header_len() + payload
    }
}

/// What makes, with a number, the same sum as it does with any other number of the flow, and another one than in other flows; the
/// sum is that of ones' complement (RFC 1071).
fn balance(number: u16, flow: usize) -> u16 {
    let (word, is_borrowed) = (!number).overflowing_sub(u16::try_from(flow).unwrap_or_default());
    word.wrapping_sub(u16::from(is_borrowed))
}

/// The first octet of what fills a payload up: `@`, as in those of `traceroute`.
const FIRST_FILL: u8 = 0x40;

fn number(number: impl Into<u64>) -> Value {
    Value::Uint(number.into())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::exchange::trace::script::{PLANS, plan};
    use crate::wire::checksum::InternetChecksum;

    /// What a router that shares load by flow may look at: the first word of the transport header, and IPv6's flow label. The
    /// places are those of RFC 791 §3.1 and RFC 8200 §3.
    #[test]
    fn probes_are_of_one_flow_and_all_different() {
        for (method, v6) in PLANS {
            let plan = plan(method, v6);
            let probes: Vec<_> = (0..plan.probe_count()).map(|n| plan.probe(n).unwrap().octets).collect();
            let (header_len, addresses) = if v6 { (40, 8..40) } else { (20, 12..20) };
            let flow = |probe: &Vec<u8>| {
                let word = if v6 { probe[..4].to_vec() } else { vec![probe[0], probe[9]] };
                (word, probe[addresses.clone()].to_vec(), probe[header_len..header_len + 4].to_vec())
            };
            assert_eq!(probes.iter().map(flow).collect::<HashSet<_>>().len(), 1, "{method:?} {v6}");
            assert_eq!(probes.iter().collect::<HashSet<_>>().len(), probes.len());
            let checksum_at = header_len + if method == Method::Udp { 6 } else { 2 };
            let checksums: HashSet<_> =
                probes.iter().map(|probe| &probe[checksum_at..checksum_at + 2]).collect();
            assert!(method == Method::Tcp || checksums.len() == 1, "{method:?} {v6}");
            assert!(probes.iter().all(|probe| probe.len() == plan.packet_len), "{method:?} {v6}");
            let at = if v6 { 7 } else { 8 };
            let hops: Vec<_> = probes.iter().map(|probe| probe[at]).collect();
            assert_eq!((hops.first(), hops.last()), (Some(&1), Some(&30)));
        }
    }

    #[test]
    fn flows_differ_in_what_routers_that_share_load_look_at() {
        for (method, v6) in PLANS {
            let more_flows = (1..=200).map(|flow| 50_123 + flow).collect();
            let plan = TracePlan { more_flows, last_hop: 5, ..plan(method, v6) };
            let header_len = if v6 { 40 } else { 20 };
            let flow_of = |probe: usize| {
                let octets = plan.probe(probe).unwrap().octets;
                let label = if v6 { octets[1..4].to_vec() } else { Vec::new() };
                (octets[header_len..header_len + 4].to_vec(), label)
            };
            let mut flows = HashSet::new();
            for flow in 0..plan.flow_count() {
                let numbers = (1..=5).flat_map(|hop| (0..3).map(move |query| (hop, query)));
                let of_one: HashSet<_> =
                    numbers.map(|(hop, query)| flow_of(plan.probe_at(flow, hop, query))).collect();
                assert_eq!(of_one.len(), 1, "{method:?} {v6} {flow}");
                flows.extend(of_one);
            }
            assert_eq!(flows.len(), 201, "{method:?} {v6}");
            let last = plan.probe_count() - 1;
            assert_eq!((plan.flow_of(last), plan.hop_of(last)), (200, 5));
        }
    }

    #[test]
    fn checksums_are_right() {
        let built = plan(Method::Icmp, false).probe(7).unwrap();
        assert_eq!(InternetChecksum::default().add_octets(&built.octets[20..]).finish(), 0);
        let read = etherparse::SlicedPacket::from_ip(&plan(Method::Udp, true).probe(7).unwrap().octets)
            .map(|packet| packet.transport.is_some());
        assert!(read.unwrap());
    }
}
