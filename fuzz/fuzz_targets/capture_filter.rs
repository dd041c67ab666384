//! Any text as a capture filter. The law is in `laws/capture_filter.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| rawsock_fuzz::capture_filter::check(input));
