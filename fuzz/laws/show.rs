//! Any octets, of any link type: whatever is printed of them has nothing that moves a cursor, lines are lines, and JSON is JSON.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};

use jiff::tz::TimeZone;
use rawsock::packet::check::Dissected;
use rawsock::proto::registry;
use rawsock::proto::view::EndPointStyle;
use rawsock::show::columns::{Columns, Style};
use rawsock::show::fields::filter_names;
use rawsock::show::line::Lines;
use rawsock::show::time::{Clock, Precision, Style as TimeStyle};
use rawsock::show::{Meta, hex, json, scapy, tree};
use rawsock::wire::frame::Direction;
use rawsock::wire::text::Text;

use super::harmless;
use super::start::Start;

/// Holds it.
pub fn check(input: &[u8]) {
    let Some(start) = Start::of(input) else { return };
    let (octets, table) = (start.octets, &start.table);
    let first = *octets.first().unwrap_or(&0);
    let wire_len = octets.len() + usize::from(first & 1) * 100;
    let dissected = Dissected { octets, table, wire_len };
    let comment = String::from_utf8_lossy(octets);
    let time = octets.first_chunk().copied().map(i64::from_be_bytes);
    let captured = Meta {
        time,
        interface: Some(&comment),
        interface_id: 7,
        direction: Direction::Inbound,
        comment: Some(comment.as_ref().into()),
        ..Meta::built(1, start.link_type)
    };
    let mut text = String::new();
    for meta in [Meta::built(1, start.link_type), captured] {
        lines(&mut text, &meta, &dissected);
        json_object(&mut text, &meta, &dissected);
        columns(&mut text, &meta, &dissected);
        for detail in [false, true] {
            let style = tree::Style { detail, ..tree::Style::default() };
            tree::packet(&mut text, &meta, &dissected, &mut clock(TimeStyle::Date), style);
            is_harmless(&mut text, true);
        }
    }
    hex::dump(&mut text, octets, true);
    text.retain(|character| character != '\t');
    is_harmless(&mut text, true);
    scapy::packet(&mut text, octets, table);
    is_harmless(&mut text, true);
}

fn clock(style: TimeStyle) -> Clock {
    Clock::new(style, Precision::Nano, TimeZone::UTC)
}

fn lines(text: &mut String, meta: &Meta<'_>, dissected: &Dissected<'_>) {
    for count in 0..6 {
        let clock = clock(TimeStyle::from_count(count));
        let link = count % 2 == 0;
        let mut lines =
            Lines { numbers: link, clock, interfaces: true, link, style: EndPointStyle::default() };
        let mut out = Text::default();
        lines.packet(&mut out, meta, dissected);
        text.push_str(out.as_str());
        is_harmless(text, false);
    }
}

fn json_object(text: &mut String, meta: &Meta<'_>, dissected: &Dissected<'_>) {
    json::packet(text, meta, dissected);
    let read: serde_json::Value =
        serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"));
    assert_eq!(read["caplen"], dissected.octets.len());
    is_harmless(text, false);
}

thread_local! {
    /// Columns of every name that filters know, by protocol: there are thousands, and looking them up takes longest.
    static COLUMNS: RefCell<HashMap<&'static str, Columns>> = RefCell::default();
}

/// Every column of the layers that are there, and of the frame.
fn columns(text: &mut String, meta: &Meta<'_>, dissected: &Dissected<'_>) {
    let names = dissected.table.entries().iter().map(|entry| registry().get(entry.protocol).name);
    let names: BTreeSet<&str> = names.chain(["frame"]).collect();
    for name in names {
        for style in [Style::Tabs, Style::Csv] {
            COLUMNS.with_borrow_mut(|known| {
                let columns = known.remove(name).unwrap_or_else(|| columns_of(name)).with_style(style);
                known.entry(name).insert_entry(columns).get_mut().packet(text, meta, dissected);
            });
            // Tabs stand between columns, and the row has an end.
            text.retain(|character| character != '\t' || style == Style::Csv);
            assert_eq!(text.pop(), Some('\n'));
            is_harmless(text, false);
        }
    }
}

fn columns_of(name: &'static str) -> Columns {
    let columns = match registry().by_name(name) {
        Some(protocol) => Columns::new(filter_names(protocol).collect::<Vec<_>>().iter().map(String::as_str)),
        None => Columns::new(["frame.time", "frame.interface_name", "frame.protocols", "frame.comment"]),
    };
    columns.unwrap_or_else(|error| panic!("{error}"))
}

/// What goes to a terminal; it is emptied for the next.
fn is_harmless(text: &mut String, has_lines: bool) {
    if has_lines {
        harmless::lines(text)
    } else {
        harmless::line(text)
    }
    text.clear();
}
