//! Pings as JSON: an object for each event, and one for each target at the end.

use crate::exchange::engine::Nanos;
use crate::exchange::ping::ledger::{Ledger, PacketClass, ProbeClass};
use crate::exchange::ping::sample::{Legs, Sample};
use crate::exchange::ping::statistics::{LegSpreads, Statistics};
use crate::exchange::ping::told::{Answer, Route, Told};
use crate::exchange::ping::{Damage, Event, Ping, Reply, Target};
use crate::show::json_object::JsonObject;
use crate::show::ping::short;
use crate::statistics::Spread;

/// An event as a JSON line.
pub fn event(out: &mut String, ping: &Ping, event: &Event) {
    let line = match event {
        Event::Reply(reply) => {
            about(ping, "reply", reply.target, reply.seq, reply.wall).map(|object| reply_of(object, reply))
        }
        Event::Error { target, seq, from, text, kind: (kind, code), mtu, rtt, wall, .. } => {
            about(ping, "error", *target, *seq, *wall).map(|object| {
                let object = object
                    .text("from", &from.to_string())
                    .number("type", (*kind).into())
                    .number("code", (*code).into())
                    .text("text", text)
                    .number("rtt_ns", *rtt);
                match mtu {
                    Some(mtu) => object.number("mtu", (*mtu).into()),
                    None => object,
                }
            })
        }
        Event::Dropped { target, seq, reason, text, wall, .. } => {
            about(ping, "dropped", *target, *seq, *wall)
                .map(|object| object.text("reason", reason.name()).text("text", text))
        }
        Event::LeavesAgain { target, seq, wall } => about(ping, "leaves_again", *target, *seq, *wall),
        Event::Lost { target, seq, class, wall } => {
            about(ping, "lost", *target, *seq, *wall).map(|object| object.text("class", class.name()))
        }
        Event::Stray { from, kind: (kind, code), wall } => Some(
            JsonObject::new()
                .text("event", "stray")
                .text("time", &time(*wall))
                .text("from", &from.to_string())
                .number("type", (*kind).into())
                .number("code", (*code).into()),
        ),
    };
    if let Some(line) = line {
        out.push_str(&line.end());
        out.push('\n');
    }
}

fn about(ping: &Ping, event: &str, target: usize, seq: u64, wall: i64) -> Option<JsonObject> {
    let target = ping.targets().get(target)?;
    let object = JsonObject::new().text("event", event).text("host", &target.name);
    Some(object.text("address", &target.address.to_string()).number("seq", seq).text("time", &time(wall)))
}

fn time(wall: i64) -> String {
    format!("{}.{:09}", wall.div_euclid(1_000_000_000), wall.rem_euclid(1_000_000_000))
}

fn reply_of(object: JsonObject, reply: &Reply) -> JsonObject {
    let Sample { rtt, left, came, clock, legs } = &reply.sample;
    let mut object = object
        .text("from", &reply.from.to_string())
        .number("len", reply.len as u64)
        .number("rtt_ns", *rtt)
        .text("left_by", left.name())
        .text("came_by", came.name());
    if let Some(ttl) = reply.ttl {
        object = object.number("ttl", ttl.into());
    }
    object = object
        .text("class", reply.class.name())
        .flag("duplicate", reply.class == PacketClass::Duplicate)
        .flag("late", reply.late);
    if let Some(by) = clock {
        object = object.written("clock_moved_ns", by);
    }
    if let Some(damage) = reply.damage {
        object = object.object("damage", damage_of(damage));
    }
    if *legs != Legs::default() {
        object = object.object("legs_ns", legs_of(legs));
    }
    told_of(object, &reply.told)
}

fn damage_of(damage: Damage) -> JsonObject {
    let object = JsonObject::new();
    match damage {
        Damage::Checksum => object.text("checksum", "bad"),
        Damage::Octet { at, sent, came } => {
            object.number("octet", at as u64).number("sent", sent.into()).number("came", came.into())
        }
        Damage::Length { sent, came } => {
            object.number("sent_len", sent as u64).number("came_len", came as u64)
        }
        Damage::Tag => object.text("tag", "wrong"),
    }
}

fn legs_of(legs: &Legs) -> JsonObject {
    let parts = [("stack", legs.stack), ("queue", legs.queue), ("wire", legs.wire), ("wakeup", legs.wakeup)];
    let known = parts.into_iter().filter_map(|(name, time)| Some((name, time?)));
    known.fold(JsonObject::new(), |object, (name, time)| object.number(name, time))
}

