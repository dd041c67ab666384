//! Plain TCP and UDP sockets whose packets go only so many hops, and the ICMP errors that come back to them. No right is needed.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd};

use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use super::control_message::{About, Queue, receive};
use super::error::SysError;
use super::error_queue::SocketError;
use super::ip_socket::set_option;

/// A socket whose packets go only so many hops.
#[derive(Debug)]
pub struct HopSocket {
    socket: Socket,
    peer: SocketAddr,
}

/// An ICMP error that came to a socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HopError {
    /// What it says.
    pub error: SocketError,
    /// The payload of the datagram that it is about, as far as it was quoted.
    pub payload: Vec<u8>,
    /// When it came: nanoseconds since 1970.
    pub stamp: Option<i64>,
    /// The time to live or hop limit that it came with.
    pub ttl: Option<u8>,
}

/// What became of an attempt to connect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attempt {
    /// Nothing yet.
    Open,
    /// The other side took it.
    Connected,
    /// The other side refused it.
    Refused,
    /// An ICMP error ended it.
    Error(HopError),
    /// Something else ended it, such as a time-out.
    Failed,
}

impl HopSocket {
    /// A UDP socket with this address, for datagrams to `peer`; port 0 has the kernel choose one.
    ///
    /// # Errors
    /// When the host has no such address, the port is taken, or no route leads there.
    pub fn udp(from: SocketAddr, peer: SocketAddr, tos: u8) -> Result<Self, SysError> {
        let socket = open(from, Type::DGRAM, Protocol::UDP, "a UDP socket", tos)?;
        socket.connect(&SockAddr::from(peer)).map_err(SysError::of("connect to", peer))?;
        Ok(Self { socket, peer })
    }

    /// A TCP socket with this address that begins to connect to `peer`, by packets that go so many hops.
    ///
    /// # Errors
    /// When the host has no such address, a rule forbids it, or no route leads there.
    pub fn tcp(from: SocketAddr, peer: SocketAddr, tos: u8, hops: u8) -> Result<Self, SysError> {
        let socket = open(from, Type::STREAM, Protocol::TCP, "a TCP socket", tos)?;
        // Who says nothing is asked three times more, and not six. Fewer end before the kernel knows of a host on the link that it is not
        // there, which takes it three seconds (arp(7)): from 6.5 on it waits one second after each (net.ipv4.tcp_syn_linear_timeouts).
        set_option(&socket, libc::IPPROTO_TCP, libc::TCP_SYNCNT, 3)
            .map_err(SysError::of("set up", "a TCP socket"))?;
        let started = Self { socket, peer };
        started.go(hops)?;
        match started.socket.connect(&SockAddr::from(peer)) {
            // The answer of a host that is near may be there already: it is told as those that come later are.
            Err(error) if !is_answer(&error) => Err(SysError::of("connect to", peer)(error)),
            _ => Ok(started),
        }
    }

    /// Its own address.
    pub fn local(&self) -> Option<SocketAddr> {
        self.socket.local_addr().ok().and_then(|address| address.as_socket())
    }

    /// Has its packets go so many hops from now on.
    fn go(&self, hops: u8) -> Result<(), SysError> {
        let set = match self.peer {
            SocketAddr::V4(_) => self.socket.set_ttl_v4(hops.into()),
            SocketAddr::V6(_) => self.socket.set_unicast_hops_v6(hops.into()),
        };
        set.map_err(SysError::of("set the hops of packets to", self.peer))
    }

    /// Sends a datagram that goes so many hops.
    ///
    /// # Errors
    /// When it cannot leave.
    pub fn send(&self, octets: &[u8], hops: u8) -> Result<(), SysError> {
        self.go(hops)?;
        let mut sent = self.socket.send(octets);
        for _ in 0..MOST_PENDING {
            // A pending error of an earlier datagram is told by the next call; the datagram of this call has not left then.
            match &sent {
                Err(error) if is_answer(error) => sent = self.socket.send(octets),
                _ => break,
            }
        }
        sent.map(|_| ()).map_err(SysError::of("send to", self.peer))
    }

    /// The next ICMP error, without waiting.
    pub fn error(&self, buffer: &mut [u8]) -> Option<HopError> {
        let message = receive(&self.socket, buffer, Queue::Errors).ok()??;
        let error = message.about.error?;
        let (stamp, ttl) = (message.about.stamp, message.about.ttl);
        Some(HopError { error, payload: message.octets.to_vec(), stamp, ttl })
    }

    /// The next datagram, without waiting, and what the kernel says about it.
    pub fn datagram<'b>(&self, buffer: &'b mut [u8]) -> Option<(&'b [u8], About)> {
        let message = receive(&self.socket, buffer, Queue::Messages).ok()??;
        Some((message.octets, message.about))
    }

    /// What became of the attempt to connect.
    pub fn attempt(&self, buffer: &mut [u8]) -> Attempt {
        if let Some(error) = self.error(buffer) {
            return Attempt::Error(error);
        }
        match self.socket.take_error() {
            Ok(Some(error)) if error.kind() == io::ErrorKind::ConnectionRefused => Attempt::Refused,
            Ok(Some(_)) | Err(_) => Attempt::Failed,
            Ok(None) if self.socket.peer_addr().is_ok() => Attempt::Connected,
            Ok(None) => Attempt::Open,
        }
    }
}

impl AsFd for HopSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// Errors of hosts that are told before a datagram gets its turn.
const MOST_PENDING: usize = 64;

/// Whether an error is the answer to a packet, or says that one is awaited.
fn is_answer(error: &io::Error) -> bool {
    const ANSWERS: [i32; 8] = [
        libc::EINPROGRESS,
        libc::ECONNREFUSED,
        libc::EHOSTUNREACH,
        libc::ENETUNREACH,
        libc::EHOSTDOWN,
        libc::ENOPROTOOPT,
        libc::EPROTO,
        libc::EACCES,
    ];
    error.raw_os_error().is_some_and(|number| ANSWERS.contains(&number))
}

/// Opens a socket with an address that keeps ICMP errors, and says when they came.
fn open(
    from: SocketAddr,
    kind: Type,
    protocol: Protocol,
    name: &'static str,
    tos: u8,
) -> Result<Socket, SysError> {
    let open = || {
        let socket = Socket::new(Domain::for_address(from), kind, Some(protocol))?;
        socket.set_nonblocking(true)?;
        set_option(&socket, libc::SOL_SOCKET, libc::SO_TIMESTAMPNS, 1)?;
        if from.is_ipv4() {
            set_option(&socket, libc::IPPROTO_IP, libc::IP_RECVERR, 1)?;
            // Of errors in the queue as well (`ip_recv_error` in net/ipv4/ip_sockglue.c).
            set_option(&socket, libc::IPPROTO_IP, libc::IP_RECVTTL, 1)?;
            set_option(&socket, libc::IPPROTO_IP, libc::IP_TOS, tos.into())?;
        } else {
            set_option(&socket, libc::IPPROTO_IPV6, libc::IPV6_RECVERR, 1)?;
            set_option(&socket, libc::IPPROTO_IPV6, libc::IPV6_RECVHOPLIMIT, 1)?;
            set_option(&socket, libc::IPPROTO_IPV6, libc::IPV6_TCLASS, tos.into())?;
        }
        Ok(socket)
    };
    let socket = open().map_err(SysError::of("open", name))?;
    socket.bind(&SockAddr::from(from)).map_err(SysError::of("bind a socket to", from))?;
    Ok(socket)
}
