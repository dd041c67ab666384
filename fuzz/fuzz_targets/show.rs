//! What is printed of any octets. The law is in `laws/show.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| rawsock_fuzz::show::check(input));
