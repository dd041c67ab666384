//! Copying captures so that nothing is lost: into pcapng each block of pcapng as it stands, with all its options and in its
//! byte order; into pcap what pcap has room for, with a count of what it has not.
//!
//! Files that are merged share one section, so their interfaces are numbered anew, and blocks of the other byte order are
//! turned ([`swap`]). Files that are copied one behind the other keep their sections.

mod header;
mod left_out;
mod packet;
mod pieces;
mod swap;

use std::path::{Path, PathBuf};

use pcap_file::Endianness;

pub use left_out::LeftOut;
pub use pieces::Split;

use self::header::Heads;
use self::left_out::Left;
use self::packet::Change;
use self::pieces::Pieces;
use super::block::Block;
use super::description::Interface;
use super::read_options::{COMMENT, options};
use super::write_error::WriteError;
use super::writer::{CaptureWriter, WriteOptions};
use super::{write_pcap, write_pcapng};
use crate::wire::frame::{Frame, LinkType};

/// How packets are copied.
#[derive(Debug, Clone, Default)]
pub struct CopyOptions {
    /// As of all files that are written. The section is for packets that bring none: those of pcap.
    pub write: WriteOptions,
    /// The files that are read: they are never written over.
    pub inputs: Vec<PathBuf>,
    /// So many files come in one, in the order of time; 0 for those that come one behind the other.
    pub merged: usize,
    /// At most so many octets of each packet are kept; its length on the wire is kept as it was.
    pub truncate: Option<u32>,
    /// When to begin another file.
    pub split: Split,
    /// Whether packets are left out or changed, so that blocks which must not be copied into a changed file are not.
    pub is_changed: bool,
}

/// A file, or several, that captures are copied into.
pub struct Copier {
    options: CopyOptions,
    pieces: Pieces,
    writer: CaptureWriter,
    heads: Heads,
    order: Endianness,
    /// Whether the file has a section for what comes; of pcap, whether its header says what the present file's does.
    is_begun: bool,
    /// The link types of the section's interfaces.
    link_types: Vec<LinkType>,
    /// For each source and each of its interfaces, its number in the section.
    numbers: Vec<Vec<Option<u32>>>,
    /// Which sources have had a section header.
    headed: Vec<bool>,
    scratch: Vec<u8>,
    left_out: LeftOut,
}

impl Copier {
    /// Creates the file.
    ///
    /// # Errors
    /// As of [`CaptureWriter::create`]; when it is one of those that are read.
    pub fn create(path: &Path, options: CopyOptions) -> Result<Self, WriteError> {
        let pieces = Pieces::new(path, options.split);
        let writer = pieces.create(&options)?;
        Ok(Self {
            options,
            pieces,
            writer,
            heads: Heads::default(),
            order: Endianness::Little,
            is_begun: false,
            link_types: Vec::new(),
            numbers: Vec::new(),
            headed: Vec::new(),
            scratch: Vec::new(),
            left_out: LeftOut::default(),
        })
    }

    /// Takes in the section header of a file that is to be merged; before anything is copied.
    pub fn head(&mut self, block: &Block<'_>) {
        self.heads.add(block);
    }

    /// Says that another file follows behind what was copied.
    pub fn next_file(&mut self) {
        if self.options.merged == 0 || self.writer.is_pcap() {
            self.is_begun = false;
            self.numbers.clear();
        }
    }

    /// Copies a block without a packet, of the file with the number `source`, whose interfaces so far are `interfaces`.
    ///
    /// # Errors
    /// When nothing more can be written.
    pub fn block(
        &mut self,
        source: usize,
        block: &Block<'_>,
        interfaces: &[Interface],
    ) -> Result<(), WriteError> {
        if self.writer.is_pcap() {
            self.leave_out(block);
            return Ok(());
        }
        match block.kind() {
            SECTION => return self.section(source, block),
            NOT_TO_BE_COPIED if self.options.is_changed => {
                self.left_out.add(Left::NotToBeCopied);
                return Ok(());
            }
            _ => self.begin()?,
        }
        match block.kind() {
            INTERFACE => self.interface(source, block, interfaces),
            STATISTICS => {
                let number = self.number(source, block.interface(), interfaces)?;
                self.other(block, Some(number))
            }
            _ => self.other(block, None),
        }
    }

