//! Sockets that send many packets with one call (sendmmsg(2)): frames by a packet socket, IP packets by raw sockets.

use std::io;
use std::mem;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use socket2::{Domain, Protocol, Socket, Type};

use super::error::SysError;
use super::ip_socket::tell_full_queues;
use super::send_batch::SendBatch;
use crate::wire::packet_batch::PacketBatch;

/// Sends batches of frames out of one interface, or of IP packets with their headers (IP_HDRINCL).
///
/// What [`send`](Self::send) says has left was taken by the interface's queue: a packet that it refused is not counted.
#[derive(Debug)]
pub struct BatchSocket {
    socket: OwnedFd,
    calls: SendBatch,
}

impl BatchSocket {
    /// A packet socket for frames that leave by the interface with this index. It receives nothing.
    ///
    /// # Errors
    /// When CAP_NET_RAW is missing, or there is no such interface.
    pub fn of_interface(interface: u32, name: &str) -> Result<Self, SysError> {
        let failed = || SysError::of("open", "a packet socket");
        let socket = Socket::new(Domain::PACKET, Type::RAW, None).map_err(failed())?;
        // SAFETY: sockaddr_ll is plain data, for which all zeros are valid.
        let mut address: libc::sockaddr_ll = unsafe { mem::zeroed() };
        address.sll_family = libc::sa_family_t::try_from(libc::AF_PACKET).unwrap_or_default();
        address.sll_ifindex = i32::try_from(interface).unwrap_or(0);
        let len = libc::socklen_t::try_from(mem::size_of_val(&address)).unwrap_or(0);
        // With protocol 0 it stays deaf, and the kernel takes each frame's protocol from the frame (`packet_parse_headers` in
        // net/packet/af_packet.c).
        // SAFETY: `address` is a sockaddr_ll of `len` octets.
        let done = unsafe { libc::bind(socket.as_raw_fd(), (&raw const address).cast(), len) };
        if done != 0 {
            return Err(SysError::of("bind a packet socket to", name)(io::Error::last_os_error()));
        }
        Ok(Self::of(socket))
    }

    /// A raw socket for IPv4 packets, or for IPv6 packets, that may leave by any interface, or by this one alone.
    ///
    /// # Errors
    /// When CAP_NET_RAW is missing, or there is no such interface.
    pub fn of_ip(is_ipv6: bool, interface: Option<&str>) -> Result<Self, SysError> {
        let (domain, name) =
            if is_ipv6 { (Domain::IPV6, "a raw IPv6 socket") } else { (Domain::IPV4, "a raw IPv4 socket") };
        let open = || {
            // IPPROTO_RAW means that headers are included, for both families, and that nothing is received.
            let socket = Socket::new(domain, Type::RAW, Some(Protocol::from(libc::IPPROTO_RAW)))?;
            if !is_ipv6 {
                socket.set_header_included_v4(true)?;
                socket.set_broadcast(true)?;
            }
            tell_full_queues(&socket, is_ipv6)?;
            Ok(socket)
        };
        let socket: Socket = open().map_err(SysError::of("open", name))?;
        if let Some(interface) = interface {
            let bound = socket.bind_device(Some(interface.as_bytes()));
            bound.map_err(SysError::of("bind a raw socket to", interface))?;
        }
        Ok(Self::of(socket))
    }

    /// One that sends nothing, for the place of one that is not needed.
    ///
    /// # Errors
    /// When no descriptor is left.
    pub fn of_nothing() -> Result<Self, SysError> {
        Socket::new(Domain::UNIX, Type::DGRAM, None).map(Self::of).map_err(SysError::of("open", "a socket"))
    }

    fn of(socket: Socket) -> Self {
        // More room lets a queue of the interface fill, and not this socket first; less is no failure.
        let _ = socket.set_send_buffer_size(SEND_BUFFER);
        Self { socket: socket.into(), calls: SendBatch::default() }
    }

    /// Sends the packets of `batch` at `places`, each to its address where there are addresses. Returns how many have left, at
    /// least one; never waits.
    ///
    /// # Errors
    /// Why the first did not leave; `WouldBlock` and ENOBUFS mean that there is no room now.
    pub fn send(
        &mut self,
        batch: &PacketBatch,
        places: std::ops::Range<usize>,
        addresses: &[IpAddr],
    ) -> io::Result<usize> {
        let of_packets = addresses.get(places.clone()).unwrap_or_default();
        let mut is_again = false;
        loop {
            let to = of_packets.iter().map(|address| SocketAddr::new(*address, 0));
            let error = match self.calls.send(&self.socket, (batch, places.clone()), to, libc::MSG_DONTWAIT) {
                Ok(sent) => break Ok(sent),
                Err(error) => error,
            };
            match error.raw_os_error() {
                Some(libc::EINTR) => {}
                Some(libc::EAGAIN | libc::ENOBUFS) => break Err(error),
                // Errors of packets before, told by ICMP (`raw_err` in net/ipv4/raw.c), are taken off the socket by the call that they
                // fail; this packet's own comes again.
                _ if !is_again => is_again = true,
                _ => break Err(error),
            }
        }
    }
}

impl AsFd for BatchSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

const SEND_BUFFER: usize = 4 << 20;
