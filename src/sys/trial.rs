//! Trying what the system allows, and leaving nothing behind: for `rawsock doctor`. What other files of this room open
//! is tried by opening it.

use std::io;
use std::net::{Ipv6Addr, UdpSocket};

use socket2::{Domain, SockFilter, Socket, Type};

use super::error::SysError;
use super::ip_socket::set_option;
use super::ring::{Ring, RingOptions, Source};

/// A small ring on all interfaces, which is gone before anybody looks into it.
///
/// # Errors
/// When CAP_NET_RAW is missing, or the kernel is older than Linux 3.2.
pub fn ring() -> Result<(), SysError> {
    let options = RingOptions { buffer_len: 1 << 18, snap_len: 64, ..RingOptions::default() };
    Ring::open(Source::ALL, &options).map(drop)
}

/// A filter in the kernel (SO_ATTACH_FILTER in socket(7)), which anybody may have on a socket of theirs.
///
/// # Errors
/// `ENOMEM` when `net.core.optmem_max` is very small.
pub fn socket_filter() -> Result<(), SysError> {
    // `ret #65535`: everything passes. BPF_RET is 6, BPF_K is 0 (`linux/bpf_common.h`).
    let everything = SockFilter::new(6, 0, 0, 0xffff);
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, None);
    let attached = socket.and_then(|socket| socket.attach_filter(&[everything]));
    attached.map_err(SysError::of("attach", "a filter"))
}

/// The kernel's time stamps on what is received (SO_TIMESTAMPNS in socket(7)).
///
/// # Errors
/// `ENOPROTOOPT` where they are not known.
pub fn receive_timestamps() -> Result<(), SysError> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, None);
    let asked = socket.and_then(|socket| set_option(&socket, libc::SOL_SOCKET, libc::SO_TIMESTAMPNS, 1));
    asked.map_err(SysError::of("ask for", "time stamps"))
}

/// A socket on the IPv6 loopback address.
///
/// # Errors
/// `EAFNOSUPPORT` when the kernel has no IPv6, `EADDRNOTAVAIL` when it is switched off.
pub fn ipv6() -> Result<(), SysError> {
    let bound: io::Result<UdpSocket> = UdpSocket::bind((Ipv6Addr::LOCALHOST, 0));
    bound.map(drop).map_err(SysError::of("bind to", "::1"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::capability::{self, Capability, Grant};

    #[test]
    fn a_ring_works_exactly_with_the_capability() {
        let granted = capability::granted(Capability::NetRaw).unwrap() == Grant::Effective;
        assert_eq!(ring().is_ok(), granted);
        // Capabilities are per thread: giving them up there hurts nobody.
        let without = || capability::drop_all().map(|()| ring());
        let error = std::thread::spawn(without).join().unwrap().unwrap().unwrap_err();
        assert!(error.is_permission(), "{error}");
    }

    #[test]
    fn what_needs_no_privilege_works() {
        socket_filter().unwrap();
        receive_timestamps().unwrap();
    }
}
