//! What one line says of ICMP: tcpdump's words, which people and scripts know.

use std::fmt;
use std::net::Ipv4Addr;

use pnet::packet::ipv4::Ipv4Packet;

use super::describe::View;
use super::icmp::{
    ADVERTISEMENT, ECHO, ECHO_REPLY, FRAGMENTATION_NEEDED, PARAMETER_PROBLEM, REDIRECT, TIME_EXCEEDED, TYPES,
    UNREACHABLE,
};
use crate::wire::big_endian::{long_at, octet_at, word_at};
use crate::wire::text::Text;

/// The message's kind, what it is about as far as that was captured, and its length.
pub(super) fn summary(view: &View<'_>, out: &mut Text) -> fmt::Result {
    let header = view.header();
    let [kind, code, ..] = *header else { return Ok(()) };
    let identified = |out: &mut Text, name: &'static str, comma: &'static str| {
        out.put(name);
        if let Some((ident, seq)) = word_at(header, 4).zip(word_at(header, 6)) {
            out.put(comma).put(" id ").put(ident).put(comma).put(" seq ").put(seq);
        }
    };
    match kind {
        ECHO => identified(out, "echo request", ","),
        ECHO_REPLY => identified(out, "echo reply", ","),
        UNREACHABLE => unreachable(view, code, out)?,
        REDIRECT => redirect(view, code, out)?,
        TIME_EXCEEDED => match code {
            0 => out.write_str("time exceeded in-transit")?,
            1 => out.write_str("ip reassembly time exceeded")?,
            _ => write!(out, "time exceeded-#{code}")?,
        },
        PARAMETER_PROBLEM => match (code, octet_at(header, 4)) {
            (0, Some(octet)) => write!(out, "parameter problem - octet {octet}")?,
            _ => write!(out, "parameter problem - code {code}")?,
        },
        ADVERTISEMENT => {
            out.write_str("router advertisement")?;
            if let (Some(count), Some(lifetime)) = (octet_at(header, 4), word_at(header, 6)) {
                write!(out, " lifetime {lifetime} s, {count} addresses")?;
            }
        }
        13 => identified(out, "time stamp query", ""),
        14 => identified(out, "time stamp reply", ""),
        _ => match TYPES.iter().find(|(number, _)| *number == u64::from(kind)) {
            Some((_, name)) => out.write_str(name)?,
            None => write!(out, "type-#{kind}")?,
        },
    }
    out.put(", length ").put(view.layer_len());
    Ok(())
}

/// What could not be reached, by the quoted packet's destination.
fn unreachable(view: &View<'_>, code: u8, out: &mut Text) -> fmt::Result {
    let Some(target) = Target::of(view) else { return write!(out, "unreachable - #{code}") };
    let address = view.named(target.address);
    match code {
        2 => write!(out, "{address} protocol {} unreachable", target.protocol),
        3 => match (target.transport, target.port) {
            (Some(name), Some(port)) => {
                out.put(address).put(" ").put(name).put(" port ").put(view.named_port(name, port));
                out.put(" unreachable");
                Ok(())
            }
            _ => write!(out, "{address} protocol {} port unreachable", target.protocol),
        },
        FRAGMENTATION_NEEDED => match word_at(view.header(), 6) {
            None | Some(0) => write!(out, "{address} unreachable - need to frag"),
            Some(mtu) => write!(out, "{address} unreachable - need to frag (mtu {mtu})"),
        },
        _ => match UNREACHABLE_WORDS.iter().find(|(number, ..)| *number == code) {
            Some((_, before, after)) => write!(out, "{before}{address} unreachable{after}"),
            None => write!(out, "#{code} {address} unreachable"),
        },
    }
}

fn redirect(view: &View<'_>, code: u8, out: &mut Text) -> fmt::Result {
    let (name, what) = match code {
        0 => ("redirect", "net"),
        1 => ("redirect", "host"),
        2 => ("redirect-tos", "net"),
        _ => ("redirect-tos", "host"),
    };
    out.write_str(name)?;
    if let Some(target) = Target::of(view) {
        write!(out, " {}", view.named(target.address))?;
    }
    match long_at(view.header(), 4) {
        Some(gateway) => write!(out, " to {what} {}", view.named(Ipv4Addr::from(gateway))),
        None => Ok(()),
    }
}

/// Where the quoted packet was going.
struct Target {
    address: Ipv4Addr,
    protocol: u8,
    transport: Option<&'static str>,
    port: Option<u16>,
}

impl Target {
    fn of(view: &View<'_>) -> Option<Self> {
        let quoted = view.quoted()?;
        let ip = Ipv4Packet::new(quoted.header())?;
        Some(Self {
            address: ip.get_destination(),
            protocol: ip.get_next_level_protocol().0,
            transport: quoted.transport().map(|(protocol, _)| protocol.name),
            port: quoted.ports().map(|(_, port)| port),
        })
    }
}

/// Code, words before the address, and words behind it.
const UNREACHABLE_WORDS: &[(u8, &str, &str)] = &[
    (0, "net ", ""),
    (1, "host ", ""),
    (5, "", " - source route failed"),
    (6, "net ", " - unknown"),
    (7, "host ", " - unknown"),
    (8, "", " - source host isolated"),
    (9, "net ", " - admin prohibited"),
    (10, "host ", " - admin prohibited"),
    (11, "net ", " - tos prohibited"),
    (12, "host ", " - tos prohibited"),
    (13, "host ", " - admin prohibited filter"),
    (14, "host ", " - host precedence violation"),
    (15, "host ", " - precedence cutoff"),
];
