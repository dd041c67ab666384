//! Reading a capture file of any kind, packet by packet.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::block::{Block, Item};
use super::description::{Interface, Section};
use super::input::Input;
use super::packing::Packing;
use super::read_error::ReadError;
use super::read_pcap::{self, PcapReader, Record};
use super::read_pcapng::{self, PcapngReader, Taken};
use super::run::Run;
use crate::wire::frame::{Frame, LinkType};

/// A capture file that is being read: pcap (micro- or nanoseconds, of either byte order, also as modified by Alexey
/// Kuznetzov's patches) or pcapng (any number of sections and interfaces, of either byte order), plain or packed with gzip,
/// zstd or lz4.
///
/// What can be read is delivered. A file that is cut short gives the packets before the cut and then one
/// [`ReadError::Truncated`]; behind a bad block of pcapng reading goes on where the next one can be found.
pub struct CaptureReader {
    input: Input,
    format: Format,
    packing: Option<Packing>,
    ended: bool,
}

/// Each with what it has gone to.
enum Format {
    Pcap(Box<PcapReader>, Option<Record>),
    Pcapng(Box<PcapngReader>, Option<Taken>),
}

impl CaptureReader {
    /// Opens a file; `-` is stdin.
    ///
    /// # Errors
    /// When it cannot be opened, or is no capture.
    pub fn open(path: &Path) -> Result<Self, ReadError> {
        if path.as_os_str() == "-" {
            return Self::new(io::stdin());
        }
        let failed = |source| ReadError::Open { path: path.display().to_string(), source };
        let file = File::open(path).map_err(failed)?;
        // Opening a folder works, reading it does not.
        if file.metadata().is_ok_and(|metadata| metadata.is_dir()) {
            return Err(failed(io::ErrorKind::IsADirectory.into()));
        }
        Self::new(file)
    }

    /// Reads a stream, which need not be buffered.
    ///
    /// # Errors
    /// When it is no capture.
    pub fn new(source: impl Read + Send + 'static) -> Result<Self, ReadError> {
        let mut input = Input::new(Box::new(source));
        let mut there = input.fill(MAGIC_LEN)?;
        let packing = Packing::by_magic(input.peek(there));
        if let Some(packing) = packing {
            input = input.unpacked(packing);
            there = input.fill(MAGIC_LEN)?;
        }
        let magic = input.peek(there);
        let format = if read_pcapng::begins(magic) {
            Format::Pcapng(Box::new(PcapngReader::new()), None)
        } else if read_pcap::begins(magic) {
            Format::Pcap(Box::new(PcapReader::new(&mut input)?), None)
        } else {
            return Err(foreign(magic));
        };
        Ok(Self { input, format, packing, ended: false })
    }

