//! Plain sockets: the calls of socket(7) one by one, for the families and types that anybody may use.

use std::io;
use std::net::Shutdown;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::time::Duration;

use rustix::net::{RecvFlags, SendFlags, recv, recvfrom, send};
use socket2::{Domain, SockRef, TcpKeepalive, Type};

use super::socket_address::SocketAddress;
use super::tcp_info::TcpInfo;

/// The address family.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Family {
    /// `AF_INET`
    Inet,
    /// `AF_INET6`
    Inet6,
    /// `AF_UNIX`
    Unix,
}

impl Family {
    /// The family of an address.
    pub fn of(address: &SocketAddress) -> Self {
        match address {
            SocketAddress::Ip(address) if address.is_ipv4() => Self::Inet,
            SocketAddress::Ip(_) => Self::Inet6,
            SocketAddress::Path(_) | SocketAddress::Abstract(_) | SocketAddress::Unnamed => Self::Unix,
        }
    }

    /// Its name in C.
    pub fn name(self) -> &'static str {
        match self {
            Self::Inet => "AF_INET",
            Self::Inet6 => "AF_INET6",
            Self::Unix => "AF_UNIX",
        }
    }
}

/// The type: what a message is, and whether there are connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SocketType {
    /// `SOCK_STREAM`: a connection of octets.
    Stream,
    /// `SOCK_DGRAM`: messages, each with its address.
    Datagram,
    /// `SOCK_SEQPACKET`: a connection of messages.
    SeqPacket,
}

impl SocketType {
    /// Its name in C.
    pub fn name(self) -> &'static str {
        match self {
            Self::Stream => "SOCK_STREAM",
            Self::Datagram => "SOCK_DGRAM",
            Self::SeqPacket => "SOCK_SEQPACKET",
        }
    }

    /// Whether where a message ends is kept.
    pub fn keeps_messages(self) -> bool {
        self != Self::Stream
    }
}

/// A socket.
#[derive(Debug)]
pub struct Socket(socket2::Socket);

impl Socket {
    /// socket(2).
    ///
    /// # Errors
    /// When no descriptor is left, or the kernel does not have the family.
    pub fn open(family: Family, kind: SocketType) -> io::Result<Self> {
        let domain = match family {
            Family::Inet => Domain::IPV4,
            Family::Inet6 => Domain::IPV6,
            Family::Unix => Domain::UNIX,
        };
        let kind = match kind {
            SocketType::Stream => Type::STREAM,
            SocketType::Datagram => Type::DGRAM,
            SocketType::SeqPacket => Type::SEQPACKET,
        };
        socket2::Socket::new(domain, kind, None).map(Self)
    }

    /// bind(2).
    ///
    /// # Errors
    /// When the address is not of this host, or taken.
    pub fn bind(&self, address: &SocketAddress) -> io::Result<()> {
        self.0.bind(&address.to_kernel()?)
    }

    /// listen(2).
    ///
    /// # Errors
    /// When another socket listens there already.
    pub fn listen(&self, backlog: i32) -> io::Result<()> {
        self.0.listen(backlog)
    }

    /// accept4(2): the next connection, and where it is from.
    ///
    /// # Errors
    /// `EAGAIN` when nobody waits, `EMFILE` when no descriptor is left.
    pub fn accept(&self) -> io::Result<(Self, SocketAddress)> {
        let (socket, from) = self.0.accept4(libc::SOCK_CLOEXEC)?;
        Ok((Self(socket), SocketAddress::of(&from)))
    }

    /// connect(2).
    ///
    /// # Errors
    /// `EINPROGRESS` where it does not wait, or what the other side said.
    pub fn connect(&self, address: &SocketAddress) -> io::Result<()> {
        self.0.connect(&address.to_kernel()?)
    }

    /// recv(2). A message that is longer than the buffer loses its end.
    ///
    /// # Errors
    /// `EAGAIN` when there is nothing, `ECONNRESET` when the other side reset.
    pub fn receive(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let (len, _) = recv(&self.0, buffer, RecvFlags::empty())?;
        Ok(len)
    }

