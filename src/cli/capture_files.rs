//! The files of a capture: what they are called, when the next begins, what is run when one is ended.

use std::error::Error;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::capture_file::live_options;
use super::capture_hook::Hook;
use super::capture_limits::{Limit, Limits};
use super::duration;
use super::sandbox::{self, folder_of};
use crate::file::{Counts, Interface, Namer, RotatingWriter, Rotation, WriteError, Written};
use crate::sys::clock;
use crate::sys::sandbox::Caller;
use crate::wire::frame::Frame;

/// What is said of the files.
#[derive(Debug, Clone, Args)]
pub(super) struct FileArgs {
    /// Save into this file: pcap where its name ends so, else pcapng, packed where it ends in .gz or .lz4; - for stdout,
    /// which implies -q. Packets are then printed only with --print, or where a form of output is asked for. With -G the
    /// name is a pattern of strftime(3).
    #[arg(short, long, value_name = "FILE")]
    pub(super) write: Option<PathBuf>,
    /// Write each packet into the file at once.
    #[arg(short = 'U', long = "packet-buffered")]
    unbuffered: bool,
    /// Begin another file when the present one has so many million octets, or with k, M or G so many KiB, MiB or GiB; files are
    /// counted: trace_00000.pcapng, and so on.
    #[arg(short = 'C', value_name = "SIZE", requires = "write", value_parser = size)]
    file_size: Option<u64>,
    /// Begin another file after so many seconds, or a time with a unit.
    #[arg(short = 'G', value_name = "TIME", requires = "write", value_parser = duration::parse)]
    file_time: Option<Duration>,
    /// Keep at most so many files: with -C or --dump-on the oldest is overwritten, with -G alone the capture ends after the
    /// last.
    #[arg(short = 'W', value_name = "N", requires = "write", value_parser = clap::value_parser!(u32).range(1..))]
    file_count: Option<u32>,
    /// Begin another file as dumpcap does: duration:TIME, filesize:SIZE or packets:N, whichever comes first; files:N overwrites
    /// the oldest. Sizes are of kB where they have no unit.
    #[arg(short = 'b', long, value_name = "CONDITION", requires = "write", conflicts_with_all = ["file_size", "file_time", "file_count"])]
    ring_buffer: Vec<Limit>,
    /// Run this program, no shell, with the name of each file that is ended behind its own arguments. What it prints goes to stderr.
    #[arg(short = 'z', value_name = "COMMAND", requires = "write")]
    hook: Option<String>,
    /// As root: become this user once all is open; files belong to it, and `-z` runs as it [default: who called sudo].
    #[arg(short = 'Z', long = "relinquish-privileges", value_name = "USER", value_parser = sandbox::user)]
    user: Option<Caller>,
}

impl FileArgs {
    /// When the next file begins.
    fn rotation(&self) -> Rotation {
        let nanoseconds = |time: Duration| i64::try_from(time.as_nanos()).unwrap_or(i64::MAX);
        let mut rotation = Rotation {
            octets: self.file_size,
            nanoseconds: self.file_time.map(nanoseconds),
            files: self.file_count,
            is_ring: self.file_size.is_some() || !self.ring_buffer.is_empty(),
            ..Rotation::default()
        };
        for condition in &self.ring_buffer {
            match *condition {
                Limit::Duration(time) => rotation.nanoseconds = Some(nanoseconds(time)),
                Limit::FileSize(octets) => rotation.octets = Some(octets),
                Limit::Files(files) => rotation.files = Some(files.max(1)),
                Limit::Packets(packets) => rotation.packets = Some(packets.max(1)),
            }
        }
        rotation
    }

    /// What is run for each file that is ended. It waits in a process of its own, which must be begun before any thread is.
    ///
    /// # Errors
    /// When there is no such program, or no room for a process.
    pub(super) fn hook(&self) -> Result<Option<Hook>, String> {
        self.hook.as_deref().map(Hook::new).transpose()
    }

