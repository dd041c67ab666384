//! `rawsock trace --paths`: all ways to a host, drawn when they are found.

use std::io;
use std::net::IpAddr;
use std::thread;
use std::time::{Duration, Instant};

use super::CommandResult;
use super::names::{GRACE, NameTable};
use super::trace::{Setup, or_nobody_reads, outcome};
use super::trace_printer::flush;
use crate::exchange::drive::Watcher;
use crate::exchange::drive::trace::TraceWire;
use crate::exchange::trace::{Layer, Paths};
use crate::proto::view::Names;
use crate::show::{trace as lines, trace_paths as drawing};
use crate::sys::clock::Now;
use crate::wire::text::Text;

/// Finds the ways and prints them.
///
/// # Errors
/// When the system does not let it.
pub(super) fn run(setup: Setup) -> CommandResult {
    let (host, json) = (setup.host.clone(), setup.json);
    let names = setup.resolve.then(|| NameTable::new(Duration::ZERO));
    let mut engine = Paths::new(setup.plan.clone());
    if !json {
        let mut text = String::new();
        drawing::head(&mut text, &host, engine.plan())?;
        flush(&text)?;
    }
    let took = setup.drive(&mut engine, &mut Nothing)?;
    let layers = engine.layers();
    wait_for_names(names.as_ref(), &layers);
    let name_of = |address| name_of(names.as_ref(), address, json);
    let mut text = String::new();
    if json {
        for (place, layer) in layers.iter().enumerate() {
            let next = layers.get(place.saturating_add(1));
            text += &(drawing::layer_json(layer, next, &engine, &name_of) + "\n");
        }
    } else {
        drawing::graph(&mut text, &engine, &name_of)?;
    }
    if let Some(reason) = engine.failure() {
        anstream::eprintln!("rawsock: {host}: {reason}");
        if json {
            text += &(lines::failure_json(&host, reason) + "\n");
        }
    }
    if json {
        text += &(drawing::summary_json(&host, &engine, took) + "\n");
    }
    or_nobody_reads(flush(&text))?;
    Ok(outcome(engine.failure().is_some(), engine.is_reached()))
}

/// Nothing is said while ways are being found: only all of them are a graph.
struct Nothing;

impl Watcher<Paths, TraceWire> for Nothing {
    fn watch(&mut self, _engine: &mut Paths, _now: Now) -> io::Result<()> {
        Ok(())
    }
}

/// Has all names looked for, and waits for them as long as a line of a trace does.
fn wait_for_names(names: Option<&NameTable>, layers: &[Layer]) {
    let Some(names) = names else { return };
    let until = Instant::now() + GRACE;
    let addresses = || layers.iter().flat_map(|layer| &layer.nodes).filter_map(|node| node.from);
    // Each is asked for, also behind one that is not known.
    while addresses().filter(|address| !names.put_host(*address, &mut Text::default())).count() > 0
        && Instant::now() < until
    {
        thread::sleep(LOOK_AGAIN);
    }
}

/// How long to wait before names are looked for again.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

fn name_of(names: Option<&NameTable>, address: IpAddr, json: bool) -> Option<String> {
    let mut text = Text::default();
    match names?.put_host(address, &mut text) {
        true => Some(text.as_str().to_owned()),
        false => (!json).then(|| address.to_string()),
    }
}
