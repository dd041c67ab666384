//! The fields of a section as JSON, all at once: what stands between their values is the same for each packet, so it is
//! joined beforehand. Nothing is known here of any protocol; what is joined comes from the descriptions.
#![deny(clippy::arithmetic_side_effects)]

use std::net::Ipv4Addr;
use std::ops::Range;
use std::sync::LazyLock;

use crate::packet::walk::read_field;
use crate::proto::describe::{Auto, Body, Field, Kind, Section};
use crate::proto::registry;
use crate::wire::big_endian::{long_at, word};
use crate::wire::layers::ProtocolId;
use crate::wire::text::{Short, Text};

/// A section whose fields are always the same.
#[derive(Debug)]
pub(super) struct Fields {
    steps: Vec<Step>,
    /// What stands behind the last value.
    end: Short,
}

/// A value, and what stands before it.
#[derive(Debug)]
struct Step {
    /// The end of what stands before, a comma, the name: `","ttl":`.
    before: Short,
    /// The same with the name that values below a limit have.
    before_small: Option<(u64, Short)>,
    field: &'static Field,
    reading: Reading,
    /// What stands between a checksum and what it is called: `,"checksum.status":"`.
    status: Option<Short>,
}

/// Where a value stands: most do so in one of a few ways, and others are read as their description says.
#[derive(Debug, Clone, Copy)]
enum Reading {
    Octet(usize),
    Half(usize),
    Word(usize),
    /// A bit of an octet.
    Flag(usize, u8),
    /// Bits of an octet that are to be shifted, masked and multiplied.
    Part {
        at: usize,
        shift: u32,
        mask: u8,
        scale: u64,
    },
    Ipv4(usize),
    Mac(usize),
    Other,
}

/// The fields of a protocol's section, where they can be written at once.
pub(super) fn fields_of(protocol: ProtocolId, section: usize) -> Option<&'static Fields> {
    static ALL: LazyLock<Vec<Vec<Option<Fields>>>> = LazyLock::new(|| {
        let sections = |sections: &'static [Section]| sections.iter().map(Fields::new).collect();
        registry().protocols().iter().map(|protocol| sections(&protocol.sections)).collect()
    });
    ALL.get(usize::from(protocol.0))?.get(section)?.as_ref()
}

impl Fields {
    /// `None` where it depends on their values which of them are told, or a name is very long.
    fn new(section: &'static Section) -> Option<Self> {
        let Body::Fields { fields, .. } = &section.body else { return None };
        let is_half = |field: &Field| matches!(Reading::of(field), Reading::Half(_));
        let is_special =
            |field: &Field| field.also.is_some() || matches!(field.auto, Some(Auto::Checksum(..)));
        let varies = |field: &Field| field.hidden_when_zero || is_special(field) && !is_half(field);
        if fields.is_empty() || fields.iter().any(varies) {
            return None;
        }
        let mut steps = Vec::new();
        // Whether there is a comma before the first field, writing decides.
        let (mut end, mut comma, mut group): (String, &str, Option<&Field>) = (String::new(), "", None);
        for field in fields {
            if group.is_some_and(|group| !group.holds(field)) {
                group = None;
                end.push('}');
            }
            if field.kind == Kind::Group {
                group = Some(field);
                end = format!("{end}{comma}\"{}\":{{", field.last_name());
                comma = "";
                continue;
            }
            let quote = if is_quoted(field) { "\"" } else { "" };
            let name = if group.is_some() { field.last_name() } else { field.name };
            let before = |name: &str| Short::new(&format!("{end}{comma}\"{name}\":{quote}"));
            let also = field.also.filter(|_| group.is_none());
            steps.push(Step {
                before: before(name)?,
                before_small: match also {
                    Some(also) => Some((also.below, before(also.name)?)),
                    None => None,
                },
                field,
                reading: Reading::of(field),
                status: match field.auto {
                    Some(Auto::Checksum(..)) => Some(Short::new(&format!(",\"{}.status\":\"", field.name))?),
                    _ => None,
                },
            });
            (end, comma) = (quote.to_owned(), ",");
        }
        if group.is_some() {
            end.push('}');
        }
        Some(Self { steps, end: Short::new(&end)? })
    }

    /// Appends the fields, of which `octets` are all; `checksum` tells what a checksum with this value and place is.
    #[inline]
    pub(super) fn write(
        &self,
        out: &mut Text,
        octets: &[u8],
        mut checksum: impl FnMut(&'static Field, u64, Range<usize>) -> &'static str,
    ) {
        if out.last() != Some(b'{') {
            out.push(',');
        }
        let octet = |at: usize| octets.get(at).copied().unwrap_or_default();
        for step in &self.steps {
            let (number, before) = match step.reading {
                Reading::Octet(at) => {
                    out.put(&step.before).octet(octet(at));
                    continue;
                }
                Reading::Half(at) => {
                    let half = u64::from(word(octets, at));
                    match &step.before_small {
                        Some((below, before)) if half < *below => (half, before),
                        _ => (half, &step.before),
                    }
                }
                Reading::Word(at) => (long_at(octets, at).map_or(0, u64::from), &step.before),
                Reading::Part { at, shift, mask, scale } => {
                    let part = u64::from(octet(at).wrapping_shr(shift) & mask);
                    (part.saturating_mul(scale), &step.before)
                }
                Reading::Flag(at, mask) => {
                    out.put(&step.before);
                    out.flag(octet(at) & mask != 0);
                    continue;
                }
                _ => {
                    step.other(out, octets);
                    continue;
                }
            };
            out.put(before).uint(number);
            if let Some(status) = &step.status {
                out.put(status).put(checksum(step.field, number, step.field.span.octets())).put("\"");
            }
        }
        out.put(&self.end);
    }
}

impl Step {
    /// Appends what is no number of one to four octets, and neither a checksum nor of two names.
    #[inline]
    fn other(&self, out: &mut Text, octets: &[u8]) {
        out.put(&self.before);
        match self.reading {
            Reading::Ipv4(at) => {
                out.put(Ipv4Addr::from_bits(long_at(octets, at).unwrap_or_default()));
            }
            Reading::Mac(at) => {
                let address = octets.get(at..).and_then(<[u8]>::first_chunk);
                out.mac(address.copied().unwrap_or_default());
            }
            _ => {
                read_field(self.field, octets).into_iter().for_each(|value| {
                    out.put(value);
                });
            }
        }
    }
}

fn is_quoted(field: &Field) -> bool {
    !matches!(field.kind, Kind::Uint | Kind::Bool)
}

impl Reading {
    fn of(field: &Field) -> Self {
        let span = field.span;
        let Ok(at) = usize::try_from(span.start_bits / 8) else { return Self::Other };
        let first = span.start_bits % 8;
        match (field.kind, first, span.len_bits) {
            (Kind::Uint, 0, 8) if field.scale == 1 => Self::Octet(at),
            (Kind::Uint, 0, 16) if field.scale == 1 => Self::Half(at),
            (Kind::Uint, 0, 32) if field.scale == 1 => Self::Word(at),
            (Kind::Bool, first, 1) => Self::Flag(at, 0x80u8.wrapping_shr(first)),
            (Kind::Uint, first, len) if first.saturating_add(len) <= 8 => {
                let shift = 8u32.saturating_sub(first.saturating_add(len));
                let mask = 0xffu8.wrapping_shr(8u32.saturating_sub(len));
                Self::Part { at, shift, mask, scale: field.scale }
            }
            (Kind::Ipv4, 0, 32) => Self::Ipv4(at),
            (Kind::Mac, 0, 48) => Self::Mac(at),
            _ => Self::Other,
        }
    }
}
