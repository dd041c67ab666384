//! Routes: which way a packet goes, and adding ways.

use std::net::{IpAddr, Ipv4Addr};

use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::route::{
    RouteAttribute, RouteHeader, RouteMessage, RouteNextHop, RouteProtocol, RouteScope, RouteType,
};

use super::address::family;
use super::attributes::{self, Attributes};
use super::error::{Blocked, NetlinkError};
use super::socket::Netlink;

/// What to look up a route for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RouteQuery {
    /// Where the packet goes.
    pub destination: IpAddr,
    /// Which source address it has, where that is decided already.
    pub source: Option<IpAddr>,
    /// Which interface it must leave by, by index. Link-local IPv6 destinations need one.
    pub interface: Option<u32>,
    /// The mark that it has (`SO_MARK` in socket(7)), which rules of routing may look at.
    pub mark: Option<u32>,
}

impl From<IpAddr> for RouteQuery {
    fn from(destination: IpAddr) -> Self {
        Self { destination, source: None, interface: None, mark: None }
    }
}

/// The way that the kernel would send a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    /// Index of the interface that it leaves by.
    pub interface: u32,
    /// The source address that the kernel would choose; `None` where the interface has none of that family.
    pub source: Option<IpAddr>,
    /// The router on the way; `None` when the destination is on the link. May be IPv6 for an IPv4 destination
    /// (RFC 8950).
    pub gateway: Option<IpAddr>,
    /// Path MTU in octets, where the route or the path has its own; else the interface's holds.
    pub mtu: Option<u32>,
    /// Unicast, local, broadcast, multicast or anycast.
    pub kind: RouteType,
}

impl Route {
    /// Whether all hosts of a network hear what goes to this destination by this route. No address but 255.255.255.255 tells that by
    /// itself.
    pub fn is_broadcast(&self, destination: IpAddr) -> bool {
        self.kind == RouteType::Broadcast || destination == IpAddr::V4(Ipv4Addr::BROADCAST)
    }

    /// Whose hardware address the frame needs: the router's, the destination's own, or for the broadcast address of a network
    /// everybody's (255.255.255.255).
    pub fn next_hop(&self, destination: IpAddr) -> IpAddr {
        match self.kind {
            RouteType::Broadcast => Ipv4Addr::BROADCAST.into(),
            _ => self.gateway.unwrap_or(destination),
        }
    }

    /// `struct rtmsg` and its attributes. The type may be one that blocks.
    pub(super) fn read(payload: &[u8]) -> Option<Self> {
        let header = RouteHeader::parse(payload).ok()?;
        let attributes = Attributes::behind(payload, RTMSG_LEN);
        // RTA_VIA is a gateway of another family: two octets of family, then the address (`struct rtvia`).
        let via = attributes.get(RTA_VIA).and_then(|octets| octets.get(2..)).and_then(attributes::ip);
        Some(Self {
            interface: attributes.number(libc::RTA_OIF).unwrap_or_default(),
            source: attributes.ip(libc::RTA_PREFSRC),
            gateway: attributes.ip(libc::RTA_GATEWAY).or(via),
            mtu: attributes.nested(libc::RTA_METRICS).and_then(|metrics| metrics.number(RTAX_MTU)),
            kind: header.kind,
        })
    }
}

/// A route to add.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRoute {
    /// The network that it leads to; a prefix of 0 bits is the default route.
    pub network: IpAddr,
    /// Length of the network's prefix, in bits.
    pub prefix_bits: u8,
    /// What happens to packets: [`RouteType::Unicast`], or one of the types that block.
    pub kind: RouteType,
    /// The routers, each of which must be on a link already. Several share what goes there.
    pub gateways: Vec<IpAddr>,
}

impl Netlink {
    /// Asks which way a packet would go. Policy rules, VRFs and multipath are the kernel's to decide.
    ///
    /// # Errors
    /// [`NetlinkError::NoRoute`] when none leads there, [`NetlinkError::Blocked`] when one forbids it, and
    /// [`NetlinkError::Refused`] for what else the kernel objects to, such as a foreign source address.
    pub fn route(&mut self, query: &RouteQuery) -> Result<Route, NetlinkError> {
        let destination = query.destination;
        let mut found = None;
        let call = format!("look up the route to {destination}");
        let answer = self.ask(&call, question(query), |payload| found = Route::read(payload));
        if let Err(error) = answer {
            return Err(verdict(error, query));
        }
        let route = found.ok_or(NetlinkError::NoRoute { destination })?;
        // Some kernels answer about IPv6 with the blocking route itself, where IPv4 answers with its error number.
        match blocked(route.kind) {
            Some(how) => Err(NetlinkError::Blocked { destination, how }),
            None => Ok(route),
        }
    }

    /// Adds a route to the main table.
    ///
    /// # Errors
    /// [`NetlinkError::Refused`], without CAP_NET_ADMIN, when it is there already, or when its router is on no link.
    pub fn add_route(&mut self, route: &NewRoute) -> Result<(), NetlinkError> {
        let mut request = RouteMessage::default();
        request.header.address_family = family(route.network);
        request.header.destination_prefix_length = route.prefix_bits;
        request.header.table = RouteHeader::RT_TABLE_MAIN;
        request.header.protocol = RouteProtocol::Static;
        request.header.scope = RouteScope::Universe;
        request.header.kind = route.kind;
        request.attributes.push(RouteAttribute::Destination(route.network.into()));
        request.attributes.extend(gateways(&route.gateways));
        let call = format!("add the route to {}/{}", route.network, route.prefix_bits);
        self.change(&call, RouteNetlinkMessage::NewRoute(request), NLM_F_CREATE | NLM_F_EXCL)
    }
}

