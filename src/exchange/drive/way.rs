//! The way to a destination: interface, source address, next hop, MAC addresses. Routes and neighbours come over netlink;
//! a neighbour that the kernel does not know is asked for by ARP or NDP.

use std::cell::RefCell;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::rc::Rc;

use crate::exchange::drive::asker::{Asker, SharedAsker};
use crate::exchange::drive::{Watcher, Wire, drive};
use crate::exchange::engine::{MILLISECOND, Nanos, SECOND};
use crate::exchange::layer::{in_v6, layer};
use crate::exchange::matcher::Match;
use crate::exchange::send::{Event, Pace, Ready, Sender};
use crate::packet::build::{BuildError, build};
use crate::packet::{Node, Packet};
use crate::sys::clock::{self, Now};
use crate::sys::error::SysError;
use crate::sys::interrupt::Interrupt;
use crate::sys::netlink::{Link, Netlink, NetlinkError, RouteQuery};
use crate::wire::value::Value;

/// The way to a destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Way {
    /// The interface that packets leave by.
    pub link: Link,
    /// The address that packets come from.
    pub source: Option<IpAddr>,
    /// Whom the frame goes to: a router, or the destination itself.
    pub next_hop: IpAddr,
    /// The largest IP packet in octets.
    pub mtu: usize,
}

/// Why there is no way.
#[derive(Debug, thiserror::Error)]
pub enum WayError {
    /// The kernel knows none.
    #[error(transparent)]
    Netlink(#[from] NetlinkError),
    /// The sockets to ask with cannot be opened.
    #[error(transparent)]
    Socket(#[from] SysError),
    /// Nobody on the link has the next hop's address.
    #[error("nobody answers for {next_hop} on {interface}; is it up, and on this link?")]
    NoNeighbour {
        /// Who was asked for.
        next_hop: IpAddr,
        /// Where.
        interface: String,
    },
    /// The interface has no MAC addresses.
    #[error("interface {interface} is no Ethernet: write the frame from its own first layer on")]
    NotEthernet {
        /// Which.
        interface: String,
    },
    /// The interface has no address to ask from.
    #[error(
        "interface {interface} has no address to ask for {next_hop} from; write an `eth` layer with `dst`"
    )]
    NoSource {
        /// Which.
        interface: String,
        /// Who would be asked for.
        next_hop: IpAddr,
    },
    /// The question could not be asked.
    #[error("ask for {next_hop} on {interface}: {reason}")]
    Ask {
        /// Who would be asked for.
        next_hop: IpAddr,
        /// Where.
        interface: String,
        /// Why not.
        reason: String,
    },
}

/// Ways that were found, each looked up once.
#[derive(Debug)]
pub struct Ways {
    netlink: Netlink,
    /// The interface that all packets must leave by.
    interface: Option<Link>,
    known: HashMap<IpAddr, Way>,
    neighbours: HashMap<(u32, IpAddr), [u8; 6]>,
    /// Since when nobody is known to answer for a next hop.
    silent: HashMap<(u32, IpAddr), Nanos>,
    /// Asks for neighbours that the kernel does not know.
    asker: Option<SharedAsker>,
}

impl Ways {
    /// Ways by `interface`, or by any.
    ///
    /// # Errors
    /// When there is no such interface, or netlink cannot be opened.
    pub fn new(interface: Option<&str>) -> Result<Self, NetlinkError> {
        let mut netlink = Netlink::open()?;
        let interface = interface.map(|name| netlink.link(name)).transpose()?;
        Ok(Self {
            netlink,
            interface,
            known: HashMap::new(),
            neighbours: HashMap::new(),
            silent: HashMap::new(),
            asker: None,
        })
    }

    /// Opens the sockets by which neighbours are asked for.
    ///
    /// # Errors
    /// When CAP_NET_RAW is missing.
    pub fn may_ask(&mut self) -> Result<(), SysError> {
        self.ask_by(Rc::new(RefCell::new(Asker::open()?)));
        Ok(())
    }

    /// Asks for neighbours by these sockets, which others may use, too, one after the other.
    pub fn ask_by(&mut self, asker: SharedAsker) {
        self.asker = Some(asker);
    }

    /// The interface that all packets must leave by.
    pub fn interface(&self) -> Option<&Link> {
        self.interface.as_ref()
    }

