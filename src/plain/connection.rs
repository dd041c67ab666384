//! One connection, without its socket and without a clock: a session, what is still to be sent, and the limits.

use super::event::{Counts, End};
use super::limits::{Bucket, Limits};
use super::outbox::Outbox;
use super::service::{Hears, Peer, Session};
use crate::sys::clock::Now;

/// A connection.
pub struct Connection {
    /// Who is at its other end.
    pub peer: Peer,
    session: Box<dyn Session>,
    out: Outbox,
    limits: Limits,
    bucket: Option<Bucket>,
    opened: u64,
    /// When something passed last.
    active: u64,
    /// When it was last able to send, while something waits.
    moved: u64,
    /// The peer has ended.
    input_over: bool,
    /// We have ended, and when.
    fin: Option<u64>,
    /// By when it has to end.
    must_end: Option<u64>,
    failed: Option<End>,
    counts: Counts,
}

/// What a connection wants of its driver.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wants {
    /// To be given what comes.
    pub read: bool,
    /// To have [`Connection::output`] sent.
    pub write: bool,
    /// To have the peer told that nothing more comes (shutdown(2)).
    pub fin: bool,
    /// To be closed.
    pub end: Option<End>,
    /// To be asked again at this time, if nothing happens before.
    pub at: Option<u64>,
}

impl Wants {
    /// Whether it is to be asked again at once: it has more to do, and leaves others their turn before.
    pub(super) fn is_due(&self, now: u64) -> bool {
        self.at.is_some_and(|at| at <= now)
    }
}

impl Connection {
    /// A connection that stands.
    pub fn open(peer: Peer, session: Box<dyn Session>, limits: Limits, now: Now) -> Self {
        let mut connection = Self::begin(peer, session, limits, now);
        connection.session.opened(now, &mut connection.out);
        connection
    }

    fn begin(peer: Peer, session: Box<dyn Session>, limits: Limits, now: Now) -> Self {
        Self {
            out: Outbox::new(limits.queue, peer.keeps_messages),
            peer,
            session,
            bucket: limits.rate.map(|rate| Bucket::new(rate, now.monotonic)),
            limits,
            opened: now.monotonic,
            active: now.monotonic,
            moved: now.monotonic,
            input_over: false,
            fin: None,
            must_end: None,
            failed: None,
            counts: Counts::default(),
        }
    }

    /// Someone who writes datagrams: there is no connection, and [`Session::opened`] is not called.
    pub fn meet(peer: Peer, session: Box<dyn Session>, limits: Limits, now: Now) -> Self {
        Self::begin(peer, session, limits, now)
    }

    /// Octets of a stream that may be read at once without going far beyond the rate.
    pub fn appetite(&self) -> usize {
        match self.limits.rate {
            Some(rate) if !self.peer.keeps_messages => usize::try_from(rate).unwrap_or(usize::MAX).max(1),
            _ => usize::MAX,
        }
    }

    /// Octets have come. What comes after this side has ended is passed over.
    pub fn received(&mut self, octets: &[u8], now: Now) {
        self.active = now.monotonic;
        if self.out.next().is_none() {
            self.moved = now.monotonic;
        }
        let len = u64::try_from(octets.len()).unwrap_or(u64::MAX);
        self.counts.octets_in = self.counts.octets_in.saturating_add(len);
        self.counts.reads = self.counts.reads.saturating_add(1);
        if let Some(bucket) = &mut self.bucket {
            bucket.take(len, now.monotonic);
        }
        if self.out.is_closing() {
            return;
        }
        // A message that goes beyond the limit is passed over, of a stream the octets that do.
        let allowed = match self.beyond_total() {
            0 => octets,
            _ if self.peer.keeps_messages => &[],
            beyond => octets.get(..octets.len().saturating_sub(beyond)).unwrap_or_default(),
        };
        if !allowed.is_empty() || octets.is_empty() {
            self.session.received(allowed, now, &mut self.out);
        }
        if self.beyond_total() > 0 {
            self.out.refuse("it has sent more octets than are allowed");
        }
    }

    /// Octets that have come and were too many.
    fn beyond_total(&self) -> usize {
        let total = self.limits.total.unwrap_or(u64::MAX);
        usize::try_from(self.counts.octets_in.saturating_sub(total)).unwrap_or(usize::MAX)
    }

    /// Whether more has come than may come altogether.
    pub(super) fn has_too_much(&self) -> bool {
        self.beyond_total() > 0
    }

    /// The peer has ended: nothing more comes.
    pub fn input_ended(&mut self, now: Now) {
        if !self.input_over {
            self.input_over = true;
            self.active = now.monotonic;
            self.session.input_ended(now, &mut self.out);
        }
    }

