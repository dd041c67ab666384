//! `chargen`: the printable characters, line after line, for as long as somebody reads (RFC 864).

use std::sync::Arc;

use super::outbox::Outbox;
use super::service::{Hears, Peer, Service, Session, Waker};
use crate::sys::clock::Now;

/// The service.
#[derive(Debug, Clone, Copy)]
pub struct Chargen;

impl Service for Chargen {
    fn open(&self, peer: &Peer, _: Arc<dyn Waker>) -> Box<dyn Session> {
        Box::new(Pattern { line: 0, keeps_messages: peer.keeps_messages, opened: false })
    }
}

struct Pattern {
    /// The number of the next line.
    line: usize,
    keeps_messages: bool,
    opened: bool,
}

impl Session for Pattern {
    fn opened(&mut self, _: Now, _: &mut Outbox) {
        self.opened = true;
    }

    /// A datagram is answered by one that is no longer than it: RFC 864 would have up to 512 octets, by which whoever forges the
    /// address of a victim has that one sent more than the forger sends.
    fn received(&mut self, octets: &[u8], _: Now, out: &mut Outbox) {
        if !self.opened {
            let lines: Vec<u8> = (0..).map(line).take(MOST_LINES).flatten().take(octets.len()).collect();
            out.put(&lines);
        }
    }

    /// That the peer ends is heard, however much waits for it.
    fn hears(&self) -> Hears {
        if self.opened { Hears::Always } else { Hears::WithRoom }
    }

    fn fill(&mut self, _: Now, out: &mut Outbox) {
        // As much as is worth a call, or a message: no more, for memory.
        let mut lines = Vec::with_capacity(PORTION.saturating_add(LEN));
        while self.opened && lines.len() < PORTION.min(out.room()) {
            lines.extend(line(self.line));
            self.line = self.line.wrapping_add(1);
            if self.keeps_messages {
                break;
            }
        }
        if !lines.is_empty() {
            out.put(&lines);
        }
    }
}

/// A line of the pattern: 72 characters, each line beginning one further.
fn line(number: usize) -> [u8; LEN] {
    let mut line = [b'\n'; LEN];
    for (column, place) in line.iter_mut().take(LEN - 2).enumerate() {
        let character = number.wrapping_add(column) % PRINTABLE;
        *place = u8::try_from(character).unwrap_or(0).saturating_add(b' ');
    }
    if let Some(place) = line.get_mut(LEN - 2) {
        *place = b'\r';
    }
    line
}

/// 72 characters, CR and LF.
const LEN: usize = 74;

/// From the space to the tilde.
const PRINTABLE: usize = 95;

const PORTION: usize = 16 * 1024;
const MOST_LINES: usize = 512 / LEN + 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_are_those_of_rfc_864() {
        assert_eq!(
            &line(0),
            b" !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefg\r\n"
        );
        assert_eq!(&line(94)[..4], b"~ !\"");
        assert_eq!(line(95), line(0));
    }
}
