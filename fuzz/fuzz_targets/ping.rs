//! Ping in a hostile network. The law is in `laws/ping.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| rawsock_fuzz::ping::check(input));
