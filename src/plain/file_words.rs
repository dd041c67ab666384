//! The words of the `file` service, which a person can type, too. The side that has the file begins:
//!
//! ```text
//! FILE 1234 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08 notes.txt
//! ```
//!
//! its length in octets, its SHA-256 and its name, on one line. The other side answers `FROM 0`, or how many octets it has already;
//! then the octets follow, from there on. When all are there and have that sum, it answers `OK` and the sum; whenever something is wrong,
//! `ERROR` and what it is.

use sha2::{Digest, Sha256};

use super::outbox::Outbox;

/// A file that is offered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// Octets.
    pub len: u64,
    /// SHA-256, in hex.
    pub sum: String,
    /// Its name, without a folder. From a peer, it is not checked yet.
    pub name: String,
}

/// A line of either side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Word {
    File(Offer),
    From(u64),
    Ok(String),
    Error(String),
}

impl Word {
    /// Reads a line, without its end.
    pub(super) fn read(line: &[u8]) -> Option<Self> {
        let line = std::str::from_utf8(line).ok()?;
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "FILE" => {
                let (len, rest) = rest.split_once(' ')?;
                let (sum, name) = rest.split_once(' ')?;
                let is_sum = sum.len() == SUM_LEN && sum.bytes().all(|octet| octet.is_ascii_hexdigit());
                let offer = || {
                    Some(Offer { len: number(len)?, sum: sum.to_ascii_lowercase(), name: name.to_owned() })
                };
                if is_sum { offer().map(Self::File) } else { None }
            }
            "FROM" => number(rest).map(Self::From),
            "OK" => Some(Self::Ok(rest.to_owned())),
            "ERROR" => Some(Self::Error(rest.to_owned())),
            _ => None,
        }
    }

    /// Writes it, with its line's end.
    pub(super) fn put(&self, out: &mut Outbox) {
        let line = match self {
            Self::File(Offer { len, sum, name }) => format!("FILE {len} {sum} {name}\n"),
            Self::From(octets) => format!("FROM {octets}\n"),
            Self::Ok(sum) => format!("OK {sum}\n"),
            Self::Error(text) => format!("ERROR {text}\n"),
        };
        out.put(line.as_bytes());
    }
}

fn number(text: &str) -> Option<u64> {
    text.bytes().all(|octet| octet.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

/// A line that is longer says nothing of this.
pub(super) const LINE_LIMIT: usize = 512;

const SUM_LEN: usize = 64;

/// A SHA-256 in the making.
#[derive(Default, Clone)]
pub(super) struct Sum(Sha256);

impl Sum {
    pub(super) fn add(&mut self, octets: &[u8]) {
        self.0.update(octets);
    }

    pub(super) fn hex(self) -> String {
        hex::encode(self.0.finalize())
    }
}

/// Collects one line, however it comes.
#[derive(Debug, Default)]
pub(super) struct Line(Vec<u8>);

impl Line {
    /// Takes octets up to the line's end: how many, and the line once it is whole. `Err` when it is too long.
    pub(super) fn take(&mut self, octets: &[u8]) -> Result<(usize, Option<Vec<u8>>), ()> {
        let end = octets.iter().position(|octet| *octet == b'\n');
        let taken = end.map_or(octets.len(), |end| end.saturating_add(1));
        self.0.extend_from_slice(octets.get(..taken).unwrap_or_default());
        if self.0.len() > LINE_LIMIT {
            return Err(());
        }
        if end.is_none() {
            return Ok((taken, None));
        }
        let line = std::mem::take(&mut self.0);
        Ok((taken, Some(super::messages::split_end(&line).0.to_vec())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_as_they_are_written() {
        let offer = Offer { len: 12, sum: "ab".repeat(32), name: "two words .txt".into() };
        for word in [Word::File(offer), Word::From(7), Word::Ok("x".into()), Word::Error("no room".into())] {
            let mut out = Outbox::new(1000, false);
            word.put(&mut out);
            let (line, _) = super::super::messages::split_end(out.next().unwrap());
            assert_eq!(Word::read(line), Some(word));
        }
        let wrong =
            ["", "FILE", "FILE 1", "FROM", "FROM -1", "FROM +1", "FROM 99999999999999999999", "GET /"];
        assert!(wrong.iter().all(|line| Word::read(line.as_bytes()).is_none()));
        assert_eq!(Word::read(format!("FILE 1 {}z x", "0".repeat(63)).as_bytes()), None);
        assert_eq!(Word::read(b"OK \xff"), None);
    }

    #[test]
    fn the_sum_is_that_of_sha256sum() {
        let mut sum = Sum::default();
        sum.add(b"te");
        sum.add(b"st");
        assert_eq!(sum.hex(), "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08");
    }
}
