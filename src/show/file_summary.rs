//! What can be said of a capture file, as lines in the words of capinfos and as one JSON object.

use std::fmt::Write as _;

use super::json_object::JsonObject;
use super::text::printable;
use super::time::{Clock, Precision, Style, seconds};
use crate::file::{CaptureReader, Interface, Section};
use crate::proto::registry;
use crate::statistics::FileSummary;
use crate::wire::frame::LinkType;
use crate::wire::text::Text;
use jiff::tz::TimeZone;

/// A file, and what its packets come to.
#[derive(Clone, Copy)]
pub struct Summarized<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its octets on the disk; `None` of a stream.
    pub len: Option<u64>,
    /// The file, read to its end.
    pub reader: &'a CaptureReader,
    /// What its packets come to.
    pub summary: &'a FileSummary,
}

/// All lines; dates are those of `zone`.
pub fn text(file: &Summarized<'_>, zone: &TimeZone) -> String {
    let FileSummary { packets, octets, captured, cut, longest, times, .. } = *file.summary;
    let mut out = String::new();
    let mut say = |title: &str, value: &str| {
        let _ = writeln!(out, "{:<21}{value}", format!("{title}:"));
    };
    say("File name", &printable(file.name));
    say("File type", &kind(file.reader));
    for (link_type, count) in &file.summary.of_link_type {
        say("Encapsulation", &format!("{}, {count} packets", link(*link_type)));
    }
    say("Number of packets", &format!("{packets}{}", of(cut, "cut, the longest piece has", longest)));
    if let Some(len) = file.len {
        say("File size", &format!("{len} octets"));
    }
    say("Data size", &format!("{octets} octets, {captured} of them in the file"));
    let date = |time| {
        let mut text = Text::default();
        Clock::new(Style::Date, Precision::Nano, zone.clone()).write(&mut text, Some(time));
        text.as_str().trim_end().to_owned()
    };
    if let Some((earliest, latest)) = times {
        let mut duration = Text::default();
        seconds(&mut duration, i64::try_from(file.summary.duration()).unwrap_or(i64::MAX));
        say("Capture duration", &format!("{} seconds", duration.as_str()));
        say("First packet time", &date(earliest));
        say("Last packet time", &date(latest));
    }
    for (title, value, unit) in rates(file.summary) {
        say(title, &format!("{value:.2} {unit}"));
    }
    say("Strict time order", &order(file.summary));
    let section = file.reader.section();
    for (title, _, value) in section.into_iter().flat_map(said) {
        say(title, &printable(value));
    }
    for (number, interface) in file.reader.interfaces().iter().enumerate() {
        say(&format!("Interface {number}"), &described(interface, packets_of(file.summary, number)));
    }
    out
}

/// The same as one JSON object on a line.
pub fn json(file: &Summarized<'_>) -> String {
    let summary = file.summary;
    let mut object =
        JsonObject::new().text("event", "file").text("file", file.name).text("type", &kind(file.reader));
    let links = summary.of_link_type.iter().map(|(link_type, packets)| {
        JsonObject::new().number("link_type", link_type.0.into()).number("packets", *packets)
    });
    object =
        object.list("encapsulations", links).number("packets", summary.packets).number("cut", summary.cut);
    object = match file.len {
        Some(len) => object.number("file_size", len),
        None => object.nothing("file_size"),
    };
    object = object.number("octets", summary.octets).number("captured", summary.captured);
    let time = |time: i64| {
        let mut text = Text::default();
        seconds(&mut text, time);
        text.as_str().to_owned()
    };
    let (first, last) = summary.times.map(|(first, last)| (time(first), time(last))).unzip();
    object = object
        .text_or_nothing("first", first.as_deref())
        .text_or_nothing("last", last.as_deref())
        .number("duration_ns", summary.duration())
        .number("backward", summary.backward)
        .number("untimed", summary.untimed);
    for (_, name, value) in file.reader.section().into_iter().flat_map(said) {
        object = object.text(name, value);
    }
    let interfaces = file.reader.interfaces().iter().enumerate();
    let interfaces = interfaces.map(|(number, interface)| {
        let object = JsonObject::new()
            .text_or_nothing("name", interface.name.as_deref())
            .number("link_type", interface.link_type.0.into())
            .number("snap_len", interface.snap_len.into())
            .text_or_nothing("filter", interface.filter.as_deref())
            .number("packets", packets_of(summary, number));
        match interface.counts.lost() {
            Some(lost) => object.number("lost", lost),
            None => object.nothing("lost"),
        }
    });
    object.list("interfaces", interfaces).end()
}

