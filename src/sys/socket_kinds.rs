//! Which kinds of sockets there are here and now: by opening them.

use std::io;

use socket2::{Domain, Protocol, Socket, Type};

/// A kind of socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SocketKind {
    /// The family, by its number and its name in C.
    pub family: (i32, &'static str),
    /// The type.
    pub kind: (i32, &'static str),
    /// The protocol.
    pub protocol: (i32, &'static str),
}

/// What came of opening one.
#[derive(Debug)]
pub enum Trial {
    /// It works.
    Works,
    /// The kernel does not have it, or its module is not there.
    NotSupported(io::Error),
    /// It would take a right.
    NotPermitted(io::Error),
    /// Something else stands in the way.
    Failed(io::Error),
}

impl SocketKind {
    /// Opens a socket of this kind, and closes it. The kernel may load a module for it.
    pub fn open(&self) -> Trial {
        let opened = Socket::new(
            Domain::from(self.family.0),
            Type::from(self.kind.0),
            Some(Protocol::from(self.protocol.0)).filter(|_| self.protocol.0 != 0),
        );
        let Err(error) = opened else { return Trial::Works };
        match error.raw_os_error() {
            Some(libc::EPERM | libc::EACCES) => Trial::NotPermitted(error),
            Some(
                libc::EAFNOSUPPORT
                | libc::EPROTONOSUPPORT
                | libc::ESOCKTNOSUPPORT
                | libc::EPROTOTYPE
                | libc::EINVAL
                | libc::ENODEV
                | libc::EOPNOTSUPP
                | libc::ENOPROTOOPT,
            ) => Trial::NotSupported(error),
            _ => Trial::Failed(error),
        }
    }
}

const STREAM: (i32, &str) = (libc::SOCK_STREAM, "SOCK_STREAM");
const DGRAM: (i32, &str) = (libc::SOCK_DGRAM, "SOCK_DGRAM");
const SEQPACKET: (i32, &str) = (libc::SOCK_SEQPACKET, "SOCK_SEQPACKET");
const RAW: (i32, &str) = (libc::SOCK_RAW, "SOCK_RAW");
const RDM: (i32, &str) = (libc::SOCK_RDM, "SOCK_RDM");
/// `SOCK_DCCP` in linux/net.h.
const DCCP: (i32, &str) = (6, "SOCK_DCCP");

const INET: (i32, &str) = (libc::AF_INET, "AF_INET");
const INET6: (i32, &str) = (libc::AF_INET6, "AF_INET6");
const UNIX: (i32, &str) = (libc::AF_UNIX, "AF_UNIX");
const PACKET: (i32, &str) = (libc::AF_PACKET, "AF_PACKET");
const NETLINK: (i32, &str) = (libc::AF_NETLINK, "AF_NETLINK");
const VSOCK: (i32, &str) = (libc::AF_VSOCK, "AF_VSOCK");
const TIPC: (i32, &str) = (libc::AF_TIPC, "AF_TIPC");
const RDS: (i32, &str) = (libc::AF_RDS, "AF_RDS");
const XDP: (i32, &str) = (libc::AF_XDP, "AF_XDP");
const CAN: (i32, &str) = (libc::AF_CAN, "AF_CAN");
const ALG: (i32, &str) = (libc::AF_ALG, "AF_ALG");
/// `AF_KCM` in linux/socket.h.
const KCM: (i32, &str) = (41, "AF_KCM");
const BLUETOOTH: (i32, &str) = (libc::AF_BLUETOOTH, "AF_BLUETOOTH");
/// `AF_SMC` in linux/socket.h.
const SMC: (i32, &str) = (43, "AF_SMC");
const QIPCRTR: (i32, &str) = (42, "AF_QIPCRTR");

const NONE: (i32, &str) = (0, "0");
const TCP: (i32, &str) = (libc::IPPROTO_TCP, "IPPROTO_TCP");
const MPTCP: (i32, &str) = (libc::IPPROTO_MPTCP, "IPPROTO_MPTCP");
const SCTP: (i32, &str) = (libc::IPPROTO_SCTP, "IPPROTO_SCTP");
const UDP: (i32, &str) = (libc::IPPROTO_UDP, "IPPROTO_UDP");
const UDPLITE: (i32, &str) = (libc::IPPROTO_UDPLITE, "IPPROTO_UDPLITE");
const DCCP_PROTOCOL: (i32, &str) = (libc::IPPROTO_DCCP, "IPPROTO_DCCP");
const ICMP: (i32, &str) = (libc::IPPROTO_ICMP, "IPPROTO_ICMP");
const ICMPV6: (i32, &str) = (libc::IPPROTO_ICMPV6, "IPPROTO_ICMPV6");
const RAW_IP: (i32, &str) = (libc::IPPROTO_RAW, "IPPROTO_RAW");

const fn kind(
    family: (i32, &'static str),
    kind: (i32, &'static str),
    protocol: (i32, &'static str),
) -> SocketKind {
    SocketKind { family, kind, protocol }
}

/// All kinds that Linux has had a use for, family by family: those of IP with each of their protocols.
pub const KINDS: &[SocketKind] = &[
    kind(INET, STREAM, TCP),
    kind(INET, STREAM, MPTCP),
    kind(INET, STREAM, SCTP),
    kind(INET, DGRAM, UDP),
    kind(INET, DGRAM, UDPLITE),
    kind(INET, DGRAM, ICMP),
    kind(INET, SEQPACKET, SCTP),
    kind(INET, RAW, ICMP),
    kind(INET, RAW, RAW_IP),
    kind(INET, DCCP, DCCP_PROTOCOL),
    kind(INET, RDM, NONE),
    kind(INET6, STREAM, TCP),
    kind(INET6, STREAM, MPTCP),
    kind(INET6, STREAM, SCTP),
    kind(INET6, DGRAM, UDP),
    kind(INET6, DGRAM, UDPLITE),
    kind(INET6, DGRAM, ICMPV6),
    kind(INET6, SEQPACKET, SCTP),
    kind(INET6, RAW, ICMPV6),
    kind(INET6, RAW, RAW_IP),
    kind(INET6, DCCP, DCCP_PROTOCOL),
    kind(INET6, RDM, NONE),
    kind(UNIX, STREAM, NONE),
    kind(UNIX, DGRAM, NONE),
    kind(UNIX, SEQPACKET, NONE),
    // The kernel makes a datagram socket of it (`unix_create` in net/unix/af_unix.c).
    kind(UNIX, RAW, NONE),
    kind(UNIX, RDM, NONE),
    kind(PACKET, RAW, NONE),
    kind(PACKET, DGRAM, NONE),
    kind(NETLINK, RAW, NONE),
    kind(NETLINK, DGRAM, NONE),
    kind(VSOCK, STREAM, NONE),
    kind(VSOCK, DGRAM, NONE),
    kind(VSOCK, SEQPACKET, NONE),
    kind(TIPC, STREAM, NONE),
    kind(TIPC, DGRAM, NONE),
    kind(TIPC, SEQPACKET, NONE),
    kind(TIPC, RDM, NONE),
    kind(RDS, SEQPACKET, NONE),
    kind(RDS, RDM, NONE),
    kind(XDP, RAW, NONE),
    kind(CAN, RAW, (1, "CAN_RAW")),
    kind(CAN, DGRAM, (2, "CAN_BCM")),
    kind(SMC, STREAM, NONE),
    kind(KCM, DGRAM, NONE),
    kind(KCM, SEQPACKET, NONE),
    kind(ALG, SEQPACKET, NONE),
    kind(BLUETOOTH, SEQPACKET, NONE),
    kind(BLUETOOTH, STREAM, (3, "BTPROTO_RFCOMM")),
    kind(QIPCRTR, DGRAM, NONE),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::capability::{self, Capability, Grant};

    fn of(name: &str, kind: &str, protocol: &str) -> Trial {
        let is = |one: &&SocketKind| one.family.1 == name && one.kind.1 == kind && one.protocol.1 == protocol;
        KINDS.iter().find(is).unwrap().open()
    }

    #[test]
    fn what_every_machine_has_works_and_what_none_has_does_not() {
        assert!(matches!(of("AF_INET", "SOCK_STREAM", "IPPROTO_TCP"), Trial::Works));
        assert!(matches!(of("AF_UNIX", "SOCK_SEQPACKET", "0"), Trial::Works));
        assert!(matches!(of("AF_INET", "SOCK_RDM", "0"), Trial::NotSupported(_)));
        assert!(matches!(of("AF_UNIX", "SOCK_RDM", "0"), Trial::NotSupported(_)));
    }

    #[test]
    fn a_right_that_is_missing_is_told_as_such() {
        let works = capability::granted(Capability::NetRaw).unwrap() == Grant::Effective;
        assert_eq!(matches!(of("AF_PACKET", "SOCK_RAW", "0"), Trial::Works), works);
        let without = || capability::drop_all().map(|()| of("AF_INET", "SOCK_RAW", "IPPROTO_ICMP"));
        let trial = std::thread::spawn(without).join().unwrap().unwrap();
        assert!(matches!(trial, Trial::NotPermitted(_)), "{trial:?}");
    }
}
