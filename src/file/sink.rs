//! Where a capture file's octets go: in chunks of whole records, so that a full disk leaves a file that can be opened.

use std::fs::File;
use std::io::{self, Seek, Write};

use crate::wire::frame::Frame;

/// Where octets go.
pub(super) enum Output {
    File(File),
    Stream(Box<dyn Write + Send>),
}

/// A chunk of whole records on its way to the output.
pub(super) struct Sink {
    output: Output,
    pub(super) chunk: Vec<u8>,
    /// Where records end in the chunk, and whether each is a packet.
    ends: Vec<(usize, bool)>,
    pub(super) lost_packets: u64,
    failed: bool,
}

/// Octets that are collected before they are written.
const CHUNK_LEN: usize = 256 << 10;

impl Sink {
    pub(super) fn of(output: Output) -> Self {
        Self {
            output,
            chunk: Vec::with_capacity(CHUNK_LEN),
            ends: Vec::new(),
            lost_packets: 0,
            failed: false,
        }
    }

    pub(super) fn is_full(&self) -> bool {
        self.chunk.len() >= CHUNK_LEN
    }

    pub(super) fn end_record(&mut self, is_packet: bool) {
        self.ends.push((self.chunk.len(), is_packet));
    }

    pub(super) fn chunk_pcap(&mut self, frame: &Frame<'_>) {
        let time = u64::try_from(frame.time.unwrap_or(0)).unwrap_or(0);
        let taken = u32::try_from(frame.data.len()).unwrap_or(u32::MAX);
        let seconds = u32::try_from(time / 1_000_000_000).unwrap_or(u32::MAX);
        let nanoseconds = u32::try_from(time % 1_000_000_000).unwrap_or(0);
        // In the order that the file's header is written in.
        for word in [seconds, nanoseconds, taken, frame.len.max(taken)] {
            self.chunk.extend_from_slice(&word.to_ne_bytes());
        }
        self.chunk.extend_from_slice(frame.data);
        self.end_record(true);
    }

    /// Writes the chunk. When that fails in the middle, a file is cut back to the end of a record.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        if self.failed {
            // What failed once was said; a file that was cut back must not go on behind a gap.
            self.chunk.clear();
            self.ends.clear();
            return Ok(());
        }
        let mut written = 0usize;
        let result = loop {
            let left = self.chunk.get(written..).unwrap_or_default();
            if left.is_empty() {
                break Ok(());
            }
            let output: &mut dyn Write = match &mut self.output {
                Output::File(file) => file,
                Output::Stream(stream) => stream,
            };
            match output.write(left) {
                Ok(0) => break Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => written = written.saturating_add(count),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => break Err(error),
            }
        };
        if result.is_err() {
            self.failed = true;
            self.cut_back(written);
        } else if let Output::Stream(stream) = &mut self.output {
            stream.flush()?;
        }
        self.chunk.clear();
        self.ends.clear();
        result
    }

    fn cut_back(&mut self, written: usize) {
        let lost = self.ends.iter().filter(|(end, is_packet)| *end > written && *is_packet).count();
        self.lost_packets = self.lost_packets.saturating_add(u64::try_from(lost).unwrap_or(0));
        let whole = self.ends.iter().map(|(end, _)| *end).filter(|end| *end <= written).max().unwrap_or(0);
        if let Output::File(file) = &mut self.output {
            let torn = u64::try_from(written.saturating_sub(whole)).unwrap_or(0);
            if let Ok(at) = file.stream_position() {
                // If that fails too, nothing is left to try.
                let _ = file.set_len(at.saturating_sub(torn));
            }
        }
    }
}
