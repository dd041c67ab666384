//! A trace in a hostile network. The law is in `laws/trace.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| rawsock_fuzz::trace::check(input));
