//! Cutting an IP packet into fragments that fit a link: RFC 791 §3.2, RFC 8200 §4.5. With IP_HDRINCL the kernel does not
//! do it (raw(7)).

use pnet::packet::ipv4::{Ipv4Packet, MutableIpv4Packet};
use pnet::packet::ipv6::{Ipv6Packet, MutableIpv6Packet};

use crate::wire::checksum::InternetChecksum;

/// The fragments of `packet` for a link of `mtu` octets; the packet itself where it fits, or is not an IP packet that
/// can be cut. `ident` names the fragments of an IPv6 packet, IPv4's are named by their header.
pub fn fragments(packet: &[u8], mtu: usize, ident: u32) -> Vec<Vec<u8>> {
    let cut = match packet.first().map(|first| first >> 4) {
        _ if packet.len() <= mtu => None,
        Some(4) => ipv4(packet, mtu),
        Some(6) => ipv6(packet, mtu, ident),
        _ => None,
    };
    cut.unwrap_or_else(|| vec![packet.to_vec()])
}

/// Whether an IPv4 packet has DF (RFC 791 §3.1).
pub fn may_not_be_cut(octets: &[u8]) -> bool {
    matches!(octets, [0x40..=0x4f, _, _, _, _, _, flags, ..] if flags & 0x40 != 0)
}

fn ipv4(packet: &[u8], mtu: usize) -> Option<Vec<Vec<u8>>> {
    let header_len = usize::from(Ipv4Packet::new(packet)?.get_header_length()) * 4;
    let (header, payload) = packet.split_at_checked(header_len)?;
    let room = whole_units(mtu.checked_sub(header_len)?)?;
    let last = payload.len().div_ceil(room).checked_sub(1)?;
    let piece = |(number, piece): (usize, &[u8])| {
        let mut fragment = [header, piece].concat();
        let total_len = u16::try_from(fragment.len()).ok()?;
        let mut ip = MutableIpv4Packet::new(&mut fragment)?;
        ip.set_total_length(total_len);
        ip.set_fragment_offset(u16::try_from(number * room / UNIT).ok()?);
        // Whoever wants it cut does not want DF.
        ip.set_flags(if number < last { MORE_FRAGMENTS } else { 0 });
        ip.set_checksum(0);
        let sum = InternetChecksum::default().add_octets(fragment.get(..header_len)?).finish();
        MutableIpv4Packet::new(&mut fragment)?.set_checksum(sum);
        Some(fragment)
    };
    payload.chunks(room).enumerate().map(piece).collect()
}

fn ipv6(packet: &[u8], mtu: usize, ident: u32) -> Option<Vec<Vec<u8>>> {
    let header_len = MutableIpv6Packet::minimum_packet_size();
    let (header, payload) = packet.split_at_checked(header_len)?;
    let room = whole_units(mtu.checked_sub(header_len + FRAGMENT_HEADER_LEN)?)?;
    let next_header = Ipv6Packet::new(packet)?.get_next_header();
    let last = payload.len().div_ceil(room).checked_sub(1)?;
    let piece = |(number, piece): (usize, &[u8])| {
        let offset = u16::try_from(number * room).ok()? | u16::from(number < last);
        let mut fragment = header.to_vec();
        fragment.extend_from_slice(&[next_header.0, 0]);
        fragment.extend_from_slice(&offset.to_be_bytes());
        fragment.extend_from_slice(&ident.to_be_bytes());
        fragment.extend_from_slice(piece);
        let payload_len = u16::try_from(fragment.len() - header_len).ok()?;
        let mut ip = MutableIpv6Packet::new(&mut fragment)?;
        ip.set_payload_length(payload_len);
        ip.set_next_header(pnet::packet::ip::IpNextHeaderProtocols::Ipv6Frag);
        Some(fragment)
    };
    payload.chunks(room).enumerate().map(piece).collect()
}

/// The largest number of octets up to `room` that a fragment which is not the last may have.
fn whole_units(room: usize) -> Option<usize> {
    Some(room / UNIT * UNIT).filter(|units| *units > 0)
}

/// Offsets count in these.
const UNIT: usize = 8;
const FRAGMENT_HEADER_LEN: usize = 8;
const MORE_FRAGMENTS: u8 = 1;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::dissect::dissect;
    use crate::proto::registry;
    use crate::wire::frame::LinkType;
    use crate::wire::layers::LayerTable;

    /// The payload octets of the fragments, in order, by our own dissection.
    fn joined(fragments: &[Vec<u8>], after: &str) -> Vec<u8> {
        let mut joined = Vec::new();
        for fragment in fragments {
            let mut table = LayerTable::default();
            dissect(fragment, LinkType::RAW, &mut table);
            let entry =
                table.entries().iter().find(|entry| registry().get(entry.protocol).name == after).unwrap();
            joined.extend_from_slice(&fragment[entry.header_end as usize..entry.end as usize]);
        }
        joined
    }

    #[test]
    fn ipv4_fragments_join_to_the_packet_and_fit_the_link() {
        let payload: Vec<u8> = (0..100u8).collect();
        let mut packet = vec![0x45, 0, 0, 120, 0, 9, 0x40, 0, 64, 253, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
        packet.extend(&payload);
        let cut = fragments(&packet, 60, 0);
        assert_eq!(cut.iter().map(Vec::len).collect::<Vec<_>>(), [60, 60, 40]);
        assert_eq!(joined(&cut, "ip"), payload);
        assert!(cut.iter().all(|f| InternetChecksum::default().add_octets(&f[..20]).finish() == 0));
        assert_eq!(
            cut.iter().map(|f| u16::from_be_bytes([f[6], f[7]])).collect::<Vec<_>>(),
            [0x2000, 0x2005, 0x000a]
        );
        assert_eq!(fragments(&packet, 120, 0), [packet]);
    }

    #[test]
    fn ipv6_fragments_join_to_the_packet() {
        let mut packet = vec![0x60, 0, 0, 0, 0, 100, 253, 64];
        packet.extend([0xfd; 32]);
        let payload: Vec<u8> = (0..100u8).collect();
        packet.extend(&payload);
        let cut = fragments(&packet, 90, 7);
        assert_eq!(joined(&cut, "ipv6.fraghdr"), payload);
        assert!(cut.iter().all(|fragment| fragment.len() <= 90));
    }
}
