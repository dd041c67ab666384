//! News of interfaces, as they come: up, down, renamed, made, removed.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};

use super::error::NetlinkError;
use super::link::Link;
use super::message::Messages;

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

/// Reads the messages of a datagram; what is no news of an interface is passed over. So is what a bridge says of its ports, which come
/// and go while the interface stays (`br_ifinfo_notify` in net/bridge/br_netlink.c).
pub(super) fn read(datagram: &[u8], news: &mut Vec<LinkNews>) {
    for message in Messages::of(datagram).map_while(Result::ok) {
        let is_of_interfaces =
            message.body.first().is_some_and(|family| i32::from(*family) == libc::AF_UNSPEC);
        match (message.kind, Link::read(message.body).filter(|_| is_of_interfaces)) {
            (libc::RTM_NEWLINK, Some(link)) => news.push(LinkNews::Is(link)),
            (libc::RTM_DELLINK, Some(link)) => news.push(LinkNews::Removed(link)),
            _ => {}
        }
    }
}

impl AsFd for LinkMonitor {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RTM_DELLINK as Linux sends it (`strace -e recvfrom ip monitor link`, shortened): an Ethernet, index 9, and its name, "v0".
    fn removed(family: u8) -> Vec<LinkNews> {
        let mut datagram = [[40, 0, 0, 0], [17, 0, 0, 0], [0; 4], [0; 4]].concat();
        datagram.extend([[family, 0, 1, 0], [9, 0, 0, 0], [0x43, 0x10, 0, 0], [0; 4]].concat());
        datagram.extend([[7, 0, 3, 0], [b'v', b'0', 0, 0]].concat());
        let mut news = Vec::new();
        read(&datagram, &mut news);
        news
    }

    #[test]
    fn a_port_that_leaves_its_bridge_is_still_an_interface() {
        assert!(matches!(&removed(0)[..], [LinkNews::Removed(link)] if link.name == "v0" && link.index == 9));
        const AF_BRIDGE: u8 = 7;
        assert_eq!(removed(AF_BRIDGE), []);
    }
}
