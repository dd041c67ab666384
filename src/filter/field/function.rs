//! The functions of the language.

use std::borrow::Cow;
use std::ops::ControlFlow;

use super::evaluate::{Flow, Run};
use super::program::{Datum, Value};
use crate::diagnostic::nearest::nearest;

/// A function that takes values and gives values; those that only change a value's type are resolved when compiling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Function {
    Upper,
    Lower,
    Len,
    Count,
    Text,
    Values,
    Max,
    Min,
    Abs,
}

/// Their names.
pub(super) const NAMES: &[&str] = &["upper", "lower", "len", "count", "string", "vals", "max", "min", "abs"];
const ALL: &[Function] = &[
    Function::Upper,
    Function::Lower,
    Function::Len,
    Function::Count,
    Function::Text,
    Function::Values,
    Function::Max,
    Function::Min,
    Function::Abs,
];

impl Function {
    /// The function of this name, or else the nearest name.
    pub(super) fn by_name(name: &str) -> Result<Self, Option<&'static str>> {
        let at = NAMES.iter().position(|known| *known == name);
        let function = at.and_then(|at| ALL.get(at)).copied();
        function.ok_or_else(|| nearest(name, NAMES.iter().copied()))
    }

    pub(super) fn name(self) -> &'static str {
        let at = ALL.iter().position(|function| *function == self);
        at.and_then(|at| NAMES.get(at)).copied().unwrap_or_default()
    }

    /// What it takes, in words.
    pub(super) fn takes(self) -> &'static str {
        match self {
            Self::Upper | Self::Lower => "one text",
            Self::Len => "one field or slice",
            Self::Count => "one field or protocol",
            Self::Text => "one field that is a number, an address or a time",
            Self::Values => "one field whose values have names",
            Self::Max | Self::Min => "values of one type, at least one of them a field",
            Self::Abs => "one number",
        }
    }
}

impl<'e> Run<'e> {
    /// Tells the values of a call.
    pub(super) fn call(
        &self,
        function: Function,
        arguments: &'e [Value],
        tell: &mut dyn FnMut(Datum<'e>) -> Flow,
    ) -> Flow {
        let Some(first) = arguments.first() else { return ControlFlow::Continue(()) };
        match function {
            Function::Upper => {
                self.each(first, &mut |datum| tell(changed(&datum, <[u8]>::to_ascii_uppercase)))
            }
            Function::Lower => {
                self.each(first, &mut |datum| tell(changed(&datum, <[u8]>::to_ascii_lowercase)))
            }
            Function::Abs => {
                self.each(first, &mut |datum| match datum.number().and_then(i128::checked_abs) {
                    Some(number) => tell(Datum::Number(number)),
                    None => ControlFlow::Continue(()),
                })
            }
            Function::Len => self.each(first, &mut |datum| tell(count(datum.octets().len()))),
            Function::Count => {
                let mut values = 0usize;
                self.each(first, &mut |_| {
                    values = values.saturating_add(1);
                    ControlFlow::Continue(())
                })?;
                // As in Wireshark, what is not there has no count either: `not ip` says that it is not there.
                if values == 0 { ControlFlow::Continue(()) } else { tell(count(values)) }
            }
            Function::Max => self.extreme(arguments, true, tell),
            Function::Min => self.extreme(arguments, false, tell),
            // Resolved when compiling.
            Function::Text | Function::Values => ControlFlow::Continue(()),
        }
    }

    /// Tells the greatest or the smallest of all values.
    fn extreme(
        &self,
        arguments: &'e [Value],
        greatest: bool,
        tell: &mut dyn FnMut(Datum<'e>) -> Flow,
    ) -> Flow {
        let mut best: Option<Datum<'e>> = None;
        for argument in arguments {
            self.each(argument, &mut |datum| {
                let is_better = best.as_ref().is_none_or(|best| {
                    let order = datum.compare(best, false);
                    if greatest { order.is_gt() } else { order.is_lt() }
                });
                if is_better {
                    best = Some(datum);
                }
                ControlFlow::Continue(())
            })?;
        }
        best.map_or(ControlFlow::Continue(()), tell)
    }
}

fn changed<'e>(datum: &Datum<'_>, change: fn(&[u8]) -> Vec<u8>) -> Datum<'e> {
    Datum::Octets(Cow::Owned(change(datum.octets())))
}

fn count<'e>(count: usize) -> Datum<'e> {
    Datum::Number(i128::try_from(count).unwrap_or(i128::MAX))
}
