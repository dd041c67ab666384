//! Packets as text for other programs: arrays of C and of Rust, and hex as text2pcap(1) and xxd(1) read it.
#![deny(clippy::arithmetic_side_effects)]

use std::fmt::Write;

use super::value::{push_hex_number, push_hex_octet};
use crate::proto::registry;
use crate::wire::layers::LayerTable;

/// Appends a packet as an array of C, each layer on lines of its own.
pub fn c(out: &mut String, number: u64, octets: &[u8], table: &LayerTable) {
    let len = octets.len();
    if octets.is_empty() {
        // C has no arrays of length 0.
        let _ = writeln!(out, "/* packet {number}: no octets */");
        return;
    }
    let _ = writeln!(out, "/* packet {number}: {len} octets */");
    let _ = writeln!(out, "static const unsigned char packet_{number}[{len}] = {{");
    rows(out, octets, table, |out, name| _ = writeln!(out, "    /* {name} */"));
    out.push_str("};\n");
}

/// Appends a packet as a constant of Rust, each layer on lines of its own.
pub fn rust(out: &mut String, number: u64, octets: &[u8], table: &LayerTable) {
    let len = octets.len();
    let _ = writeln!(out, "/// Packet {number}: {len} octets.");
    let _ = writeln!(out, "pub const PACKET_{number}: [u8; {len}] = [");
    rows(out, octets, table, |out, name| _ = writeln!(out, "    // {name}"));
    out.push_str("];\n");
}

/// Appends a packet as rows of 16 octets behind their offset; offset 0 begins the next packet.
pub fn hexdump(out: &mut String, octets: &[u8]) {
    for (row, octets) in octets.chunks(16).enumerate() {
        let offset = u64::try_from(row.saturating_mul(16)).unwrap_or(u64::MAX);
        let _ = write!(out, "{offset:06x}:");
        for octet in octets {
            out.push(' ');
            push_hex_octet(out, *octet);
        }
        out.push('\n');
    }
}

fn rows(out: &mut String, octets: &[u8], table: &LayerTable, comment: impl Fn(&mut String, &str)) {
    let starts = table.entries().iter().filter(|entry| entry.start < entry.header_end);
    let starts = starts.map(|entry| (entry.start as usize, registry().get(entry.protocol).name));
    let mut left = octets;
    let mut starts = starts.peekable();
    let mut at = 0usize;
    while !left.is_empty() {
        if let Some((_, name)) = starts.next_if(|(start, _)| *start <= at) {
            comment(out, name);
        }
        let end = starts.peek().map_or(octets.len(), |(start, _)| *start);
        let (now, behind) = left.split_at_checked(end.saturating_sub(at)).unwrap_or((left, &[]));
        for row in now.chunks(12) {
            out.push_str("   ");
            for octet in row {
                out.push(' ');
                push_hex_number(out, u64::from(*octet), 2);
                out.push(',');
            }
            out.push('\n');
        }
        at = at.saturating_add(now.len());
        left = behind;
    }
}
