//! A copy in several files: when the next one begins, what it is called, and what it must repeat to be read by itself.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use pcap_file::Endianness;

use super::CopyOptions;
use crate::file::description::Interface;
use crate::file::rotate::numbered;
use crate::file::write_error::WriteError;
use crate::file::writer::CaptureWriter;

/// When to begin another file; never, when nothing is said.
#[derive(Debug, Clone, Copy, Default)]
pub struct Split {
    /// After so many packets.
    pub packets: Option<u64>,
    /// After so many nanoseconds from the time of its first packet.
    pub nanoseconds: Option<i64>,
}

pub(super) struct Pieces {
    path: PathBuf,
    split: Split,
    /// The number of the present file, from 1.
    number: u32,
    /// Packets in it.
    packets: u64,
    /// When it is over.
    until: Option<i64>,
    /// The section so far, but for packets and statistics.
    section: Vec<u8>,
    /// What a header of pcap says beside the kind of link.
    pcap: Option<Interface>,
    is_pcap_begun: bool,
}

impl Pieces {
    pub(super) fn new(path: &Path, split: Split) -> Self {
        Self {
            path: path.to_owned(),
            split,
            number: 1,
            packets: 0,
            until: None,
            section: Vec::new(),
            pcap: None,
            is_pcap_begun: false,
        }
    }

    /// Creates the present file.
    pub(super) fn create(&self, options: &CopyOptions) -> Result<CaptureWriter, WriteError> {
        let path = if self.is_split() { numbered(&self.path, self.number) } else { self.path.clone() };
        if options.inputs.iter().any(|input| is_same(input, &path)) {
            return Err(WriteError::SameFile { path: path.display().to_string() });
        }
        CaptureWriter::create_without_section(&path, options.write.clone())
    }

    /// Whether the present file has no room for a packet of this time; else the packet is counted.
    pub(super) fn is_full(&mut self, time: Option<i64>) -> bool {
        let enough = self.split.packets.is_some_and(|most| self.packets >= most);
        let late = time.zip(self.until).is_some_and(|(time, until)| time >= until);
        let is_full = enough || late;
        if is_full {
            self.packets = 0;
        }
        self.packets = self.packets.saturating_add(1);
        if let (Some(time), Some(span)) = (time, self.split.nanoseconds) {
            // Without a packet in it, a span has no file.
            let mut until = *self.until.get_or_insert(time.saturating_add(span));
            if late {
                let spans = time.saturating_sub(until).checked_div(span).unwrap_or(0).saturating_add(1);
                until = until.saturating_add(spans.saturating_mul(span));
            }
            self.until = Some(until);
        }
        is_full
    }

    pub(super) fn next(&mut self) {
        self.number = self.number.saturating_add(1);
        self.is_pcap_begun = false;
    }

    /// Forgets the section before.
    pub(super) fn begin_section(&mut self, header: &[u8]) {
        self.section.clear();
        self.keep(header);
    }

    /// Keeps a block for the files to come; `false` when there is no more room for such.
    pub(super) fn keep(&mut self, block: &[u8]) -> bool {
        if !self.is_split() {
            return true;
        }
        let has_room = self.section.len().saturating_add(block.len()) <= MOST;
        if has_room {
            self.section.extend_from_slice(block);
        }
        has_room
    }

    /// Writes what was kept.
    pub(super) fn repeat(&self, writer: &mut CaptureWriter, order: Endianness) -> Result<(), WriteError> {
        writer.begin_section(order)?;
        writer.raw(&self.section)
    }

    /// Keeps what the first interface says for the headers of pcap files, `is_bounded` telling whether all packets are as short as that.
    pub(super) fn keep_interface(&mut self, interface: Option<&Interface>, is_bounded: bool) {
        if let (None, Some(first)) = (&self.pcap, interface) {
            let snap_len = if is_bounded { first.snap_len } else { 0 };
            self.pcap = Some(Interface { snap_len, ..first.clone() });
        }
    }

    /// Writes the header of a pcap file, where it has none yet.
    pub(super) fn begin_pcap(&mut self, writer: &mut CaptureWriter) -> Result<(), WriteError> {
        if let (Some(interface), false) = (&self.pcap, self.is_pcap_begun) {
            writer.add_interface(interface)?;
            self.is_pcap_begun = true;
        }
        Ok(())
    }

    pub(super) fn is_split(&self) -> bool {
        self.split.packets.is_some() || self.split.nanoseconds.is_some()
    }
}

/// Whether two names are of the same file that is there.
fn is_same(one: &Path, other: &Path) -> bool {
    let is_stream = |path: &Path| path.as_os_str() == "-";
    let place = |path: &Path| fs::metadata(path).ok().map(|file| (file.dev(), file.ino()));
    !is_stream(one) && !is_stream(other) && place(one).is_some_and(|one| place(other) == Some(one))
}

/// Octets of descriptions, names and secrets that each file repeats.
const MOST: usize = 16 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_without_packets_have_no_file() {
        let split = Split { nanoseconds: Some(10), ..Split::default() };
        let mut pieces = Pieces::new(Path::new("x"), split);
        let full = [100, 109, 110, 119, 150, 151, 160].map(|time| pieces.is_full(Some(time)));
        assert_eq!(full, [false, false, true, false, true, false, true]);
    }
}
