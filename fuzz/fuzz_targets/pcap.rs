//! pcap files. The law is in `laws/pcap.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| rawsock_fuzz::pcap::check(input));
