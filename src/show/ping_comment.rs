//! What became of the packets of a ping, in words for a file's comments.

use std::net::IpAddr;

use crate::exchange::ping::ledger::{PacketClass, ProbeClass};
use crate::exchange::ping::{Damage, Event, FrameKind, Ping, Reply};
use crate::show::ping::three_places;

/// Which packet, and what is to be said of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    /// What it is.
    pub kind: FrameKind,
    /// The address of the other side: whom a request went to, whom a reply or an error came from.
    pub peer: IpAddr,
    /// The number of the request, of which headers have the low bits.
    pub seq: u64,
    /// The words.
    pub text: String,
    /// When it passed, where that is known better than by who saw it: nanoseconds since 1970.
    pub time: Option<i64>,
}

/// What an event says of which packets.
pub fn remarks(ping: &Ping, event: &Event) -> Vec<Remark> {
    let request = |target: usize, seq: u64, text: String| {
        let address = ping.targets().get(target)?.address;
        Some(Remark { kind: FrameKind::Request, peer: address, seq, text, time: ping.left_at(target, seq) })
    };
    match event {
        Event::Reply(reply) => {
            let of_reply = Remark {
                kind: FrameKind::Reply,
                peer: reply.from,
                seq: reply.seq,
                text: reply_words(reply),
                time: None,
            };
            let answers = matches!(reply.class, PacketClass::Answer | PacketClass::Reordered);
            let words = || {
                let (left, came) = (reply.sample.left.name(), reply.sample.came.name());
                let late = if reply.late { " (late)" } else { "" };
                format!("answered after {} ms, {left} to {came}{late}", three_places(reply.sample.rtt))
            };
            let of_request = if answers { request(reply.target, reply.seq, words()) } else { None };
            of_request.into_iter().chain([of_reply]).collect()
        }
        Event::Error { target, seq, from, text, kind: (kind, code), .. } => {
            let of_request = request(*target, *seq, format!("ICMP error from {from}: {text}"));
            let text = format!("about icmp_seq={seq}: type {kind} code {code}");
            let of_error = Remark { kind: FrameKind::Error, peer: *from, seq: *seq, text, time: None };
            of_request.into_iter().chain([of_error]).collect()
        }
        Event::Lost { target, seq, class, .. } => {
            let words = match class {
                ProbeClass::Unstamped => {
                    "sent but unstamped: nothing came, and the kernel did not say that it left"
                }
                _ => "lost: it left this host, and nothing came",
            };
            request(*target, *seq, words.to_owned()).into_iter().collect()
        }
        Event::Dropped { .. } | Event::LeavesAgain { .. } | Event::Stray { .. } => Vec::new(),
    }
}

fn reply_words(reply: &Reply) -> String {
    let seq = reply.seq;
    match (reply.class, reply.damage) {
        (_, Some(Damage::Checksum)) => format!("damaged: bad checksum, to icmp_seq={seq}"),
        (_, Some(Damage::Octet { at, sent, came })) => {
            format!("damaged: octet {at} was 0x{sent:02x} and came as 0x{came:02x}, to icmp_seq={seq}")
        }
        (_, Some(Damage::Length { sent, came })) => {
            format!("damaged: {came} of {sent} octets of payload, to icmp_seq={seq}")
        }
        (_, Some(Damage::Tag)) => format!("forged: its tag is not this run's, to icmp_seq={seq}"),
        (PacketClass::Duplicate, None) => format!("duplicate to icmp_seq={seq}"),
        (PacketClass::Reordered, None) => format!("answer to icmp_seq={seq}, out of order"),
        (PacketClass::Elsewhere, None) => format!("from another address, to icmp_seq={seq}"),
        (_, None) => format!("answer to icmp_seq={seq}"),
    }
}
