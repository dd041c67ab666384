//! Any octets as a packed capture file: unpacking ends, and takes no more memory than a packet has; what was packed here is
//! unpacked to the same.

use std::io::Cursor;

use rawsock::file::{CaptureReader, Packing};

use super::capture_file::{read, written};

/// Holds it. The first octet says how the file is packed; what stands behind it follows that magic, or is a plain file to be packed.
pub fn check(input: &[u8]) {
    let Some((first, rest)) = input.split_first() else { return };
    if first & 0x80 != 0 {
        let (packets, link_types, _) = read(Cursor::new(rest.to_vec()), rest.len());
        for packing in [Packing::Gzip, Packing::Lz4] {
            written(&packets, &link_types, Some(packing));
        }
        return;
    }
    let magic = MAGICS[usize::from(*first) % MAGICS.len()];
    let file = [magic, rest].concat();
    let Ok(mut reader) = CaptureReader::new(Cursor::new(file)) else { return };
    // A thousandfold is what gzip can hold in its octets; whoever reads decides when it is enough.
    for _ in 0..10_000 {
        match reader.next() {
            Ok(None) => return,
            Ok(Some(frame)) => assert!(frame.data.len() <= 128 << 20),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
}

const MAGICS: [&[u8]; 3] = [&[0x1f, 0x8b, 8], &[0x28, 0xb5, 0x2f, 0xfd], &[0x04, 0x22, 0x4d, 0x18]];
