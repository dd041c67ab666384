//! The hosts' interfaces, addresses and routes, set over netlink from inside each host's network namespace.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsFd, OwnedFd};
use std::thread;
use std::time::Duration;

use crate::sys::ethtool;
use crate::sys::netlink::{Netlink, NewRoute, RouteType, VethEnd};

use super::topology::{DEAD_ENDS, Interface, PREFIX_BITS_V4, PREFIX_BITS_V6, addresses};
use super::{Host, LabError, Plan, kernel_settings};

/// Makes a new network namespace fit for use: the kernel's settings, and loopback. Settings first: interfaces take the
/// defaults that hold when they are made.
///
/// # Errors
/// When a setting cannot be changed or loopback not be switched on.
pub fn prepare(host: Host) -> Result<(), LabError> {
    kernel_settings::apply(host)?;
    let mut netlink = Netlink::open()?;
    let loopback = netlink.link("lo")?;
    Ok(netlink.set_up(loopback.index)?)
}

/// Makes the cables whose left end is on this host. `networks` are the hosts' network namespaces, in the order of
/// [`Plan::hosts`].
///
/// # Errors
/// When the kernel refuses.
pub fn plug_in(plan: &Plan, host: Host, networks: &[OwnedFd]) -> Result<(), LabError> {
    let mut netlink = Netlink::open()?;
    for cable in plan.cables.iter().filter(|cable| cable.left.host == host) {
        let far = plan.hosts.iter().zip(networks).find(|(owner, _)| **owner == cable.right.host);
        if let Some((_, network)) = far {
            netlink.create_veth(end(&cable.left), end(&cable.right), network.as_fd())?;
        }
    }
    Ok(())
}

/// Gives this host's interfaces their addresses, switches them on, and adds the routes.
///
/// # Errors
/// When the kernel refuses.
pub fn configure(plan: &Plan, host: Host) -> Result<(), LabError> {
    let mut netlink = Netlink::open()?;
    for interface in plan.interfaces(host) {
        // Checksums that the hardware would fill in are still missing when a capture sees the packet; a veth never does.
        ethtool::finish_packets_in_software(interface.name)
            .map_err(|source| LabError::Offload { interface: interface.name, source })?;
        for address in usable(interface.addresses()) {
            netlink.add_address(interface.index, address, prefix_bits(address))?;
        }
        netlink.set_up(interface.index)?;
    }
    add_ways(plan, host, &mut netlink)?;
    if host == Host::Router {
        add_dead_ends(&mut netlink)?;
    }
    Ok(())
}

/// Waits until this host's cables carry: both ends are on, and the kernel has taken notice.
///
/// # Errors
/// [`LabError::Slow`] when that takes unreasonably long.
pub fn await_carrier(plan: &Plan, host: Host) -> Result<(), LabError> {
    let mut netlink = Netlink::open()?;
    for interface in plan.interfaces(host) {
        let mut patience = PATIENCE;
        while !carries(plan, &mut netlink, interface)? {
            patience =
                patience.checked_sub(GLANCE).ok_or(LabError::Slow { host, interface: interface.name })?;
            thread::sleep(GLANCE);
        }
    }
    Ok(())
}

/// IPv6 adds the route to the cable's network only when the link is up, and the kernel says that it is up a moment
/// before.
fn carries(plan: &Plan, netlink: &mut Netlink, interface: &Interface) -> Result<bool, LabError> {
    let far = plan.far_end(interface).map(|far| usable(far.addresses()));
    let direct =
        |address: IpAddr| matches!(netlink.route(&address.into()), Ok(route) if route.gateway.is_none());
    let reached = far.into_iter().flatten().all(direct);
    Ok(reached && netlink.link_by_index(interface.index)?.is_running())
}

fn add_ways(plan: &Plan, host: Host, netlink: &mut Netlink) -> Result<(), LabError> {
    for way in plan.ways.iter().filter(|way| way.host == host) {
        let (v4, v6) = match way.network {
            Some(network) => addresses(network, 0),
            None => (Ipv4Addr::UNSPECIFIED, Ipv6Addr::UNSPECIFIED),
        };
        for network in usable([v4.into(), v6.into()]) {
            let gateways = if network.is_ipv4() { way.by_v4() } else { way.by_v6() };
            let prefix_bits = if way.network.is_some() { prefix_bits(network) } else { 0 };
            netlink.add_route(&NewRoute { network, prefix_bits, kind: RouteType::Unicast, gateways })?;
        }
    }
    Ok(())
}

fn add_dead_ends(netlink: &mut Netlink) -> Result<(), LabError> {
    for dead_end in &DEAD_ENDS {
        let kind = if dead_end.answers { RouteType::Prohibit } else { RouteType::BlackHole };
        for address in usable([dead_end.v4.into(), dead_end.v6.into()]) {
            let prefix_bits = prefix_bits(address);
            netlink.add_route(&NewRoute {
                network: network(address),
                prefix_bits,
                kind,
                gateways: Vec::new(),
            })?;
        }
    }
    Ok(())
}

/// Without IPv6 in the kernel the lab has IPv4 alone.
fn usable(addresses: [IpAddr; 2]) -> impl Iterator<Item = IpAddr> {
    let v6 = kernel_settings::has_ipv6();
    addresses.into_iter().filter(move |address| address.is_ipv4() || v6)
}

fn end(interface: &Interface) -> VethEnd<'static> {
    VethEnd { name: interface.name, mac: interface.mac, index: interface.index }
}

fn prefix_bits(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => PREFIX_BITS_V4,
        IpAddr::V6(_) => PREFIX_BITS_V6,
    }
}

/// The address with the bits behind its prefix cleared.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(address) => {
            IpAddr::from((address.to_bits() & (u32::MAX << (32 - PREFIX_BITS_V4))).to_be_bytes())
        }
        IpAddr::V6(address) => {
            IpAddr::from((address.to_bits() & (u128::MAX << (128 - PREFIX_BITS_V6))).to_be_bytes())
        }
    }
}

/// How often to look whether a cable carries.
const GLANCE: Duration = Duration::from_millis(1);
/// How long to look: the kernel needs a second at worst.
const PATIENCE: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_its_address_without_the_host() {
        let of = |text: &str| network(text.parse().unwrap()).to_string();
        assert_eq!(of("10.77.66.1"), "10.77.66.0");
        assert_eq!(of("fd77:66::1"), "fd77:66::");
    }
}
