//! Tests for addresses: hosts, networks, and what else may stand where an address does.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::code::Code;
use super::generator::{Generated, Generator};
use super::link::{self, Link};
use super::mistake::Mistake;
use super::names;
use super::syntax::{Direction, Id, Kind, Mask, Protocol, Qualifiers};
use crate::diagnostic::nearest::nearest;
use crate::wire::bpf;

/// Where two addresses are in a header.
#[derive(Clone, Copy)]
struct Places {
    source: u32,
    destination: u32,
}

impl Generator<'_> {
    /// An address, number or name behind its words.
    pub(super) fn id(&mut self, qualifiers: Qualifiers, id: &Id) -> Generated {
        match id {
            Id::Number(number) => self.number(qualifiers, *number),
            Id::Name(name) => self.name(qualifiers, name),
            Id::Ipv4 { address, mask: None } => self.ipv4(qualifiers, address),
            Id::Ipv4 { address, mask: Some(mask) } => self.masked_ipv4(qualifiers, address, mask),
            Id::Ipv6 { address, prefix_len } => self.ipv6(qualifiers, *address, *prefix_len),
            Id::Ethernet(address) => self.ethernet(qualifiers, *address),
            Id::Arcnet(_) => {
                Err(Mistake::LinkType { what: "ARCnet address", link_type: self.target.link_type })
            }
        }
    }

    fn number(&mut self, qualifiers: Qualifiers, number: u32) -> Generated {
        let Qualifiers { protocol, direction, kind } = qualifiers;
        match kind {
            Some(Kind::Port | Kind::PortRange) => self.ports(qualifiers, number, number),
            Some(Kind::Protocol) => {
                self.no_direction(direction)?;
                self.carries(protocol, number)
            }
            Some(Kind::ProtocolChain) => {
                self.no_direction(direction)?;
                self.protocol_chain(protocol, number)
            }
            Some(Kind::Net) => {
                // `net 10` is 10.0.0.0/8: the number is the first octets.
                let shift = if number == 0 { 0 } else { number.leading_zeros() / 8 * 8 };
                self.ipv4_hosts(qualifiers, number << shift, u32::MAX << shift)
            }
            Some(Kind::Gateway) => Err(gateway()),
            None | Some(Kind::Host) => self.ipv4_hosts(qualifiers, number, u32::MAX),
        }
    }

    /// A whole IPv4 address, or its first octets.
    fn ipv4(&self, qualifiers: Qualifiers, text: &str) -> Generated {
        if let Some(kind @ (Kind::Port | Kind::PortRange | Kind::Protocol | Kind::ProtocolChain)) =
            qualifiers.kind
        {
            return Err(Mistake::kind_for_address(kind, "an address"));
        }
        if qualifiers.protocol == Some(Protocol::Decnet) {
            return self.decnet_hosts(qualifiers.direction, text);
        }
        let (address, mask) = first_octets(text)?;
        self.ipv4_hosts(qualifiers, address, mask)
    }

    fn masked_ipv4(&self, qualifiers: Qualifiers, text: &str, mask: &Mask) -> Generated {
        let (address, _) = first_octets(text)?;
        let mask = match mask {
            Mask::PrefixLen(len @ 0..=32) => u32::MAX.checked_shl(32_u32.saturating_sub(*len)).unwrap_or(0),
            Mask::PrefixLen(len) => return Err(prefix_too_long(*len, 32)),
            Mask::Address(mask) => first_octets(mask)?.0,
        };
        if address & !mask != 0 {
            return Err(Mistake::BitsOutsideMask { address: text.to_owned() });
        }
        match qualifiers.kind {
            Some(Kind::Net) => self.ipv4_hosts(qualifiers, address, mask),
            kind => Err(Mistake::kind_for_address(kind.unwrap_or(Kind::Host), "an address with a mask")),
        }
    }

    fn ipv6(&self, qualifiers: Qualifiers, address: Ipv6Addr, prefix_len: Option<u32>) -> Generated {
        let len = prefix_len.unwrap_or(128);
        if len > 128 {
            return Err(prefix_too_long(len, 128));
        }
        let mask = u128::MAX.checked_shl(128_u32.saturating_sub(len)).unwrap_or(0);
        if u128::from(address) & !mask != 0 {
            return Err(Mistake::BitsOutsideMask { address: address.to_string() });
        }
        match qualifiers.kind {
            Some(Kind::Net) => self.ipv6_hosts(qualifiers, address, mask),
            None | Some(Kind::Host) if len == 128 => self.ipv6_hosts(qualifiers, address, mask),
            None | Some(Kind::Host) => Err(Mistake::kind_for_address(Kind::Host, "an address with a mask")),
            Some(kind) => Err(Mistake::kind_for_address(kind, "an address")),
        }
    }

    fn ethernet(&self, qualifiers: Qualifiers, address: [u8; 6]) -> Generated {
        let Qualifiers { protocol: Some(Protocol::Link), direction, kind: None | Some(Kind::Host) } =
            qualifiers
        else {
            let mistake = Mistake::Unexpected {
                found: "an Ethernet address".to_owned(),
                expected: "`ether host`, `ether src` or `ether dst` before it",
            };
            return Err(mistake);
        };
        if self.link != Link::Ethernet {
            return Err(Mistake::LinkType { what: "ether host", link_type: self.target.link_type });
        }
        let [a, b, c, d, e, f] = address;
        let is = |place: u32| {
            let last = self.link_header.load(place.wrapping_add(2), bpf::W);
            let first = self.link_header.load(place, bpf::H);
            let first_number = u32::from(u16::from_be_bytes([a, b]));
            Code::equal(last, u32::from_be_bytes([c, d, e, f])).and(Code::equal(first, first_number))
        };
        let addresses = self.each(direction, Places { source: 6, destination: 0 }, |place| Ok(is(place)))?;
        Ok(self.behind_tunnel(addresses))
    }

    fn name(&mut self, qualifiers: Qualifiers, name: &str) -> Generated {
        let Qualifiers { protocol, direction, kind } = qualifiers;
        match kind {
            Some(Kind::Port) => self.service(qualifiers, name),
            Some(Kind::PortRange) => self.services(qualifiers, name),
            Some(Kind::Protocol) => {
                self.no_direction(direction)?;
                self.carries(protocol, protocol_number(protocol, name)?)
            }
            Some(Kind::ProtocolChain) => {
                self.no_direction(direction)?;
                self.protocol_chain(protocol, protocol_number(protocol, name)?)
            }
            Some(Kind::Gateway) => Err(gateway()),
            Some(Kind::Net) => {
                let Some(number) = self.target.names.network(name) else {
                    return Err(Mistake::UnknownName {
                        what: "network",
                        name: name.to_owned(),
                        nearest: None,
                    });
                };
                self.number(qualifiers, number)
            }
            None | Some(Kind::Host) if protocol == Some(Protocol::Link) => {
                let Some(address) = self.target.names.ethernet(name) else {
                    return Err(Mistake::UnknownName {
                        what: "Ethernet host",
                        name: name.to_owned(),
                        nearest: None,
                    });
                };
                self.ethernet(qualifiers, address)
            }
            None | Some(Kind::Host) => self.host(qualifiers, name),
        }
    }

    /// All addresses of a host that the words allow.
    fn host(&self, qualifiers: Qualifiers, name: &str) -> Generated {
        let addresses = self.target.names.host(name);
        let addresses = addresses.map_err(|why| Mistake::NoAddress { name: name.to_owned(), why })?;
        let mut any: Option<Code> = None;
        for address in addresses {
            let code = match (address, qualifiers.protocol) {
                (IpAddr::V4(_), Some(Protocol::Ip6)) | (IpAddr::V6(_), Some(Protocol::Ip)) => continue,
                (IpAddr::V4(address), _) => self.ipv4_hosts(qualifiers, address.into(), u32::MAX)?,
                (IpAddr::V6(address), _) => self.ipv6_hosts(qualifiers, address, u128::MAX)?,
            };
            any = Some(match any {
                Some(before) => before.or(code),
                None => code,
            });
        }
        any.ok_or_else(|| Mistake::UnknownName { what: "host", name: name.to_owned(), nearest: None })
    }

    /// Packets from or to the IPv4 addresses that a mask leaves; ARP says them too.
    fn ipv4_hosts(&self, qualifiers: Qualifiers, address: u32, mask: u32) -> Generated {
        let Qualifiers { protocol, direction, kind } = qualifiers;
        if kind == Some(Kind::Gateway) {
            return Err(gateway());
        }
        let hosts = |ethertype, places| {
            self.each(direction, places, |place| {
                let field = self.payload.plus(self.network).load(place, bpf::W);
                Ok(self.has_ethertype(ethertype)?.and(Code::masked(field, mask, address)))
            })
        };
        let ip = Places { source: 12, destination: 16 };
        let arp = Places { source: 14, destination: 24 };
        match protocol {
            None if self.mpls_depth > 0 => hosts(link::IP, ip),
            None => Ok(hosts(link::IP, ip)?.or(hosts(link::ARP, arp)?).or(hosts(link::REVERSE_ARP, arp)?)),
            Some(Protocol::Ip) => hosts(link::IP, ip),
            Some(Protocol::Arp) => hosts(link::ARP, arp),
            Some(Protocol::Rarp) => hosts(link::REVERSE_ARP, arp),
            Some(protocol) => Err(Mistake::protocol_before(protocol, "an IPv4 address")),
        }
    }

    fn ipv6_hosts(&self, qualifiers: Qualifiers, address: Ipv6Addr, mask: u128) -> Generated {
        let (None | Some(Protocol::Ip6)) = qualifiers.protocol else {
            let protocol = qualifiers.protocol.unwrap_or(Protocol::Ip6);
            return Err(Mistake::protocol_before(protocol, "an IPv6 address"));
        };
        let places = Places { source: 8, destination: 24 };
        self.each(qualifiers.direction, places, |place| {
            let mut code = self.has_ethertype(link::IPV6)?;
            for word in [0_u32, 4, 8, 12] {
                let shift = 96_u32.saturating_sub(word.saturating_mul(8));
                let field = self.payload.plus(self.network).load(place.wrapping_add(word), bpf::W);
                // All 128 bits are asked for in this order, as far as the mask reaches.
                let (mask, address) = ((mask >> shift) as u32, (u128::from(address) >> shift) as u32);
                if mask != 0 {
                    code = code.and(Code::masked(field, mask, address));
                }
            }
            Ok(code)
        })
    }

    /// DECnet phase IV: `area.node`, little-endian, in headers of a short and a long form, which may have an octet of padding
    /// before them (DECnet Routing Layer Functional Specification).
    fn decnet_hosts(&self, direction: Option<Direction>, text: &str) -> Generated {
        let malformed = || Mistake::Malformed { what: "DECnet address", text: text.to_owned() };
        let (area, node) = text.split_once('.').ok_or_else(malformed)?;
        let (area, node): (u16, u16) = area
            .parse()
            .ok()
            .zip(node.parse().ok())
            .filter(|(a, n)| *a < 64 && *n < 1024)
            .ok_or_else(malformed)?;
        let address = u32::from((area << 10 | node).swap_bytes());
        let network = self.payload.plus(self.network);
        // Places of the address in a header of the long form; in the short form they are 1 and 3.
        self.each(direction, Places { source: 15, destination: 7 }, |long| {
            let short = if long == 15 { 3 } else { 1 };
            let padded = |flags, place: u32| {
                Code::masked(network.load(2, bpf::H), 0xff07, flags)
                    .and(Code::equal(network.load(place.wrapping_add(3), bpf::H), address))
            };
            let plain = |flags, place: u32| {
                Code::masked(network.load(2, bpf::B), 0x07, flags)
                    .and(Code::equal(network.load(place.wrapping_add(2), bpf::H), address))
            };
            let any =
                padded(0x8106, long).or(plain(0x06, long)).or(padded(0x8102, short)).or(plain(0x02, short));
            Ok(self.has_ethertype(link::DECNET)?.and(any))
        })
    }

    /// A test of one place or of both, by the direction.
    fn each(
        &self,
        direction: Option<Direction>,
        places: Places,
        test: impl Fn(u32) -> Generated,
    ) -> Generated {
        let Places { source, destination } = places;
        match direction {
            Some(Direction::Source) => test(source),
            Some(Direction::Destination) => test(destination),
            Some(Direction::Both) => Ok(test(source)?.and(test(destination)?)),
            None | Some(Direction::Either) => Ok(test(source)?.or(test(destination)?)),
        }
    }

    fn no_direction(&self, direction: Option<Direction>) -> Result<(), Mistake> {
        match direction {
            None => Ok(()),
            Some(Direction::Destination) => Err(Mistake::Qualifier { qualifier: "dst", what: "`proto`" }),
            Some(_) => Err(Mistake::Qualifier { qualifier: "src", what: "`proto`" }),
        }
    }
}

