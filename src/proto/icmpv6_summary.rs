//! What one line says of ICMPv6: tcpdump's words, which people and scripts know.

use std::fmt::{self, Write};
use std::net::Ipv6Addr;

use super::describe::View;
use super::icmpv6::TYPES;
use super::ipv6;
use crate::wire::big_endian::word;

/// The message's kind, what it is about, and its length.
pub(super) fn summary(view: &View<'_>, out: &mut dyn Write) -> fmt::Result {
    let header = view.header();
    let [kind, code, ..] = *header else { return Ok(()) };
    match TYPES.iter().find(|(number, _)| *number == u64::from(kind)) {
        Some((_, name)) if kind != 143 => out.write_str(name)?,
        Some(_) => out.write_str("multicast listener report v2")?,
        None => write!(out, "unknown icmp6 type ({kind})")?,
    }
    match (kind, code) {
        (1, _) => unreachable(view, code, out)?,
        (2, _) => write!(out, ", mtu {}", long(header, 4))?,
        (3, 0) => match quoted_addresses(view) {
            Some((_, destination)) => write!(out, " in-transit for {destination}")?,
            None => out.write_str(" in-transit")?,
        },
        (3, 1) => out.write_str(" (reassembly)")?,
        (4, 0) => write!(out, ", erroneous - octet {}", long(header, 4))?,
        (4, 1) => write!(out, ", next header - octet {}", long(header, 4))?,
        (4, 2) => write!(out, ", option - octet {}", long(header, 4))?,
        (3 | 4, _) => write!(out, ", code-#{code}")?,
        (128 | 129, _) => write!(out, ", id {}, seq {}", word(header, 4), word(header, 6))?,
        (130, _) if header.len() >= 28 => write!(out, " v2 [gaddr {}]", address(header, 8))?,
        (130..=132, _) => {
            write!(out, "max resp delay: {} addr: {}", word(header, 4), address(header, 8))?;
        }
        (135, _) => write!(out, ", who has {}", address(header, 8))?,
        (136, _) => write!(out, ", tgt is {}", address(header, 8))?,
        (137, _) => write!(out, ", {} to {}", address(header, 24), address(header, 8))?,
        (143, _) => write!(out, ", {} group record(s)", word(header, 6))?,
        _ => {}
    }
    write!(out, ", length {}", view.layer_len())
}

/// What could not be reached, by the quoted packet's destination.
fn unreachable(view: &View<'_>, code: u8, out: &mut dyn Write) -> fmt::Result {
    let Some((source, destination)) = quoted_addresses(view) else { return write!(out, ", code-#{code}") };
    match code {
        0 => write!(out, ", unreachable route {destination}"),
        1 => write!(out, ", unreachable prohibited {destination}"),
        2 => write!(out, ", beyond scope {destination}, source address {source}"),
        3 => write!(out, ", unreachable address {destination}"),
        4 => match view
            .quoted()
            .and_then(|quoted| Some((quoted.ports()?.1, quoted.transport()?.protocol().name)))
        {
            Some((port, name)) => write!(out, ", unreachable port, {destination} {name} port {port}"),
            None => write!(out, ", unreachable port, {destination}"),
        },
        _ => write!(out, ", unknown unreach code ({code})"),
    }
}

fn quoted_addresses(view: &View<'_>) -> Option<(Ipv6Addr, Ipv6Addr)> {
    ipv6::addresses(view.quoted()?.header())
}

fn address(header: &[u8], at: usize) -> Ipv6Addr {
    let octets = header.get(at..).and_then(<[u8]>::first_chunk::<16>).copied();
    Ipv6Addr::from(octets.unwrap_or_default())
}

fn long(header: &[u8], at: usize) -> u32 {
    header.get(at..).and_then(<[u8]>::first_chunk::<4>).map_or(0, |octets| u32::from_be_bytes(*octets))
}
