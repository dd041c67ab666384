//! Reading a capture file of any kind, packet by packet.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::input::Input;
use super::pcap::PcapReader;
use super::pcapng::PcapngReader;
use crate::sys::error::Cause;
use crate::wire::frame::{Frame, LinkType};

/// An interface of a capture, as its file describes it. Texts are as they stand in the file: escape them before printing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Interface {
    /// Its name.
    pub name: Option<String>,
    /// Its description.
    pub description: Option<String>,
    /// The capture filter.
    pub filter: Option<String>,
    /// The operating system of the capturing host.
    pub os: Option<String>,
    /// At most so many octets of each packet were kept; 0 for no limit.
    pub snap_len: u32,
    /// What its packets begin with.
    pub link_type: u32,
    /// Packets that were dropped, by the kernel or by the interface, where the file says so.
    pub dropped: Option<u64>,
}

/// What a file says about how it was made. Texts are as they stand in the file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Section {
    /// The machine.
    pub hardware: Option<String>,
    /// Its operating system.
    pub os: Option<String>,
    /// The program.
    pub application: Option<String>,
}

/// Why a file, or the rest of it, cannot be read. Offsets are octets from the file's beginning.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file cannot be opened.
    #[error("open {path}: {}", Cause(source))]
    Open {
        /// Its name.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// The system cannot read on.
    #[error("read at octet {offset}: {}", Cause(source))]
    Io {
        /// Where.
        offset: u64,
        /// What the system said.
        source: io::Error,
    },
    /// The file is no pcap and no pcapng.
    #[error("not a capture file: it begins neither as pcap nor as pcapng")]
    NotACapture,
    /// The file ends in the middle of something.
    #[error(
        "the file is cut short: at octet {offset} a {what} of {wanted} octets begins, and only {there} are there"
    )]
    Truncated {
        /// Where it begins.
        offset: u64,
        /// What is cut.
        what: &'static str,
        /// Octets that it should have.
        wanted: u64,
        /// Octets that are there.
        there: u64,
    },
    /// Something that cannot be.
    #[error("damaged at octet {offset}: {what}{}", if *goes_on { "" } else { "; what follows cannot be told" })]
    Damaged {
        /// Where.
        offset: u64,
        /// What is wrong.
        what: String,
        /// Whether reading goes on behind it.
        goes_on: bool,
    },
}

impl ReadError {
    /// Whether there may be more packets behind it.
    pub fn goes_on(&self) -> bool {
        matches!(self, Self::Damaged { goes_on: true, .. })
    }
}

/// A capture file that is being read.
pub struct CaptureReader {
    input: Input,
    format: Format,
}

enum Format {
    Pcap(PcapReader),
    Pcapng(Box<PcapngReader>),
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

    /// Reads a stream.
    ///
    /// # Errors
    /// When it is no capture.
    pub fn new(source: impl Read + Send + 'static) -> Result<Self, ReadError> {
        let mut input = Input::new(Box::new(source));
        let there = input.fill(super::pcap::HEADER_LEN)?;
        let format = if super::pcapng::begins(input.peek(there)) {
            Format::Pcapng(Box::new(PcapngReader::new(&mut input)?))
        } else {
            Format::Pcap(PcapReader::new(&mut input)?)
        };
        Ok(Self { input, format })
    }

    /// The next packet; `None` at the end. After an error that [goes on](ReadError::goes_on), the next call gives what is
    /// behind it; after any other there is no more.
    ///
    /// # Errors
    /// When the file is damaged or cut here.
    #[allow(clippy::should_implement_trait)] // A packet borrows the reader, which Iterator cannot say.
    pub fn next(&mut self) -> Result<Option<Frame<'_>>, ReadError> {
        match &mut self.format {
            Format::Pcap(reader) => reader.next(&mut self.input),
            Format::Pcapng(reader) => reader.next(&mut self.input),
        }
    }

    /// As [`next`](Self::next), with the interface that the packet came from.
    ///
    /// # Errors
    /// As of [`next`](Self::next).
    pub fn next_with_interface(&mut self) -> Result<Option<(Frame<'_>, Option<&Interface>)>, ReadError> {
        let (frame, interfaces) = match &mut self.format {
            Format::Pcap(reader) => (reader.next(&mut self.input)?, reader.interfaces()),
            Format::Pcapng(reader) => (reader.next(&mut self.input)?, reader.interfaces()),
        };
        Ok(frame.map(|frame| {
            let index = usize::try_from(frame.interface).unwrap_or(usize::MAX);
            (frame, interfaces.get(index))
        }))
    }

    /// The interfaces that were described so far, counted over the whole file.
    pub fn interfaces(&self) -> &[Interface] {
        match &self.format {
            Format::Pcap(reader) => reader.interfaces(),
            Format::Pcapng(reader) => reader.interfaces(),
        }
    }

    /// What the current section says about how it was made.
    pub fn section(&self) -> Option<&Section> {
        match &self.format {
            Format::Pcap(_) => None,
            Format::Pcapng(reader) => Some(reader.section()),
        }
    }
}

/// The length of the largest packet that is believed: libpcap's limit for the links that have the largest
/// (MAXIMUM_SNAPLEN of D-Bus, in `pcap-int.h`). A larger one means that the length is damaged.
pub(super) const MAX_PACKET_LEN: u32 = 128 << 20;

/// The link type in the low 16 bits of a field whose high bits say how long the frame check sequence is.
pub(super) fn link_type(field: u32) -> LinkType {
    LinkType(field & 0xffff)
}
