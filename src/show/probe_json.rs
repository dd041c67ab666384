//! What probe tells as JSON.

use crate::exchange::engine::{Nanos, Stamp};
use crate::exchange::probe::bisect::{Found, Tried};
use crate::exchange::probe::compare::{Comparison, Row};
use crate::exchange::probe::verdict::Judgement;
use crate::exchange::probe::{
    EndPoint, Finished, IcmpReason, Negotiated, Outcome, Seen, Segment, Strays, Times, Verdict, Way, routers,
};
use crate::show::json_object::JsonObject;

use super::probe::transport;

/// A probe: an object of the event `probe`.
pub fn probe(end_point: &EndPoint, probe: &Finished, shape: Option<&str>, anatomy: bool) -> String {
    let Finished { question, outcome } = probe;
    let mut object = head("probe", end_point, question.way)
        .text("way", way_name(question.way))
        .number("seq", question.seq)
        .text("state", outcome.verdict.state())
        .number("took_ns", outcome.times.took());
    if let Some(shape) = shape {
        object = object.text("shape", shape);
    }
    object = answered(object, outcome);
    if anatomy {
        object = object.object("anatomy", parts(&outcome.times));
    }
    object.end()
}

fn head(event: &str, end_point: &EndPoint, way: Way) -> JsonObject {
    JsonObject::new()
        .text("event", event)
        .text("transport", transport(way))
        .text("host", &end_point.host)
        .text("address", &end_point.address.ip().to_string())
        .number("port", end_point.address.port().into())
}

/// The name of a way.
pub fn way_name(way: Way) -> &'static str {
    match way {
        Way::Connect => "connect",
        Way::ConnectAs(_) => "connect_as",
        Way::Datagram => "datagram",
        Way::Syn(_) => "syn",
        Way::RawDatagram => "raw_datagram",
        Way::Echo { .. } => "echo",
    }
}

fn answered(mut object: JsonObject, outcome: &Outcome) -> JsonObject {
    let is_timed = !matches!(outcome.verdict, Verdict::NoAnswer | Verdict::Failed { .. });
    if is_timed {
        object = timed(object, outcome.times.rtt(), outcome.times.stamps());
    }
    if let Some(local) = outcome.local {
        object = object.text("local", &local.to_string());
    }
    if let Verdict::Open { answer } = &outcome.verdict
        && !answer.is_empty()
    {
        object = object.text("answer", &hex::encode(answer));
    }
    if let Some(fulfilled) = outcome.fulfilled {
        object = object.flag("expected", fulfilled);
    }
    if let Some(by) = outcome.verdict.icmp() {
        object = object.object("icmp", icmp(&by));
    } else if let Some(seen) = &outcome.seen {
        object = looks(object, seen);
    }
    if let Some(negotiated) = &outcome.negotiated {
        object = object.object("tcp_info", connection(negotiated));
    }
    match &outcome.verdict {
        Verdict::Failed { reason, .. } | Verdict::Unreachable { reason, .. } if !reason.is_empty() => {
            object.text("reason", reason)
        }
        _ => object,
    }
}

fn timed(object: JsonObject, rtt: Nanos, (left, came): (Stamp, Stamp)) -> JsonObject {
    object.number("rtt_ns", rtt).text("left_by", left.name()).text("came_by", came.name())
}

fn icmp(by: &IcmpReason) -> JsonObject {
    let object =
        JsonObject::new().number("type", by.kind.into()).number("code", by.code.into()).flag("v6", by.is_v6);
    match by.from {
        Some(from) => object.text("from", &from.to_string()),
        None => object,
    }
}

fn looks(mut object: JsonObject, seen: &Seen) -> JsonObject {
    if let Some(ttl) = seen.ttl {
        object = object.number("ttl", ttl.into()).number("routers", routers(ttl).into());
    }
    if let Some(id) = seen.ip_id {
        object = object.number("ip_id", id.into());
    }
    match &seen.segment {
        Some(segment) => header(object, segment),
        None => object,
    }
}

fn header(object: JsonObject, segment: &Segment) -> JsonObject {
    let options = segment.options.iter().map(|(name, number)| {
        let option = JsonObject::new().text("name", name);
        match number {
            Some(number) => option.number("value", *number),
            None => option,
        }
    });
    object.text("flags", &segment.flags).number("window", segment.window.into()).list("options", options)
}

