//! The little JSON that a schema is made of.

use std::fmt::Write;

/// A JSON value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Json {
    Text(String),
    Number(u64),
    Bool(bool),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
}

impl Json {
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// An object of these members.
    pub(super) fn object<N: Into<String>>(members: impl IntoIterator<Item = (N, Json)>) -> Self {
        Self::Object(members.into_iter().map(|(name, value)| (name.into(), value)).collect())
    }

    pub(super) fn list(items: impl IntoIterator<Item = Json>) -> Self {
        Self::List(items.into_iter().collect())
    }

    /// What is described elsewhere.
    pub(super) fn of(name: &str) -> Self {
        // A pointer's `~` and `/` are escaped (RFC 6901 §3); names have neither.
        Self::object([("$ref", Self::text(format!("#/$defs/{name}")))])
    }

    /// A text that looks like this.
    pub(super) fn pattern(pattern: impl Into<String>) -> Self {
        Self::object([("type", Self::text("string")), ("pattern", Self::Text(pattern.into()))])
    }

    /// Something of this type.
    pub(super) fn typed(name: &str) -> Self {
        Self::object([("type", Self::text(name))])
    }

    /// One of these, or more.
    pub(super) fn any_of(choices: impl IntoIterator<Item = Json>) -> Self {
        let choices: Vec<Json> = choices.into_iter().collect();
        match <[Json; 1]>::try_from(choices) {
            Ok([one]) => one,
            Err(choices) => Self::object([("anyOf", Self::List(choices))]),
        }
    }

    /// A list of such items.
    pub(super) fn list_of(items: Json, least: u64) -> Self {
        Self::object([("type", Self::text("array")), ("items", items), ("minItems", Self::Number(least))])
    }

    /// A table that has nothing but these names.
    pub(super) fn table(properties: Vec<(String, Json)>) -> Self {
        Self::object([
            ("type", Self::text("object")),
            ("properties", Self::Object(properties)),
            ("additionalProperties", Self::Bool(false)),
        ])
    }

    /// A table that has just one of these names.
    pub(super) fn one_of_names(properties: Vec<(String, Json)>) -> Self {
        Self::table(properties).and("minProperties", Self::Number(1)).and("maxProperties", Self::Number(1))
    }

    /// The object with another member.
    pub(super) fn and(mut self, name: &str, value: Json) -> Self {
        if let Self::Object(members) = &mut self {
            members.push((name.to_owned(), value));
        }
        self
    }

    /// With what editors show beside it.
    pub(super) fn described(self, text: &str) -> Self {
        if text.is_empty() { self } else { self.and("description", Self::text(text)) }
    }

    /// Appends it, a line for each member of an object.
    pub(super) fn write(&self, out: &mut String, depth: usize) {
        let line = |out: &mut String, depth: usize| {
            out.push('\n');
            out.extend(std::iter::repeat_n(' ', depth));
        };
        match self {
            Self::Text(text) => push_text(text, out),
            Self::Number(number) => _ = write!(out, "{number}"),
            Self::Bool(bit) => out.push_str(if *bit { "true" } else { "false" }),
            Self::List(items) => {
                out.push('[');
                for (place, item) in items.iter().enumerate() {
                    out.push_str(if place > 0 { ", " } else { "" });
                    item.write(out, depth);
                }
                out.push(']');
            }
            Self::Object(members) => {
                out.push('{');
                for (place, (name, value)) in members.iter().enumerate() {
                    out.push_str(if place > 0 { "," } else { "" });
                    line(out, depth.saturating_add(1));
                    push_text(name, out);
                    out.push_str(": ");
                    value.write(out, depth.saturating_add(1));
                }
                if !members.is_empty() {
                    line(out, depth);
                }
                out.push('}');
            }
        }
    }
}

fn push_text(text: &str, out: &mut String) {
    out.push('"');
    for letter in text.chars() {
        match letter {
            '"' | '\\' => out.extend(['\\', letter]),
            _ if letter.is_control() => _ = write!(out, "\\u{:04x}", u32::from(letter)),
            _ => out.push(letter),
        }
    }
    out.push('"');
}
