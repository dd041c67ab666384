//! The packets of one block of a TPACKET_V3 ring (`linux/if_packet.h`, Documentation/networking/packet_mmap.rst). The
//! kernel wrote it, and still no offset in it is believed: nothing outside the block is ever read.

use std::mem::offset_of;

use libc::{sockaddr_ll, tpacket_hdr_v1, tpacket3_hdr};

/// A packet in a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RawPacket<'a> {
    /// Its octets, as many as were taken.
    pub(super) octets: &'a [u8],
    /// Its length on the wire.
    pub(super) len: u32,
    /// When it came: nanoseconds since 1970.
    pub(super) stamp: i64,
    /// Whether the adapter says so, and not the host.
    pub(super) by_adapter: bool,
    /// The VLAN tag that was taken out of it: protocol and control information.
    pub(super) vlan: Option<(u16, u16)>,
    /// Protocol, as in an EtherType.
    pub(super) protocol: u16,
    /// Index of the interface.
    pub(super) interface: u32,
    /// ARPHRD_ number of the interface.
    pub(super) hardware: u16,
    /// PACKET_HOST and so on.
    pub(super) kind: u8,
    /// Octets of the sender's link-layer address.
    pub(super) address_len: u8,
    /// The sender's link-layer address.
    pub(super) address: [u8; 8],
}

/// The packets of a block.
#[derive(Debug, Clone)]
pub(super) struct Packets<'a> {
    block: &'a [u8],
    left: u32,
    at: usize,
}

/// The block's header: version and offset of private data, and then a tpacket_hdr_v1.
const V1: usize = 8;
/// Where the owner of a block stands in it.
pub(super) const STATUS: usize = V1 + offset_of!(tpacket_hdr_v1, block_status);
/// The address follows the header of a packet, aligned to 16 octets.
const ADDRESS: usize = size_of::<tpacket3_hdr>().next_multiple_of(libc::TPACKET_ALIGNMENT);
/// Where hv1 stands in a packet's header: behind tp_net.
const HASH_AND_VLAN: usize = offset_of!(tpacket3_hdr, tp_net) + 2;

/// The stamp is the adapter's, in the system's time or its own (`linux/if_packet.h`).
const BY_ADAPTER: u32 = libc::TP_STATUS_TS_SYS_HARDWARE | libc::TP_STATUS_TS_RAW_HARDWARE;

impl<'a> Packets<'a> {
    /// The packets of a block that the kernel has handed over.
    pub(super) fn of(block: &'a [u8]) -> Self {
        let left = u32_at(block, V1 + offset_of!(tpacket_hdr_v1, num_pkts)).unwrap_or(0);
        let at =
            u32_at(block, V1 + offset_of!(tpacket_hdr_v1, offset_to_first_pkt)).unwrap_or(u32::MAX) as usize;
        Self { block, left, at }
    }
}

impl<'a> Iterator for Packets<'a> {
    type Item = RawPacket<'a>;

