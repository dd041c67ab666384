//! pcap and pcapng, in and out.
//!
//! Files are written with the crate `pcap-file`, and its pcap header is what we read. The framing of records and blocks is
//! read here: a reader that meets hostile files must not believe a length before the octets are there, must say where and
//! why it stops, and must go on behind a block that it cannot use, none of which the crate's readers do.
#![deny(clippy::arithmetic_side_effects)]

mod input;
mod pcap;
mod pcapng;
pub mod reader;
#[cfg(test)]
mod round_trip;
mod sink;
pub mod writer;
