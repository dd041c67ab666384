//! What each packet that comes is, and what it makes of the request that it belongs to.

use std::net::IpAddr;

use super::Ping;
use super::event::{Damage, Event, Reply};
use super::ledger::{PacketClass, ProbeClass};
use super::message::Message;
use super::query::Request;
use super::sample::{Sample, WayIn};
use super::tag::Mark;
use super::target::Target;
use super::told::{Answer, Route, Told};
use crate::exchange::engine::{MILLISECOND, Nanos};
use crate::exchange::icmp_error::ends_question;

/// A reply that is not told yet.
#[derive(Debug, Clone)]
pub(super) struct Held {
    pub(super) back: WayIn,
    pub(super) until: Nanos,
    pub(super) reply: Reply,
}

impl Ping {
    /// The request that a reply says that it belongs to, and whether its payload proves it.
    fn find(&self, packet: &Message<'_>) -> Option<(usize, u64)> {
        let request = &self.plan.request;
        if packet.ident != request.ident {
            return None;
        }
        if request.is_tagged()
            && let Some(mark) = request.tag.read(packet.payload)
        {
            return Some((usize::try_from(mark.target).ok()?, mark.seq));
        }
        self.find_by_header(Some(packet.from), packet)
    }

    /// The same by address, identifier and sequence number alone.
    fn find_by_header(&self, peer: Option<IpAddr>, packet: &Message<'_>) -> Option<(usize, u64)> {
        if packet.ident != self.plan.request.ident {
            return None;
        }
        let by_address = peer.and_then(|peer| self.by_address.get(&peer).copied());
        let group = || self.targets.iter().position(Target::is_group);
        // Of one target alone it can be told even from elsewhere.
        let only = || (self.targets.len() == 1).then_some(0);
        let number = by_address.or_else(group).or_else(only)?;
        let seq = self.targets.get(number)?.seq_of(packet.seq.into(), self.plan.request.window())?;
        Some((number, seq))
    }

    fn stray(&mut self, packet: &Message<'_>, wall: i64) {
        self.strays.packet(PacketClass::Stray);
        self.events.push(Event::Stray { from: packet.from, kind: packet.kind, wall });
    }

    pub(super) fn reply(&mut self, packet: &Message<'_>, back: WayIn, route: Vec<Route>) {
        let found = self.find(packet).and_then(|(number, seq)| {
            let target = self.targets.get_mut(number)?;
            let probe = *target.probe(seq)?;
            Some((number, seq, probe, probe.out?))
        });
        let Some((number, seq, probe, out)) = found else { return self.stray(packet, back.wall) };
        let Some(target) = self.targets.get_mut(number) else { return };
        let mark = Mark { target: u32::try_from(number).unwrap_or(u32::MAX), seq };
        let damage = match packet.checksum_is_good {
            true => Damage::of(self.plan.request.judge(Request { mark, at: probe.made }, packet.payload)),
            false => Some(Damage::Checksum),
        };
        let is_elsewhere = packet.from != target.address && !target.is_group();
        let class = match damage {
            _ if is_elsewhere => PacketClass::Elsewhere,
            Some(Damage::Tag) => PacketClass::Forged,
            Some(_) => PacketClass::Damaged,
            None if probe.is_answered => PacketClass::Duplicate,
            None if seq < target.latest => PacketClass::Reordered,
            None => PacketClass::Answer,
        };
        target.ledger.packet(class);
        let sample = Sample::of(&out, &back);
        let is_given_up = matches!(probe.end, Some(ProbeClass::Lost | ProbeClass::Unstamped));
        let took = back.reading.at.saturating_sub(out.called);
        let late = took > self.plan.timeout || is_given_up && !self.is_closed;
        if matches!(class, PacketClass::Answer | PacketClass::Reordered) {
            target.latest = target.latest.max(seq);
            target.last_active = back.reading.at;
            if let Some(probe) = target.probe(seq) {
                probe.is_answered = true;
            }
            self.end(number, seq, if late { ProbeClass::Late } else { ProbeClass::Answered });
        }
        let told = Told { answer: Answer::read(packet.kind, packet.octets), route };
        let reply = Reply {
            target: number,
            seq,
            from: packet.from,
            len: packet.octets.len(),
            ttl: packet.ttl,
            sample,
            class,
            late,
            damage,
            told,
            wall: back.wall,
        };
        let lacks_stamp = !out.is_stamped() && sample.clock.is_none() && !self.is_closed;
        match lacks_stamp && self.held.len() < MOST_HELD {
            true => self.held.push(Held { back, until: back.reading.at.saturating_add(STAMP_WAIT), reply }),
            false => self.tell(reply),
        }
    }

    /// Tells of a reply, whose round trip is final now.
    fn tell(&mut self, reply: Reply) {
        if matches!(reply.class, PacketClass::Answer | PacketClass::Reordered)
            && let Some(target) = self.targets.get_mut(reply.target)
        {
            target.times.add(&reply.sample);
        }
        self.events.push(Event::Reply(reply));
    }

    /// Tells of the replies that have waited for a stamp until now, and of those whose stamp has come.
    pub(super) fn tell_held(&mut self, now: Nanos) {
        for mut held in std::mem::take(&mut self.held) {
            let Held { back, until, reply } = &mut held;
            let out = self.targets.get_mut(reply.target).and_then(|target| target.probe(reply.seq)?.out);
            match out {
                Some(out) if out.is_stamped() => reply.sample = Sample::of(&out, back),
                Some(_) if *until > now => {
                    self.held.push(held);
                    continue;
                }
                _ => {}
            }
            self.tell(held.reply);
        }
    }

    pub(super) fn error(&mut self, packet: &Message<'_>, quoted: &Message<'_>, at: Nanos, wall: i64) {
        let found = self.find_by_header(quoted.to, quoted);
        let Some((number, seq)) = found else { return self.stray(packet, wall) };
        let Some(target) = self.targets.get_mut(number) else { return };
        let Some(probe) = target.probe(seq).map(|probe| *probe) else { return self.stray(packet, wall) };
        let class = if packet.checksum_is_good { PacketClass::Error } else { PacketClass::Damaged };
        target.ledger.packet(class);
        if class == PacketClass::Damaged {
            return;
        }
        let (from, kind) = (packet.from, packet.kind);
        target.ledger.error((from, kind.0, kind.1));
        let ends = ends_question(packet.is_v6, kind.0);
        let rtt = at.saturating_sub(probe.out.map_or(at, |out| out.called));
        let is_end = ends && (probe.end.is_none() || probe.end == Some(ProbeClass::Unfinished));
        if is_end {
            target.last_active = at;
            self.end(number, seq, ProbeClass::IcmpError);
        }
        let (text, mtu) = packet.error_words();
        self.events.push(Event::Error { target: number, seq, from, text, kind, mtu, rtt, wall, is_end });
    }
}

/// Replies that may wait for stamps, and how long.
const MOST_HELD: usize = 1024;
pub(super) const STAMP_WAIT: Nanos = 5 * MILLISECOND;
