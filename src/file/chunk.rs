//! Whole records on their way into a file. When the disk is full in the middle of one, the file is cut back to the end of
//! the last whole one, so that what is there can be opened.

use std::fs::File;
use std::io::{self, Seek, Write};

use super::packing::Packing;

/// Where octets go.
pub(super) enum Output {
    /// What can be cut back, if it is a regular file.
    File(File),
    Stream(Box<dyn Write + Send>),
}

/// Records that are collected before they are written.
pub(super) struct Chunk {
    output: Output,
    octets: Vec<u8>,
    /// How they are packed on their way out, and room for that. Each time octets are written they are packed by themselves,
    /// so that a file that ends there is whole.
    packing: Option<Packing>,
    packed: Vec<u8>,
    /// Where records end in `octets`, and whether each is a packet.
    ends: Vec<(usize, bool)>,
    /// Octets of records that were written already.
    written: u64,
    /// Packets that were taken, less those that a failure lost.
    packets: u64,
    failed: Option<io::Error>,
}

impl Chunk {
    pub(super) fn of(output: Output, packing: Option<Packing>) -> Self {
        let octets = Vec::with_capacity(CHUNK_LEN.saturating_mul(2));
        Self {
            output,
            octets,
            packing,
            packed: Vec::new(),
            ends: Vec::new(),
            written: 0,
            packets: 0,
            failed: None,
        }
    }

    /// Where the octets of the next record go. [`Chunk::end_record`] says that it is whole.
    pub(super) fn octets(&mut self) -> &mut Vec<u8> {
        &mut self.octets
    }

    /// Ends a record; writes, when there is enough to write.
    #[inline]
    pub(super) fn end_record(&mut self, is_packet: bool) -> io::Result<()> {
        self.ends.push((self.octets.len(), is_packet));
        self.packets = self.packets.saturating_add(u64::from(is_packet));
        if self.octets.len() >= CHUNK_LEN { self.flush() } else { Ok(()) }
    }

    /// Packets that are in the file or on their way into it.
    pub(super) fn packets(&self) -> u64 {
        self.packets
    }

    /// Octets of all records, before they are packed.
    pub(super) fn octets_taken(&self) -> u64 {
        self.written.saturating_add(u64::try_from(self.octets.len()).unwrap_or(u64::MAX))
    }

    /// Writes what is there. What failed once fails for ever: behind a gap nothing more must be written.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        let result = match self.failed.as_ref().map(again) {
            Some(error) => {
                self.cut_back(0);
                Err(error)
            }
            None => self.write_out(),
        };
        self.written = self.octets_taken();
        self.octets.clear();
        self.ends.clear();
        result
    }

    fn write_out(&mut self) -> io::Result<()> {
        if let (Some(packing), false) = (self.packing, self.octets.is_empty()) {
            self.packed.clear();
            packing.pack(&self.octets, &mut self.packed)?;
        }
        let octets = if self.packing.is_some() { &self.packed } else { &self.octets };
        let mut written = 0usize;
        let result = loop {
            let left = octets.get(written..).unwrap_or_default();
            if left.is_empty() {
                break self.output.as_write().flush();
            }
            match self.output.as_write().write(left) {
                Ok(0) => break Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => written = written.saturating_add(count),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => break Err(error),
            }
        };
        if let Err(error) = &result {
            self.failed = Some(again(error));
            self.cut_back(written);
        }
        self.packed.clear();
        result
    }

    /// Takes back what was not written as a whole, out of the count and out of the file.
    fn cut_back(&mut self, written: usize) {
        // Of what is packed together, nothing is whole before all is.
        let whole_to = if self.packing.is_some() { 0 } else { written };
        let whole =
            self.ends.iter().map(|(end, _)| *end).take_while(|end| *end <= whole_to).last().unwrap_or(0);
        let lost = self.ends.iter().filter(|(end, is_packet)| *end > whole_to && *is_packet).count();
        self.packets = self.packets.saturating_sub(u64::try_from(lost).unwrap_or(u64::MAX));
        let torn = u64::try_from(written.saturating_sub(whole)).unwrap_or(0);
        if let (Output::File(file), 1..) = (&mut self.output, torn) {
            // A pipe has no position, and nothing to cut. If cutting fails, there is nothing left to try.
            if let Ok(at) = file.stream_position() {
                let _ = file.set_len(at.saturating_sub(torn));
            }
        }
    }
}

impl Output {
    fn as_write(&mut self) -> &mut dyn Write {
        match self {
            Self::File(file) => file,
            Self::Stream(stream) => stream,
        }
    }
}

/// The same error once more: they cannot be cloned.
fn again(error: &io::Error) -> io::Error {
    error.raw_os_error().map_or_else(|| error.kind().into(), io::Error::from_raw_os_error)
}

/// Octets that are collected before they are written.
const CHUNK_LEN: usize = 256 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    /// A stream that takes so many octets and is full then.
    struct Full(usize);

    impl Write for Full {
        fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
            let taken = octets.len().min(self.0);
            self.0 = self.0.saturating_sub(taken);
            if taken == 0 { Err(io::ErrorKind::StorageFull.into()) } else { Ok(taken) }
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn record(chunk: &mut Chunk, is_packet: bool) -> io::Result<()> {
        chunk.octets().extend_from_slice(&[7; 100]);
        chunk.end_record(is_packet)
    }

    #[test]
    fn a_full_disk_keeps_the_count_of_what_is_safe() {
        let mut chunk = Chunk::of(Output::Stream(Box::new(Full(450))), None);
        record(&mut chunk, false).unwrap();
        for _ in 0..9 {
            record(&mut chunk, true).unwrap();
        }
        assert_eq!(chunk.packets(), 9);
        assert_eq!(chunk.flush().unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert_eq!(chunk.packets(), 3, "a record that is no packet, and three that are, fit into 450 octets");
    }

    #[test]
    fn what_failed_once_fails_for_ever_and_counts_no_more() {
        let mut chunk = Chunk::of(Output::Stream(Box::new(Full(150))), None);
        record(&mut chunk, true).unwrap();
        record(&mut chunk, true).unwrap();
        assert!(chunk.flush().is_err());
        record(&mut chunk, true).unwrap();
        assert_eq!(chunk.flush().unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert_eq!(chunk.packets(), 1);
    }

    #[test]
    fn a_file_is_cut_back_to_its_last_whole_record() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut chunk = Chunk::of(Output::File(file.reopen().unwrap()), None);
        for _ in 0..3 {
            record(&mut chunk, true).unwrap();
        }
        // As if the disk had been full after 250 octets.
        let Output::File(output) = &mut chunk.output else { unreachable!() };
        output.write_all(&[7; 250]).unwrap();
        chunk.cut_back(250);
        assert_eq!((chunk.packets(), file.path().metadata().unwrap().len()), (2, 200));
    }

    #[test]
    fn what_is_packed_is_cut_back_to_what_was_packed_before() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut chunk = Chunk::of(Output::File(file.reopen().unwrap()), Some(Packing::Gzip));
        record(&mut chunk, true).unwrap();
        chunk.flush().unwrap();
        let whole = file.path().metadata().unwrap().len();
        record(&mut chunk, true).unwrap();
        // As if the disk had been full after 10 octets.
        let Output::File(output) = &mut chunk.output else { unreachable!() };
        output.write_all(&[0; 10]).unwrap();
        chunk.cut_back(10);
        assert_eq!((chunk.packets(), file.path().metadata().unwrap().len()), (1, whole));
    }
}
