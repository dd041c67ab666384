//! Sockets that hold a port for packets that are sent by hand, and receive what comes back to it.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd};

use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use super::control_message::{Message, Queue, receive};
use super::error::SysError;
use super::ip_socket::set_option;

/// A socket for what comes back.
#[derive(Debug)]
pub struct AnswerSocket {
    socket: Socket,
}

impl AnswerSocket {
    /// A UDP socket with this address; port 0 has the kernel choose one. It receives datagrams to it.
    ///
    /// # Errors
    /// When the host has no such address, or the port is taken.
    pub fn udp(local: SocketAddr) -> Result<Self, SysError> {
        let socket = open(local, Type::DGRAM, Protocol::UDP, "a UDP socket")?;
        bind(&socket, local)?;
        Ok(Self { socket })
    }

    /// A raw socket that receives the TCP segments which come from `peer` (raw(7)); for IPv4 with their IP header.
    ///
    /// # Errors
    /// When CAP_NET_RAW is missing, or no route leads there.
    pub fn raw_tcp(peer: SocketAddr) -> Result<Self, SysError> {
        Self::raw(peer, Protocol::TCP, "a raw TCP socket")
    }

    /// A raw socket that receives the UDP datagrams which come from `peer`, as for TCP.
    ///
    /// # Errors
    /// When CAP_NET_RAW is missing, or no route leads there.
    pub fn raw_udp(peer: SocketAddr) -> Result<Self, SysError> {
        Self::raw(peer, Protocol::UDP, "a raw UDP socket")
    }

    fn raw(peer: SocketAddr, protocol: Protocol, name: &'static str) -> Result<Self, SysError> {
        let socket = open(peer, Type::RAW, protocol, name)?;
        socket.connect(&SockAddr::from(peer)).map_err(SysError::of("connect a raw socket to", peer.ip()))?;
        Ok(Self { socket })
    }

    /// Lets it use this interface only.
    ///
    /// # Errors
    /// When there is no such interface.
    pub fn bind_to_interface(&self, name: &str) -> Result<(), SysError> {
        self.socket.bind_device(Some(name.as_bytes())).map_err(SysError::of("bind a socket to", name))
    }

    /// Its port.
    pub fn port(&self) -> Option<u16> {
        self.socket.local_addr().ok()?.as_socket().map(|address| address.port())
    }

    /// Receives one message without waiting; `None` when there is none.
    ///
    /// # Errors
    /// When the socket has an error, which this call takes off it.
    pub fn receive<'a>(&self, buffer: &'a mut [u8]) -> io::Result<Option<Message<'a>>> {
        receive(&self.socket, buffer, Queue::Messages)
    }
}

impl AsFd for AnswerSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// A TCP port that is held, so that no connection gets it. The socket neither listens nor connects: whatever comes to the port
/// the kernel answers with a reset.
#[derive(Debug)]
pub struct HeldPort {
    socket: Socket,
}

impl HeldPort {
    /// Holds a port of an address; port 0 has the kernel choose one.
    ///
    /// # Errors
    /// When the host has no such address, or the port is taken.
    pub fn tcp(local: SocketAddr) -> Result<Self, SysError> {
        let socket = open(local, Type::STREAM, Protocol::TCP, "a TCP socket")?;
        // Connections of it that are over are not in the way (socket(7)).
        socket.set_reuse_address(true).map_err(SysError::of("set up", "a TCP socket"))?;
        bind(&socket, local)?;
        Ok(Self { socket })
    }

    /// Which port.
    pub fn port(&self) -> Option<u16> {
        self.socket.local_addr().ok()?.as_socket().map(|address| address.port())
    }
}

fn bind(socket: &Socket, local: SocketAddr) -> Result<(), SysError> {
    socket.bind(&SockAddr::from(local)).map_err(SysError::of("bind a socket to", local))
}

/// Opens a socket that says when messages came, and with which time to live.
fn open(address: SocketAddr, kind: Type, protocol: Protocol, name: &'static str) -> Result<Socket, SysError> {
    let open = || {
        let socket = Socket::new(Domain::for_address(address), kind, Some(protocol))?;
        socket.set_nonblocking(true)?;
        set_option(&socket, libc::SOL_SOCKET, libc::SO_TIMESTAMPNS, 1)?;
        if address.is_ipv4() {
            set_option(&socket, libc::IPPROTO_IP, libc::IP_RECVTTL, 1)?;
        } else {
            set_option(&socket, libc::IPPROTO_IPV6, libc::IPV6_RECVHOPLIMIT, 1)?;
        }
        Ok(socket)
    };
    open().map_err(SysError::of("open", name))
}
