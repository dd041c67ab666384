//! Receiving many messages with one call (recvmmsg(2)), each with what the kernel says about it.

use std::io;
use std::mem;
use std::os::fd::{AsFd, AsRawFd};

use super::control_message::{About, Message, Queue, socket_address};

/// Room for some messages, which is used again for each call.
#[derive(Debug)]
pub struct ReceiveBatch {
    /// Octets that each message has room for.
    room: usize,
    octets: Vec<u8>,
    control: Vec<[u64; CONTROL_WORDS]>,
    names: Vec<libc::sockaddr_storage>,
    pieces: Vec<libc::iovec>,
    headers: Vec<libc::mmsghdr>,
    count: usize,
}

/// Messages that one call takes.
const MOST: usize = 24;
/// Room for all the control messages that we ask for at once, aligned as cmsg(3) wants it.
const CONTROL_WORDS: usize = 64;
/// How far the room of a message is behind that of the one before, beside its length: where that is a power of two, their first octets
/// would share few lines of the processor's cache.
const APART: usize = 5 * 64;

impl ReceiveBatch {
    /// Room for messages of so many octets each.
    pub fn new(room: usize) -> Self {
        // SAFETY: iovec, sockaddr_storage and mmsghdr are plain data, for which all zeros are valid.
        let (piece, name, header): (libc::iovec, libc::sockaddr_storage, libc::mmsghdr) =
            unsafe { (mem::zeroed(), mem::zeroed(), mem::zeroed()) };
        Self {
            room,
            // The kernel gives zeros page by page, as they are written into: what is not used costs nothing.
            octets: vec![0; room.saturating_add(APART).saturating_mul(MOST)],
            control: vec![[0; CONTROL_WORDS]; MOST],
            names: vec![name; MOST],
            pieces: vec![piece; MOST],
            headers: vec![header; MOST],
            count: 0,
        }
    }

    /// Receives what is there, without waiting. Whether there may be more.
    ///
    /// # Errors
    /// When the socket has an error of its own, which this call takes off it; then there is no message.
    pub fn receive(&mut self, socket: &impl AsFd, queue: Queue) -> io::Result<bool> {
        self.count = 0;
        self.point();
        let flags = libc::MSG_DONTWAIT | if queue == Queue::Errors { libc::MSG_ERRQUEUE } else { 0 };
        let (fd, most) = (socket.as_fd().as_raw_fd(), libc::c_uint::try_from(MOST).unwrap_or(0));
        // SAFETY: there are `most` headers, each of which points to its own name, piece (which points into `octets`) and control
        // words, all alive and of the lengths given; the kernel writes within them.
        let got =
            unsafe { libc::recvmmsg(fd, self.headers.as_mut_ptr(), most, flags as _, std::ptr::null_mut()) };
        match usize::try_from(got) {
            Ok(count) => {
                self.count = count.min(MOST);
                Ok(count >= MOST)
            }
            Err(_) => {
                let error = io::Error::last_os_error();
                match error.kind() {
                    io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => Ok(false),
                    _ => Err(error),
                }
            }
        }
    }

    /// The messages that the last call received.
    pub fn messages(&self) -> impl Iterator<Item = Message<'_>> {
        let rooms = self.octets.chunks(self.room.saturating_add(APART));
        let parts = self.headers.iter().zip(rooms).zip(self.control.iter().zip(&self.names));
        parts.take(self.count).map(|((header, room), (control, name))| {
            let len = usize::try_from(header.msg_len).unwrap_or(0).min(self.room);
            Message {
                octets: room.get(..len).unwrap_or_default(),
                from: socket_address(name, header.msg_hdr.msg_namelen as usize),
                about: About::of(control, header.msg_hdr.msg_controllen as _),
            }
        })
    }

    /// Has each header lead to its room again.
    fn point(&mut self) {
        let rooms = self.octets.chunks_mut(self.room.saturating_add(APART));
        let about = self.control.iter_mut().zip(&mut self.names);
        let headers = self.headers.iter_mut().zip(&mut self.pieces);
        for ((room, (control, name)), (header, piece)) in rooms.zip(about).zip(headers) {
            *piece = libc::iovec { iov_base: room.as_mut_ptr().cast(), iov_len: self.room };
            let header = &mut header.msg_hdr;
            header.msg_iov = std::ptr::from_mut(piece);
            header.msg_iovlen = 1;
            header.msg_name = std::ptr::from_mut(name).cast();
            header.msg_namelen = libc::socklen_t::try_from(mem::size_of_val(name)).unwrap_or(0);
            header.msg_control = control.as_mut_ptr().cast();
            header.msg_controllen = mem::size_of_val(control) as _;
            header.msg_flags = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::UdpSocket;

    #[test]
    fn messages_come_in_order_and_whole_whatever_their_number() {
        let to = UdpSocket::bind("127.0.0.1:0").unwrap();
        let from = UdpSocket::bind("127.0.0.1:0").unwrap();
        let mut batch = ReceiveBatch::new(100);
        assert!(!batch.receive(&to, Queue::Messages).unwrap());
        assert_eq!(batch.messages().count(), 0);
        for number in 0..=MOST as u8 {
            from.send_to(&vec![number; usize::from(number) * 5], to.local_addr().unwrap()).unwrap();
        }
        let mut came = Vec::new();
        let mut more = true;
        while more {
            more = batch.receive(&to, Queue::Messages).unwrap();
            came.extend(batch.messages().map(|message| (message.from, message.octets.to_vec())));
        }
        let sent = (0..=MOST).map(|number| vec![number as u8; (number * 5).min(100)]);
        let own = Some(from.local_addr().unwrap());
        assert_eq!(came, sent.map(|octets| (own, octets)).collect::<Vec<_>>());
        assert!(!batch.receive(&to, Queue::Errors).unwrap());
    }
}
