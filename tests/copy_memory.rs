//! Merging and copying keep one packet of each file: memory does not grow with the files. A test program of its own, because
//! it looks at the peak of the whole process.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, reason = "test code")]

mod support;

use std::path::Path;

use rawsock::file::{
    CaptureReader, CaptureWriter, Copier, CopyOptions, Interface, Item, Merge, Split, WriteOptions,
};
use rawsock::wire::frame::{Frame, LinkType};
use support::peak::of_this_process;

#[test]
fn merging_and_splitting_does_not_fill_the_memory() {
    let folder = tempfile::tempdir().unwrap();
    let paths = ["a.pcapng", "b.pcap", "c.pcapng.lz4"].map(|name| folder.path().join(name));
    for (path, first) in paths.iter().zip(0..) {
        write(path, first);
    }
    let before = of_this_process();
    let options = CopyOptions {
        merged: paths.len(),
        split: Split { packets: Some(PACKETS as u64), ..Split::default() },
        ..CopyOptions::default()
    };
    let mut copier = Copier::create(&folder.path().join("all.pcapng"), options).unwrap();
    let mut readers: Vec<_> = paths.iter().map(|path| CaptureReader::open(path).unwrap()).collect();
    readers.iter_mut().for_each(CaptureReader::keep_blocks);
    let (mut merge, mut last) = (Merge::new(readers), None);
    while merge.advance().unwrap() {
        match merge.current().unwrap() {
            (source, Item::Packet(frame, block), interfaces) => {
                assert!(last <= frame.time);
                last = frame.time;
                copier.packet(source, &frame, block.as_ref(), interfaces, &[]).unwrap();
            }
            (source, Item::Block(block), interfaces) => copier.block(source, &block, interfaces).unwrap(),
        }
    }
    assert!(copier.finish().unwrap().is_empty());
    let grown = of_this_process() - before;
    assert!(grown < 8_000, "{grown} kB more");
    let whole = |number: usize| {
        let mut reader = CaptureReader::open(&folder.path().join(format!("all_{number:05}.pcapng"))).unwrap();
        (0..).find(|_| reader.next().unwrap().is_none()).unwrap()
    };
    assert_eq!([whole(1), whole(2), whole(3)], [PACKETS; 3]);
}

/// A capture of some 20 MB.
fn write(path: &Path, first: i64) {
    let mut writer = CaptureWriter::create(path, WriteOptions::default()).unwrap();
    writer.add_interface(&Interface::of(LinkType::ETHERNET)).unwrap();
    for number in 0..PACKETS {
        let data = [number as u8; 1000];
        let time = Some(first + 3 * number as i64);
        writer.write(&Frame { time, ..Frame::new(&data, LinkType::ETHERNET) }).unwrap();
    }
    writer.finish().unwrap();
}

const PACKETS: usize = 20_000;
