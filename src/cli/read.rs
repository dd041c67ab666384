//! `rawsock read`: capture files to lines, trees, JSON, specs, and other files.
//!
//! The exit code says whether the files could be read: 2 when one could not be opened, is no capture, or stopped giving
//! octets. A file that is damaged or ends in the middle of a packet has been read as far as it goes, so that is a warning
//! and no failure.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use clap::Args;

use super::capture_file::write_options;
use super::filter_argument::{FileFilter, FilterArgs};
use super::packet_output::{PacketOutputArgs, Printer};
use super::{CommandResult, Outcome};
use crate::file::{CaptureReader, CaptureWriter, Format, Interface, ReadError, WriteError};
use crate::show::text::printable;
use crate::wire::frame::Frame;

/// Read captures and show their packets: as lines, trees, JSON or specs, or copied into another file.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ReadArgs {
    /// Capture files, pcap or pcapng, also packed with gzip, zstd or lz4; - for stdin. What follows and is no file is a
    /// filter, as tcpdump takes it.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Stop after so many packets.
    #[arg(short, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// Copy the packets into this file: pcap where its name ends so, else pcapng, packed where it ends in .gz or .lz4; - for
    /// stdout, which implies -q.
    #[arg(short, long, value_name = "FILE")]
    write: Option<PathBuf>,
    #[command(flatten)]
    output: PacketOutputArgs,
    #[command(flatten)]
    filter: FilterArgs,
}

const EXAMPLES: &str = "Examples:
  rawsock read -e trace.pcapng
  rawsock read -vv -c1 trace.pcapng
  rawsock read trace.pcapng 'tcp port 443 and host 10.0.0.1'
  rawsock read --json trace.pcapng | rawsock craft - --hex
  rawsock read -q old.pcap -w new.pcapng";

/// Runs the command.
///
/// # Errors
/// When the file to write cannot be written.
pub(super) fn run(args: &ReadArgs) -> CommandResult {
    let (files, words) = files_and_filter(&args.files);
    let filter = FileFilter::new(args.filter.text(&words)?);
    if args.filter.wants_dump() {
        return dump(args, files, filter);
    }
    let mut reading = Reading {
        filter,
        printer: Printer::new(&args.output.clone().silent_if(writes_to_stdout(args))),
        copy: Copy::create(args)?,
        number: 0,
        taken: 0,
        most: args.count.unwrap_or(u64::MAX),
    };
    let mut outcome = Outcome::Done;
    for file in files {
        match reading.file(file)? {
            Ended::Whole | Ended::Early => {}
            Ended::Failed => outcome = Outcome::Failed,
            Ended::Enough => break,
        }
    }
    reading.printer.finish()?;
    if let Some(copy) = reading.copy {
        copy.writer.finish()?;
    }
    Ok(outcome)
}

/// The first argument is a file, and so are those behind it that are there; from the first on that is not, all is the filter.
fn files_and_filter(arguments: &[PathBuf]) -> (&[PathBuf], Vec<String>) {
    let is_file = |path: &PathBuf| is_stream(path) || path.exists();
    let files = arguments.iter().skip(1).take_while(|path| is_file(path)).count().saturating_add(1);
    let (files, words) = arguments.split_at_checked(files).unwrap_or((arguments, &[]));
    (files, words.iter().map(|word| word.to_string_lossy().into_owned()).collect())
}

/// Prints the filter's program for the first packet of the first file.
fn dump(args: &ReadArgs, files: &[PathBuf], mut filter: FileFilter) -> CommandResult {
    for file in files {
        let mut reader = CaptureReader::open(file)?;
        let first = reader.next()?.map(|frame| frame.link_type);
        let described = reader.interfaces().first().map(|interface| interface.link_type);
        if let Some(link_type) = first.or(described) {
            args.filter.dump(filter.compiled(link_type)?)?;
            return Ok(Outcome::Done);
        }
    }
    Err("there is no packet whose link type would tell what to compile for".into())
}

fn writes_to_stdout(args: &ReadArgs) -> bool {
    args.write.as_deref().is_some_and(is_stream)
}

