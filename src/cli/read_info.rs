//! `read --info`: each file in a few lines, as capinfos tells it.

use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;

use super::output::print;
use super::{CommandResult, Outcome};
use crate::file::{CaptureReader, ReadError};
use crate::show::file_summary::{Summarized, json, text};
use crate::show::text::printable;
use crate::statistics::FileSummary;

/// Prints what each file comes to; what is wrong with one is said, and what could be read of it is told.
///
/// # Errors
/// When it cannot be printed.
pub(super) fn run(files: &[PathBuf], is_json: bool, is_utc: bool) -> CommandResult {
    let zone = if is_utc { TimeZone::UTC } else { TimeZone::system() };
    let mut outcome = Outcome::Done;
    for (number, path) in files.iter().enumerate() {
        let (reader, summary, error) = match read(path) {
            Ok(read) => read,
            Err(error) => {
                outcome = Outcome::Failed;
                tell(path, &error);
                continue;
            }
        };
        let len =
            std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file).map(|metadata| metadata.len());
        let name = path.to_string_lossy();
        let file = Summarized { name: &name, len, reader: &reader, summary: &summary };
        let between = if number > 0 && !is_json { "\n" } else { "" };
        print(&if is_json { json(&file) + "\n" } else { format!("{between}{}", text(&file, &zone)) })?;
        if let Some(error) = error {
            outcome = Outcome::Failed;
            tell(path, &error);
        }
    }
    Ok(outcome)
}

/// Reads a file to its end, or to what it cannot be read beyond; the first thing that is wrong with it.
fn read(path: &Path) -> Result<(CaptureReader, FileSummary, Option<ReadError>), ReadError> {
    let mut reader = CaptureReader::open(path)?;
    let (mut summary, mut first) = (FileSummary::default(), None);
    loop {
        match reader.next() {
            Ok(Some(frame)) => summary.packet(&frame),
            Ok(None) => return Ok((reader, summary, first)),
            Err(error) => {
                let goes_on = error.goes_on();
                first.get_or_insert(error);
                if !goes_on {
                    return Ok((reader, summary, first));
                }
            }
        }
    }
}

fn tell(path: &Path, error: &ReadError) {
    let name = if path.as_os_str() == "-" { "stdin".into() } else { path.to_string_lossy() };
    match error {
        ReadError::Open { .. } => anstream::eprintln!("rawsock: {}", printable(&error.to_string())),
        _ => anstream::eprintln!("rawsock: {}: {}", printable(&name), printable(&error.to_string())),
    }
}