    /// The next packet; `None` at the end. After an error that [goes on](ReadError::goes_on) the next call gives what is
    /// behind it; after any other there is no more.
    ///
    /// # Errors
    /// When the file is damaged or cut here.
    #[allow(clippy::should_implement_trait)] // A packet borrows the reader, which Iterator cannot say.
    pub fn next(&mut self) -> Result<Option<Frame<'_>>, ReadError> {
        // Blocks without a packet are told only to those who keep all.
        while self.advance()? && !self.is_packet() {}
        Ok(self.packet())
    }

    /// Has [`next_item`](Self::next_item) give the blocks of pcapng that hold no packet, too: for copying all that there is.
    pub fn keep_blocks(&mut self) {
        if let Format::Pcapng(reader, _) = &mut self.format {
            reader.keep_all();
        }
    }

    /// As [`next`](Self::next), with the block that the packet stands in; and blocks without a packet, to those who
    /// [keep](Self::keep_blocks) them.
    ///
    /// # Errors
    /// As of [`next`](Self::next).
    pub fn next_item(&mut self) -> Result<Option<Item<'_>>, ReadError> {
        self.advance()?;
        Ok(self.item())
    }

    /// The section header that a pcapng file begins with, as long as nothing was read; what is wrong with it, reading tells.
    pub fn first_block(&mut self) -> Option<Block<'_>> {
        match &mut self.format {
            Format::Pcap(..) => None,
            Format::Pcapng(reader, _) => reader.first_block(&mut self.input),
        }
    }

    /// Goes to the next item; `false` at the end.
    #[inline]
    pub(super) fn advance(&mut self) -> Result<bool, ReadError> {
        if let (Format::Pcap(reader, now), false) = (&mut self.format, self.ended) {
            *now = reader.advance_within(&mut self.input);
            if now.is_some() {
                return Ok(true);
            }
        }
        self.advance_by_reading()
    }

    /// Takes the packets whose octets were read already, up to so many octets of them, where the file has one behind the other
    /// with nothing between: pcap. `None` where none of them is there, or the file is another one: [`next`](Self::next) goes on
    /// from there, and tells what is wrong.
    pub fn run(&mut self, most: usize) -> Option<Run<'_>> {
        match &mut self.format {
            Format::Pcap(reader, now) if !self.ended => {
                *now = None;
                reader.run_within(&mut self.input, most)
            }
            _ => None,
        }
    }

    /// As [`advance`](Self::advance), where octets may have to be read for it.
    fn advance_by_reading(&mut self) -> Result<bool, ReadError> {
        let input = &mut self.input;
        let gone = match &mut self.format {
            Format::Pcap(_, now) if self.ended => advanced(Ok(None), now),
            Format::Pcapng(_, now) if self.ended => advanced(Ok(None), now),
            Format::Pcap(reader, now) => advanced(reader.advance(input), now),
            Format::Pcapng(reader, now) => advanced(reader.advance(input), now),
        };
        if let Err(error) = &gone {
            self.ended = !error.goes_on();
        }
        gone
    }

    /// The item that was gone to.
    pub(super) fn item(&self) -> Option<Item<'_>> {
        match &self.format {
            Format::Pcap(reader, now) => {
                now.as_ref().map(|now| Item::Packet(reader.frame(&self.input, now), None))
            }
            Format::Pcapng(reader, now) => now.as_ref().map(|now| reader.item(&self.input, now)),
        }
    }

    /// The packet that was gone to.
    pub(super) fn packet(&self) -> Option<Frame<'_>> {
        match &self.format {
            Format::Pcap(reader, now) => now.as_ref().map(|now| reader.frame(&self.input, now)),
            Format::Pcapng(reader, now) => now.as_ref().and_then(|now| reader.packet_of(&self.input, now)),
        }
    }

    /// Does something with the packet that was gone to.
    #[inline]
    pub(super) fn with_packet<R>(&self, work: impl FnOnce(&Frame<'_>) -> R) -> Option<R> {
        match &self.format {
            Format::Pcap(reader, now) => Some(work(&reader.frame(&self.input, now.as_ref()?))),
            Format::Pcapng(reader, now) => Some(work(&reader.packet_of(&self.input, now.as_ref()?)?)),
        }
    }

    /// The block that was gone to; pcap has none.
    pub(super) fn block(&self) -> Option<Block<'_>> {
        match &self.format {
            Format::Pcap(..) => None,
            Format::Pcapng(reader, now) => now.as_ref().map(|now| reader.block(&self.input, now)),
        }
    }

    fn is_packet(&self) -> bool {
        match &self.format {
            Format::Pcap(_, now) => now.is_some(),
            Format::Pcapng(_, now) => now.as_ref().is_some_and(Taken::is_packet),
        }
    }

    /// What the file is: `pcap` or `pcapng`.
    pub fn format_name(&self) -> &'static str {
        match &self.format {
            Format::Pcap(..) => "pcap",
            Format::Pcapng(..) => "pcapng",
        }
    }

    /// How it is packed, where it is.
    pub fn packing(&self) -> Option<Packing> {
        self.packing
    }

    /// The interfaces that were described so far, counted over the whole file. In pcap there is one.
    pub fn interfaces(&self) -> &[Interface] {
        match &self.format {
            Format::Pcap(reader, _) => reader.interfaces(),
            Format::Pcapng(reader, _) => reader.interfaces(),
        }
    }

    /// What the present section says about how it was made; pcap says nothing.
    pub fn section(&self) -> Option<&Section> {
        match &self.format {
            Format::Pcap(..) => None,
            Format::Pcapng(reader, _) => reader.section(),
        }
    }
}

/// Keeps what was gone to; nothing is kept of what cannot be read.
fn advanced<T>(gone: Result<Option<T>, ReadError>, now: &mut Option<T>) -> Result<bool, ReadError> {
    *now = None;
    *now = gone?;
    Ok(now.is_some())
}

/// What a file is that begins neither as pcap nor as pcapng.
fn foreign(magic: &[u8]) -> ReadError {
    let packed = UNREAD.iter().find(|(begin, _)| magic.starts_with(begin)).map(|(_, how)| *how);
    match packed.or(Packing::by_magic(magic).map(Packing::name)) {
        Some(how) => ReadError::Compressed { how },
        None if magic.is_empty() => ReadError::Truncated {
            offset: 0,
            what: "file header",
            wanted: read_pcap::HEADER_LEN as u64,
            there: 0,
        },
        None => ReadError::NotACapture,
    }
}

/// The link type in the low 16 bits of a field whose high bits say how long the frame check sequence is
/// (draft-ietf-opsawg-pcap, LinkType and additional information); the bits between are reserved.
pub(super) fn link_type(field: u32) -> LinkType {
    LinkType(field & 0xffff)
}

/// The length of the largest packet that is believed: libpcap's limit for the links that have the largest messages (D-Bus,
/// in `pcap-common.c`). Its limit for others, 262,144 octets, is what it captures at most; packets that were crafted, or
/// that the kernel put together, may have more. Not a danger to memory, which follows the octets that really come.
pub(super) const MAX_PACKET_LEN: u32 = 128 << 20;

/// Octets that tell what a file is: pcap's magic in the first four, pcapng's in the first and in the last four.
const MAGIC_LEN: usize = 12;

/// How files begin that are packed in other ways, and the program that unpacks them.
const UNREAD: [(&[u8], &str); 2] = [(&[0xfd, 0x37, 0x7a, 0x58], "xz"), (b"BZh", "bzip2")];
