//! The plain sockets of probe: what they are told to do, and what they say put into verdicts.

use std::io;
use std::net::{IpAddr, SocketAddr};

use crate::exchange::moment::Moment;
use crate::exchange::ping::ledger::DropReason;
use crate::exchange::probe::udp_payload::{self, Asker};
use crate::exchange::probe::{IcmpReason, Negotiated, Outcome, Seen, Times, Verdict};
use crate::sys::clock::{self, Now};
use crate::sys::error::SysError;
use crate::sys::error::errno::{
    ECONNREFUSED, ECONNRESET, EHOSTUNREACH, ENETUNREACH, EPERM, EPIPE, ETIMEDOUT,
};
use crate::sys::error_queue::{Origin, Taken};
use crate::sys::plain_socket::{Kind, PlainSocket, Told, Wishes};
use crate::sys::poll::Readiness;
use crate::sys::tcp_info::{ECN, SACK, TIMESTAMPS, TcpInfo, WINDOW_SCALES};
use crate::sys::user_sockets::UserSockets;

/// What plain sockets say and wait for.
#[derive(Debug, Clone, Default)]
pub struct PlainOptions {
    /// Probes come from this address.
    pub source: Option<IpAddr>,
    /// They come from this port, hand-built ones, too.
    pub port: Option<u16>,
    /// What UDP probes carry; without it, what the port's service answers.
    pub payload: Option<Vec<u8>>,
    /// What is sent over a connection that was accepted.
    pub send: Option<Vec<u8>>,
    /// What must be among the first octets of the other side.
    pub expect: Option<Vec<u8>>,
    /// What requests draw their numbers from.
    pub secret: u64,
}

impl PlainOptions {
    /// Whether there is something to say or to hear over a connection.
    fn talks(&self) -> bool {
        self.send.is_some() || self.expect.is_some()
    }

    /// What a UDP probe carries.
    pub(super) fn datagram(&self, id: usize, to: SocketAddr, source: Option<IpAddr>) -> Vec<u8> {
        match &self.payload {
            Some(payload) => payload.clone(),
            None => {
                let fresh = self.secret.rotate_left(23) ^ (id as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
                udp_payload::of_port(to.port(), &Asker { source, fresh }).1
            }
        }
    }
}

/// A probe by a plain socket.
#[derive(Debug)]
pub(super) struct PlainProbe {
    pub(super) socket: PlainSocket,
    target: SocketAddr,
    /// A connection that was accepted, and its first octets.
    talk: Option<(Outcome, Vec<u8>)>,
    /// When the datagram left.
    left: Option<Moment>,
    /// When the last ICMP error came.
    came: Option<Moment>,
    /// An ICMP error that did not end it.
    last_error: Option<IcmpReason>,
}

impl PlainProbe {
    /// Opens the socket of a probe, and for UDP sends the datagram.
    pub(super) fn start(
        kind: Kind,
        id: usize,
        target: SocketAddr,
        user: Option<&UserSockets>,
        options: &PlainOptions,
    ) -> Result<Self, NotAsked> {
        let from = options.source.filter(|source| source.is_ipv4() == target.is_ipv4());
        let wishes = Wishes { from, port: options.port, user, largest_segment: None };
        let socket = PlainSocket::connect(kind, target, &wishes).map_err(not_opened)?;
        if kind == Kind::Datagram {
            let source = socket.local().map(|local| local.ip());
            let payload = options.datagram(id, target, source);
            socket.send(&payload).map_err(|error| not_opened(SysError::of("send to", target)(error)))?;
        }
        Ok(Self { socket, target, talk: None, left: None, came: None, last_error: None })
    }

    /// Whether it waits for something to read, and not for the attempt to be over.
    pub(super) fn reads(&self) -> bool {
        self.socket.kind() == Kind::Datagram || self.talk.is_some()
    }

    /// What the socket that has something to say means; `None` when it means nothing yet.
    pub(super) fn news(&mut self, readiness: Readiness, options: &PlainOptions) -> Option<Outcome> {
        let by = self.take_told();
        if let Some(error) = self.socket.take_error() {
            if self.socket.kind() == Kind::Stream && is_reset(&error) {
                return self.reset(options);
            }
            let verdict = self.failure(&error, by);
            return Some(self.outcome(verdict));
        }
        match self.socket.kind() {
            Kind::Datagram => self.datagram(by),
            Kind::Stream if self.talk.is_some() => self.hear(options),
            // Writable is also what has failed, and whoever reads the queue of errors takes the one of SO_ERROR off with it
            // (`sock_dequeue_err_skb` in net/core/skbuff.c).
            Kind::Stream if readiness.writable && self.socket.is_connected() => self.connected(options),
            Kind::Stream => {
                // Whether it ended the attempt or the kernel goes on trying: we take the word of who said so.
                let by = by?;
                Some(self.outcome(self.of_icmp(by, String::new())))
            }
        }
    }

