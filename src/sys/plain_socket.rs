//! Plain TCP and UDP sockets that do not wait: a connection attempt is started, and told when it is over.

use std::io::{self, Read};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd};

use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use super::error::SysError;
use super::error_queue::{self, Taken};
use super::ip_socket::set_option;

/// Stream or datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// TCP.
    Stream,
    /// UDP.
    Datagram,
}

/// A socket that is connected, or about to be.
#[derive(Debug)]
pub struct PlainSocket {
    socket: Socket,
    kind: Kind,
}

impl PlainSocket {
    /// Opens a socket and starts to connect it; ICMP errors about it are kept (IP_RECVERR).
    ///
    /// # Errors
    /// When no descriptor is left, the host has no such source address, or no route leads there.
    pub fn connect(kind: Kind, to: SocketAddr, from: Option<IpAddr>) -> Result<Self, SysError> {
        let (name, socket_kind, protocol) = match kind {
            Kind::Stream => ("a TCP socket", Type::STREAM, Protocol::TCP),
            Kind::Datagram => ("a UDP socket", Type::DGRAM, Protocol::UDP),
        };
        let socket = Socket::new(Domain::for_address(to), socket_kind, Some(protocol))
            .map_err(SysError::of("open", name))?;
        socket.set_nonblocking(true).map_err(SysError::of("set up", name))?;
        let errors = if to.is_ipv4() {
            set_option(&socket, libc::IPPROTO_IP, libc::IP_RECVERR, 1)
        } else {
            set_option(&socket, libc::IPPROTO_IPV6, libc::IPV6_RECVERR, 1)
        };
        errors.map_err(SysError::of("ask for ICMP errors on", name))?;
        if let Some(from) = from {
            socket
                .bind(&SockAddr::from(SocketAddr::new(from, 0)))
                .map_err(SysError::of("bind a socket to", from))?;
        }
        match socket.connect(&SockAddr::from(to)) {
            Err(error) if error.raw_os_error() != Some(libc::EINPROGRESS) => {
                Err(SysError::of("connect to", to)(error))
            }
            _ => Ok(Self { socket, kind }),
        }
    }

    /// Which kind it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Its own address.
    pub fn local(&self) -> Option<SocketAddr> {
        self.socket.local_addr().ok().and_then(|address| address.as_socket())
    }

    /// The error that ended the attempt, taken off the socket; `None` when there is none (SO_ERROR in socket(7)).
    pub fn take_error(&self) -> Option<io::Error> {
        self.socket.take_error().ok().flatten()
    }

    /// The next ICMP error that the kernel kept.
    pub fn take_icmp_error(&self) -> Option<Taken> {
        error_queue::take(&self.socket).ok().flatten()
    }

    /// Sends octets to the other side.
    ///
    /// # Errors
    /// When an earlier datagram was answered by an ICMP error, or the queue is full.
    pub fn send(&self, octets: &[u8]) -> io::Result<usize> {
        self.socket.send(octets)
    }

    /// Octets that have come, without waiting; `None` when there are none yet.
    ///
    /// # Errors
    /// When the other side refused.
    pub fn receive(&self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        match (&self.socket).read(buffer) {
            Ok(len) => Ok(Some(len)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl AsFd for PlainSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
