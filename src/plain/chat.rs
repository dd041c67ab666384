//! `chat`: each line goes to all others. Nobody who leaves, stalls or floods holds the others up: what waits for one who does not
//! read is bounded, and then that one is told, and dropped.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use super::mailbox::{Mailbox, lock};
use super::messages::{Messages, TooLong, split_end};
use super::outbox::Outbox;
use super::service::{Peer, Service, Session, Waker};
use crate::sys::clock::Now;
use crate::wire::text::is_printable;

/// The service.
pub struct Chat {
    room: Arc<Mutex<Room>>,
    line_limit: usize,
    queue_limit: usize,
}

#[derive(Default)]
struct Room {
    members: BTreeMap<u64, Arc<Mailbox>>,
}

impl Chat {
    /// A room with nobody in it. A line has at most `line_limit` octets; at most `queue_limit` octets wait for a member.
    pub fn new(line_limit: usize, queue_limit: usize) -> Self {
        Self { room: Arc::default(), line_limit, queue_limit }
    }
}

impl Service for Chat {
    fn open(&self, peer: &Peer, waker: Arc<dyn Waker>) -> Box<dyn Session> {
        let mailbox = Arc::new(Mailbox::new(self.queue_limit, waker));
        let member = Member {
            room: Arc::clone(&self.room),
            id: peer.id,
            name: peer.name(),
            mailbox: Arc::clone(&mailbox),
            messages: Messages::new(self.line_limit, None),
            line_limit: self.line_limit,
            keeps_messages: peer.keeps_messages,
        };
        let here = {
            let mut room = lock(&self.room);
            room.members.insert(peer.id, mailbox);
            room.members.len()
        };
        member.say(format!("* {} has come, {here} here\n", member.name).into_bytes());
        Box::new(member)
    }

    fn speaks_unasked(&self) -> bool {
        true
    }
}

struct Member {
    room: Arc<Mutex<Room>>,
    id: u64,
    name: String,
    mailbox: Arc<Mailbox>,
    messages: Messages,
    line_limit: usize,
    keeps_messages: bool,
}

impl Member {
    /// Puts a line into the mailboxes of all others.
    fn say(&self, line: Vec<u8>) {
        let line: Arc<[u8]> = line.into();
        let others: Vec<_> = {
            let room = lock(&self.room);
            room.members
                .iter()
                .filter(|(id, _)| **id != self.id)
                .map(|(_, mailbox)| Arc::clone(mailbox))
                .collect()
        };
        others.iter().for_each(|mailbox| mailbox.put(&line));
    }
}

impl Session for Member {
    fn opened(&mut self, _: Now, out: &mut Outbox) {
        let here = lock(&self.room).members.len();
        out.put(format!("* you are {}, {here} here\n", self.name).as_bytes());
    }

    fn received(&mut self, octets: &[u8], now: Now, out: &mut Outbox) {
        let mut lines = Vec::new();
        let mut taken =
            self.messages.received(octets, now, &mut |message| lines.push(line(&self.name, message)));
        if self.keeps_messages && taken.is_ok() {
            // A message is a line, with or without its end.
            lines.extend(self.messages.rest(now, true).map(|message| line(&self.name, &message)));
            taken = Ok(());
        }
        lines.into_iter().flatten().for_each(|line| self.say(line));
        if taken == Err(TooLong) {
            out.put(format!("* a line has at most {} octets: good-bye\n", self.line_limit).as_bytes());
            out.refuse(format!("a line of more than {} octets", self.line_limit));
        }
    }

    fn fill(&mut self, _: Now, out: &mut Outbox) {
        while out.room() > 0 {
            let Some(message) = self.mailbox.take() else { break };
            out.put(&message);
        }
        if self.mailbox.missed() > 0 {
            out.put(b"* you read too slowly, and have missed what others said: good-bye\n");
            out.refuse("it read too slowly");
        }
    }

    fn input_ended(&mut self, now: Now, out: &mut Outbox) {
        if let Some(line) = self.messages.rest(now, true).and_then(|message| line(&self.name, &message)) {
            self.say(line);
        }
        self.fill(now, out);
        out.close();
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        let here = {
            let mut room = lock(&self.room);
            room.members.remove(&self.id);
            room.members.len()
        };
        self.say(format!("* {} has left, {here} here\n", self.name).into_bytes());
    }
}

/// What others read of a message: one line, of which no octet can move a cursor. Nothing of an empty one.
fn line(name: &str, message: &[u8]) -> Option<Vec<u8>> {
    let (text, _) = split_end(message);
    if text.is_empty() {
        return None;
    }
    let mut line = format!("<{name}> ");
    for chunk in text.utf8_chunks() {
        for character in chunk.valid().chars() {
            match is_printable(character) || character == '\t' {
                true => line.push(character),
                false => line.extend(character.escape_unicode()),
            }
        }
        line.extend(chunk.invalid().iter().flat_map(|octet| octet.escape_ascii()).map(char::from));
    }
    line.push('\n');
    Some(line.into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::socket_address::SocketAddress;

    struct Nobody;

    impl Waker for Nobody {
        fn wake(&self) {}
    }

    const NOW: Now = Now { monotonic: 0, wall: 0 };

    fn peer(id: u64) -> Peer {
        let address = SocketAddress::Ip(format!("127.0.0.1:{id}").parse().unwrap());
        Peer { id, address, keeps_messages: false, is_datagrams: false }
    }

    fn heard(session: &mut dyn Session) -> (String, bool) {
        let mut out = Outbox::new(1 << 20, false);
        session.fill(NOW, &mut out);
        (String::from_utf8(out.next().unwrap_or_default().to_vec()).unwrap(), out.is_closing())
    }

    #[test]
    fn lines_reach_all_others_and_nobody_can_move_their_cursors() {
        let chat = Chat::new(100, 1000);
        let [mut one, mut two, mut three] = [1, 2, 3].map(|id| chat.open(&peer(id), Arc::new(Nobody)));
        assert_eq!(heard(&mut *one).0, "* 127.0.0.1:2 has come, 2 here\n* 127.0.0.1:3 has come, 3 here\n");
        heard(&mut *two);
        let mut out = Outbox::new(1000, false);
        two.received(b"hel", NOW, &mut out);
        two.received(b"lo\r\n\x1b[2J\xff\nrest", NOW, &mut out);
        let lines = "<127.0.0.1:2> hello\n<127.0.0.1:2> \\u{1b}[2J\\xff\n";
        assert_eq!((heard(&mut *one).0, heard(&mut *three).0), (lines.to_owned(), lines.to_owned()));
        assert_eq!(heard(&mut *two).0, "");
        two.input_ended(NOW, &mut out);
        drop(two);
        assert_eq!(heard(&mut *one).0, "<127.0.0.1:2> rest\n* 127.0.0.1:2 has left, 2 here\n");
    }

    #[test]
    fn a_slow_reader_is_told_and_dropped_and_costs_no_more_memory() {
        let chat = Chat::new(100, 1000);
        let [mut one, mut two] = [1, 2].map(|id| chat.open(&peer(id), Arc::new(Nobody)));
        let mut out = Outbox::new(1000, false);
        for _ in 0..100_000 {
            two.received(b"flood\n", NOW, &mut out);
        }
        let (text, closing) = heard(&mut *one);
        assert!(
            closing && text.ends_with("you read too slowly, and have missed what others said: good-bye\n")
        );
        assert!(text.len() < 1200, "{}", text.len());
        assert!(!heard(&mut *two).1, "the flooder is not slow");
    }
}
