//! Sockets that hold a port for packets that are sent by hand, and receive what comes back to it.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd};

use socket2::{Domain, Protocol, SockAddr, SockFilter, Socket, Type};

use super::control_message::{Message, Queue, receive};
use super::error::SysError;
use super::ip_socket::{Family, RECEIVE_BUFFER, set_option};
use crate::wire::bpf::Instruction;

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

    /// A raw socket that receives TCP segments, whoever they come from; for IPv4 with their IP header. It is deaf until
    /// [`hear`](Self::hear) says what is to come in.
    ///
    /// # Errors
    /// When CAP_NET_RAW is missing, or the host has no such family.
    pub fn all_tcp(family: Family) -> Result<Self, SysError> {
        Self::all(family, Protocol::TCP, "a raw TCP socket")
    }

    /// The same of UDP datagrams.
    ///
    /// # Errors
    /// When CAP_NET_RAW is missing, or the host has no such family.
    pub fn all_udp(family: Family) -> Result<Self, SysError> {
        Self::all(family, Protocol::UDP, "a raw UDP socket")
    }

    fn all(family: Family, protocol: Protocol, name: &'static str) -> Result<Self, SysError> {
        let socket = Self { socket: open(family.anybody(), Type::RAW, protocol, name)? };
        let set_up = || {
            // As much as the kernel allows (net.core.rmem_max): the answers of all hosts come here.
            socket.socket.set_recv_buffer_size(RECEIVE_BUFFER)?;
            if family == Family::V6 {
                set_option(&socket.socket, libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO, 1)?;
                set_option(&socket.socket, libc::IPPROTO_IPV6, libc::IPV6_FLOWINFO, 1)?;
            }
            Ok(())
        };
        set_up().map_err(SysError::of("set up", name))?;
        socket.hear(&[Instruction::take(0)])?;
        socket.forget();
        Ok(socket)
    }

    fn raw(peer: SocketAddr, protocol: Protocol, name: &'static str) -> Result<Self, SysError> {
        let socket = open(peer, Type::RAW, protocol, name)?;
        socket.connect(&SockAddr::from(peer)).map_err(SysError::of("connect a raw socket to", peer.ip()))?;
        Ok(Self { socket })
    }

    /// Lets in what the program takes, from now on. It needs no right (`SO_ATTACH_FILTER` in socket(7)).
    ///
    /// # Errors
    /// When the kernel does not take the program.
    pub fn hear(&self, program: &[Instruction]) -> Result<(), SysError> {
        attach(&self.socket, program).map_err(SysError::of("attach a filter to", "a raw socket"))
    }

    /// Throws away what has come in until now.
    pub fn forget(&self) {
        let mut octet = [0];
        for _ in 0..MOST_FORGOTTEN {
            if !matches!(self.receive(&mut octet), Ok(Some(_))) {
                return;
            }
        }
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

/// More than a receive buffer holds.
const MOST_FORGOTTEN: usize = 1 << 16;

/// A port that is held, so that nobody else gets it. Of TCP the socket neither listens nor connects: whatever comes to the port the
/// kernel answers with a reset. Of UDP it takes what comes, and drops it.
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

    /// Holds a port of all addresses of a family; port 0 has the kernel choose one.
    ///
    /// # Errors
    /// When the port is taken, or none is left, or no descriptor.
    pub fn of_all(family: Family, is_udp: bool, port: u16) -> Result<Self, SysError> {
        let mut local = family.anybody();
        local.set_port(port);
        let (kind, protocol, name) = match is_udp {
            true => (Type::DGRAM, Protocol::UDP, "a UDP socket"),
            false => (Type::STREAM, Protocol::TCP, "a TCP socket"),
        };
        let socket = open(local, kind, protocol, name)?;
        let set_up = || {
            socket.set_reuse_address(!is_udp)?;
            if family == Family::V6 {
                // The IPv4 port of the same number is another one.
                socket.set_only_v6(true)?;
            }
            if is_udp { attach(&socket, &[Instruction::take(0)]) } else { Ok(()) }
        };
        set_up().map_err(SysError::of("set up", name))?;
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

fn attach(socket: &Socket, program: &[Instruction]) -> io::Result<()> {
    let filters: Vec<SockFilter> = program.iter().map(|i| SockFilter::new(i.code, i.jt, i.jf, i.k)).collect();
    socket.attach_filter(&filters)
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
