//! Pairs an ICMP error with the packet that caused it, without a socket: the matcher of the library on octets.
//!
//! `cargo run --example match_replies`

use rawsock::exchange::matcher::{Match, Matcher};
use rawsock::packet::build::{Built, build};
use rawsock::packet::dissect::dissect;
use rawsock::packet::{Layer, Node, Packet};
use rawsock::proto::registry;
use rawsock::wire::layers::LayerTable;
use rawsock::wire::value::Value;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let probe = vec![ip([10, 0, 0, 1], [10, 0, 0, 9])?.with("id", Value::Uint(77)), layer("udp")?];
    let sent = built(probe.clone())?;
    let mut matcher = Matcher::default();
    matcher.sent(&sent.octets, &sent.table);

    // A router on the way says that the time to live was exceeded, and quotes the packet.
    let mut icmp = layer("icmp")?.with("type", Value::Uint(11));
    icmp.fields.push(("quoted".to_owned(), Node::Layers(probe)));
    let error = built(vec![ip([10, 0, 0, 254], [10, 0, 0, 1])?, icmp])?;
    let mut table = LayerTable::default();
    dissect(&error.octets, error.link_type, &mut table);
    match matcher.received(&error.octets, &table) {
        Some(Match::Error(number)) => println!("an ICMP error about packet {number}"),
        other => println!("not expected: {other:?}"),
    }
    Ok(())
}

fn built(layers: Vec<Layer>) -> Result<Built, Box<dyn std::error::Error>> {
    Ok(build(&Packet { layers, trailer: Vec::new() })?)
}

fn layer(name: &str) -> Result<Layer, Box<dyn std::error::Error>> {
    Ok(Layer::new(registry().by_name(name).ok_or(format!("no protocol {name}"))?))
}

fn ip(source: [u8; 4], destination: [u8; 4]) -> Result<Layer, Box<dyn std::error::Error>> {
    let ip = layer("ip")?;
    Ok(ip.with("src", Value::Ipv4(source.into())).with("dst", Value::Ipv4(destination.into())))
}
