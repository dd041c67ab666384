//! Copying what `read` reads into another file, or several.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;

use super::capture_file::write_options;
use super::duration;
use super::sandbox::folder_of;
use crate::file::{
    Block, CaptureReader, Copier, CopyOptions, Format, Interface, Split, WriteError, WriteOptions,
};
use crate::show::text::printable;
use crate::wire::frame::Frame;

/// What is copied, and how.
#[derive(Debug, Clone, Args)]
pub(super) struct CopyArgs {
    /// Copy the packets into this file: pcap where its name ends so, else pcapng, packed where it ends in .gz or .lz4; - for
    /// stdout. They are printed beside it only with --print or where a form (-v, -x, --json, --fields) is asked for. From
    /// pcapng to pcapng every block and option is kept.
    #[arg(short, long, value_name = "FILE")]
    write: Option<PathBuf>,
    /// Keep at most so many octets of each packet in the copy.
    #[arg(long, value_name = "OCTETS", requires = "write")]
    truncate: Option<u32>,
    /// Add a comment to the packet with this number in the copy; without a number, to all. May be given several times.
    #[arg(long, value_name = "[N:]TEXT", requires = "write")]
    comment: Vec<String>,
    /// Begin another file after so many packets; a counter stands before the names' endings.
    #[arg(long, value_name = "N", requires = "write", value_parser = clap::value_parser!(u64).range(1..))]
    split_packets: Option<u64>,
    /// Begin another file after so much time in the capture.
    #[arg(long, value_name = "TIME", requires = "write", value_parser = duration::parse)]
    split_seconds: Option<Duration>,
}

impl CopyArgs {
    pub(super) fn writes(&self) -> bool {
        self.write.is_some()
    }

    pub(super) fn writes_to_stdout(&self) -> bool {
        self.write.as_deref().is_some_and(|path| path.as_os_str() == "-")
    }

    /// The folder that files are made in while packets come, should there be more than one.
    pub(super) fn folder_of_more(&self) -> Option<PathBuf> {
        self.write.as_deref().filter(|_| self.is_split()).map(folder_of)
    }

    fn is_split(&self) -> bool {
        self.split_packets.is_some() || self.split_seconds.is_some()
    }
}

/// What else is known of the packets that are copied.
pub(super) struct Plan<'a> {
    /// The files that are read.
    pub(super) inputs: &'a [PathBuf],
    /// So many of them come in one, in the order of time; 0 for none.
    pub(super) merged: usize,
    /// Whether some packets are left out.
    pub(super) is_subset: bool,
    /// Whether packets come as they happen, so that each is written at once.
    pub(super) is_live: bool,
}

/// Packets on their way into another file.
pub(super) struct Copy {
    copier: Copier,
    name: String,
    is_pcap: bool,
    /// Comments for all packets, and for those with a number.
    for_all: Vec<String>,
    by_number: BTreeMap<u64, Vec<String>>,
}

/// What cannot be done.
#[derive(Debug, thiserror::Error)]
enum Impossible {
    #[error("write {0}: pcap has no place for comments; a name that ends in .pcapng has")]
    CommentInPcap(String),
    #[error("write to stdout: it cannot be split; name a file with `-w`")]
    SplitStdout,
    #[error("open {0}: no such file or directory")]
    NoSuchFile(String),
}

impl Copy {
    /// Creates the file, where one is wanted.
    pub(super) fn create(args: &CopyArgs, plan: &Plan<'_>) -> Result<Option<Self>, Box<dyn Error>> {
        let Some(path) = &args.write else { return Ok(None) };
        let name = printable(&path.display().to_string());
        let is_pcap = !args.writes_to_stdout() && Format::by_name(path) != Format::Pcapng;
        if is_pcap && !args.comment.is_empty() {
            return Err(Impossible::CommentInPcap(name).into());
        }
        if args.writes_to_stdout() && args.is_split() {
            return Err(Impossible::SplitStdout.into());
        }
        // Of nothing no copy is begun, and no earlier file overwritten.
        if let [only] = plan.inputs
            && only.as_os_str() != "-"
            && !only.exists()
        {
            return Err(Impossible::NoSuchFile(printable(&only.display().to_string())).into());
        }
        let span = args.split_seconds.map(|span| i64::try_from(span.as_nanos()).unwrap_or(i64::MAX).max(1));
        let options = CopyOptions {
            write: WriteOptions { flush_each: plan.is_live, ..write_options() },
            inputs: plan.inputs.to_vec(),
            merged: plan.merged,
            truncate: args.truncate,
            split: Split { packets: args.split_packets, nanoseconds: span },
            is_changed: plan.is_subset
                || plan.merged > 0
                || args.truncate.is_some()
                || args.is_split()
                || !args.comment.is_empty(),
        };
        let copier = Copier::create(Path::new(path), options)?;
        let mut copy = Self { copier, name, is_pcap, for_all: Vec::new(), by_number: BTreeMap::new() };
        args.comment.iter().for_each(|comment| copy.comment(comment));
        Ok(Some(copy))
    }

    fn comment(&mut self, comment: &str) {
        let numbered = comment.split_once(':').and_then(|(number, text)| Some((number.parse().ok()?, text)));
        match numbered {
            Some((number, text)) => self.by_number.entry(number).or_default().push(text.to_owned()),
            None => self.for_all.push(comment.to_owned()),
        }
    }

    /// Says which files follow.
    pub(super) fn next_files(&mut self, readers: &mut [CaptureReader]) {
        self.copier.next_file();
        for reader in readers {
            reader.keep_blocks();
            if let Some(block) = reader.first_block() {
                self.copier.head(&block);
            }
        }
    }

    pub(super) fn block(
        &mut self,
        source: usize,
        block: &Block<'_>,
        interfaces: &[Interface],
    ) -> Result<(), WriteError> {
        self.copier.block(source, block, interfaces)
    }

    /// Whether packets of pcap are copied as they are.
    pub(super) fn is_plain(&self) -> bool {
        self.copier.is_plain() && self.for_all.is_empty() && self.by_number.is_empty()
    }

    /// Copies a packet as it is.
    #[inline]
    pub(super) fn plain(&mut self, frame: &Frame<'_>, interfaces: &[Interface]) -> Result<(), WriteError> {
        self.copier.plain(frame, interfaces)
    }

    pub(super) fn packet(
        &mut self,
        source: usize,
        (number, frame): (u64, &Frame<'_>),
        block: Option<&Block<'_>>,
        interfaces: &[Interface],
    ) -> Result<(), WriteError> {
        let own = if self.by_number.is_empty() { None } else { self.by_number.remove(&number) };
        let Some(mut comments) = own else {
            return self.copier.packet(source, frame, block, interfaces, &self.for_all);
        };
        comments.extend(self.for_all.iter().cloned());
        self.copier.packet(source, frame, block, interfaces, &comments)
    }

    /// Ends the file, and says what is not in it.
    pub(super) fn finish(self) -> Result<(), WriteError> {
        let left_out = self.copier.finish()?;
        if !left_out.is_empty() {
            let why = if self.is_pcap { "pcap has no place for" } else { "left out" };
            anstream::eprintln!("rawsock: {}: {why} {left_out}", self.name);
        }
        for number in self.by_number.keys() {
            anstream::eprintln!("rawsock: {}: there is no packet {number} to comment on", self.name);
        }
        Ok(())
    }
}