    /// recvfrom(2).
    ///
    /// # Errors
    /// `EAGAIN` when there is nothing.
    pub fn receive_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddress)> {
        let (len, _, from) = recvfrom(&self.0, buffer, RecvFlags::empty())?;
        Ok((len, SocketAddress::of_any(from)))
    }

    /// send(2). A peer that has gone is an error, not a signal (`MSG_NOSIGNAL`).
    ///
    /// # Errors
    /// `EAGAIN` when there is no room, `EPIPE` when the other side has gone.
    pub fn send(&self, octets: &[u8]) -> io::Result<usize> {
        Ok(send(&self.0, octets, SendFlags::NOSIGNAL)?)
    }

    /// sendto(2).
    ///
    /// # Errors
    /// As [`send`](Self::send), or when nobody is there.
    pub fn send_to(&self, octets: &[u8], to: &SocketAddress) -> io::Result<usize> {
        self.0.send_to_with_flags(octets, &to.to_kernel()?, libc::MSG_NOSIGNAL)
    }

    /// shutdown(2).
    ///
    /// # Errors
    /// `ENOTCONN` when the other side has gone.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.0.shutdown(how)
    }

    /// getsockname(2).
    pub fn local(&self) -> SocketAddress {
        self.0.local_addr().map_or(SocketAddress::Unnamed, |address| SocketAddress::of(&address))
    }

    /// getpeername(2); `None` where there is no other side.
    pub fn peer(&self) -> Option<SocketAddress> {
        self.0.peer_addr().ok().map(|address| SocketAddress::of(&address))
    }

    /// Whether calls return at once (`O_NONBLOCK`).
    ///
    /// # Errors
    /// Not seen in practice.
    pub fn set_nonblocking(&self, on: bool) -> io::Result<()> {
        self.0.set_nonblocking(on)
    }

    /// Sets an option.
    ///
    /// # Errors
    /// When the socket does not know it, or there is no such interface.
    pub fn set(&self, option: &SocketOption) -> io::Result<()> {
        match option {
            SocketOption::ReuseAddress => self.0.set_reuse_address(true),
            SocketOption::OnlyIpv6(only) => self.0.set_only_v6(*only),
            SocketOption::NoDelay => self.0.set_tcp_nodelay(true),
            SocketOption::KeepAlive(None) => self.0.set_keepalive(true),
            SocketOption::KeepAlive(Some(idle)) => {
                self.0.set_tcp_keepalive(&TcpKeepalive::new().with_time(*idle).with_interval(*idle))
            }
            SocketOption::BindToDevice(name) => self.0.bind_device(Some(name.as_bytes())),
            SocketOption::SendTimeout(timeout) => self.0.set_write_timeout(Some(*timeout)),
            SocketOption::ReceiveTimeout(timeout) => self.0.set_read_timeout(*timeout),
        }
    }

    /// The error of the socket, which this call takes off it (`SO_ERROR`).
    pub fn take_error(&self) -> Option<io::Error> {
        self.0.take_error().ok().flatten()
    }

    /// What TCP knows of the connection; `None` where it is none of TCP's.
    pub fn tcp_info(&self) -> Option<TcpInfo> {
        TcpInfo::of(self.0.as_fd())
    }

    /// The descriptor's number.
    pub fn number(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl AsRawFd for Socket {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

/// An option of a socket (setsockopt(2)).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SocketOption {
    /// `SO_REUSEADDR`: bind to a port of which old connections are in TIME-WAIT.
    ReuseAddress,
    /// `IPV6_V6ONLY`: leave the port of IPv4 to others, or have that too.
    OnlyIpv6(bool),
    /// `TCP_NODELAY`: send small segments at once (RFC 896).
    NoDelay,
    /// `SO_KEEPALIVE`: ask a silent peer whether it is still there, first after so long.
    KeepAlive(Option<Duration>),
    /// `SO_BINDTODEVICE`: by this interface only.
    BindToDevice(String),
    /// `SO_SNDTIMEO`: send(2) waits no longer than this.
    SendTimeout(Duration),
    /// `SO_RCVTIMEO`: recv(2) waits no longer than this; `None` for as long as it takes.
    ReceiveTimeout(Option<Duration>),
}

/// Whether a descriptor is a socket of a stream or of anything else; `None` for what is no socket.
pub fn is_listening(descriptor: BorrowedFd<'_>) -> Option<bool> {
    SockRef::from(&descriptor).is_listener().ok()
}

/// Raises how many descriptors this process may have to what it may raise it to, and gives that number.
///
/// # Errors
/// Not seen in practice.
pub fn raise_descriptor_limit() -> io::Result<u64> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    if limit.current < limit.maximum {
        setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum })?;
    }
    Ok(limit.maximum.unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_of_seqpacket_stays_one_and_a_name_is_told() {
        let server = Socket::open(Family::Unix, SocketType::SeqPacket).unwrap();
        let name = SocketAddress::Abstract(format!("rawsock-socket-{}", std::process::id()).into_bytes());
        server.bind(&name).unwrap();
        server.listen(1).unwrap();
        let client = Socket::open(Family::Unix, SocketType::SeqPacket).unwrap();
        client.connect(&name).unwrap();
        let (accepted, from) = server.accept().unwrap();
        assert_eq!((from, client.peer()), (SocketAddress::Unnamed, Some(name)));
        client.send(b"one").unwrap();
        client.send(b"two").unwrap();
        let mut buffer = [0; 16];
        assert_eq!(accepted.receive(&mut buffer).unwrap(), 3);
        assert_eq!(accepted.receive(&mut buffer).unwrap(), 3);
        assert_eq!(accepted.tcp_info(), None);
    }
}
