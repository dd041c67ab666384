//! Packet sockets: whole frames out of and into an interface (packet(7)).

use std::io;
use std::mem;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use socket2::{Domain, Socket, Type};

use super::error::SysError;
use super::ip_socket::set_option;
use super::time_stamp::{Departures, Passage};
use crate::wire::bpf::Instruction;
use crate::wire::frame::LinkType;

/// Sends whole frames.
#[derive(Debug)]
pub struct FrameSender(Socket);

impl FrameSender {
    /// Has the kernel tell when frames leave, from the next one on.
    ///
    /// # Errors
    /// When the kernel has no such stamps.
    pub fn stamp_departures(&self, departures: Departures) -> Result<(), SysError> {
        departures.switch_on(&self.0).map_err(SysError::of("ask for time stamps of", "a packet socket"))
    }

    /// Has the kernel number frames from 0 again.
    ///
    /// # Errors
    /// When the kernel has no such stamps.
    pub fn number_anew(&self, departures: Departures) -> Result<(), SysError> {
        departures.start_anew(&self.0).map_err(SysError::of("ask for time stamps of", "a packet socket"))
    }

    /// The next stamp. `None` when there is none yet.
    ///
    /// # Errors
    /// When the queue of errors, in which stamps come, cannot be read.
    pub fn departure(&self) -> io::Result<Option<Passage>> {
        Passage::next(&self.0)
    }

    /// Opens it. With protocol 0 it receives nothing.
    ///
    /// # Errors
    /// When CAP_NET_RAW is missing.
    pub fn open() -> Result<Self, SysError> {
        Socket::new(Domain::PACKET, Type::RAW, None)
            .map(Self)
            .map_err(SysError::of("open", "a packet socket"))
    }

    /// Sends a frame out of the interface with this index, link-layer header included, every bit as it is.
    ///
    /// # Errors
    /// When there is no such interface, it is down, or the frame is larger than it takes.
    pub fn send(&self, interface: u32, frame: &[u8]) -> Result<(), SysError> {
        let mut address = link_address(interface, 0);
        // Drivers that look at it take the protocol from here: what the frame itself says.
        let ethertype = frame.get(12..).and_then(<[u8]>::first_chunk::<2>).copied().unwrap_or_default();
        address.sll_protocol = u16::from_ne_bytes(ethertype);
        let len = socklen::<libc::sockaddr_ll>();
        loop {
            // SAFETY: `frame` is readable for its length, and `address` is a sockaddr_ll of `len` octets.
            let sent = unsafe {
                libc::sendto(
                    self.0.as_raw_fd(),
                    frame.as_ptr().cast(),
                    frame.len(),
                    0,
                    (&raw const address).cast(),
                    len,
                )
            };
            if sent >= 0 {
                return Ok(());
            }
            let error = io::Error::last_os_error();
            if error.kind() != io::ErrorKind::Interrupted {
                return Err(SysError::of("send a frame to", format!("interface {interface}"))(error));
            }
        }
    }
}

/// A packet socket that receives. The order is a promise: it is opened with protocol 0 (nothing comes in), given its filter
/// and its ring, and only then bound to all protocols, so that no packet is seen that came before, or that the filter
/// would not let through.
#[derive(Debug)]
pub struct PacketSocket(Socket);

impl PacketSocket {
    /// Opens it, deaf: frames with their link-layer header, or when `cooked`, packets without it.
    ///
    /// # Errors
    /// When CAP_NET_RAW is missing.
    pub fn open(cooked: bool) -> Result<Self, SysError> {
        let kind = if cooked { Type::DGRAM } else { Type::RAW };
        let socket =
            Socket::new(Domain::PACKET, kind, None).map_err(SysError::of("open", "a packet socket"))?;
        Ok(Self(socket))
    }

