//! Writing a capture file: pcapng, or pcap by the name's ending.

use std::error::Error;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::path::Path;

use pcap_file::Endianness;
use pcap_file::pcap::PcapTsResolution;
use pcap_file::pcapng::blocks::section_header::SectionHeaderBlock;
use pcap_file::pcapng::{PcapNgBlock, PcapNgWriter};

use super::chunk::{Chunk, Output};
use super::description::{Counts, Interface, Section};
use super::packing::Packing;
use super::write_error::WriteError;
use super::{write_pcap, write_pcapng};
use crate::sys::new_file;
use crate::wire::frame::{Frame, LinkType};

/// How a file is written.
#[derive(Debug, Clone, Default)]
pub struct WriteOptions {
    /// In which format; left out, the name's ending decides.
    pub format: Option<Format>,
    /// How it is packed; left out, the name's ending decides. Each flush ends a gzip member or an lz4 frame, so that a file
    /// that is cut there is whole; flushing each packet packs badly.
    pub packing: Option<Packing>,
    /// What pcapng says about host and program.
    pub section: Section,
    /// To whom a new file is to belong: user and group. Under sudo, those who called it.
    pub owner: Option<(u32, u32)>,
    /// Write each packet at once, not in chunks (tcpdump's `-U`).
    pub flush_each: bool,
}

/// A format that can be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// pcapng: nanoseconds, interfaces, comments, directions, counts.
    #[default]
    Pcapng,
    /// pcap with nanoseconds: one link type, and no interfaces.
    Pcap,
    /// pcap with microseconds, for readers that are old.
    PcapMicroseconds,
}

impl Format {
    /// pcap for a name that ends in `.pcap` or `.cap`, else pcapng; the ending of a [`Packing`] may stand behind.
    pub fn by_name(path: &Path) -> Self {
        let stem = Packing::by_name(path).and(path.file_stem()).map(Path::new);
        match stem.unwrap_or(path).extension() {
            Some(ending) if ending == "pcap" || ending == "cap" => Self::Pcap,
            _ => Self::Pcapng,
        }
    }
}

/// A file that is being written.
///
/// It always can be opened up to the last record that was written: records go out as a whole, and when the disk is full the
/// file is cut back to its last whole one. Dropping a writer writes what is still in memory; [`CaptureWriter::finish`] also
/// says whether that worked.
pub struct CaptureWriter {
    path: String,
    kind: Kind,
    chunk: Chunk,
    /// The link types of the interfaces that were added.
    link_types: Vec<LinkType>,
    flush_each: bool,
}

enum Kind {
    Pcap {
        resolution: PcapTsResolution,
        /// What stands in the header, once it is written.
        link_type: Option<LinkType>,
    },
    /// It writes into memory the blocks that are not packets.
    Pcapng(Box<PcapNgWriter<Vec<u8>>>),
}

impl CaptureWriter {
    /// Creates a file; `-` is stdout, as pcapng unless the options say otherwise. A file that is there is overwritten, as
    /// tcpdump does, and keeps its owner and its mode; a new one has mode 0644 less the umask.
    ///
    /// # Errors
    /// When it cannot be created, or nothing can be written.
    pub fn create(path: &Path, options: WriteOptions) -> Result<Self, WriteError> {
        let section = options.section.clone();
        let mut writer = Self::create_without_section(path, options)?;
        writer.own_section(&section)?;
        Ok(writer)
    }

    /// As [`create`](Self::create), for blocks that bring their section header.
    pub(super) fn create_without_section(path: &Path, options: WriteOptions) -> Result<Self, WriteError> {
        let name = path.display().to_string();
        let packing = options.packing.or(Packing::by_name(path));
        if packing == Some(Packing::Zstd) {
            return Err(WriteError::Zstd { path: name });
        }
        let options = WriteOptions { packing, ..options };
        let file = if path.as_os_str() == "-" { stdout() } else { new_file::create(path, options.owner) };
        let file = file.map_err(|source| WriteError::Create { path: name.clone(), source })?;
        let format = options.format.unwrap_or(Format::by_name(path));
        Self::start(name, Output::File(file), format, &options)
    }

