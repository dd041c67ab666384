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

/// Computes the checksum of ICMP and ICMPv6, which damage would else hide behind.
fn mend(packet: &mut [u8]) {
    let Some((addresses, len, header, protocol @ (1 | 58))) = places(packet) else { return };
    let (head, message) = packet.split_at_mut(header);
    if message.len() < 4 {
        return;
    }
    message[2..4].fill(0);
    let mut sum = InternetChecksum::default().add_octets(message);
    if protocol == 58 {
        let message_len = u32::try_from(message.len()).unwrap_or(0).to_be_bytes();
        sum = sum.add_octets(&head[addresses..addresses + 2 * len]).add_octets(&message_len);
        sum = sum.add_octets(&[0, 0, 0, 58]);
    }
    message[2..4].copy_from_slice(&sum.finish().to_be_bytes());
}

/// Two addresses of a family: ours, and that of whom is asked.
pub fn addresses(is_v6: bool) -> (IpAddr, IpAddr) {
    match is_v6 {
        false => ([10, 0, 0, 1].into(), [10, 0, 0, 2].into()),
        true => ([0xfd09, 1, 0, 0, 0, 0, 0, 1].into(), [0xfd09, 5, 0, 0, 0, 0, 0, 2].into()),
    }
}
