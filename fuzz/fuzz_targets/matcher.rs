//! Any packets, sent and received. The law is in `laws/matcher.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| rawsock_fuzz::matcher::check(input));
