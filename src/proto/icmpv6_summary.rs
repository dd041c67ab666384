//! What one line says of ICMPv6: tcpdump's words, which people and scripts know.

use std::fmt;
use std::net::Ipv6Addr;

use super::describe::View;
use super::icmpv6::TYPES;
use super::ipv6;
use super::view::Named;
use crate::wire::big_endian::{long_at, word_at};
use crate::wire::text::Text;

/// The message's kind, what it is about, and its length.
pub(super) fn summary(view: &View<'_>, out: &mut Text) -> fmt::Result {
    let header = view.header();
    let [kind, code, ..] = *header else { return Ok(()) };
    match TYPES.iter().find(|(number, _)| *number == u64::from(kind)) {
        Some((_, name)) if kind != 143 => out.put(*name),
        Some(_) => out.put("multicast listener report v2"),
        None => out.put("unknown icmp6 type (").put(kind).put(")"),
    };
    match (kind, code) {
        (1, _) => unreachable(view, code, out)?,
        (3, 0) => match quoted_addresses(view) {
            Some((_, destination)) => write!(out, " in-transit for {destination}")?,
            None => out.write_str(" in-transit")?,
        },
        (3, 1) => out.write_str(" (reassembly)")?,
        (4, 0..=2) => {}
        (3 | 4, _) => write!(out, ", code-#{code}")?,
        _ => {}
    }
    // What was not captured is not said.
    let _: Option<fmt::Result> = about(kind, code, view, out);
    out.put(", length ").put(view.layer_len());
    Ok(())
}

/// What the message is about, in the fields behind its checksum.
fn about(kind: u8, code: u8, view: &View<'_>, out: &mut Text) -> Option<fmt::Result> {
    let header = view.header();
    let address =
        |at| header.get(at..)?.first_chunk::<16>().map(|octets| view.named(Ipv6Addr::from(*octets)));
    Some(match (kind, code) {
        (2, _) => write!(out, ", mtu {}", long_at(header, 4)?),
        (4, 0) => write!(out, ", erroneous - octet {}", long_at(header, 4)?),
        (4, 1) => write!(out, ", next header - octet {}", long_at(header, 4)?),
        (4, 2) => write!(out, ", option - octet {}", long_at(header, 4)?),
        (128 | 129, _) => {
            out.put(", id ").put(word_at(header, 4)?).put(", seq ").put(word_at(header, 6)?);
            Ok(())
        }
        // By the length of the message, whatever of it was captured (RFC 3810 §8.1).
        (130, _) if view.layer_len() >= 28 => {
            out.put(" v2 [gaddr ").put(address(8)?);
            if let Some(sources @ 1..) = word_at(header, 26) {
                out.put(", ").put(sources).put(" source(s)");
            }
            out.put("]");
            Ok(())
        }
        (130..=132, _) => write!(out, " max resp delay: {} addr: {}", word_at(header, 4)?, address(8)?),
        (135, _) => {
            out.put(", who has ").put(address(8)?);
            Ok(())
        }
        (136, _) => {
            out.put(", tgt is ").put(address(8)?);
            Ok(())
        }
        (137, _) => write!(out, ", {} to {}", address(24)?, address(8)?),
        (143, _) => write!(out, ", {} group record(s)", word_at(header, 6)?),
        _ => return None,
    })
}

/// What could not be reached, by the quoted packet's destination.
fn unreachable(view: &View<'_>, code: u8, out: &mut Text) -> fmt::Result {
    let Some((source, destination)) = quoted_addresses(view) else { return write!(out, ", code-#{code}") };
    match code {
        0 => write!(out, ", unreachable route {destination}"),
        1 => write!(out, ", unreachable prohibited {destination}"),
        2 => write!(out, ", beyond scope {destination}, source address {source}"),
        3 => write!(out, ", unreachable address {destination}"),
        4 => match view.quoted().and_then(|quoted| Some((quoted.ports()?.1, quoted.transport()?.0.name))) {
            Some((port, name)) => {
                let port = view.named_port(name, port);
                write!(out, ", unreachable port, {destination} {name} port {port}")
            }
            None => write!(out, ", unreachable port, {destination}"),
        },
        _ => write!(out, ", unknown unreach code ({code})"),
    }
}

fn quoted_addresses<'a>(view: &View<'a>) -> Option<(Named<'a>, Named<'a>)> {
    let (source, destination) = ipv6::addresses(view.quoted()?.header())?;
    Some((view.named(source), view.named(destination)))
}
