//! Any text as a spec file. The law is in `laws/spec.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| rawsock_fuzz::spec::check_file(input));
