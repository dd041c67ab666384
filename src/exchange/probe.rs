//! Probing with plain sockets as an engine: which end point to ask next, and what each answer means. Whoever runs it opens
//! the sockets. (Probing by hand-built packets, and comparing both, will be engines beside this one.)

use std::net::{IpAddr, SocketAddr};

use crate::exchange::engine::Nanos;

/// How an end point is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// By connect().
    Tcp,
    /// By connect(), send() and recv().
    Udp,
}

/// How a run of probes goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProbePlan {
    /// TCP or UDP.
    pub transport: Transport,
    /// How long to wait for an answer.
    pub timeout: Nanos,
    /// Between two probes of the same end point.
    pub interval: Nanos,
    /// Probes of each end point.
    pub count: u64,
    /// How many are under way at once.
    pub at_once: usize,
}

/// An end point to ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndPoint {
    /// As the user names the host.
    pub host: String,
    /// Address and port.
    pub address: SocketAddr,
}

/// What became of a probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The connection was accepted, or the datagram answered.
    Open {
        /// Octets that were answered.
        answer: Vec<u8>,
    },
    /// Refused: a reset, or ICMP port unreachable from the host itself.
    Closed {
        /// Who refuses by ICMP.
        by: Option<IcmpReason>,
    },
    /// Somebody on the way says that it cannot be reached.
    Unreachable {
        /// Who, and in which words, where ICMP tells.
        by: Option<IcmpReason>,
        /// What the socket says.
        reason: String,
    },
    /// Nobody said anything in time: filtered, or for UDP open without an answer.
    NoAnswer,
    /// The probe could not be made.
    Failed {
        /// Why.
        reason: String,
    },
}

/// An ICMP error from the socket's error queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IcmpReason {
    /// Who sent it.
    pub from: Option<IpAddr>,
    /// ICMPv6, and not ICMP.
    pub is_v6: bool,
    /// Its type.
    pub kind: u8,
    /// Its code.
    pub code: u8,
}

impl IcmpReason {
    /// Its words, when it has a name.
    pub fn words(&self) -> Option<&'static str> {
        if self.is_v6 {
            crate::proto::icmpv6::code_name(self.kind, self.code)
        } else {
            crate::proto::icmp::code_name(self.kind, self.code)
        }
    }

    /// Whether the asked host itself says that nobody listens at the port.
    pub fn is_port_unreachable(&self) -> bool {
        matches!((self.is_v6, self.kind, self.code), (false, 3, 3) | (true, 1, 4))
    }
}

/// A finished probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished {
    /// Which end point.
    pub end_point: usize,
    /// The number of the probe of it, from 1.
    pub seq: u64,
    /// What became of it.
    pub verdict: Verdict,
    /// From the call to the verdict.
    pub took: Nanos,
    /// The socket's own address.
    pub local: Option<SocketAddr>,
}

/// What the engine wants next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Open a socket for this end point now; call [`Prober::started`].
    Start(usize),
    /// Give up on the probe with this number: call [`Prober::finished`] with no answer.
    GiveUp(usize),
    /// Nothing until then, or until a socket has something to say.
    Wait(Nanos),
    /// Nothing until a socket has something to say.
    Idle,
    /// All probes are finished.
    Done,
}

/// The engine.
#[derive(Debug)]
pub struct Prober {
    plan: ProbePlan,
    end_points: Vec<EndPoint>,
    next: Vec<Next>,
    running: Vec<Running>,
    open: bool,
    stopped: bool,
}

#[derive(Debug, Clone, Copy)]
struct Next {
    at: Nanos,
    asked: u64,
}

#[derive(Debug, Clone, Copy)]
struct Running {
    id: usize,
    end_point: usize,
    seq: u64,
    since: Nanos,
}

impl Prober {
    /// An engine without end points; they are added as names are resolved.
    pub fn new(plan: ProbePlan) -> Self {
        let (end_points, next, running) = (Vec::new(), Vec::new(), Vec::new());
        Self { plan, end_points, next, running, open: true, stopped: false }
    }

    /// Adds an end point, to be asked from now on.
    pub fn add(&mut self, end_point: EndPoint, now: Nanos) {
        self.end_points.push(end_point);
        self.next.push(Next { at: now, asked: 0 });
    }

    /// No more end points will be added.
    pub fn close(&mut self) {
        self.open = false;
    }

