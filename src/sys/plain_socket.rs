//! Plain TCP and UDP sockets that do not wait: a connection attempt is started, and told when it is over.

use std::io::{self, Read};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd};

use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use super::control_message::{About, Queue, receive};
use super::error::SysError;
use super::error_queue::Taken;
use super::ip_socket::{Family, set_option};
use super::tcp_info::TcpInfo;
use super::time_stamp::Departures;
use super::user_sockets::UserSockets;

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

/// How a socket is opened.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wishes<'a> {
    /// It comes from this address.
    pub from: Option<IpAddr>,
    /// It comes from this port, which may be held by another socket that neither listens nor connects.
    pub port: Option<u16>,
    /// These open it, for TCP.
    pub user: Option<&'a UserSockets>,
    /// It offers segments no larger than this (TCP_MAXSEG).
    pub largest_segment: Option<u16>,
}

/// What the error queue tells.
#[derive(Debug)]
pub enum Told {
    /// A datagram left: nanoseconds since 1970, by the kernel.
    Left(i64),
    /// An ICMP error, and when it came where the kernel says: nanoseconds since 1970.
    Error(Taken, Option<i64>),
}

impl PlainSocket {
    /// Opens a socket and starts to connect it; ICMP errors about it are kept (IP_RECVERR), and datagrams are stamped.
    ///
    /// # Errors
    /// When no descriptor is left, the host has no such source address, or no route leads there.
    pub fn connect(kind: Kind, to: SocketAddr, wishes: &Wishes<'_>) -> Result<Self, SysError> {
        let (name, socket_kind, protocol) = match kind {
            Kind::Stream => ("a TCP socket", Type::STREAM, Protocol::TCP),
            Kind::Datagram => ("a UDP socket", Type::DGRAM, Protocol::UDP),
        };
        let domain = Domain::for_address(to);
        let opened = match wishes.user {
            Some(user) if kind == Kind::Stream => user.tcp(domain),
            _ => Socket::new(domain, socket_kind, Some(protocol)),
        };
        let socket = opened.map_err(SysError::of("open", name))?;
        socket.set_nonblocking(true).map_err(SysError::of("set up", name))?;
        // The kernel takes no more (`do_tcp_setsockopt` in net/ipv4/tcp.c); only loopback's MTU has room for more, and asks for it itself.
        if let Some(largest) = wishes.largest_segment.filter(|largest| *largest <= MAX_TCP_WINDOW) {
            set_option(&socket, libc::IPPROTO_TCP, libc::TCP_MAXSEG, largest.into())
                .map_err(SysError::of("set the largest segment of", name))?;
        }
        let (level, errors, ttl) = if to.is_ipv4() {
            (libc::IPPROTO_IP, libc::IP_RECVERR, libc::IP_RECVTTL)
        } else {
            (libc::IPPROTO_IPV6, libc::IPV6_RECVERR, libc::IPV6_RECVHOPLIMIT)
        };
        set_option(&socket, level, errors, 1).map_err(SysError::of("ask for ICMP errors on", name))?;
        if kind == Kind::Datagram {
            set_option(&socket, level, ttl, 1).map_err(SysError::of("ask for times to live on", name))?;
            // Where the kernel has none, the times of the calls are told.
            let _ = set_option(&socket, libc::SOL_SOCKET, libc::SO_TIMESTAMPNS, 1);
            let _ = Departures::default().switch_on(&socket);
        }
        if wishes.from.is_some() || wishes.port.is_some() {
            let nobody = if to.is_ipv4() { Family::V4 } else { Family::V6 }.anybody();
            let from = SocketAddr::new(wishes.from.unwrap_or(nobody.ip()), wishes.port.unwrap_or(0));
            let bind = || {
                socket.set_reuse_address(wishes.port.is_some())?;
                socket.bind(&SockAddr::from(from))
            };
            bind().map_err(SysError::of("bind a socket to", from.ip()))?;
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

    /// Whether there is another side: not before an attempt to connect has come to its end, nor where it has failed.
    pub fn is_connected(&self) -> bool {
        self.socket.peer_addr().is_ok()
    }

    /// The error that ended the attempt, taken off the socket; `None` when there is none (SO_ERROR in socket(7)).
    pub fn take_error(&self) -> Option<io::Error> {
        self.socket.take_error().ok().flatten()
    }

    /// What the error queue holds next.
    pub fn take_told(&self) -> Option<Told> {
        let mut payload = [0u8; 2048];
        let message = receive(&self.socket, &mut payload, Queue::Errors).ok().flatten()?;
        let taken = Taken::of(&message)?;
        Some(match taken.passage {
            Some(passage) => Told::Left(passage.at),
            None => Told::Error(taken, message.about.stamp.or(message.about.by_kernel)),
        })
    }

    /// What TCP tells of the connection.
    pub fn tcp_info(&self) -> Option<TcpInfo> {
        TcpInfo::of(self.socket.as_fd())
    }

    /// Sends octets to the other side.
    ///
    /// # Errors
    /// When an earlier datagram was answered by an ICMP error, or the queue is full.
    pub fn send(&self, octets: &[u8]) -> io::Result<usize> {
        self.socket.send(octets)
    }

    /// Octets of a stream that have come, without waiting; `None` when there are none yet.
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

    /// A datagram that has come, with what the kernel says about it; `None` when there is none yet.
    ///
    /// # Errors
    /// When the other side refused.
    pub fn receive_datagram<'b>(&self, buffer: &'b mut [u8]) -> io::Result<Option<(&'b [u8], About)>> {
        let message = receive(&self.socket, buffer, Queue::Messages)?;
        Ok(message.map(|message| (message.octets, message.about)))
    }
}

/// MAX_TCP_WINDOW in `include/net/tcp.h`.
const MAX_TCP_WINDOW: u16 = 32_767;

impl AsFd for PlainSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
