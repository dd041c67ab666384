//! Files that go over bad connections and to hostile peers. The law is in `laws/transfer.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| rawsock_fuzz::transfer::check(input));
