//! `rawsock trace -c`: the same way so many times, and a report of it, as `mtr -r` gives it.

use super::CommandResult;
use super::trace::{Driven, Setup, or_nobody_reads, outcome, tell_failure};
use super::trace_names::HostNames;
use super::trace_paths::Nothing;
use super::trace_printer::flush;
use crate::exchange::engine::Nanos;
use crate::exchange::trace::Rounds;
use crate::show::trace::NameOf;
use crate::show::trace_report as lines;

/// Goes the way so many times and prints what came of it.
///
/// # Errors
/// When the system does not let it.
pub(super) fn run(setup: Setup, interval: Nanos, count: u64) -> CommandResult {
    let (host, json) = (setup.host.clone(), setup.json);
    let names = HostNames::new(setup.resolve, json);
    let mut engine = Rounds::new(setup.plan.clone(), interval, Some(count));
    if !json {
        let mut text = String::new();
        lines::head(&mut text, &host, engine.plan())?;
        flush(&text)?;
    }
    let driven = setup.drive(&mut engine, &mut Nothing)?;
    print(&host, &engine, &names, json, driven)
}

/// Prints the report.
///
/// # Errors
/// When nobody takes it.
pub(super) fn print(
    host: &str,
    engine: &Rounds,
    names: &HostNames,
    json: bool,
    driven: Driven,
) -> CommandResult {
    let routers = engine.hops().iter().flat_map(|hop| &hop.routers).map(|(router, _)| *router);
    names.wait_for(&routers.collect::<Vec<_>>());
    let name_of = |address| names.of(address);
    let table = table(engine, &name_of)?;
    let saved = driven.file.finish(&table);
    let mut text = String::new();
    if json {
        for hop in engine.hops() {
            text += &(lines::hop_json(engine.plan(), hop, &name_of) + "\n");
        }
        for missing in engine.missing() {
            text += &(lines::missing_json(&missing) + "\n");
        }
    } else {
        text += &table;
    }
    tell_failure(&mut text, host, json, engine.failure());
    if json {
        text += &(lines::summary_json(host, engine, driven.took) + "\n");
    }
    or_nobody_reads(flush(&text))?;
    // What was found is told, whatever became of the file.
    saved?;
    Ok(outcome(engine.failure().is_some(), engine.is_reached()))
}

/// The hops with their figures, and why answers are missing.
fn table(engine: &Rounds, name_of: NameOf<'_>) -> Result<String, std::fmt::Error> {
    let width = lines::host_width(engine.hops(), name_of);
    let mut text = lines::columns(width) + "\n";
    for hop in engine.hops() {
        lines::hop(&mut text, engine.plan(), hop, width, name_of)?;
    }
    lines::missing(&mut text, &engine.missing())?;
    Ok(text)
}
