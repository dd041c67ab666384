//! Packets as specs and as JSON. The law is in `laws/spec_of_packet.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| rawsock_fuzz::spec_of_packet::check(input));
