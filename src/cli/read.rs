//! `rawsock read`: capture files to lines, trees, JSON, specs, and other files.
//!
//! The exit code says whether the files could be read: 2 when one could not be opened, is no capture, or stopped giving
//! octets; 1 when a signal ended the reading of a plain file. A file that is damaged or ends in the middle of a packet has been read as far as it goes, so that is a warning
//! and no failure.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;

use super::display_filter::{DisplayFilter, DisplayFilterArgs};
use super::expert::Finding;
use super::filter_argument::{FileFilter, FilterArgs, files_and_filter};
use super::follow::{FollowArgs, Following, NotFollowed};
use super::names::GRACE;
use super::output::print;
use super::packet_output::{PacketOutputArgs, Printer};
use super::read_copy::{Copy, CopyArgs, Plan};
use super::read_dump;
use super::read_ended::{Damages, Ended, tell};
use super::read_runs::Runs;
use super::reassembly::{Come, Kept, Reassembly};
use super::sandbox::{self, SandboxArgs};
use super::tracking::Tracking;
use super::{CommandResult, Outcome, read_growing, read_info, read_stream};
use crate::file::{Block, CaptureReader, Interface, Item, Merge, ReadError};
use crate::show::statistics as show;
use crate::show::text::printable;
use crate::statistics::Statistics;
use crate::stream::Need;
use crate::sys::interrupt::Interrupt;
use crate::sys::sandbox::Doing;
use crate::wire::frame::Frame;

/// Read captures and show their packets: as lines, trees, JSON or specs, or copied into another file.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ReadArgs {
    /// Capture files, pcap or pcapng, also packed with gzip, zstd or lz4; - for stdin. Several are merged in the order of
    /// their packets' times. What follows and is no file is a filter, as tcpdump takes it.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// May stand before the file, as tcpdump and tshark have it; it changes nothing.
    #[arg(short = 'r')]
    as_elsewhere: bool,
    /// Wait for more at the end of the file, until Ctrl-C; what comes is printed at once.
    #[arg(long)]
    follow_file: bool,
    /// Read several files one behind the other, whatever their times.
    #[arg(long)]
    append: bool,
    /// Stop after so many packets.
    #[arg(short, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// Pass over the first packets; those behind them keep their numbers.
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    skip: u64,
    /// Print only how many packets there are.
    #[arg(long = "count", conflicts_with = "write")]
    count_only: bool,
    /// Print what the packets come to: protocols, sizes, rates, how long answers took, conversations, end points; with --json
    /// as one object.
    #[arg(long = "stats", conflicts_with_all = ["count_only", "resolve"])]
    statistics: bool,
    /// Print what was found in the packets, the gravest first: what is malformed or has a bad checksum, what TCP analysis
    /// finds, connections that begin and end; with --json as one object.
    #[arg(long, conflicts_with_all = ["count_only", "statistics", "follow", "resolve"])]
    expert: bool,
    /// Print what each file comes to, as capinfos does: packets, octets, times, rates, interfaces.
    #[arg(long, conflicts_with_all = ["count_only", "statistics", "expert", "follow", "follow_file", "write", "display_filter"])]
    info: bool,
    /// Make lines and JSON of plain files on so many threads, 1 or 2; lines with names are made on one.
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=2))]
    threads: u8,
    /// Put the fragments of IPv4 and IPv6 datagrams together: the whole takes the place of the last fragment. Fragments wait
    /// for 60 seconds of the capture and in 64 MiB; those that do not become whole come as they were. A record of TLS or the
    /// head of an HTTP message that several segments of TCP carry is shown whole in the one that completes it; a copy (-w) has
    /// the segments as they were.
    #[arg(long)]
    reassemble: bool,
    #[command(flatten)]
    sandbox: SandboxArgs,
    #[command(flatten)]
    follow: FollowArgs,
    #[command(flatten)]
    copy: CopyArgs,
    #[command(flatten)]
    output: PacketOutputArgs,
    #[command(flatten)]
    filter: FilterArgs,
    #[command(flatten)]
    display_filter: DisplayFilterArgs,
}