    /// Writes into a stream, which need not be buffered: pcapng, unless the options say otherwise.
    ///
    /// # Errors
    /// When nothing can be written.
    pub fn new(stream: impl Write + Send + 'static, options: WriteOptions) -> Result<Self, WriteError> {
        let output = Output::Stream(Box::new(stream));
        let name = "the stream".to_owned();
        let mut writer = Self::start(name, output, options.format.unwrap_or_default(), &options)?;
        writer.own_section(&options.section)?;
        Ok(writer)
    }

    fn start(
        path: String,
        output: Output,
        format: Format,
        options: &WriteOptions,
    ) -> Result<Self, WriteError> {
        let kind = match format {
            Format::Pcap => Kind::Pcap { resolution: PcapTsResolution::NanoSecond, link_type: None },
            Format::PcapMicroseconds => {
                Kind::Pcap { resolution: PcapTsResolution::MicroSecond, link_type: None }
            }
            Format::Pcapng => Kind::Pcapng(block_writer(&path, write_pcapng::section(&options.section))?),
        };
        let (chunk, flush_each) = (Chunk::of(output, options.packing), options.flush_each);
        Ok(Self { path, kind, chunk, link_types: Vec::new(), flush_each })
    }

    /// Writes a section header, where the format has such.
    fn own_section(&mut self, section: &Section) -> Result<(), WriteError> {
        if let Kind::Pcapng(writer) = &mut self.kind {
            *writer = block_writer(&self.path, write_pcapng::section(section))?;
            self.take_block()?;
        }
        // Whoever reads a pipe waits for the header.
        self.flush()
    }

    /// Whether it is pcap, which has no blocks.
    pub(super) fn is_pcap(&self) -> bool {
        matches!(self.kind, Kind::Pcap { .. })
    }

    /// Says that a section in this byte order follows, whose header is given to [`raw`](Self::raw).
    pub(super) fn begin_section(&mut self, order: Endianness) -> Result<(), WriteError> {
        self.link_types.clear();
        if let Kind::Pcapng(writer) = &mut self.kind {
            let header =
                SectionHeaderBlock { endianness: order, ..write_pcapng::section(&Section::default()) };
            *writer = block_writer(&self.path, header)?;
            writer.get_mut().clear();
        }
        Ok(())
    }

    /// Takes note of an interface whose description is given to [`raw`](Self::raw).
    pub(super) fn note_interface(&mut self, link_type: LinkType) {
        self.link_types.push(link_type);
    }

    /// The block that describes an interface, in the section's byte order.
    pub(super) fn describe(&mut self, interface: &Interface) -> Result<Vec<u8>, WriteError> {
        let Kind::Pcapng(writer) = &mut self.kind else { return Ok(Vec::new()) };
        let written = writer.write_pcapng_block(write_pcapng::interface(interface));
        let octets = std::mem::take(writer.get_mut());
        written.map(|_| octets).map_err(|error| self.unsaid(error))
    }

    /// Writes blocks as they stand.
    pub(super) fn raw(&mut self, octets: &[u8]) -> Result<(), WriteError> {
        self.chunk.octets().extend_from_slice(octets);
        self.end_record(false)
    }

