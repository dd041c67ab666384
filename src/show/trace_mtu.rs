//! The path MTU, and where the way becomes narrower.

use std::fmt::{self, Write};

use super::trace::{Milliseconds, NameOf, host};
use crate::exchange::engine::Nanos;
use crate::exchange::trace::{Hop, Narrowing, PathMtu};
use crate::show::json_object::JsonObject;
use crate::show::text::push_printable;

/// The line that it begins with; `name` is what the user calls the host.
pub fn head(out: &mut String, name: &str, search: &PathMtu) -> fmt::Result {
    out.push_str("path MTU to ");
    push_printable(out, name);
    let plan = search.plan();
    let len = search.largest();
    writeln!(out, " ({}), {} hops max, packets of up to {len} bytes", plan.destination, plan.last_hop)
}

/// The hops, each with what the way takes up to it, and where it becomes narrower.
pub fn body(out: &mut String, search: &PathMtu, name_of: NameOf<'_>) -> fmt::Result {
    let mut passes = search.largest();
    for hop in search.hops().iter().filter(|hop| hop.number <= search.end()) {
        write!(out, "{:2}  ", hop.number)?;
        match first_answer(hop) {
            Some((from, rtt)) => {
                host(out, from, name_of)?;
                write!(out, "  {} ms", Milliseconds(rtt))?;
            }
            None => out.push('*'),
        }
        writeln!(out, "  {passes}")?;
        for narrowing in search.narrowings().iter().filter(|one| one.hop == Some(hop.number)) {
            passes = narrowing.mtu;
            write!(out, "    ")?;
            narrowing_words(out, narrowing, name_of)?;
        }
    }
    for narrowing in search.narrowings().iter().filter(|one| is_elsewhere(search, one)) {
        write!(out, "    ")?;
        narrowing_words(out, narrowing, name_of)?;
    }
    let end = if search.is_reached() { "" } else { " as far as the last hop that answers" };
    let doubt = if search.is_certain() { "" } else { ", if what was not answered was lost for its length" };
    match search.end() {
        0 => writeln!(out, "no hop answered"),
        _ => writeln!(out, "path MTU {}{end}{doubt}", search.mtu()),
    }
}

fn is_elsewhere(search: &PathMtu, narrowing: &Narrowing) -> bool {
    !search.hops().iter().any(|hop| Some(hop.number) == narrowing.hop && hop.number <= search.end())
}

fn first_answer(hop: &Hop) -> Option<(std::net::IpAddr, Nanos)> {
    let answer = hop.probes.iter().find_map(|probe| probe.answer.as_ref())?;
    Some((answer.from, answer.rtt))
}

fn narrowing_words(out: &mut String, narrowing: &Narrowing, name_of: NameOf<'_>) -> fmt::Result {
    let mtu = narrowing.mtu;
    match (narrowing.router, narrowing.is_told) {
        (Some(router), true) => {
            write!(out, "the next link takes {mtu}, says ")?;
            host(out, router, name_of)?;
        }
        (_, true) => write!(out, "the next link takes {mtu}")?,
        (Some(router), false) => {
            write!(out, "larger packets than {mtu} vanish without a word behind ")?;
            host(out, router, name_of)?;
            write!(out, " (a black hole)")?;
        }
        (None, false) => write!(
            out,
            "larger packets than {mtu} vanish without a word before the first hop that answers (a black hole)"
        )?,
    }
    writeln!(out)
}

/// The path MTU as a JSON line.
pub fn json(name: &str, search: &PathMtu, took: Nanos) -> String {
    let plan = search.plan();
    let number = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    let narrowings = search.narrowings().iter().map(|narrowing| {
        let router = narrowing.router.map(|router| router.to_string());
        let object = match narrowing.hop {
            Some(hop) => JsonObject::new().number("hop", hop.into()),
            None => JsonObject::new().nothing("hop"),
        };
        let object = object.text_or_nothing("from", router.as_deref()).number("mtu", number(narrowing.mtu));
        object.flag("told", narrowing.is_told)
    });
    let object = JsonObject::new().text("event", "path_mtu").text("host", name);
    let object =
        object.text("address", &plan.destination.to_string()).text("source", &plan.source.to_string());
    let object = object.text("method", plan.method.name()).flag("reached", search.is_reached());
    let object = match search.end() {
        0 => object.nothing("mtu"),
        _ => object.number("mtu", number(search.mtu())),
    };
    let object = object.number("largest", number(search.largest())).number("hops", search.end().into());
    object
        .list("narrowings", narrowings)
        .flag("certain", search.is_certain())
        .number("duration_ns", took)
        .end()
}
