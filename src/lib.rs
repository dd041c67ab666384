//! Build any packet, put it on the wire, see what comes back, explain every byte.
//!
//! A tour of the house, in the order of the way of a packet:
//!
//! * [`wire`]: bits without protocols. Spans, values and their texts, the layer table, the record walker, checksums.
//! * [`proto`]: each protocol described once, in one file; the registry of them.
//! * [`packet`]: a packet built from a description, or dissected by it.
//! * [`spec`]: spec files and expressions, read into templates of packets.
//! * [`diagnostic`]: mistakes in what people write, shown with their place.
//! * [`filter`]: capture filters, compiled to classic BPF; field filters, run on dissected packets.
//! * [`mod@file`]: pcap and pcapng, in and out.
//! * [`show`]: lines, trees, hex, JSON.
//! * [`statistics`]: what a capture comes to.
//! * [`stream`]: conversations followed and put together again.
//! * [`exchange`]: sending, matching replies, ping and probe as engines.
//! * [`plain`]: plain sockets, for comparison: services, and the four ways to run them.
//! * [`lab`]: the throw-away network.
//! * [`sys`]: every system call and every `unsafe`.
//! * [`cli`]: one file per command.
//!
//! Arrows go one way: `cli` → `exchange`, `show`, `spec`, `filter`, `file` → `stream` → `packet` → `proto` → `wire`; only `cli`,
//! `exchange::drive`, `plain`, `file` and `lab` reach `sys`, and `sys` knows bytes and addresses, never a protocol.

pub mod cli;
pub mod diagnostic;
pub mod exchange;
pub mod file;
pub mod filter;
pub mod lab;
pub mod packet;
pub mod plain;
pub mod proto;
pub mod show;
pub mod spec;
pub mod statistics;
pub mod stream;
pub mod sys;
pub mod wire;

/// The README's example is tested here.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;
