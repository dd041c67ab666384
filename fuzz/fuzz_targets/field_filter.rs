//! Any text as a field filter. The law is in `laws/field_filter.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| rawsock_fuzz::field_filter::check(input));
