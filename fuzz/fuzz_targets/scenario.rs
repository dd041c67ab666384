//! Scenarios, expectations and packets that follow, in a hostile network. The law is in `laws/scenario.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| rawsock_fuzz::scenario::check(input));