    /// The way to a destination.
    ///
    /// # Errors
    /// When no route leads there.
    pub fn to(&mut self, destination: IpAddr) -> Result<Way, NetlinkError> {
        if let Some(way) = self.known.get(&destination) {
            return Ok(way.clone());
        }
        let interface = self.interface.as_ref().map(|link| link.index);
        let route = self.netlink.route(&RouteQuery { destination, source: None, interface, mark: None })?;
        let link = self.netlink.link_by_index(route.interface)?;
        let mtu = route.mtu.unwrap_or(link.mtu) as usize;
        let way = Way { link, source: route.source, next_hop: route.next_hop(destination), mtu };
        if self.known.len() >= REMEMBERED {
            self.known.clear();
        }
        self.known.insert(destination, way.clone());
        Ok(way)
    }

    /// The MAC addresses of a frame that goes this way: from and to. A next hop that the kernel does not know is asked for, if that
    /// [may be](Self::may_ask).
    ///
    /// # Errors
    /// When the link is no Ethernet, or nobody answers for the next hop.
    pub fn macs(&mut self, way: &Way, interrupt: &Interrupt) -> Result<([u8; 6], [u8; 6]), WayError> {
        let interface = way.link.name.clone();
        let own = way.link.mac().ok_or_else(|| WayError::NotEthernet { interface: interface.clone() })?;
        if way.link.is_loopback() {
            return Ok((own, own));
        }
        if let Some(mac) = group_mac(way.next_hop) {
            return Ok((own, mac));
        }
        let key = (way.link.index, way.next_hop);
        if let Some(mac) = self.neighbours.get(&key) {
            return Ok((own, *mac));
        }
        let known =
            self.netlink.neighbour(way.link.index, way.next_hop)?.and_then(|neighbour| neighbour.mac());
        let mac = match known {
            Some(mac) => mac,
            None => self.ask(way, own, interrupt)?,
        };
        self.neighbours.insert(key, mac);
        Ok((own, mac))
    }

    /// Asks for a next hop, unless nobody answered for it a moment ago: each packet that goes there would wait for seconds.
    fn ask(&mut self, way: &Way, own: [u8; 6], interrupt: &Interrupt) -> Result<[u8; 6], WayError> {
        let key = (way.link.index, way.next_hop);
        let is_silent = |since: &Nanos| clock::monotonic().saturating_sub(*since) < SILENT;
        if self.silent.get(&key).is_some_and(is_silent) {
            return Err(WayError::NoNeighbour { next_hop: way.next_hop, interface: way.link.name.clone() });
        }
        let Some(asker) = &self.asker else {
            let (next_hop, interface) = (way.next_hop, way.link.name.clone());
            return Err(WayError::Ask {
                next_hop,
                interface,
                reason: "no socket was opened for that".to_owned(),
            });
        };
        let asker = &mut *asker.borrow_mut();
        asker.turn_to(&way.link)?;
        let asked = ask(way, own, asker, interrupt);
        asker.turn_away()?;
        if matches!(asked, Err(WayError::NoNeighbour { .. })) && !interrupt.came() {
            if self.silent.len() >= REMEMBERED {
                self.silent.clear();
            }
            self.silent.insert(key, clock::monotonic());
        }
        asked
    }
}

/// Destinations whose ways are remembered; a sweep over a large network looks its ways up again.
const REMEMBERED: usize = 4096;

/// For so long nobody is asked again.
const SILENT: Nanos = 10 * SECOND;

/// The MAC address of a group: RFC 1112 §6.4, RFC 2464 §7; all ones for a broadcast.
fn group_mac(address: IpAddr) -> Option<[u8; 6]> {
    match address {
        IpAddr::V4(address) if address.is_broadcast() => Some([0xff; 6]),
        IpAddr::V4(address) if address.is_multicast() => {
            let [_, b, c, d] = address.octets();
            Some([0x01, 0x00, 0x5e, b & 0x7f, c, d])
        }
        IpAddr::V6(address) if address.is_multicast() => {
            let [.., a, b, c, d] = address.octets();
            Some([0x33, 0x33, a, b, c, d])
        }
        _ => None,
    }
}