fn gateway() -> Mistake {
    let why = "write `ether host ADDRESS and not host ADDRESS`";
    Mistake::Unsupported { what: "gateway".to_owned(), why }
}

fn prefix_too_long(len: u32, most: u32) -> Mistake {
    Mistake::TooLarge { what: "length of the prefix", number: len.to_string(), most }
}

/// The first octets of an IPv4 address, in decimal, and the mask of as many.
fn first_octets(text: &str) -> Result<(u32, u32), Mistake> {
    let malformed = || Mistake::Malformed { what: "IPv4 address", text: text.to_owned() };
    let mut octets = [0; 4];
    let mut count: u32 = 0;
    for part in text.split('.') {
        let octet = octets.get_mut(count as usize).ok_or_else(malformed)?;
        *octet = part.parse::<u8>().map_err(|_| malformed())?;
        count = count.saturating_add(1);
    }
    let missing = 32_u32.saturating_sub(count.saturating_mul(8));
    Ok((Ipv4Addr::from(octets).into(), u32::MAX.checked_shl(missing).unwrap_or(0)))
}

fn protocol_number(protocol: Option<Protocol>, name: &str) -> Result<u32, Mistake> {
    let unknown = |what, nearest: Option<&str>| Mistake::UnknownName {
        what,
        name: name.to_owned(),
        nearest: nearest.map(str::to_owned),
    };
    match protocol {
        Some(Protocol::Link) => names::ether_protocol(name)
            .ok_or_else(|| unknown("link-layer protocol", nearest(name, names::ether_protocol_names()))),
        Some(Protocol::Iso) => match name {
            "clnp" => Ok(0x81),
            "esis" => Ok(0x82),
            "isis" => Ok(0x83),
            _ => Err(unknown("OSI protocol", nearest(name, ["clnp", "esis", "isis"]))),
        },
        _ => names::ip_protocol(name)
            .ok_or_else(|| unknown("IP protocol", nearest(name, names::ip_protocol_names()))),
    }
}