const EXAMPLES: &str = "Examples:
  rawsock read -e trace.pcapng
  rawsock read -vv -c1 trace.pcapng
  rawsock read trace.pcapng 'tcp port 443 and host 10.0.0.1'
  rawsock read trace.pcapng -Y 'tcp.flags.syn == 1 and ip.ttl < 64'
  rawsock read trace.pcapng -Y tcp.analysis.flags --analysis
  rawsock read --expert trace.pcapng
  rawsock read --json trace.pcapng | rawsock craft - --hex
  rawsock read old.pcap -w new.pcapng
  rawsock read eth0.pcapng eth1.pcapng.gz -w both.pcapng
  rawsock read trace.pcapng --comment '7:the first retransmission' -w noted.pcapng
  rawsock read long.pcap --split-packets 100000 -w piece.pcap.lz4

Exit code: 0 all was read, 1 a signal stopped it, 2 something could not be read: a file is cut, damaged, or none that is known. What could be
was printed.";

/// Runs the command.
///
/// # Errors
/// When the file to write cannot be written, or several files are to be followed.
pub(super) fn run(args: &ReadArgs) -> CommandResult {
    let (files, words) = files_and_filter(&args.files);
    if args.follow_file && files.len() > 1 {
        return Err(
            "one file can be followed, not several: leave `--follow-file` out, or all files but one".into()
        );
    }
    let filter = args.filter.text(&words)?;
    let kept = kept(args, files, &filter);
    if args.info {
        kept.enter(args.sandbox, args.output.is_verbose())?;
        return match filter.is_empty() {
            true => read_info::run(files, args.output.is_json(), args.output.is_utc()),
            false => Err("--info tells of whole files: leave the filter out, or take --stats".into()),
        };
    }
    if args.follow.is_given() && !filter.is_empty() {
        return Err(NotFollowed::Filter.into());
    }
    let display_filter = args.display_filter.compile()?;
    let is_merged = files.len() > 1 && !args.append;
    let plan = plan(args, files, is_merged, !filter.is_empty());
    let filter = FileFilter::new(filter);
    let copy = Copy::create(&args.copy, &plan)?;
    kept.enter(args.sandbox, args.output.is_verbose())?;
    if args.filter.wants_dump() {
        return read_dump::run(files, &args.filter, filter);
    }
    let printer = printer(args, files);
    // Round trips of TCP are part of the statistics.
    let counted = if args.statistics || args.expert { Need::Analysis } else { Need::Nothing };
    let need = display_filter.need().max(printer.need()).max(counted);
    let mut reading = Reading {
        tracking: Tracking::new(need),
        filter,
        display_filter,
        keeps_blocks: printer.learns(),
        printer,
        open: if args.follow_file { read_growing::open } else { read_stream::open },
        is_stopped_by_signals: is_stopped_by_signals(args, files),
        is_growing: args.follow_file,
        interrupt: None,
        copy,
        has_missed: false,
        number: 0,
        taken: 0,
        runs: None,
        skipped: args.skip,
        most: args.count.unwrap_or(u64::MAX),
        statistics: args.statistics.then(Statistics::default),
        finding: args.expert.then(Finding::default),
        reassembly: (args.reassemble || args.follow.is_given()).then(Reassembly::default),
        following: args.follow.start(args.output.is_json(), args.output.is_hex())?,
    };
    reading.runs = reading.kind_of_runs();
    let outcome = reading.all(files.chunks(if is_merged { files.len() } else { 1 }))?;
    reading.finish(args)?;
    Ok(outcome)
}

/// What reading does from then on: it opens the files one after the other, and may make more of its own.
fn kept(args: &ReadArgs, files: &[PathBuf], filter: &str) -> sandbox::Plan {
    sandbox::Plan::default()
        .does_if(args.threads > 1, Doing::Threads)
        .reads(files)
        .tells_local_time()
        .writes(args.copy.folder_of_more())
        // The names of a filter are looked up when the first packet says what to compile it for.
        .asks_for_names(args.output.asks_for_names() || !filter.is_empty())
}

