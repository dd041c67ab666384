//! What a lab is made of: hosts, interfaces, cables, and where packets end. How they are put together is told by a
//! [`Plan`](super::Plan).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use crate::sys::netlink::Link;

use super::plan;

/// One host of the lab.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Host {
    /// Where commands run.
    Client,
    /// The first router, as seen from the client.
    Router,
    /// One of two routers side by side, in the case `ecmp`.
    Upper,
    /// The other one.
    Lower,
    /// The last router before the server, in cases.
    Gate,
    /// Answers: ICMP echo, and the echo service on TCP and UDP.
    Server,
}

impl Host {
    /// All that any lab has, from left to right.
    pub const ALL: [Self; 6] =
        [Self::Client, Self::Router, Self::Upper, Self::Lower, Self::Gate, Self::Server];

    /// Its name, which is its host name and resolves inside the lab.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Router => "router",
            Self::Upper => "upper",
            Self::Lower => "lower",
            Self::Gate => "gate",
            Self::Server => "server",
        }
    }

    /// Whether it forwards.
    pub const fn is_router(self) -> bool {
        matches!(self, Self::Router | Self::Upper | Self::Lower | Self::Gate)
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The text that names no host of the lab.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the lab has no host {0:?}; its hosts are client, router and server, and with `--case` also gate, or upper and lower"
)]
pub struct NoSuchHost(pub String);

impl FromStr for Host {
    type Err = NoSuchHost;

    fn from_str(text: &str) -> Result<Self, NoSuchHost> {
        Self::ALL.into_iter().find(|host| host.name() == text).ok_or_else(|| NoSuchHost(text.to_owned()))
    }
}

/// One interface of one host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interface {
    /// Whose it is.
    pub host: Host,
    /// Its name there.
    pub name: &'static str,
    /// Its interface index there. The two ends of a cable have different ones: where they are the same, the kernel takes
    /// up to a second to notice that a cable was plugged in (`linkwatch_urgent_event` in `net/core/link_watch.c`).
    pub index: u32,
    /// Its hardware address. The last two octets read like the end of its addresses.
    pub mac: [u8; 6],
    /// Its IPv4 address, with [`PREFIX_BITS_V4`].
    pub v4: Ipv4Addr,
    /// Its IPv6 address, with [`PREFIX_BITS_V6`].
    pub v6: Ipv6Addr,
}

impl Interface {
    /// The interface of `host` on network `network` with number `number`: 10.77.N.H, fd77:N::H, 02:00:00:77:0N:0H, index NH.
    pub(super) const fn new(host: Host, name: &'static str, network: u8, number: u8) -> Self {
        let (v4, v6) = addresses(network, number);
        let index = network as u32 * 10 + number as u32;
        Self { host, name, index, mac: [0x02, 0, 0, 0x77, network, number], v4, v6 }
    }

    /// Both addresses, IPv4 first.
    pub fn addresses(&self) -> [IpAddr; 2] {
        [self.v4.into(), self.v6.into()]
    }
}

/// A cable between two interfaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cable {
    /// The end on the client's side.
    pub left: Interface,
    /// The end on the server's side.
    pub right: Interface,
}

impl Cable {
    /// Its two ends, from left to right.
    pub fn ends(&'static self) -> [&'static Interface; 2] {
        [&self.left, &self.right]
    }

    /// Whether one of its ends is on this host.
    pub(super) fn joins(&self, host: Host) -> bool {
        self.left.host == host || self.right.host == host
    }
}

/// A network that the router knows, and to which it forwards nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeadEnd {
    /// The name of its address, which resolves inside the lab.
    pub name: &'static str,
    /// What the router does: drop without a word, or answer that it is forbidden (RFC 1812 §5.2.7.1, code 13).
    pub answers: bool,
    /// An IPv4 address there; the network around it has [`PREFIX_BITS_V4`].
    pub v4: Ipv4Addr,
    /// An IPv6 address there; the network around it has [`PREFIX_BITS_V6`].
    pub v6: Ipv6Addr,
}

/// The addresses of the host with number `number` on network `network`.
pub(super) const fn addresses(network: u8, number: u8) -> (Ipv4Addr, Ipv6Addr) {
    let v6 = Ipv6Addr::new(0xfd77, network as u16, 0, 0, 0, 0, 0, number as u16);
    (Ipv4Addr::new(10, 77, network, number), v6)
}

/// Whether an interface is one of a lab's cables, by what made it and its hardware address: what leaves by it stays here.
pub fn is_of_lab(link: &Link) -> bool {
    let has_mac = |end: &Interface| link.mac() == Some(end.mac);
    link.kind.as_deref() == Some("veth")
        && plan::ALL.iter().flat_map(|plan| plan.cables).flat_map(Cable::ends).any(has_mac)
}

/// Where packets end: to see what silence looks like, and what a refusal does.
pub static DEAD_ENDS: [DeadEnd; 2] = [
    DeadEnd {
        name: "silent",
        answers: false,
        v4: Ipv4Addr::new(10, 77, 66, 1),
        v6: Ipv6Addr::new(0xfd77, 0x66, 0, 0, 0, 0, 0, 1),
    },
    DeadEnd {
        name: "forbidden",
        answers: true,
        v4: Ipv4Addr::new(10, 77, 67, 1),
        v6: Ipv6Addr::new(0xfd77, 0x67, 0, 0, 0, 0, 0, 1),
    },
];

/// Length of every IPv4 network's prefix in the lab, in bits.
pub const PREFIX_BITS_V4: u8 = 24;
/// Length of every IPv6 network's prefix in the lab, in bits.
pub const PREFIX_BITS_V6: u8 = 64;
/// The port of the server's echo service, on TCP and UDP (RFC 862).
pub const ECHO_PORT: u16 = 7;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back_and_others_refused() {
        for host in Host::ALL {
            assert_eq!(host.name().parse(), Ok(host));
        }
        assert_eq!("switch".parse::<Host>(), Err(NoSuchHost("switch".to_owned())));
    }

    #[test]
    fn a_mac_reads_like_its_addresses() {
        let server = Interface::new(Host::Server, "eth0", 2, 2);
        assert_eq!(server.mac, [2, 0, 0, 0x77, 2, 2]);
        assert_eq!(
            server.addresses(),
            ["10.77.2.2".parse().unwrap(), "fd77:2::2".parse::<IpAddr>().unwrap()]
        );
    }
}
