//! `time`: each message comes back behind the date and time, `[Thu Nov 20 22:10:01 2026] text`, as tutorials of sockets have it.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::messages::{Messages, TooLong};
use super::outbox::Outbox;
use super::service::{Peer, Service, Session, Waker};
use crate::sys::clock::Now;

/// The service.
#[derive(Debug, Clone)]
pub struct Time {
    /// Where the clock is read.
    pub zone: TimeZone,
    /// Octets that a message may have.
    pub limit: usize,
}

impl Service for Time {
    fn open(&self, peer: &Peer, _: Arc<dyn Waker>) -> Box<dyn Session> {
        let messages = (!peer.keeps_messages).then(|| Messages::new(self.limit, Some(PATIENCE)));
        Box::new(Stamper { zone: self.zone.clone(), limit: self.limit, messages })
    }
}

struct Stamper {
    zone: TimeZone,
    limit: usize,
    /// `None` where messages come whole.
    messages: Option<Messages>,
}

impl Session for Stamper {
    fn received(&mut self, octets: &[u8], now: Now, out: &mut Outbox) {
        let stamp = stamp(now, &self.zone);
        let taken = match &mut self.messages {
            Some(messages) => messages.received(octets, now, &mut |message| answer(&stamp, message, out)),
            None if octets.len() > self.limit => Err(TooLong),
            None => {
                answer(&stamp, octets, out);
                Ok(())
            }
        };
        if taken == Err(TooLong) {
            out.put(format!("a message has at most {} octets\n", self.limit).as_bytes());
            out.refuse(format!("a message of more than {} octets", self.limit));
        }
    }

    fn fill(&mut self, now: Now, out: &mut Outbox) {
        if let Some(rest) = self.messages.as_mut().and_then(|messages| messages.rest(now, false)) {
            answer(&stamp(now, &self.zone), &rest, out);
        }
    }

    fn due(&self) -> Option<u64> {
        self.messages.as_ref().and_then(Messages::due)
    }

    fn input_ended(&mut self, now: Now, out: &mut Outbox) {
        if let Some(rest) = self.messages.as_mut().and_then(|messages| messages.rest(now, true)) {
            answer(&stamp(now, &self.zone), &rest, out);
        }
        out.close();
    }
}

fn answer(stamp: &str, message: &[u8], out: &mut Outbox) {
    let mut answer = Vec::with_capacity(stamp.len().saturating_add(message.len()).saturating_add(3));
    answer.push(b'[');
    answer.extend_from_slice(stamp.as_bytes());
    answer.extend_from_slice(b"] ");
    answer.extend_from_slice(message);
    out.put(&answer);
}

/// As ctime(3) writes it.
fn stamp(now: Now, zone: &TimeZone) -> String {
    let time = Timestamp::from_nanosecond(now.wall.into()).unwrap_or(Timestamp::UNIX_EPOCH);
    time.to_zoned(zone.clone()).strftime("%a %b %e %H:%M:%S %Y").to_string()
}

/// Whoever writes no line's end gets an answer after so many nanoseconds.
const PATIENCE: u64 = 20_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stamp_is_that_of_ctime() {
        let now = Now { monotonic: 0, wall: 1_795_212_601_000_000_000 };
        assert_eq!(stamp(now, &TimeZone::UTC), "Fri Nov 20 22:10:01 2026");
        let now = Now { monotonic: 0, wall: 4 * 86_400_000_000_000 };
        assert_eq!(stamp(now, &TimeZone::UTC), "Mon Jan  5 00:00:00 1970");
    }
}
