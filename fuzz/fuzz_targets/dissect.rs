//! Any octets of any link type or protocol. The law is in `laws/dissect.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| rawsock_fuzz::dissect::check(input));