    /// Writes the block of a packet that `write` appends; it says what does not fit, and its length.
    pub(super) fn packet_with(
        &mut self,
        write: impl FnOnce(&mut Vec<u8>) -> Result<(), (&'static str, usize)>,
    ) -> Result<(), WriteError> {
        let octets = self.chunk.octets();
        let start = octets.len();
        if let Err((what, len)) = write(octets) {
            octets.truncate(start);
            return Err(self.too_long(what, len));
        }
        self.end_record(true)?;
        if self.flush_each { self.flush() } else { Ok(()) }
    }

    /// The error for octets that are more than a length can say.
    pub(super) fn too_long(&self, what: &'static str, len: usize) -> WriteError {
        WriteError::TooLong { path: self.path.clone(), what, len }
    }

    /// Describes an interface, also after packets; the first has number 0, and its number is returned. pcap has one: more
    /// are taken when they have the same link type, and nothing is kept of them. What was counted at it is written by
    /// [`CaptureWriter::write_counts`].
    ///
    /// # Errors
    /// When a pcap file gets a second link type, or nothing more can be written.
    pub fn add_interface(&mut self, interface: &Interface) -> Result<u32, WriteError> {
        let number = u32::try_from(self.link_types.len()).unwrap_or(u32::MAX);
        match &self.kind {
            Kind::Pcap { .. } => self.pcap_header(interface.link_type, interface.snap_len)?,
            Kind::Pcapng(_) => self.block(write_pcapng::interface(interface))?,
        }
        self.link_types.push(interface.link_type);
        self.flush()?;
        Ok(number)
    }

    /// Writes a packet of the interface `frame.interface`. pcap keeps octets, lengths and time, and needs no interface to
    /// be added; pcapng keeps direction and comment too. A packet without a time is given the beginning of 1970.
    ///
    /// # Errors
    /// When its interface was not added, or has another link type, or nothing more can be written.
    pub fn write(&mut self, frame: &Frame<'_>) -> Result<(), WriteError> {
        self.write_of(frame.interface, frame)
    }

    /// As [`write`](Self::write), of the interface with this number, whatever the frame calls it.
    ///
    /// # Errors
    /// As of [`write`](Self::write).
    #[inline]
    pub fn write_of(&mut self, interface: u32, frame: &Frame<'_>) -> Result<(), WriteError> {
        let too_long = match self.kind {
            Kind::Pcap { resolution, .. } => {
                self.pcap_header(frame.link_type, 0)?;
                write_pcap::record(self.chunk.octets(), frame, resolution).map_err(|len| ("packet", len))
            }
            Kind::Pcapng(_) => {
                self.check_interface(interface, frame.link_type)?;
                write_pcapng::packet(self.chunk.octets(), frame, interface)
            }
        };
        too_long.map_err(|(what, len)| self.too_long(what, len))?;
        self.end_record(true)?;
        if self.flush_each { self.flush() } else { Ok(()) }
    }

    /// Writes what was counted at an interface; pcap has no place for it.
    ///
    /// # Errors
    /// When the interface was not added, or nothing more can be written.
    pub fn write_counts(&mut self, interface: u32, counts: &Counts) -> Result<(), WriteError> {
        self.statistics(interface, write_pcapng::statistics(interface, counts))
    }

    /// Notes something about an interface at a time, in nanoseconds since 1970; pcap has no place for it.
    ///
    /// # Errors
    /// As of [`write_counts`](Self::write_counts).
    pub fn note(&mut self, interface: u32, time: i64, text: &str) -> Result<(), WriteError> {
        self.statistics(interface, write_pcapng::note(interface, time, text))
    }

    fn statistics<'b>(&mut self, interface: u32, block: impl PcapNgBlock<'b>) -> Result<(), WriteError> {
        match self.kind {
            Kind::Pcap { .. } => Ok(()),
            _ if self.link_types.get(interface as usize).is_some() => self.block(block),
            _ => Err(WriteError::UnknownInterface { path: self.path.clone(), interface }),
        }
    }

    /// Packets that are in the file, or in memory on their way into it.
    pub fn packets(&self) -> u64 {
        self.chunk.packets()
    }

    /// Octets that were written or are on their way, before they are packed.
    pub fn octets(&self) -> u64 {
        self.chunk.octets_taken()
    }

    /// Writes what is still in memory.
    ///
    /// # Errors
    /// When nothing more can be written; the file then ends with its last whole record, and each further call fails too.
    pub fn flush(&mut self) -> Result<(), WriteError> {
        let result = self.chunk.flush();
        self.explain(result)
    }