    /// The folder that files are made in while packets come, should there be more than the one that is made first.
    pub(super) fn folder_of_more(&self, on_demand: bool) -> Option<PathBuf> {
        let path = self.write.as_deref().filter(|_| on_demand || self.rotation() != Rotation::default())?;
        // A pattern may be in the name of the folder, too.
        let is_pattern = |folder: &&Path| folder.to_string_lossy().contains('%');
        let folder = folder_of(path);
        folder.ancestors().find(|folder| !is_pattern(folder)).map(|folder| {
            match folder.as_os_str().is_empty() {
                true => PathBuf::from("."),
                false => folder.to_owned(),
            }
        })
    }

    /// Has root become the user that is named, if one is.
    ///
    /// # Errors
    /// When there is no such user here.
    pub(super) fn name_the_user(&self) -> Result<(), String> {
        self.user.map_or(Ok(()), sandbox::become_this)
    }

    /// Whether a program is run for each file.
    pub(super) fn has_hook(&self) -> bool {
        self.hook.is_some()
    }

    /// Whether the packets go to stdout.
    pub(super) fn is_stdout(&self) -> bool {
        self.write.as_deref() == Some(Path::new("-"))
    }
}

/// Reads a size: millions of octets, or KiB, MiB, GiB.
///
/// # Errors
/// In words, when it is none.
pub(super) fn size(text: &str) -> Result<u64, String> {
    let wrong = || "takes a number of million octets, or with k, M or G of KiB, MiB or GiB".to_owned();
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let unit = match text.get(digits.len()..).unwrap_or_default() {
        "" => 1_000_000,
        "k" | "K" | "KiB" => 1 << 10,
        "m" | "M" | "MiB" => 1 << 20,
        "g" | "G" | "GiB" => 1 << 30,
        _ => return Err(wrong()),
    };
    let number: u64 = digits.parse().map_err(|_| wrong())?;
    number.checked_mul(unit).filter(|size| *size > 0).ok_or_else(wrong)
}

/// The files.
pub(super) struct Files {
    writer: RotatingWriter,
    hook: Option<Hook>,
    /// All goes into one stream, whatever else is said.
    is_stream: bool,
    /// Octets of a file that end the capture.
    most_octets: Option<u64>,
}

impl Files {
    /// Creates the first file, when there are to be any; with `on_demand` each dump is a file of its own. They end where the
    /// capture has its limits.
    ///
    /// # Errors
    /// When it cannot be created, or is told to begin at other times too.
    pub(super) fn create(
        args: &FileArgs,
        hook: Option<Hook>,
        on_demand: bool,
        limits: &Limits,
    ) -> Result<Option<Self>, Box<dyn Error>> {
        let (most_octets, in_all) = (limits.octets(), limits.files());
        let Some(path) = &args.write else {
            return match most_octets.is_some() || in_all.is_some() {
                true => Err("-a filesize and files are about files: `-w FILE` says which".into()),
                false => Ok(None),
            };
        };
        let rotation = args.rotation();
        if in_all.is_some() && !on_demand && !rotation.begins_another() {
            return Err("-a files needs something that begins another file: -b, -C or -G".into());
        }
        let is_stream = args.is_stdout();
        if is_stream && rotation != Rotation::default() {
            return Err("-C, -G, -W and -b need a file: stdout is one stream".into());
        }
        if on_demand && (args.file_size.is_some() || args.file_time.is_some() || !args.ring_buffer.is_empty())
        {
            return Err("-C, -G and -b do not go with --dump-on: each dump is a file of its own (-W says how many are kept)".into());
        }
        let rotation = Rotation { on_demand, in_all, is_ring: rotation.is_ring || on_demand, ..rotation };
        let mut options = live_options();
        options.flush_each = args.unbuffered;
        let namer: Namer = match rotation.nanoseconds.is_some() || on_demand {
            true => Box::new(dated),
            false => Box::new(|path, _| path.to_owned()),
        };
        let writer = RotatingWriter::create(path, options, rotation, namer, clock::wall())?;
        Ok(Some(Self { writer, hook, is_stream, most_octets }))
    }

    /// Begins a file for what happens at this time.
    ///
    /// # Errors
    /// When it cannot be created.
    pub(super) fn begin(&mut self, now: i64) -> Result<(), WriteError> {
        if self.is_stream { Ok(()) } else { self.writer.begin(now) }
    }

