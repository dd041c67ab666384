//! A capture in several files: a new one when the present one is large or old enough, the oldest perhaps overwritten.

use std::path::{Path, PathBuf};

use super::description::{Counts, Interface};
use super::packing::Packing;
use super::write_error::WriteError;
use super::writer::{CaptureWriter, WriteOptions};
use crate::wire::frame::Frame;

/// When the next file begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rotation {
    /// When the present one has so many octets, before they are packed.
    pub octets: Option<u64>,
    /// When so many nanoseconds are over.
    pub nanoseconds: Option<i64>,
    /// How many files there are at most: with `octets` the oldest is overwritten, else the capture is over.
    pub files: Option<u32>,
}

/// Makes a name of the template at a time (nanoseconds since 1970): a pattern of strftime(3), or nothing to fill in.
pub type Namer = Box<dyn Fn(&Path, i64) -> PathBuf + Send>;

/// What became of a packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Written {
    /// It is in the present file.
    Here,
    /// It is the first of a new file, and this one was ended before.
    AfterEnding(PathBuf),
    /// There must be no further file, so that it is in none.
    Over,
}

/// Files that follow one another. Each describes all interfaces, and can be read by itself.
pub struct RotatingWriter {
    template: PathBuf,
    options: WriteOptions,
    rotation: Rotation,
    namer: Namer,
    interfaces: Vec<Interface>,
    writer: CaptureWriter,
    present: PathBuf,
    /// Files before the present one.
    before: u32,
    /// Packets in the files before.
    packets: u64,
    /// When the present file began, by the first packet in it.
    began: Option<i64>,
}

impl RotatingWriter {
    /// Creates the first file; `now` is in nanoseconds since 1970.
    ///
    /// # Errors
    /// When it cannot be created.
    pub fn create(
        template: &Path,
        options: WriteOptions,
        rotation: Rotation,
        namer: Namer,
        now: i64,
    ) -> Result<Self, WriteError> {
        let present = name(template, &rotation, &namer, now, 0);
        let writer = CaptureWriter::create(&present, options.clone())?;
        Ok(Self {
            template: template.to_owned(),
            options,
            rotation,
            namer,
            interfaces: Vec::new(),
            writer,
            present,
            before: 0,
            packets: 0,
            began: None,
        })
    }

    /// Describes an interface to this file and all that follow; returns its number.
    ///
    /// # Errors
    /// As of [`CaptureWriter::add_interface`].
    pub fn add_interface(&mut self, interface: &Interface) -> Result<u32, WriteError> {
        self.interfaces.push(interface.clone());
        self.writer.add_interface(interface)
    }

    /// Writes a packet, into the next file when it is time for that.
    ///
    /// # Errors
    /// As of [`CaptureWriter::write`], or when the next file cannot be created.
    pub fn write(&mut self, frame: &Frame<'_>, now: i64) -> Result<Written, WriteError> {
        let began = *self.began.get_or_insert(now);
        let is_large = self.rotation.octets.is_some_and(|most| self.writer.octets() >= most);
        let is_old = self.rotation.nanoseconds.is_some_and(|most| now.saturating_sub(began) >= most);
        if !is_large && !is_old {
            self.writer.write(frame)?;
            return Ok(Written::Here);
        }
        let next = self.before.saturating_add(1);
        if self.rotation.octets.is_none() && self.rotation.files.is_some_and(|most| next >= most) {
            return Ok(Written::Over);
        }
        let ended = self.next(now)?;
        self.writer.write(frame)?;
        Ok(Written::AfterEnding(ended))
    }

    /// Begins the next file; returns the name of the one that is ended.
    fn next(&mut self, now: i64) -> Result<PathBuf, WriteError> {
        self.before = self.before.saturating_add(1);
        let path = name(&self.template, &self.rotation, &self.namer, now, self.before);
        // The names of a namer may be the same for a while: nothing of one's own is overwritten.
        let path = if path == self.present { numbered(&path, self.before) } else { path };
        let mut writer = CaptureWriter::create(&path, self.options.clone())?;
        for interface in &self.interfaces {
            writer.add_interface(interface)?;
        }
        let ended = std::mem::replace(&mut self.writer, writer);
        self.packets = self.packets.saturating_add(ended.packets());
        ended.finish()?;
        self.began = Some(now);
        Ok(std::mem::replace(&mut self.present, path))
    }

    /// Writes what was counted at an interface into the present file.
    ///
    /// # Errors
    /// As of [`CaptureWriter::write_counts`].
    pub fn write_counts(&mut self, interface: u32, counts: &Counts) -> Result<(), WriteError> {
        self.writer.write_counts(interface, counts)
    }

    /// Notes something about an interface at a time, in the present file.
    ///
    /// # Errors
    /// As of [`CaptureWriter::note`].
    pub fn note(&mut self, interface: u32, time: i64, text: &str) -> Result<(), WriteError> {
        self.writer.note(interface, time, text)
    }

