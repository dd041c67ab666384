//! What a capture's statistics say of the errors of ICMP and ICMPv6.

use std::fmt::Write as _;

use super::json_object::JsonObject;
use super::statistics::MOST_ROWS;
use super::statistics_times::{Milliseconds, of_answers};
use super::table::{Align, table};
use crate::proto::{icmp, icmpv6};
use crate::statistics::{IcmpErrors, Said, Saying};

/// Appends them; nothing where there are none.
pub(super) fn text(out: &mut String, errors: &IcmpErrors) {
    let rows: Vec<[String; 13]> =
        errors.said().take(MOST_ROWS).map(|(saying, said)| row(saying, said)).collect();
    if rows.is_empty() {
        return;
    }
    out.push_str("\nICMP errors: how many, and how many milliseconds after the packet that they are about\n");
    let head = [
        ("from", Align::Left),
        ("says", Align::Left),
        ("errors", Align::Right),
        ("again", Align::Right),
        ("unseen", Align::Right),
        ("timed", Align::Right),
        ("min", Align::Right),
        ("avg", Align::Right),
        ("mdev", Align::Right),
        ("p50", Align::Right),
        ("p90", Align::Right),
        ("p99", Align::Right),
        ("max", Align::Right),
    ];
    out.push_str(&table(&head, &rows));
    let left = errors.said().count().saturating_sub(MOST_ROWS);
    if left > 0 {
        let _ = writeln!(out, "and {left} more");
    }
    if errors.beyond > 0 {
        let _ = writeln!(out, "and {} errors that there was no room for", errors.beyond);
    }
}

fn row(saying: &Saying, said: &Said) -> [String; 13] {
    let count = |number: u64| number.to_string();
    let [min, avg, mdev, p50, p90, p99, max] =
        of_answers(&said.times).map(|(_, time)| match said.times.count {
            0 => "-".to_owned(),
            _ => Milliseconds(time).to_string(),
        });
    let Said { count: all, again, unseen, times } = said;
    let from = saying.from.to_string();
    [
        from,
        words(saying),
        count(*all),
        count(*again),
        count(*unseen),
        count(times.count),
        min,
        avg,
        mdev,
        p50,
        p90,
        p99,
        max,
    ]
}

fn words(saying: &Saying) -> String {
    let Saying { is_v6, kind, code, .. } = *saying;
    let name = if is_v6 { icmpv6::code_name(kind, code) } else { icmp::code_name(kind, code) };
    name.map_or_else(|| format!("type {kind} code {code}"), str::to_owned)
}

/// The errors, an object for each host and what it says.
pub(super) fn json(errors: &IcmpErrors) -> impl Iterator<Item = JsonObject> {
    errors.said().map(|(saying, said)| {
        let object = JsonObject::new()
            .text("from", &saying.from.to_string())
            .flag("v6", saying.is_v6)
            .number("type", saying.kind.into())
            .number("code", saying.code.into())
            .number("errors", said.count)
            .number("again", said.again)
            .number("unseen", said.unseen)
            .number("timed", said.times.count);
        let figures = of_answers(&said.times);
        let figures = figures.iter().filter(|_| said.times.count > 0);
        let times = figures.fold(JsonObject::new(), |object, (name, time)| object.number(name, *time));
        object.object("times_ns", times)
    })
}
