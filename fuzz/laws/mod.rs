//! What must hold whatever comes: one law a file, each a function of any octets that panics where the law is broken.
//!
//! The fuzz targets ask them of octets that libFuzzer makes, `tests/fuzz_corpus.rs` of those that are kept in the repository.

pub mod bisect;
pub mod capture_file;
pub mod capture_filter;
pub mod dissect;
pub mod edit;
pub mod field_filter;
pub mod harmless;
pub mod matcher;
pub mod network;
pub mod packed;
pub mod pcap;
pub mod pcapng;
pub mod ping;
pub mod probe;
pub mod round_trip;
pub mod scenario;
pub mod script;
pub mod send;
pub mod serve;
pub mod show;
pub mod spec;
pub mod spec_of_packet;
pub mod start;
pub mod stream;
pub mod trace;
pub mod transfer;
pub mod vocabulary;

/// A law.
pub type Law = fn(&[u8]);

/// Every law by its name, which is that of its fuzz target and of its file in `tests/fuzz_corpus/`.
pub const LAWS: &[(&str, Law)] = &[
    ("bisect", bisect::check),
    ("capture_filter", capture_filter::check),
    ("dissect", dissect::check),
    ("edit", edit::check),
    ("expression", spec::check_expression),
    ("field_filter", field_filter::check),
    ("matcher", matcher::check),
    ("packed", packed::check),
    ("pcap", pcap::check),
    ("pcapng", pcapng::check),
    ("ping", ping::check),
    ("probe", probe::check),
    ("round_trip", round_trip::check),
    ("scenario", scenario::check),
    ("send", send::check),
    ("serve", serve::check),
    ("show", show::check),
    ("spec", spec::check_file),
    ("spec_of_packet", spec_of_packet::check),
    ("stream", stream::check),
    ("trace", trace::check),
    ("transfer", transfer::check),
];