    /// Copies a packet, with its block where it has one, and adds comments to it.
    ///
    /// # Errors
    /// When nothing more can be written, or pcap has no room for the comments or the kind of link.
    pub fn packet(
        &mut self,
        source: usize,
        frame: &Frame<'_>,
        block: Option<&Block<'_>>,
        interfaces: &[Interface],
        comments: &[String],
    ) -> Result<(), WriteError> {
        if self.pieces.is_full(frame.time) {
            self.next_piece()?;
        }
        let most = self.options.truncate.and_then(|most| usize::try_from(most).ok()).unwrap_or(usize::MAX);
        let data = frame.data.get(..most).unwrap_or(frame.data);
        if self.writer.is_pcap() {
            self.leave_out_options(frame, block);
            match frame.time {
                None => self.left_out.add(Left::NoTime),
                Some(time) if !write_pcap::has_room_for(time) => self.left_out.add(Left::Time),
                Some(_) => {}
            }
            self.begin_pcap(frame, interfaces, block.is_some())?;
            return match data.len() == frame.data.len() {
                true => self.writer.write(frame),
                false => self.writer.write(&Frame { data, ..*frame }),
            };
        }
        self.begin()?;
        let interface = self.number(source, Some(frame.interface), interfaces)?;
        if let (None, []) = (block, comments) {
            return self.writer.write(&Frame { data, interface, ..*frame });
        }
        let change =
            Change { interface, captured: frame.data.len(), truncate: self.options.truncate, comments };
        let mut made = std::mem::take(&mut self.scratch);
        let block = match block {
            Some(block) => *block,
            // What pcap has, as a block of our own.
            None => {
                made.clear();
                let written = write_pcapng::packet(&mut made, frame, interface);
                written.map_err(|(what, len)| self.writer.too_long(what, len))?;
                let (kind, order) = (ENHANCED, Endianness::Little);
                Block { kind, octets: &made, order, interface: Some(interface) }
            }
        };
        let (from, to) = (block.order, self.order);
        let written = self.writer.packet_with(|out| {
            let start = out.len();
            packet::write(out, &block, &change)?;
            if let Some(octets) = out.get_mut(start..).filter(|_| from != to) {
                swap::swap(octets, from);
            }
            Ok(())
        });
        self.scratch = made;
        written
    }

    /// Whether a packet that has no block is copied into one file as it is: [`plain`](Self::plain) does no more than that.
    pub fn is_plain(&self) -> bool {
        self.writer.is_pcap() && self.options.truncate.is_none() && !self.pieces.is_split()
    }

    /// Copies a packet of pcap as it is, where [`is_plain`](Self::is_plain) says so: [`packet`](Self::packet), in fewer steps.
    ///
    /// # Errors
    /// As of [`packet`](Self::packet).
    #[inline]
    pub fn plain(&mut self, frame: &Frame<'_>, interfaces: &[Interface]) -> Result<(), WriteError> {
        if !self.is_begun {
            self.begin_pcap(frame, interfaces, false)?;
            self.is_begun = true;
        }
        self.writer.write(frame)
    }

    /// Writes the header of a pcap file, where it has none yet. How long packets are at most stands in it as the file says that they
    /// come from; of several files, and of pcapng, longer ones may follow, which readers would cut.
    fn begin_pcap(
        &mut self,
        frame: &Frame<'_>,
        interfaces: &[Interface],
        is_pcapng: bool,
    ) -> Result<(), WriteError> {
        let is_bounded = !is_pcapng && self.options.inputs.len() < 2;
        self.pieces.keep_interface(interfaces.get(frame.interface as usize), is_bounded);
        self.pieces.begin_pcap(&mut self.writer)
    }

