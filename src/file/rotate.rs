//! A capture in several files: a new one when the present one is large or old enough, the oldest perhaps overwritten.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
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
    /// When it has so many packets.
    pub packets: Option<u64>,
    /// When so many nanoseconds are over.
    pub nanoseconds: Option<i64>,
    /// When [`RotatingWriter::begin`] says so.
    pub on_demand: bool,
    /// How many files there are at most.
    pub files: Option<u32>,
    /// How many there have been when the capture is over, in a ring too.
    pub in_all: Option<u32>,
    /// Files are counted, and when there are so many, the oldest is overwritten; else the capture is over.
    pub is_ring: bool,
}

impl Rotation {
    /// Whether a size, a number or a time begins another file.
    pub fn begins_another(&self) -> bool {
        self.octets.is_some() || self.packets.is_some() || self.nanoseconds.is_some()
    }

    /// Whether a file has as much as it may have.
    fn is_filled_by(&self, writer: &CaptureWriter) -> bool {
        self.octets.is_some_and(|most| writer.octets() >= most)
            || self.packets.is_some_and(|most| writer.packets() >= most)
    }
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
    /// Whether no size, number or time begins another file.
    is_single: bool,
    namer: Namer,
    interfaces: Vec<Interface>,
    /// The present file; none between [`end`](Self::end) and the next.
    writer: Option<CaptureWriter>,
    present: PathBuf,
    /// What the namer called the present file.
    named: PathBuf,
    /// Files before the present one.
    before: u32,
    /// Packets in the files before, and octets in the last of them.
    packets: u64,
    octets: u64,
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
        let named = namer(template, now);
        let present = counted(&named, &rotation, 0);
        let writer = Some(CaptureWriter::create(&present, options.clone())?);
        Ok(Self {
            template: template.to_owned(),
            options,
            rotation,
            is_single: !rotation.begins_another(),
            namer,
            interfaces: Vec::new(),
            writer,
            present,
            named,
            before: 0,
            packets: 0,
            octets: 0,
            began: None,
        })
    }

    /// Describes an interface to this file and all that follow; returns its number.
    ///
    /// # Errors
    /// As of [`CaptureWriter::add_interface`].
    pub fn add_interface(&mut self, interface: &Interface) -> Result<u32, WriteError> {
        self.interfaces.push(interface.clone());
        match &mut self.writer {
            Some(writer) => writer.add_interface(interface),
            None => Ok(u32::try_from(self.interfaces.len()).unwrap_or(u32::MAX).saturating_sub(1)),
        }
    }

    /// Writes a packet of the interface with this number, into the next file when it is time for that.
    ///
    /// # Errors
    /// As of [`CaptureWriter::write_of`], or when the next file cannot be created.
    #[inline]
    pub fn write(&mut self, interface: u32, frame: &Frame<'_>, now: i64) -> Result<Written, WriteError> {
        if let (Some(writer), true) = (&mut self.writer, self.is_single) {
            return writer.write_of(interface, frame).map(|()| Written::Here);
        }
        self.write_in_turn(interface, frame, now)
    }

    /// The same, where there may be a next file.
    fn write_in_turn(&mut self, interface: u32, frame: &Frame<'_>, now: i64) -> Result<Written, WriteError> {
        if self.writer.is_none() {
            self.next(now)?;
        }
        let Some(writer) = &mut self.writer else { return Ok(Written::Over) };
        let began = *self.began.get_or_insert(now);
        let is_old = self.rotation.nanoseconds.is_some_and(|most| now.saturating_sub(began) >= most);
        if !self.rotation.is_filled_by(writer) && !is_old {
            return writer.write_of(interface, frame).map(|()| Written::Here);
        }
        if self.is_last() {
            return Ok(Written::Over);
        }
        let ended = self.next(now)?;
        self.writer.as_mut().map_or(Ok(()), |writer| writer.write_of(interface, frame))?;
        Ok(Written::AfterEnding(ended))
    }

    /// Whether there must be no file behind the present one.
    fn is_last(&self) -> bool {
        let Rotation { files, in_all, is_ring, .. } = self.rotation;
        let most = in_all.into_iter().chain(files.filter(|_| !is_ring)).min();
        most.is_some_and(|most| self.files() >= most)
    }

    /// Whether nothing more can be written: the last file is full, or ended.
    pub fn is_over(&self) -> bool {
        self.is_last() && self.writer.as_ref().is_none_or(|writer| self.rotation.is_filled_by(writer))
    }

    /// Begins a file now. Where the present one has no packets yet, it becomes that one, by another name perhaps.
    ///
    /// # Errors
    /// When it cannot be created or renamed.
    pub fn begin(&mut self, now: i64) -> Result<(), WriteError> {
        match &mut self.writer {
            Some(writer) if writer.packets() == 0 => {
                self.named = (self.namer)(&self.template, now);
                let path = counted(&self.named, &self.rotation, self.before);
                if path != self.present {
                    writer.rename(&self.present, &path)?;
                    self.present = path;
                }
                self.began = Some(now);
                Ok(())
            }
            _ => self.next(now).map(|_| ()),
        }
    }

    /// Ends the present file, and begins no other; returns its name, where there is one.
    ///
    /// # Errors
    /// When what is still in memory cannot be written.
    pub fn end(&mut self) -> Result<Option<PathBuf>, WriteError> {
        let Some(mut writer) = self.writer.take() else { return Ok(None) };
        let result = writer.close();
        self.packets = self.packets.saturating_add(writer.packets());
        self.octets = writer.octets();
        result.map(|()| Some(self.present.clone()))
    }

    /// Begins the next file; returns the name of the one before.
    fn next(&mut self, now: i64) -> Result<PathBuf, WriteError> {
        self.before = self.before.saturating_add(1);
        let named = (self.namer)(&self.template, now);
        let path = counted(&named, &self.rotation, self.before);
        // The names of a namer may be the same for a while: nothing of one's own is overwritten.
        let path = if path == self.named { numbered(&path, self.before) } else { path };
        self.named = named;
        // Before the next is created: in a ring of one it is the same.
        self.end()?;
        let mut writer = CaptureWriter::create(&path, self.options.clone())?;
        for interface in &self.interfaces {
            writer.add_interface(interface)?;
        }
        self.writer = Some(writer);
        self.began = Some(now);
        Ok(std::mem::replace(&mut self.present, path))
    }

    /// Writes what was counted at an interface into the present file.
    ///
    /// # Errors
    /// As of [`CaptureWriter::write_counts`].
    pub fn write_counts(&mut self, interface: u32, counts: &Counts) -> Result<(), WriteError> {
        self.writer.as_mut().map_or(Ok(()), |writer| writer.write_counts(interface, counts))
    }

    /// Notes something about an interface at a time, in the present file.
    ///
    /// # Errors
    /// As of [`CaptureWriter::note`].
    pub fn note(&mut self, interface: u32, time: i64, text: &str) -> Result<(), WriteError> {
        self.writer.as_mut().map_or(Ok(()), |writer| writer.note(interface, time, text))
    }

    /// Packets in all files, or in memory on their way into the present one.
    pub fn packets(&self) -> u64 {
        self.packets.saturating_add(self.writer.as_ref().map_or(0, CaptureWriter::packets))
    }

    /// How many files there have been.
    pub fn files(&self) -> u32 {
        self.before.saturating_add(1)
    }

    /// Octets in the present file, or the last, before they are packed.
    pub fn octets(&self) -> u64 {
        self.writer.as_ref().map_or(self.octets, CaptureWriter::octets)
    }

    /// Writes what is still in memory.
    ///
    /// # Errors
    /// As of [`CaptureWriter::flush`].
    pub fn flush(&mut self) -> Result<(), WriteError> {
        self.writer.as_mut().map_or(Ok(()), CaptureWriter::flush)
    }

    /// What the present file, or the last, is called.
    pub fn present(&self) -> &Path {
        &self.present
    }
}

