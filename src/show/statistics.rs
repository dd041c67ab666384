//! Statistics of a capture, as tables and as one JSON object.

use std::fmt;
use std::fmt::Write as _;

use super::json_object::JsonObject;
use super::statistics_errors as errors;
use super::statistics_round_trips as round_trips;
use super::statistics_times as times;
use super::table::{Align, table};
use crate::statistics::{CONVERSING, Conversations, EndPoint, EndPoints, Node, SIZES, Statistics, Traffic};
use crate::wire::value::ValueRef;

/// Rows of each table of conversations and end points that are printed.
pub(super) const MOST_ROWS: usize = 20;

/// Rows of the table of top talkers.
const MOST_TALKERS: usize = 10;

/// All tables.
pub fn text(statistics: &Statistics) -> String {
    let mut out = totals(statistics);
    out.push_str("\nProtocols: packets, octets\n");
    let most = statistics.all.packets;
    statistics.hierarchy.roots.iter().for_each(|node| hierarchy(node, 1, most, &mut out));
    out.push_str("\nSizes\n");
    out.push_str(&sizes(statistics));
    times::rates(&mut out, statistics);
    times::answers(&mut out, statistics);
    errors::text(&mut out, &statistics.icmp_errors);
    round_trips::text(&mut out, &statistics.round_trips);
    top_talkers(&mut out, statistics);
    for ((_, name), conversations) in CONVERSING.iter().zip(&statistics.conversations) {
        if conversations.count() > 0 {
            let _ = writeln!(out, "\n{name} conversations: {}", conversations.count());
            out.push_str(&conversation_table(conversations, statistics));
            let points = conversations.end_points();
            let _ = writeln!(out, "\n{name} end points: {}", points.len());
            let head = [
                ("end point", Align::Left),
                ("packets", Align::Right),
                ("octets", Align::Right),
                ("sent", Align::Right),
                ("received", Align::Right),
            ];
            let rows: Vec<[String; 5]> = points
                .iter()
                .take(MOST_ROWS)
                .map(|(point, sent, received)| {
                    let Traffic { packets, octets } = sent.and(*received);
                    let cells =
                        [packets, octets, sent.packets, received.packets].map(|count| count.to_string());
                    let [packets, octets, sent, received] = cells;
                    [Shown(*point).to_string(), packets, octets, sent, received]
                })
                .collect();
            out.push_str(&table(&head, &rows));
            more(&mut out, points.len());
        }
    }
    out
}

fn more(out: &mut String, count: usize) {
    let left = count.saturating_sub(MOST_ROWS);
    if left > 0 {
        let _ = writeln!(out, "and {left} more");
    }
}

fn totals(statistics: &Statistics) -> String {
    let Traffic { packets, octets } = statistics.all;
    let mut out =
        format!("{packets} packets, {octets} octets on the wire, {} captured\n", statistics.captured);
    let nanoseconds = statistics.duration();
    if nanoseconds > 0 && packets > 0 {
        #[allow(clippy::cast_precision_loss)] // A rate has no more than a few digits.
        let (seconds, packets, octets) = (nanoseconds as f64 / 1e9, packets as f64, octets as f64);
        let _ = writeln!(
            out,
            "{seconds:.6} s, {:.1} packets/s, {:.1} kbit/s, {:.1} octets a packet",
            packets / seconds,
            octets * 8.0 / 1000.0 / seconds,
            octets / packets
        );
    }
    out
}

fn hierarchy(node: &Node, depth: usize, all: u64, out: &mut String) {
    let name = format!("{:depth$}{}", "", node.protocol, depth = depth.saturating_mul(2));
    let Traffic { packets, octets } = node.traffic;
    let _ = writeln!(out, "{name:<28}{packets:>10}{:>7}{octets:>14}", Percent(packets, all).to_string());
    node.children.iter().for_each(|child| hierarchy(child, depth.saturating_add(1), all, out));
}

fn sizes(statistics: &Statistics) -> String {
    let mut least = 0;
    let mut rows = Vec::new();
    for (place, count) in statistics.sizes.iter().enumerate() {
        let range = match SIZES.get(place) {
            Some(most) => format!("{least}-{most}"),
            None => format!("{least} and more"),
        };
        least = SIZES.get(place).map_or(least, |most| most.saturating_add(1));
        if *count > 0 {
            rows.push([range, count.to_string(), Percent(*count, statistics.all.packets).to_string()]);
        }
    }
    table(&[("octets", Align::Left), ("packets", Align::Right), ("", Align::Right)], &rows)
}

/// The IP addresses that sent and received the most octets.
fn top_talkers(out: &mut String, statistics: &Statistics) {
    let talkers = talkers(statistics);
    if talkers.is_empty() {
        return;
    }
    let head = [
        ("end point", Align::Left),
        ("octets", Align::Right),
        ("", Align::Right),
        ("sent", Align::Right),
        ("received", Align::Right),
    ];
    let all = statistics.all.octets;
    let rows: Vec<[String; 5]> = talkers
        .iter()
        .take(MOST_TALKERS)
        .map(|(point, sent, received)| {
            let octets = sent.and(*received).octets;
            let cells = [sent.octets, received.octets].map(|count| count.to_string());
            let [sent, received] = cells;
            [Shown(*point).to_string(), octets.to_string(), Percent(octets, all).to_string(), sent, received]
        })
        .collect();
    out.push_str("\nTop talkers, in octets\n");
    out.push_str(&table(&head, &rows));
}