/// One router is an attribute of the route; several are next hops, each with an attribute of its own.
fn gateways(gateways: &[IpAddr]) -> Option<RouteAttribute> {
    let hop = |gateway: &IpAddr| {
        let mut hop = RouteNextHop::default();
        hop.attributes.push(RouteAttribute::Gateway((*gateway).into()));
        hop
    };
    match gateways {
        [] => None,
        [one] => Some(RouteAttribute::Gateway((*one).into())),
        several => Some(RouteAttribute::MultiPath(several.iter().map(hop).collect())),
    }
}

fn question(query: &RouteQuery) -> RouteNetlinkMessage {
    let mut request = RouteMessage::default();
    let bits = |address: IpAddr| if address.is_ipv4() { 32 } else { 128 };
    request.header.address_family = family(query.destination);
    request.header.destination_prefix_length = bits(query.destination);
    request.attributes.push(RouteAttribute::Destination(query.destination.into()));
    if let Some(source) = query.source {
        request.header.source_prefix_length = bits(source);
        request.attributes.push(RouteAttribute::Source(source.into()));
    }
    request.attributes.extend(query.interface.map(RouteAttribute::Oif));
    request.attributes.extend(query.mark.map(RouteAttribute::Mark));
    RouteNetlinkMessage::GetRoute(request)
}

/// What the error numbers of a lookup mean (`net/ipv4/fib_semantics.c`, `fib_props`).
fn verdict(error: NetlinkError, query: &RouteQuery) -> NetlinkError {
    let destination = query.destination;
    let plain = query.source.is_none() && query.interface.is_none();
    match error.raw_os_error() {
        Some(libc::ENETUNREACH) => NetlinkError::NoRoute { destination },
        Some(libc::EHOSTUNREACH) => NetlinkError::Blocked { destination, how: Blocked::Unreachable },
        Some(libc::EACCES) => NetlinkError::Blocked { destination, how: Blocked::Prohibit },
        // A source address or an interface may be the invalid argument; a destination is not.
        Some(libc::EINVAL) if plain => NetlinkError::Blocked { destination, how: Blocked::Blackhole },
        _ => error,
    }
}

fn blocked(kind: RouteType) -> Option<Blocked> {
    match kind {
        RouteType::BlackHole => Some(Blocked::Blackhole),
        RouteType::Unreachable => Some(Blocked::Unreachable),
        RouteType::Prohibit => Some(Blocked::Prohibit),
        RouteType::Throw => Some(Blocked::Throw),
        _ => None,
    }
}

/// `sizeof(struct rtmsg)`.
const RTMSG_LEN: usize = 12;
/// linux/rtnetlink.h; the libc crate has it for GNU libc alone.
const RTA_VIA: u16 = 18;
/// The MTU among a route's metrics (`linux/rtnetlink.h`).
const RTAX_MTU: u16 = 2;

#[cfg(test)]
mod tests {
    use std::net::Ipv6Addr;

    use super::*;

    #[test]
    fn the_way_to_loopback_is_local() {
        let mut netlink = Netlink::open().unwrap();
        let lo = netlink.link("lo").unwrap();
        let destination = IpAddr::from([127, 0, 0, 2]);
        let route = netlink.route(&destination.into()).unwrap();
        assert_eq!((route.interface, route.kind, route.gateway), (lo.index, RouteType::Local, None));
        assert!(route.source.is_some());
        assert_eq!(route.next_hop(destination), destination);
    }

    #[test]
    fn error_numbers_become_verdicts() {
        let plain = RouteQuery::from(IpAddr::from([10, 0, 0, 1]));
        let bound = RouteQuery { interface: Some(1), ..plain };
        let refused = |code| NetlinkError::Refused {
            call: "look up".to_owned(),
            source: std::io::Error::from_raw_os_error(code),
            detail: None,
        };
        assert!(matches!(verdict(refused(libc::ENETUNREACH), &plain), NetlinkError::NoRoute { .. }));
        let prohibited = verdict(refused(libc::EACCES), &bound);
        assert!(matches!(prohibited, NetlinkError::Blocked { how: Blocked::Prohibit, .. }), "{prohibited}");
        let discarded = verdict(refused(libc::EINVAL), &plain);
        assert!(matches!(discarded, NetlinkError::Blocked { how: Blocked::Blackhole, .. }), "{discarded}");
        assert!(matches!(verdict(refused(libc::EINVAL), &bound), NetlinkError::Refused { .. }));
    }

    /// `ip route add 10.9.0.0/16 via inet6 fe80::1 dev x mtu 1400`, as the kernel answers about it.
    #[test]
    fn a_gateway_of_the_other_family_and_a_metric_are_read() {
        let mut payload = vec![2, 32, 0, 0, 254, 0, 0, 1, 0, 0, 0, 0];
        let mut attribute = |kind: u16, value: &[u8]| {
            let length = u16::try_from(value.len() + 4).unwrap();
            payload.extend([length, kind].map(u16::to_ne_bytes).concat());
            payload.extend(value);
            payload.resize(payload.len().next_multiple_of(4), 0);
        };
        let gateway: Ipv6Addr = "fe80::1".parse().unwrap();
        attribute(libc::RTA_OIF, &5_u32.to_ne_bytes());
        attribute(RTA_VIA, &[&10_u16.to_ne_bytes()[..], &gateway.octets()].concat());
        attribute(libc::RTA_METRICS, &[&[8, 0, 2, 0][..], &1400_u32.to_ne_bytes()].concat());
        let route = Route::read(&payload).unwrap();
        assert_eq!((route.interface, route.gateway), (5, Some(gateway.into())));
        #[cfg(target_endian = "little")]
        assert_eq!(route.mtu, Some(1400));
    }
}
