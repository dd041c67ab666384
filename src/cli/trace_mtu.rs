//! `rawsock trace --mtu`: the path MTU, and the hop behind which the way becomes narrower.

use super::CommandResult;
use super::trace::{Driven, Setup, or_nobody_reads, outcome, tell_failure};
use super::trace_names::HostNames;
use super::trace_paths::Nothing;
use super::trace_printer::flush;
use crate::exchange::trace::PathMtu;
use crate::show::{trace as lines, trace_mtu as found};

/// Finds it and prints it.
///
/// # Errors
/// When the system does not let it.
pub(super) fn run(setup: Setup, largest: usize) -> CommandResult {
    let (host, json) = (setup.host.clone(), setup.json);
    let names = HostNames::new(setup.resolve, json);
    let mut engine = PathMtu::new(setup.plan.clone(), largest);
    let mut text = String::new();
    if !json {
        found::head(&mut text, &host, &engine)?;
        flush(&text)?;
        text.clear();
    }
    let Driven { took, file } = setup.drive(&mut engine, &mut Nothing)?;
    let answers = engine.hops().iter().flat_map(|hop| &hop.probes).filter_map(|probe| probe.answer.as_ref());
    names.wait_for(&answers.map(|answer| answer.from).collect::<Vec<_>>());
    let name_of = |address| names.of(address);
    let mut body = String::new();
    found::body(&mut body, &engine, &name_of)?;
    let saved = file.finish(&body);
    if json {
        for hop in engine.hops() {
            text += &(lines::hop_json(engine.plan(), hop, &name_of) + "\n");
        }
    } else {
        text += &body;
    }
    tell_failure(&mut text, &host, json, engine.failure());
    if json {
        text += &(found::json(&host, &engine, took) + "\n");
    }
    or_nobody_reads(flush(&text))?;
    // What was found is told, whatever became of the file.
    saved?;
    Ok(outcome(engine.failure().is_some(), engine.is_reached()))
}
