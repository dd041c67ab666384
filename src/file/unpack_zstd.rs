//! A zstd frame on its way out.
//!
//! The crate's decoder keeps the last window of what it made for matches to come, and gives that out at the frame's end only.
//! When the frame never ends, because it is cut or damaged, an empty last block ends it, so that nothing is lost that came.

use std::io::{self, Read};

use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use super::unpack::Watched;

pub(super) struct Zstd {
    decoder: FrameDecoder,
    source: Watched,
    state: State,
}

enum State {
    /// Before the frame's header.
    New,
    /// Between blocks.
    Blocks,
    /// Behind the last block; nothing is wrong, or this is.
    Ended(Option<io::Error>),
}

impl Zstd {
    pub(super) fn new(source: Watched) -> Self {
        Self { decoder: FrameDecoder::new(), source, state: State::New }
    }

    pub(super) fn into_inner(self) -> Watched {
        self.source
    }

    fn begin(&mut self) -> io::Result<()> {
        self.state = match self.decoder.init(&mut self.source) {
            Ok(()) => State::Blocks,
            Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                length, ..
            })) => {
                // A frame of something else, to be passed over (RFC 8878, section 3.1.2).
                io::copy(&mut self.source.by_ref().take(u64::from(length)), &mut io::sink())?;
                State::Ended(None)
            }
            Err(error) => return Err(io::Error::other(error)),
        };
        Ok(())
    }

    /// Decodes blocks until something can be given out.
    fn blocks(&mut self) {
        while self.decoder.can_collect() == 0 {
            if self.decoder.is_finished() {
                self.state = State::Ended(None);
                return;
            }
            let one = BlockDecodingStrategy::UptoBlocks(1);
            if let Err(error) = self.decoder.decode_blocks(&mut self.source, one) {
                let all = BlockDecodingStrategy::All;
                // The checksum that may be wanted behind the block is not there, which is said already.
                let _ = self.decoder.decode_blocks(LAST_BLOCK, all);
                self.state = State::Ended(Some(io::Error::other(error)));
                return;
            }
        }
    }

    /// What is wrong with a frame that was given out.
    fn verdict(&mut self) -> io::Result<usize> {
        if let State::Ended(error) = &mut self.state
            && let Some(error) = error.take()
        {
            return Err(error);
        }
        match (self.decoder.get_checksum_from_data(), self.decoder.get_calculated_checksum()) {
            (Some(said), Some(computed)) if said != computed => {
                Err(io::Error::other(format!("checksum {said:#010x}, should be {computed:#010x}")))
            }
            _ => Ok(0),
        }
    }
}

impl Read for Zstd {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        if let State::New = self.state {
            self.begin()?;
        }
        if let State::Blocks = self.state {
            self.blocks();
        }
        match self.decoder.read(room)? {
            0 => self.verdict(),
            got => Ok(got),
        }
    }
}

/// An empty block of raw octets that says it is the last (RFC 8878, section 3.1.1.2).
const LAST_BLOCK: &[u8] = &[1, 0, 0];
