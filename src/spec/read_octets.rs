//! Octets: hexadecimal digits, or a table that says them in one of several ways.
//!
//! * `"00 01:02-03_04"` or `{ hex = "0001" }`: digits, between which blanks, `:`, `-` and `_` may stand;
//! * `{ text = "hi\n" }`: the text's UTF-8;
//! * `{ file = "payload.bin" }`: what the file holds;
//! * `{ zeros = 100 }`, `{ pattern = 100 }` (00 01 02 … ff 00 …), `{ random = 100 }`: so many; the number may be a
//!   generator;
//! * `{ from = "reply.data.data" }`: what a packet tells that came or was sent before.

use super::generator::{Make, Slot};
use super::include::tidy;
use super::mistake::{Mistake, shortened};
use super::read_value::AUTO;
use super::read_woven::is_stepping;
use super::reader::Reader;
use super::target::Target;
use super::tree::{Entry, Shape, Text, Tree};
use crate::diagnostic::At;
use crate::packet::Node;
use crate::wire::value::Value;

impl Reader<'_> {
    /// Reads octets, `len` of them where that is fixed. `None`: left out, or a mistake.
    pub(super) fn octets(&mut self, tree: &Tree<'_>, name: &str, len: Option<usize>) -> Option<Node> {
        let node = match &tree.shape {
            Shape::Text(text) if text.text == AUTO => return None,
            Shape::Text(text) => Node::Value(Value::Octets(self.hex(text, &tree.at, name)?)),
            Shape::Table(entries) => match entries.as_slice() {
                [entry] => self.octets_by(entry, name)?,
                _ => {
                    self.mistake(tree.at.clone(), Mistake::OneSource { name: name.to_owned() });
                    return None;
                }
            },
            _ => {
                self.wrong_kind(tree, name, "hexadecimal digits in quotes, or a table");
                return None;
            }
        };
        self.check_len(&node, tree, name, len)?;
        Some(node)
    }

    /// Reads octets of a place that takes no generators.
    pub(super) fn fixed_octets(&mut self, tree: &Tree<'_>, name: &str) -> Vec<u8> {
        match self.octets(tree, name, None) {
            Some(Node::Value(Value::Octets(octets))) => octets,
            Some(_) => {
                self.wrong_kind(tree, name, "octets, the same for all packets");
                Vec::new()
            }
            None => Vec::new(),
        }
    }

    /// Reads octets by the way that a key tells.
    pub(super) fn octets_by(&mut self, entry: &Entry<'_>, name: &str) -> Option<Node> {
        let tree = &entry.value;
        let octets = match (entry.key.as_ref(), &tree.shape) {
            ("hex", Shape::Text(text)) if text.text == AUTO => return None,
            ("hex", Shape::Text(text)) => self.hex(text, &tree.at, name)?,
            ("text", Shape::Text(text)) if !is_stepping(tree) => text.text.as_bytes().to_vec(),
            ("text", Shape::Text(_) | Shape::Woven(_) | Shape::List(_)) => return self.woven(tree, name),
            ("file", Shape::Text(text)) => self.file(&text.text, tree)?,
            ("from", Shape::Text(text)) => return self.told_octets(text, &tree.at, name),
            ("hex" | "text" | "file" | "from", _) => {
                self.wrong_kind(tree, &format!("{name}.{}", entry.key), "text in quotes");
                return None;
            }
            ("zeros", _) => return self.so_many(entry, name, Make::Zeros),
            ("pattern", _) => return self.so_many(entry, name, Make::Pattern),
            ("random", _) => return self.so_many(entry, name, Make::Random),
            _ => {
                self.unknown_key(entry, "a table of octets", WAYS);
                return None;
            }
        };
        Some(Node::Value(Value::Octets(octets)))
    }

    fn so_many(&mut self, entry: &Entry<'_>, name: &str, make: Make) -> Option<Node> {
        let target = Target { path: name, ..Target::number(&entry.key, MAX_OCTETS) };
        let numbers = self.count(&target, &entry.value)?;
        if let (Some(count), Make::Zeros) = (numbers.one(), make) {
            return Some(Node::Value(Value::Octets(vec![0; usize::try_from(count).ok()?])));
        }
        Some(self.slot(Slot { numbers, make, variable: entry.value.variable }))
    }

    fn hex(&mut self, text: &Text<'_>, at: &At, name: &str) -> Option<Vec<u8>> {
        if let Ok(octets) = hex::decode(text.text.as_ref()) {
            return Some(octets);
        }
        let from = if text.text.starts_with("0x") { 2 } else { 0 };
        let letters =
            text.text.char_indices().filter(|(place, letter)| *place >= from && !is_between(*letter));
        let mut digits = String::with_capacity(text.text.len());
        for (place, letter) in letters {
            if !letter.is_ascii_hexdigit() {
                let at = text.place(place..place.saturating_add(letter.len_utf8()), at);
                self.mistake(at, Mistake::HexDigit { name: name.to_owned(), found: letter });
                return None;
            }
            digits.push(letter);
        }
        let octets = hex::decode(&digits).ok();
        if octets.is_none() {
            self.mistake(at.clone(), Mistake::HexHalf { name: name.to_owned() });
        }
        octets
    }

    fn file(&mut self, path: &str, tree: &Tree<'_>) -> Option<Vec<u8>> {
        let path = &tidy(self.texts.folder(&tree.at), path);
        let problem = match (self.files)(path) {
            Ok(octets) if octets.len() as u64 <= MAX_OCTETS => return Some(octets),
            Ok(octets) => format!("{} octets; a packet has at most {MAX_OCTETS}", octets.len()),
            Err(error) => error.to_string(),
        };
        self.mistake(tree.at.clone(), Mistake::File { path: shortened(path), problem });
        None
    }

    fn check_len(&mut self, node: &Node, tree: &Tree<'_>, name: &str, len: Option<usize>) -> Option<()> {
        let (Node::Value(Value::Octets(octets)), Some(wanted)) = (node, len) else { return Some(()) };
        if octets.len() == wanted {
            return Some(());
        }
        let mistake = Mistake::OctetsLen { name: name.to_owned(), wanted, found: octets.len() };
        self.mistake(tree.at.clone(), mistake);
        None
    }
}

/// Whether a letter may stand between digits.
fn is_between(letter: char) -> bool {
    matches!(letter, ':' | '-' | '_') || letter.is_whitespace()
}

/// The keys of a table of octets.
pub(super) const WAYS: &[&str] = &["hex", "text", "file", "zeros", "pattern", "random", "from"];
/// The longest packet that capture tools take (libpcap's MAXIMUM_SNAPLEN).
const MAX_OCTETS: u64 = 262_144;
