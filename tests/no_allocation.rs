//! Dissecting a packet allocates nothing, and neither do its checks, the usual field filters, and its line and its JSON once
//! their buffer has grown.
#![allow(unsafe_code, clippy::unwrap_used, reason = "an allocator that counts, in test code")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use jiff::tz::TimeZone;
use rawsock::filter::field::{About, FieldFilter};
use rawsock::packet::check::Dissected;
use rawsock::packet::dissect::dissect;
use rawsock::proto::view::EndPointStyle;
use rawsock::show::line::Lines;
use rawsock::show::time::{Clock, Precision, Style};
use rawsock::show::{Meta, json};
use rawsock::wire::frame::LinkType;
use rawsock::wire::layers::LayerTable;
use rawsock::wire::text::Text;

/// The system's allocator, which counts what this thread asks it for.
struct Counting;

thread_local! {
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: all calls are passed on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // While a thread ends its counter may be gone: then nobody asks for it either.
        let _ = COUNT.try_with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations(work: impl FnOnce()) -> usize {
    let before = COUNT.with(Cell::get);
    work();
    COUNT.with(Cell::get) - before
}

/// Ethernet, IPv4 with options, TCP with options; an ICMP error that quotes; IPv6 with a chain of headers.
const PACKETS: [&str; 3] = [
    "02000000000102000000000208004600003c0001000040060000c0000201c00002029404000000500051000000010000000250120400000000000204ffff0402080a0000000100000002",
    "02000000000102000000000208004500003800010000400100000a0000fe0a0000010b00000000000000450000280001000001110000 0a0000010a000002c000829b00140000",
    "02000000000102000000000286dd6000000000180040fd000000000000000000000000000001fd0000000000000000000000000000021100010400000000c000000700100001 0102030405060708",
];

#[test]
fn dissecting_checking_and_printing_allocate_nothing() {
    let packets = PACKETS.map(|text| hex::decode(text.replace(' ', "")).unwrap());
    let mut table = LayerTable::default();
    let mut out = Text::with_capacity(1 << 16);
    let mut lines = Lines {
        numbers: true,
        style: EndPointStyle::default(),
        clock: Clock::new(Style::Epoch, Precision::Nano, TimeZone::UTC),
        interfaces: false,
        link: true,
    };
    let meta = Meta { time: Some(1), ..Meta::built(1, LinkType::ETHERNET) };
    // The registry, the descriptions of the protocols that are met, and whatever else is made once.
    let mut remembering = json::Writer::default();
    for octets in &packets {
        dissect(octets, LinkType::ETHERNET, &mut table);
        let dissected = Dissected { octets, table: &table, wire_len: octets.len() };
        json::write(&mut out, &meta, &dissected);
        remembering.packet(&mut out, &meta, &dissected);
    }
    for octets in &packets {
        let counted = allocations(|| dissect(octets, LinkType::ETHERNET, &mut table));
        assert_eq!(counted, 0, "dissect");
        assert!(table.entries().len() >= 3, "the packet is understood");
        let dissected = Dissected { octets, table: &table, wire_len: octets.len() };
        let mut findings = 0;
        assert_eq!(allocations(|| dissected.findings(&mut |_| findings += 1)), 0, "findings");
        assert!(findings > 0, "the checksums are wrong");
        out.clear();
        assert_eq!(allocations(|| lines.packet(&mut out, &meta, &dissected)), 0, "line: {out:?}");
        out.clear();
        assert_eq!(allocations(|| json::write(&mut out, &meta, &dissected)), 0, "json: {out:?}");
        out.clear();
        let counted = allocations(|| remembering.packet(&mut out, &meta, &dissected));
        assert_eq!(counted, 0, "json, remembering: {out:?}");
    }
}

/// What a filter may look at without allocating: all but texts that are made and octets that are joined.
const FILTERS: &[&str] = &[
    "tcp.flags.syn == 1 and ip.addr == 192.0.2.0/24",
    "tcp.port in {80, 443, 8000..8999} or not ipv6.addr == fe80::/10",
    "ip.opt.ra == 0 and not tcp.options.mss_val > 1000 and ip.options",
    "frame[12:2] == 08:00 and frame contains 02:04 and ip.ttl#[-1] + 1 > 64",
    "icmp.type == 11 or ip.checksum.status == Good or max(tcp.srcport, udp.srcport) < 1024",
    "tcp.len > 0 xor frame.len == frame.cap_len or count(ip) == 2",
];

#[test]
fn usual_field_filters_allocate_nothing() {
    let packets = PACKETS.map(|text| hex::decode(text.replace(' ', "")).unwrap());
    let mut table = LayerTable::default();
    for text in FILTERS {
        let filter = FieldFilter::compile(text).unwrap();
        let mut taken = 0;
        for octets in &packets {
            dissect(octets, LinkType::ETHERNET, &mut table);
            let dissected = Dissected { octets, table: &table, wire_len: octets.len() };
            let about = About::default();
            assert_eq!(allocations(|| taken += i32::from(filter.matches(&dissected, &about))), 0, "{text}");
        }
        assert!(taken > 0, "{text} takes a packet");
    }
}
