//! Sending in a hostile network. The law is in `laws/send.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| rawsock_fuzz::send::check(input));
