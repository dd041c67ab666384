//! Any octets as a capture file: reading ends.
#![no_main]

use std::io::Cursor;

use libfuzzer_sys::fuzz_target;
use rawsock::file::CaptureReader;

fuzz_target!(|octets: &[u8]| {
    let Ok(mut reader) = CaptureReader::new(Cursor::new(octets.to_vec())) else { return };
    // Each packet and each error takes octets of the file.
    for _ in 0..=octets.len() {
        match reader.next() {
            Ok(None) => return,
            Ok(Some(frame)) => assert!(frame.data.len() <= octets.len()),
            Err(_) => {}
        }
    }
    panic!("reading does not end");
});
