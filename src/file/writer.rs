//! Writing a capture file: pcapng, or pcap by the name's ending.
//!
//! Octets go to the file in chunks of whole records. When the disk is full in the middle of a chunk, the file is cut back
//! to the last whole record, so that what is there can be opened.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use pcap_file::pcap::{PcapHeader, PcapTsResolution};
use pcap_file::pcapng::PcapNgWriter;
use pcap_file::pcapng::blocks::enhanced_packet::{EnhancedPacketBlock, EnhancedPacketOption};
use pcap_file::pcapng::blocks::interface_description::{
    InterfaceDescriptionBlock, InterfaceDescriptionOption, InterfaceTsResolution,
};
use pcap_file::pcapng::blocks::interface_statistics::{InterfaceStatisticsBlock, InterfaceStatisticsOption};
use pcap_file::pcapng::blocks::opt_common::CommonOption;
use pcap_file::pcapng::blocks::section_header::{SectionHeaderBlock, SectionHeaderOption};
use pcap_file::{DataLink, Endianness};

use super::sink::{Output, Sink};
use crate::sys::error::Cause;
use crate::wire::frame::{Direction, Frame, LinkType};

/// Why a file cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// It cannot be made.
    #[error("create {path}: {}", Cause(source))]
    Create {
        /// Its name.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// It takes no more.
    #[error("write {path}: {}; the file is whole up to packet {packets}", Cause(source))]
    Write {
        /// Its name.
        path: String,
        /// What the system said.
        source: io::Error,
        /// Packets that are in it.
        packets: u64,
    },
    /// A pcap file has one link type only.
    #[error("write {path}: a pcap file has one link type, and this packet has another ({0} and {1}); a name ending in .pcapng takes both", first.0, second.0)]
    LinkTypes {
        /// Its name.
        path: String,
        /// The file's.
        first: LinkType,
        /// The packet's.
        second: LinkType,
    },
    /// An interface that was not added.
    #[error("write {path}: interface {interface} was not described")]
    Interface {
        /// Its name.
        path: String,
        /// The number.
        interface: u32,
    },
    /// What the format cannot say.
    #[error("write {path}: {reason}")]
    Format {
        /// Its name.
        path: String,
        /// Why.
        reason: String,
    },
}

/// How a file is written.
#[derive(Debug, Clone, Default)]
pub struct WriteOptions {
    /// The machine, for pcapng.
    pub hardware: Option<String>,
    /// Its operating system, for pcapng.
    pub os: Option<String>,
    /// The program, for pcapng.
    pub application: Option<String>,
    /// Whom the file is to belong to: user and group (under sudo, those who called it).
    pub owner: Option<(u32, u32)>,
    /// Write each packet at once, not in chunks.
    pub flush_each: bool,
}

/// An interface, as pcapng describes it.
#[derive(Debug, Clone)]
pub struct NewInterface {
    /// Its name.
    pub name: Option<String>,
    /// Its description.
    pub description: Option<String>,
    /// The capture filter.
    pub filter: Option<String>,
    /// What its packets begin with.
    pub link_type: LinkType,
    /// At most so many octets of each packet are kept; 0 for no limit.
    pub snap_len: u32,
}

impl NewInterface {
    /// An interface of which only the link type is known.
    pub fn of(link_type: LinkType) -> Self {
        Self { name: None, description: None, filter: None, link_type, snap_len: 0 }
    }
}

/// What was counted at an interface.
#[derive(Debug, Clone, Copy, Default)]
pub struct Counts {
    /// When the capture began and ended: nanoseconds since 1970.
    pub times: Option<(i64, i64)>,
    /// Packets that the interface received.
    pub received: Option<u64>,
    /// Packets that the interface dropped.
    pub dropped: Option<u64>,
    /// Packets that passed the filter.
    pub accepted: Option<u64>,
    /// Packets that the system dropped for want of room.
    pub dropped_by_system: Option<u64>,
    /// Packets that were delivered, and are in the file.
    pub delivered: Option<u64>,
}

/// A file that is being written. Dropping it writes what is still in memory; [`CaptureWriter::finish`] also says whether
/// that worked.
pub struct CaptureWriter {
    path: String,
    format: Format,
    sink: Sink,
    options: WriteOptions,
    packets: u64,
}

enum Format {
    /// The link type, once the first interface or packet has told it.
    Pcap(Option<LinkType>),
    Pcapng(Box<PcapNgWriter<Vec<u8>>>),
}

