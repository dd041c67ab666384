//! Hostile peers of the plain services: whatever they write and however they take what is sent, what waits for them is bounded, and
//! the connection ends when it has to.

use std::sync::{Arc, OnceLock};

use jiff::tz::TimeZone;
use rawsock::plain::chargen::Chargen;
use rawsock::plain::chat::Chat;
use rawsock::plain::connection::Connection;
use rawsock::plain::discard::Discard;
use rawsock::plain::echo::Echo;
use rawsock::plain::limits::Limits;
use rawsock::plain::service::{Peer, Service, Waker};
use rawsock::plain::time::Time;
use rawsock::sys::clock::Now;
use rawsock::sys::socket_address::SocketAddress;

use super::script::Script;

struct Nobody;

impl Waker for Nobody {
    fn wake(&self) {}
}

/// Octets that a message may have here, and that may wait for a peer.
const MESSAGE: usize = 64;
const QUEUE: usize = 512;

/// Holds it. The first octet says which service and what kind of socket, each further one what the two peers do next.
pub fn check(input: &[u8]) {
    let mut script = Script(input);
    let Some(first) = script.octet() else { return };
    let service = service(first);
    let keeps_messages = first & 0x80 != 0;
    let rate = (first & 0x40 != 0).then_some(100);
    let total = (first & 0x20 != 0).then_some(1000);
    let limits = Limits { message: MESSAGE, queue: QUEUE, rate, total, ..Limits::default() };
    let mut now = Now { monotonic: 1_000_000_000, wall: 1_700_000_000_000_000_000 };
    static WAKER: OnceLock<Arc<Nobody>> = OnceLock::new();
    let waker: Arc<dyn Waker> = WAKER.get_or_init(|| Arc::new(Nobody)).clone();
    let mut connections: Vec<Connection> = (1..=2)
        .map(|id| {
            let peer = Peer { id, address: SocketAddress::Unnamed, keeps_messages, is_datagrams: false };
            let session = service.open(&peer, Arc::clone(&waker));
            Connection::open(peer, session, limits, now)
        })
        .collect();
    let mut ended = [false; 2];
    while let Some(what) = script.octet() {
        let which = usize::from(what >> 7);
        let connection = &mut connections[which];
        let wants = connection.wants(now);
        if wants.end.is_some() {
            ended[which] = true;
        }
        match what % 6 {
            0 => {
                let pause = u64::from(script.number()) * 1_000_000;
                now.monotonic += pause;
                now.wall += i64::try_from(pause).expect("16 bits of milliseconds");
            }
            // A driver reads only what is wanted, and as much.
            1 | 2 if wants.read && !ended[which] => {
                let piece = script.piece();
                let len = piece.len().min(connection.appetite());
                if len > 0 {
                    connection.received(&piece[..len], now);
                }
            }
            3 if wants.write => {
                let len = connection.output().len();
                let taken = if keeps_messages { len } else { len.min(1 + usize::from(what >> 3 & 15) * 8) };
                connection.sent(taken, now);
            }
            4 if wants.fin => connection.fin_sent(now),
            5 => connection.input_ended(now),
            _ => {}
        }
        // The queue, and what one piece adds: each of its octets may be a line that is answered with a stamp.
        assert!(connection.output().len() <= QUEUE + 256 * (MESSAGE + 64), "{}", connection.output().len());
    }
    // Whoever takes nothing and says nothing is not kept for ever.
    now.monotonic += 2 * 600 * 1_000_000_000;
    for connection in &mut connections {
        assert!(connection.wants(now).end.is_some(), "it is kept: {:?}", connection.wants(now));
    }
}

fn service(which: u8) -> Box<dyn Service> {
    match which % 5 {
        0 => Box::new(Echo),
        1 => Box::new(Time { zone: TimeZone::UTC, limit: MESSAGE }),
        2 => Box::new(Chat::new(MESSAGE, QUEUE)),
        3 => Box::new(Chargen),
        _ => Box::new(Discard),
    }
}
