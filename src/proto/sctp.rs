//! SCTP, the Stream Control Transmission Protocol: RFC 9260. Its chunks are layers behind it, each of its own kind.

use super::auto::Scope;
use super::describe::{Protocol, Section, uint};
use super::edge::Edge;
use super::listed::Listed;
use super::{ip, sctp_chunks, udp};
use crate::wire::crc32c::Crc32c;

pub(super) const SCTP: Listed = Listed::new("sctp", &[Edge::new(ip::PROTO, 132)], describe);

fn describe() -> Protocol {
    Protocol::new("Stream Control Transmission Protocol", "RFC 9260", sections)
        .next_by_payload(sctp_chunks::TYPE, |_, payload| sctp_chunks::kind(payload))
        .identity(udp::ports)
        .ports(udp::port_pair)
        .alias("sctp.port", &["srcport", "dstport"])
        .gap(" ")
        .summary(|view, out| {
            if !view.header().is_empty() {
                out.put("sctp");
            }
            Ok(())
        })
}

fn sections() -> Vec<Section> {
    let header = vec![
        uint("srcport", 16, "Source port").default_uint(49152),
        uint("dstport", 16, "Destination port").default_uint(7),
        uint("verification_tag", 32, "Verification tag").hex(),
        uint("checksum", 32, "Checksum").checksum(checksum).completed_by_cards(|_| Some(0)),
    ];
    vec![Section::fields(header)]
}

/// The CRC over header and chunks, as if it were zero itself; its octets stand in reverse (RFC 9260 §6.8 and appendix A).
fn checksum(scope: &Scope<'_>) -> Option<u64> {
    let octets = scope.layer_octets();
    let (before, behind) = (octets.get(..scope.field)?, octets.get(scope.field.checked_add(4)?..)?);
    let crc = Crc32c::default().update(before).update(&[0; 4]).update(behind);
    Some(u64::from(crc.finish().swap_bytes()))
}