impl CaptureWriter {
    /// Creates a file: pcap when its name ends in `.pcap` or `.cap`, else pcapng; `-` is stdout. A file that is there is
    /// overwritten.
    ///
    /// # Errors
    /// When it cannot be created.
    pub fn create(path: &Path, options: WriteOptions) -> Result<Self, WriteError> {
        let name = path.display().to_string();
        let failed = |source| WriteError::Create { path: name.clone(), source };
        let sink = if path.as_os_str() == "-" {
            Sink::of(Output::Stream(Box::new(io::stdout())))
        } else {
            let file = File::create(path).map_err(failed)?;
            if let Some((user, group)) = options.owner {
                let (user, group) = (rustix::fs::Uid::from_raw(user), rustix::fs::Gid::from_raw(group));
                rustix::fs::fchown(&file, Some(user), Some(group)).map_err(|error| failed(error.into()))?;
            }
            Sink::of(Output::File(file))
        };
        let is_pcap = path.extension().is_some_and(|ending| ending == "pcap" || ending == "cap");
        Self::start(name, sink, is_pcap, options)
    }

    /// Writes pcapng, or pcap, into a stream.
    ///
    /// # Errors
    /// When the stream takes nothing.
    pub fn new(
        stream: impl Write + Send + 'static,
        is_pcap: bool,
        options: WriteOptions,
    ) -> Result<Self, WriteError> {
        Self::start("the stream".to_owned(), Sink::of(Output::Stream(Box::new(stream))), is_pcap, options)
    }

    fn start(path: String, sink: Sink, is_pcap: bool, options: WriteOptions) -> Result<Self, WriteError> {
        let format = if is_pcap {
            Format::Pcap(None)
        } else {
            let mut said = Vec::new();
            said.extend(options.hardware.as_deref().map(|text| SectionHeaderOption::Hardware(text.into())));
            said.extend(options.os.as_deref().map(|text| SectionHeaderOption::OS(text.into())));
            said.extend(
                options.application.as_deref().map(|text| SectionHeaderOption::UserApplication(text.into())),
            );
            let section = SectionHeaderBlock {
                endianness: Endianness::native(),
                major_version: 1,
                minor_version: 0,
                section_length: -1,
                options: said,
            };
            let writer = PcapNgWriter::with_section_header(Vec::new(), section)
                .map_err(|error| WriteError::Format { path: path.clone(), reason: error.to_string() })?;
            Format::Pcapng(Box::new(writer))
        };
        let mut writer = Self { path, format, sink, options, packets: 0 };
        writer.collect()?;
        // Whoever reads a pipe waits for the header.
        writer.flush()?;
        Ok(writer)
    }

    /// Describes an interface; the first has number 0.
    ///
    /// # Errors
    /// When a pcap file gets a second link type, or nothing more can be written.
    pub fn add_interface(&mut self, interface: &NewInterface) -> Result<(), WriteError> {
        match &mut self.format {
            Format::Pcap(_) => self.pcap_header(interface.link_type, interface.snap_len)?,
            Format::Pcapng(writer) => {
                let mut options = Vec::new();
                let text = |text: &str| Cow::Owned(text.to_owned());
                options.extend(
                    interface.name.as_deref().map(|name| InterfaceDescriptionOption::IfName(text(name))),
                );
                options.extend(
                    interface
                        .description
                        .as_deref()
                        .map(|name| InterfaceDescriptionOption::IfDescription(text(name))),
                );
                options.push(InterfaceDescriptionOption::IfTsResol(InterfaceTsResolution::NANO));
                options.extend(interface.filter.as_deref().map(|filter| {
                    // The first octet says how the filter is written; 0 is as text.
                    InterfaceDescriptionOption::IfFilter([&[0], filter.as_bytes()].concat().into())
                }));
                options
                    .extend(self.options.os.as_deref().map(|os| InterfaceDescriptionOption::IfOs(text(os))));
                let (linktype, snaplen) = (DataLink::from(interface.link_type.0), interface.snap_len);
                let block = InterfaceDescriptionBlock { linktype, snaplen, options };
                let written = writer.write_pcapng_block(block);
                written.map_err(|error| WriteError::Format {
                    path: self.path.clone(),
                    reason: error.to_string(),
                })?;
            }
        }
        self.collect()?;
        self.flush()
    }

