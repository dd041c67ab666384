//! Why a capture file cannot be written.

use std::error::Error;
use std::io;

use crate::sys::error::{Cause, words};
use crate::wire::frame::LinkType;

/// Why a file cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// It cannot be made.
    #[error("create {path}: {}", words(source))]
    Create {
        /// Its name.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// It is the file that is read.
    #[error("write {path}: it is the file that is read; choose another name")]
    SameFile {
        /// Its name.
        path: String,
    },
    /// zstd is read, but not written.
    #[error("create {path}: zstd is not written here; a name that ends in .lz4 or .gz packs the file too")]
    Zstd {
        /// Its name.
        path: String,
    },
    /// It takes no more, as when the disk is full.
    #[error("write {path}: {}; it is whole up to packet {packets}, and ends there", Cause(source))]
    Write {
        /// Its name.
        path: String,
        /// What the system said.
        source: io::Error,
        /// Packets that are in it.
        packets: u64,
    },
    /// A pcap file has one link type for all packets, pcapng has one for each interface.
    #[error(
        "write {path}: a packet of link type {} among packets of link type {}; a pcapng file with an interface for \
         each takes both", given.0, described.0
    )]
    LinkTypes {
        /// Its name.
        path: String,
        /// The file's, or the interface's.
        described: LinkType,
        /// The packet's, or the further interface's.
        given: LinkType,
    },
    /// A packet, or counts, of an interface that was not added.
    #[error("write {path}: interface {interface} was not described")]
    UnknownInterface {
        /// Its name.
        path: String,
        /// The number.
        interface: u32,
    },
    /// Octets that are more than a length in the file can say.
    #[error("write {path}: a {what} of {len} octets does not fit into a capture file")]
    TooLong {
        /// Its name.
        path: String,
        /// What is too long.
        what: &'static str,
        /// How long it is.
        len: usize,
    },
    /// What the format cannot say, such as a link type of more than 16 bits.
    #[error("write {path}: {reason}")]
    Format {
        /// Its name.
        path: String,
        /// Why.
        reason: Box<dyn Error + Send + Sync>,
    },
}

impl WriteError {
    /// Whether the file is a pipe that nobody reads any more.
    pub fn is_reader_gone(&self) -> bool {
        matches!(self, Self::Write { source, .. } if source.kind() == io::ErrorKind::BrokenPipe)
    }
}
