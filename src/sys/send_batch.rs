//! Sending many packets with one call (sendmmsg(2)).

use std::io;
use std::mem;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd};

use socket2::SockAddr;

use crate::wire::packet_batch::PacketBatch;

/// What a call is told of its packets. It is used again for each call, which points it at its own.
#[derive(Debug, Default)]
pub struct SendBatch {
    pieces: Vec<libc::iovec>,
    headers: Vec<libc::mmsghdr>,
    addresses: Vec<SockAddr>,
}

// SAFETY: what the pointers lead to is owned, or used during a call only: nothing in it belongs to a thread.
unsafe impl Send for SendBatch {}

impl SendBatch {
    /// Sends the packets of `batch` at `places`, each to its address where there are addresses. Returns how many have left, at
    /// least one. `flags` are those of send(2).
    ///
    /// # Errors
    /// Why the first did not leave.
    pub(super) fn send(
        &mut self,
        socket: &impl AsFd,
        (batch, places): (&PacketBatch, std::ops::Range<usize>),
        addresses: impl Iterator<Item = SocketAddr>,
        flags: i32,
    ) -> io::Result<usize> {
        let count = libc::c_uint::try_from(self.point_at(batch, places, addresses)).unwrap_or(0);
        if count == 0 {
            return Ok(0);
        }
        // SAFETY: there are `count` headers or more, whose pieces and addresses lie in `pieces`, `batch` and `addresses`, all of which
        // live for the call.
        let sent = unsafe {
            libc::sendmmsg(socket.as_fd().as_raw_fd(), self.headers.as_mut_ptr(), count, flags as _)
        };
        usize::try_from(sent).map_err(|_| io::Error::last_os_error())
    }

    /// Has the headers point at the packets; how many these are.
    fn point_at(
        &mut self,
        batch: &PacketBatch,
        places: std::ops::Range<usize>,
        addresses: impl Iterator<Item = SocketAddr>,
    ) -> usize {
        let count = places.len();
        if self.headers.len() < count {
            // Each header leads to its own piece, for good: the pieces move only when there are more of them.
            self.pieces.resize(count, libc::iovec { iov_base: std::ptr::null_mut(), iov_len: 0 });
            self.headers.clear();
            for piece in &mut self.pieces {
                // SAFETY: mmsghdr is plain data, for which all zeros are valid.
                let mut header: libc::mmsghdr = unsafe { mem::zeroed() };
                header.msg_hdr.msg_iov = std::ptr::from_mut(piece);
                header.msg_hdr.msg_iovlen = 1;
                self.headers.push(header);
            }
        }
        for (place, piece) in places.zip(&mut self.pieces) {
            let packet = batch.get(place);
            // sendmsg(2) only reads what an iovec points at, whose pointer is mutable for recvmsg(2).
            piece.iov_base = packet.as_ptr().cast_mut().cast();
            piece.iov_len = packet.len();
        }
        self.addresses.clear();
        self.addresses.extend(addresses.take(count).map(SockAddr::from));
        for (header, address) in self.headers.iter_mut().zip(&self.addresses) {
            header.msg_hdr.msg_name = address.as_ptr().cast_mut().cast();
            header.msg_hdr.msg_namelen = address.len();
        }
        count
    }
}