    fn next(&mut self) -> Option<RawPacket<'a>> {
        self.left = self.left.checked_sub(1)?;
        let header = self.block.get(self.at..)?;
        let word = |at: usize| u32_at(header, at);
        let half = |at: usize| header.get(at..)?.first_chunk().map(|octets| u16::from_ne_bytes(*octets));
        let status = word(offset_of!(tpacket3_hdr, tp_status))?;
        let start = usize::from(half(offset_of!(tpacket3_hdr, tp_mac))?);
        let len = word(offset_of!(tpacket3_hdr, tp_snaplen))? as usize;
        let octets = header.get(start..start.checked_add(len)?)?;
        let seconds = i64::from(word(offset_of!(tpacket3_hdr, tp_sec))?);
        let nanos = i64::from(word(offset_of!(tpacket3_hdr, tp_nsec))?);
        // tpacket_hdr_variant1: hash, tag control information, tag protocol.
        let tci = (word(HASH_AND_VLAN + 4)? & 0xffff) as u16;
        let tpid = half(HASH_AND_VLAN + 8)?;
        let is_tagged = status & libc::TP_STATUS_VLAN_VALID != 0;
        let tpid = if status & libc::TP_STATUS_VLAN_TPID_VALID != 0 { tpid } else { 0x8100 };
        let address = header.get(ADDRESS..)?.get(..size_of::<sockaddr_ll>())?;
        let of_address = |at: usize| address.get(at).copied().unwrap_or_default();
        let pair = |at: usize| [of_address(at), of_address(at + 1)];
        let packet = RawPacket {
            octets,
            len: word(offset_of!(tpacket3_hdr, tp_len))?,
            stamp: seconds.saturating_mul(1_000_000_000).saturating_add(nanos),
            by_adapter: status & BY_ADAPTER != 0,
            vlan: is_tagged.then_some((tpid, tci)),
            protocol: u16::from_be_bytes(pair(offset_of!(sockaddr_ll, sll_protocol))),
            interface: u32_at(address, offset_of!(sockaddr_ll, sll_ifindex))?,
            hardware: u16::from_ne_bytes(pair(offset_of!(sockaddr_ll, sll_hatype))),
            kind: of_address(offset_of!(sockaddr_ll, sll_pkttype)),
            address_len: of_address(offset_of!(sockaddr_ll, sll_halen)),
            address: *address.get(offset_of!(sockaddr_ll, sll_addr)..)?.first_chunk()?,
        };
        // The last packet's offset is 0; any other leads onward, or the walk ends.
        let step = word(offset_of!(tpacket3_hdr, tp_next_offset))? as usize;
        if step == 0 {
            self.left = 0;
        }
        self.at = self.at.checked_add(step)?;
        Some(packet)
    }
}

fn u32_at(octets: &[u8], at: usize) -> Option<u32> {
    octets.get(at..)?.first_chunk().map(|octets| u32::from_ne_bytes(*octets))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn put(block: &mut [u8], at: usize, octets: &[u8]) {
        block[at..at + octets.len()].copy_from_slice(octets);
    }

    /// A block with one packet of three octets at offset 48.
    fn block() -> Vec<u8> {
        let mut block = vec![0; 256];
        put(&mut block, V1 + offset_of!(tpacket_hdr_v1, num_pkts), &1u32.to_ne_bytes());
        put(&mut block, V1 + offset_of!(tpacket_hdr_v1, offset_to_first_pkt), &48u32.to_ne_bytes());
        put(&mut block, 48 + offset_of!(tpacket3_hdr, tp_sec), &7u32.to_ne_bytes());
        put(&mut block, 48 + offset_of!(tpacket3_hdr, tp_nsec), &9u32.to_ne_bytes());
        put(&mut block, 48 + offset_of!(tpacket3_hdr, tp_snaplen), &3u32.to_ne_bytes());
        put(&mut block, 48 + offset_of!(tpacket3_hdr, tp_len), &60u32.to_ne_bytes());
        put(&mut block, 48 + offset_of!(tpacket3_hdr, tp_mac), &80u16.to_ne_bytes());
        put(&mut block, 48 + 80, b"abc");
        put(&mut block, 48 + ADDRESS + offset_of!(sockaddr_ll, sll_protocol), &0x0800u16.to_be_bytes());
        put(&mut block, 48 + ADDRESS + offset_of!(sockaddr_ll, sll_pkttype), &[4]);
        block
    }

    #[test]
    fn reads_a_packet() {
        let block = block();
        let packets: Vec<_> = Packets::of(&block).collect();
        let [packet] = packets.as_slice() else { panic!("{packets:?}") };
        assert_eq!((packet.octets, packet.len, packet.stamp), (&b"abc"[..], 60, 7_000_000_009));
        assert_eq!((packet.protocol, packet.kind, packet.vlan), (0x0800, 4, None));
    }

    proptest! {
        #[test]
        fn never_reads_outside_and_always_ends(changes in proptest::collection::vec((0usize..256, any::<u8>()), 0..12)) {
            let mut block = block();
            for (at, octet) in changes {
                block[at] = octet;
            }
            // Packets may overlap in a broken block, but there are never more than the count, nor endlessly many.
            let count = Packets::of(&block).take(100_000).count();
            prop_assert!(count < 100_000);
        }
    }
}
