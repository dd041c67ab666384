//! `rawsock trace --paths`: all ways to a host, drawn when they are found.

use std::io;

use super::CommandResult;
use super::trace::{Driven, Setup, or_nobody_reads, outcome, tell_failure};
use super::trace_names::HostNames;
use super::trace_printer::flush;
use crate::exchange::drive::Watcher;
use crate::exchange::engine::Engine;
use crate::exchange::trace::Paths;
use crate::show::trace_paths as drawing;
use crate::sys::clock::Now;

/// Finds the ways and prints them.
///
/// # Errors
/// When the system does not let it.
pub(super) fn run(setup: Setup) -> CommandResult {
    let (host, json) = (setup.host.clone(), setup.json);
    let names = HostNames::new(setup.resolve, json);
    let mut engine = Paths::new(setup.plan.clone());
    let mut text = String::new();
    if !json {
        drawing::head(&mut text, &host, engine.plan())?;
        flush(&text)?;
        text.clear();
    }
    let Driven { took, file } = setup.drive(&mut engine, &mut Nothing)?;
    let layers = engine.layers();
    let routers = layers.iter().flat_map(|layer| &layer.nodes).filter_map(|node| node.from);
    names.wait_for(&routers.collect::<Vec<_>>());
    let name_of = |address| names.of(address);
    let mut graph = String::new();
    drawing::graph(&mut graph, &engine, &name_of)?;
    let saved = file.finish(&graph);
    if json {
        for (place, layer) in layers.iter().enumerate() {
            let next = layers.get(place.saturating_add(1));
            text += &(drawing::layer_json(layer, next, &engine, &name_of) + "\n");
        }
    } else {
        text += &graph;
    }
    tell_failure(&mut text, &host, json, engine.failure());
    if json {
        text += &(drawing::summary_json(&host, &engine, took) + "\n");
    }
    or_nobody_reads(flush(&text))?;
    // What was found is told, whatever became of the file.
    saved?;
    Ok(outcome(engine.failure().is_some(), engine.is_reached()))
}

/// Nothing is said while something is being found of which only the whole says something.
pub(super) struct Nothing;

impl<E: Engine, W> Watcher<E, W> for Nothing {
    fn watch(&mut self, _engine: &mut E, _now: Now) -> io::Result<()> {
        Ok(())
    }
}
