//! Sockets that carry whole IP packets or ICMP messages: raw(7), and the datagram ICMP sockets of icmp(7).

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::ops::Range;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use socket2::{Domain, Protocol, SockAddr, SockFilter, Socket, Type};

use super::control_message::{Message, Queue, receive};
use super::error::SysError;
use super::send_batch::SendBatch;
use super::time_stamp::{Departures, Passage};
use crate::wire::bpf::Instruction;
use crate::wire::packet_batch::PacketBatch;

/// IPv4 or IPv6.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// The family of an address.
    pub fn of(address: IpAddr) -> Self {
        if address.is_ipv4() { Self::V4 } else { Self::V6 }
    }

    /// The address that stands for none (INADDR_ANY, in6addr_any), with port 0.
    pub fn anybody(self) -> SocketAddr {
        match self {
            Self::V4 => (Ipv4Addr::UNSPECIFIED, 0).into(),
            Self::V6 => (Ipv6Addr::UNSPECIFIED, 0).into(),
        }
    }

    /// The address of this host itself, with port 0.
    pub fn home(self) -> SocketAddr {
        match self {
            Self::V4 => (Ipv4Addr::LOCALHOST, 0).into(),
            Self::V6 => (Ipv6Addr::LOCALHOST, 0).into(),
        }
    }

    fn domain(self) -> Domain {
        match self {
            Self::V4 => Domain::IPV4,
            Self::V6 => Domain::IPV6,
        }
    }

    fn icmp(self) -> Protocol {
        match self {
            Self::V4 => Protocol::ICMPV4,
            Self::V6 => Protocol::ICMPV6,
        }
    }
}

/// A socket that sends whole packets, IP header included (IP_HDRINCL).
///
/// Of an IPv4 header the kernel writes the total length and the checksum always, and the identification and the source
/// address when they are zero (raw(7)); of an IPv6 header nothing.
#[derive(Debug)]
pub struct HeaderIncluded {
    socket: Socket,
    family: Family,
}

impl HeaderIncluded {
    /// Opens it.
    ///
    /// # Errors
    /// When CAP_NET_RAW is missing, or the host has no such family.
    pub fn open(family: Family) -> Result<Self, SysError> {
        let name = match family {
            Family::V4 => "a raw IPv4 socket",
            Family::V6 => "a raw IPv6 socket",
        };
        let open = || {
            // IPPROTO_RAW means that headers are included, for both families, and that nothing is received.
            let socket = Socket::new(family.domain(), Type::RAW, Some(Protocol::from(libc::IPPROTO_RAW)))?;
            if family == Family::V4 {
                socket.set_header_included_v4(true)?;
                socket.set_broadcast(true)?;
            }
            tell_full_queues(&socket, family == Family::V6)?;
            Ok(socket)
        };
        Ok(Self { socket: open().map_err(SysError::of("open", name))?, family })
    }

    /// Lets packets leave by this interface only.
    ///
    /// # Errors
    /// When there is no such interface.
    pub fn bind_to_interface(&self, name: &str) -> Result<(), SysError> {
        self.socket.bind_device(Some(name.as_bytes())).map_err(SysError::of("bind a raw socket to", name))
    }

    /// Marks what it sends (`SO_MARK`, socket(7)), so that rules of nftables can tell it.
    ///
    /// # Errors
    /// When CAP_NET_ADMIN and, from Linux 5.17 on, CAP_NET_RAW are missing.
    pub fn set_mark(&self, mark: u32) -> Result<(), SysError> {
        self.socket.set_mark(mark).map_err(SysError::of("mark what is sent by", "a raw socket"))
    }

    /// Sends one packet. `interface` is the index of the interface that link-local IPv6 destinations need.
    ///
    /// # Errors
    /// When no route leads there, the packet is larger than the MTU, a firewall forbids it, the queue is full.
    pub fn send(&self, packet: &[u8], destination: IpAddr, interface: u32) -> Result<(), SysError> {
        let address = match destination {
            IpAddr::V4(address) => SocketAddr::from((address, 0)),
            IpAddr::V6(address) => SocketAddrV6::new(address, 0, 0, interface).into(),
        };
        let sent = retry(|| self.socket.send_to(packet, &SockAddr::from(address)));
        sent.map(|_| ()).map_err(SysError::of("send to", destination))
    }

