//! What a capture's statistics say of times: rates, and how long answers took.

use std::fmt;
use std::fmt::Write as _;

use super::json_object::JsonObject;
use super::statistics::Seconds;
use super::table::{Align, table};
use crate::statistics::{ANSWERING, Answers, Spread, Statistics, Traffic};

/// Appends the rates; nothing where the capture has no times.
pub(super) fn rates(out: &mut String, statistics: &Statistics) {
    let rates = &statistics.rates;
    let (Some(by_packets), Some(by_octets)) =
        (rates.busiest(|one| one.packets), rates.busiest(|one| one.octets))
    else {
        return;
    };
    let interval = rates.interval();
    let _ =
        writeln!(out, "\nRates, in intervals of {} s: {}", interval / NANOSECONDS, rates.intervals().len());
    let head = [
        ("busiest", Align::Left),
        ("begins", Align::Right),
        ("packets", Align::Right),
        ("octets", Align::Right),
        ("packets/s", Align::Right),
        ("kbit/s", Align::Right),
    ];
    let row = |name: &str, (index, Traffic { packets, octets }): (usize, Traffic)| {
        let begins = u64::try_from(index).unwrap_or(u64::MAX).saturating_mul(interval);
        [
            name.to_owned(),
            Seconds(begins).to_string(),
            packets.to_string(),
            octets.to_string(),
            per_second(packets, interval),
            per_second(octets.saturating_mul(8) / 1000, interval),
        ]
    };
    out.push_str(&table(&head, &[row("by packets", by_packets), row("by octets", by_octets)]));
}

fn per_second(count: u64, interval: u64) -> String {
    let rate = u128::from(count).saturating_mul(u128::from(NANOSECONDS)).checked_div(u128::from(interval));
    rate.unwrap_or(0).to_string()
}

/// Appends how long answers took; nothing where nobody asked.
pub(super) fn answers(out: &mut String, statistics: &Statistics) {
    let rows: Vec<[String; 14]> = asked(statistics).map(|(_, name, answers)| row(name, answers)).collect();
    if rows.is_empty() {
        return;
    }
    out.push_str("\nAnswers: how many, and after how many milliseconds\n");
    let head = [
        ("to", Align::Left),
        ("asked", Align::Right),
        ("again", Align::Right),
        ("answered", Align::Right),
        ("again", Align::Right),
        ("unasked", Align::Right),
        ("unanswered", Align::Right),
        ("min", Align::Right),
        ("avg", Align::Right),
        ("mdev", Align::Right),
        ("p50", Align::Right),
        ("p90", Align::Right),
        ("p99", Align::Right),
        ("max", Align::Right),
    ];
    out.push_str(&table(&head, &rows));
    for (_, name, answers) in asked(statistics).filter(|(_, _, answers)| answers.beyond > 0) {
        let _ = writeln!(out, "and {} questions of {name} that there was no room for", answers.beyond);
    }
}

fn row(name: &str, answers: &Answers) -> [String; 14] {
    let counts = [
        answers.questions,
        answers.asked_again,
        answers.answers,
        answers.answered_again,
        answers.unasked,
        answers.unanswered(),
    ];
    let [asked, asked_again, answered, answered_again, unasked, unanswered] =
        counts.map(|count| count.to_string());
    let [least, mean, deviation, half, nine_tenths, most_of, most] =
        of_answers(&answers.times).map(|(_, time)| match answers.times.count {
            0 => "-".to_owned(),
            _ => Milliseconds(time).to_string(),
        });
    let name = name.to_owned();
    [
        name,
        asked,
        asked_again,
        answered,
        answered_again,
        unasked,
        unanswered,
        least,
        mean,
        deviation,
        half,
        nine_tenths,
        most_of,
        most,
    ]
}

/// The figures of some times, with their names.
pub(super) fn summary(times: &Spread) -> [(&'static str, u64); 5] {
    [
        ("min", times.least()),
        ("avg", times.mean()),
        ("p50", times.quantile(500)),
        ("p99", times.quantile(990)),
        ("max", times.most()),
    ]
}

/// The same of answers, with what `ping` says of them.
pub(super) fn of_answers(times: &Spread) -> [(&'static str, u64); 7] {
    let [min, avg, p50, p99, max] = summary(times);
    [min, avg, ("mdev", times.deviation()), p50, ("p90", times.quantile(900)), p99, max]
}

/// The protocols in which somebody asked or answered.
fn asked(statistics: &Statistics) -> impl Iterator<Item = (&'static str, &'static str, &Answers)> {
    let all = ANSWERING.iter().zip(&statistics.answers);
    let all = all.map(|((protocol, name), answers)| (*protocol, *name, answers));
    all.filter(|(_, _, answers)| answers.questions > 0 || answers.answers > 0)
}

/// The rates, interval by interval.
pub(super) fn json_rates(statistics: &Statistics) -> JsonObject {
    let rates = &statistics.rates;
    let interval =
        |one: &Traffic| JsonObject::new().number("packets", one.packets).number("octets", one.octets);
    JsonObject::new()
        .number("interval_ns", rates.interval())
        .list("intervals", rates.intervals().iter().map(interval))
}

/// How long answers took.
pub(super) fn json_answers(statistics: &Statistics) -> Vec<JsonObject> {
    let all = asked(statistics).map(|(protocol, _, answers)| {
        let times = of_answers(&answers.times)
            .iter()
            .fold(JsonObject::new(), |object, (name, time)| object.number(name, *time));
        let object = JsonObject::new()
            .text("protocol", protocol)
            .number("questions", answers.questions)
            .number("asked_again", answers.asked_again)
            .number("answers", answers.answers)
            .number("answered_again", answers.answered_again)
            .number("unasked", answers.unasked)
            .number("unanswered", answers.unanswered())
            .number("timed", answers.times.count);
        let object = if answers.times.count > 0 { object.object("times_ns", times) } else { object };
        if answers.beyond > 0 { object.number("beyond", answers.beyond) } else { object }
    });
    all.collect()
}

/// Nanoseconds as milliseconds with three places.
pub(super) struct Milliseconds(pub(super) u64);

impl fmt::Display for Milliseconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03}", self.0 / 1_000_000, self.0 % 1_000_000 / 1000)
    }
}

const NANOSECONDS: u64 = 1_000_000_000;
