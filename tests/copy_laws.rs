//! What holds for copies of every file, damaged ones too: the copy is whole, and has the packets that can be read.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod blocks;

use std::io::Cursor;
use std::path::Path;

use blocks::every_kind;
use proptest::prelude::*;
use proptest::sample::Index;
use rawsock::file::{CaptureReader, Copier, CopyOptions, Item, Merge};

/// Copies files as `read` does; gives the octets of the packets that were copied.
fn copy(files: &[Vec<u8>], target: &Path, truncate: Option<u32>, comments: &[String]) -> Vec<Vec<u8>> {
    let merged = if files.len() > 1 { files.len() } else { 0 };
    let options = CopyOptions { merged, truncate, is_changed: true, ..CopyOptions::default() };
    let mut copier = Copier::create(target, options).unwrap();
    let readers = files.iter().filter_map(|file| CaptureReader::new(Cursor::new(file.clone())).ok());
    let mut readers: Vec<CaptureReader> = readers.collect();
    for reader in &mut readers {
        reader.keep_blocks();
        if let Some(block) = reader.first_block() {
            copier.head(&block);
        }
    }
    let (mut merge, mut packets) = (Merge::new(readers), Vec::new());
    loop {
        match merge.advance() {
            Ok(false) => break,
            Ok(true) => match merge.current().unwrap() {
                (source, Item::Packet(frame, block), interfaces) => {
                    copier.packet(source, &frame, block.as_ref(), interfaces, comments).unwrap();
                    let most = truncate.map_or(usize::MAX, |most| most as usize);
                    packets.push(frame.data.get(..most).unwrap_or(frame.data).to_vec());
                }
                (source, Item::Block(block), interfaces) => copier.block(source, &block, interfaces).unwrap(),
            },
            Err(_) => {}
        }
    }
    copier.finish().unwrap();
    packets
}

/// Found by the law below: a simple packet is as long as its interface's snapshot length allows, also in a copy of its own.
#[test]
fn a_simple_packet_stays_cut_by_the_snapshot_length() {
    let mut file = every_kind(true);
    let section_len = u32::from_be_bytes(file[4..8].try_into().unwrap()) as usize;
    file[section_len + 12..section_len + 16].copy_from_slice(&1u32.to_be_bytes());
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("copy.pcapng");
    let packets = copy(&[file], &target, None, &[String::new()]);
    assert!(packets.iter().any(|packet| packet == b"a"), "{packets:?}");
    let mut reader = CaptureReader::open(&target).unwrap();
    for wanted in packets {
        assert_eq!(reader.next().unwrap().unwrap().data, &wanted[..]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_copy_of_a_damaged_file_is_whole(
        is_big in proptest::collection::vec(any::<bool>(), 1..4),
        changes in proptest::collection::vec((any::<Index>(), any::<Index>(), any::<u8>()), 0..6),
        cut in proptest::option::of(any::<Index>()),
        truncate in proptest::option::of(0u32..20),
        comments in proptest::collection::vec("\\PC{0,9}", 0..3),
    ) {
        let mut files: Vec<Vec<u8>> = is_big.iter().map(|is_big| every_kind(*is_big)).collect();
        for (file, at, octet) in changes {
            let file = file.index(files.len());
            let at = at.index(files[file].len());
            files[file][at] = octet;
        }
        if let Some(cut) = cut {
            let at = cut.index(files[0].len());
            files[0].truncate(at);
        }
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("copy.pcapng");
        let packets = copy(&files, &target, truncate, &comments);
        let mut reader = CaptureReader::open(&target).unwrap();
        for wanted in packets {
            let frame = reader.next().unwrap().unwrap();
            prop_assert_eq!(frame.data, &wanted[..]);
        }
        let end = reader.next().map(|frame| frame.is_none());
        prop_assert!(matches!(end, Ok(true)), "{:?}", end);
    }
}