    /// Sends packets of `batch`, those at `places`, each to the address of the same place, as many of them as it can with one call.
    /// Returns how many have left, at least one.
    ///
    /// # Errors
    /// When the first of them cannot leave, as [`send`](Self::send) says.
    pub fn send_batch(
        &self,
        calls: &mut SendBatch,
        (batch, places): (&PacketBatch, Range<usize>),
        addresses: &[SocketAddr],
    ) -> Result<usize, SysError> {
        send_batch(&self.socket, calls, (batch, places), addresses)
    }

    /// Sends packets as large as the interface takes, whatever path MTU the kernel has learned (IP_MTU_DISCOVER in ip(7)).
    ///
    /// # Errors
    /// When the kernel does not take the option.
    pub fn forget_path_mtu(&self) -> Result<(), SysError> {
        let set = match self.family {
            Family::V4 => {
                set_option(&self.socket, libc::IPPROTO_IP, libc::IP_MTU_DISCOVER, libc::IP_PMTUDISC_PROBE)
            }
            Family::V6 => {
                let probe = libc::IPV6_PMTUDISC_PROBE;
                set_option(&self.socket, libc::IPPROTO_IPV6, libc::IPV6_MTU_DISCOVER, probe)
            }
        };
        set.map_err(SysError::of("set up", "a raw socket"))
    }

    /// Has the kernel say when each packet leaves, from the next one on: [`departure`](Self::departure) tells.
    ///
    /// # Errors
    /// When the kernel has no such stamps.
    pub fn stamp_departures(&self, departures: Departures) -> Result<(), SysError> {
        departures.switch_on(&self.socket).map_err(SysError::of("ask for time stamps of", "a raw socket"))
    }

    /// Has the kernel number packets from 0 again.
    ///
    /// # Errors
    /// When the kernel has no such stamps.
    pub fn number_anew(&self, departures: Departures) -> Result<(), SysError> {
        departures.start_anew(&self.socket).map_err(SysError::of("ask for time stamps of", "a raw socket"))
    }

    /// The next stamp. `None` when there is none yet.
    ///
    /// # Errors
    /// When the queue of errors, in which stamps come, cannot be read.
    pub fn departure(&self) -> io::Result<Option<Passage>> {
        Passage::next(&self.socket)
    }

    /// Which family it is of.
    pub fn family(&self) -> Family {
        self.family
    }
}

/// A socket that receives ICMP messages, and sends them where the kernel makes the IP header.
#[derive(Debug)]
pub struct IcmpSocket {
    socket: Socket,
    family: Family,
    kind: IcmpKind,
}

/// How an ICMP socket was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IcmpKind {
    /// SOCK_RAW: all ICMP messages; for IPv4 with their IP header.
    Raw,
    /// SOCK_DGRAM: replies to its own echo requests only, without privilege; the kernel sets the identifier.
    Datagram,
}

impl IcmpSocket {
    /// Opens it, asking for time stamps, times to live and destinations of what it receives.
    ///
    /// # Errors
    /// When CAP_NET_RAW is missing (raw), or the group is not in net.ipv4.ping_group_range (datagram).
    pub fn open(family: Family, kind: IcmpKind) -> Result<Self, SysError> {
        let name = match (family, kind) {
            (Family::V4, IcmpKind::Raw) => "a raw ICMP socket",
            (Family::V6, IcmpKind::Raw) => "a raw ICMPv6 socket",
            (Family::V4, IcmpKind::Datagram) => "an ICMP datagram socket",
            (Family::V6, IcmpKind::Datagram) => "an ICMPv6 datagram socket",
        };
        let kind_of = if kind == IcmpKind::Raw { Type::RAW } else { Type::DGRAM };
        let open = || {
            let socket = Socket::new(family.domain(), kind_of, Some(family.icmp()))?;
            socket.set_nonblocking(true)?;
            // As much as the kernel allows (net.core.rmem_max): replies of a flood come in bursts.
            socket.set_recv_buffer_size(RECEIVE_BUFFER)?;
            let socket = Self { socket, family, kind };
            socket.ask()?;
            Ok(socket)
        };
        open().map_err(SysError::of("open", name))
    }

    /// Asks the kernel to say more about each message.
    fn ask(&self) -> io::Result<()> {
        self.option(libc::SOL_SOCKET, libc::SO_TIMESTAMPNS, 1)?;
        match self.family {
            Family::V4 => {
                self.option(libc::IPPROTO_IP, libc::IP_RECVTTL, 1)?;
                self.option(libc::IPPROTO_IP, libc::IP_PKTINFO, 1)?;
                self.socket.set_broadcast(true)?;
                if self.kind == IcmpKind::Datagram {
                    self.option(libc::IPPROTO_IP, libc::IP_RECVERR, 1)?;
                }
            }
            Family::V6 => {
                self.option(libc::IPPROTO_IPV6, libc::IPV6_RECVHOPLIMIT, 1)?;
                self.option(libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO, 1)?;
                if self.kind == IcmpKind::Datagram {
                    self.option(libc::IPPROTO_IPV6, libc::IPV6_RECVERR, 1)?;
                }
            }
        }
        Ok(())
    }

