//! Receiving a message with what the kernel says about it: time stamp, time to live, destination, errors (recvmsg(2),
//! cmsg(3), ip(7), ipv6(7)).

use std::io;
use std::mem;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::os::fd::{AsFd, AsRawFd};

use super::error_queue::SocketError;

/// A message that was received.
#[derive(Debug)]
pub struct Message<'a> {
    /// Its octets, as many as the buffer had room for.
    pub octets: &'a [u8],
    /// Who sent it.
    pub from: Option<SocketAddr>,
    /// What the kernel says about it.
    pub about: About,
}

/// What the kernel says about a message. Each is told only when the socket asked for it.
#[derive(Debug, Clone, Copy, Default)]
pub struct About {
    /// When it came in: nanoseconds since 1970 (SO_TIMESTAMPNS).
    pub stamp: Option<i64>,
    /// When a packet passed, that the socket sent or received (SCM_TIMESTAMPING): nanoseconds since 1970, by the kernel.
    pub by_kernel: Option<i64>,
    /// The same by the adapter, whose clock may be one of its own.
    pub by_adapter: Option<i64>,
    /// Its time to live or hop limit (IP_RECVTTL, IPV6_RECVHOPLIMIT).
    pub ttl: Option<u8>,
    /// The traffic class and the flow label of its IPv6 header (IPV6_FLOWINFO); nothing where both are zero.
    pub flow: Option<u32>,
    /// The address that it was sent to (IP_PKTINFO, IPV6_RECVPKTINFO).
    pub destination: Option<IpAddr>,
    /// The interface that it came in by.
    pub interface: Option<u32>,
    /// The error that the message is about (IP_RECVERR, IPV6_RECVERR).
    pub error: Option<SocketError>,
}

/// Where to receive from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Queue {
    /// Messages.
    Messages,
    /// Errors (MSG_ERRQUEUE).
    Errors,
}

/// Receives one message without waiting; `None` when there is none.
///
/// # Errors
/// When the socket has an error of its own, which this call takes off it.
pub fn receive<'a>(
    socket: &impl AsFd,
    buffer: &'a mut [u8],
    queue: Queue,
) -> io::Result<Option<Message<'a>>> {
    // SAFETY: sockaddr_storage and msghdr are plain data, for which all zeros are valid.
    let (mut name, mut header): (libc::sockaddr_storage, libc::msghdr) =
        unsafe { (mem::zeroed(), mem::zeroed()) };
    let mut control = [0u64; CONTROL_WORDS];
    let mut part = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    header.msg_name = (&raw mut name).cast();
    header.msg_namelen = socklen(mem::size_of_val(&name));
    header.msg_iov = &raw mut part;
    header.msg_iovlen = 1;
    header.msg_control = control.as_mut_ptr().cast();
    // musl has 32 bits for this length, GNU libc 64.
    header.msg_controllen = mem::size_of_val(&control) as _;
    let flags = libc::MSG_DONTWAIT | if queue == Queue::Errors { libc::MSG_ERRQUEUE } else { 0 };
    // SAFETY: `header` points to `name`, `part` (which points into `buffer`) and `control`, all alive and of the lengths
    // given; the kernel writes within them.
    let got = unsafe { libc::recvmsg(socket.as_fd().as_raw_fd(), &raw mut header, flags) };
    if got < 0 {
        let error = io::Error::last_os_error();
        return match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => Ok(None),
            _ => Err(error),
        };
    }
    let about = About::of(&control, header.msg_controllen as _);
    let from = socket_address(&name, header.msg_namelen as usize);
    let len = usize::try_from(got).unwrap_or(0).min(buffer.len());
    Ok(Some(Message { octets: buffer.get(..len).unwrap_or_default(), from, about }))
}

/// Room for all the control messages that we ask for at once, aligned as cmsg(3) wants it.
const CONTROL_WORDS: usize = 64;

fn socklen(len: usize) -> libc::socklen_t {
    libc::socklen_t::try_from(len).unwrap_or(libc::socklen_t::MAX)
}

/// One control message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct ControlMessage<'a> {
    level: i32,
    kind: i32,
    data: &'a [u8],
}