    /// Lets only those packets in that the program takes, and of each only so many octets as it says.
    ///
    /// # Errors
    /// When the kernel does not take the program.
    pub fn attach(&self, program: &[Instruction]) -> Result<(), SysError> {
        let mut filters: Vec<libc::sock_filter> =
            program.iter().map(|i| libc::sock_filter { code: i.code, jt: i.jt, jf: i.jf, k: i.k }).collect();
        let len = u16::try_from(filters.len()).unwrap_or(u16::MAX);
        let program = libc::sock_fprog { len, filter: filters.as_mut_ptr() };
        // SAFETY: the program points to `len` filters, alive for the call; the kernel copies them.
        let done = unsafe { self.set(libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, &program) };
        done.map_err(SysError::of("attach a filter to", "a packet socket"))
    }

    /// Takes the program off again.
    ///
    /// # Errors
    /// When there is none.
    pub(super) fn detach(&self) -> io::Result<()> {
        set_option(&self.0, libc::SOL_SOCKET, libc::SO_DETACH_FILTER, 0)
    }

    /// Begins to receive from the interface with this index, or from all when 0.
    ///
    /// # Errors
    /// When there is no such interface, or it is down.
    pub fn bind(&self, interface: u32) -> Result<(), SysError> {
        let address = link_address(interface, ETH_P_ALL.to_be());
        // SAFETY: `address` is a sockaddr_ll of the length given.
        let done = unsafe {
            libc::bind(self.0.as_raw_fd(), (&raw const address).cast(), socklen::<libc::sockaddr_ll>())
        };
        let bound = if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) };
        bound.map_err(SysError::of("bind a packet socket to", format!("interface {interface}")))
    }

    /// Shares what comes in with the other sockets of a group: each packet goes to one of them, those of one flow to the same,
    /// unless it is full (PACKET_FANOUT_HASH, PACKET_FANOUT_FLAG_ROLLOVER). Without a group it begins one; returns its number.
    ///
    /// Fragments are not put together (PACKET_FANOUT_FLAG_DEFRAG), although their ports are not seen and they may go another
    /// way: a capture has to show them as they were on the wire.
    ///
    /// # Errors
    /// When the socket is not bound, or to something else than the group.
    pub(super) fn share(&self, group: Option<u16>) -> Result<u16, SysError> {
        let flags = libc::PACKET_FANOUT_HASH | libc::PACKET_FANOUT_FLAG_ROLLOVER;
        let value = match group {
            Some(group) => flags << 16 | u32::from(group),
            // The kernel chooses a number that no other program uses.
            None => (flags | libc::PACKET_FANOUT_FLAG_UNIQUEID) << 16,
        };
        let failed = || SysError::of("share packets between", "packet sockets (PACKET_FANOUT)");
        set_option(&self.0, libc::SOL_PACKET, libc::PACKET_FANOUT, value.cast_signed()).map_err(failed())?;
        let mut told: libc::c_int = 0;
        // SAFETY: the kernel writes an int (`packet_getsockopt` in net/packet/af_packet.c).
        unsafe { self.get(libc::PACKET_FANOUT, &mut told) }.map_err(failed())?;
        let [low, high, ..] = told.to_le_bytes();
        Ok(u16::from_le_bytes([low, high]))
    }

    /// Asks the interface for all frames that pass it, as long as this socket is open.
    ///
    /// # Errors
    /// When there is no such interface.
    pub fn see_all_frames(&self, interface: u32) -> Result<(), SysError> {
        let member = libc::packet_mreq {
            mr_ifindex: i32::try_from(interface).unwrap_or(0),
            mr_type: PACKET_MR_PROMISC,
            mr_alen: 0,
            mr_address: [0; 8],
        };
        // SAFETY: `member` is a packet_mreq, alive for the call.
        let done = unsafe { self.set(libc::SOL_PACKET, libc::PACKET_ADD_MEMBERSHIP, &member) };
        done.map_err(SysError::of("see all frames of", format!("interface {interface}")))
    }

    /// The packets that came, and those of them that there was no room for, since the last call (PACKET_STATISTICS).
    ///
    /// # Errors
    /// When the kernel does not tell.
    pub fn statistics(&self) -> Result<Statistics, SysError> {
        let mut stats = libc::tpacket_stats_v3 { tp_packets: 0, tp_drops: 0, tp_freeze_q_cnt: 0 };
        // SAFETY: it is the structure that PACKET_STATISTICS gives with TPACKET_V3, of which it is the beginning else.
        let got = unsafe { self.get(libc::PACKET_STATISTICS, &mut stats) };
        got.map_err(SysError::of("ask for the counters of", "a packet socket"))?;
        Ok(Statistics { packets: u64::from(stats.tp_packets), dropped: u64::from(stats.tp_drops) })
    }

    /// An error that the socket has come upon (SO_ERROR in socket(7)).
    pub(super) fn take_error(&self) -> Option<io::Error> {
        self.0.take_error().ok().flatten()
    }

    /// Asks for an option of packet sockets.
    ///
    /// # Safety
    /// `value` must be the structure that the option gives.
    unsafe fn get<T>(&self, name: i32, value: &mut T) -> io::Result<()> {
        let mut len = socklen::<T>();
        let (socket, value) = (self.0.as_raw_fd(), std::ptr::from_mut(value));
        // SAFETY: `value` has room for `len` octets; the caller promises that they may be what the kernel writes there.
        let done = unsafe { libc::getsockopt(socket, libc::SOL_PACKET, name, value.cast(), &raw mut len) };
        if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }

    /// Sets an option that is an int.
    pub(super) fn set_int(&self, name: i32, value: i32) -> io::Result<()> {
        set_option(&self.0, libc::SOL_PACKET, name, value)
    }

    /// Sets an option that is a structure.
    ///
    /// # Safety
    /// `value` must be the structure that the option takes, and what it points to be valid.
    pub(super) unsafe fn set<T>(&self, level: i32, name: i32, value: &T) -> io::Result<()> {
        // SAFETY: `value` is readable for its own size; the caller promises the rest.
        let done = unsafe {
            libc::setsockopt(self.0.as_raw_fd(), level, name, (&raw const *value).cast(), socklen::<T>())
        };
        if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }
}

