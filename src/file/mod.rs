//! pcap and pcapng, in and out.
//!
//! [`CaptureReader`] gives one [`Frame`](crate::wire::frame::Frame) after the other out of one reused buffer;
//! [`CaptureWriter`] takes them. Memory does not grow with the file, and nothing is allocated for a packet. Files that are
//! packed with gzip, zstd or lz4 are unpacked on the way, told by their first octets; gzip and lz4 are written too.
//!
//! ```
//! use rawsock::file::{CaptureReader, CaptureWriter, Interface, WriteOptions};
//! use rawsock::wire::frame::{Frame, LinkType};
//!
//! let folder = tempfile::tempdir()?;
//! let path = folder.path().join("one.pcapng");
//! let mut writer = CaptureWriter::create(&path, WriteOptions::default())?;
//! writer.add_interface(&Interface { name: Some("eth0".to_owned()), ..Interface::of(LinkType::ETHERNET) })?;
//! writer.write(&Frame { time: Some(1_700_000_000_123_456_789), ..Frame::new(&[0; 60], LinkType::ETHERNET) })?;
//! writer.finish()?;
//!
//! let mut reader = CaptureReader::open(&path)?;
//! while let Some(frame) = reader.next()? {
//!     assert_eq!((frame.len, frame.time), (60, Some(1_700_000_000_123_456_789)));
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What the crate `pcap-file` does here, and what it does not
//!
//! It knows the formats: it writes pcapng's section headers, interface descriptions and statistics, writes and reads pcap's
//! header, and numbers the blocks. Three things are done here, because files come from strangers and packets come fast:
//!
//! * *Framing*, in `read_pcap` and `read_pcapng`. Its readers need a buffer as large as the largest record, tell a cut
//!   file from a length that lies by the same error, stand still at a bad record, and give up a whole section for a name
//!   that is no UTF-8 or a time before 1970. Here no length is believed before its octets are there, each error says where
//!   and what, and what follows a bad block is read.
//! * *Packet records*, in `write_pcap` and `write_pcapng`: written straight from the slice, without a `Vec` of options and
//!   a second pass for the length for each packet.
//! * *Where records end*, in `chunk`: after a full disk the file is cut back to its last whole record, for which one must
//!   know what has reached it.
#![deny(clippy::arithmetic_side_effects)]

mod block;
mod chunk;
mod copy;
mod description;
mod input;
mod merge;
mod names;
mod octets;
mod packing;
mod read_error;
mod read_options;
mod read_pcap;
mod read_pcapng;
mod reader;
mod rotate;
mod run;
mod unpack;
mod unpack_zstd;
mod write_error;
mod write_pcap;
mod write_pcapng;
mod writer;

#[cfg(test)]
mod laws;

pub use block::{Block, Item, OwnedBlock};
pub use copy::{Copier, CopyOptions, LeftOut, Split};
pub use description::{Counts, Interface, Section};
pub use merge::Merge;
pub use packing::Packing;
pub use read_error::{Damage, ReadError};
pub use reader::CaptureReader;
pub use rotate::{Namer, RotatingWriter, Rotation, Written};
pub use run::{Frames, KeptRun, Run};
pub use write_error::WriteError;
pub use writer::{CaptureWriter, Format, WriteOptions};