    /// What it is when nobody waits any more.
    pub(super) fn given_up(mut self, options: &PlainOptions) -> Outcome {
        let local = self.socket.local();
        match (self.talk.take(), self.last_error) {
            (Some((outcome, got)), _) => talked(outcome, got, options),
            (None, Some(by)) => self.outcome(self.of_icmp(by, String::new())),
            (None, None) => Outcome { local, ..self.outcome(Verdict::NoAnswer) },
        }
    }

    fn outcome(&self, verdict: Verdict) -> Outcome {
        let came = self.came.filter(|_| verdict.icmp().is_some());
        let times = Times { left: self.left, came, ..Times::default() };
        Outcome { times, local: self.socket.local(), ..Outcome::from(verdict) }
    }

    /// Empties the error queue: when the datagram left, and the last ICMP error.
    fn take_told(&mut self) -> Option<IcmpReason> {
        let mut by = None;
        for _ in 0..MOST_TOLD {
            let before = clock::wall();
            match self.socket.take_told() {
                Some(Told::Left(stamp)) => {
                    self.left = self.left.or(Some(moment(stamp)));
                }
                Some(Told::Error(taken, stamp)) => {
                    by = reason(&taken).or(by);
                    self.came = stamp.and_then(|stamp| moment_before(stamp, before)).or(self.came);
                }
                None => break,
            }
        }
        self.last_error = by.or(self.last_error);
        by
    }

    fn datagram(&mut self, by: Option<IcmpReason>) -> Option<Outcome> {
        let mut buffer = [0; 2048];
        let before = clock::wall();
        match self.socket.receive_datagram(&mut buffer) {
            Ok(Some((octets, about))) => {
                let mut outcome = self.outcome(Verdict::Open { answer: octets.to_vec() });
                outcome.times.came = about.stamp.and_then(|stamp| moment_before(stamp, before));
                let from = self.target.ip();
                outcome.seen = Some(Seen { from, ttl: about.ttl, ip_id: None, segment: None });
                Some(outcome)
            }
            Ok(None) => by.map(|by| self.outcome(self.of_icmp(by, String::new()))),
            Err(error) => {
                let verdict = self.failure(&error, by);
                Some(self.outcome(verdict))
            }
        }
    }

    /// The connection was accepted.
    fn connected(&mut self, options: &PlainOptions) -> Option<Outcome> {
        let mut outcome = self.outcome(Verdict::Open { answer: Vec::new() });
        if let Some(info) = self.socket.tcp_info() {
            outcome.negotiated = Some(negotiated(&info));
            // A new connection's smoothed time is that of its handshake; a SYN that was sent again has none (RFC 6298 §3).
            let handshake = u64::from(info.rtt_us).saturating_mul(1000);
            outcome.times.handshake = Some(handshake).filter(|took| *took > 0 && info.total_retrans == 0);
        }
        if !options.talks() {
            return Some(outcome);
        }
        if let Some(octets) = &options.send
            && let Err(error) = self.socket.send(octets)
            && !is_reset(&error)
        {
            let reason = error.to_string();
            let why = DropReason::of(error.raw_os_error());
            return Some(Outcome::from(Verdict::Failed { reason, why }));
        }
        self.talk = Some((outcome, Vec::new()));
        self.hear(options)
    }

    /// The connection is reset. What refuses it is another error (`tcp_reset` in net/ipv4/tcp_input.c), so it was accepted before.
    fn reset(&mut self, options: &PlainOptions) -> Option<Outcome> {
        if self.talk.is_none() {
            self.talk = Some((self.outcome(Verdict::Open { answer: Vec::new() }), Vec::new()));
        }
        self.hear(options)
    }

    /// Reads what the other side says, until it has said what is expected.
    fn hear(&mut self, options: &PlainOptions) -> Option<Outcome> {
        let (_, got) = self.talk.as_mut()?;
        let mut buffer = [0; 4096];
        let is_over = loop {
            match self.socket.receive(&mut buffer) {
                Ok(Some(0)) | Err(_) => break true,
                Ok(None) => break false,
                Ok(Some(len)) => {
                    let room = MOST_HEARD.saturating_sub(got.len());
                    got.extend(buffer.iter().take(len).take(room));
                    if is_enough(got, options) || got.len() >= MOST_HEARD {
                        break true;
                    }
                }
            }
        };
        if !is_over {
            return None;
        }
        let (outcome, got) = self.talk.take()?;
        Some(talked(outcome, got, options))
    }

    fn of_icmp(&self, by: IcmpReason, reason: String) -> Verdict {
        Verdict::of_icmp(by, self.socket.kind() == Kind::Datagram, self.target.ip(), reason)
    }

