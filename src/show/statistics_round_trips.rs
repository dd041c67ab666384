//! What a capture's statistics say of TCP's round trips.

use std::fmt::Write as _;

use super::json_object::JsonObject;
use super::statistics::{MOST_ROWS, Shown};
use super::statistics_times::{Milliseconds, summary};
use super::table::{Align, table};
use crate::statistics::{Connection, RoundTrips, Spread};

/// Appends the round trips; nothing where there are none.
pub(super) fn text(out: &mut String, trips: &RoundTrips) {
    let all = trips.by_acks();
    if all.is_empty() {
        return;
    }
    out.push_str("\nTCP round trips, in milliseconds\n");
    let head = [
        ("of", Align::Left),
        ("packets", Align::Right),
        ("min", Align::Right),
        ("avg", Align::Right),
        ("p50", Align::Right),
        ("p99", Align::Right),
        ("max", Align::Right),
    ];
    let row = |name: &str, times: &Spread| {
        let [least, mean, half, most_of, most] =
            summary(times).map(|(_, time)| milliseconds(time, times.count));
        [name.to_owned(), times.count.to_string(), least, mean, half, most_of, most]
    };
    out.push_str(&table(&head, &[row("handshakes", &trips.initial), row("acknowledgments", &trips.acks)]));
    let _ = writeln!(out, "\nTCP round trips by connection: {}", all.len());
    let head = [
        ("stream", Align::Right),
        ("from", Align::Left),
        ("to", Align::Left),
        ("handshake", Align::Right),
        ("acks", Align::Right),
        ("min", Align::Right),
        ("avg", Align::Right),
        ("max", Align::Right),
    ];
    let rows: Vec<[String; 8]> = all
        .iter()
        .take(MOST_ROWS)
        .map(|one| {
            [
                one.stream.to_string(),
                Shown(one.from).to_string(),
                Shown(one.to).to_string(),
                one.initial.map_or("-".to_owned(), |time| Milliseconds(time).to_string()),
                one.acks.to_string(),
                milliseconds(one.least, one.acks),
                milliseconds(one.mean(), one.acks),
                milliseconds(one.most, one.acks),
            ]
        })
        .collect();
    out.push_str(&table(&head, &rows));
    let left = all.len().saturating_sub(MOST_ROWS);
    if left > 0 {
        let _ = writeln!(out, "and {left} more");
    }
}

/// A time of so many; a dash where there is none.
fn milliseconds(time: u64, count: u64) -> String {
    if count == 0 { "-".to_owned() } else { Milliseconds(time).to_string() }
}

/// The round trips: of all handshakes, of all acknowledgments, and by connection.
pub(super) fn json(trips: &RoundTrips) -> JsonObject {
    let spread = |times: &Spread| {
        let object = JsonObject::new().number("count", times.count);
        let figures = summary(times);
        let figures = figures.iter().filter(|_| times.count > 0);
        figures.fold(object, |object, (name, time)| object.number(&format!("{name}_ns"), *time))
    };
    JsonObject::new()
        .object("initial", spread(&trips.initial))
        .object("acks", spread(&trips.acks))
        .list("connections", trips.by_acks().iter().map(connection))
}

fn connection(one: &Connection) -> JsonObject {
    let object = JsonObject::new()
        .number("stream", one.stream)
        .text("from", &Shown(one.from).to_string())
        .text("to", &Shown(one.to).to_string());
    let object = match one.initial {
        Some(time) => object.number("initial_ns", time),
        None => object,
    };
    let object = object.number("acks", one.acks);
    if one.acks == 0 {
        return object;
    }
    object.number("min_ns", one.least).number("avg_ns", one.mean()).number("max_ns", one.most)
}
