//! Fields that people name: which protocol's they are, and where in a walk over its header they come.
#![deny(clippy::arithmetic_side_effects)]

use std::ops::Range;

use super::fields;
use crate::diagnostic::nearest::nearest;
use crate::packet::check::Dissected;
use crate::packet::walk::{Event, Shape, walk_layer};
use crate::proto::registry;
use crate::wire::layers::ProtocolId;
use crate::wire::value::ValueRef;

/// A name that is no field's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no field is called `{name}`{}", nearest.as_ref().map_or(String::new(), |near| format!("; did you mean `{near}`?")))]
pub struct UnknownField {
    /// The name.
    pub name: String,
    /// A field with a name that is nearly the same.
    pub nearest: Option<String>,
}

/// A field by its full name: `tcp.options.mss`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldName {
    pub(super) protocol: ProtocolId,
    /// The name behind the protocol's; empty for the whole header.
    pub(super) path: String,
}

impl FieldName {
    /// The field or the protocol with this name.
    ///
    /// # Errors
    /// When there is none.
    pub fn or_layer(name: &str) -> Result<Self, UnknownField> {
        match registry().by_name(name) {
            Some(protocol) => Ok(Self { protocol: protocol.id, path: String::new() }),
            None => Self::new(name, &[]),
        }
    }

    /// The field with this name. Where there is none, `others` may be what was meant, too.
    pub(super) fn new(name: &str, others: &[&str]) -> Result<Self, UnknownField> {
        let plain = name.strip_suffix(STATUS).unwrap_or(name);
        let protocols = registry().protocols();
        for protocol in protocols {
            let rest = name.strip_prefix(protocol.name).and_then(|rest| rest.strip_prefix('.'));
            if let Some(rest) = rest
                && fields::names(protocol).iter().any(|known| known == plain)
            {
                return Ok(Self { protocol: protocol.id, path: rest.to_owned() });
            }
        }
        let mut known: Vec<String> = others.iter().map(|known| (*known).to_owned()).collect();
        known.extend(protocols.iter().flat_map(fields::names));
        let near = nearest(name, known.iter().map(String::as_str)).map(str::to_owned);
        Err(UnknownField { name: name.to_owned(), nearest: near })
    }

    /// Tells the octets of the field, wherever a packet has it.
    pub fn places(&self, dissected: &Dissected<'_>, tell: &mut dyn FnMut(Range<usize>)) {
        for entry in dissected.table.entries().iter().filter(|entry| entry.protocol == self.protocol) {
            if self.path.is_empty() {
                tell(entry.start as usize..entry.header_end as usize);
                continue;
            }
            let mut path = Path::default();
            walk_layer(dissected.octets, entry, registry().get(entry.protocol), &mut |event| {
                path.enter(&event);
                if let Some(octets) = self.place(&path, &event) {
                    tell(octets);
                }
                path.leave(&event);
            });
        }
    }

    fn place(&self, path: &Path<'_>, event: &Event<'_>) -> Option<Range<usize>> {
        let name = self.path.strip_suffix(STATUS).unwrap_or(&self.path);
        let (own, octets) = match event {
            Event::Field { field, value, octets, .. } => {
                let number = if let ValueRef::Uint(number) = value { *number } else { 0 };
                (if path.is_single() { "" } else { field.name_for(number) }, octets)
            }
            Event::Loose { name, octets, .. } => (*name, octets),
            Event::Quoted { name, octets } => (*name, octets),
            // An option is all of it, not just its value.
            Event::Open { name, shape, octets, .. } if !name.is_empty() && *shape != Shape::Group => {
                ("", octets)
            }
            _ => return None,
        };
        path.is(name, own).then(|| octets.clone())
    }
}

/// The names of what is open in a layer, innermost last. Descriptions nest less deep than this has room.
#[derive(Debug, Default)]
pub(super) struct Path<'a> {
    open: [Option<(&'a str, Option<Shape>)>; 16],
    depth: usize,
}

impl<'a> Path<'a> {
    pub(super) fn enter(&mut self, event: &Event<'a>) {
        if let Event::Open { name, shape, .. } = event {
            // Parts of a group have its name in their own.
            let name = if *shape == Shape::Group { "" } else { name };
            if let Some(slot) = self.open.get_mut(self.depth) {
                *slot = Some((name, Some(*shape)));
            }
            self.depth = self.depth.saturating_add(1);
        }
    }

    pub(super) fn leave(&mut self, event: &Event<'a>) {
        if let Event::Close = event {
            self.depth = self.depth.saturating_sub(1);
        }
    }

    /// Whether the field that comes is the value of what is open.
    pub(super) fn is_single(&self) -> bool {
        let last = self.depth.checked_sub(1).and_then(|last| self.open.get(last).copied().flatten());
        last.is_some_and(|(_, shape)| shape == Some(Shape::Single))
    }

    /// Whether `name` is that of what is open, with `last` behind it.
    pub(super) fn is(&self, name: &str, last: &str) -> bool {
        let open = self.open.iter().take(self.depth).flatten().map(|(name, _)| *name);
        let mut left = Some(name);
        for part in open.chain([last]).filter(|part| !part.is_empty()) {
            let Some(rest) = left.and_then(|left| left.strip_prefix(part)) else { return false };
            left = if rest.is_empty() { Some(rest) } else { rest.strip_prefix('.') };
        }
        left == Some("") && !name.ends_with('.')
    }
}

/// How the names of verdicts end.
pub(super) const STATUS: &str = ".status";
