//! Packets on their way to one call that sends them: the pieces that each leaves in.

use std::net::SocketAddr;

use crate::exchange::engine::SendError;
use crate::sys::send_batch::SendBatch;
use crate::wire::packet_batch::PacketBatch;

/// What is sent with one call.
#[derive(Debug, Default)]
pub(super) struct Leaving {
    pub(super) pieces: PacketBatch,
    /// Where each piece goes, and of which packet it is.
    pub(super) to: Vec<SocketAddr>,
    pub(super) of: Vec<usize>,
    pub(super) calls: SendBatch,
    /// Packets that did not leave.
    pub(super) failed: Vec<(usize, SendError)>,
}

impl Leaving {
    /// Forgets all, and keeps the room.
    pub(super) fn clear(&mut self) {
        self.pieces.clear();
        self.to.clear();
        self.of.clear();
        self.failed.clear();
    }

    /// Adds a piece of the packet with this index.
    pub(super) fn push(&mut self, index: usize, piece: &[u8], to: SocketAddr) {
        self.pieces.push(piece);
        self.to.push(to);
        self.of.push(index);
    }
}
