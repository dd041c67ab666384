//! The ways to the hosts that a ping asks.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::exchange::drive::icmp::Path;
use crate::sys::netlink::{Link, Netlink, RouteQuery};
use crate::sys::path_socket::path_to;

/// Finds ways.
pub(super) struct Paths {
    source: Option<IpAddr>,
    interface_index: Option<u32>,
    mark: Option<u32>,
    /// One way stands for that of each IPv4 host.
    is_for_all: bool,
    netlink: Option<Netlink>,
    links: HashMap<u32, Link>,
    own: Option<HashSet<IpAddr>>,
}

/// Octets of payload that pass everywhere: packets of 576 octets (RFC 791 §3.1).
pub(super) const SMALL: u32 = 500;

impl Paths {
    /// Ways that begin at this address and by this interface, where they are given.
    pub(super) fn new(source: Option<IpAddr>, interface_index: Option<u32>, is_for_all: bool) -> Self {
        let (netlink, links) = (None, HashMap::new());
        Self { source, interface_index, mark: None, is_for_all, netlink, links, own: None }
    }

    /// Those of packets that have this mark.
    pub(super) fn of_mark(self, mark: Option<u32>) -> Self {
        Self { mark, ..self }
    }

    /// Whether the address that they begin at is given.
    pub(super) fn has_source(&self) -> bool {
        self.source.is_some()
    }

    /// Whether an address is this host's own.
    pub(super) fn is_own(&mut self, address: IpAddr) -> Result<bool, Box<dyn std::error::Error>> {
        if address.is_loopback() {
            return Ok(true);
        }
        if self.own.is_none() {
            let addresses = self.netlink()?.addresses()?;
            self.own = Some(addresses.into_iter().map(|own| own.address).collect());
        }
        Ok(self.own.as_ref().is_some_and(|own| own.contains(&address)))
    }

    fn netlink(&mut self) -> Result<&mut Netlink, Box<dyn std::error::Error>> {
        if self.netlink.is_none() {
            self.netlink = Some(Netlink::open()?);
        }
        self.netlink.as_mut().ok_or_else(|| "netlink is not open".into())
    }

    /// Looks up the way to an address, and whether it is a broadcast.
    pub(super) fn to(&mut self, to: SocketAddr) -> Result<(Path, bool), Box<dyn std::error::Error>> {
        let (address, scope, mark) = (to.ip(), address_scope(&to), self.mark);
        let interface = self.interface_index.or(scope);
        let source = self.source.filter(|source| source.is_ipv4() == address.is_ipv4());
        // Of thousands of hosts, the kernel finds the way when it sends, and fills in the source (raw(7)).
        if self.is_for_all && address.is_ipv4() && interface.is_none() {
            let source = source.unwrap_or(Ipv4Addr::UNSPECIFIED.into());
            return Ok((Path { mtu: usize::from(u16::MAX), interface: 0, source }, false));
        }
        // What a socket cannot be connected to, netlink knows more about: broadcasts, and why none leads there.
        if self.interface_index.is_none()
            && let Ok(known) = path_to(to, source, mark)
        {
            let mtu = usize::try_from(known.mtu).unwrap_or(usize::MAX);
            return Ok((Path { mtu, interface: scope.unwrap_or(0), source: known.source }, false));
        }
        let route = self.netlink()?.route(&RouteQuery { destination: address, source, interface, mark })?;
        let link = match self.links.get(&route.interface) {
            Some(link) => link.clone(),
            None => self.netlink()?.link_by_index(route.interface)?,
        };
        let source = source
            .or(route.source)
            .ok_or_else(|| format!("interface {} has no address to send from", link.name))?;
        let mtu = route.mtu.unwrap_or(link.mtu) as usize;
        self.links.insert(route.interface, link);
        let path = Path { mtu, interface: interface.unwrap_or(0), source };
        Ok((path, route.is_broadcast(address)))
    }
}

/// The interface that a link-local address names (`fe80::1%eth0`).
fn address_scope(address: &SocketAddr) -> Option<u32> {
    match address {
        SocketAddr::V6(address) if address.scope_id() != 0 => Some(address.scope_id()),
        _ => None,
    }
}
