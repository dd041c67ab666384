//! A packet's `expect`: what must come after it was sent, and what must not.

use super::mistake::Mistake;
use super::read_send;
use super::reader::Reader;
use super::template::Expected;
use super::tree::{Shape, Tree};

/// Reads a list of expectations, or one: a table, or a filter alone for what must come.
pub(super) fn expect(reader: &mut Reader<'_>, tree: &Tree<'_>) -> Vec<Expected> {
    match &tree.shape {
        Shape::List(list) => list.iter().filter_map(|tree| one(reader, tree)).collect(),
        _ => one(reader, tree).into_iter().collect(),
    }
}

fn one(reader: &mut Reader<'_>, tree: &Tree<'_>) -> Option<Expected> {
    let Shape::Table(entries) = &tree.shape else {
        let (filter, text) = reader.filter(tree, "expect")?;
        return Some(Expected { filter, text, is_wanted: true, within: None });
    };
    let (mut about, mut within, mut is_told) = (None, None, false);
    for entry in entries {
        match entry.key.as_ref() {
            key @ ("match" | "none") if !is_told => {
                is_told = true;
                about = reader.filter(&entry.value, key).map(|filter| (filter, key == "match"));
            }
            "match" | "none" => reader.mistake(entry.key_at.clone(), Mistake::Expect),
            "within" => within = read_send::duration(reader, &entry.value, "within"),
            _ => reader.unknown_key(entry, "an expectation", KEYS),
        }
    }
    if !is_told {
        reader.mistake(tree.at.clone(), Mistake::Expect);
    }
    let ((filter, text), is_wanted) = about?;
    Some(Expected { filter, text, is_wanted, within })
}

const KEYS: &[&str] = &["match", "none", "within"];