    /// Sets time to live or hop limit, where one is given, and type of service or traffic class, of what it sends.
    ///
    /// # Errors
    /// When the kernel does not take the values.
    pub fn set_header(&self, ttl: Option<u8>, tos: u8) -> Result<(), SysError> {
        let (level, [one, many, class]) = match self.family {
            Family::V4 => (libc::IPPROTO_IP, [libc::IP_TTL, libc::IP_MULTICAST_TTL, libc::IP_TOS]),
            Family::V6 => {
                (libc::IPPROTO_IPV6, [libc::IPV6_UNICAST_HOPS, libc::IPV6_MULTICAST_HOPS, libc::IPV6_TCLASS])
            }
        };
        let set = || {
            if let Some(ttl) = ttl {
                self.option(level, one, ttl.into())?;
                self.option(level, many, ttl.into())?;
            }
            self.option(level, class, tos.into())
        };
        set().map_err(SysError::of("set time to live and type of service of", "an ICMP socket"))
    }

    /// Lets only those messages in that the program takes.
    ///
    /// # Errors
    /// When the kernel does not take the program.
    pub fn attach(&self, program: &[Instruction]) -> Result<(), SysError> {
        let filters: Vec<SockFilter> =
            program.iter().map(|i| SockFilter::new(i.code, i.jt, i.jf, i.k)).collect();
        self.socket.attach_filter(&filters).map_err(SysError::of("attach a filter to", "an ICMP socket"))
    }

    /// Has the kernel say when each message leaves, from the next one on: the error queue tells.
    ///
    /// # Errors
    /// When the kernel has no such stamps.
    pub fn stamp_departures(&self, departures: Departures) -> Result<(), SysError> {
        departures.switch_on(&self.socket).map_err(SysError::of("ask for time stamps of", "an ICMP socket"))
    }

    /// Has the kernel number messages from 0 again.
    ///
    /// # Errors
    /// When the kernel has no such stamps.
    pub fn number_anew(&self, departures: Departures) -> Result<(), SysError> {
        departures.start_anew(&self.socket).map_err(SysError::of("ask for time stamps of", "an ICMP socket"))
    }

    /// Says what becomes of messages that are larger than the path takes (IP_MTU_DISCOVER in ip(7)).
    ///
    /// # Errors
    /// When the kernel does not take the option.
    pub fn discover_mtu(&self, discovery: MtuDiscovery) -> Result<(), SysError> {
        let set = match self.family {
            Family::V4 => self.option(libc::IPPROTO_IP, libc::IP_MTU_DISCOVER, discovery.number()),
            Family::V6 => self.option(libc::IPPROTO_IPV6, libc::IPV6_MTU_DISCOVER, discovery.number()),
        };
        set.map_err(SysError::of("set the path MTU discovery of", "an ICMP socket"))
    }

    /// Lets it use this interface only.
    ///
    /// # Errors
    /// When there is no such interface.
    pub fn bind_to_interface(&self, name: &str) -> Result<(), SysError> {
        self.socket.bind_device(Some(name.as_bytes())).map_err(SysError::of("bind an ICMP socket to", name))
    }

    /// Marks what it sends (`SO_MARK`, socket(7)), so that rules of routing and of nftables can tell it.
    ///
    /// # Errors
    /// When CAP_NET_ADMIN and, from Linux 5.17 on, CAP_NET_RAW are missing.
    pub fn set_mark(&self, mark: u32) -> Result<(), SysError> {
        self.socket.set_mark(mark).map_err(SysError::of("mark what is sent by", "an ICMP socket"))
    }

    /// Gives it an address of its own; for a datagram socket, the port is the echo identifier (0: the kernel's choice).
    ///
    /// # Errors
    /// When the host has no such address, or the identifier is taken.
    pub fn bind(&self, address: SocketAddr) -> Result<(), SysError> {
        self.socket.bind(&SockAddr::from(address)).map_err(SysError::of("bind an ICMP socket to", address))
    }

    /// Its own address, once bound; the port is a datagram socket's echo identifier.
    pub fn local(&self) -> Option<SocketAddr> {
        self.socket.local_addr().ok().and_then(|address| address.as_socket())
    }

