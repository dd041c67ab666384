//! How capture files are packed: told by their first octets when they are read, by their names when they are written.

use std::io::{self, Write};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use lz4_flex::frame::{BlockSize, FrameEncoder, FrameInfo};

/// A way to pack a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    /// gzip (RFC 1952).
    Gzip,
    /// Zstandard (RFC 8878); it is read, and not written.
    Zstd,
    /// lz4's frame format.
    Lz4,
}

impl Packing {
    /// By the first octets of a file.
    pub(super) fn by_magic(octets: &[u8]) -> Option<Self> {
        MAGICS.iter().find(|(begin, _)| octets.starts_with(begin)).map(|(_, packing)| *packing)
    }

    /// By the ending of a file's name.
    pub fn by_name(path: &Path) -> Option<Self> {
        let ending = path.extension()?;
        ENDINGS.iter().find(|(known, _)| ending == *known).map(|(_, packing)| *packing)
    }

    /// The program that packs and unpacks it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Lz4 => "lz4",
        }
    }

    /// Packs octets as a gzip member or an lz4 frame of their own, which may stand behind others: what was packed before is
    /// whole, whatever comes behind it.
    pub(super) fn pack(self, octets: &[u8], packed: &mut Vec<u8>) -> io::Result<()> {
        match self {
            Self::Gzip => {
                let mut encoder = GzEncoder::new(packed, Compression::default());
                encoder.write_all(octets)?;
                encoder.finish().map(|_| ())
            }
            Self::Lz4 => {
                let info = FrameInfo::new().block_size(BlockSize::Max256KB).content_checksum(true);
                let mut encoder = FrameEncoder::with_frame_info(info, packed);
                encoder.write_all(octets)?;
                encoder.finish().map(|_| ()).map_err(io::Error::from)
            }
            Self::Zstd => Err(io::ErrorKind::Unsupported.into()),
        }
    }
}

/// How packed files begin.
const MAGICS: [(&[u8], Packing); 3] = [
    (&[0x1f, 0x8b], Packing::Gzip),
    (&[0x28, 0xb5, 0x2f, 0xfd], Packing::Zstd),
    (&[0x04, 0x22, 0x4d, 0x18], Packing::Lz4),
];

/// How their names end.
const ENDINGS: [(&str, Packing); 3] = [("gz", Packing::Gzip), ("zst", Packing::Zstd), ("lz4", Packing::Lz4)];
