//! News of interfaces, as they come: up, down, renamed, made, removed.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use netlink_packet_core::NetlinkBuffer;
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};

use super::error::NetlinkError;
use super::link::Link;

/// What has become of an interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkNews {
    /// It is there, in this state; whether that is another one than before is for the reader to tell.
    Is(Link),
    /// It is gone.
    Removed(Link),
    /// There was more news than the kernel could keep: whoever must know asks for all interfaces.
    Lost,
}

/// A socket that hears of interfaces (the group RTNLGRP_LINK of rtnetlink(7)), in the network namespace in which it was
/// opened. It is readable when there is news.
#[derive(Debug)]
pub struct LinkMonitor {
    socket: Socket,
}

impl LinkMonitor {
    /// Begins to listen.
    ///
    /// # Errors
    /// [`NetlinkError::Open`] when the system has no descriptors or no netlink to give.
    pub fn open() -> Result<Self, NetlinkError> {
        let open = || -> io::Result<Socket> {
            let mut socket = Socket::new(NETLINK_ROUTE)?;
            socket.bind_auto()?;
            socket.add_membership(libc::RTNLGRP_LINK)?;
            socket.set_non_blocking(true)?;
            // Only what the kernel itself says counts (netlink(7): port 0).
            socket.connect(&SocketAddr::new(0, 0))?;
            Ok(socket)
        };
        open().map(|socket| Self { socket }).map_err(|source| NetlinkError::Open { source })
    }

    /// All news that has come, without waiting.
    ///
    /// # Errors
    /// [`NetlinkError::Exchange`] when the socket fails.
    pub fn news(&self) -> Result<Vec<LinkNews>, NetlinkError> {
        let mut news = Vec::new();
        loop {
            match self.socket.recv_from_full() {
                Ok((datagram, _)) => read(&datagram, &mut news),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(news),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => news.push(LinkNews::Lost),
                Err(source) => {
                    let call = "hear of interfaces".to_owned();
                    return Err(NetlinkError::Exchange { call, source });
                }
            }
        }
    }
}

/// Reads the messages of a datagram; what is no news of an interface is passed over.
fn read(mut datagram: &[u8], news: &mut Vec<LinkNews>) {
    const HEADER_LEN: usize = 16;
    while let Ok(message) = NetlinkBuffer::new_checked(datagram) {
        let len = message.length() as usize;
        let payload = datagram.get(HEADER_LEN..len).unwrap_or_default();
        match (message.message_type(), Link::read(payload)) {
            (libc::RTM_NEWLINK, Some(link)) => news.push(LinkNews::Is(link)),
            (libc::RTM_DELLINK, Some(link)) => news.push(LinkNews::Removed(link)),
            _ => {}
        }
        // Messages are aligned to 4 octets (netlink(7), NLMSG_ALIGN).
        let next = len.next_multiple_of(4);
        datagram = match datagram.get(next..) {
            Some(rest) if next > 0 => rest,
            _ => return,
        };
    }
}

impl AsFd for LinkMonitor {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