/// Walks control messages: a length of the whole, level and type, data, padding to the next multiple of a word.
struct ControlMessages<'a> {
    left: &'a [u8],
}

impl<'a> Iterator for ControlMessages<'a> {
    type Item = ControlMessage<'a>;

    fn next(&mut self) -> Option<ControlMessage<'a>> {
        const HEADER_LEN: usize = mem::size_of::<libc::cmsghdr>();
        const LEVEL_AT: usize = mem::offset_of!(libc::cmsghdr, cmsg_level);
        const KIND_AT: usize = mem::offset_of!(libc::cmsghdr, cmsg_type);
        let len = usize::from_ne_bytes(*self.left.first_chunk()?);
        let level = i32::from_ne_bytes(*self.left.get(LEVEL_AT..)?.first_chunk()?);
        let kind = i32::from_ne_bytes(*self.left.get(KIND_AT..)?.first_chunk()?);
        let data = self.left.get(HEADER_LEN..len)?;
        self.left = self.left.get(len.next_multiple_of(mem::size_of::<usize>())..).unwrap_or_default();
        Some(ControlMessage { level, kind, data })
    }
}

impl About {
    /// What the first `said` octets of control messages say.
    pub(super) fn of(control: &[u64], said: usize) -> Self {
        let said = said.min(mem::size_of_val(control));
        // SAFETY: `control` is initialised, lives on, and is `said` octets long or longer; octets need no alignment.
        let octets = unsafe { std::slice::from_raw_parts(control.as_ptr().cast::<u8>(), said) };
        let mut about = Self::default();
        (ControlMessages { left: octets }).for_each(|message| about.note(message));
        about
    }