    /// The server ends: so does this connection, at the latest at a certain time.
    pub fn drain(&mut self, until: u64) {
        self.must_end.get_or_insert(until);
    }

    /// The socket failed. After the peer has ended, that only means that it does not listen either.
    pub fn failed(&mut self, end: End) {
        let end = if self.input_over && end == End::Reset { self.orderly() } else { end };
        self.failed.get_or_insert(end);
    }

    /// Whether it can hear more while something waits to be sent.
    pub fn hears_always(&self) -> bool {
        self.session.hears() == Hears::Always
    }

    /// When something passed last.
    pub fn active(&self) -> u64 {
        self.active
    }

    /// What is sent next.
    pub fn output(&self) -> &[u8] {
        self.out.next().unwrap_or_default()
    }

    /// So much of it was sent.
    pub fn sent(&mut self, len: usize, now: Now) {
        self.out.sent(len);
        self.counts.octets_out = self.counts.octets_out.saturating_add(u64::try_from(len).unwrap_or(0));
        (self.active, self.moved) = (now.monotonic, now.monotonic);
    }

    /// The peer was told that nothing more comes.
    pub fn fin_sent(&mut self, now: Now) {
        self.fin.get_or_insert(now.monotonic);
        // Who writes datagrams has no end to wait for.
        self.input_over |= self.peer.is_datagrams;
    }

    /// What it wants now.
    pub fn wants(&mut self, now: Now) -> Wants {
        if self.out.room() > 0 && !self.out.is_finished() {
            let was_empty = self.out.next().is_none();
            self.session.fill(now, &mut self.out);
            if was_empty {
                self.moved = now.monotonic;
            }
        }
        let write = self.out.next().is_some();
        let closing = self.out.is_closing();
        let end = self.end(now.monotonic);
        let rate_at = self.bucket.map_or(0, |bucket| bucket.ready_at());
        let may_read = match self.session.hears() {
            _ if closing => self.fin.is_some(),
            Hears::Nothing => false,
            Hears::WithRoom => self.out.room() > 0,
            Hears::Always => true,
        };
        let held_back = may_read && rate_at > now.monotonic;
        let rate = held_back.then_some(rate_at);
        let due = self.session.due().filter(|_| !self.out.is_finished() && self.out.room() > 0);
        Wants {
            read: may_read && !held_back && !self.input_over,
            write,
            fin: self.out.is_finished() && !write && self.fin.is_none(),
            end,
            at: [rate, due, self.deadline().map(|(at, _)| at)].into_iter().flatten().min(),
        }
    }

    /// When it ends if nothing passes, and for what.
    fn deadline(&self) -> Option<(u64, End)> {
        // Whoever was told why it is dropped is not told of silence.
        let silent = || if self.out.refusal().is_some() { self.orderly() } else { End::Idle };
        let idle = self.limits.idle.map(|idle| (self.active.saturating_add(idle), silent()));
        let stalled = (self.out.next().is_some(), self.moved.saturating_add(self.limits.stall));
        let stalled = stalled.0.then_some((stalled.1, End::Stalled));
        // Whoever does not end when we have ended is not waited for long.
        let lingering =
            self.fin.filter(|_| self.out.is_closing()).map(|at| (at.saturating_add(LINGER), self.orderly()));
        let drained = self.must_end.map(|at| (at, End::Drained));
        [idle, stalled, lingering, drained].into_iter().flatten().min_by_key(|(at, _)| *at)
    }

    fn end(&self, now: u64) -> Option<End> {
        if let Some(failed) = &self.failed {
            return Some(failed.clone());
        }
        if self.fin.is_some() && self.input_over {
            return Some(self.orderly());
        }
        self.deadline().filter(|(at, _)| *at <= now).map(|(_, end)| end)
    }

    fn orderly(&self) -> End {
        match self.end_by_service() {
            End::ByService if self.input_over => End::ByPeer,
            end => end,
        }
    }

    /// How it ends when the service has said all.
    pub(super) fn end_by_service(&self) -> End {
        self.out.refusal().map_or(End::ByService, |why| End::Refused(why.to_owned()))
    }

    /// What passed, until now.
    pub fn counts(&self, now: Now) -> Counts {
        Counts { took: now.monotonic.saturating_sub(self.opened), ..self.counts }
    }
}

