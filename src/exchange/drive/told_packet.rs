//! Packets as the kernel tells of them: where a socket leaves the IP header off, or keeps an ICMP error in its queue, the packet is
//! put together again from what is said about it.

use std::collections::HashMap;
use std::net::IpAddr;

use super::icmp::Path;
use crate::packet::build::build;
use crate::packet::dissect::dissect_as;
use crate::packet::unbuild::unbuild_shortest;
use crate::packet::{Layer, Node, Packet};
use crate::proto::{data, registry};
use crate::sys::control_message::Message;
use crate::sys::error_queue::{Origin, Taken};
use crate::wire::layers::LayerTable;
use crate::wire::value::Value;

/// The IP packet that brought a message.
pub(super) fn with_header(message: &Message<'_>, paths: &HashMap<IpAddr, Path>) -> Option<Vec<u8>> {
    let from = message.from?.ip();
    let to = message.about.destination.or_else(|| paths.get(&from).map(|path| path.source));
    let ip = ip_layer(from, to.unwrap_or(from), message.about.ttl, icmp_number(from))?;
    let payload = Layer::new(registry().data()).with(data::HEX, Value::Octets(message.octets.to_vec()));
    Some(build(&Packet { layers: vec![ip, payload], trailer: Vec::new() }).ok()?.octets)
}

/// The ICMP error that the kernel tells of, with the request that it kept.
pub(super) fn error_packet(taken: &Taken, paths: &HashMap<IpAddr, Path>) -> Option<Vec<u8>> {
    let Taken { error, destination, payload: sent, .. } = taken;
    let offender = error.offender.filter(|_| matches!(error.origin, Origin::Icmp | Origin::Icmp6))?;
    let target = destination.as_ref()?.ip();
    let source = paths.get(&target)?.source;
    let name = if offender.is_ipv4() { "icmp" } else { "icmpv6" };
    let mut table = LayerTable::default();
    let first = registry().by_name(name)?;
    dissect_as(sent, first, &mut table);
    let mut quoted = vec![ip_layer(source, target, None, icmp_number(target))?];
    quoted.extend(unbuild_shortest(sent, &table).layers);
    let number = |n: u8| Value::Uint(u64::from(n));
    let mut icmp = Layer::new(first).with("type", number(error.kind)).with("code", number(error.code));
    let is_too_big = matches!((name, error.kind, error.code), ("icmp", 3, 4) | ("icmpv6", 2, _));
    if is_too_big {
        icmp = icmp.with("mtu", Value::Uint(u64::from(error.info)));
    }
    icmp.fields.push(("quoted".to_owned(), Node::Layers(quoted)));
    let ip = ip_layer(offender, source, None, icmp_number(offender))?;
    Some(build(&Packet { layers: vec![ip, icmp], trailer: Vec::new() }).ok()?.octets)
}

/// What ICMP and ICMPv6 are to the IP header (RFC 792, RFC 4443 §1).
pub(super) fn icmp_number(address: IpAddr) -> u8 {
    if address.is_ipv4() { 1 } else { 58 }
}

/// An IP header as far as the kernel tells of it, for a protocol of that number.
pub(super) fn ip_layer(from: IpAddr, to: IpAddr, ttl: Option<u8>, protocol: u8) -> Option<Layer> {
    let protocol = Value::Uint(u64::from(protocol));
    let ttl = Value::Uint(u64::from(ttl.unwrap_or_default()));
    Some(match (from, to) {
        (IpAddr::V4(from), IpAddr::V4(to)) => Layer::new(registry().by_name("ip")?)
            .with("proto", protocol)
            .with("ttl", ttl)
            .with("src", Value::Ipv4(from))
            .with("dst", Value::Ipv4(to)),
        (IpAddr::V6(from), IpAddr::V6(to)) => Layer::new(registry().by_name("ipv6")?)
            .with("nxt", protocol)
            .with("hlim", ttl)
            .with("src", Value::Ipv6(from))
            .with("dst", Value::Ipv6(to)),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::dissect::dissect;
    use crate::sys::error_queue::SocketError;
    use crate::wire::frame::LinkType;

    #[test]
    fn an_error_of_the_queue_becomes_the_packet_that_it_was() {
        let (source, target): (IpAddr, IpAddr) = ([10, 0, 0, 1].into(), [10, 0, 0, 2].into());
        let paths = HashMap::from([(target, Path { mtu: 1500, interface: 0, source })]);
        let offender = Some([10, 0, 0, 9].into());
        let error =
            SocketError { errno: 113, origin: Origin::Icmp, kind: 11, code: 0, info: 0, data: 0, offender };
        let taken = Taken {
            error,
            destination: Some((target, 0).into()),
            payload: vec![8, 0, 0, 0, 0, 7, 0, 1],
            passage: None,
        };
        let octets = error_packet(&taken, &paths).unwrap();
        let mut table = LayerTable::default();
        dissect(&octets, LinkType::RAW, &mut table);
        let names: Vec<_> = table.entries().iter().map(|entry| registry().get(entry.protocol).name).collect();
        assert_eq!(names, ["ip", "icmp", "ip", "icmp"]);
    }
}