    /// Gives the file another name; one that is called so is replaced.
    pub(super) fn rename(&mut self, from: &Path, to: &Path) -> Result<(), WriteError> {
        let name = to.display().to_string();
        std::fs::rename(from, to).map_err(|source| WriteError::Create { path: name.clone(), source })?;
        self.path = name;
        Ok(())
    }

    /// Ends the file.
    ///
    /// # Errors
    /// When what is still in memory cannot be written.
    pub fn finish(mut self) -> Result<(), WriteError> {
        self.close()
    }

    /// A pcap file without packets has a header too.
    pub(super) fn close(&mut self) -> Result<(), WriteError> {
        if let Kind::Pcap { link_type: None, .. } = self.kind {
            self.pcap_header(LinkType::ETHERNET, 0)?;
        }
        self.flush()
    }

    /// Writes a pcap file's header, when it has none yet; else checks that the link type is the file's.
    fn pcap_header(&mut self, given: LinkType, snap_len: u32) -> Result<(), WriteError> {
        let Kind::Pcap { resolution, link_type } = &mut self.kind else { return Ok(()) };
        match *link_type {
            Some(described) if described == given => return Ok(()),
            Some(described) => {
                return Err(WriteError::LinkTypes { path: self.path.clone(), described, given });
            }
            None => *link_type = Some(given),
        }
        let written = write_pcap::header(self.chunk.octets(), given, snap_len, *resolution);
        written.map_err(|error| self.unsaid(error))?;
        self.end_record(false)
    }

    #[inline]
    fn check_interface(&self, interface: u32, given: LinkType) -> Result<(), WriteError> {
        match self.link_types.get(interface as usize) {
            Some(&described) if described == given => Ok(()),
            Some(&described) => Err(WriteError::LinkTypes { path: self.path.clone(), described, given }),
            None => Err(WriteError::UnknownInterface { path: self.path.clone(), interface }),
        }
    }

    /// Writes a block that is no packet.
    fn block<'b>(&mut self, block: impl PcapNgBlock<'b>) -> Result<(), WriteError> {
        let Kind::Pcapng(writer) = &mut self.kind else { return Ok(()) };
        if let Err(error) = writer.write_pcapng_block(block) {
            writer.get_mut().clear();
            return Err(self.unsaid(error));
        }
        self.take_block()
    }

    /// Takes what pcap-file made as one record.
    fn take_block(&mut self) -> Result<(), WriteError> {
        if let Kind::Pcapng(writer) = &mut self.kind {
            self.chunk.octets().append(writer.get_mut());
        }
        self.end_record(false)
    }

    #[inline]
    fn end_record(&mut self, is_packet: bool) -> Result<(), WriteError> {
        match self.chunk.end_record(is_packet) {
            Ok(()) => Ok(()),
            failed => self.explain(failed),
        }
    }

    fn explain(&self, result: io::Result<()>) -> Result<(), WriteError> {
        let packets = self.chunk.packets();
        result.map_err(|source| WriteError::Write { path: self.path.clone(), source, packets })
    }

    fn unsaid(&self, error: impl Error + Send + Sync + 'static) -> WriteError {
        WriteError::Format { path: self.path.clone(), reason: Box::new(error) }
    }
}

impl Drop for CaptureWriter {
    fn drop(&mut self) {
        // Whoever wants to know calls finish(), behind which nothing is left to do here.
        let _ = self.close();
    }
}

/// What writes blocks into memory, with the header of their section there.
fn block_writer(
    path: &str,
    section: SectionHeaderBlock<'static>,
) -> Result<Box<PcapNgWriter<Vec<u8>>>, WriteError> {
    match PcapNgWriter::with_section_header(Vec::new(), section) {
        Ok(writer) => Ok(Box::new(writer)),
        Err(error) => Err(WriteError::Format { path: path.to_owned(), reason: error.into() }),
    }
}

/// Stdout without the buffer that std puts before it, which would cut records at line ends.
fn stdout() -> io::Result<File> {
    io::stdout().as_fd().try_clone_to_owned().map(File::from)
}