    fn note(&mut self, message: ControlMessage<'_>) {
        let data = message.data;
        let word = |at: usize| data.get(at..).and_then(|rest| rest.first_chunk::<4>()).copied();
        match (message.level, message.kind) {
            (libc::SOL_SOCKET, libc::SCM_TIMESTAMPNS) => self.stamp = timespec(data),
            // struct scm_timestamping: the kernel's stamp, one that is not used any more, the adapter's.
            (libc::SOL_SOCKET, libc::SCM_TIMESTAMPING) => {
                let stamp = |at: usize| data.get(at..).and_then(timespec).filter(|nanos| *nanos != 0);
                (self.by_kernel, self.by_adapter) = (stamp(0), stamp(2 * TIMESPEC_LEN));
            }
            (libc::IPPROTO_IP, libc::IP_TTL) | (libc::IPPROTO_IPV6, libc::IPV6_HOPLIMIT) => {
                self.ttl = word(0).and_then(|ttl| u8::try_from(i32::from_ne_bytes(ttl)).ok());
            }
            (libc::IPPROTO_IPV6, libc::IPV6_FLOWINFO) => {
                self.flow = word(0).map(u32::from_be_bytes).filter(|flow| *flow != 0);
            }
            // struct in_pktinfo: interface, local address, destination of the header.
            (libc::IPPROTO_IP, libc::IP_PKTINFO) => {
                self.interface = word(0).map(u32::from_ne_bytes);
                self.destination = word(8).map(|octets| Ipv4Addr::from(octets).into());
            }
            // struct in6_pktinfo: destination, interface.
            (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => {
                self.destination = data.first_chunk::<16>().map(|octets| Ipv6Addr::from(*octets).into());
                self.interface = word(16).map(u32::from_ne_bytes);
            }
            // What packet sockets tell so is when packets left (`packet_recvmsg` in net/packet/af_packet.c).
            (libc::IPPROTO_IP, libc::IP_RECVERR)
            | (libc::IPPROTO_IPV6, libc::IPV6_RECVERR)
            | (libc::SOL_PACKET, libc::PACKET_TX_TIMESTAMP) => {
                self.error = SocketError::read(data);
            }
            _ => {}
        }
    }
}

/// Octets of a struct timespec.
const TIMESPEC_LEN: usize = 16;

/// A struct timespec of two 64-bit words, as nanoseconds.
fn timespec(data: &[u8]) -> Option<i64> {
    let seconds = i64::from_ne_bytes(*data.first_chunk()?);
    let nanos = i64::from_ne_bytes(*data.get(8..)?.first_chunk()?);
    seconds.checked_mul(1_000_000_000)?.checked_add(nanos)
}

/// The address that the kernel wrote into `storage`; `None` for other families.
pub(super) fn socket_address(storage: &libc::sockaddr_storage, len: usize) -> Option<SocketAddr> {
    match i32::from(storage.ss_family) {
        libc::AF_INET if len >= mem::size_of::<libc::sockaddr_in>() => {
            // SAFETY: the family says that it is a sockaddr_in, and sockaddr_storage is large and aligned enough for any.
            let address = unsafe { &*(&raw const *storage).cast::<libc::sockaddr_in>() };
            let ip = Ipv4Addr::from(u32::from_be(address.sin_addr.s_addr));
            Some((ip, u16::from_be(address.sin_port)).into())
        }
        libc::AF_INET6 if len >= mem::size_of::<libc::sockaddr_in6>() => {
            // SAFETY: as above, for sockaddr_in6.
            let address = unsafe { &*(&raw const *storage).cast::<libc::sockaddr_in6>() };
            let ip = Ipv6Addr::from(address.sin6_addr.s6_addr);
            let (port, scope) = (u16::from_be(address.sin6_port), address.sin6_scope_id);
            Some(SocketAddrV6::new(ip, port, 0, scope).into())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn message(level: i32, kind: i32, data: &[u8]) -> Vec<u8> {
        let mut octets = (16 + data.len()).to_ne_bytes().to_vec();
        octets.extend(level.to_ne_bytes());
        octets.extend(kind.to_ne_bytes());
        octets.extend(data);
        octets.resize(octets.len().next_multiple_of(8), 0);
        octets
    }

    #[test]
    fn reads_the_messages_that_we_ask_for() {
        let mut octets = message(libc::IPPROTO_IP, libc::IP_TTL, &63i32.to_ne_bytes());
        let stamp = [5i64.to_ne_bytes(), 7i64.to_ne_bytes()].concat();
        octets.extend(message(libc::SOL_SOCKET, libc::SCM_TIMESTAMPNS, &stamp));
        let mut about = About::default();
        ControlMessages { left: &octets }.for_each(|message| about.note(message));
        assert_eq!((about.ttl, about.stamp), (Some(63), Some(5_000_000_007)));
    }

    proptest! {
        #[test]
        fn any_octets_end(octets in proptest::collection::vec(any::<u8>(), 0..200)) {
            let count = ControlMessages { left: &octets }.count();
            prop_assert!(count <= 200 / 16);
        }

        /// Each message is read whatever stands beside it, and the last one counts of two that say the same.
        #[test]
        fn messages_are_told_apart(
            ttl: u8,
            interface: u32,
            destination: [u8; 16],
            other in proptest::collection::vec(any::<u8>(), 0..30),
            is_cut: bool,
        ) {
            let mut octets = message(libc::SOL_SOCKET, 0x7fff, &other);
            octets.extend(message(libc::IPPROTO_IPV6, libc::IPV6_HOPLIMIT, &300i32.to_ne_bytes()));
            octets.extend(message(libc::IPPROTO_IPV6, libc::IPV6_HOPLIMIT, &i32::from(ttl).to_ne_bytes()));
            let place = [&destination[..], &interface.to_ne_bytes()].concat();
            octets.extend(message(libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, &place));
            // Room for one more, of which only the beginning is there.
            octets.extend(&message(libc::IPPROTO_IP, libc::IP_TTL, &[1, 0, 0, 0])[..if is_cut { 12 } else { 0 }]);
            let mut about = About::default();
            ControlMessages { left: &octets }.for_each(|message| about.note(message));
            prop_assert_eq!((about.ttl, about.interface), (Some(ttl), Some(interface)));
            prop_assert_eq!(about.destination, Some(destination.into()));
            prop_assert!(about.error.is_none() && about.stamp.is_none());
        }
    }
}
