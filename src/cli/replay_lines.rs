//! The ways out of `replay`: interfaces that take frames, or raw IP sockets; which packet leaves by which, and in which shape.

use std::collections::HashMap;
use std::error::Error;
use std::net::IpAddr;

use super::engine::Engine;
use super::replay_edits::network;
use super::tempo::stays_here;
use crate::exchange::drive::outflow::{Exit, Line};
use crate::exchange::drive::way::Ways;
use crate::packet::dissect::dissect;
use crate::packet::walk::{Event, walk_layer};
use crate::proto::registry;
use crate::sys::batch_socket::BatchSocket;
use crate::sys::interrupt::Interrupt;
use crate::sys::netlink::{Link, Netlink, NetlinkError};
use crate::sys::packet_socket::link_type_of;
use crate::wire::frame::{Direction, Frame, LinkType};
use crate::wire::layers::LayerTable;
use crate::wire::value::ValueRef;

/// What tells the two directions apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Split {
    /// What comes from this network leaves by the first interface, all else by the second.
    Network(IpAddr, u32),
    /// What the capturing host sent leaves by the first, what it received by the second; the file must say it.
    Direction,
}

/// Reads `--split`.
///
/// # Errors
/// In words, when it is none.
pub(super) fn split(text: &str) -> Result<Split, String> {
    if text == "direction" {
        return Ok(Split::Direction);
    }
    let network =
        network(text).ok_or_else(|| "takes a network, such as 10.0.0.0/8, or `direction`".to_owned())?;
    Ok(Split::Network(network.0, network.1))
}

/// A packet's place and shape on its way out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shape {
    /// The number of its line.
    pub(super) line: usize,
    /// What is put before it.
    pub(super) header: Option<[u8; 14]>,
    /// The octets of it that go.
    pub(super) octets: std::ops::Range<usize>,
    /// Where it goes, by a raw IP socket.
    pub(super) address: Option<IpAddr>,
}

/// The ways out.
pub(super) struct Exits<'a> {
    /// Packets go by raw IP sockets.
    by_ip: bool,
    /// The interfaces, one or two; none where routes decide.
    interfaces: Vec<Link>,
    split: Option<Split>,
    ways: Vec<Ways>,
    interrupt: &'a Interrupt,
    /// What headers are made with, where `--set` says it.
    eth: (Option<[u8; 6]>, Option<[u8; 6]>),
    /// The MAC addresses of ways that were looked up, or why there are none.
    known: HashMap<(usize, IpAddr), Result<[u8; 14], String>>,
    table: LayerTable,
    /// Packets of which the file does not say the direction.
    pub(super) undirected: u64,
}

/// The addresses of a packet, and where its IP layer stands.
struct Ip {
    source: IpAddr,
    destination: IpAddr,
    octets: std::ops::Range<usize>,
    is_arp: bool,
}

impl<'a> Exits<'a> {
    /// The ways out by these interfaces: none, one or two.
    ///
    /// # Errors
    /// When there is no such interface.
    pub(super) fn new(
        names: &[&str],
        by_ip: bool,
        split: Option<Split>,
        eth: (Option<[u8; 6]>, Option<[u8; 6]>),
        interrupt: &'a Interrupt,
    ) -> Result<Self, Box<dyn Error>> {
        let mut netlink = Netlink::open()?;
        let mut interfaces = Vec::new();
        let mut ways = Vec::new();
        for name in names {
            interfaces.push(netlink.link(name)?);
            let mut way = Ways::new(Some(name))?;
            if !by_ip && eth.1.is_none() {
                way.may_ask()?;
            }
            ways.push(way);
        }
        let (known, table) = (HashMap::new(), LayerTable::default());
        Ok(Self { by_ip, interfaces, split, ways, interrupt, eth, known, table, undirected: 0 })
    }