fn connection(negotiated: &Negotiated) -> JsonObject {
    let object = JsonObject::new()
        .number("rtt_us", negotiated.rtt_us.into())
        .number("rtt_var_us", negotiated.rtt_var_us.into())
        .number("snd_mss", negotiated.snd_mss.into())
        .number("advmss", negotiated.advmss.into())
        .number("path_mtu", negotiated.path_mtu.into())
        .flag("timestamps", negotiated.timestamps)
        .flag("sack", negotiated.sack)
        .flag("ecn", negotiated.ecn)
        .number("retransmits", negotiated.retransmits.into());
    match negotiated.window_scales {
        Some((theirs, ours)) => object.number("snd_wscale", theirs.into()).number("rcv_wscale", ours.into()),
        None => object,
    }
}

fn parts(times: &Times) -> JsonObject {
    let mut object = JsonObject::new();
    if let Some(queued) = times.queued {
        object = object.number("call_to_queue_ns", queued.at.saturating_sub(times.asked));
    }
    if let Some(left) = times.left {
        object = object.number("call_to_driver_ns", left.at.saturating_sub(times.asked));
    }
    if let (Some(left), Some(came)) = (times.left, times.came) {
        object = object.number("wire_ns", left.until(came));
    }
    if let Some(came) = times.came {
        object = object.number("kernel_to_program_ns", times.read.saturating_sub(came.at));
    }
    object
}

/// What came beside the answers.
pub fn strays(object: JsonObject, strays: &Strays) -> JsonObject {
    object
        .number("duplicates", strays.duplicates)
        .number("late", strays.late)
        .number("forged", strays.forged)
        .number("damaged", strays.damaged)
}

/// Ways side by side: an object of the event `comparison`.
pub fn comparison(
    end_point: &EndPoint,
    comparison: &Comparison,
    name_of: &dyn Fn(Way) -> String,
    judgements: &[Judgement],
    rule: Option<&str>,
) -> String {
    let mut object = head("comparison", end_point, Way::Connect);
    if let Some(first) = judgements.first() {
        object = object.text("verdict", first.cause.name());
    }
    let found = judgements.iter().map(|judgement| {
        JsonObject::new().text("cause", judgement.cause.name()).text("evidence", &judgement.evidence)
    });
    object = object.list("causes", found);
    if let Some(rule) = rule {
        object = object.text("rule", rule);
    }
    if let Some(mtu) = comparison.path_mtu {
        object = object.number("path_mtu", mtu.into());
    }
    let rows = comparison.rows().iter().filter(|row| !row.outcomes.is_empty());
    object.list("ways", rows.map(|row| side(row, &name_of(row.way)))).end()
}

fn side(row: &Row, name: &str) -> JsonObject {
    let mut object = JsonObject::new()
        .text("way", way_name(row.way))
        .text("name", name)
        .text("state", row.class().name())
        .number("asked", row.outcomes.len() as u64)
        .number("answered", row.answered() as u64);
    if let Some((rtt, stamps)) = row.rtt() {
        object = timed(object, rtt, stamps);
    }
    let by = row.outcomes.iter().find_map(|outcome| outcome.verdict.icmp());
    if let Some(by) = by {
        object = object.object("icmp", icmp(&by));
    }
    if let Some(seen) = row.seen() {
        object = looks(object, seen);
    }
    if let Some(negotiated) = row.negotiated() {
        object = object.object("tcp_info", connection(negotiated));
    }
    match row.failure() {
        Some(reason) => object.text("reason", reason),
        None => object,
    }
}

/// What a search for the option or field came to: an object of the event `bisect`.
pub fn bisect(end_point: &EndPoint, found: &Found, tried: &[Tried], packets: usize) -> String {
    let mut object = head("bisect", end_point, Way::Syn(0)).number("packets", packets as u64);
    let change = |name: String, to: &str| JsonObject::new().text("change", &name).text("state", to);
    object = match found {
        Found::Alike(class) => object.text("found", "alike").text("state", class.name()),
        Found::Unsteady => object.text("found", "unsteady"),
        Found::Single { from, edits } => object
            .text("found", "single")
            .text("state", from.name())
            .list("changes", edits.iter().map(|(edit, to)| change(edit.to_string(), to.name()))),
        Found::Together { from, edits, to } => object
            .text("found", "together")
            .text("state", from.name())
            .list("changes", edits.iter().map(|edit| change(edit.to_string(), to.name()))),
        Found::Unnamed { from, to } => {
            object.text("found", "unnamed").text("state", from.name()).text("other_state", to.name())
        }
    };
    let tried = tried
        .iter()
        .map(|tried| JsonObject::new().text("shape", &tried.name).text("state", tried.class.name()));
    object.list("tried", tried).end()
}
