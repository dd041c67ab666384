//! Reading a stream in bounded steps: memory follows the octets that are really there, not the lengths that a file claims.

use std::io::{self, Cursor, Read};

use super::packing::Packing;
use super::read_error::ReadError;
use super::unpack::{Failure, Unpacker};

/// A stream with a buffer that holds the record that is being looked at.
pub(super) struct Input {
    source: Source,
    buffer: Vec<u8>,
    /// The octets in the buffer that have not been taken.
    from: usize,
    to: usize,
    /// Offset in the file of the first octet that has not been taken.
    offset: u64,
    ended: bool,
}

enum Source {
    Plain(Box<dyn Read + Send>),
    Packed(Box<Unpacker>),
}

impl Input {
    pub(super) fn new(source: Box<dyn Read + Send>) -> Self {
        Self::of(Source::Plain(source))
    }

    /// The octets from here on, unpacked. Offsets are of these then.
    pub(super) fn unpacked(self, packing: Packing) -> Self {
        let Source::Plain(source) = self.source else { return self };
        let there = self.buffer.get(self.from..self.to).unwrap_or_default().to_vec();
        Self::of(Source::Packed(Box::new(Unpacker::new(packing, Cursor::new(there).chain(source)))))
    }

    fn of(source: Source) -> Self {
        Self { source, buffer: vec![0; STEP], from: 0, to: 0, offset: 0, ended: false }
    }

    /// Offset in the file of the next octet.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// Makes the next `len` octets available, if there are as many. Returns how many of them there are.
    pub(super) fn fill(&mut self, len: usize) -> Result<usize, ReadError> {
        while self.available() < len && !self.ended {
            if self.from > 0 && (self.buffer.len().saturating_sub(self.from) < len || self.from == self.to) {
                self.buffer.copy_within(self.from..self.to, 0);
                self.to = self.to.saturating_sub(self.from);
                self.from = 0;
            }
            if self.to == self.buffer.len() {
                // The record is larger than the buffer: grow by what has really come.
                let wanted = self.buffer.len().saturating_mul(2).min(len.max(STEP));
                self.buffer.resize(wanted.max(self.to.saturating_add(STEP)), 0);
            }
            let room = self.buffer.get_mut(self.to..).unwrap_or_default();
            let got = match &mut self.source {
                Source::Plain(source) => source.read(room).map_err(Failure::Io),
                Source::Packed(unpacker) => unpacker.read(room),
            };
            match got {
                Ok(0) => self.ended = true,
                Ok(got) => self.to = self.to.saturating_add(got),
                Err(Failure::Io(error)) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(failure) => return Err(self.explain(failure)),
            }
        }
        Ok(self.available().min(len))
    }

    /// All octets that are available without reading.
    #[inline]
    pub(super) fn ready(&self) -> &[u8] {
        self.buffer.get(self.from..self.to).unwrap_or_default()
    }

    /// The first `len` octets that are available.
    pub(super) fn peek(&self, len: usize) -> &[u8] {
        let end = self.from.saturating_add(len).min(self.to);
        self.buffer.get(self.from..end).unwrap_or_default()
    }

    /// Takes `len` of the available octets.
    #[inline]
    pub(super) fn take(&mut self, len: usize) -> &[u8] {
        let len = len.min(self.available());
        let start = self.from;
        self.from = start.saturating_add(len);
        self.offset = self.offset.saturating_add(u64::try_from(len).unwrap_or(0));
        self.buffer.get(start..self.from).unwrap_or_default()
    }

    /// The `len` octets that were taken last: they are there until [`Input::fill`] is called again.
    #[inline]
    pub(super) fn taken(&self, len: usize) -> &[u8] {
        self.buffer.get(self.from.saturating_sub(len)..self.from).unwrap_or_default()
    }

    /// Passes over `len` octets, which may be more than fit in memory. Returns how many there were.
    pub(super) fn skip(&mut self, len: u64) -> Result<u64, ReadError> {
        let mut left = len;
        while left > 0 {
            let step = usize::try_from(left).unwrap_or(usize::MAX).min(STEP);
            let there = self.fill(step)?;
            if there == 0 {
                break;
            }
            self.take(there);
            left = left.saturating_sub(u64::try_from(there).unwrap_or(left));
        }
        Ok(len.saturating_sub(left))
    }

    fn explain(&self, failure: Failure) -> ReadError {
        let there = self.offset.saturating_add(self.available() as u64);
        match failure {
            Failure::Io(source) => ReadError::Io { offset: self.offset, source },
            Failure::Cut(packing) => ReadError::PackedCut { how: packing.name(), there },
            Failure::Damaged(packing, reason) => {
                ReadError::PackedDamaged { how: packing.name(), there, reason }
            }
        }
    }

    fn available(&self) -> usize {
        self.to.saturating_sub(self.from)
    }
}

/// Octets that are read at once.
const STEP: usize = 256 << 10;