    /// Writes a packet of the interface `frame.interface`, with a comment for pcapng.
    ///
    /// # Errors
    /// When its interface was not added, a pcap file gets a second link type, or nothing more can be written.
    pub fn write(&mut self, frame: &Frame<'_>, comment: Option<&str>) -> Result<(), WriteError> {
        if matches!(self.format, Format::Pcap(_)) {
            self.pcap_header(frame.link_type, 0)?;
        }
        match &mut self.format {
            Format::Pcap(_) => self.sink.chunk_pcap(frame),
            Format::Pcapng(writer) => {
                let mut options = Vec::new();
                match frame.direction {
                    Direction::Inbound => options.push(EnhancedPacketOption::Flags(1)),
                    Direction::Outbound => options.push(EnhancedPacketOption::Flags(2)),
                    Direction::Unknown => {}
                }
                options.extend(
                    comment.map(|text| EnhancedPacketOption::Common(CommonOption::Comment(text.into()))),
                );
                let block = EnhancedPacketBlock {
                    interface_id: frame.interface,
                    timestamp: since_1970(frame.time.unwrap_or(0)),
                    original_len: frame.len.max(u32::try_from(frame.data.len()).unwrap_or(u32::MAX)),
                    data: frame.data.into(),
                    options,
                };
                let written = writer.write_pcapng_block(block);
                let (path, interface) = (self.path.clone(), frame.interface);
                written.map_err(|_| WriteError::Interface { path, interface })?;
            }
        }
        self.collect()?;
        self.packets = self.packets.saturating_add(1);
        if self.options.flush_each || self.sink.is_full() { self.flush() } else { Ok(()) }
    }

    /// Writes an interface's counters, for pcapng.
    ///
    /// # Errors
    /// When nothing more can be written.
    pub fn write_counts(&mut self, interface: u32, counts: &Counts) -> Result<(), WriteError> {
        let Format::Pcapng(writer) = &mut self.format else { return Ok(()) };
        let mut options = Vec::new();
        if let Some((start, end)) = counts.times {
            options.push(InterfaceStatisticsOption::IsbStartTime(since_1970(start)));
            options.push(InterfaceStatisticsOption::IsbEndTime(since_1970(end)));
        }
        options.extend(counts.received.map(InterfaceStatisticsOption::IsbIfRecv));
        options.extend(counts.dropped.map(InterfaceStatisticsOption::IsbIfDrop));
        options.extend(counts.accepted.map(InterfaceStatisticsOption::IsbFilterAccept));
        options.extend(counts.dropped_by_system.map(InterfaceStatisticsOption::IsbOsDrop));
        options.extend(counts.delivered.map(InterfaceStatisticsOption::IsbUsrDeliv));
        let timestamp = since_1970(counts.times.map_or(0, |(_, end)| end));
        let block = InterfaceStatisticsBlock { interface_id: interface, timestamp, options };
        let written = writer.write_pcapng_block(block);
        written.map_err(|error| WriteError::Format { path: self.path.clone(), reason: error.to_string() })?;
        self.collect()
    }

    /// Packets that were given to it.
    pub fn packets(&self) -> u64 {
        self.packets
    }

    /// Writes what is still in memory.
    ///
    /// # Errors
    /// When nothing more can be written; the file then ends with its last whole record.
    pub fn flush(&mut self) -> Result<(), WriteError> {
        self.sink.flush().map_err(|source| {
            let lost = self.sink.lost_packets;
            WriteError::Write { path: self.path.clone(), source, packets: self.packets.saturating_sub(lost) }
        })
    }

    /// Ends the file.
    ///
    /// # Errors
    /// When nothing more can be written.
    pub fn finish(mut self) -> Result<(), WriteError> {
        if let Format::Pcap(None) = self.format {
            self.pcap_header(LinkType::ETHERNET, 0)?;
        }
        self.flush()
    }

    /// Writes a pcap file's header when it has none yet.
    fn pcap_header(&mut self, link_type: LinkType, snap_len: u32) -> Result<(), WriteError> {
        let Format::Pcap(first) = &mut self.format else { return Ok(()) };
        match *first {
            Some(first) if first == link_type => return Ok(()),
            Some(first) => {
                return Err(WriteError::LinkTypes { path: self.path.clone(), first, second: link_type });
            }
            None => *first = Some(link_type),
        }
        let header = PcapHeader {
            snaplen: if snap_len == 0 { 262_144 } else { snap_len },
            datalink: DataLink::from(link_type.0),
            ts_resolution: PcapTsResolution::NanoSecond,
            endianness: Endianness::native(),
            version_major: 2,
            version_minor: 4,
            ts_correction: 0,
            ts_accuracy: 0,
        };
        let written = header.write_to(&mut self.sink.chunk);
        written.map_err(|error| WriteError::Format { path: self.path.clone(), reason: error.to_string() })?;
        self.sink.end_record(false);
        self.flush()
    }

    /// Takes what the pcapng writer made as one record.
    fn collect(&mut self) -> Result<(), WriteError> {
        if let Format::Pcapng(writer) = &mut self.format {
            let made = writer.get_mut();
            let is_packet = made.starts_with(&6u32.to_ne_bytes());
            self.sink.chunk.append(made);
            self.sink.end_record(is_packet);
        }
        Ok(())
    }
}

impl Drop for CaptureWriter {
    fn drop(&mut self) {
        // Whoever wants to know calls finish().
        let _ = self.flush();
    }
}

fn since_1970(nanoseconds: i64) -> Duration {
    Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(0))
}