    /// What an error number means, with the ICMP message behind it.
    fn failure(&self, error: &io::Error, by: Option<IcmpReason>) -> Verdict {
        match (error.raw_os_error(), by.or(self.last_error)) {
            (_, Some(by)) => self.of_icmp(by, error.to_string()),
            (Some(ECONNREFUSED), None) => Verdict::Closed { by: None },
            (Some(EHOSTUNREACH | ENETUNREACH), None) => {
                Verdict::Unreachable { by: None, reason: error.to_string() }
            }
            (Some(ETIMEDOUT), None) => Verdict::NoAnswer,
            (errno, None) => Verdict::Failed { reason: error.to_string(), why: DropReason::of(errno) },
        }
    }
}

/// When a stamp of the kernel's was made, on both clocks.
pub(super) fn moment(stamp: i64) -> Moment {
    Moment { at: Now::read().monotonic_of(stamp), wall: stamp }
}

/// The same of something that was read at `before` or later. Where nobody had asked the kernel for stamps yet, it makes one when
/// a message is read (`sock_recv_timestamp` in include/net/sock.h): that is no other time than this program's own.
pub(super) fn moment_before(stamp: i64, before: i64) -> Option<Moment> {
    (stamp < before).then(|| moment(stamp))
}

fn is_reset(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(ECONNRESET | EPIPE))
}

/// Without something that is expected, whatever comes first is enough.
fn is_enough(got: &[u8], options: &PlainOptions) -> bool {
    match &options.expect {
        Some(expected) => contains(got, expected),
        None => !got.is_empty(),
    }
}

fn talked(mut outcome: Outcome, got: Vec<u8>, options: &PlainOptions) -> Outcome {
    outcome.fulfilled = options.expect.as_ref().map(|expected| contains(&got, expected));
    outcome.verdict = Verdict::Open { answer: got };
    outcome
}

fn contains(octets: &[u8], part: &[u8]) -> bool {
    part.is_empty() || octets.windows(part.len()).any(|window| window == part)
}

/// Why a probe is not under way.
#[derive(Debug)]
pub(super) enum NotAsked {
    /// It is over already.
    Over(Verdict),
    /// There is no room for it, which says nothing of whom it was to ask.
    NoRoom(SysError),
}

impl From<Verdict> for NotAsked {
    fn from(verdict: Verdict) -> Self {
        Self::Over(verdict)
    }
}

/// What an opening that failed means.
fn not_opened(error: SysError) -> NotAsked {
    if error.is_want_of_room() {
        return NotAsked::NoRoom(error);
    }
    NotAsked::Over(match error.source.raw_os_error() {
        Some(ECONNREFUSED) => Verdict::Closed { by: None },
        Some(EPERM) => Verdict::Failed { reason: forbidden(&error), why: DropReason::Forbidden },
        errno => Verdict::Failed { reason: error.to_string(), why: DropReason::of(errno) },
    })
}

/// What the kernel means that does not let a packet leave (EPERM) where the right is there.
pub(super) fn forbidden(error: &SysError) -> String {
    let (call, object) = (error.call, &error.object);
    format!(
        "{call} {object}: a rule of this host's own firewall forbids it (EPERM); `nft list ruleset` shows them"
    )
}

fn negotiated(info: &TcpInfo) -> Negotiated {
    let has = |option: u8| info.options & option != 0;
    Negotiated {
        rtt_us: info.rtt_us,
        rtt_var_us: info.rtt_var_us,
        snd_mss: info.snd_mss,
        advmss: info.advmss,
        path_mtu: info.pmtu,
        window_scales: has(WINDOW_SCALES).then_some((info.snd_wscale, info.rcv_wscale)),
        timestamps: has(TIMESTAMPS),
        sack: has(SACK),
        ecn: has(ECN),
        retransmits: info.total_retrans,
    }
}

fn reason(taken: &Taken) -> Option<IcmpReason> {
    let is_v6 = match taken.error.origin {
        Origin::Icmp => false,
        Origin::Icmp6 => true,
        Origin::Local | Origin::Other => return None,
    };
    Some(IcmpReason { from: taken.error.offender, is_v6, kind: taken.error.kind, code: taken.error.code })
}

/// Octets of the other side that are kept.
const MOST_HEARD: usize = 1 << 16;
/// Entries of an error queue that are read at a time.
const MOST_TOLD: usize = 64;

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::TcpListener;

    use socket2::SockRef;

    use super::*;

    /// What is told of a server that accepts, says something, and resets the connection before anybody looks.
    fn told(says: &[u8], options: &PlainOptions) -> Outcome {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let target = listener.local_addr().unwrap();
        let mut probe = PlainProbe::start(Kind::Stream, 1, target, None, options).unwrap();
        let (mut accepted, _) = listener.accept().unwrap();
        accepted.write_all(says).unwrap();
        SockRef::from(&accepted).set_linger(Some(std::time::Duration::ZERO)).unwrap();
        drop(accepted);
        let ready = Readiness { readable: true, writable: true, error: true };
        probe.news(ready, options).expect("it is over")
    }

    #[test]
    fn a_port_that_accepts_and_resets_at_once_is_open() {
        let open = |answer: &[u8]| Verdict::Open { answer: answer.to_vec() };
        assert_eq!(told(b"", &PlainOptions::default()).verdict, open(b""));
        let expect = PlainOptions { expect: Some(b"220".to_vec()), ..PlainOptions::default() };
        let outcome = told(b"", &expect);
        assert_eq!((outcome.verdict, outcome.fulfilled), (open(b""), Some(false)));
        let outcome = told(b"220 hello", &expect);
        assert_eq!((outcome.verdict, outcome.fulfilled), (open(b"220 hello"), Some(true)));
    }
}
