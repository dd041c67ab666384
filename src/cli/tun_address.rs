//! `--tun-address`: the addresses of the kernel's end of a TUN interface.

use std::net::IpAddr;

use crate::exchange::drive::tun::TunNetwork;

/// One of them, with the length of its network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TunAddress(IpAddr, u8);

/// Reads `10.99.0.1/24`.
///
/// # Errors
/// When it is no address of a host in a network of at least two.
pub(super) fn parse(text: &str) -> Result<TunAddress, String> {
    let wrong =
        || "write an address and the length of its network, such as 10.99.0.1/24 or fd99::1/64".to_owned();
    let (address, len) = text.split_once('/').ok_or_else(wrong)?;
    let address: IpAddr = address.parse().map_err(|_| wrong())?;
    let most = if address.is_ipv4() { 31 } else { 127 };
    let len = len.parse().ok().filter(|len| (1..=most).contains(len));
    len.map(|len| TunAddress(address, len)).ok_or_else(|| format!("the network's length is 1 to {most}"))
}

/// The network that these make, with the usual addresses where one is left out.
pub(super) fn network(addresses: &[TunAddress]) -> TunNetwork {
    let mut network = TunNetwork::default();
    for TunAddress(address, len) in addresses {
        match address {
            IpAddr::V4(address) => network.v4 = (*address, *len),
            IpAddr::V6(address) => network.v6 = (*address, *len),
        }
    }
    network
}