fn told_of(mut object: JsonObject, told: &Told) -> JsonObject {
    match told.answer {
        Some(Answer::Timestamps { originate, receive, transmit }) => {
            let stamps = JsonObject::new()
                .number("originate", originate.into())
                .number("receive", receive.into())
                .number("transmit", transmit.into());
            object = object.object("timestamps", stamps);
        }
        Some(Answer::Interface { code, state, is_active, has_ipv4, has_ipv6 }) => {
            let interface = JsonObject::new()
                .number("code", code.into())
                .number("state", state.into())
                .flag("active", is_active)
                .flag("ipv4", has_ipv4)
                .flag("ipv6", has_ipv6);
            object = object.object("interface", interface);
        }
        None => {}
    }
    for route in &told.route {
        object = match route {
            Route::Addresses(addresses) => {
                object.texts("record_route", addresses.iter().map(ToString::to_string))
            }
            Route::Stamps { stamps, overflow } => {
                let item = |(address, time): &(Option<std::net::Ipv4Addr>, u32)| {
                    let object = JsonObject::new().number("time", (*time).into());
                    match address {
                        Some(address) => object.text("address", &address.to_string()),
                        None => object,
                    }
                };
                object
                    .list("route_stamps", stamps.iter().map(item))
                    .number("route_overflow", (*overflow).into())
            }
        };
    }
    object
}

/// A target's figures as a JSON line.
pub fn summary(out: &mut String, target: &Target, ended: Nanos) {
    let ledger = &target.ledger;
    let object = JsonObject::new()
        .text("event", "summary")
        .text("host", &target.name)
        .text("address", &target.address.to_string())
        .number("transmitted", target.transmitted())
        .number("received", ledger.answered())
        .written("loss_percent", short(target.loss_percent()))
        .number("duration_ns", ended.saturating_sub(target.first_sent.unwrap_or(ended)));
    end(out, object, ledger, &target.times);
}

/// The figures of all targets together as a JSON line.
pub fn totals(out: &mut String, targets: usize, ledger: &Ledger, times: &Statistics) {
    let object = JsonObject::new().text("event", "totals").number("targets", targets as u64);
    end(out, object, ledger, times);
}

fn end(out: &mut String, object: JsonObject, ledger: &Ledger, times: &Statistics) {
    let probes = ProbeClass::ALL
        .into_iter()
        .fold(JsonObject::new(), |object, class| object.number(class.name(), ledger.probes(class)));
    let packets = PacketClass::ALL
        .into_iter()
        .fold(JsonObject::new(), |object, class| object.number(class.name(), ledger.packets(class)));
    let drops = ledger
        .drops
        .iter()
        .fold(JsonObject::new(), |object, (reason, count)| object.number(reason.name(), *count));
    let mut object = object
        .object("probes", probes)
        .object("packets", packets)
        .object("drops", drops)
        .list("icmp_errors", ledger.errors.iter().map(error_of))
        .number("by_user_stamps", times.by_user)
        .number("clock_moved", times.clock_touched);
    if let Some(round) = times.round_trip() {
        let times = JsonObject::new()
            .number("min", round.min)
            .number("avg", round.avg)
            .number("max", round.max)
            .number("mdev", round.mdev)
            .number("jitter", round.jitter)
            .number("p50", round.p50)
            .number("p90", round.p90)
            .number("p99", round.p99);
        object = object.object("rtt_ns", times);
    }
    out.push_str(&object.end());
    out.push('\n');
}

fn error_of(((from, kind, code), count): (&(std::net::IpAddr, u8, u8), &u64)) -> JsonObject {
    JsonObject::new()
        .text("from", &from.to_string())
        .number("type", (*kind).into())
        .number("code", (*code).into())
        .number("count", *count)
}

/// Where round trips were spent, as a JSON line; `place` says whose.
pub fn anatomy(out: &mut String, place: &str, legs: &LegSpreads) {
    let leg = |times: &Spread| {
        JsonObject::new()
            .number("count", times.count)
            .number("min", times.least())
            .number("p50", times.quantile(500))
            .number("p99", times.quantile(990))
    };
    let object = JsonObject::new()
        .text("event", "anatomy")
        .text("of", place)
        .object("stack_ns", leg(&legs.stack))
        .object("queue_ns", leg(&legs.queue))
        .object("wire_ns", leg(&legs.wire))
        .object("wakeup_ns", leg(&legs.wakeup));
    out.push_str(&object.end());
    out.push('\n');
}

/// What was expected, and what was found, as a JSON line.
pub fn expectation(out: &mut String, text: &str, is_met: bool, found: &str) {
    let object = JsonObject::new()
        .text("event", "expected")
        .text("text", text)
        .flag("met", is_met)
        .text("found", found);
    out.push_str(&object.end());
    out.push('\n');
}
