//! Packed capture files. The law is in `laws/packed.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| rawsock_fuzz::packed::check(input));
