//! Why a capture file, or the rest of it, cannot be read.

use std::io;

use crate::sys::error::{Cause, words};

/// Why a file, or the rest of it, cannot be read. Offsets are octets from the file's beginning; in a packed file, from the
/// beginning of what it holds.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file cannot be opened.
    #[error("open {path}: {}", words(source))]
    Open {
        /// Its name.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// The system cannot read on.
    #[error("read at octet {offset}: {}", Cause(source))]
    Io {
        /// Where.
        offset: u64,
        /// What the system said.
        source: io::Error,
    },
    /// The file is no pcap and no pcapng.
    #[error("not a capture file: it begins neither as pcap nor as pcapng")]
    NotACapture,
    /// The file is packed in a way that is not unpacked here.
    #[error("compressed with {how}: unpack it first, as in `{how} -dc FILE | rawsock read -`")]
    Compressed {
        /// The program that packs and unpacks it.
        how: &'static str,
    },
    /// The file ends in the middle of something: a writer that was stopped, a copy that was not finished.
    #[error("cut short: of the {what} of {wanted} octets at octet {offset}, only {there} are there")]
    Truncated {
        /// Where it begins.
        offset: u64,
        /// What is cut.
        what: &'static str,
        /// Octets that it should have.
        wanted: u64,
        /// Octets that are there.
        there: u64,
    },
    /// A packed file ends before what it holds does.
    #[error("cut short: the {how} data ends after {there} octets of what it holds")]
    PackedCut {
        /// How it is packed.
        how: &'static str,
        /// Octets that could be unpacked.
        there: u64,
    },
    /// A packed file that cannot be unpacked to its end.
    #[error(
        "damaged {how} data after {there} octets of what it holds: {reason}; what follows cannot be read"
    )]
    PackedDamaged {
        /// How it is packed.
        how: &'static str,
        /// Octets that could be unpacked.
        there: u64,
        /// What the decoder found.
        reason: String,
    },
    /// Something that cannot be.
    #[error("damaged at octet {offset}: {damage}{}", if *goes_on { "" } else { "; what follows cannot be read" })]
    Damaged {
        /// Where the record or block begins.
        offset: u64,
        /// What is wrong with it.
        damage: Damage,
        /// Whether reading goes on behind it.
        goes_on: bool,
    },
}

impl ReadError {
    /// Whether there may be more packets behind it.
    pub fn goes_on(&self) -> bool {
        matches!(self, Self::Damaged { goes_on: true, .. })
    }
}

/// What is wrong with a record or a block. Lengths are octets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// A packet longer than any that exists.
    #[error("a packet of {len} octets; no link has more than {most}")]
    PacketTooLarge {
        /// What the file says.
        len: u32,
        /// What is believed.
        most: u32,
    },
    /// A packet that does not fit in its block.
    #[error("a packet of {len} octets in a block that has room for {room}")]
    PacketOutsideBlock {
        /// What the packet says.
        len: u32,
        /// What the block has.
        room: u32,
    },
    /// A packet, or statistics, of an interface that the section does not describe.
    #[error("a block of interface {interface} in a section that describes {described}")]
    UnknownInterface {
        /// The number in the section.
        interface: u32,
        /// How many there are in it.
        described: u32,
    },
    /// A block with an impossible length.
    #[error("a block of {len} octets; it must be a multiple of 4, and at least 12")]
    BlockLength {
        /// What the file says.
        len: u32,
    },
    /// A block that says its length differently at its two ends.
    #[error("a block of {first} octets by its beginning, and of {last} by its end")]
    BlockLengths {
        /// At the beginning.
        first: u32,
        /// At the end.
        last: u32,
    },
    /// A block longer than a packet and its options can be, and than is taken into memory.
    #[error("a block of {len} octets; none that holds a packet has more than {most}")]
    BlockTooLarge {
        /// What the file says.
        len: u32,
        /// What is believed.
        most: u32,
    },
    /// A block that is too short for its kind.
    #[error("a {kind} block of {len} octets; it has at least {least}")]
    BlockTooShort {
        /// Its kind.
        kind: &'static str,
        /// What the file says.
        len: u32,
        /// What it needs.
        least: u32,
    },
    /// A section header without the number that tells its byte order.
    #[error("a section header whose byte order cannot be told: {magic:#010x}")]
    ByteOrder {
        /// What stands in the place of 0x1a2b3c4d.
        magic: u32,
    },
    /// A file, or a section of one, in a version of the format that is not known.
    #[error("version {major} of {format}; version {known} is known")]
    Version {
        /// The format's name.
        format: &'static str,
        /// The major version that the file says it has.
        major: u16,
        /// The major version that can be read.
        known: u16,
    },
    /// More interfaces than are kept in memory.
    #[error("more than {most} interfaces")]
    TooManyInterfaces {
        /// What is kept.
        most: u32,
    },
}
