//! `rawsock serve`: whoever has much done by a server keeps nobody waiting, and whoever ends early gets all the same what was asked for.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "this is test code"
)]

mod support;

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use rawsock::sys::process::send_signal;
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

/// Octets of an upload that was broken off: nobody has read so many before a test is over, and on the disk there are none.
const MUCH: u64 = 1 << 36;

/// What is there of an upload already is read for its sum, which takes its time, whatever whoever resumes it does meanwhile.
#[test]
fn who_resumes_a_large_upload_holds_up_neither_others_nor_the_end() {
    let place = tempfile::tempdir().unwrap();
    let sum = "0".repeat(64);
    let part = File::create(place.path().join(format!("big.{}.part", &sum[..16]))).unwrap();
    part.set_len(MUCH).unwrap();
    for io in MODELS {
        for meanwhile in ["waits", "goes on", "ends"] {
            let serving = Serving::start(&[
                "tcp",
                "0",
                "--service",
                "file",
                "--into",
                place.path().to_str().unwrap(),
                "--max-size",
                "0",
                "--drain-time",
                "0.3",
                "--io",
                io,
            ]);
            let mut resuming = connected(&serving);
            let more = if meanwhile == "goes on" { "more" } else { "" };
            write!(resuming, "FILE {} {sum} big\n{more}", MUCH + 4).unwrap();
            if meanwhile == "ends" {
                resuming.shutdown(Shutdown::Write).unwrap();
            }
            serving.until("has come");
            std::thread::sleep(Duration::from_millis(100));
            for _ in 0..3 {
                let mut other = connected(&serving);
                other.write_all(b"GET / HTTP/1.0\n").unwrap();
                read_until(&mut other, "is expected first\n");
            }
            let begun = Instant::now();
            send_signal(serving.id(), 15).unwrap();
            serving.until("did not end in time");
            assert!(begun.elapsed() < Duration::from_secs(8), "{io}, {meanwhile}: {:?}", begun.elapsed());
            assert_eq!(serving.ended().0, Some(0), "{io}, {meanwhile}");
        }
    }
}
