//! Hostile peers of plain services. The law is in `laws/serve.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| rawsock_fuzz::serve::check(input));
