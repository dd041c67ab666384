//! `read -d`: the program of a capture filter, for the link type that a file has.

use std::path::PathBuf;

use super::filter_argument::{FileFilter, FilterArgs};
use super::{CommandResult, Outcome};
use crate::file::CaptureReader;

/// Prints the filter's program for the first packet of the first file.
///
/// # Errors
/// When a file cannot be read, the filter cannot be compiled, or nothing says for which link type.
pub(super) fn run(files: &[PathBuf], args: &FilterArgs, mut filter: FileFilter) -> CommandResult {
    for file in files {
        let mut reader = CaptureReader::open(file)?;
        let first = reader.next()?.map(|frame| frame.link_type);
        let described = reader.interfaces().first().map(|interface| interface.link_type);
        if let Some(link_type) = first.or(described) {
            args.dump(filter.compiled(link_type)?)?;
            return Ok(Outcome::Done);
        }
    }
    Err("there is no packet whose link type would tell what to compile for".into())
}
