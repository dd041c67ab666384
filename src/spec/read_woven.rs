//! Texts of which parts are known only for each packet: fields of it, and variables that hold generators.

use super::generator::{Make, Numbers, Slot};
use super::mistake::Mistake;
use super::reader::Reader;
use super::target::Target;
use super::tree::{Shape, Strand, Tree};
use super::variables::may_be_several;
use crate::filter::field::FieldName;
use crate::packet::{Node, Part};
use crate::proto::describe::Kind;

/// Whether a tree is a variable of several values, written where a text is wanted.
pub(super) fn is_stepping(tree: &Tree<'_>) -> bool {
    tree.variable.is_some() && tree.text().is_some_and(may_be_several)
}

impl Reader<'_> {
    /// Reads a text for octets. `None`: a mistake.
    pub(super) fn woven(&mut self, tree: &Tree<'_>, name: &str) -> Option<Node> {
        let parts = match &tree.shape {
            Shape::Woven(strands) => {
                let parts = strands.iter().map(|strand| self.part(strand)).collect::<Vec<_>>();
                parts.into_iter().collect::<Option<Vec<_>>>()?
            }
            Shape::Text(_) | Shape::List(_) if tree.variable.is_some() => vec![self.values(tree)?],
            _ => {
                self.wrong_kind(tree, name, "text in quotes");
                return None;
            }
        };
        Some(Node::Woven(parts))
    }

    fn part(&mut self, strand: &Strand<'_>) -> Option<Part> {
        match strand {
            Strand::Text(text) => Some(Part::Octets(text.as_bytes().to_vec())),
            Strand::Field(name, at) => match FieldName::new(name) {
                Err(_) if self.is_told(name) => self.told_strand(name, at)?.map(Part::Slot),
                Ok(_) => Some(Part::Field(name.clone())),
                Err(error) => {
                    let nearest = error.nearest;
                    let name = super::mistake::shortened(name);
                    self.mistake(at.clone(), Mistake::NoField { name, nearest });
                    None
                }
            },
            Strand::Values(tree) => self.values(tree),
        }
    }

    /// A variable of several numbers or addresses, each of which is a text; one that is neither is a text itself.
    fn values(&mut self, tree: &Tree<'_>) -> Option<Part> {
        for kind in [Kind::Uint, Kind::Ipv4, Kind::Ipv6, Kind::Mac] {
            let before = self.mistakes.len();
            let target = Target { kind, ..Target::number("", u64::MAX) };
            let numbers = if self.is_full() { None } else { self.count(&target, tree) };
            self.mistakes.truncate(before);
            if let Some(numbers) = numbers {
                return Some(self.text_slot(numbers, kind, tree));
            }
        }
        match tree.text() {
            Some(text) => Some(Part::Octets(text.as_bytes().to_vec())),
            None => {
                self.wrong_kind(tree, "a text", "a list of numbers or of addresses");
                None
            }
        }
    }

    fn text_slot(&mut self, numbers: Numbers, kind: Kind, tree: &Tree<'_>) -> Part {
        let make = match kind {
            Kind::Ipv4 => Make::Ipv4,
            Kind::Ipv6 => Make::Ipv6,
            Kind::Mac => Make::Mac,
            _ => Make::Uint,
        };
        match self.slot(Slot { numbers, make, variable: tree.variable }) {
            Node::Slot(number) => Part::Slot(number),
            _ => Part::Octets(Vec::new()),
        }
    }
}