    /// Packets in all files.
    pub fn packets(&self) -> u64 {
        self.packets.saturating_add(self.writer.packets())
    }

    /// How many files there have been.
    pub fn files(&self) -> u32 {
        self.before.saturating_add(1)
    }

    /// Octets in the present file, before they are packed.
    pub fn octets(&self) -> u64 {
        self.writer.octets()
    }

    /// Writes what is still in memory.
    ///
    /// # Errors
    /// As of [`CaptureWriter::flush`].
    pub fn flush(&mut self) -> Result<(), WriteError> {
        self.writer.flush()
    }

    /// Ends the last file; returns its name.
    ///
    /// # Errors
    /// When what is still in memory cannot be written.
    pub fn finish(self) -> Result<PathBuf, WriteError> {
        self.writer.finish()?;
        Ok(self.present)
    }
}

/// The name of a file: with `octets` files are counted, in a ring where there are at most so many.
fn name(template: &Path, rotation: &Rotation, namer: &Namer, now: i64, before: u32) -> PathBuf {
    let path = namer(template, now);
    match (rotation.octets, rotation.files) {
        (None, _) => path,
        (Some(_), Some(files)) => numbered(&path, before.checked_rem(files).unwrap_or(0)),
        (Some(_), None) => numbered(&path, before),
    }
}

/// `trace.pcapng.gz` with the number 3 is `trace_00003.pcapng.gz`.
pub(super) fn numbered(path: &Path, number: u32) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let packed = Packing::by_name(path).and(path.file_stem()).map_or(path, Path::new);
    let stem = match packed.extension().and(packed.file_stem()) {
        Some(stem) => stem.to_string_lossy().into_owned(),
        None => packed.file_name().unwrap_or_default().to_string_lossy().into_owned(),
    };
    let ending = name.strip_prefix(&stem).unwrap_or_default();
    path.with_file_name(format!("{stem}_{number:05}{ending}"))
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects)]
mod tests {
    use super::*;
    use crate::file::CaptureReader;
    use crate::wire::frame::LinkType;

    #[test]
    fn names_have_a_counter_before_their_endings() {
        let named = |path: &str| numbered(Path::new(path), 7).display().to_string();
        assert_eq!(named("a/trace.pcapng.gz"), "a/trace_00007.pcapng.gz");
        assert_eq!(named("trace.of.monday.pcap"), "trace.of.monday_00007.pcap");
        assert_eq!(named("/tmp/trace"), "/tmp/trace_00007");
        assert_eq!(named("x.lz4"), "x_00007.lz4");
    }

    /// Writes packets of 1000 octets, one a second, and reads how many each file has.
    fn files(rotation: Rotation, packets: i64) -> Vec<(String, usize)> {
        let folder = tempfile::tempdir().unwrap();
        let namer: Namer = Box::new(|path, _| path.to_owned());
        let template = folder.path().join("x.pcapng");
        let mut writer =
            RotatingWriter::create(&template, WriteOptions::default(), rotation, namer, 0).unwrap();
        writer.add_interface(&Interface::of(LinkType::RAW)).unwrap();
        let octets = [0x45; 1000];
        for second in 0..packets {
            let now = second * 1_000_000_000;
            let frame = Frame { time: Some(now), ..Frame::new(&octets, LinkType::RAW) };
            if writer.write(&frame, now).unwrap() == Written::Over {
                break;
            }
        }
        writer.finish().unwrap();
        let mut files: Vec<_> = std::fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| {
                let entry = entry.unwrap();
                let mut reader = CaptureReader::open(&entry.path()).unwrap();
                let mut count = 0;
                while reader.next().unwrap().is_some() {
                    count += 1;
                }
                (entry.file_name().to_string_lossy().into_owned(), count)
            })
            .collect();
        files.sort();
        files
    }

    fn owned(files: &[(&str, usize)]) -> Vec<(String, usize)> {
        files.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
    }

    #[test]
    fn by_size_and_in_a_ring() {
        let by_size = Rotation { octets: Some(3_000), ..Rotation::default() };
        let expected = owned(&[("x_00000.pcapng", 3), ("x_00001.pcapng", 3), ("x_00002.pcapng", 2)]);
        assert_eq!(files(by_size, 8), expected);
        let ring = Rotation { files: Some(2), ..by_size };
        assert_eq!(files(ring, 8), owned(&[("x_00000.pcapng", 2), ("x_00001.pcapng", 3)]));
    }

    #[test]
    fn by_time_and_over_after_some() {
        let by_time = Rotation { nanoseconds: Some(3_000_000_000), ..Rotation::default() };
        assert_eq!(files(by_time, 5), owned(&[("x.pcapng", 3), ("x_00001.pcapng", 2)]));
        let two = Rotation { files: Some(2), ..by_time };
        assert_eq!(files(two, 100), owned(&[("x.pcapng", 3), ("x_00001.pcapng", 3)]));
    }
}
