//! The capture filter of a command: from its arguments or a file, compiled for each link type.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{ArgAction, Args};

use super::output;
use super::system_names::SystemNames;
use crate::file::Packing;
use crate::filter::capture::{CaptureFilter, CaptureFilterError, Target};
use crate::sys::error::Cause;
use crate::wire::frame::{Frame, LinkType};

/// What is said of a filter besides its words.
#[derive(Debug, Clone, Args)]
pub(super) struct FilterArgs {
    /// Take the filter from this file.
    #[arg(short = 'F', value_name = "FILE")]
    filter_file: Option<PathBuf>,
    /// Print the filter as a BPF program, and end: -d to be read, -dd as a C array, -ddd as numbers.
    #[arg(short = 'd', action = ArgAction::Count)]
    dump: u8,
}

impl FilterArgs {
    /// The text of the filter; empty when there is none.
    ///
    /// # Errors
    /// When the file cannot be read, or there are words too.
    pub(super) fn text(&self, words: &[String]) -> Result<String, String> {
        match &self.filter_file {
            None => Ok(words.join(" ")),
            Some(_) if !words.is_empty() => Err("a filter and -F at once: use one of them".to_owned()),
            Some(path) => fs::read_to_string(path)
                .map_err(|error| format!("read the filter from {}: {}", path.display(), Cause(&error))),
        }
    }

    /// Whether only the program is wanted.
    pub(super) fn wants_dump(&self) -> bool {
        self.dump > 0
    }

    /// Prints the program, when that is asked for. Returns whether it was.
    ///
    /// # Errors
    /// When stdout cannot be written.
    pub(super) fn dump(&self, filter: &CaptureFilter) -> Result<bool, Box<dyn std::error::Error>> {
        let mut text = String::new();
        match self.dump {
            0 => return Ok(false),
            1 => filter.write_assembly(&mut text)?,
            2 => filter.write_array(&mut text)?,
            _ => filter.write_decimal(&mut text)?,
        }
        output::print(&text)?;
        Ok(true)
    }
}

/// The first argument is a file, and so are those behind it that are there; from the first on that is not, all is the filter.
pub(super) fn files_and_filter(arguments: &[PathBuf]) -> (&[PathBuf], Vec<String>) {
    let is_file = |path: &PathBuf| path.as_os_str() == "-" || path.exists();
    let files = arguments.iter().skip(1).take_while(|path| is_file(path)).count().saturating_add(1);
    // A capture that is not there is no word of a filter: opening it says so.
    let missing = arguments.iter().skip(files).take_while(|path| is_capture_name(path)).count();
    let (files, words) =
        arguments.split_at_checked(files.saturating_add(missing)).unwrap_or((arguments, &[]));
    (files, words.iter().map(|word| word.to_string_lossy().into_owned()).collect())
}

/// Whether a word is the name of a capture rather than one of a filter.
fn is_capture_name(path: &Path) -> bool {
    let stem = Packing::by_name(path).and(path.file_stem()).map_or(path, Path::new);
    let has_blanks = path.as_os_str().as_encoded_bytes().contains(&b' ');
    !has_blanks
        && stem
            .extension()
            .is_some_and(|ending| ["pcap", "pcapng", "cap"].iter().any(|known| ending == *known))
}

/// A filter for packets of files, which may have several link types.
#[derive(Debug, Default)]
pub(super) struct FileFilter {
    text: String,
    compiled: HashMap<LinkType, Arc<CaptureFilter>>,
    /// The filter for the packet before: nearly all have the same link type.
    last: Option<(LinkType, Arc<CaptureFilter>)>,
}

impl FileFilter {
    pub(super) fn new(text: String) -> Self {
        Self { text, ..Self::default() }
    }

    /// Looks for mistakes before a packet comes: as far as they can be told without a link type where none is known.
    ///
    /// # Errors
    /// The first mistake.
    pub(super) fn check(&mut self, link_type: Option<LinkType>) -> Result<(), CaptureFilterError> {
        match link_type {
            Some(link_type) => self.compiled(link_type).map(drop),
            None => CaptureFilter::check(&self.text),
        }
    }

    /// The filter for packets of a link type.
    ///
    /// # Errors
    /// When it cannot be compiled for them.
    pub(super) fn compiled(&mut self, link_type: LinkType) -> Result<&CaptureFilter, CaptureFilterError> {
        let filter = match self.last.take().filter(|(last, _)| *last == link_type) {
            Some((_, filter)) => filter,
            None => self.looked_up(link_type)?,
        };
        Ok(&self.last.insert((link_type, filter)).1)
    }

    fn looked_up(&mut self, link_type: LinkType) -> Result<Arc<CaptureFilter>, CaptureFilterError> {
        match self.compiled.entry(link_type) {
            Entry::Occupied(entry) => Ok(Arc::clone(entry.get())),
            Entry::Vacant(entry) => {
                let target = Target::file(link_type, &SystemNames);
                let filter = Arc::new(CaptureFilter::compile(&self.text, &target)?);
                Ok(Arc::clone(entry.insert(filter)))
            }
        }
    }

    /// Whether there is none.
    pub(super) fn takes_all(&self) -> bool {
        self.text.is_empty()
    }

    /// Whether it takes a packet.
    ///
    /// # Errors
    /// When it cannot be compiled for the packet's link type.
    pub(super) fn matches(&mut self, frame: &Frame<'_>) -> Result<bool, CaptureFilterError> {
        if self.text.is_empty() {
            return Ok(true);
        }
        if let Some((last, filter)) = &self.last
            && *last == frame.link_type
        {
            return Ok(filter.matches(frame));
        }
        Ok(self.compiled(frame.link_type)?.matches(frame))
    }
}
