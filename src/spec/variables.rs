//! Variables: a text `$name` is what `vars` or `--set` say of that name, be it a number, a list or a table; in a longer text
//! `${name}` is that as text, and `${ip.src}` a field of the packet. `$$` is a dollar.

use std::borrow::Cow;
use std::collections::HashMap;

use super::Diagnostic;
use super::mistake::{MAX_MISTAKES, Mistake, shortened};
use super::tree::{Entry, Shape, Strand, Text, Tree};
use crate::diagnostic::At;
use crate::diagnostic::nearest::nearest;

/// Puts what variables stand for in their places.
#[derive(Default)]
pub(super) struct Variables {
    list: Vec<Variable>,
    /// Their places in the list.
    places: HashMap<String, usize>,
    /// Whether there may be any: somebody set one, or wrote `vars`.
    pub(super) are_wanted: bool,
    /// What is wrong with their use.
    pub(super) mistakes: Vec<Diagnostic>,
    /// Those that are being resolved.
    chain: Vec<usize>,
    /// Parts made so far.
    parts: usize,
    /// How deep the part is that is being made.
    depth: usize,
}

pub(super) struct Variable {
    pub(super) name: String,
    pub(super) at: At,
    value: Tree<'static>,
    is_used: bool,
    is_set: bool,
    is_known: bool,
}

impl Variables {
    pub(super) fn get(&self, index: usize) -> Option<&Variable> {
        self.list.get(index)
    }

    /// Says what a variable is; of several, the last, but what was set from outside stays.
    pub(super) fn define(&mut self, entry: &Entry<'_>, is_set: bool) {
        let name = entry.key.as_ref();
        if !is_name(name) {
            let mistake = Mistake::VariableName { name: shortened(name) };
            return self.mistakes.push(Diagnostic { at: entry.key_at.clone(), mistake });
        }
        match self.places.get(name).and_then(|place| self.list.get_mut(*place)) {
            Some(known) if known.is_set && !is_set => known.is_known = true,
            Some(known) => (known.value, known.at) = (entry.value.to_owned(), entry.key_at.clone()),
            None => {
                self.places.insert(name.to_owned(), self.list.len());
                self.list.push(Variable {
                    name: name.to_owned(),
                    at: entry.key_at.clone(),
                    value: entry.value.to_owned(),
                    is_used: false,
                    is_set,
                    is_known: !is_set,
                });
            }
        }
    }

    /// What was set from outside and means nothing to the spec.
    pub(super) fn unused(&self) -> Vec<Diagnostic> {
        let unused = self.list.iter().filter(|variable| !variable.is_used && !variable.is_known);
        let names = || self.list.iter().filter(|variable| variable.is_used || variable.is_known);
        let mistake = |variable: &Variable| {
            let nearest = nearest(&variable.name, names().map(|known| known.name.as_str()));
            let used = names().take(MOST_NAMED).map(|known| shortened(&known.name)).collect();
            let name = shortened(&variable.name);
            Mistake::UnusedVariable { name, nearest: nearest.map(str::to_owned), used }
        };
        unused.map(|variable| Diagnostic { at: variable.at.clone(), mistake: mistake(variable) }).collect()
    }