    /// Ends the present file; the next has to be begun.
    ///
    /// # Errors
    /// When what is still in memory cannot be written.
    pub(super) fn end(&mut self) -> Result<(), Box<dyn Error>> {
        if self.is_stream {
            return Ok(self.writer.flush()?);
        }
        if let (Some(path), Some(hook)) = (self.writer.end()?, &mut self.hook) {
            hook.run(&path);
        }
        Ok(())
    }

    /// What the present file is called.
    pub(super) fn present(&self) -> String {
        self.writer.present().display().to_string()
    }

    /// Packets in all files.
    pub(super) fn packets(&self) -> u64 {
        self.writer.packets()
    }

    /// Describes an interface; returns its number.
    pub(super) fn add_interface(&mut self, interface: &Interface) -> Result<u32, WriteError> {
        self.writer.add_interface(interface)
    }

    /// Writes a packet of the interface with this number. `false` when there must be no further file.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(super) fn packet(&mut self, number: u32, frame: &Frame<'_>) -> Result<bool, Box<dyn Error>> {
        let now = frame.time.unwrap_or_default();
        match self.writer.write(number, frame, now)? {
            Written::Here => Ok(true),
            Written::Over => Ok(false),
            Written::AfterEnding(path) => {
                if let Some(hook) = &mut self.hook {
                    hook.run(&path);
                }
                Ok(true)
            }
        }
    }

    pub(super) fn write_counts(&mut self, interface: u32, counts: &Counts) -> Result<(), WriteError> {
        self.writer.write_counts(interface, counts)
    }

    /// Notes something about an interface.
    pub(super) fn note(&mut self, interface: u32, text: &str) -> Result<(), WriteError> {
        self.writer.note(interface, clock::wall(), text)
    }

    pub(super) fn flush(&mut self) -> Result<(), WriteError> {
        self.writer.flush()
    }

    /// Whether they are full: the present one has so many octets, or there must be no file behind it.
    pub(super) fn are_full(&self) -> bool {
        self.most_octets.is_some_and(|most| self.writer.octets() >= most) || self.writer.is_over()
    }

    /// Ends the last file, and waits for what was run.
    ///
    /// # Errors
    /// When what is still in memory cannot be written.
    pub(super) fn finish(&mut self) -> Result<(), Box<dyn Error>> {
        let ended = self.writer.end()?;
        if let Some(mut hook) = self.hook.take() {
            if let Some(path) = ended {
                hook.run(&path);
            }
            hook.wait();
        }
        Ok(())
    }
}

/// The name of a file that begins now, in the zone of the user.
fn dated(template: &Path, now: i64) -> PathBuf {
    let time = Timestamp::from_nanosecond(i128::from(now)).unwrap_or_default().to_zoned(TimeZone::system());
    let mut name = OsString::new();
    // Names are octets; what is no text has no pattern in it.
    for chunk in template.as_os_str().as_bytes().utf8_chunks() {
        match jiff::fmt::strtime::format(chunk.valid(), &time) {
            Ok(text) => name.push(text),
            // A pattern that is none is a name.
            Err(_) => return template.to_owned(),
        }
        name.push(OsStr::from_bytes(chunk.invalid()));
    }
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        assert_eq!(size("3"), Ok(3_000_000));
        assert_eq!(size("10k"), Ok(10_240));
        assert_eq!(size("2M"), Ok(2 << 20));
        for wrong in ["", "0", "k", "1x", "-1", "99999999999999999999", "18446744073709551615"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn names_by_time() {
        let path = dated(Path::new("/tmp/at-%Y.pcapng"), 0);
        assert!(path == Path::new("/tmp/at-1970.pcapng") || path == Path::new("/tmp/at-1969.pcapng"));
        assert_eq!(dated(Path::new("/tmp/100%"), 0), Path::new("/tmp/100%"));
        let odd = |octets: &'static [u8]| Path::new(OsStr::from_bytes(octets));
        assert_eq!(dated(odd(b"\xff-%%-\xfe"), 0), odd(b"\xff-%-\xfe"), "names are octets");
    }
}