/// How long a peer that was told that nothing more comes has to end.
const LINGER: u64 = 2_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plain::limits::SECOND;
    use crate::sys::socket_address::SocketAddress;

    /// Says what it hears, and `bye` to `bye`.
    struct Parrot;

    impl Session for Parrot {
        fn received(&mut self, octets: &[u8], _: Now, out: &mut Outbox) {
            out.put(octets);
            if octets == b"bye" {
                out.close();
            }
        }
    }

    fn at(seconds: u64) -> Now {
        Now { monotonic: seconds * SECOND, wall: 0 }
    }

    fn connection(limits: Limits) -> Connection {
        let peer =
            Peer { id: 1, address: SocketAddress::Unnamed, keeps_messages: false, is_datagrams: false };
        Connection::open(peer, Box::new(Parrot), limits, at(0))
    }

    #[test]
    fn what_came_is_answered_before_the_end() {
        let mut one = connection(Limits::default());
        assert!(one.wants(at(0)).read);
        one.received(b"hi", at(1));
        one.input_ended(at(1));
        let wants = one.wants(at(1));
        assert!(wants.write && !wants.fin && wants.end.is_none(), "{wants:?}");
        one.sent(2, at(1));
        assert!(one.wants(at(1)).fin);
        one.fin_sent(at(1));
        assert_eq!(one.wants(at(1)).end, Some(End::ByPeer));
    }

    #[test]
    fn whoever_does_not_read_is_not_read_from_and_in_the_end_dropped() {
        let mut one = connection(Limits { queue: 10, ..Limits::default() });
        one.received(&[0; 20], at(1));
        let wants = one.wants(at(1));
        assert!(!wants.read && wants.write, "{wants:?}");
        assert_eq!(wants.at, Some(31 * SECOND));
        assert_eq!(one.wants(at(31)).end, Some(End::Stalled));
    }

    /// Both ends would wait for ever, were each to read only once it has sent all.
    #[test]
    fn what_says_no_answers_hears_while_it_waits() {
        struct Talker;
        impl Session for Talker {
            fn received(&mut self, _: &[u8], _: Now, _: &mut Outbox) {}
            fn fill(&mut self, _: Now, out: &mut Outbox) {
                out.put(&[0; 10]);
            }
            fn hears(&self) -> Hears {
                Hears::Always
            }
        }
        let mut one = connection(Limits { queue: 10, ..Limits::default() });
        one.session = Box::new(Talker);
        assert!(one.wants(at(0)).write && one.wants(at(0)).read);
    }

    #[test]
    fn whoever_is_silent_is_dropped_and_a_rate_holds_back() {
        let mut one = connection(Limits { rate: Some(100), ..Limits::default() });
        one.received(&[0; 300], at(1));
        one.sent(300, at(1));
        let wants = one.wants(at(1));
        assert!(!wants.read);
        assert_eq!(wants.at, Some(3 * SECOND));
        assert!(one.wants(at(3)).read);
        assert_eq!(one.wants(at(601)).end, Some(End::Idle));
    }

    #[test]
    fn after_our_end_the_peer_has_some_time_to_end() {
        let mut one = connection(Limits::default());
        one.received(b"bye", at(1));
        assert!(!one.wants(at(1)).read);
        one.sent(3, at(1));
        assert!(one.wants(at(1)).fin);
        one.fin_sent(at(1));
        let wants = one.wants(at(1));
        assert!(wants.read && wants.end.is_none());
        one.received(b"more", at(2));
        assert!(!one.wants(at(2)).write);
        assert_eq!(one.wants(at(3)).end, Some(End::ByService));
    }

    #[test]
    fn what_is_too_much_does_not_reach_the_service() {
        for keeps_messages in [false, true] {
            let mut one = connection(Limits { total: Some(6), ..Limits::default() });
            one.peer.keeps_messages = keeps_messages;
            one.received(b"four", at(1));
            assert!(!one.has_too_much());
            one.received(b"more", at(1));
            assert!(one.has_too_much());
            assert_eq!(one.output(), if keeps_messages { &b"four"[..] } else { b"fourmo" });
            one.received(b"even more", at(1));
            assert_eq!(one.counts(at(1)).octets_in, 17);
            assert!(matches!(one.end_by_service(), End::Refused(_)));
        }
        let mut one = connection(Limits { total: Some(4), ..Limits::default() });
        one.received(b"four", at(1));
        assert!(one.wants(at(1)).read && !one.has_too_much(), "as many as are allowed");
    }

    #[test]
    fn too_much_altogether_is_refused_and_draining_has_an_end() {
        let mut one = connection(Limits { total: Some(3), ..Limits::default() });
        one.received(b"four", at(1));
        one.sent(4, at(1));
        one.fin_sent(at(1));
        one.input_ended(at(1));
        assert!(matches!(one.wants(at(1)).end, Some(End::Refused(_))));
        let mut one = connection(Limits::default());
        one.drain(5 * SECOND);
        assert_eq!(one.wants(at(5)).end, Some(End::Drained));
        let mut one = connection(Limits { total: Some(3), idle: Some(SECOND), ..Limits::default() });
        one.received(b"four", at(1));
        assert!(matches!(one.wants(at(3)).end, Some(End::Refused(_))), "it was not silence");
    }
}
