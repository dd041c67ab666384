//! pcapng files. The law is in `laws/pcapng.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| rawsock_fuzz::pcapng::check(input));
