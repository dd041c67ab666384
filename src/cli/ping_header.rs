//! Fields of the IP header that a ping's options ask for.

use clap::ValueEnum;

use crate::packet::Node;
use crate::spec::{Random, Source, SpecError, Syntax, read};
use crate::wire::value::Value;

/// `-T`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Stamping {
    /// Times only.
    Tsonly,
    /// Addresses and times.
    Tsandaddr,
}

/// Fields of a header that somebody wrote.
pub(super) type Fields = Vec<(String, Node)>;

/// Reads fields as an expression of one layer has them.
///
/// # Errors
/// What is wrong with them.
pub(super) fn written(text: &str, is_ipv6: bool) -> Result<Fields, SpecError> {
    let layer = if is_ipv6 { "ipv6" } else { "ip" };
    let source = Source::new("--ip", format!("{layer}({text})"));
    let no_files = |_: &str| Err(std::io::ErrorKind::NotFound.into());
    let spec = read(&source, Syntax::Expression, &no_files)?;
    let mut random = Random::new(0);
    let crafted = spec.packets(&mut random, Some(1)).next();
    Ok(crafted
        .and_then(|crafted| crafted.packet.layers.into_iter().next())
        .map_or_else(Vec::new, |ip| ip.fields))
}

/// Room for as many addresses as an IPv4 header can hold: 40 octets of options.
pub(super) fn record_route() -> (String, Node) {
    let room = vec![address(); 9];
    options("rr", vec![("addresses".to_owned(), Node::List(room))])
}

/// Room for as many stamps as an IPv4 header can hold.
pub(super) fn time_stamps(stamping: Stamping) -> (String, Node) {
    let number = |number: u64| Node::Value(Value::Uint(number));
    let (flag, name, room) = match stamping {
        Stamping::Tsonly => (0, "timestamps", vec![number(0); 9]),
        Stamping::Tsandaddr => (1, "entries", vec![Node::List(vec![address(), number(0)]); 4]),
    };
    options("ts", vec![("flag".to_owned(), number(flag)), (name.to_owned(), Node::List(room))])
}

fn address() -> Node {
    Node::Value(Value::Ipv4(std::net::Ipv4Addr::UNSPECIFIED))
}

fn options(name: &str, fields: Vec<(String, Node)>) -> (String, Node) {
    let option = Node::Table(vec![(name.to_owned(), Node::Table(fields))]);
    ("options".to_owned(), Node::List(vec![option]))
}
