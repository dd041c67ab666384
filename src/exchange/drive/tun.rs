//! A host of its own beside the kernel: a TUN interface with a small network, of which the kernel has one address and this program
//! another, so that the kernel answers nothing in its place.

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsFd, BorrowedFd};

use crate::exchange::engine::{Incoming, Reading, Stamp};
use crate::sys::clock::Now;
use crate::sys::netlink::{Netlink, NetlinkError, RouteQuery};
use crate::sys::tun::{Tun, TunError};

/// The addresses of the kernel's end, each with how many bits of it are the network's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TunNetwork {
    /// IPv4.
    pub v4: (Ipv4Addr, u8),
    /// IPv6.
    pub v6: (Ipv6Addr, u8),
}

impl Default for TunNetwork {
    /// 10.99.0.1/24 and fd99::1/64.
    fn default() -> Self {
        let v6 = Ipv6Addr::new(0xfd99, 0, 0, 0, 0, 0, 0, 1);
        Self { v4: (Ipv4Addr::new(10, 99, 0, 1), 24), v6: (v6, 64) }
    }
}

impl TunNetwork {
    /// This program's addresses: those behind the kernel's, or before them where nothing is behind them in the network.
    pub fn own(&self) -> (Ipv4Addr, Ipv6Addr) {
        let beside = |number: u128, host_bits: u32| {
            let hosts = 1u128.checked_shl(host_bits).map_or(u128::MAX, |count| count.saturating_sub(1));
            // The last of an IPv4 network is its broadcast address, but for those of two (RFC 3021).
            let last = if hosts > 1 { hosts.saturating_sub(1) } else { hosts };
            if number & hosts < last { number.saturating_add(1) } else { number.saturating_sub(1) }
        };
        let v4 = beside(u128::from(self.v4.0.to_bits()), 32u32.saturating_sub(u32::from(self.v4.1)));
        let v6 = beside(self.v6.0.to_bits(), 128u32.saturating_sub(u32::from(self.v6.1)));
        (Ipv4Addr::from_bits(u32::try_from(v4).unwrap_or(u32::MAX)), Ipv6Addr::from_bits(v6))
    }
}

/// Why there is no such host.
#[derive(Debug, thiserror::Error)]
pub enum TunHostError {
    /// The interface cannot be made.
    #[error(transparent)]
    Tun(#[from] TunError),
    /// It cannot be given its addresses.
    #[error(transparent)]
    Netlink(#[from] NetlinkError),
}

/// What is known of it while packets are prepared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TunHost {
    /// This program's address.
    pub v4: Ipv4Addr,
    /// This program's address.
    pub v6: Ipv6Addr,
    /// The interface's index.
    pub interface: u32,
    /// The largest packet in octets.
    pub mtu: usize,
}

impl TunHost {
    /// Its address of the same family.
    pub fn address_beside(&self, address: IpAddr) -> IpAddr {
        if address.is_ipv4() { self.v4.into() } else { self.v6.into() }
    }
}

/// The interface, with what has been sent and not yet been told.
#[derive(Debug)]
pub struct TunEnd {
    tun: Tun,
    host: TunHost,
    sent: VecDeque<(Vec<u8>, Now)>,
    buffer: Vec<u8>,
}

impl TunEnd {
    /// Makes the interface, gives the kernel's end its addresses and switches it on. All goes with the value.
    ///
    /// # Errors
    /// When CAP_NET_ADMIN is missing.
    pub fn open(network: &TunNetwork) -> Result<Self, TunHostError> {
        let tun = Tun::open()?;
        let mut netlink = Netlink::open()?;
        let link = netlink.link(tun.name())?;
        netlink.set_up(link.index)?;
        netlink.add_address(link.index, network.v4.0.into(), network.v4.1)?;
        let (v4, v6) = network.own();
        // A host may have no IPv6.
        if netlink.add_address(link.index, network.v6.0.into(), network.v6.1).is_ok() {
            settle(&mut netlink, network.v6.0.into(), v6.into(), link.index);
        }
        let host = TunHost { v4, v6, interface: link.index, mtu: link.mtu as usize };
        Ok(Self { tun, host, sent: VecDeque::new(), buffer: vec![0; usize::from(u16::MAX) + 1] })
    }

    /// What packets are prepared by.
    pub fn host(&self) -> TunHost {
        self.host
    }

    /// The interface's name.
    pub fn name(&self) -> &str {
        self.tun.name()
    }

    pub(super) fn send(&mut self, packet: &[u8]) -> Result<(), String> {
        let now = Now::read();
        let name = self.tun.name();
        self.tun.send(packet).map_err(|error| format!("write a packet into {name}: {error}"))?;
        self.sent.push_back((packet.to_vec(), now));
        Ok(())
    }

    pub(super) fn receive(&mut self, deliver: &mut dyn FnMut(Incoming<'_>)) {
        let interface = self.host.interface;
        for (octets, now) in self.sent.drain(..) {
            deliver(incoming(&octets, now, true, interface));
        }
        // Whoever floods it is read again in the next round.
        for _ in 0..MOST_AT_ONCE {
            let Ok(Some(packet)) = self.tun.receive(&mut self.buffer) else { return };
            deliver(incoming(packet, Now::read(), false, interface));
        }
    }
}

/// Waits until the kernel knows its end's IPv6 address as its own, and the way to ours: it makes them ready when it comes to it
/// (`addrconf_dad_work` in net/ipv6/addrconf.c).
fn settle(netlink: &mut Netlink, kernel: IpAddr, own: IpAddr, interface: u32) {
    for _ in 0..MOST_LOOKS {
        let mut way = |destination| {
            let query = RouteQuery { destination, source: None, interface: None, mark: None };
            netlink.route(&query).ok().map(|route| route.interface)
        };
        // The way to an address of its own leads over another interface, the loopback.
        if way(kernel).is_some_and(|way| way != interface) && way(own) == Some(interface) {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}

/// A second's worth.
const MOST_LOOKS: u32 = 200;

fn incoming(octets: &[u8], now: Now, outgoing: bool, interface: u32) -> Incoming<'_> {
    let Now { monotonic: at, wall, .. } = now;
    let read = Some(Reading { at, wall, stamp: Stamp::User });
    Incoming { outgoing, interface, read, ..Incoming::of_ip(octets, at, wall) }
}

const MOST_AT_ONCE: usize = 1024;

impl AsFd for TunEnd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.tun.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_address_is_beside_the_kernels() {
        let own = |v4: (u8, u8), v6: &str| {
            let v6 = (v6.parse().unwrap(), 64);
            let network = TunNetwork { v4: (Ipv4Addr::new(10, 0, 0, v4.0), v4.1), v6 };
            let (v4, v6) = network.own();
            (v4.octets()[3], v6.to_string())
        };
        assert_eq!(TunNetwork::default().own().0, Ipv4Addr::new(10, 99, 0, 2));
        assert_eq!(own((1, 24), "fd00::1"), (2, "fd00::2".to_owned()));
        assert_eq!(
            own((254, 24), "fd00::"),
            (253, "fd00::1".to_owned()),
            "behind it is the broadcast address"
        );
        assert_eq!((own((4, 31), "fd00::1").0, own((5, 31), "fd00::1").0), (5, 4));
    }
}
