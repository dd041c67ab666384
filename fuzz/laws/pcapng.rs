//! Any octets as a pcapng file: those of [`capture_file`](super::capture_file), and that every block comes out as it stands there.

use std::io::Cursor;

use rawsock::file::{CaptureReader, Item};

use super::capture_file;

/// Holds it; a file that does not begin as pcapng is left to others.
pub fn check(input: &[u8]) {
    if !input.starts_with(&[0x0a, 0x0d, 0x0d, 0x0a]) {
        return;
    }
    let file = input.to_vec();
    if let Ok(mut reader) = CaptureReader::new(Cursor::new(file.clone())) {
        reader.keep_blocks();
        let first = reader.first_block().map_or(0, |block| block.octets().len());
        let (mut ended, mut total) = (false, first);
        for _ in 0..file.len() / 8 + 2 {
            match reader.next_item() {
                Ok(None) => ended = true,
                Ok(Some(Item::Block(block) | Item::Packet(_, Some(block)))) => {
                    total += block.octets().len();
                    assert!(block.body().len() + 12 == block.octets().len());
                }
                Ok(Some(Item::Packet(_, None))) => panic!("packets of pcapng stand in blocks"),
                Err(error) => assert!(!error.to_string().is_empty()),
            }
        }
        assert!(ended, "reading does not end");
        // The first block may be told twice: beforehand, and in its turn.
        assert!(total <= file.len() + first, "{total} octets of blocks out of {}", file.len());
    }
    capture_file::check(file);
}