/// Whether signals are for the loop that reads: pipes, and files that grow, end by themselves when one comes.
fn is_stopped_by_signals(args: &ReadArgs, files: &[PathBuf]) -> bool {
    !args.follow_file && files.iter().any(|file| read_stream::is_plain(file))
}

/// What is copied, should a file be written.
fn plan<'f>(args: &ReadArgs, files: &'f [PathBuf], is_merged: bool, is_filtered: bool) -> Plan<'f> {
    Plan {
        inputs: files,
        merged: if is_merged { files.len() } else { 0 },
        is_subset: args.count.is_some()
            || args.skip > 0
            || args.reassemble
            || is_filtered
            || args.display_filter.is_given(),
        is_live: args.follow_file,
    }
}

/// What prints packets, if that is wanted.
fn printer(args: &ReadArgs, files: &[PathBuf]) -> Printer {
    let is_silent = args.count_only
        || args.statistics
        || args.expert
        || args.follow.is_given()
        || args.copy.writes_to_stdout()
        || args.copy.writes() && !args.output.prints_beside_a_file();
    let grace = if args.follow_file { Duration::ZERO } else { GRACE };
    let output = args.output.clone().silent_if(is_silent).at_once_if(args.follow_file).with_grace(grace);
    let mut printer = Printer::new(&output);
    // What comes through a pipe is printed as it comes.
    if args.threads > 1 && files.iter().all(|file| file.is_file()) {
        printer.share_work();
    }
    printer
}

/// Files on their way to the screen and into another file.
pub(super) struct Reading {
    pub(super) tracking: Tracking,
    pub(super) filter: FileFilter,
    pub(super) display_filter: DisplayFilter,
    pub(super) printer: Printer,
    /// How files are opened.
    open: fn(&Path) -> Result<CaptureReader, ReadError>,
    is_stopped_by_signals: bool,
    /// Whether a file may grow while it is read.
    is_growing: bool,
    /// From the first packet on: before it, a filter may wait for a name server, and there is nothing to be kept.
    interrupt: Option<Interrupt>,
    pub(super) copy: Option<Copy>,
    /// Whether blocks without packets are looked at: names may stand there.
    keeps_blocks: bool,
    /// Whether something of the files could not be read; it was said.
    has_missed: bool,
    /// Packets so far, and those of them that are wanted.
    pub(super) number: u64,
    pub(super) taken: u64,
    /// How many packets are taken together, where that can be.
    pub(super) runs: Option<Runs>,
    /// Packets at the beginning that are passed over.
    pub(super) skipped: u64,
    pub(super) most: u64,
    /// What the packets come to, so far.
    pub(super) statistics: Option<Statistics>,
    pub(super) finding: Option<Finding>,
    pub(super) reassembly: Option<Reassembly>,
    pub(super) following: Option<Following>,
}

