//! The pseudo header that TCP, UDP and ICMPv6 checksums cover: RFC 9293 §3.1, RFC 768, RFC 8200 §8.1.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::auto::Scope;
use super::{ip, ipv6, ipv6_extension, ipv6_routing, registry};
use crate::wire::checksum::InternetChecksum;

/// The addresses and the protocol number of a pseudo header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PseudoHeader {
    addresses: Addresses,
    protocol: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Addresses {
    V4(Ipv4Addr, Ipv4Addr),
    V6(Ipv6Addr, Ipv6Addr),
}

impl PseudoHeader {
    /// The pseudo header for the layer of `scope`, from the nearest IP layer below it; `None` when there is none.
    pub fn below(scope: &Scope<'_>) -> Option<Self> {
        let protocol = scope.protocol()?.ip_number?;
        let (mut home, mut routing) = (None, None);
        for (index, entry) in scope.table.below(scope.index) {
            let header = Scope::of_layer(scope.packet, scope.table, index).region();
            match registry().get(entry.protocol).name {
                ip::NAME => {
                    let (source, destination) = ip::end_points(header)?;
                    return Some(Self { addresses: Addresses::V4(source, destination), protocol });
                }
                ipv6::NAME => {
                    let (source, destination) = ipv6::addresses(header)?;
                    let last_hop =
                        routing.and_then(|header| ipv6_routing::final_destination(header, destination));
                    let addresses = Addresses::V6(home.unwrap_or(source), last_hop.unwrap_or(destination));
                    return Some(Self { addresses, protocol });
                }
                ipv6_routing::NAME => routing = routing.or(Some(header)),
                ipv6_extension::DESTINATION => home = home.or(ipv6_extension::home_address(header)),
                _ => {}
            }
        }
        None
    }

    /// Whether it is IPv6's.
    pub fn is_ipv6(self) -> bool {
        matches!(self.addresses, Addresses::V6(..))
    }

    /// Who sent the layer, and whom it is for: the last destination of a routing header, and the home address of who is away.
    pub fn ends(self) -> (IpAddr, IpAddr) {
        match self.addresses {
            Addresses::V4(source, destination) => (source.into(), destination.into()),
            Addresses::V6(source, destination) => (source.into(), destination.into()),
        }
    }

    /// The sum of the pseudo header of a layer of `len` octets.
    pub fn sum(self, len: usize) -> InternetChecksum {
        let sum = InternetChecksum::default();
        let sum = match self.addresses {
            Addresses::V4(source, destination) => {
                sum.add_octets(&source.octets()).add_octets(&destination.octets())
            }
            Addresses::V6(source, destination) => {
                sum.add_octets(&source.octets()).add_octets(&destination.octets())
            }
        };
        sum.add_u32(u32::try_from(len).unwrap_or(u32::MAX)).add_u16(u16::from(self.protocol))
    }
}
