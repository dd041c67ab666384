//! What was found in a capture, as a table for each severity and as one JSON object.

use std::fmt::Write as _;

use super::json_object::JsonObject;
use super::table::{Align, table};
use crate::packet::expert::Severity;
use crate::statistics::{Expert, ExpertKind};

/// The tables.
pub fn text(expert: &Expert) -> String {
    let all = expert.found_most_first();
    let mut out = String::new();
    for severity in Severity::ALL {
        let own: Vec<_> = all.iter().filter(|(kind, _)| kind.severity == severity).collect();
        let sum = own.iter().fold(0u64, |sum, (_, count)| sum.saturating_add(count.times));
        if own.is_empty() {
            continue;
        }
        if !out.is_empty() {
            out.push('\n');
        }
        // Writing into a `String` cannot fail.
        let _ = writeln!(out, "{}s: {sum}", severity.name());
        let head = [
            ("count", Align::Right),
            ("first", Align::Right),
            ("group", Align::Left),
            ("protocol", Align::Left),
            ("summary", Align::Left),
            ("field", Align::Left),
        ];
        let rows: Vec<[String; 6]> = own
            .iter()
            .map(|(kind, count)| {
                let words = [kind.group.name(), kind.protocol, kind.summary].map(str::to_owned);
                let [group, protocol, summary] = words;
                [count.times.to_string(), count.first.to_string(), group, protocol, summary, field(kind)]
            })
            .collect();
        out.push_str(&table(&head, &rows));
    }
    if out.is_empty() {
        out.push_str("nothing was found\n");
    }
    out
}

/// One object.
pub fn json(expert: &Expert) -> String {
    let all = expert.found_most_first();
    let objects = all.iter().map(|(kind, count)| {
        let object = JsonObject::new()
            .text("severity", &kind.severity.name().to_ascii_lowercase())
            .text("group", &kind.group.name().to_ascii_lowercase())
            .text("layer", kind.protocol);
        let object = if kind.field.is_empty() { object } else { object.text("field", kind.field) };
        object.text("summary", kind.summary).number("count", count.times).number("first", count.first)
    });
    JsonObject::new().text("event", "expert").list("findings", objects).end()
}

/// The field's whole name, which filters take.
fn field(kind: &ExpertKind) -> String {
    match kind.field {
        "" => kind.protocol.to_owned(),
        field => format!("{}.{field}", kind.protocol),
    }
}
