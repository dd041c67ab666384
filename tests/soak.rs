//! Many connections at once, by each way of waiting: every message comes back, in its order, and no other.
//!
//! An ordinary run has 500 connections for 5 seconds each; `RAWSOCK_SOAK=5000x60` says how many, and for how many seconds.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "this is test code")]

mod support;

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use rawsock::sys::epoll::{Epoll, Interest};
use rawsock::sys::socket::raise_descriptor_limit;
use support::endpoint::{MODELS, Serving};

/// One client: it writes a message, waits for it to come back, and writes the next one.
struct Client {
    stream: TcpStream,
    number: usize,
    sent: u64,
    answered: u64,
    /// What is still to come of the present message.
    expected: Vec<u8>,
}

impl Client {
    fn message(&self) -> Vec<u8> {
        // Of different lengths, with what no other client and no other message has.
        let padding = "x".repeat((self.number * 7 + usize::try_from(self.sent).unwrap() * 13) % 200);
        format!("client {} message {} {padding}\n", self.number, self.sent).into_bytes()
    }

    fn ask(&mut self) {
        let message = self.message();
        // A socket that waits for its answer has room for the next message.
        assert_eq!(self.stream.write(&message).unwrap(), message.len());
        self.sent += 1;
        self.expected = message;
    }

    fn take(&mut self, buffer: &mut [u8]) {
        match self.stream.read(buffer) {
            Ok(0) => panic!("client {}: the server has ended", self.number),
            Ok(len) => {
                assert!(
                    self.expected.len() >= len && self.expected[..len] == buffer[..len],
                    "client {}",
                    self.number
                );
                self.expected.drain(..len);
                if self.expected.is_empty() {
                    self.answered += 1;
                }
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => panic!("client {}: {error}", self.number),
        }
    }
}

fn soak(io: &str, connections: usize, lasting: Duration) {
    let most = (connections + 10).to_string();
    let serving = Serving::start(&["tcp", "0", "--io", io, "-q", "--max-connections", &most]);
    let mut epoll = Epoll::new().unwrap();
    let mut clients: Vec<Client> = Vec::new();
    for number in 0..connections {
        let stream =
            TcpStream::connect(&serving.address).unwrap_or_else(|error| panic!("{io}, {number}: {error}"));
        stream.set_nonblocking(true).unwrap();
        stream.set_nodelay(true).unwrap();
        epoll.add(&stream, u64::try_from(number).unwrap(), Interest::READ).unwrap();
        clients.push(Client { stream, number, sent: 0, answered: 0, expected: Vec::new() });
    }
    let begun = Instant::now();
    clients.iter_mut().for_each(Client::ask);
    let (mut ready, mut buffer) = (Vec::new(), [0; 1024]);
    let patience = lasting + Duration::from_secs(30);
    while clients.iter().any(|client| client.answered < client.sent) {
        assert!(begun.elapsed() < patience, "{io}: not all is answered");
        epoll.wait(Some(1_000_000_000), &mut ready).unwrap();
        let goes_on = begun.elapsed() < lasting;
        for ready in &ready {
            let client = &mut clients[usize::try_from(ready.key).unwrap()];
            client.take(&mut buffer);
            if client.answered == client.sent && goes_on {
                client.ask();
            }
        }
    }
    let took = begun.elapsed();
    let sent: u64 = clients.iter().map(|client| client.sent).sum();
    let answered: u64 = clients.iter().map(|client| client.answered).sum();
    let least = clients.iter().map(|client| client.sent).min().unwrap();
    assert_eq!(sent, answered, "{io}");
    assert!(least >= 2, "{io}: a client was answered {least} times only");
    // Nothing is left over on any connection: after its end comes ours.
    for client in &mut clients {
        client.stream.set_nonblocking(false).unwrap();
        client.stream.shutdown(std::net::Shutdown::Write).unwrap();
        client.stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        assert_eq!(client.stream.read(&mut buffer).unwrap(), 0, "{io}, client {}", client.number);
    }
    let (code, lines) = serving.end();
    assert_eq!(code, Some(0), "{io}: {lines:?}");
    println!("{io}: {connections} connections, {answered} messages in {took:?}, each {least} at least");
}

#[test]
fn every_message_comes_back() {
    let wanted = std::env::var("RAWSOCK_SOAK").unwrap_or_else(|_| "500x5".to_owned());
    let (connections, seconds) = wanted.split_once('x').expect("RAWSOCK_SOAK is CONNECTIONSxSECONDS");
    let (connections, seconds) = (connections.parse().unwrap(), seconds.parse().unwrap());
    let limit = raise_descriptor_limit().unwrap();
    assert!(limit > u64::try_from(connections + 50).unwrap(), "`ulimit -n` allows {limit} descriptors");
    for io in MODELS {
        soak(io, connections, Duration::from_secs(seconds));
    }
}