    /// Opens the sockets, and says what they are.
    ///
    /// # Errors
    /// When a right is missing.
    pub(super) fn lines(&self, engine: Engine, is_top: bool) -> Result<(Vec<Line>, String), Box<dyn Error>> {
        let by_ip = |link: Option<&Link>| -> Result<[Line; 2], Box<dyn Error>> {
            let interface = link.map(|link| link.name.as_str());
            let line = |is_ipv6| -> Result<Line, Box<dyn Error>> {
                let socket = BatchSocket::of_ip(is_ipv6, interface)?;
                let name = interface.unwrap_or("its destination").to_owned();
                Ok(Line { exit: Exit::Batch(socket), name, is_by_address: true })
            };
            Ok([line(false)?, line(true)?])
        };
        let (mut lines, mut engines) = (Vec::new(), Vec::new());
        match (self.by_ip, self.interfaces.as_slice()) {
            (true, _) if engine == Engine::Xdp => {
                return Err("AF_XDP sends frames: name an interface, and leave `--via ip` out".into());
            }
            (true, []) => lines.extend(by_ip(None)?),
            (true, links) => {
                for link in links {
                    lines.extend(by_ip(Some(link))?);
                }
            }
            (false, links) => {
                for link in links {
                    let (exit, how) = engine.open(link, 0, is_top)?;
                    engines.push(format!("frames on {} by {how}", link.name));
                    lines.push(Line { exit, name: link.name.clone(), is_by_address: false });
                }
            }
        }
        if self.by_ip {
            engines.push("IP packets by sendmmsg (raw sockets, IP_HDRINCL)".to_owned());
        }
        Ok((lines, engines.join(", ")))
    }

    /// The interface that others than this host may be on.
    ///
    /// # Errors
    /// When the kernel does not tell its interfaces.
    pub(super) fn leads_away(&self) -> Result<Option<String>, NetlinkError> {
        if self.interfaces.is_empty() {
            let all = Netlink::open()?.links()?;
            let leads = all.iter().any(|link| link.is_up() && !stays_here(link));
            return Ok(leads.then(|| "wherever routes lead".to_owned()));
        }
        Ok(self.interfaces.iter().find(|link| !stays_here(link)).map(|link| link.name.clone()))
    }