/// Asks the link for a next hop's MAC address, three times.
fn ask<W: Wire>(way: &Way, own: [u8; 6], wire: &mut W, interrupt: &Interrupt) -> Result<[u8; 6], WayError> {
    let (next_hop, interface) = (way.next_hop, way.link.name.clone());
    let source = way.source.ok_or_else(|| WayError::NoSource { interface: interface.clone(), next_hop })?;
    let failed = |reason: String| WayError::Ask { next_hop, interface: interface.clone(), reason };
    let built = question(own, source, next_hop).map_err(|error| failed(error.to_string()))?;
    let ready = Ready { interface: way.link.index, ..Ready::of(built, SECOND) };
    let questions = std::iter::repeat_n(Ok(ready), 3);
    let mut sender = Sender::new(questions, Pace { interval: 300 * MILLISECOND, ..Pace::default() });
    let mut answer = Answer::default();
    drive(&mut sender, wire, interrupt, &mut answer).map_err(|error| failed(error.to_string()))?;
    match (answer.mac, answer.failure) {
        (Some(mac), _) => Ok(mac),
        (None, Some(reason)) => Err(failed(reason)),
        (None, None) => Err(WayError::NoNeighbour { next_hop, interface }),
    }
}

/// What was answered.
#[derive(Default)]
struct Answer {
    mac: Option<[u8; 6]>,
    failure: Option<String>,
}

impl<I: Iterator<Item = Result<Ready, String>>, W> Watcher<Sender<I>, W> for Answer {
    fn watch(&mut self, engine: &mut Sender<I>, now: Now) -> std::io::Result<()> {
        for event in engine.take_events() {
            match event {
                // The frame's source is whom to send to, proxies included.
                Event::Answer { what: Match::Reply(_), seen, .. } => {
                    self.mac = seen.octets.get(6..).and_then(<[u8]>::first_chunk).copied();
                    crate::exchange::engine::Engine::stop(engine, now.monotonic);
                }
                Event::Failed { reason, .. } => self.failure = Some(reason),
                _ => {}
            }
        }
        Ok(())
    }
}

/// An ARP request, or a neighbour solicitation with our own MAC address.
fn question(own: [u8; 6], source: IpAddr, target: IpAddr) -> Result<crate::packet::build::Built, BuildError> {
    let eth = |to: [u8; 6]| layer("eth").with("src", Value::Mac(own)).with("dst", Value::Mac(to));
    let layers = match (source, target) {
        (IpAddr::V4(source), IpAddr::V4(target)) => {
            let arp = layer("arp")
                .with("src.hw_mac", Value::Mac(own))
                .with("src.proto_ipv4", Value::Ipv4(source))
                .with("dst.proto_ipv4", Value::Ipv4(target));
            vec![eth([0xff; 6]), arp]
        }
        (source, target) => {
            let (source, target) = (in_v6(source), in_v6(target));
            let group = solicited_node(target);
            let mac = group_mac(group.into()).unwrap_or([0xff; 6]);
            let ip = layer("ipv6")
                .with("hlim", Value::Uint(255))
                .with("src", Value::Ipv6(source))
                .with("dst", Value::Ipv6(group));
            let mut icmp = layer("icmpv6")
                .with("type", Value::Uint(135))
                .with("nd.ns.target_address", Value::Ipv6(target));
            let own_address = ("source_lladdr".to_owned(), Node::Value(Value::Mac(own)));
            icmp.fields.push(("options".to_owned(), Node::List(vec![Node::Table(vec![own_address])])));
            vec![eth(mac), ip, icmp]
        }
    };
    build(&Packet { layers, trailer: Vec::new() })
}

/// RFC 4291 §2.7.1.
fn solicited_node(address: Ipv6Addr) -> Ipv6Addr {
    let low = address.to_bits() & 0x00ff_ffff;
    Ipv6Addr::from_bits(0xff02_0000_0000_0000_0000_0001_ff00_0000 | low)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_have_addresses_of_their_own() {
        assert_eq!(group_mac([224, 129, 2, 3].into()), Some([1, 0, 0x5e, 1, 2, 3]));
        assert_eq!(group_mac("ff02::1:ff01:2".parse().unwrap()), Some([0x33, 0x33, 0xff, 1, 0, 2]));
        assert_eq!(group_mac([10, 0, 0, 1].into()), None);
        let target: Ipv6Addr = "fd00::12:3456".parse().unwrap();
        assert_eq!(solicited_node(target).to_string(), "ff02::1:ff12:3456");
    }
}
