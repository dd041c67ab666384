//! UDP, the User Datagram Protocol: RFC 768.

use pnet::packet::udp::{MutableUdpPacket, UdpPacket};

use super::auto::{self, Scope};
use super::describe::{Extent, Glance, Protocol, Section, Side, Stated, uint};
use super::edge::Edge;
use super::filter_names::{Compute, payload};
use super::ip;
use super::layout::setter;
use super::listed::Listed;
use super::pseudo_header::PseudoHeader;

pub(super) const UDP: Listed = Listed::new("udp", &[Edge::new(ip::PROTO, 17)], describe);

fn describe() -> Protocol {
    Protocol::new("User Datagram Protocol", "RFC 768", sections)
        .next_by_either(PORT, lower_port, higher_port)
        .yields()
        .extent(Extent::Stated(stated_len))
        .glance(|octets| {
            let ports = |header: &[u8], _: &[u8]| [lower_port(header), higher_port(header)];
            Glance::of(octets, (MutableUdpPacket::minimum_packet_size(), |_| Some(0)), stated_len, ports)
        })
        .identity(ports)
        .ports(port_pair)
        .alias("udp.port", &["srcport", "dstport"])
        .derived("udp.payload", Compute::Octets(payload))
        .tag("UDP,")
        .summary(|view, out| {
            if view.header().len() >= MutableUdpPacket::minimum_packet_size() {
                out.put("length ").put(view.payload_len());
            }
            Ok(())
        })
}

fn sections() -> Vec<Section> {
    let header = vec![
        uint("srcport", 16, "Source port").set_by(setter!(MutableUdpPacket, set_source)).default_uint(49152),
        uint("dstport", 16, "Destination port")
            .set_by(setter!(MutableUdpPacket, set_destination))
            .default_uint(7)
            .auto(auto::next_protocol),
        uint("length", 16, "Length of header and data")
            .set_by(setter!(MutableUdpPacket, set_length))
            .auto(auto::layer_len),
        uint("checksum", 16, "Checksum")
            .set_by(setter!(MutableUdpPacket, set_checksum))
            .checksum(checksum)
            .completed_by_cards(auto::partial_checksum)
            .absent_when_zero()
            .wanted_when(is_in_ipv6),
    ];
    let header_len = MutableUdpPacket::minimum_packet_size();
    vec![Section::measured(header_len, header)]
}

/// The table of the protocols that UDP carries: either port tells them, the lower one first, as in Wireshark.
pub const PORT: &str = "udp.port";

fn lower_port(header: &[u8]) -> Option<u64> {
    port_pair(header).map(|(from, to)| u64::from(from.min(to)))
}

fn higher_port(header: &[u8]) -> Option<u64> {
    port_pair(header).map(|(from, to)| u64::from(from.max(to)))
}

/// Source and destination port, which stand where TCP has them too.
pub(super) fn port_pair(header: &[u8]) -> Option<(u16, u16)> {
    let [s0, s1, d0, d1] = header.first_chunk::<4>()?;
    Some((u16::from_be_bytes([*s0, *s1]), u16::from_be_bytes([*d0, *d1])))
}

/// RFC 768: a computed zero is sent as all ones, since zero says that there is no checksum.
fn checksum(scope: &Scope<'_>) -> Option<u64> {
    auto::transport_checksum(scope).map(|sum| if sum == 0 { 0xffff } else { sum })
}

/// IPv6 has no checksum of its own, so that its receivers discard datagrams without one (RFC 8200 §8.1).
fn is_in_ipv6(scope: &Scope<'_>) -> bool {
    PseudoHeader::below(scope).is_some_and(PseudoHeader::is_ipv6)
}

/// The length field; zero in IPv6 jumbograms (RFC 2675 §4), never less than the header.
fn stated_len(header: &[u8]) -> Stated {
    match UdpPacket::new(header).map(|udp| udp.get_length()) {
        None | Some(0) => Stated::Rest,
        Some(1..8) => Stated::Lies,
        Some(len) => Stated::Octets(u64::from(len)),
    }
}

/// The ports, the sender's first: four octets that even the shortest quotation has.
pub(super) fn ports(header: &[u8], side: Side, out: &mut Vec<u8>) -> bool {
    let Some([s0, s1, d0, d1]) = header.first_chunk::<4>() else { return false };
    out.extend_from_slice(&if side == Side::Reply { [*d0, *d1, *s0, *s1] } else { [*s0, *s1, *d0, *d1] });
    true
}
