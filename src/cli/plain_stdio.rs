//! Stdin and stdout of `serve --service pipe` and `connect`: what peers say is made harmless before a terminal gets it.

use std::io::{self, BufRead, BufReader, IsTerminal, Read, Write};
use std::sync::Arc;

use super::plain_log::Log;
use super::plain_stdout::{Stdout, Stopping};
use crate::plain::pipe::Feed;
use crate::show::hex;
use crate::show::json_object::JsonObject;
use crate::show::text::push_printable;
use crate::sys::error::Cause;

/// Stdout for what peers say, until one is asked to stop: as it is, but a terminal gets nothing that could move its cursor.
pub(super) fn stdout(stop: &Stopping) -> Box<dyn Write + Send> {
    let out = Stdout::until(stop);
    match io::stdout().is_terminal() {
        true => Box::new(Escaped(out)),
        false => Box::new(out),
    }
}

/// Writes text, with what is not printable escaped.
struct Escaped<W>(W);

impl<W: Write> Write for Escaped<W> {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        let mut text = String::new();
        for chunk in octets.utf8_chunks() {
            for line in chunk.valid().split_inclusive(['\n', '\t']) {
                let (line, end) = match line.strip_suffix(['\n', '\t']) {
                    Some(text) if line.ends_with('\n') => (text.strip_suffix('\r').unwrap_or(text), "\n"),
                    Some(text) => (text, "\t"),
                    None => (line, ""),
                };
                push_printable(&mut text, line);
                text.push_str(end);
            }
            text.extend(chunk.invalid().iter().flat_map(|octet| octet.escape_ascii()).map(char::from));
        }
        self.0.write_all(text.as_bytes())?;
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// What comes, as a dump in hex.
pub(super) struct HexDump(pub(super) Stdout);

impl Write for HexDump {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        let mut text = format!("{} octets\n", octets.len());
        hex::dump(&mut text, octets, true);
        self.0.write_all(text.as_bytes())?;
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// What comes, as JSON objects.
pub(super) struct Objects(pub(super) Stdout);

impl Write for Objects {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        let len = u64::try_from(octets.len()).unwrap_or(u64::MAX);
        let object = JsonObject::new()
            .text("event", "received")
            .number("len", len)
            .text("hex", &::hex::encode(octets));
        self.0.write_all((object.end() + "\n").as_bytes())?;
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// In which pieces input goes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pieces {
    /// A stream.
    AsTheyCome,
    /// Each line is a message.
    Lines,
    /// Messages of so many octets.
    Of(usize),
}

/// Input, and what it is called.
pub(super) struct Source<R> {
    pub(super) name: String,
    pub(super) input: R,
}

impl Source<io::Stdin> {
    pub(super) fn stdin() -> Self {
        Self { name: "stdin".to_owned(), input: io::stdin() }
    }
}

/// Input that is not read yet: reading begins when this is called.
pub(super) type Input = Box<dyn FnOnce()>;

/// Feeds a pipe, on a thread of its own, which goes with the process: reading a terminal cannot be ended otherwise. `change` makes
/// of each piece what is sent, or nothing. It begins when what is returned is called. Input that cannot be read is a failure, which `log`
/// is told, and nothing more is sent.
pub(super) fn feed_from(
    source: Source<impl Read + Send + 'static>,
    feed: Feed,
    log: Arc<Log>,
    pieces: Pieces,
    mut change: impl FnMut(Vec<u8>) -> Option<Vec<u8>> + Send + 'static,
) -> Input {
    let work = move || {
        // What is longer than the queue would wait for room for ever.
        let mut input = BufReader::with_capacity(CHUNK.min(feed.longest()), source.input);
        loop {
            let piece = match next(&mut input, pieces) {
                Ok(piece) if piece.is_empty() => break,
                Ok(piece) => piece,
                Err(error) => {
                    log.fail(&format!("rawsock: read {}: {}\n", source.name, Cause(&error)));
                    break;
                }
            };
            if change(piece).is_some_and(|piece| !feed.put(&piece)) {
                return;
            }
        }
        feed.end();
    };
    Box::new(move || {
        // Without a thread there is no input, which is as if it had ended; the process has bigger troubles then.
        let _ = std::thread::Builder::new().name("input".to_owned()).spawn(work);
    })
}

/// The next piece; empty at the end.
fn next(input: &mut impl BufRead, pieces: Pieces) -> io::Result<Vec<u8>> {
    let mut piece = Vec::new();
    match pieces {
        Pieces::AsTheyCome => {
            // The other forms go on by themselves when a signal came.
            piece = loop {
                match input.fill_buf() {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    read => break read?.to_vec(),
                }
            };
            input.consume(piece.len());
        }
        Pieces::Lines => {
            input.take(LONGEST_LINE).read_until(b'\n', &mut piece)?;
        }
        Pieces::Of(len) => {
            input.take(u64::try_from(len).unwrap_or(u64::MAX)).read_to_end(&mut piece)?;
        }
    }
    Ok(piece)
}

/// Octets of a stream that are read at once.
const CHUNK: usize = 16 * 1024;

/// A datagram carries no more.
const LONGEST_LINE: u64 = 65_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_gets_nothing_that_moves_its_cursor() {
        let mut out = Escaped(Vec::new());
        out.write_all(b"a\tb\r\n\x1b[2J\xff\rc\n").unwrap();
        assert_eq!(String::from_utf8(out.0).unwrap(), "a\tb\n\\u{1b}[2J\\xff\\u{d}c\n");
    }
}