fn kind(reader: &CaptureReader) -> String {
    match reader.packing() {
        Some(packing) => format!("{}, packed by {}", reader.format_name(), packing.name()),
        None => reader.format_name().to_owned(),
    }
}

fn order(summary: &FileSummary) -> String {
    match (summary.untimed, summary.backward) {
        (0, 0) => "True".to_owned(),
        (0, backward) => format!("False, {backward} packets go back in time"),
        (untimed, _) => format!("Unknown, {untimed} packets have no time"),
    }
}

fn link(link_type: LinkType) -> String {
    match registry().of_link_type(link_type.0) {
        Some(protocol) => format!("{} (link type {})", protocol.title, link_type.0),
        None => format!("link type {}", link_type.0),
    }
}

fn of(cut: u64, words: &str, longest: u32) -> String {
    if cut == 0 { String::new() } else { format!(", {cut} of them {words} {longest} octets") }
}

fn packets_of(summary: &FileSummary, number: usize) -> u64 {
    summary.of_interface.get(number).copied().unwrap_or(0)
}

/// What a section says of its making: title, name in JSON, value.
fn said(section: &Section) -> impl Iterator<Item = (&'static str, &'static str, &str)> {
    [
        ("Capture hardware", "hardware", &section.hardware),
        ("Capture oper-sys", "os", &section.os),
        ("Capture application", "application", &section.application),
        ("Capture comment", "comment", &section.comment),
    ]
    .into_iter()
    .filter_map(|(title, name, value)| Some((title, name, value.as_deref()?)))
}

/// One interface on one line.
fn described(interface: &Interface, packets: u64) -> String {
    let mut out = interface.name.as_deref().map(|name| format!("{}, ", printable(name))).unwrap_or_default();
    let _ = write!(out, "{}, {packets} packets", link(interface.link_type));
    if let Some(lost) = interface.counts.lost() {
        let _ = write!(out, ", {lost} lost");
    }
    if interface.snap_len > 0 {
        let _ = write!(out, ", at most {} octets of each", interface.snap_len);
    }
    for (words, value) in [
        ("filter", &interface.filter),
        ("description", &interface.description),
        ("hardware", &interface.hardware),
        ("system", &interface.os),
        ("comment", &interface.comment),
    ] {
        if let Some(value) = value {
            let _ = write!(out, ", {words}: {}", printable(value));
        }
    }
    out
}

/// What there is of a second, and of a packet.
#[allow(clippy::cast_precision_loss, reason = "a rate has no more than a few digits")]
fn rates(summary: &FileSummary) -> Vec<(&'static str, f64, &'static str)> {
    let (packets, octets) = (summary.packets as f64, summary.octets as f64);
    let seconds = summary.duration() as f64 / 1e9;
    let mut rates = Vec::new();
    if seconds > 0.0 {
        rates.push(("Data byte rate", octets / seconds, "octets/s"));
        rates.push(("Data bit rate", octets * 8.0 / seconds, "bits/s"));
    }
    if packets > 0.0 {
        rates.push(("Average packet size", octets / packets, "octets"));
    }
    if seconds > 0.0 {
        rates.push(("Average packet rate", packets / seconds, "packets/s"));
    }
    rates
}
