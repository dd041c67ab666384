//! Layers of the packets that engines make themselves.

use std::net::{IpAddr, Ipv6Addr};

use crate::packet::Layer;
use crate::proto::registry;

/// A layer of the protocol with this name, which engines know to be there.
pub(super) fn layer(name: &str) -> Layer {
    Layer::new(registry().by_name(name).unwrap_or(registry().data()))
}

/// An address as IPv6 has it.
pub(super) fn in_v6(address: IpAddr) -> Ipv6Addr {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    }
}