    /// Sends ICMP messages, to which the kernel adds the IP header: those of `batch` at `places`, each to the address of the same place,
    /// as many of them as it can with one call. Returns how many have left, at least one.
    ///
    /// # Errors
    /// When the first of them cannot leave: no route leads there, a firewall forbids it, the queue is full.
    pub fn send_batch(
        &self,
        calls: &mut SendBatch,
        (batch, places): (&PacketBatch, Range<usize>),
        addresses: &[SocketAddr],
    ) -> Result<usize, SysError> {
        send_batch(&self.socket, calls, (batch, places), addresses)
    }

    /// Receives one message without waiting; `None` when there is none.
    ///
    /// # Errors
    /// When the socket has an error, which this call takes off it.
    pub fn receive<'a>(&self, buffer: &'a mut [u8]) -> io::Result<Option<Message<'a>>> {
        receive(&self.socket, buffer, Queue::Messages)
    }

    /// Which family it is of.
    pub fn family(&self) -> Family {
        self.family
    }

    /// How it was opened.
    pub fn kind(&self) -> IcmpKind {
        self.kind
    }

    fn option(&self, level: i32, name: i32, value: i32) -> io::Result<()> {
        set_option(&self.socket, level, name, value)
    }
}

impl AsFd for HeaderIncluded {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl AsFd for IcmpSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// What becomes of packets that are larger than the path takes (ping(8), `-M`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MtuDiscovery {
    /// No router may cut packets, and what is larger than the path is known to take does not leave.
    Do,
    /// What is larger is cut before it leaves; what is not, no router may cut.
    #[default]
    Want,
    /// Routers may cut.
    Dont,
    /// No router may cut packets, whatever the path is known to take.
    Probe,
}

impl MtuDiscovery {
    /// The numbers are the same for IPv4 and IPv6.
    fn number(self) -> i32 {
        match self {
            Self::Do => libc::IP_PMTUDISC_DO,
            Self::Want => libc::IP_PMTUDISC_WANT,
            Self::Dont => libc::IP_PMTUDISC_DONT,
            Self::Probe => libc::IP_PMTUDISC_PROBE,
        }
    }
}

/// Octets of messages that wait to be read, as far as the kernel allows.
pub(super) const RECEIVE_BUFFER: usize = 4 << 20;

/// Has a raw socket fail with ENOBUFS when a queue of the interface is full: without it such a packet is lost without a word
/// (`raw_send_hdrinc` in net/ipv4/raw.c). ICMP errors, which it also asks for, do not come to sockets of IPPROTO_RAW.
pub(super) fn tell_full_queues(socket: &impl AsFd, is_ipv6: bool) -> io::Result<()> {
    if is_ipv6 {
        set_option(socket, libc::IPPROTO_IPV6, libc::IPV6_RECVERR, 1)
    } else {
        set_option(socket, libc::IPPROTO_IP, libc::IP_RECVERR, 1)
    }
}

/// Sets a socket option that is an int (setsockopt(2)): those that socket2 has no name for.
pub(super) fn set_option(socket: &impl AsFd, level: i32, name: i32, value: i32) -> io::Result<()> {
    let len = libc::socklen_t::try_from(size_of_val(&value)).unwrap_or(0);
    let fd = socket.as_fd().as_raw_fd();
    // SAFETY: the pointer is to an int that lives for the call, and `len` is its size.
    let done = unsafe { libc::setsockopt(fd, level, name, (&raw const value).cast(), len) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

fn send_batch(
    socket: &Socket,
    calls: &mut SendBatch,
    (batch, places): (&PacketBatch, Range<usize>),
    addresses: &[SocketAddr],
) -> Result<usize, SysError> {
    let to = addresses.get(places.clone()).unwrap_or_default();
    let sent = retry(|| calls.send(socket, (batch, places.clone()), to.iter().copied(), 0));
    sent.map_err(|error| match to.first() {
        Some(first) => SysError::of("send to", first.ip())(error),
        None => SysError::of("send by", "a socket")(error),
    })
}

/// Calls again what a signal interrupted. A pending error of an earlier packet (ICMP errors are told this way too) is
/// taken off the socket by the call that it fails, so that one is repeated as well.
fn retry<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    const TRIES: usize = 3;
    let mut last = call();
    for _ in 1..TRIES {
        match &last {
            Err(error)
                if matches!(
                    error.raw_os_error(),
                    Some(libc::EINTR | libc::ECONNREFUSED | libc::EHOSTUNREACH | libc::EPROTO)
                ) =>
            {
                last = call();
            }
            _ => break,
        }
    }
    last
}
