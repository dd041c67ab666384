//! Fields whose values packets tell that came or were sent before: which packets are known at a place, and whether what
//! they tell fits there.

use super::generator::{Make, Numbers, Slot};
use super::mistake::{Mistake, shortened};
use super::reader::Reader;
use super::target::Target;
use super::told::Told;
use super::tree::{Shape, Strand, Text, Tree};
use crate::diagnostic::At;
use crate::filter::field::{Calculation, FieldName, Known, Type};
use crate::packet::Node;
use crate::proto::describe::{Field, Kind};

/// The packets that are known where something stands.
#[derive(Debug, Clone, Default)]
pub(super) struct Scope {
    /// The names of those that came or were sent before, with their places.
    pub(super) names: Vec<(String, usize)>,
    /// Whether one was sent before.
    pub(super) sent: bool,
}

/// The name of the packet that was sent last, and that of its answer.
pub(super) const SENT: &str = "sent";
pub(super) const REPLY: &str = "reply";

impl Scope {
    /// What is known in `then`: the packet that was sent, and its answer.
    pub(super) fn of_answer() -> Self {
        Self { names: vec![(REPLY.to_owned(), 0)], sent: true }
    }

    pub(super) fn known(&self) -> Known<'_> {
        Known { sent: self.sent, names: &self.names }
    }

    /// Whether nothing is known.
    fn is_empty(&self) -> bool {
        self.names.is_empty() && !self.sent
    }
}

impl Reader<'_> {
    /// Whether a text for a number or an address is a calculation with fields: one of its words has a packet's name before
    /// its first dot, or a field's behind it.
    pub(super) fn is_told(&self, text: &str) -> bool {
        let is_of_word = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '.');
        let mut words = text.split(|letter: char| !is_of_word(letter));
        words.any(|word| {
            let Some((name, field)) = word.split_once('.') else { return false };
            let is_named =
                matches!(name, SENT | REPLY) || self.scope.names.iter().any(|(known, _)| known == name);
            let is_field = |word: &str| word.contains('.') && FieldName::exists(word);
            is_named || ((self.in_scenario || !self.scope.is_empty()) && (is_field(field) || is_field(word)))
        })
    }

    /// Reads a calculation for a number or an address. `None`: a mistake.
    pub(super) fn told(&mut self, target: &Target<'_>, text: &Text<'_>, at: &At) -> Option<Node> {
        let calculation = self.calculation(text, at)?;
        let kind = calculation.kind();
        let fits = match target.kind {
            Kind::Uint | Kind::Group | Kind::Bool => matches!(kind, Type::Number | Type::Bool | Type::Octets),
            Kind::Mac => matches!(kind, Type::Mac | Type::Octets),
            Kind::Ipv4 => matches!(kind, Type::Ipv4 | Type::Octets),
            Kind::Ipv6 => matches!(kind, Type::Ipv6 | Type::Octets),
            Kind::Octets | Kind::Name | Kind::Text => false,
        };
        if !fits {
            return self.unfitting(&target.full_name(), target.wanted(), &calculation, at);
        }
        let last = match target.kind {
            Kind::Bool => 1,
            _ => target.max,
        };
        Some(self.told_slot(Told { calculation, last }, target.make()))
    }

    /// Reads a calculation for octets. `None`: a mistake.
    pub(super) fn told_octets(&mut self, text: &Text<'_>, at: &At, name: &str) -> Option<Node> {
        let calculation = self.calculation(text, at)?;
        if !calculation.kind().has_octets() {
            return self.unfitting(name, "octets".to_owned(), &calculation, at);
        }
        Some(self.told_slot(Told { calculation, last: 0 }, Make::Octets))
    }

    /// Reads a name or a text that is told: `"${reply.dns.cname}"`. `None`: a mistake, or no such text.
    pub(super) fn told_text(&mut self, field: &'static Field, name: &str, tree: &Tree<'_>) -> Option<Node> {
        let Shape::Woven(strands) = &tree.shape else { return None };
        let [Strand::Field(word, at)] = strands.as_slice() else {
            self.wrong_kind(tree, name, "a text, or one field alone: \"${reply.dns.cname}\"");
            return None;
        };
        let text = Text { text: word.as_str().into(), verbatim: None };
        let calculation = self.calculation(&text, at)?;
        let make = if field.kind == Kind::Name { Make::Name } else { Make::Text };
        if calculation.kind() != Type::Text {
            return self.unfitting(name, "text".to_owned(), &calculation, at);
        }
        Some(self.told_slot(Told { calculation, last: 0 }, make))
    }

    /// Reads what stands between `${` and `}` of a longer text, if it is about another packet. `None`: it is not.
    pub(super) fn told_strand(&mut self, word: &str, at: &At) -> Option<Option<usize>> {
        if FieldName::exists(word) || !self.is_told(word) {
            return None;
        }
        let text = Text { text: word.into(), verbatim: None };
        let Some(calculation) = self.calculation(&text, at) else { return Some(None) };
        match self.told_slot(Told { calculation, last: 0 }, Make::Text) {
            Node::Slot(number) => Some(Some(number)),
            _ => Some(None),
        }
    }

    fn told_slot(&mut self, told: Told, make: Make) -> Node {
        self.slot(Slot { numbers: Numbers::Told(Box::new(told)), make, variable: None })
    }

    fn calculation(&mut self, text: &Text<'_>, at: &At) -> Option<Calculation> {
        if self.scope.is_empty() {
            self.mistake(at.clone(), Mistake::NothingKnown { text: shortened(&text.text) });
            return None;
        }
        match Calculation::parse(&text.text, &self.scope.known()) {
            Ok(calculation) => Some(calculation),
            Err(wrong) => {
                self.mistake(text.place(wrong.at, at), Mistake::Filter(wrong.mistake));
                None
            }
        }
    }

    fn unfitting(&mut self, name: &str, wanted: String, calculation: &Calculation, at: &At) -> Option<Node> {
        let found = format!("`{}`, whose values are {}", shortened(calculation.text()), calculation.kind());
        let mistake = Mistake::WrongKind { name: name.to_owned(), wanted, found, nearest: None };
        self.mistake(at.clone(), mistake);
        None
    }
}
