//! A network that answers as it likes: answers made of what was sent, changed or not, errors that quote it, and any octets.

use std::net::IpAddr;

use rawsock::wire::checksum::InternetChecksum;

use super::script::Script;

/// A packet that comes, as the script says, after these were sent.
pub fn answer(script: &mut Script<'_>, sent: &[Vec<u8>]) -> Vec<u8> {
    let (kind, which) = (script.octet().unwrap_or(0), usize::from(script.octet().unwrap_or(0)));
    let asked = match sent.len() {
        0 => &[],
        len => sent[len - 1 - which % len].as_slice(),
    };
    let mut packet = match kind % 5 {
        0 => script.piece().to_vec(),
        1 => asked.to_vec(),
        2 | 3 => turned(asked),
        _ => error(script, asked),
    };
    script.change(&mut packet);
    if kind & 0x40 == 0 {
        mend(&mut packet);
    }
    packet
}

/// The answer of somebody who does what is asked: addresses and ports swapped, echo answered, a SYN acknowledged.
fn turned(asked: &[u8]) -> Vec<u8> {
    let mut packet = asked.to_vec();
    let Some((addresses, len, header, protocol)) = places(asked) else { return packet };
    for at in addresses..addresses + len {
        packet.swap(at, at + len);
    }
    let Some(message) = packet.get_mut(header..) else { return packet };
    match (protocol, message) {
        (1, [kind @ 8, ..]) => *kind = 0,
        (1, [kind @ 13, ..]) => *kind = 14,
        (1, [kind @ 42, ..]) => *kind = 43,
        (58, [kind @ 128, ..]) => *kind = 129,
        (58, [kind @ 160, ..]) => *kind = 161,
        (6, [a, b, c, d, s0, s1, s2, s3, a0, a1, a2, a3, _, flags, ..]) => {
            (*a, *b, *c, *d) = (*c, *d, *a, *b);
            let seq = u32::from_be_bytes([*s0, *s1, *s2, *s3]).wrapping_add(1).to_be_bytes();
            [*a0, *a1, *a2, *a3] = seq;
            *flags = 0x12;
        }
        (17 | 132, [a, b, c, d, ..]) => (*a, *b, *c, *d) = (*c, *d, *a, *b),
        _ => {}
    }
    packet
}

/// An error about a packet, from anywhere.
fn error(script: &mut Script<'_>, asked: &[u8]) -> Vec<u8> {
    let head = [script.octet().unwrap_or(0), script.octet().unwrap_or(0)];
    let (rest, from) = (script.number().to_be_bytes(), script.octet().unwrap_or(0));
    let message = [&head[..], &[0, 0, 0, 0], &rest, asked].concat();
    let Some((addresses, len, ..)) = places(asked) else { return message };
    let len_of = |octets: usize| u16::try_from(octets).unwrap_or(u16::MAX).to_be_bytes();
    let to = &asked[addresses..addresses + len];
    let mut source = asked[addresses + len..addresses + 2 * len].to_vec();
    source[len - 1] ^= from;
    let header = if len == 4 {
        let [high, low] = len_of(message.len() + 20);
        vec![0x45, 0, high, low, 0, 1, 0, 0, 61, 1, 0, 0]
    } else {
        let [high, low] = len_of(message.len());
        vec![0x60, 0, 0, 0, high, low, 58, 61]
    };
    [&header[..], &source, to, &message].concat()
}

/// Where the addresses begin and how long one is, where what IP carries begins, and what that is.
fn places(packet: &[u8]) -> Option<(usize, usize, usize, u8)> {
    let places = match packet.first()? >> 4 {
        4 => (12, 4, usize::from(packet[0] & 15) * 4, *packet.get(9)?),
        6 => (8, 16, 40, *packet.get(6)?),
        _ => return None,
    };
    (packet.len() >= places.2.max(20)).then_some(places)
}

/// Computes the checksum of what IP carries, which damage would else hide behind.
fn mend(packet: &mut [u8]) {
    let Some((.., header, protocol)) = places(packet) else { return };
    let Some(at) = place_of_checksum(protocol) else { return };
    if packet.len() < header + at + 2 {
        return;
    }
    packet[header + at..header + at + 2].fill(0);
    let sum = match (sum(packet), protocol) {
        // RFC 768: zeros say that there is none.
        (Some(0), 17) => 0xffff,
        (sum, _) => sum.unwrap_or(0),
    };
    packet[header + at..header + at + 2].copy_from_slice(&sum.to_be_bytes());
}

/// Whether the checksum is right of ICMP, ICMPv6, TCP or UDP in a whole packet without extension headers; `None` for all else, and
/// where a card has yet to complete it or UDP has none.
pub fn has_right_checksum(packet: &[u8]) -> Option<bool> {
    let (addresses, len, header, protocol) = places(packet)?;
    let at = header + place_of_checksum(protocol)?;
    let word = |at: usize| Some(u16::from_be_bytes([*packet.get(at)?, *packet.get(at + 1)?]));
    let is_whole = match len {
        4 => usize::from(word(2)?) == packet.len() && word(6)? & 0x3fff == 0 && header >= 20,
        _ => usize::from(word(4)?) + 40 == packet.len(),
    };
    let (checksum, udp_len) = (word(at)?, word(header + 4)?);
    let is_other = protocol == 17 && (checksum == 0 || usize::from(udp_len) != packet.len() - header);
    if !is_whole || is_other {
        return None;
    }
    let is_incomplete = matches!(protocol, 6 | 17) && {
        let pseudo = pseudo_header(&packet[addresses..addresses + 2 * len], packet.len() - header, protocol);
        !InternetChecksum::default().add_octets(&pseudo).finish() == checksum
    };
    (!is_incomplete).then(|| sum(packet) == Some(0))
}

/// The Internet checksum over what IP carries, with the pseudo-header of whoever has one; zero where one stands there that is right.
fn sum(packet: &[u8]) -> Option<u16> {
    let (addresses, len, header, protocol) = places(packet)?;
    let message = &packet[header..];
    let mut sum = InternetChecksum::default().add_octets(message);
    if protocol != 1 {
        sum =
            sum.add_octets(&pseudo_header(&packet[addresses..addresses + 2 * len], message.len(), protocol));
    }
    Some(sum.finish())
}

fn pseudo_header(addresses: &[u8], len: usize, protocol: u8) -> Vec<u8> {
    let len = u32::try_from(len).unwrap_or(0).to_be_bytes();
    [addresses, &len, &[0, 0, 0, protocol]].concat()
}

fn place_of_checksum(protocol: u8) -> Option<usize> {
    match protocol {
        1 | 58 => Some(2),
        6 => Some(16),
        17 => Some(6),
        _ => None,
    }
}

/// Two addresses of a family: ours, and that of whom is asked.
pub fn addresses(is_v6: bool) -> (IpAddr, IpAddr) {
    match is_v6 {
        false => ([10, 0, 0, 1].into(), [10, 0, 0, 2].into()),
        true => ([0xfd09, 1, 0, 0, 0, 0, 0, 1].into(), [0xfd09, 5, 0, 0, 0, 0, 0, 2].into()),
    }
}
