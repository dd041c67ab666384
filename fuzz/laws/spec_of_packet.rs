//! Any octets: as a spec (TOML and expression) and as a line of JSON, they are read back to the same octets.

use rawsock::packet::check::Dissected;
use rawsock::packet::unbuild::{Keep, unbuild, unbuild_shortest};
use rawsock::show::{Meta, json};
use rawsock::spec::{Source, Syntax, read, write_expression, write_toml};

use super::start::Start;

/// Holds it.
pub fn check(input: &[u8]) {
    let Some(start) = Start::of_link(input) else { return };
    let (octets, table) = (start.octets, &start.table);
    for packet in [unbuild(octets, table, Keep::All), unbuild_shortest(octets, table)] {
        let (mut toml, mut expression) = (String::new(), String::new());
        write_toml(&packet, &mut toml);
        write_expression(&packet, &mut expression);
        same(octets, &toml, Syntax::Toml);
        same(octets, &expression, Syntax::Expression);
    }
    let mut text = String::new();
    let dissected = Dissected { octets, table, wire_len: octets.len() };
    json::packet(&mut text, &Meta::built(1, start.link_type), &dissected);
    same(octets, &text, Syntax::Json);
}

fn same(octets: &[u8], text: &str, syntax: Syntax) {
    let files = |_: &str| Err(std::io::ErrorKind::NotFound.into());
    let spec = read(&Source::new("a packet", text), syntax, &files)
        .unwrap_or_else(|error| panic!("{}{text}", error.render(false)));
    let [template] = spec.templates.as_slice() else { panic!("one packet: {text}") };
    let mut packet = template.packets(0).next().expect("one packet");
    let built =
        spec.build(template, &mut packet).unwrap_or_else(|error| panic!("{}{text}", error.render(false)));
    assert_eq!(built.octets, octets, "{text}");
}
