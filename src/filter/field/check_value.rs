//! Calculations and calls of functions: what types they take, and what they give.

use super::check::{Checker, Typed, one, wrong};
use super::function::Function;
use super::literal::Target;
use super::mistake::Mistake;
use super::program::Value;
use super::syntax::{MathOperator, Node};
use super::token::shortened;
use super::types::Type;
use crate::diagnostic::{At, Diagnostic};

type Checked<T> = Result<T, Diagnostic<Mistake>>;

impl Checker<'_> {
    pub(super) fn math(
        &self,
        left: &Node,
        operator: MathOperator,
        right: &Node,
        wanted: Option<&Target>,
    ) -> Checked<Typed> {
        let (first, second) = match (self.is_literal(left), self.is_literal(right)) {
            (true, true) => {
                let wanted = match wanted {
                    Some(wanted) => operand(wanted, operator),
                    None => return self.nameless(left, right),
                };
                (self.value(left, Some(&wanted))?, self.value(right, Some(&wanted))?)
            }
            (true, false) => {
                let second = self.value(right, None)?;
                (self.value(left, Some(&operand(&second.target, operator)))?, second)
            }
            (false, _) => {
                let first = self.value(left, None)?;
                let wanted = operand(&first.target, operator);
                let second = self.value(right, Some(&wanted))?;
                (first, second)
            }
        };
        let text = operator.text();
        let Some(kind) = result(first.kind(), operator, second.kind()) else {
            let (at, kind) = match result(first.kind(), operator, first.kind()) {
                Some(_) => (&right.at, second.kind()),
                None => (&left.at, first.kind()),
            };
            return wrong(at, Mistake::Operator { operator: text, kind });
        };
        let (first, second) = (Box::new(one(left, first)?), Box::new(one(right, second)?));
        Ok(Typed::new(Value::Math(first, operator, second), Target::of(kind)))
    }

    pub(super) fn call(&self, node: &Node, name: &str, name_at: &At, arguments: &[Node]) -> Checked<Typed> {
        let function = match Function::by_name(name) {
            Ok(function) => function,
            Err(nearest) => {
                return wrong(name_at, Mistake::UnknownFunction { name: shortened(name), nearest });
            }
        };
        if matches!(function, Function::Max | Function::Min) {
            return self.extreme(node, function, arguments);
        }
        let refuse =
            |at: &At| wrong(at, Mistake::Argument { function: function.name(), takes: function.takes() });
        let [argument] = arguments else { return refuse(&node.at) };
        if self.is_literal(argument) {
            // A misspelt name comes as itself.
            self.value(argument, None)?;
        }
        let typed = self.value(argument, None)?;
        let (kind, values, value) = (typed.kind(), typed.target.values, typed.value);
        let call = |value| Value::Call(function, vec![value]);
        let (value, kind) = match function {
            Function::Upper | Function::Lower if kind == Type::Text => (call(value), Type::Text),
            Function::Len if kind.has_octets() => (call(value), Type::Number),
            Function::Len => (Value::Size(Box::new(value), size(&typed.target)), Type::Number),
            Function::Count if matches!(value, Value::Field(_)) => (call(value), Type::Number),
            Function::Text if has_text(kind) => (Value::Text(Box::new(value), kind), Type::Text),
            Function::Values if kind == Type::Bool && values.is_empty() => {
                (Value::Name(Box::new(value), TRUTHS), Type::Text)
            }
            Function::Values if !values.is_empty() => (Value::Name(Box::new(value), values), Type::Text),
            Function::Abs if matches!(kind, Type::Number | Type::Span) => (call(value), kind),
            _ => return refuse(&argument.at),
        };
        Ok(Typed::new(value, Target::of(kind)))
    }

    fn extreme(&self, node: &Node, function: Function, arguments: &[Node]) -> Checked<Typed> {
        let Some(leader) = arguments.iter().find(|argument| !self.is_literal(argument)) else {
            // A misspelt name comes as itself.
            for argument in arguments {
                self.value(argument, None)?;
            }
            let (function, takes) = (function.name(), function.takes());
            return wrong(&node.at, Mistake::Argument { function, takes });
        };
        let target = self.value(leader, None)?.target;
        let mut values = Vec::with_capacity(arguments.len());
        for argument in arguments {
            let typed = self.value(argument, Some(&target))?;
            if !target.kind.goes_with(typed.kind()) {
                return wrong(&argument.at, Mistake::Types { left: target.kind, right: typed.kind() });
            }
            values.push(one(argument, typed)?);
        }
        Ok(Typed::new(Value::Call(function, values), target))
    }
}

/// What the other side of a calculation is, where it is a literal.
fn operand(target: &Target, operator: MathOperator) -> Target {
    let kind = match (target.kind, operator) {
        (Type::Span, MathOperator::Times | MathOperator::Divide) => Type::Number,
        (Type::Time, _) => Type::Span,
        (Type::Mac | Type::Protocol, _) => Type::Octets,
        (kind, _) => kind,
    };
    Target { bits: u64::BITS, values: &[], kind, name: target.name.clone() }
}

/// The type of a calculation's result.
fn result(left: Type, operator: MathOperator, right: Type) -> Option<Type> {
    use MathOperator::{BitAnd, Divide, Minus, Plus, Times};
    let are_octets = |one: Type| one.has_octets() && one != Type::Text;
    Some(match (left, operator, right) {
        (Type::Number, _, Type::Number) => Type::Number,
        (_, BitAnd, _) if are_octets(left) && left.goes_with(right) && right != Type::Text => left,
        (Type::Span, Plus | Minus, Type::Span) | (Type::Time, Minus, Type::Time) => Type::Span,
        (Type::Span, Times | Divide, Type::Number) => Type::Span,
        (Type::Time, Plus | Minus, Type::Span) => Type::Time,
        _ => return None,
    })
}

fn has_text(kind: Type) -> bool {
    matches!(kind, Type::Number | Type::Mac | Type::Ipv4 | Type::Ipv6 | Type::Span | Type::Time)
}

/// Octets of a field of this size.
fn size(target: &Target) -> i128 {
    match target.bits {
        0..=8 => 1,
        9..=16 => 2,
        17..=24 => 3,
        25..=32 => 4,
        _ => 8,
    }
}

const TRUTHS: &[(u64, &str)] = &[(0, "False"), (1, "True")];