    /// The end points.
    pub fn end_points(&self) -> &[EndPoint] {
        &self.end_points
    }

    /// Asks nobody any more.
    pub fn stop(&mut self) {
        self.stopped = true;
    }

    /// Probes that were asked and have not ended.
    pub fn unfinished(&self) -> usize {
        self.running.len()
    }

    /// What to do at `now`.
    pub fn step(&mut self, now: Nanos) -> Step {
        if self.stopped {
            return Step::Done;
        }
        if let Some(over) = self.running.iter().find(|running| self.ends(running) <= now) {
            return Step::GiveUp(over.id);
        }
        let due = self.next.iter().enumerate().filter(|(_, next)| next.asked < self.plan.count);
        let due = due.min_by_key(|(_, next)| next.at).map(|(index, next)| (index, next.at));
        let has_room = self.running.len() < self.plan.at_once;
        let first_end = self.running.iter().map(|running| self.ends(running)).min();
        match (due, first_end) {
            (Some((index, at)), _) if at <= now && has_room => Step::Start(index),
            (Some((_, at)), end) if has_room => Step::Wait(end.map_or(at, |end| end.min(at))),
            (_, Some(end)) => Step::Wait(end),
            _ if self.open => Step::Idle,
            _ => Step::Done,
        }
    }

    /// A socket for the end point was opened at `now`, and is known as `id`.
    pub fn started(&mut self, end_point: usize, id: usize, now: Nanos) {
        let Some(next) = self.next.get_mut(end_point) else { return };
        next.asked += 1;
        next.at = next.at.max(now.saturating_sub(self.plan.interval)).saturating_add(self.plan.interval);
        self.running.push(Running { id, end_point, seq: next.asked, since: now });
    }

    /// The probe known as `id` ended at `now`.
    pub fn finished(
        &mut self,
        id: usize,
        now: Nanos,
        verdict: Verdict,
        local: Option<SocketAddr>,
    ) -> Option<Finished> {
        let at = self.running.iter().position(|running| running.id == id)?;
        let Running { end_point, seq, since, .. } = self.running.swap_remove(at);
        Some(Finished { end_point, seq, verdict, took: now.saturating_sub(since), local })
    }

    fn ends(&self, running: &Running) -> Nanos {
        running.since.saturating_add(self.plan.timeout)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::engine::SECOND;

    fn prober(count: u64, at_once: usize, ports: u16) -> Prober {
        let transport = Transport::Tcp;
        let mut prober =
            Prober::new(ProbePlan { transport, timeout: 2 * SECOND, interval: SECOND, count, at_once });
        for port in 1..=ports {
            let address = SocketAddr::new([127, 0, 0, 1].into(), port);
            prober.add(EndPoint { host: "h".to_owned(), address }, 0);
        }
        prober.close();
        prober
    }

    #[test]
    fn no_more_than_so_many_at_once() {
        let mut prober = prober(1, 2, 3);
        for id in 0..2 {
            assert_eq!(prober.step(0), Step::Start(id));
            prober.started(id, id, 0);
        }
        assert_eq!(prober.step(0), Step::Wait(2 * SECOND));
        let done = prober.finished(0, 5, Verdict::Open { answer: vec![] }, None).unwrap();
        assert_eq!((done.seq, done.took), (1, 5));
        assert_eq!(prober.step(5), Step::Start(2));
        prober.started(2, 2, 5);
        assert_eq!(prober.step(2 * SECOND), Step::GiveUp(1));
        prober.finished(1, 2 * SECOND, Verdict::NoAnswer, None);
        prober.finished(2, 2 * SECOND, Verdict::NoAnswer, None);
        assert_eq!(prober.step(2 * SECOND), Step::Done);
    }

    #[test]
    fn asks_again_at_its_interval() {
        let mut prober = prober(2, 8, 1);
        prober.started(0, 0, 0);
        prober.finished(0, 1, Verdict::NoAnswer, None);
        assert_eq!(prober.step(1), Step::Wait(SECOND));
        assert_eq!(prober.step(SECOND), Step::Start(0));
        prober.started(0, 1, SECOND);
        assert_eq!(prober.finished(1, SECOND, Verdict::NoAnswer, None).unwrap().seq, 2);
        assert_eq!(prober.step(SECOND), Step::Done);
    }
}
