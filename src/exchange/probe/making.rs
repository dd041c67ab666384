//! What hand-built probes are made of: layers that are built as any packet's are.

use std::net::{IpAddr, SocketAddr};

use crate::exchange::layer::{in_v6, layer};
use crate::packet::Layer;
use crate::proto::{data, registry};
use crate::wire::value::Value;

use super::syn_shape::{Own, SynShape};

/// Where a probe comes from and goes to.
#[derive(Debug, Clone, Copy)]
pub struct Making {
    /// This host's address.
    pub source: IpAddr,
    /// This host's port, which no other probe to the same end point has at the time.
    pub source_port: u16,
    /// Whom it asks.
    pub destination: SocketAddr,
}

/// What a probe is made of.
#[derive(Debug, Clone, Copy)]
pub enum Content<'a> {
    /// A SYN of this shape.
    Syn(&'a SynShape),
    /// A datagram with this payload.
    Datagram(&'a [u8]),
    /// An echo request, of a packet of so many octets where that is more than it needs.
    Echo(usize),
}

/// A datagram.
pub(super) fn datagram(own: &Own, payload: &[u8]) -> Vec<Layer> {
    let udp = layer("udp")
        .with("srcport", Value::Uint(own.ports.0.into()))
        .with("dstport", Value::Uint(own.ports.1.into()));
    vec![ip(own, false), udp, octets(payload)]
}

/// An echo request, of a packet of `len` octets where that is more than its payload needs; one that somebody wants of a length may not be
/// cut. The payload begins with `tag`.
pub(super) fn echo(own: &Own, ident: u16, seq: u16, tag: &[u8], len: usize) -> Vec<Layer> {
    let uint = |n: u16| Value::Uint(n.into());
    let (icmp, header_len) = if own.destination.is_ipv4() {
        let icmp = layer("icmp").with("type", Value::Uint(8)).with("ident", uint(ident));
        (icmp.with("seq", uint(seq)), 28)
    } else {
        let icmp = layer("icmpv6").with("type", Value::Uint(128));
        (icmp.with("echo.identifier", uint(ident)).with("echo.sequence_number", uint(seq)), 48)
    };
    let mut payload = tag.to_vec();
    payload.resize(len.saturating_sub(header_len).max(USUAL_PAYLOAD), FILL);
    vec![ip(own, len > 0), icmp, octets(&payload)]
}

/// Octets that an echo request carries at least: as many as those of `ping`.
const USUAL_PAYLOAD: usize = 56;
const FILL: u8 = b'-';

fn ip(own: &Own, dont_fragment: bool) -> Layer {
    let [.., a, b] = own.fresh.to_be_bytes();
    match (own.source, own.destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => layer("ip")
            .with("flags.df", Value::Bool(dont_fragment))
            .with("id", Value::Uint(u16::from_be_bytes([a, b]).max(1).into()))
            .with("src", Value::Ipv4(source))
            .with("dst", Value::Ipv4(destination)),
        (source, destination) => {
            layer("ipv6").with("src", Value::Ipv6(in_v6(source))).with("dst", Value::Ipv6(in_v6(destination)))
        }
    }
}

fn octets(octets: &[u8]) -> Layer {
    Layer::new(registry().data()).with(data::HEX, Value::Octets(octets.to_vec()))
}
