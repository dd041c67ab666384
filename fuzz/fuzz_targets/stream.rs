//! Conversations. The law is in `laws/stream.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| rawsock_fuzz::stream::check(input));
