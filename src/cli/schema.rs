//! `rawsock schema`: the JSON Schema of spec files.

use super::{CommandResult, Outcome, output};
use crate::spec::schema;

/// Print the JSON Schema of spec files, by which editors complete and check them.
///
/// It is made from the descriptions of all protocols: names, kinds, sizes. For a TOML file, write `#:schema ./rawsock.schema.json` on
/// its first line (taplo, Even Better TOML); in a JSON file, `"$schema": "./rawsock.schema.json"`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  rawsock schema > rawsock.schema.json")]
pub(super) struct SchemaArgs {}

/// Prints the schema.
pub(super) fn run(_args: &SchemaArgs) -> CommandResult {
    output::print(&schema())?;
    Ok(Outcome::Done)
}