    /// Writes what is still in memory.
    ///
    /// # Errors
    /// As of [`CaptureWriter::flush`].
    pub fn flush(&mut self) -> Result<(), WriteError> {
        self.writer.flush()
    }

    /// Ends the file; tells what was left out of it.
    ///
    /// # Errors
    /// As of [`CaptureWriter::finish`].
    pub fn finish(mut self) -> Result<LeftOut, WriteError> {
        if !self.writer.is_pcap() {
            self.begin()?;
        }
        self.writer.finish()?;
        Ok(self.left_out)
    }

    /// Begins a section for what brings none.
    fn begin(&mut self) -> Result<(), WriteError> {
        if self.is_begun {
            return Ok(());
        }
        self.order = self.heads.order(self.options.merged);
        self.scratch.clear();
        let application = self.options.write.section.application.as_deref();
        self.heads.write(&mut self.scratch, application, self.order);
        let header = std::mem::take(&mut self.scratch);
        self.start_section(&header)
    }

    fn start_section(&mut self, header: &[u8]) -> Result<(), WriteError> {
        self.is_begun = true;
        self.link_types.clear();
        self.pieces.begin_section(header);
        self.writer.begin_section(self.order)?;
        self.writer.raw(header)
    }

    /// A section header begins a section of its own, unless files are merged: then there is one for all.
    fn section(&mut self, source: usize, block: &Block<'_>) -> Result<(), WriteError> {
        let is_first = !flag(&mut self.headed, source);
        if self.options.merged > 0 {
            if !is_first {
                let lost = options(block.body().get(16..).unwrap_or_default(), block.order).count();
                (0..lost).for_each(|_| self.left_out.add(Left::SectionOption));
            }
            return self.begin();
        }
        self.order = block.order;
        let mut header = block.octets().to_vec();
        // How long the section is cannot be known before it is written: all ones say so.
        if let Some(len) = header.get_mut(16..24) {
            len.fill(0xff);
        }
        self.start_section(&header)
    }

    fn interface(
        &mut self,
        source: usize,
        block: &Block<'_>,
        interfaces: &[Interface],
    ) -> Result<(), WriteError> {
        let Some(place) = block.interface() else { return Ok(()) };
        let link_type = interfaces.get(place as usize).map_or(LinkType(0xffff), |known| known.link_type);
        self.assign(source, place, link_type);
        self.other(block, None)
    }

    /// The number in the section of an interface. One whose description could not be read is described by what is known.
    fn number(
        &mut self,
        source: usize,
        place: Option<u32>,
        interfaces: &[Interface],
    ) -> Result<u32, WriteError> {
        let place = place.unwrap_or_default();
        let known = self.numbers.get(source).and_then(|numbers| numbers.get(place as usize));
        if let Some(Some(number)) = known {
            return Ok(*number);
        }
        let unknown = Interface::of(LinkType(0xffff));
        let interface = interfaces.get(place as usize).unwrap_or(&unknown);
        let number = self.assign(source, place, interface.link_type);
        let octets = self.writer.describe(interface)?;
        self.pieces.keep(&octets);
        self.writer.raw(&octets)?;
        Ok(number)
    }

    fn assign(&mut self, source: usize, place: u32, link_type: LinkType) -> u32 {
        let number = u32::try_from(self.link_types.len()).unwrap_or(u32::MAX);
        self.link_types.push(link_type);
        if self.numbers.len() <= source {
            self.numbers.resize(source.saturating_add(1), Vec::new());
        }
        if let Some(numbers) = self.numbers.get_mut(source) {
            let place = place as usize;
            if numbers.len() <= place {
                numbers.resize(place.saturating_add(1), None);
            }
            if let Some(slot) = numbers.get_mut(place) {
                *slot = Some(number);
            }
        }
        self.writer.note_interface(link_type);
        number
    }

