//! Neighbours: the kernel's table of IP addresses and hardware addresses on a link (ARP and NDP).

use std::net::IpAddr;

use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::neighbour::{NeighbourHeader, NeighbourMessage, NeighbourState};

use super::address::family;
use super::attributes::Attributes;
use super::error::NetlinkError;
use super::socket::Netlink;

/// One entry of the neighbour table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Neighbour {
    /// Index of the interface whose link the neighbour is on.
    pub index: u32,
    /// The neighbour's IP address.
    pub address: IpAddr,
    /// The neighbour's hardware address; empty while it is being looked for.
    pub hardware: Vec<u8>,
    /// How much the kernel trusts the entry.
    pub state: NeighbourState,
}

impl Neighbour {
    /// The hardware address, where it is one of Ethernet's size and the kernel would use it (`NUD_VALID`,
    /// `include/net/neighbour.h`).
    pub fn mac(&self) -> Option<[u8; 6]> {
        match self.state {
            NeighbourState::Incomplete | NeighbourState::Failed | NeighbourState::None => None,
            _ => self.hardware.as_slice().try_into().ok(),
        }
    }

    /// `struct ndmsg` and its attributes.
    pub(super) fn read(payload: &[u8]) -> Option<Self> {
        let header = NeighbourHeader::parse(payload).ok()?;
        let attributes = Attributes::behind(payload, NDMSG_LEN);
        Some(Self {
            index: header.ifindex,
            address: attributes.ip(libc::NDA_DST)?,
            hardware: attributes.get(libc::NDA_LLADDR).unwrap_or_default().to_vec(),
            state: header.state,
        })
    }
}

impl Netlink {
    /// The entry for an address on an interface's link. No entry, or one without a MAC, means that it has yet to be
    /// resolved by ARP or NDP.
    ///
    /// # Errors
    /// When the kernel refuses, or does not answer in netlink.
    pub fn neighbour(&mut self, index: u32, address: IpAddr) -> Result<Option<Neighbour>, NetlinkError> {
        let mut request = NeighbourMessage::default();
        request.header.family = family(address);
        let mut found = None;
        let call = format!("look up the neighbour {address} of interface {index}");
        // The whole table is read: asking for one entry came with Linux 5.1.
        self.dump(&call, RouteNetlinkMessage::GetNeighbour(request), |payload| {
            let wanted = |entry: &Neighbour| entry.index == index && entry.address == address;
            if let Some(entry) = Neighbour::read(payload).filter(wanted) {
                found = Some(entry);
            }
        })?;
        Ok(found)
    }
}

/// `sizeof(struct ndmsg)`.
const NDMSG_LEN: usize = 12;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_nobody_has_has_no_entry() {
        let mut netlink = Netlink::open().unwrap();
        let lo = netlink.link("lo").unwrap();
        assert_eq!(netlink.neighbour(lo.index, IpAddr::from([192, 0, 2, 77])).unwrap(), None);
    }

    #[test]
    fn a_mac_counts_only_while_it_is_valid() {
        let entry = |state: u16, hardware: &[u8]| {
            let mut payload = vec![2, 0, 0, 0];
            payload.extend(3_u32.to_ne_bytes());
            payload.extend(state.to_ne_bytes());
            payload.extend([0, 1]);
            payload.extend([[8, libc::NDA_DST].map(u16::to_ne_bytes).concat(), vec![10, 0, 0, 1]].concat());
            if !hardware.is_empty() {
                payload.extend(
                    [[10, libc::NDA_LLADDR].map(u16::to_ne_bytes).concat(), hardware.to_vec()].concat(),
                );
            }
            Neighbour::read(&payload).unwrap()
        };
        let mac = [2, 0, 0, 0, 0, 9];
        assert_eq!(entry(0x02, &mac).mac(), Some(mac), "reachable");
        assert_eq!(entry(0x04, &mac).mac(), Some(mac), "stale");
        assert_eq!(entry(0x20, &mac).mac(), None, "failed");
        assert_eq!(entry(0x01, &[]).mac(), None, "incomplete");
    }
}
