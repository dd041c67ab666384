//! The way to an address as a UDP socket has it that is connected there and sends nothing: quicker to ask than netlink.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsRawFd;

use socket2::{Domain, SockAddr, Socket, Type};

/// The way to an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownPath {
    /// The address that packets come from.
    pub source: IpAddr,
    /// The largest packet in octets that the path is known to take (IP_MTU in ip(7)).
    pub mtu: u32,
}

/// The way to `destination` from `source`, or from the address that the kernel chooses, of packets that have this mark.
///
/// # Errors
/// When no way leads there, one forbids it, it is a broadcast address, or `source` is no address of this host; for a mark, when
/// CAP_NET_ADMIN and CAP_NET_RAW are missing.
pub fn path_to(destination: SocketAddr, source: Option<IpAddr>, mark: Option<u32>) -> io::Result<KnownPath> {
    let socket = Socket::new(Domain::for_address(destination), Type::DGRAM, None)?;
    mark.map_or(Ok(()), |mark| socket.set_mark(mark))?;
    if let Some(source) = source {
        socket.bind(&SockAddr::from(SocketAddr::new(source, 0)))?;
    }
    let mut to = destination;
    to.set_port(DISCARD);
    socket.connect(&SockAddr::from(to))?;
    let own = socket.local_addr()?.as_socket().ok_or(io::ErrorKind::AddrNotAvailable)?;
    Ok(KnownPath { source: own.ip(), mtu: mtu(&socket, destination.is_ipv4())? })
}

/// The port of discard (RFC 863): nothing is sent there.
const DISCARD: u16 = 9;

fn mtu(socket: &Socket, is_ipv4: bool) -> io::Result<u32> {
    let (level, name) =
        if is_ipv4 { (libc::IPPROTO_IP, libc::IP_MTU) } else { (libc::IPPROTO_IPV6, libc::IPV6_MTU) };
    let mut mtu: libc::c_int = 0;
    let mut len = libc::socklen_t::try_from(size_of_val(&mtu)).unwrap_or(0);
    // SAFETY: `mtu` is an int of `len` octets that lives for the call.
    let done =
        unsafe { libc::getsockopt(socket.as_raw_fd(), level, name, (&raw mut mtu).cast(), &raw mut len) };
    if done != 0 {
        return Err(io::Error::last_os_error());
    }
    u32::try_from(mtu).map_err(|_| io::ErrorKind::InvalidData.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_reached_from_loopback() {
        let to = |text: &str| SocketAddr::new(text.parse().unwrap(), 0);
        let path = path_to(to("127.0.0.2"), None, None).unwrap();
        assert!(path.source.is_loopback() && path.mtu >= 1500, "{path:?}");
        let source = "127.0.0.7".parse().unwrap();
        assert_eq!(path_to(to("127.0.0.2"), Some(source), None).unwrap().source, source);
        assert!(path_to(to("127.0.0.2"), Some("192.0.2.1".parse().unwrap()), None).is_err());
        assert!(path_to(to("255.255.255.255"), None, None).is_err());
    }
}
