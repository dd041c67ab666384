//! Runs a field filter on a packet.
//!
//! Values are told one by one to whoever asks for them, so that the usual filter allocates nothing. What a packet can make
//! the filter do is bounded by a number of steps; a filter that takes more takes no packet.

use std::borrow::Cow;
use std::cell::Cell;
use std::ops::ControlFlow;

use super::about::About;
use super::calculate;
use super::program::{Comparison, Datum, Element, Test, Value};
use super::range::Range;
use super::syntax::Quantifier;
use crate::packet::check::Dissected;

/// Whether further values are wanted.
pub(super) type Flow = ControlFlow<()>;

/// A filter at work on one packet.
pub(super) struct Run<'e> {
    pub(super) packet: Dissected<'e>,
    pub(super) about: &'e About<'e>,
    /// Steps that are still allowed.
    left: Cell<u32>,
}

/// Fields and values that are looked at for one packet: no sensible filter comes near.
const MAX_STEPS: u32 = 1 << 21;

impl<'e> Run<'e> {
    pub(super) fn new(packet: Dissected<'e>, about: &'e About<'e>) -> Self {
        Self { packet, about, left: Cell::new(MAX_STEPS) }
    }

    /// Whether the packet passes.
    pub(super) fn passes(&self, test: &'e Test) -> bool {
        self.test(test) && self.left.get() > 0
    }

    /// Counts a step; breaks where none is left.
    pub(super) fn step(&self) -> Flow {
        let left = self.left.get().saturating_sub(1);
        self.left.set(left);
        if left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    /// Does something with another packet, within the steps that are left.
    pub(super) fn on(&self, packet: Dissected<'e>, act: impl FnOnce(&Self) -> Flow) -> Flow {
        let other = Self { packet, about: self.about, left: Cell::new(self.left.get()) };
        let flow = act(&other);
        self.left.set(other.left.get());
        flow
    }

    fn test(&self, test: &'e Test) -> bool {
        match test {
            Test::Exists(value) => self.some(value, |_| true),
            Test::NotZero(value) => self.some(value, Datum::is_not_zero),
            Test::Compare(comparison) => self.compare(comparison),
            Test::Matches { quantifier, value, pattern } => {
                self.quantified(*quantifier, value, |datum| pattern.is_match(datum.octets()))
            }
            Test::In { quantifier, value, are_texts, set } => self.quantified(*quantifier, value, |datum| {
                set.iter().any(|element| self.is_in(datum, element, *are_texts))
            }),
            Test::Not(test) => !self.test(test),
            Test::And(tests) => tests.iter().all(|test| self.test(test)),
            Test::Or(tests) => tests.iter().any(|test| self.test(test)),
            Test::Xor(tests) => tests.iter().fold(false, |sum, test| sum ^ self.test(test)),
        }
    }

    /// Whether one of the values passes.
    fn some(&self, value: &'e Value, passes: impl Fn(&Datum<'e>) -> bool) -> bool {
        self.quantified(Quantifier::Any, value, passes)
    }

    /// Whether one of the values passes, or all of them and there is one.
    fn quantified(
        &self,
        quantifier: Quantifier,
        value: &'e Value,
        passes: impl Fn(&Datum<'e>) -> bool,
    ) -> bool {
        let decides = quantifier == Quantifier::Any;
        let (mut seen, mut decided) = (false, false);
        // Why it ended is in `decided`.
        let _ = self.each(value, &mut |datum| {
            seen = true;
            decided = passes(&datum) == decides;
            if decided { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        if decides { decided } else { seen && !decided }
    }

    fn compare(&self, comparison: &'e Comparison) -> bool {
        let decides = comparison.quantifier == Quantifier::Any;
        let (mut seen, mut decided) = (false, false);
        let _ = self.each(&comparison.left, &mut |left| {
            self.each(&comparison.right, &mut |right| {
                seen = true;
                decided = comparison.holds(&left, &right) == decides;
                if decided { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            })
        });
        if decides { decided } else { seen && !decided }
    }

    fn is_in(&self, datum: &Datum<'e>, element: &'e Element, are_texts: bool) -> bool {
        match element {
            Element::One(value, prefix) => self.some(value, |other| match prefix {
                Some(bits) => datum.compare_prefix(other, *bits).is_eq(),
                None => datum.compare(other, are_texts).is_eq(),
            }),
            Element::Range(first, last) => {
                self.some(first, |first| datum.compare(first, are_texts).is_ge())
                    && self.some(last, |last| datum.compare(last, are_texts).is_le())
            }
        }
    }

    /// Tells each value.
    pub(super) fn each(&self, value: &'e Value, tell: &mut dyn FnMut(Datum<'e>) -> Flow) -> Flow {
        match value {
            Value::Constant(constant) => {
                self.step()?;
                tell(constant.datum())
            }
            Value::Field(field) => self.field(field, tell),
            Value::Slice(value, ranges) => self.each(value, &mut |datum| match datum {
                Datum::Octets(octets) => slice(octets, ranges).map_or(ControlFlow::Continue(()), &mut *tell),
                Datum::Number(_) => ControlFlow::Continue(()),
            }),
            Value::Negative(value) => {
                self.each(value, &mut |datum| match datum.number().and_then(i128::checked_neg) {
                    Some(number) => tell(Datum::Number(number)),
                    None => ControlFlow::Continue(()),
                })
            }
            Value::Math(left, operator, right) => self.each(left, &mut |left| {
                self.each(right, &mut |right| {
                    calculate::calculate(&left, *operator, &right)
                        .map_or(ControlFlow::Continue(()), &mut *tell)
                })
            }),
            Value::Call(function, arguments) => self.call(*function, arguments, tell),
            Value::Text(value, kind) => {
                self.each(value, &mut |datum| tell(calculate::text_of(&datum, *kind)))
            }
            Value::Name(value, values) => self.each(value, &mut |datum| {
                let number = datum.number().and_then(|number| u64::try_from(number).ok());
                match values.iter().find(|(known, _)| Some(*known) == number) {
                    Some((_, name)) => tell(Datum::Octets(Cow::Borrowed(name.as_bytes()))),
                    None => ControlFlow::Continue(()),
                }
            }),
            Value::Size(value, octets) => self.each(value, &mut |_| tell(Datum::Number(*octets))),
        }
    }
}

/// Some octets of a value; `None` when none of them is there.
fn slice<'e>(octets: Cow<'e, [u8]>, ranges: &[Range]) -> Option<Datum<'e>> {
    let len = octets.len();
    if let ([range], Cow::Borrowed(octets)) = (ranges, &octets) {
        return octets.get(range.within(len)?).map(|part| Datum::Octets(Cow::Borrowed(part)));
    }
    let mut joined = Vec::new();
    for part in ranges.iter().filter_map(|range| octets.get(range.within(len)?)) {
        joined.extend_from_slice(part);
    }
    (!joined.is_empty()).then_some(Datum::Octets(Cow::Owned(joined)))
}