/// The end points of both versions of IP, those with the most octets first.
fn talkers(statistics: &Statistics) -> EndPoints {
    let mut talkers: EndPoints = CONVERSING
        .iter()
        .zip(&statistics.conversations)
        .filter(|((protocol, _), _)| matches!(*protocol, "ip" | "ipv6"))
        .flat_map(|(_, conversations)| conversations.end_points())
        .collect();
    talkers.sort_by_key(|(_, sent, received)| std::cmp::Reverse(sent.and(*received).octets));
    talkers
}

fn conversation_table(conversations: &Conversations, statistics: &Statistics) -> String {
    let head = [
        ("from", Align::Left),
        ("to", Align::Left),
        ("packets", Align::Right),
        ("octets", Align::Right),
        ("->", Align::Right),
        ("<-", Align::Right),
        ("begins", Align::Right),
        ("lasts", Align::Right),
    ];
    let start = statistics.times.map_or(0, |(first, _)| first);
    let all = conversations.by_packets();
    let rows: Vec<[String; 8]> = all
        .iter()
        .take(MOST_ROWS)
        .map(|one| {
            let Traffic { packets, octets } = one.sent.and(one.received);
            let (begins, lasts) =
                one.times.map_or((0, 0), |(first, last)| (first.abs_diff(start), last.abs_diff(first)));
            [
                Shown(one.from).to_string(),
                Shown(one.to).to_string(),
                packets.to_string(),
                octets.to_string(),
                one.sent.packets.to_string(),
                one.received.packets.to_string(),
                Seconds(begins).to_string(),
                Seconds(lasts).to_string(),
            ]
        })
        .collect();
    let mut out = table(&head, &rows);
    more(&mut out, all.len());
    if conversations.beyond.packets > 0 {
        let _ = writeln!(
            out,
            "and {} packets of conversations that there was no room for",
            conversations.beyond.packets
        );
    }
    out
}

/// Everything as one JSON object, without a line end.
pub fn json(statistics: &Statistics) -> String {
    let traffic = |object: JsonObject, traffic: Traffic| {
        object.number("packets", traffic.packets).number("octets", traffic.octets)
    };
    let talkers = talkers(statistics).into_iter().take(MOST_TALKERS).map(|(point, sent, received)| {
        traffic(JsonObject::new().text("end_point", &Shown(point).to_string()), sent.and(received))
    });
    let mut object = traffic(JsonObject::new().text("event", "statistics"), statistics.all)
        .number("captured", statistics.captured)
        .number("duration_ns", statistics.duration())
        .object("lengths", json_lengths(statistics))
        .list("sizes", json_sizes(statistics))
        .object("rates", times::json_rates(statistics))
        .list("response_times", times::json_answers(statistics))
        .list("icmp_errors", errors::json(&statistics.icmp_errors))
        .object("tcp_round_trips", round_trips::json(&statistics.round_trips))
        .list("top_talkers", talkers)
        .list("protocols", statistics.hierarchy.roots.iter().map(json_node));
    for ((protocol, _), conversations) in CONVERSING.iter().zip(&statistics.conversations) {
        let talks = conversations.by_packets().into_iter().map(|one| {
            let (first, last) = one.times.unwrap_or_default();
            JsonObject::new()
                .text("from", &Shown(one.from).to_string())
                .text("to", &Shown(one.to).to_string())
                .list("sent", [traffic(JsonObject::new(), one.sent)])
                .list("received", [traffic(JsonObject::new(), one.received)])
                .number("duration_ns", last.abs_diff(first))
        });
        object = object.list(&format!("{protocol}.conversations"), talks);
        let points = conversations.end_points().into_iter().map(|(point, sent, received)| {
            JsonObject::new()
                .text("end_point", &Shown(point).to_string())
                .list("sent", [traffic(JsonObject::new(), sent)])
                .list("received", [traffic(JsonObject::new(), received)])
        });
        object = object.list(&format!("{protocol}.end_points"), points);
    }
    object.end()
}

fn json_lengths(statistics: &Statistics) -> JsonObject {
    let (shortest, longest) = statistics.lengths.unwrap_or_default();
    JsonObject::new().number("min", u64::from(shortest)).number("max", u64::from(longest))
}

fn json_sizes(statistics: &Statistics) -> Vec<JsonObject> {
    let mut least = 0;
    let mut all = Vec::new();
    for (place, count) in statistics.sizes.iter().enumerate() {
        let object = JsonObject::new().number("least", u64::from(least));
        let object = match SIZES.get(place) {
            Some(most) => object.number("most", u64::from(*most)),
            None => object,
        };
        least = SIZES.get(place).map_or(least, |most| most.saturating_add(1));
        all.push(object.number("packets", *count));
    }
    all
}

fn json_node(node: &Node) -> JsonObject {
    JsonObject::new()
        .text("protocol", node.protocol)
        .number("packets", node.traffic.packets)
        .number("octets", node.traffic.octets)
        .list("carries", node.children.iter().map(json_node))
}

pub(super) struct Shown(pub(super) EndPoint);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            EndPoint::Mac(mac) => write!(f, "{}", ValueRef::Mac(mac)),
            EndPoint::Address(address) => write!(f, "{address}"),
            EndPoint::Port(address, port) => write!(f, "{}", std::net::SocketAddr::new(address, port)),
        }
    }
}

struct Percent(u64, u64);

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let thousandth = u128::from(self.0) * 1000 / u128::from(self.1.max(1));
        write!(f, "{}.{}%", thousandth / 10, thousandth % 10)
    }
}

/// Nanoseconds as seconds with six places.
pub(super) struct Seconds(pub(super) u64);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06}", self.0 / 1_000_000_000, self.0 % 1_000_000_000 / 1000)
    }
}