    /// What ends it all.
    pub(super) fn interrupt(&self) -> &'a Interrupt {
        self.interrupt
    }

    /// By which of the interfaces a packet leaves, as the file has it.
    pub(super) fn side(&mut self, frame: &Frame<'_>) -> usize {
        match self.split {
            None => 0,
            Some(Split::Direction) => match frame.direction {
                Direction::Outbound => 0,
                Direction::Inbound => 1,
                Direction::Unknown => {
                    self.undirected = self.undirected.saturating_add(1);
                    0
                }
            },
            Some(Split::Network(address, bits)) => {
                let map = crate::packet::edit::NetworkMap::new((address, bits), (address, bits));
                let source = self.addresses(frame.data, frame.link_type).map(|ip| ip.source);
                let is_in = source.zip(map).is_some_and(|(source, map)| map.map(source).is_some());
                usize::from(source.is_some() && !is_in)
            }
        }
    }

    /// How a packet leaves on a side; the reason, when it cannot.
    ///
    /// # Errors
    /// The reason, in words that do not name the packet.
    pub(super) fn shape(&mut self, octets: &[u8], link_type: LinkType, side: usize) -> Result<Shape, String> {
        if self.by_ip {
            let ip = self.addresses(octets, link_type).filter(|ip| !ip.is_arp);
            let ip = ip.ok_or("there is no IP packet in it for a raw IP socket")?;
            let line = side.saturating_mul(2).saturating_add(usize::from(ip.destination.is_ipv6()));
            return Ok(Shape { line, header: None, octets: ip.octets, address: Some(ip.destination) });
        }
        let link = self.interfaces.get(side).ok_or("there is no second interface")?;
        let wanted = link_type_of(link.hardware);
        let name = link.name.clone();
        let is_ip = matches!(link_type, LinkType::RAW | LinkType::IPV4 | LinkType::IPV6);
        if wanted == Some(LinkType::ETHERNET) && wanted == Some(link_type) && octets.len() < ETHERNET_LEN {
            return Err("it is shorter than an Ethernet header".to_owned());
        }
        let header = match wanted {
            Some(wanted) if wanted == link_type || (wanted == LinkType::RAW && is_ip) => None,
            Some(LinkType::ETHERNET) if is_ip => Some(self.header(octets, link_type, side)?),
            _ => {
                return Err(format!(
                    "link type {} is not what {name} takes, {}; `--via ip` sends the IP packets in it by a raw socket",
                    link_type.0,
                    if wanted == Some(LinkType::ETHERNET) {
                        "Ethernet frames"
                    } else {
                        "packets without a link header"
                    }
                ));
            }
        };
        Ok(Shape { line: side, header, octets: 0..octets.len(), address: None })
    }

    /// An Ethernet header for an IP packet: from the interface's own address to the next hop's.
    fn header(&mut self, octets: &[u8], link_type: LinkType, side: usize) -> Result<[u8; 14], String> {
        let ip = self.addresses(octets, link_type).ok_or("it is no IP packet")?;
        let key = (side, ip.destination);
        if self.known.len() >= REMEMBERED {
            self.known.clear();
        }
        if let Some(found) = self.known.get(&key) {
            return found.clone();
        }
        let found = self.look_up(ip.destination, side);
        self.known.insert(key, found.clone());
        found
    }

    fn look_up(&mut self, destination: IpAddr, side: usize) -> Result<[u8; 14], String> {
        let (link, ways) = match (self.interfaces.get(side), self.ways.get_mut(side)) {
            (Some(link), Some(ways)) => (link, ways),
            _ => return Err("there is no second interface".to_owned()),
        };
        let source = self.eth.0.or(link.mac()).ok_or("the interface has no MAC address")?;
        let target = match self.eth.1 {
            Some(target) => target,
            None => {
                let way = ways.to(destination).map_err(|error| error.to_string())?;
                ways.macs(&way, self.interrupt).map_err(|error| error.to_string())?.1
            }
        };
        let ethertype: [u8; 2] = if destination.is_ipv4() { [0x08, 0x00] } else { [0x86, 0xdd] };
        let mut header = [0; 14];
        let octets = target.into_iter().chain(source).chain(ethertype);
        header.iter_mut().zip(octets).for_each(|(to, octet)| *to = octet);
        Ok(header)
    }

    /// The addresses of the outermost IP or ARP layer.
    fn addresses(&mut self, octets: &[u8], link_type: LinkType) -> Option<Ip> {
        dissect(octets, link_type, &mut self.table);
        let is_ip = |name: &str| matches!(name, "ip" | "ipv6" | "arp");
        let entry = self.table.entries().iter().find(|entry| is_ip(registry().get(entry.protocol).name))?;
        let protocol = registry().get(entry.protocol);
        let is_arp = protocol.name == "arp";
        let (mut source, mut destination) = (None, None);
        walk_layer(octets, entry, protocol, &mut |event| {
            let Event::Field { field, value, .. } = event else { return };
            let address: IpAddr = match value {
                ValueRef::Ipv4(address) => address.into(),
                ValueRef::Ipv6(address) => address.into(),
                _ => return,
            };
            match field.name {
                "src" | "src.proto_ipv4" => source = source.or(Some(address)),
                "dst" | "dst.proto_ipv4" => destination = destination.or(Some(address)),
                _ => {}
            }
        });
        let octets = entry.start as usize..entry.end as usize;
        Some(Ip { source: source?, destination: destination?, octets, is_arp })
    }
}

/// What a packet socket wants at least.
const ETHERNET_LEN: usize = 14;
/// Destinations whose MAC addresses are remembered.
const REMEMBERED: usize = 4096;
