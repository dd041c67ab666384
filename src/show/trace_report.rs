//! What many rounds of a trace came to: a line for each hop, as `mtr -r` prints it and with quantiles besides, and why answers are
//! missing.

use std::fmt::{self, Write};
use std::net::IpAddr;

use super::trace::{Milliseconds, NameOf, annotation, change_json, change_words, host};
use crate::exchange::engine::Nanos;
use crate::exchange::trace::{Cause, HopRecord, Method, Missing, Rounds, TracePlan};
use crate::show::json_object::JsonObject;
use crate::show::text::push_printable;

/// The line that a report begins with; `name` is what the user calls the host.
pub fn head(out: &mut String, name: &str, plan: &TracePlan) -> fmt::Result {
    out.push_str("trace to ");
    push_printable(out, name);
    let TracePlan { destination, last_hop, packet_len, .. } = plan;
    writeln!(out, " ({destination}), {last_hop} hops max, {packet_len} byte packets")
}

/// The names of the columns, where hosts have so many places.
pub fn columns(host_width: usize) -> String {
    format!(
        "{:>3}  {:host_width$} {:>6} {:>6} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9}",
        "", "", "Loss%", "Snt", "Last", "Avg", "Best", "Wrst", "StDev", "p50", "p95", "p99"
    )
}

/// How many places the hosts of all hops need.
pub fn host_width(hops: &[HopRecord], name_of: NameOf<'_>) -> usize {
    let routers = hops.iter().flat_map(|hop| &hop.routers);
    let width = |router: &(IpAddr, u64)| host_words(router.0, name_of).chars().count();
    routers.map(width).max().unwrap_or(0).max(LEAST_HOST_WIDTH)
}

/// As many as an IPv4 address has at most.
const LEAST_HOST_WIDTH: usize = 15;

/// The lines of a hop: its figures, further routers that answered there, labels, and what it tells of the way.
pub fn hop(
    out: &mut String,
    plan: &TracePlan,
    record: &HopRecord,
    width: usize,
    name_of: NameOf<'_>,
) -> fmt::Result {
    let first = record.routers.first();
    let who = first.map_or("???".to_owned(), |(router, _)| host_words(*router, name_of));
    let loss = record.loss_per_mille();
    let loss = format!("{}.{}%", loss / 10, loss % 10);
    write!(out, "{:>3}. {who:width$} {loss:>6} {:>6}", record.hop, record.asked())?;
    if record.answered > 0 {
        let times = &record.times;
        let shown = [
            record.last.unwrap_or(0),
            times.mean(),
            times.least(),
            times.most(),
            record.deviation(),
            times.quantile(500),
            times.quantile(950),
            times.quantile(990),
        ];
        shown.into_iter().try_for_each(|time| write!(out, " {:>9}", Milliseconds(time).to_string()))?;
    }
    if let Some(mark) = record.end.and_then(|end| annotation(plan, end)) {
        write!(out, " {mark}")?;
    }
    writeln!(out)?;
    for (router, count) in record.routers.iter().skip(1) {
        writeln!(out, "     {} ({count} of {} answers)", host_words(*router, name_of), record.answered)?;
    }
    if !record.extensions.is_empty() {
        write!(out, "    ")?;
        super::trace::extensions(out, &record.extensions)?;
        writeln!(out)?;
    }
    for change in &record.changes {
        write!(out, "     ")?;
        change_words(out, change)?;
        writeln!(out, " at or before this hop")?;
    }
    Ok(())
}

fn host_words(address: IpAddr, name_of: NameOf<'_>) -> String {
    let mut text = String::new();
    let _ = host(&mut text, address, name_of);
    text
}

/// Why answers are missing, a line each; of losses that several hops in a row tell of, the first.
pub fn missing(out: &mut String, all: &[Missing]) -> fmt::Result {
    let mut was_lost = false;
    for one in all {
        let Missing { hop, missing, asked, cause, pace } = one;
        let is_told = was_lost && *cause == Cause::Lost;
        was_lost |= *cause == Cause::Lost;
        match cause {
            Cause::Limited => {
                write!(out, "    hop {hop} limits its answers: {missing} of {asked} are missing")?;
                match pace {
                    Some(pace) => writeln!(
                        out,
                        ", the others come at the pace of a token bucket, {} at once and {:.1} a second from then on",
                        pace.burst, pace.per_second
                    )?,
                    None => writeln!(out, ", and packets pass it: behind it fewer are")?,
                }
            }
            Cause::Lost if !is_told => {
                writeln!(
                    out,
                    "    packets are lost at or before hop {hop}: {missing} of {asked}, and as many behind it"
                )?;
            }
            Cause::Unclear => writeln!(
                out,
                "    hop {hop}: {missing} of {asked} answers are missing, which may be loss or a limit; more rounds (-c) tell"
            )?,
            Cause::Lost | Cause::Silent => {}
        }
    }
    Ok(())
}

/// A hop's record as a JSON line.
pub fn hop_json(plan: &TracePlan, record: &HopRecord, name_of: NameOf<'_>) -> String {
    let routers = record.routers.iter().map(|(router, count)| {
        let object = JsonObject::new().text("from", &router.to_string());
        let object = match name_of(*router) {
            Some(name) => object.text("name", &name),
            None => object,
        };
        object.number("answers", *count)
    });
    let mut object = JsonObject::new().text("event", "report_hop").number("hop", record.hop.into());
    object =
        object.list("routers", routers).number("asked", record.asked()).number("answered", record.answered);
    if let Some(last) = record.last {
        let times = &record.times;
        object = object.number("last_ns", last).number("avg_ns", times.mean());
        object = object.number("best_ns", times.least()).number("worst_ns", times.most());
        object = object.number("stdev_ns", record.deviation()).number("p50_ns", times.quantile(500));
        object = object.number("p95_ns", times.quantile(950)).number("p99_ns", times.quantile(990));
    }
    if let Some(mark) = record.end.and_then(|end| annotation(plan, end)) {
        object = object.text("mark", &mark);
    }
    if !record.extensions.is_empty() {
        object = object.list("extensions", record.extensions.iter().map(super::trace::extension_json));
    }
    object.list("changes", record.changes.iter().map(change_json)).end()
}

/// Why answers of a hop are missing, as a JSON line.
pub fn missing_json(missing: &Missing) -> String {
    let object = JsonObject::new().text("event", "missing").number("hop", missing.hop.into());
    let object = object.number("missing", missing.missing).number("asked", missing.asked);
    let object = object.text("cause", missing.cause.name());
    match missing.pace {
        Some(pace) => {
            object.number("burst", pace.burst).number("interval_ns", (1e9 / pace.per_second) as u64)
        }
        None => object,
    }
    .end()
}

/// What all rounds came to, as a JSON line.
pub fn summary_json(name: &str, rounds: &Rounds, took: Nanos) -> String {
    let (plan, counts) = (rounds.plan(), rounds.counts());
    let mut object = JsonObject::new().text("event", "summary").text("host", name);
    object = object.text("address", &plan.destination.to_string()).text("source", &plan.source.to_string());
    object = object.text("method", plan.method.name());
    if plan.method != Method::Icmp {
        object = object.number("port", plan.port.into()).number("source_port", plan.source_port.into());
    }
    let last = rounds.hops().last().map_or(0, |record| record.hop);
    object = object.flag("reached", rounds.is_reached()).number("hops", last.into());
    object = object.number("rounds", rounds.rounds()).number("sent", counts.sent);
    object
        .number("answered", counts.answered)
        .number("duplicates", counts.duplicates)
        .number("late", counts.late)
        .number("duration_ns", took)
        .end()
}
