//! Addresses of interfaces.

use std::net::IpAddr;

use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL};
use netlink_packet_route::address::{
    AddressAttribute, AddressFlags, AddressHeader, AddressHeaderFlags, AddressMessage,
};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};

use super::attributes::Attributes;
use super::error::NetlinkError;
use super::socket::Netlink;

/// One address of one interface, as `RTM_GETADDR` describes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Address {
    /// Index of the interface that has it.
    pub index: u32,
    /// The interface's own address.
    pub address: IpAddr,
    /// Length of the network's prefix, in bits.
    pub prefix_bits: u8,
    /// The other end of a point-to-point link.
    pub peer: Option<IpAddr>,
    /// The `IFA_F_*` bits (`linux/if_addr.h`).
    pub flags: u32,
}

impl Address {
    /// Being checked for duplicates (RFC 4862 §5.4), so not usable yet.
    pub fn is_tentative(&self) -> bool {
        AddressFlags::from_bits_retain(self.flags).contains(AddressFlags::Tentative)
    }

    /// `struct ifaddrmsg` and its attributes.
    pub(super) fn read(payload: &[u8]) -> Option<Self> {
        let header = AddressHeader::parse(payload).ok()?;
        let attributes = Attributes::behind(payload, IFADDRMSG_LEN);
        // IFA_ADDRESS is the other end's address on point-to-point links, and IFA_LOCAL is missing in IPv6 without a
        // peer (`linux/if_addr.h`).
        let far = attributes.ip(libc::IFA_ADDRESS);
        let near = attributes.ip(libc::IFA_LOCAL);
        Some(Self {
            index: header.index,
            address: near.or(far)?,
            prefix_bits: header.prefix_len,
            peer: far.filter(|far| near.is_some_and(|near| near != *far)),
            flags: attributes.number(libc::IFA_FLAGS).unwrap_or(u32::from(header.flags.bits())),
        })
    }
}

impl Netlink {
    /// All addresses of this network namespace, in the kernel's order: IPv4 first, each interface's together.
    ///
    /// # Errors
    /// When the kernel refuses, or does not answer in netlink.
    pub fn addresses(&mut self) -> Result<Vec<Address>, NetlinkError> {
        let mut addresses = Vec::new();
        let request = RouteNetlinkMessage::GetAddress(AddressMessage::default());
        self.dump("list the addresses", request, |payload| addresses.extend(Address::read(payload)))?;
        Ok(addresses)
    }

    /// Gives an interface an address, with the route to its network. IPv6 addresses are usable at once: duplicates are
    /// not looked for (`IFA_F_NODAD`).
    ///
    /// # Errors
    /// [`NetlinkError::Refused`], without CAP_NET_ADMIN, when the interface has it already, or without IPv6.
    pub fn add_address(&mut self, index: u32, address: IpAddr, prefix_bits: u8) -> Result<(), NetlinkError> {
        let mut request = AddressMessage::default();
        request.header.index = index;
        request.header.prefix_len = prefix_bits;
        request.header.family = family(address);
        request.attributes = vec![AddressAttribute::Local(address), AddressAttribute::Address(address)];
        if address.is_ipv6() {
            request.header.flags = AddressHeaderFlags::Nodad;
        }
        let call = format!("add address {address}/{prefix_bits} to interface {index}");
        self.change(&call, RouteNetlinkMessage::NewAddress(request), NLM_F_CREATE | NLM_F_EXCL)
    }
}

/// The address family of an address.
pub(super) fn family(address: IpAddr) -> AddressFamily {
    match address {
        IpAddr::V4(_) => AddressFamily::Inet,
        IpAddr::V6(_) => AddressFamily::Inet6,
    }
}

/// `sizeof(struct ifaddrmsg)`.
const IFADDRMSG_LEN: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_has_its_address() {
        let mut netlink = Netlink::open().unwrap();
        let lo = netlink.link("lo").unwrap();
        let addresses = netlink.addresses().unwrap();
        let found = addresses.iter().find(|address| address.address == IpAddr::from([127, 0, 0, 1])).unwrap();
        assert_eq!((found.index, found.prefix_bits, found.peer), (lo.index, 8, None));
        assert!(!found.is_tentative());
    }

    /// `ip address add 10.0.0.1 peer 10.0.0.2/32 dev x`: IFA_LOCAL is near, IFA_ADDRESS is far.
    #[test]
    fn a_point_to_point_address_has_a_peer() {
        let mut payload = vec![2, 32, 0x80, 0];
        payload.extend(7_u32.to_ne_bytes());
        for (kind, host) in [(libc::IFA_ADDRESS, 2), (libc::IFA_LOCAL, 1)] {
            payload.extend([8, kind].map(u16::to_ne_bytes).concat());
            payload.extend([10, 0, 0, host]);
        }
        let expected = Address {
            index: 7,
            address: IpAddr::from([10, 0, 0, 1]),
            prefix_bits: 32,
            peer: Some(IpAddr::from([10, 0, 0, 2])),
            flags: 0x80,
        };
        assert_eq!(Address::read(&payload), Some(expected));
    }
}