/// The name of a file that `before` others stand before.
fn counted(named: &Path, rotation: &Rotation, before: u32) -> PathBuf {
    match rotation.files {
        Some(files) if rotation.is_ring => numbered(named, before.checked_rem(files).unwrap_or(0)),
        None if rotation.is_ring && !rotation.on_demand => numbered(named, before),
        _ => named.to_owned(),
    }
}

/// `trace.pcapng.gz` with the number 3 is `trace_00003.pcapng.gz`.
pub(super) fn numbered(path: &Path, number: u32) -> PathBuf {
    let packed = Packing::by_name(path).and(path.file_stem()).map_or(path, Path::new);
    let stem = packed.extension().and(packed.file_stem()).or(packed.file_name()).unwrap_or_default();
    let name = path.file_name().unwrap_or_default().as_bytes();
    let mut numbered = stem.to_owned();
    numbered.push(format!("_{number:05}"));
    numbered.push(OsStr::from_bytes(name.strip_prefix(stem.as_bytes()).unwrap_or_default()));
    path.with_file_name(numbered)
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
        let odd = |octets: &'static [u8]| Path::new(OsStr::from_bytes(octets));
        assert_eq!(numbered(odd(b"a/\xff.p\xfe"), 7), odd(b"a/\xff_00007.p\xfe"), "names are octets");
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
            if writer.write(0, &frame, now).unwrap() == Written::Over {
                break;
            }
        }
        writer.end().unwrap();
        read(folder.path())
    }

    fn read(folder: &Path) -> Vec<(String, usize)> {
        let mut files: Vec<_> = std::fs::read_dir(folder)
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
        let by_size = Rotation { octets: Some(3_000), is_ring: true, ..Rotation::default() };
        let expected = owned(&[("x_00000.pcapng", 3), ("x_00001.pcapng", 3), ("x_00002.pcapng", 2)]);
        assert_eq!(files(by_size, 8), expected);
        let ring = Rotation { files: Some(2), ..by_size };
        assert_eq!(files(ring, 8), owned(&[("x_00000.pcapng", 2), ("x_00001.pcapng", 3)]));
    }

    #[test]
    fn by_number() {
        let by_number = Rotation { packets: Some(3), is_ring: true, ..Rotation::default() };
        let expected = owned(&[("x_00000.pcapng", 3), ("x_00001.pcapng", 3), ("x_00002.pcapng", 1)]);
        assert_eq!(files(by_number, 7), expected);
        let ring = Rotation { nanoseconds: Some(2_000_000_000), files: Some(2), ..by_number };
        assert_eq!(files(ring, 5), owned(&[("x_00000.pcapng", 1), ("x_00001.pcapng", 2)]), "by time too");
    }

    #[test]
    fn by_time_and_over_after_some() {
        let by_time = Rotation { nanoseconds: Some(3_000_000_000), ..Rotation::default() };
        assert_eq!(files(by_time, 5), owned(&[("x.pcapng", 3), ("x_00001.pcapng", 2)]));
        let two = Rotation { files: Some(2), ..by_time };
        assert_eq!(files(two, 100), owned(&[("x.pcapng", 3), ("x_00001.pcapng", 3)]));
        let names = [("x.pcapng", 3), ("x_00001.pcapng", 3), ("x_00002.pcapng", 3), ("x_00003.pcapng", 1)];
        assert_eq!(files(by_time, 10), owned(&names), "the first is not overwritten by the third");
    }

    #[test]
    fn on_demand() {
        let write = |files: Option<u32>, second_name: &'static str| {
            let folder = tempfile::tempdir().unwrap();
            let namer: Namer = Box::new(move |path, now| {
                path.with_file_name(if now < 5 { "x.pcapng" } else { second_name })
            });
            let rotation = Rotation { files, on_demand: true, is_ring: true, ..Rotation::default() };
            let options = WriteOptions::default();
            let mut writer =
                RotatingWriter::create(&folder.path().join("x"), options, rotation, namer, 0).unwrap();
            writer.add_interface(&Interface::of(LinkType::RAW)).unwrap();
            for now in 1..8 {
                writer.begin(now).unwrap();
                for _ in 0..now {
                    writer.write(0, &Frame::new(&[0x45; 20], LinkType::RAW), now).unwrap();
                }
                assert_eq!(writer.end().unwrap().unwrap(), writer.present());
                assert_eq!(writer.end().unwrap(), None);
            }
            assert_eq!((writer.packets(), writer.files()), (28, 7));
            read(folder.path())
        };
        let all = [("x.pcapng", 1), ("x_00001.pcapng", 2), ("x_00002.pcapng", 3), ("x_00003.pcapng", 4)];
        let later = [("y.pcapng", 5), ("y_00005.pcapng", 6), ("y_00006.pcapng", 7)];
        assert_eq!(write(None, "y.pcapng"), owned(&[&all[..], &later[..]].concat()));
        assert_eq!(write(Some(1), "x.pcapng"), owned(&[("x_00000.pcapng", 7)]));
        assert_eq!(write(Some(2), "x.pcapng"), owned(&[("x_00000.pcapng", 7), ("x_00001.pcapng", 6)]));
    }
}
