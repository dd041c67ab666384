//! `rawsock serve`: whoever has much done by a server keeps nobody waiting, and whoever ends early gets all the same what was asked for.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "this is test code"
)]

mod support;

use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use support::endpoint::{MODELS, Serving, read_until};

fn connected(serving: &Serving) -> TcpStream {
    let stream = TcpStream::connect(&serving.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(15))).unwrap();
    stream
}

/// More than waits for one peer at a time, and than the kernel holds on its way.
#[test]
fn who_asks_for_a_file_and_ends_gets_all_of_it_and_its_end() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("big.bin");
    let octets: Vec<u8> = (0..8_000_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    fs::write(&path, &octets).unwrap();
    for io in MODELS {
        let offered = ["tcp", "0", "--service", "file", "--offer", path.to_str().unwrap(), "--io", io];
        let serving = Serving::start(&offered);
        let mut stream = connected(&serving);
        read_until(&mut stream, " big.bin\n");
        stream.write_all(b"FROM 0\n").unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        std::thread::sleep(Duration::from_millis(300));
        let mut got = Vec::new();
        stream.read_to_end(&mut got).unwrap_or_else(|error| panic!("{io}: {error} behind {}", got.len()));
        assert!(got == octets, "{io}: {} octets", got.len());
        serving.until("has ended");
    }
}
