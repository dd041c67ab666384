//! Unpacking while reading: memory follows the window of the packing, not what a file claims to hold, and what stands before
//! a damaged or missing place is given out before it is said.
//!
//! Packed files may be several, one behind the other (`cat a.gz b.gz`, and how this crate writes them): all are read.

use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::GzDecoder;
use lz4_flex::frame::FrameDecoder;

use super::packing::Packing;
use super::unpack_zstd::Zstd;

/// Why nothing more comes out of a source.
#[derive(Debug)]
pub(super) enum Failure {
    /// The system cannot read on.
    Io(io::Error),
    /// The packed octets end too early.
    Cut(Packing),
    /// They cannot be unpacked.
    Damaged(Packing, String),
}

/// Packed octets on their way out.
pub(super) struct Unpacker {
    packing: Packing,
    state: State,
}

enum State {
    /// Before a member or frame, of which there may be none.
    Between(Watched),
    Gzip(Box<GzDecoder<Watched>>),
    Lz4(Box<FrameDecoder<Watched>>),
    Zstd(Box<Zstd>),
    Ended,
}

impl Unpacker {
    pub(super) fn new(packing: Packing, source: impl Read + Send + 'static) -> Self {
        Self { packing, state: State::Between(Watched::new(Box::new(source))) }
    }

    /// As of [`Read::read`].
    pub(super) fn read(&mut self, room: &mut [u8]) -> Result<usize, Failure> {
        loop {
            if let State::Between(_) = self.state
                && !self.begin()?
            {
                return Ok(0);
            }
            let got = match &mut self.state {
                State::Gzip(decoder) => decoder.read(room),
                State::Lz4(decoder) => decoder.read(room),
                State::Zstd(decoder) => decoder.read(room),
                State::Between(_) | State::Ended => return Ok(0),
            };
            let failed = match got {
                Ok(0) => None,
                Ok(got) => return Ok(got),
                Err(error) => Some(error),
            };
            self.end(failed)?;
        }
    }

    /// Begins a member or frame; `false` where there is no more.
    fn begin(&mut self) -> Result<bool, Failure> {
        let State::Between(mut source) = std::mem::replace(&mut self.state, State::Ended) else {
            return Ok(false);
        };
        if self.packing == Packing::Gzip {
            pass_zeros(&mut source).map_err(Failure::Io)?;
        }
        if source.fill_buf().map_err(Failure::Io)?.is_empty() {
            return Ok(false);
        }
        source.ended = false;
        self.state = match self.packing {
            Packing::Gzip => State::Gzip(Box::new(GzDecoder::new(source))),
            // A decoder for each frame: one that is used again keeps buffers of the size of the frame before.
            Packing::Lz4 => State::Lz4(Box::new(FrameDecoder::new(source))),
            Packing::Zstd => State::Zstd(Box::new(Zstd::new(source))),
        };
        Ok(true)
    }

    /// Ends a member or frame, of which no more comes.
    fn end(&mut self, failed: Option<io::Error>) -> Result<(), Failure> {
        let mut source = match std::mem::replace(&mut self.state, State::Ended) {
            State::Gzip(decoder) => decoder.into_inner(),
            State::Lz4(decoder) => decoder.into_inner(),
            State::Zstd(decoder) => decoder.into_inner(),
            State::Between(source) => source,
            State::Ended => return Ok(()),
        };
        match (source.failed.take(), source.ended, failed) {
            (Some(error), ..) => Err(Failure::Io(error)),
            // Whoever came to its end asks for no more, so who asked in vain did not. The decoder of lz4 says nothing then.
            (None, true, _) => Err(Failure::Cut(self.packing)),
            (None, false, Some(error)) => Err(Failure::Damaged(self.packing, error.to_string())),
            (None, false, None) => {
                self.state = State::Between(source);
                Ok(())
            }
        }
    }
}

/// Passes over zeros: tapes and disks fill their last block with them, and gzip(1) takes no offence.
fn pass_zeros(source: &mut Watched) -> io::Result<()> {
    loop {
        let octets = source.fill_buf()?;
        let zeros = octets.iter().take_while(|octet| **octet == 0).count();
        let (is_all, is_end) = (zeros == octets.len(), octets.is_empty());
        source.consume(zeros);
        if is_end || !is_all {
            return Ok(());
        }
    }
}

/// A source that remembers what decoders do not tell: whether it ended while they asked for more, and why it failed.
pub(super) struct Watched {
    source: BufReader<Box<dyn Read + Send>>,
    pub(super) ended: bool,
    failed: Option<io::Error>,
}

impl Watched {
    fn new(source: Box<dyn Read + Send>) -> Self {
        Self { source: BufReader::with_capacity(BUFFER_LEN, source), ended: false, failed: None }
    }
}

impl BufRead for Watched {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        // Interrupted reads are tried again here, so that no decoder has to know them.
        while self.source.buffer().is_empty() {
            match self.source.fill_buf() {
                Ok(octets) => {
                    self.ended = octets.is_empty();
                    break;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    let kind = error.kind();
                    self.failed = Some(error);
                    return Err(kind.into());
                }
            }
        }
        Ok(self.source.buffer())
    }

    fn consume(&mut self, len: usize) {
        self.source.consume(len);
    }
}

impl Read for Watched {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        if room.is_empty() {
            return Ok(0);
        }
        let mut octets = self.fill_buf()?;
        let got = octets.read(room)?;
        self.consume(got);
        Ok(got)
    }
}

/// Packed octets that are read at once.
const BUFFER_LEN: usize = 64 << 10;