fn is_stream(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// How reading a file ended.
enum Ended {
    /// With its last packet.
    Whole,
    /// Before that, because it is damaged or cut; that was said.
    Early,
    /// It cannot be read; that was said.
    Failed,
    /// With as many packets as are wanted.
    Enough,
}

/// Files on their way to the screen and into another file.
struct Reading {
    filter: FileFilter,
    printer: Printer,
    copy: Option<Copy>,
    /// Packets so far, and those of them that the filter took.
    number: u64,
    taken: u64,
    most: u64,
}

impl Reading {
    fn file(&mut self, path: &Path) -> Result<Ended, Box<dyn std::error::Error>> {
        let mut reader = match CaptureReader::open(path) {
            Ok(reader) => reader,
            Err(error) => {
                self.failed(path, &error);
                return Ok(Ended::Failed);
            }
        };
        if let Some(copy) = &mut self.copy {
            copy.numbers.clear();
        }
        let mut damages = 0u64;
        loop {
            match reader.next_with_interfaces() {
                Ok(None) if damages > TOLD_DAMAGES => {
                    tell(path, &format_args!("{} more damages", damages.saturating_sub(TOLD_DAMAGES)));
                    return Ok(Ended::Early);
                }
                Ok(None) => return Ok(Ended::Whole),
                Ok(Some((frame, interfaces))) => {
                    if !self.packet(&frame, interfaces)? {
                        return Ok(Ended::Enough);
                    }
                }
                Err(error) => {
                    damages = damages.saturating_add(1);
                    let goes_on = error.goes_on();
                    if !goes_on {
                        return Ok(self.failed(path, &error));
                    }
                    if damages <= TOLD_DAMAGES {
                        self.printer.finish()?;
                        tell(path, &error);
                    }
                }
            }
        }
    }

    /// Prints and copies a packet; `false` when that was the last that is wanted.
    fn packet(
        &mut self,
        frame: &Frame<'_>,
        interfaces: &[Interface],
    ) -> Result<bool, Box<dyn std::error::Error>> {
        self.number = self.number.saturating_add(1);
        if !self.filter.matches(frame)? {
            return Ok(true);
        }
        self.taken = self.taken.saturating_add(1);
        let interface = interfaces.get(index_of(frame));
        let name = interface.and_then(|interface| interface.name.as_deref());
        self.printer.name_interfaces(interfaces.len() > 1);
        let is_read = self.printer.packet(self.number, frame, name)?;
        if let Some(copy) = &mut self.copy {
            copy.packet(frame, interfaces)?;
        }
        // Whoever copies goes on when nobody looks at the lines any more.
        Ok((is_read || self.copy.is_some()) && self.taken < self.most)
    }

    /// Says why a file ended, behind what was printed of it.
    fn failed(&mut self, path: &Path, error: &ReadError) -> Ended {
        // A failure to print shows itself with the next packet, or at the end.
        let _ = self.printer.finish();
        match error {
            ReadError::Open { .. } => anstream::eprintln!("rawsock: {}", printable(&error.to_string())),
            _ => tell(path, error),
        }
        match error {
            ReadError::Truncated { .. }
            | ReadError::Damaged { .. }
            | ReadError::PackedCut { .. }
            | ReadError::PackedDamaged { .. } => Ended::Early,
            ReadError::Open { .. }
            | ReadError::Io { .. }
            | ReadError::NotACapture
            | ReadError::Compressed { .. } => Ended::Failed,
        }
    }
}

/// More damaged places than this are only counted.
const TOLD_DAMAGES: u64 = 20;

fn tell(path: &Path, what: &dyn std::fmt::Display) {
    let name = if is_stream(path) { "stdin".to_owned() } else { path.display().to_string() };
    anstream::eprintln!("rawsock: {}: {}", printable(&name), printable(&what.to_string()));
}

/// A file that packets are copied into.
struct Copy {
    writer: CaptureWriter,
    /// For each interface of the file that is being read, its number in the copy.
    numbers: Vec<u32>,
    is_pcap: bool,
}

/// Why nothing can be copied.
#[derive(Debug, thiserror::Error)]
#[error("write {}: it is the file that is read; choose another name", printable(&.0.display().to_string()))]
struct SameFile(PathBuf);

impl Copy {
    fn create(args: &ReadArgs) -> Result<Option<Self>, Box<dyn std::error::Error>> {
        let Some(path) = &args.write else { return Ok(None) };
        if args.files.iter().any(|file| is_same(file, path)) {
            return Err(SameFile(path.clone()).into());
        }
        let writer = CaptureWriter::create(path, write_options())?;
        Ok(Some(Self { writer, numbers: Vec::new(), is_pcap: Format::by_name(path) != Format::Pcapng }))
    }

    fn packet(&mut self, frame: &Frame<'_>, interfaces: &[Interface]) -> Result<(), WriteError> {
        let index = index_of(frame);
        // pcapng keeps what is known of all interfaces, those that nothing came from too. pcap has room for one kind of
        // them, and finds out with the packets.
        let described = if self.is_pcap { 0 } else { interfaces.len() };
        for index in self.numbers.len()..described.max(index.saturating_add(1)) {
            let unknown = Interface::of(frame.link_type);
            self.numbers.push(self.writer.add_interface(interfaces.get(index).unwrap_or(&unknown))?);
        }
        let interface = self.numbers.get(index).copied().unwrap_or_default();
        self.writer.write(&Frame { interface, ..*frame })
    }
}

/// The place of a packet's interface in the list of all.
fn index_of(frame: &Frame<'_>) -> usize {
    usize::try_from(frame.interface).unwrap_or(usize::MAX)
}

/// Whether two names are of the same file that is there.
fn is_same(one: &Path, other: &Path) -> bool {
    let place = |path: &Path| fs::metadata(path).ok().map(|file| (file.dev(), file.ino()));
    !is_stream(one) && !is_stream(other) && place(one).is_some_and(|one| place(other) == Some(one))
}
