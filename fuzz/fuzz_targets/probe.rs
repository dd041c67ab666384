//! Probing in a hostile network. The law is in `laws/probe.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| rawsock_fuzz::probe::check(input));