    /// The tree with what its variables stand for.
    pub(super) fn resolve(&mut self, tree: &Tree<'_>) -> Tree<'static> {
        self.parts = self.parts.saturating_add(1);
        self.depth = self.depth.saturating_add(1);
        let resolved = self.resolve_inner(tree);
        self.depth = self.depth.saturating_sub(1);
        resolved
    }

    fn resolve_inner(&mut self, tree: &Tree<'_>) -> Tree<'static> {
        let shape = match &tree.shape {
            Shape::Text(text) if text.text.contains('$') => return self.text(text, &tree.at),
            Shape::List(list) => Shape::List(list.iter().map(|tree| self.resolve(tree)).collect()),
            Shape::Table(entries) => Shape::Table(
                entries
                    .iter()
                    .map(|Entry { key, key_at, value }| Entry {
                        key: Cow::Owned(key.clone().into_owned()),
                        key_at: key_at.clone(),
                        value: self.resolve(value),
                    })
                    .collect(),
            ),
            shape => shape.to_owned(),
        };
        Tree { variable: tree.variable, ..Tree::new(tree.at.clone(), shape) }
    }

    fn text(&mut self, text: &Text<'_>, at: &At) -> Tree<'static> {
        // What is not known is as if nothing were written, so that the mistake is told once.
        let nothing = || {
            let text = Text { text: Cow::Borrowed(super::read_value::AUTO), verbatim: None };
            Tree::new(at.clone(), Shape::Text(text))
        };
        if let Some(name) = text.text.strip_prefix('$').filter(|name| is_name(name)) {
            return self.variable(name, at).unwrap_or_else(nothing);
        }
        let mut strands = Strands::default();
        let (mut rest, mut offset) = (text.text.as_ref(), 0usize);
        while let Some((before, behind)) = rest.split_once('$') {
            strands.push(before);
            offset = offset.saturating_add(before.len()).saturating_add(1);
            rest = behind;
            if let Some(behind) = rest.strip_prefix('$') {
                strands.push("$");
                (rest, offset) = (behind, offset.saturating_add(1));
            } else if let Some(behind) = rest.strip_prefix('{') {
                let end = behind.find('}').unwrap_or(behind.len());
                let (name, behind) = behind.split_at_checked(end).unwrap_or((behind, ""));
                let place =
                    text.place(offset.saturating_sub(1)..offset.saturating_add(end).saturating_add(2), at);
                if self.strand(name.trim(), place, behind.is_empty(), &mut strands).is_none() {
                    return nothing();
                }
                rest = behind.get(1..).unwrap_or_default();
                offset = offset.saturating_add(end).saturating_add(2);
            } else {
                strands.push("$");
            }
        }
        strands.push(rest);
        Tree::new(at.clone(), strands.into_shape())
    }

    /// What stands between `${` and `}`. `None`: a mistake.
    fn strand(&mut self, name: &str, at: At, is_open: bool, strands: &mut Strands) -> Option<()> {
        if is_open {
            let message = "`${` without `}`; `$$` is a dollar".to_owned();
            self.mistakes.push(Diagnostic { at, mistake: Mistake::Syntax { message } });
            return None;
        }
        if name.contains('.') {
            strands.0.push(Strand::Field(name.to_owned(), at));
            return Some(());
        }
        let tree = self.variable(name, &at)?;
        match &tree.shape {
            Shape::Integer(number) => strands.push(&number.to_string()),
            Shape::Bool(bit) => strands.push(if *bit { "true" } else { "false" }),
            Shape::Text(text) if !may_be_several(&text.text) => strands.push(&text.text),
            Shape::Woven(inner) => inner.iter().for_each(|strand| strands.0.push(strand.clone())),
            Shape::Text(_) | Shape::List(_) => strands.0.push(Strand::Values(tree)),
            Shape::Table(_) | Shape::Other(_) => {
                let (name, found) = (format!("${{{}}}", shortened(name)), tree.words().to_owned());
                let wanted = "something that can be a part of a text".to_owned();
                let mistake = Mistake::WrongKind { name, wanted, found, nearest: None };
                self.mistakes.push(Diagnostic { at, mistake });
                return None;
            }
        }
        Some(())
    }

    /// What a variable stands for. `None`: a mistake.
    fn variable(&mut self, name: &str, at: &At) -> Option<Tree<'static>> {
        if self.mistakes.len() >= MAX_MISTAKES {
            return None;
        }
        let mistake = match self.places.get(name).copied() {
            None => {
                let nearest = nearest(name, self.list.iter().map(|variable| variable.name.as_str()));
                Mistake::UnknownVariable { name: shortened(name), nearest: nearest.map(str::to_owned) }
            }
            Some(index) if self.chain.contains(&index) => Mistake::Itself { name: shortened(name) },
            Some(_)
                if self.parts > MOST_PARTS || self.chain.len() > MOST_DEEP || self.depth > MOST_NESTED =>
            {
                Mistake::TooManyParts { most: MOST_PARTS }
            }
            Some(index) => return self.value(index),
        };
        if !self.mistakes.iter().any(|known| known.at == *at) {
            self.mistakes.push(Diagnostic { at: at.clone(), mistake });
        }
        None
    }

    fn value(&mut self, index: usize) -> Option<Tree<'static>> {
        let variable = self.list.get_mut(index)?;
        variable.is_used = true;
        let value = variable.value.clone();
        self.chain.push(index);
        let mut value = self.resolve(&value);
        self.chain.pop();
        // A variable that is another one steps with that.
        value.variable = value.variable.or(Some(index));
        Some(value)
    }
}

/// Parts of a text, those of letters joined.
#[derive(Default)]
struct Strands(Vec<Strand<'static>>);

impl Strands {
    fn push(&mut self, text: &str) {
        match self.0.last_mut() {
            _ if text.is_empty() => {}
            Some(Strand::Text(last)) => last.push_str(text),
            _ => self.0.push(Strand::Text(text.to_owned())),
        }
    }

    fn into_shape(self) -> Shape<'static> {
        match self.0.as_slice() {
            [] => Shape::Text(Text { text: Cow::Borrowed(""), verbatim: None }),
            [Strand::Text(text)] => Shape::Text(Text { text: Cow::Owned(text.clone()), verbatim: None }),
            _ => Shape::Woven(self.0),
        }
    }
}

/// Whether something of the tree is told by a variable, or by a field.
pub(super) fn has_dollar(tree: &Tree<'_>) -> bool {
    match &tree.shape {
        Shape::Text(text) => text.text.contains('$'),
        Shape::List(list) => list.iter().any(has_dollar),
        Shape::Table(entries) => entries.iter().any(|entry| has_dollar(&entry.value)),
        _ => false,
    }
}

/// Whether a text looks as if it stood for several values: a range, a network, a draw.
pub(super) fn may_be_several(text: &str) -> bool {
    let is_network = || {
        let (address, len) = text.split_once('/')?;
        let is_address = address.trim().parse::<std::net::IpAddr>().is_ok();
        (is_address && len.trim().parse::<u8>().is_ok()).then_some(())
    };
    text.contains("..") || text.starts_with("random(") || is_network().is_some()
}

/// Letters, digits and `_`, and no digit first.
pub(super) fn is_name(name: &str) -> bool {
    let mut letters = name.bytes();
    letters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && letters.all(|letter| letter.is_ascii_alphanumeric() || letter == b'_')
}

/// Parts that variables may make of a spec: enough for any, and little memory.
const MOST_PARTS: usize = 200_000;
const MOST_DEEP: usize = 16;
/// How deep a part may be of which a variable is to be a part again: with what that may hold itself, what readers allow.
const MOST_NESTED: usize = 128;
/// How many of the variables are named that a spec uses.
const MOST_NAMED: usize = 8;