impl AsFd for PacketSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// What a packet socket counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Packets that the filter let through, dropped ones included.
    pub packets: u64,
    /// Packets that there was no room for.
    pub dropped: u64,
}

impl Statistics {
    /// Both together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            packets: self.packets.saturating_add(other.packets),
            dropped: self.dropped.saturating_add(other.dropped),
        }
    }
}

/// What frames of an interface begin with, by its ARPHRD_ number; `None` for kinds of links that are not known here.
pub fn link_type_of(hardware: u16) -> Option<LinkType> {
    match hardware {
        libc::ARPHRD_ETHER | libc::ARPHRD_LOOPBACK => Some(LinkType::ETHERNET),
        // Tunnels whose packets begin with the IP header: tun, PPP as Linux gives it, IP-in-IP, SIT. Of those of GRE one direction
        // begins with the outer header and the other with the inner one (`__ipgre_rcv` in net/ipv4/ip_gre.c): they are not known.
        libc::ARPHRD_NONE
        | libc::ARPHRD_PPP
        | libc::ARPHRD_TUNNEL
        | libc::ARPHRD_TUNNEL6
        | libc::ARPHRD_SIT => Some(LinkType::RAW),
        _ => None,
    }
}

fn link_address(interface: u32, protocol: u16) -> libc::sockaddr_ll {
    // SAFETY: sockaddr_ll is plain data, for which all zeros are valid.
    let mut address: libc::sockaddr_ll = unsafe { mem::zeroed() };
    address.sll_family = libc::sa_family_t::try_from(libc::AF_PACKET).unwrap_or_default();
    address.sll_protocol = protocol;
    address.sll_ifindex = i32::try_from(interface).unwrap_or(0);
    address.sll_halen = 6;
    address
}

fn socklen<T>() -> libc::socklen_t {
    libc::socklen_t::try_from(mem::size_of::<T>()).unwrap_or(0)
}

/// All protocols (`linux/if_ether.h`).
const ETH_P_ALL: u16 = 0x0003;
/// `linux/if_packet.h`.
const PACKET_MR_PROMISC: libc::c_ushort = 1;
