//! What was dissected is built again. The law is in `laws/round_trip.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| rawsock_fuzz::round_trip::check(input));
