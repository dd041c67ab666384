//! Builds a packet with the library, takes it apart again, and changes one field.
//!
//! `cargo run --example build_and_dissect`

use rawsock::packet::build::build;
use rawsock::packet::dissect::dissect;
use rawsock::packet::unbuild::unbuild_shortest;
use rawsock::packet::{Layer, Packet};
use rawsock::proto::registry;
use rawsock::wire::layers::LayerTable;
use rawsock::wire::value::Value;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let protocol = |name: &str| registry().by_name(name).ok_or(format!("no protocol {name}"));
    let ip = Layer::new(protocol("ip")?)
        .with("src", Value::Ipv4([192, 0, 2, 1].into()))
        .with("dst", Value::Ipv4([192, 0, 2, 2].into()));
    let udp = Layer::new(protocol("udp")?).with("dstport", Value::Uint(53));
    let payload = Layer::new(registry().data()).with("hex", Value::Octets(b"hello".to_vec()));
    let built = build(&Packet { layers: vec![ip, udp, payload], trailer: Vec::new() })?;
    println!("built:     {}", hex::encode(&built.octets));

    // Dissecting finds the layers without allocating; names come from the one registry.
    let mut table = LayerTable::default();
    dissect(&built.octets, built.link_type, &mut table);
    for entry in table.entries() {
        let header = entry.header_end - entry.start;
        println!(
            "layer:     {} at {}, header of {header} octets",
            registry().get(entry.protocol).name,
            entry.start
        );
    }

    // An owned packet again: everything that is left out is computed anew.
    let mut packet = unbuild_shortest(&built.octets, &table);
    if let Some(ip) = packet.layers.first_mut() {
        *ip = ip.clone().with("ttl", Value::Uint(1));
    }
    println!("ttl 1:     {}", hex::encode(build(&packet)?.octets));
    Ok(())
}
