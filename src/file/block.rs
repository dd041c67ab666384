//! What a capture file consists of: packets, and the blocks of pcapng that say something else.

use pcap_file::Endianness;

use super::octets::{half, word};
use crate::wire::frame::Frame;

/// What a file has next.
#[derive(Debug, Clone, Copy)]
pub enum Item<'a> {
    /// A packet; in pcapng with the block that it stands in.
    Packet(Frame<'a>, Option<Block<'a>>),
    /// A block of pcapng without a packet.
    Block(Block<'a>),
}

/// A block of pcapng, as it stands in the file.
#[derive(Debug, Clone, Copy)]
pub struct Block<'a> {
    pub(super) kind: u32,
    pub(super) octets: &'a [u8],
    pub(super) order: Endianness,
    pub(super) interface: Option<u32>,
}

impl<'a> Block<'a> {
    /// Its type (draft-ietf-opsawg-pcapng, section 11.1).
    pub fn kind(&self) -> u32 {
        self.kind
    }

    /// All of it, from the type to the second length.
    pub fn octets(&self) -> &'a [u8] {
        self.octets
    }

    /// What stands between its two lengths.
    pub fn body(&self) -> &'a [u8] {
        self.octets.get(BODY_AT..self.octets.len().saturating_sub(4)).unwrap_or_default()
    }

    /// The interface that it is of or describes, counted from 0 over the whole file.
    pub fn interface(&self) -> Option<u32> {
        self.interface
    }

    /// 16 bits of the body, in the section's byte order; 0 where they are not there.
    pub fn half(&self, at: usize) -> u16 {
        half(self.body(), at, self.order)
    }

    /// 32 bits of the body, in the section's byte order; 0 where they are not there.
    pub fn word(&self, at: usize) -> u32 {
        word(self.body(), at, self.order)
    }
}

/// A block that is kept while the file goes on.
#[derive(Debug, Clone)]
pub struct OwnedBlock {
    kind: u32,
    octets: Vec<u8>,
    order: Endianness,
    interface: Option<u32>,
}

impl From<Block<'_>> for OwnedBlock {
    fn from(block: Block<'_>) -> Self {
        let Block { kind, octets, order, interface } = block;
        Self { kind, octets: octets.to_vec(), order, interface }
    }
}

impl OwnedBlock {
    /// The block.
    pub fn borrowed(&self) -> Block<'_> {
        Block { kind: self.kind, octets: &self.octets, order: self.order, interface: self.interface }
    }
}

/// Octets of type and length.
pub(super) const BODY_AT: usize = 8;
