//! A ring that overruns: what the kernel could not keep is counted, on the screen and in the file, and the sums are right.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "this is test code")]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::net::UdpSocket;
use std::path::Path;
use std::time::{Duration, Instant};

use rawsock::lab::Host;
use rawsock::sys::netlink::Netlink;
use rawsock::sys::process::send_signal;
use rawsock::sys::ring::{Ring, RingOptions, Source};
use rawsock::wire::frame::LinkType;
use support::capture::{Capture, SIGTERM, send};
use support::fault::{innermost, whole};
use support::lab;

const SIGCONT: i32 = 18;
const SIGUSR1: i32 = 10;
const SIGSTOP: i32 = 19;
/// More than the least ring holds, which is of 4 MiB whatever `-B` says: some 3,800 of these packets, and two threads have a ring each.
const SENT: u32 = 12_000;

/// Interface statistics of a pcapng file by the numbers of their options (draft-ietf-opsawg-pcapng §4.6), summed: 4 is what was received,
/// 6 what the filter accepted, 7 what the system dropped, 8 what was delivered.
fn statistics(file: &Path) -> BTreeMap<u16, u64> {
    let octets = fs::read(file).unwrap();
    let word = |at: usize| u32::from_le_bytes(octets[at..at + 4].try_into().unwrap());
    let half = |at: usize| u16::from_le_bytes(octets[at..at + 2].try_into().unwrap());
    let (mut at, mut sums) = (0, BTreeMap::new());
    while at < octets.len() {
        let (kind, len) = (word(at), word(at + 4) as usize);
        assert_eq!(word(at + len - 4) as usize, len, "a block has its length twice");
        let mut option = at + 20;
        while kind == 5 && option + 4 <= at + len - 4 && half(option) != 0 {
            let (code, option_len) = (half(option), usize::from(half(option + 2)));
            if option_len == 8 {
                let value = u64::from_le_bytes(octets[option + 4..option + 12].try_into().unwrap());
                *sums.entry(code).or_default() += value;
            }
            option += 4 + option_len.next_multiple_of(4);
        }
        at += len;
    }
    sums
}

/// The kernel says how many packets there were: nobody waits longer than for the last of them, and none is left behind.
#[test]
fn a_ring_ends_with_its_last_packet() {
    if !support::on_client("a_ring_ends_with_its_last_packet") {
        return;
    }
    let lo = Netlink::open().unwrap().link("lo").unwrap().index;
    let (from, to) = (UdpSocket::bind("127.0.0.1:0").unwrap(), UdpSocket::bind("127.0.0.1:0").unwrap());
    let mut took = Vec::new();
    for retire_ms in [4, 20, 200] {
        for count in [0_u64, 1, 30] {
            let options = RingOptions { retire_ms, ..RingOptions::default() };
            let mut ring = Ring::open(Source::Interface(lo, LinkType::ETHERNET), &options).unwrap();
            for _ in 0..count {
                from.send_to(b"hello", to.local_addr().unwrap()).unwrap();
            }
            let (mut shown, begun) = (0, Instant::now());
            ring.finish(&mut |_| shown += 1).unwrap();
            took.push(begun.elapsed());
            // Those that leave are seen as well, and not shown.
            assert_eq!((shown, ring.copies()), (count, count), "{retire_ms} ms");
            assert_eq!(ring.statistics().unwrap().packets, 2 * count, "{retire_ms} ms");
        }
    }
    // Twice the time of a block, and 20 ms, is what everybody waited before.
    assert!(took[0].min(took[3]).min(took[6]) < Duration::from_millis(20), "{took:?}");
}

#[test]
fn what_a_ring_could_not_hold_is_counted_everywhere() {
    for options in
        [&["-B", "64"][..], &["-B", "1"], &["-B", "64", "--threads", "2"], &["-B", "64", "--immediate-mode"]]
    {
        let Some(lab) = lab() else { return };
        let arguments = [&["-i", "eth0", "-Q", "out"], options, &["udp dst port 4001"]].concat();
        let mut capture = Capture::start(&lab, Host::Client, "overrun.pcapng", &arguments);
        // As a disk that does not answer, or a machine that has others to serve.
        let program = innermost(capture.child.id());
        send_signal(program, SIGSTOP).unwrap();
        send(&lab, SENT, "ip(dst=10.77.2.2)/udp(srcport=4000, dstport=4001)/data(zeros=1000)");
        send_signal(program, SIGCONT).unwrap();
        // Whoever answers goes on.
        send_signal(program, SIGUSR1).unwrap();
        capture.said("packets captured so far");
        std::thread::sleep(Duration::from_millis(300));
        // Who goes on is not behind for ever: what comes now is there.
        send(&lab, 5, "ip(dst=10.77.2.2)/udp(srcport=4000, dstport=4001)/\"late\"");
        let counts = capture.counts(Some(SIGTERM));
        assert_eq!(counts.received, u64::from(SENT) + 5, "{options:?}: {counts:?}");
        assert!(counts.dropped > u64::from(SENT) / 3 && counts.captured > 5, "{options:?}: {counts:?}");
        assert_eq!(counts.captured + counts.dropped + counts.left_out, counts.received, "{options:?}");
        assert_eq!(whole(&capture.file), counts.captured, "{options:?}");
        assert_eq!(support::capture::tshark(&capture.file, "frame.len < 100"), 5, "{options:?}");
        let told = statistics(&capture.file);
        let of = |code: u16| told.get(&code).copied();
        assert_eq!(
            (of(6), of(7), of(8)),
            (Some(counts.received), Some(counts.dropped), Some(counts.captured)),
            "{options:?}: {told:?}"
        );
    }
}
