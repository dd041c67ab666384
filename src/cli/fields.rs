//! `rawsock fields`: which protocols there are, what their headers look like, what their fields are called.

use crate::diagnostic::nearest::nearest;
use crate::proto::describe::Protocol;
use crate::proto::registry;
use crate::show::fields;

use super::{CommandResult, Outcome, output};

/// List protocols, draw a header, explain a field.
///
/// The names are those of Wireshark's display filters, and those that specs, JSON and filters use.
#[derive(Debug, clap::Args)]
pub(super) struct FieldsArgs {
    /// A protocol (`ip`) to draw with all its fields, or a field (`ip.ttl`); all protocols are listed when left out.
    name: Option<String>,
    /// One JSON object a line: name, title, reference and fields of each protocol.
    #[arg(long)]
    json: bool,
}

/// Why there is nothing to show.
#[derive(Debug, thiserror::Error)]
#[error("{name}: no such protocol or field{}; `rawsock fields` lists the protocols", nearest_words(.nearest))]
struct Unknown {
    name: String,
    nearest: Option<String>,
}

fn nearest_words(nearest: &Option<String>) -> String {
    nearest.as_ref().map_or(String::new(), |name| format!(", the nearest is {name}"))
}

/// Prints what was asked for.
pub(super) fn run(args: &FieldsArgs) -> CommandResult {
    let mut out = String::new();
    match &args.name {
        None if args.json => registry().protocols().for_each(|protocol| fields::json(&mut out, protocol)),
        None => fields::list(&mut out),
        Some(name) if !args.json && fields::frame(&mut out, name) => {}
        Some(name) => {
            let protocol = protocol_of(name).ok_or_else(|| unknown(name))?;
            let is_field = protocol.name != name;
            if is_field && !fields::field(&mut out, protocol, name) {
                return Err(unknown(name).into());
            }
            if args.json {
                out.clear();
                fields::json(&mut out, protocol);
            } else if !is_field {
                fields::protocol(&mut out, protocol);
            }
        }
    }
    output::print(&out)?;
    Ok(Outcome::Done)
}

/// The protocol of this name, or the one with the longest name that begins this field's name.
fn protocol_of(name: &str) -> Option<&'static Protocol> {
    let mut prefix = name;
    loop {
        if let Some(protocol) = registry().by_name(prefix) {
            return Some(protocol);
        }
        prefix = prefix.rsplit_once('.')?.0;
    }
}

fn unknown(name: &str) -> Unknown {
    let protocols = registry().protocols();
    let names: Vec<String> = match protocol_of(name) {
        Some(protocol) => fields::names(protocol).into_iter().chain(fields::filter_names(protocol)).collect(),
        None => protocols.clone().map(|protocol| protocol.name.to_owned()).collect(),
    };
    // `ttl` is what `ip.ttl` is called in a spec.
    let ends = |full: &String| full.strip_suffix(name).is_some_and(|rest| rest.ends_with('.'));
    let in_a_layer = protocols.clone().flat_map(fields::names).find(|full| !name.is_empty() && ends(full));
    let nearest = in_a_layer.or_else(|| nearest(name, names.iter().map(String::as_str)).map(str::to_owned));
    Unknown { name: crate::show::text::printable(name), nearest }
}