impl Reading {
    /// Reads all files, those of a part together.
    fn all<'a>(&mut self, parts: impl Iterator<Item = &'a [PathBuf]>) -> CommandResult {
        let mut outcome = Outcome::Done;
        for files in parts {
            match self.files(files)? {
                Ended::Read => {}
                Ended::Enough => break,
                Ended::Stopped => {
                    let last = self.number;
                    anstream::eprintln!(
                        "rawsock: stopped by a signal behind packet {last}: what follows was not read"
                    );
                    outcome = Outcome::NoAnswer;
                    break;
                }
            }
        }
        Ok(if self.has_missed { Outcome::Failed } else { outcome })
    }

    /// Opens files; those that cannot be opened are told, and left out.
    fn opened<'a>(&mut self, paths: &'a [PathBuf]) -> (Vec<&'a PathBuf>, Vec<CaptureReader>) {
        let mut opened = Vec::new();
        for path in paths {
            match (self.open)(path) {
                Ok(reader) => opened.push((path, reader)),
                Err(error) => {
                    self.has_missed = true;
                    self.failed(path, &error);
                }
            }
        }
        let (paths, mut readers): (Vec<_>, Vec<_>) = opened.into_iter().unzip();
        if self.keeps_blocks {
            readers.iter_mut().for_each(CaptureReader::keep_blocks);
        }
        if let Some(copy) = &mut self.copy {
            copy.next_files(&mut readers);
        }
        (paths, readers)
    }

    /// Reads files as one.
    fn files(&mut self, paths: &[PathBuf]) -> Result<Ended, Box<dyn Error>> {
        let (paths, readers) = self.opened(paths);
        let mut damages = Damages { told: 0, more: vec![0; paths.len()] };
        let mut merge = Merge::new(readers);
        let is_stopped = loop {
            match &self.interrupt {
                Some(interrupt) if interrupt.came() => break true,
                None if self.number > 0 && self.is_stopped_by_signals => {
                    self.interrupt = Some(Interrupt::catch()?);
                }
                _ => {}
            }
            // The first packet comes alone: signals are caught behind it, and a run may take long.
            if self.number > 0
                && let Some(is_wanted) = self.run(&mut merge)?
            {
                if !is_wanted {
                    return Ok(Ended::Enough);
                }
                continue;
            }
            match merge.advance() {
                Ok(false) => break false,
                Ok(true) => {
                    if !self.item(&merge)? {
                        return Ok(Ended::Enough);
                    }
                }
                Err((source, error)) => {
                    let Some(path) = paths.get(source) else { continue };
                    // Whoever stops waiting for more of a file may do so while a packet is being written.
                    let is_growing = self.is_growing && matches!(error, ReadError::Truncated { .. });
                    self.has_missed |= !is_growing;
                    if !error.goes_on() {
                        self.failed(path, &error);
                    } else if damages.is_told(source) {
                        self.printer.finish()?;
                        tell(path, &error);
                    }
                }
            }
        };
        if let Some(reassembly) = &mut self.reassembly {
            let mut released = Vec::new();
            reassembly.finish(&mut released);
            if !self.released(&merge, &released)? {
                return Ok(Ended::Enough);
            }
        }
        for (path, more) in paths.iter().zip(damages.more).filter(|(_, more)| *more > 0) {
            self.printer.finish()?;
            tell(path, &format_args!("{more} more damages"));
        }
        Ok(if is_stopped { Ended::Stopped } else { Ended::Read })
    }

    /// Prints and copies what was read; `false` when that was the last that is wanted.
    fn item(&mut self, merge: &Merge) -> Result<bool, Box<dyn Error>> {
        if let Some(taken) = merge.with_packet(|source, frame| self.packet(merge, source, frame)) {
            return taken;
        }
        let Some((source, Item::Block(block), interfaces)) = merge.current() else { return Ok(true) };
        self.printer.learn(&block);
        if let Some(copy) = &mut self.copy {
            copy.block(source, &block, interfaces)?;
        }
        Ok(true)
    }

    fn packet(&mut self, merge: &Merge, source: usize, frame: &Frame<'_>) -> Result<bool, Box<dyn Error>> {
        let interfaces = merge.interfaces();
        self.printer.name_interfaces(interfaces.len() > 1 || merge.len() > 1);
        self.number = self.number.saturating_add(1);
        match &self.reassembly {
            Some(_) => self.reassembled(merge, source, frame),
            None => self.take(source, (self.number, frame), || merge.block(), interfaces),
        }
    }

    /// Takes a packet, and shows what has become whole with it.
    fn reassembled(
        &mut self,
        merge: &Merge,
        source: usize,
        frame: &Frame<'_>,
    ) -> Result<bool, Box<dyn Error>> {
        let Some(reassembly) = &mut self.reassembly else { return Ok(true) };
        let mut released = Vec::new();
        let number = self.number;
        let (come, conflict) =
            reassembly.packet(source, (number, frame), merge.block().as_ref(), &mut released);
        if let Some(conflict) = conflict.filter(|_| reassembly.tells()) {
            self.printer.finish()?;
            anstream::eprintln!("rawsock: packet {number}: {conflict}");
        }
        if !self.released(merge, &released)? {
            return Ok(false);
        }
        let interfaces = merge.interfaces_of(source);
        match come {
            Come::Nothing => Ok(true),
            Come::Same => self.take(source, (number, frame), || merge.block(), interfaces),
            Come::Whole(octets) => {
                let len = u32::try_from(octets.len()).unwrap_or(u32::MAX);
                let whole = Frame { data: &octets, len, ..*frame };
                self.take(source, (number, &whole), || None, interfaces)
            }
        }
    }

    /// Shows fragments that were held.
    fn released(&mut self, merge: &Merge, released: &[Kept]) -> Result<bool, Box<dyn Error>> {
        for kept in released {
            let interfaces = merge.interfaces_of(kept.source);
            if !self.take(kept.source, (kept.number, &kept.frame()), || kept.block(), interfaces)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Prints and copies a packet; `block` is the one that it came in.
    fn take<'b>(
        &mut self,
        source: usize,
        (number, frame): (u64, &Frame<'_>),
        block: impl FnOnce() -> Option<Block<'b>>,
        interfaces: &[Interface],
    ) -> Result<bool, Box<dyn Error>> {
        if let Some(following) = &mut self.following {
            return Ok(following.packet(number, frame)?);
        }
        let interface = interfaces.get(usize::try_from(frame.interface).unwrap_or(usize::MAX));
        let name = interface.and_then(|interface| interface.name.as_deref());
        // They see all packets: some fields are times since others, or what became of a conversation.
        self.printer.see(frame.time);
        let facts = self.tracking.packet(number, frame);
        let whole = self.reassembly.as_mut().and_then(|reassembly| reassembly.message(frame));
        let rebuilt = whole.as_ref().map(|octets| Frame {
            data: octets,
            len: u32::try_from(octets.len()).unwrap_or(u32::MAX),
            ..*frame
        });
        let shown = rebuilt.as_ref().unwrap_or(frame);
        let is_shown = self.display_filter.matches(number, shown, name, facts);
        if number <= self.skipped || !is_shown || !self.filter.matches(frame)? {
            return Ok(true);
        }
        self.taken = self.taken.saturating_add(1);
        let is_read = self.printer.packet(number, shown, name, facts)?;
        if let Some(finding) = &mut self.finding {
            finding.packet(number, shown, facts);
        }
        if let (Some(statistics), Some((table, facts))) = (&mut self.statistics, self.tracking.last()) {
            statistics.packet(frame, table, Some(facts));
        }
        if let Some(copy) = &mut self.copy {
            copy.packet(source, (number, frame), block().as_ref(), interfaces)?;
        }
        // Whoever copies goes on when nobody looks at the lines any more.
        Ok((is_read || self.copy.is_some()) && self.taken < self.most)
    }

    /// Prints what the packets came to, and ends what was begun.
    fn finish(mut self, args: &ReadArgs) -> Result<(), Box<dyn Error>> {
        self.printer.finish()?;
        if let Some(following) = self.following {
            following.finish()?;
        }
        if let Some(copy) = self.copy {
            copy.finish()?;
        }
        if let Some(all) = &self.statistics {
            print(&if args.output.is_json() { show::json(all) + "\n" } else { show::text(all) })?;
        }
        if let Some(finding) = &self.finding {
            print(&finding.text(args.output.is_json()))?;
        }
        if args.count_only {
            print(&format!("{}\n", self.taken))?;
        }
        Ok(())
    }

    /// Says why a file ended, behind what was printed of it.
    fn failed(&mut self, path: &Path, error: &ReadError) {
        // A failure to print shows itself with the next packet, or at the end.
        let _ = self.printer.finish();
        match error {
            ReadError::Open { .. } => anstream::eprintln!("rawsock: {}", printable(&error.to_string())),
            _ => tell(path, error),
        }
    }
}
