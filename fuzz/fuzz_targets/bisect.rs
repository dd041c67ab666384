//! A search for what a filter looks at. The law is in `laws/bisect.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| rawsock_fuzz::bisect::check(input));
