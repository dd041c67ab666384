//! The fields of a section as JSON, all at once: what stands between their values is the same for each packet, so it is
//! joined beforehand. Nothing is known here of any protocol; what is joined comes from the descriptions.
#![deny(clippy::arithmetic_side_effects)]

use std::net::Ipv4Addr;
use std::ops::Range;

use super::json_memory::Pairs;
use crate::packet::walk::read_field;
use crate::proto::describe::{Auto, Field, Kind};
use crate::wire::big_endian::{long_at, octet, word};
use crate::wire::text::{Short, Text};

/// Fields that are always the same.
#[derive(Debug)]
pub(super) struct Fields {
    parts: Vec<Part>,
    /// What stands behind the last value.
    end: Short,
    /// How many pairs of octets have several values.
    pub(super) pairs: usize,
}

#[derive(Debug)]
enum Part {
    One(Step),
    /// Several values of the same two octets, which begin here: what they come to is remembered.
    Pair(usize, Vec<Step>),
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
    /// As a half, but a checksum, or with a second name for low values.
    Special(usize),
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

impl Fields {
    /// Those of a section; `None` where it depends on their values which of them are told, or a name is very long.
    pub(super) fn new(fields: &'static [Field]) -> Option<Self> {
        Self::named(fields, true)
    }

    /// The value of a field that needs no name.
    pub(super) fn nameless(field: &'static Field) -> Option<Self> {
        Self::named(std::slice::from_ref(field), false)
    }

    fn named(fields: &'static [Field], have_names: bool) -> Option<Self> {
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
            let before = |name: &str| match have_names {
                true => Short::new(&format!("{end}{comma}\"{name}\":{quote}")),
                false => Short::new(quote),
            };
            let also = field.also.filter(|_| group.is_none());
            steps.push(Step {
                before: before(name)?,
                before_small: match also {
                    Some(also) => Some((also.below, before(also.name)?)),
                    None => None,
                },
                field,
                reading: match Reading::of(field) {
                    Reading::Half(at) if is_special(field) => Reading::Special(at),
                    reading => reading,
                },
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
        let parts = parts(steps);
        let pairs = parts.iter().filter(|part| matches!(part, Part::Pair(..))).count();
        Some(Self { parts, end: Short::new(&end)?, pairs })
    }

    /// Whether nothing but their octets tells what they come to: none is a checksum.
    pub(super) fn depend_on_octets_alone(&self) -> bool {
        self.parts.iter().all(|part| !matches!(part, Part::One(Step { status: Some(_), .. })))
    }

    /// Appends the fields, of which `octets` are all; `checksum` tells what a checksum with this value and place is, and `pairs`
    /// remembers what pairs of octets come to, if there is something to remember it.
    #[inline]
    pub(super) fn write(
        &self,
        out: &mut Text,
        octets: &[u8],
        pairs: &mut [Pairs],
        mut checksum: impl Checksum,
    ) {
        let mut pairs = pairs.iter_mut();
        for part in &self.parts {
            match part {
                Part::One(step) => step.write(out, octets, &mut checksum),
                Part::Pair(at, steps) => {
                    let mut all = |out: &mut Text| {
                        steps.iter().for_each(|step| step.write(out, octets, &mut checksum));
                    };
                    match pairs.next() {
                        Some(known) => known.put(out, pair_at(octets, *at), all),
                        None => all(out),
                    }
                }
            }
        }
        out.put(&self.end);
    }
}

/// Two octets; where the section ends behind the first, that alone.
#[inline]
fn pair_at(octets: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([octet(octets, at), octet(octets, at.saturating_add(1))])
}

/// Puts steps together that read the same two octets, and nothing else that varies.
fn parts(steps: Vec<Step>) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    for step in steps {
        let pair = step.pair();
        match (parts.last_mut(), pair) {
            (Some(Part::Pair(at, steps)), Some(pair)) if *at == pair => steps.push(step),
            (_, Some(pair)) => parts.push(Part::Pair(pair, vec![step])),
            (_, None) => parts.push(Part::One(step)),
        }
    }
    // What is alone is told as fast as it is remembered.
    let alone = |part: Part| match part {
        Part::Pair(at, mut steps) => match (steps.pop(), steps.is_empty()) {
            (Some(only), true) => Part::One(only),
            (last, _) => {
                steps.extend(last);
                Part::Pair(at, steps)
            }
        },
        one => one,
    };
    parts.into_iter().map(alone).collect()
}

impl Step {
    /// Where the two octets begin that hold all of it.
    fn pair(&self) -> Option<usize> {
        let octets = self.field.span.octets();
        let at = octets.start & !1;
        let is_within = octets.end <= at.saturating_add(2) && self.status.is_none();
        (is_within && matches!(self.field.kind, Kind::Uint | Kind::Bool)).then_some(at)
    }

    /// Appends the value and what stands before it. Nearly all are numbers, and written here; the others take a call.
    #[inline(always)]
    fn write(&self, out: &mut Text, octets: &[u8], checksum: &mut impl Checksum) {
        let number = match self.reading {
            Reading::Half(at) => u64::from(word(octets, at)),
            Reading::Word(at) => long_at(octets, at).map_or(0, u64::from),
            Reading::Octet(at) => u64::from(octet(octets, at)),
            _ => {
                self.other(out, octets, checksum);
                return;
            }
        };
        out.put(&self.before).uint(number);
    }

    /// Appends what is no number of one, two or four octets, or has something beside it.
    #[inline(never)]
    fn other(&self, out: &mut Text, octets: &[u8], checksum: &mut impl Checksum) {
        match self.reading {
            Reading::Ipv4(at) => {
                out.put(&self.before).put(Ipv4Addr::from_bits(long_at(octets, at).unwrap_or_default()));
            }
            Reading::Flag(at, mask) => {
                out.put(&self.before);
                out.flag(octet(octets, at) & mask != 0);
            }
            Reading::Part { at, shift, mask, scale } => {
                let part = u64::from(octet(octets, at).wrapping_shr(shift) & mask);
                out.put(&self.before).uint(part.saturating_mul(scale));
            }
            Reading::Mac(at) => {
                let address = octets.get(at..).and_then(<[u8]>::first_chunk);
                out.put(&self.before);
                out.mac(address.copied().unwrap_or_default());
            }
            Reading::Special(at) => {
                let half = word(octets, at);
                let below = self.before_small.as_ref().filter(|(below, _)| u64::from(half) < *below);
                out.put(below.map_or(&self.before, |(_, before)| before)).put(half);
                if let Some(status) = &self.status {
                    let word = checksum(self.field, half.into(), self.field.span.octets());
                    out.put(status).put(word).put("\"");
                }
            }
            _ => {
                out.put(&self.before);
                read_field(self.field, octets).into_iter().for_each(|value| {
                    out.put(value);
                });
            }
        }
    }
}

/// Tells what a checksum with this value and place is.
pub(super) trait Checksum: FnMut(&'static Field, u64, Range<usize>) -> &'static str {}

impl<C: FnMut(&'static Field, u64, Range<usize>) -> &'static str> Checksum for C {}

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