    /// Copies a block that is no packet, with another interface where it is of one.
    fn other(&mut self, block: &Block<'_>, interface: Option<u32>) -> Result<(), WriteError> {
        let mut octets = std::mem::take(&mut self.scratch);
        octets.clear();
        octets.extend_from_slice(block.octets());
        if block.order != self.order && !swap::swap(&mut octets, block.order) {
            self.left_out.add(Left::OtherOrder);
            return Ok(());
        }
        if let (Some(number), Some(place)) = (interface, octets.get_mut(8..12)) {
            let little = self.order.is_little();
            place.copy_from_slice(&if little { number.to_le_bytes() } else { number.to_be_bytes() });
        }
        if matches!(block.kind(), INTERFACE | NAMES | SECRETS) && !self.pieces.keep(&octets) {
            self.left_out.add(Left::Repeated);
        }
        self.writer.raw(&octets)?;
        self.scratch = octets;
        Ok(())
    }

    fn next_piece(&mut self) -> Result<(), WriteError> {
        self.pieces.next();
        let writer = self.pieces.create(&self.options)?;
        let before = std::mem::replace(&mut self.writer, writer);
        before.finish()?;
        if !self.writer.is_pcap() {
            self.pieces.repeat(&mut self.writer, self.order)?;
            self.link_types.iter().for_each(|link_type| self.writer.note_interface(*link_type));
        }
        Ok(())
    }

    /// Counts what pcap cannot hold of a block without a packet.
    fn leave_out(&mut self, block: &Block<'_>) {
        let options_at = match block.kind() {
            SECTION => 16,
            INTERFACE => 8,
            kind => return self.left_out.block(kind),
        };
        let noted = options(block.body().get(options_at..).unwrap_or_default(), block.order);
        let (mut comments, mut others) = (0u32, 0u32);
        for (code, _) in noted {
            match (block.kind(), code) {
                (_, COMMENT) => comments = comments.saturating_add(1),
                // Who wrote the file is said anew; times are turned into those of pcap.
                (SECTION, 4) | (INTERFACE, 9 | 14) => {}
                _ => others = others.saturating_add(1),
            }
        }
        (0..comments).for_each(|_| self.left_out.add(Left::Comment));
        match block.kind() {
            INTERFACE if others > 0 => self.left_out.add(Left::Interface),
            INTERFACE => {}
            _ => (0..others).for_each(|_| self.left_out.add(Left::SectionOption)),
        }
    }

    fn leave_out_options(&mut self, frame: &Frame<'_>, block: Option<&Block<'_>>) {
        let Some(block) = block.filter(|block| block.kind() != SIMPLE) else { return };
        let at = frame.data.len().checked_next_multiple_of(4).and_then(|len| len.checked_add(20));
        let noted = at.and_then(|at| block.body().get(at..)).unwrap_or_default();
        for (code, _) in options(noted, block.order) {
            self.left_out.add(if code == COMMENT { Left::Comment } else { Left::PacketOption });
        }
    }
}

/// Sets a flag; tells whether it was set.
fn flag(flags: &mut Vec<bool>, at: usize) -> bool {
    if flags.len() <= at {
        flags.resize(at.saturating_add(1), false);
    }
    flags.get_mut(at).is_some_and(|flag| std::mem::replace(flag, true))
}

const INTERFACE: u32 = 1;
const SIMPLE: u32 = 3;
const NAMES: u32 = 4;
const STATISTICS: u32 = 5;
const ENHANCED: u32 = 6;
const SECRETS: u32 = 10;
const SECTION: u32 = 0x0a0d_0d0a;
/// Custom blocks that tools which do not know them must not copy into files that they change (draft-ietf-opsawg-pcapng,
/// section 4.8).
const NOT_TO_BE_COPIED: u32 = 0x4000_0bad;
