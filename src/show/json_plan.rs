//! How the layers of each protocol become JSON, worked out from its description when the first of them comes.
#![deny(clippy::arithmetic_side_effects)]

use std::sync::{LazyLock, OnceLock};

use super::json_fields::Fields;
use crate::proto::describe::{Body, Protocol, Record, Section};
use crate::proto::registry;
use crate::wire::layers::ProtocolId;
use crate::wire::text::Short;

/// How the layers of a protocol become JSON.
#[derive(Debug)]
pub(super) struct Plan {
    /// What stands before their fields: `{"ip":{`.
    pub(super) open: Option<Short>,
    /// How each of its sections does, where that can be said beforehand.
    sections: Vec<Part>,
    /// What a header is made of that has nothing but what every one has.
    plain: Option<Plain>,
    /// Whether headers are few and come again and again, so that what they come to is worth remembering: those of links.
    is_remembered: bool,
}

/// A header that has nothing but what every one of its protocol has.
#[derive(Debug)]
pub(super) struct Plain {
    /// Octets that it has then.
    len: usize,
    /// What stands behind the fields of its first section, for the options that it has not: `,"options":[]`.
    pub(super) after: Short,
}

#[derive(Debug)]
enum Part {
    Fields(Fields),
    /// What stands before its octets: `"hex":"`.
    Octets(Short),
    Records(Vec<Option<RecordPlan>>),
    /// The walk tells it field by field.
    Other,
}

/// How an option becomes JSON that always has the same fields.
#[derive(Debug)]
pub(super) struct RecordPlan {
    /// Octets of its body.
    pub(super) len: usize,
    /// What stands before its fields: `{"mss":`.
    pub(super) before: Short,
    /// None, where it has no body.
    pub(super) fields: Option<Fields>,
    pub(super) after: &'static str,
}

impl Plan {
    /// The plan for a protocol.
    #[inline]
    pub(super) fn of(protocol: ProtocolId) -> Option<&'static Self> {
        static ALL: LazyLock<Vec<OnceLock<Plan>>> =
            LazyLock::new(|| registry().protocols().map(|_| OnceLock::new()).collect());
        let plan = ALL.get(usize::from(protocol.0))?;
        Some(plan.get_or_init(|| Self::new(registry().get(protocol))))
    }

    fn new(protocol: &'static Protocol) -> Self {
        let open = Short::new(&format!("{{\"{}\":{{", protocol.name));
        let sections: Vec<Part> = protocol.sections.iter().map(Part::new).collect();
        let plain =
            Plain::of(&protocol.sections).filter(|_| matches!(sections.first(), Some(Part::Fields(_))));
        let is_remembered = protocol.is_link
            && matches!(sections.first(), Some(Part::Fields(fields)) if fields.depend_on_octets_alone());
        Self { open, sections, plain, is_remembered }
    }

    /// The fields of a header of so many octets, where they are all that it has, what stands behind them, and whether what they come
    /// to is worth remembering.
    #[inline]
    pub(super) fn plain(&self, header_len: usize) -> Option<(&Fields, &Short, bool)> {
        let plain = self.plain.as_ref().filter(|plain| plain.len == header_len)?;
        Some((self.fields(0)?, &plain.after, self.is_remembered))
    }

    /// What stands before the octets of a header that is nothing else.
    #[inline]
    pub(super) fn all_octets(&self) -> Option<&Short> {
        match self.sections.as_slice() {
            [Part::Octets(before)] => Some(before),
            _ => None,
        }
    }

    /// The fields of a section, where they can be written at once.
    #[inline]
    pub(super) fn fields(&self, section: usize) -> Option<&Fields> {
        match self.sections.get(section)? {
            Part::Fields(fields) => Some(fields),
            _ => None,
        }
    }

    /// What stands before the octets of a section that has nothing else.
    #[inline]
    pub(super) fn octets(&self, section: usize) -> Option<&Short> {
        match self.sections.get(section)? {
            Part::Octets(before) => Some(before),
            _ => None,
        }
    }

    /// The option with this place in the description of a section, where it can be written at once.
    #[inline]
    pub(super) fn record(&self, section: usize, place: usize) -> Option<&RecordPlan> {
        match self.sections.get(section)? {
            Part::Records(records) => records.get(place)?.as_ref(),
            _ => None,
        }
    }
}

impl Plain {
    fn of(sections: &[Section]) -> Option<Self> {
        match sections {
            [Section { when: None, body: Body::Fields { len, .. } }] => {
                Some(Self { len: *len, after: Short::words("") })
            }
            [
                Section { when: None, body: Body::Fields { len, .. } },
                Section { when: None, body: Body::Records(records) },
            ] => Some(Self { len: *len, after: Short::new(&format!(",\"{}\":[]", records.name))? }),
            _ => None,
        }
    }
}

impl Part {
    fn new(section: &'static Section) -> Self {
        match &section.body {
            Body::Fields { fields, .. } => Fields::new(fields).map_or(Self::Other, Self::Fields),
            Body::Octets { field, .. } => {
                Short::new(&format!("\"{}\":\"", field.name)).map_or(Self::Other, Self::Octets)
            }
            Body::Records(records) => Self::Records(records.records.iter().map(RecordPlan::new).collect()),
            _ => Self::Other,
        }
    }
}

impl RecordPlan {
    /// `None` where its body has no fixed form, or something in it has to be checked.
    fn new(record: &'static Record) -> Option<Self> {
        let name = record.name;
        match record.sections.as_slice() {
            [] => {
                let before = Short::new(&format!("{{\"{name}\":{{"))?;
                Some(Self { len: 0, before, fields: None, after: "}}" })
            }
            [Section { when: None, body: Body::Fields { fields, len } }] => {
                if fields.iter().any(|field| field.auto.is_some() || field.also.is_some()) {
                    return None;
                }
                // A field that is alone is the value itself.
                let (open, fields, after) = match fields.as_slice() {
                    [only] => ("", Fields::nameless(only)?, "}"),
                    all => ("{", Fields::new(all)?, "}}"),
                };
                let before = Short::new(&format!("{{\"{name}\":{open}"))?;
                Some(Self { len: *len, before, fields: Some(fields), after })
            }
            _ => None,
        }
    }
}
