//! Edited packets. The law is in `laws/edit.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| rawsock_fuzz::edit::check(input));
