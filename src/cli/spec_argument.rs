//! The argument `SPEC|EXPR|-` of craft and send: a file, an expression, or stdin.

use std::error::Error;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::{Path, PathBuf};

use super::{CommandResult, Outcome};
use crate::file::CaptureReader;
use crate::spec::{Source, Spec, SpecError, Splitter, Syntax, read_with};
use crate::sys::error::Cause;

/// The specs that the argument stands for: just one, or one for each object of a stream of JSON, read when it is asked
/// for.
pub(super) struct Specs {
    input: Input,
    name: String,
    /// Where the files are that a spec names: beside the spec's own file.
    folder: PathBuf,
    /// What variables are set to.
    settings: Vec<String>,
}

enum Input {
    Whole(Option<(String, Syntax)>),
    Json(JsonStream),
}

impl Specs {
    /// Opens what the argument names: `-` is stdin; a path that begins with `/` or `.`, that is a file's, or that ends in `.toml`, `.json`
    /// or `.jsonl` is a file; all else is an expression.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) fn open(argument: &str, settings: &[String]) -> Result<Self, Box<dyn Error>> {
        let settings = settings.to_vec();
        if argument == "-" {
            let mut input = Input::of(BufReader::new(io::stdin()), None)
                .map_err(|error| format!("read stdin: {}", Cause(&error)))?;
            // What comes through a pipe may be nothing: a capture without packets has no specs.
            if matches!(&input, Input::Whole(Some((text, _))) if text.trim().is_empty()) {
                input = Input::Whole(None);
            }
            return Ok(Self { input, name: "<stdin>".to_owned(), folder: PathBuf::new(), settings });
        }
        let path = Path::new(argument);
        let extension = path.extension().and_then(|extension| extension.to_str());
        let syntax = match extension {
            Some("toml") => Some(Syntax::Toml),
            Some("json" | "jsonl") => Some(Syntax::Json),
            _ => None,
        };
        // No expression begins with these; a folder may be called as a layer is.
        let is_path = argument.starts_with(['/', '.']);
        if syntax.is_none() && !is_path && !path.is_file() {
            let input = Input::Whole(Some((argument.to_owned(), Syntax::Expression)));
            return Ok(Self { input, name: "<expression>".to_owned(), folder: PathBuf::new(), settings });
        }
        let open = File::open(path).and_then(|file| Input::of(BufReader::new(file), syntax));
        let input = open.map_err(|error| match error.kind() {
            io::ErrorKind::InvalidData if CaptureReader::open(path).is_ok() => {
                format!("{argument} is a capture: `rawsock read --toml {argument}` makes a spec of it")
            }
            io::ErrorKind::InvalidData => format!("{argument} is no spec: it is not text in UTF-8"),
            _ => format!("read {argument}: {}", Cause(&error)),
        })?;
        let folder = path.parent().map(Path::to_path_buf).unwrap_or_default();
        Ok(Self { input, name: argument.to_owned(), folder, settings })
    }
}

impl Iterator for Specs {
    type Item = Result<Spec, Box<dyn Error>>;

    fn next(&mut self) -> Option<Self::Item> {
        let (source, syntax) = match &mut self.input {
            Input::Whole(text) => {
                let (text, syntax) = text.take()?;
                (Source::new(self.name.as_str(), text), syntax)
            }
            Input::Json(stream) => match stream.next()? {
                Ok((text, first_line)) => {
                    let source = Source { first_line, ..Source::new(self.name.as_str(), text) };
                    (source, Syntax::Json)
                }
                Err(error) => return Some(Err(format!("read {}: {error}", self.name).into())),
            },
        };
        let folder = &self.folder;
        let files = |path: &str| read_file(&folder.join(path));
        Some(read_with(&source, syntax, &files, &self.settings).map_err(Into::into))
    }
}

impl Specs {
    /// Whether there is no further spec; waits until that can be told.
    pub(super) fn is_at_end(&mut self) -> bool {
        match &mut self.input {
            Input::Whole(text) => text.is_none(),
            Input::Json(stream) => stream.ended || stream.skip_blanks().is_ok_and(|more| !more),
        }
    }

    /// Whether the next spec may have to be waited for.
    pub(super) fn may_wait(&self) -> bool {
        match &self.input {
            Input::Whole(_) => false,
            Input::Json(stream) => stream.reader.buffer().trim_ascii().is_empty(),
        }
    }
}

/// Says on stderr what is wrong with a spec, line by line; other errors are left to `main`.
pub(super) fn tell(error: Box<dyn Error>) -> CommandResult {
    let error = error.downcast::<SpecError>()?;
    anstream::eprint!("{}", error.render(true));
    Ok(Outcome::Failed)
}

fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    let mut octets = Vec::new();
    File::open(path)?.take(MAX_TEXT).read_to_end(&mut octets)?;
    Ok(octets)
}

impl Input {
    /// Finds out how a text is written, and reads it, unless it is a stream of JSON.
    fn of(mut reader: impl BufRead + 'static, syntax: Option<Syntax>) -> io::Result<Self> {
        let mut text = Vec::new();
        // JSON may come as a stream that does not end soon, and shows itself by its first letters.
        let is_json = loop {
            if syntax.is_some() || !matches!(text.trim_ascii(), b"" | b"[") || text.len() as u64 > MAX_TEXT {
                break syntax.unwrap_or_else(|| Syntax::of(&String::from_utf8_lossy(&text))) == Syntax::Json;
            }
            let chunk = reader.fill_buf()?;
            let len = chunk.len();
            text.extend_from_slice(chunk);
            reader.consume(len);
            if len == 0 {
                break false;
            }
        };
        if is_json {
            return Ok(Self::Json(JsonStream::new(Box::new(Cursor::new(text).chain(reader)))));
        }
        reader.take(MAX_TEXT).read_to_end(&mut text)?;
        if text.len() as u64 > MAX_TEXT {
            return Err(too_long());
        }
        let text =
            String::from_utf8(text).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        let syntax = syntax.unwrap_or_else(|| Syntax::of(&text));
        Ok(Self::Whole(Some((text, syntax))))
    }
}

/// One JSON text after the other, each with the number of its first line. No more of the stream is kept than one of them.
struct JsonStream {
    reader: BufReader<Box<dyn Read>>,
    /// Lines read so far, and one.
    line: usize,
    ended: bool,
}

impl JsonStream {
    fn new(reader: Box<dyn Read>) -> Self {
        Self { reader: BufReader::with_capacity(CHUNK, reader), line: 1, ended: false }
    }

    /// Reads up to the next text; `false` at the end of the stream.
    fn skip_blanks(&mut self) -> io::Result<bool> {
        loop {
            let chunk = self.reader.fill_buf()?;
            let blanks = chunk.iter().take_while(|octet| octet.is_ascii_whitespace()).count();
            self.line = self.line.saturating_add(count_lines(chunk.get(..blanks).unwrap_or_default()));
            let is_end = chunk.is_empty();
            let is_text = blanks < chunk.len();
            self.reader.consume(blanks);
            if is_end || is_text {
                return Ok(is_text);
            }
        }
    }

    /// Reads up to the end of the next text, or of the stream.
    fn text(&mut self) -> io::Result<Vec<u8>> {
        let mut text = Vec::new();
        let mut splitter = Splitter::default();
        loop {
            let chunk = self.reader.fill_buf()?;
            if chunk.is_empty() {
                return Ok(text);
            }
            let end = splitter.end(chunk);
            let taken = end.unwrap_or(chunk.len());
            text.extend_from_slice(chunk.get(..taken).unwrap_or_default());
            self.reader.consume(taken);
            if text.len() as u64 > MAX_TEXT {
                return Err(too_long());
            }
            if end.is_some() {
                return Ok(text);
            }
        }
    }
}

impl Iterator for JsonStream {
    type Item = io::Result<(String, usize)>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let text = self.skip_blanks().and_then(|more| if more { self.text().map(Some) } else { Ok(None) });
        let text = text.transpose()?.and_then(|text| {
            let first_line = self.line;
            self.line = self.line.saturating_add(count_lines(&text));
            let text =
                String::from_utf8(text).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
            Ok((text, first_line))
        });
        self.ended = text.is_err();
        Some(text)
    }
}

fn count_lines(text: &[u8]) -> usize {
    text.iter().filter(|octet| **octet == b'\n').count()
}

fn too_long() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("a spec of more than {MAX_TEXT} octets"))
}

/// Octets read at once: those of a few packets.
const CHUNK: usize = 1 << 16;
/// The longest spec, and the longest JSON text of a stream.
const MAX_TEXT: u64 = 64 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(text: &'static str) -> Vec<(String, usize)> {
        // A small buffer, so that texts lie across its borders.
        let reader = BufReader::with_capacity(3, Box::new(text.as_bytes()) as Box<dyn Read>);
        JsonStream { reader, ..JsonStream::new(Box::new(io::empty())) }.map(Result::unwrap).collect()
    }

    #[test]
    fn objects_of_a_stream_and_their_lines() {
        let texts = stream("\n{\"a\":\n1}\n{\"b\":2} {\"c\":[]}\n\n");
        let wanted = [("{\"a\":\n1}", 2), ("{\"b\":2}", 4), ("{\"c\":[]}", 4)];
        assert_eq!(texts, wanted.map(|(text, line)| (text.to_owned(), line)));
        assert_eq!(stream(""), []);
        assert_eq!(stream("{\"cut\":"), [("{\"cut\":".to_owned(), 1)]);
    }

    #[test]
    fn how_a_text_is_written() {
        let of = |text: &'static str| match Input::of(text.as_bytes(), None).unwrap() {
            Input::Whole(whole) => whole.map(|(_, syntax)| syntax),
            Input::Json(_) => Some(Syntax::Json),
        };
        assert_eq!(of("\n\n[\n{\"layers\":[]}]"), Some(Syntax::Json));
        assert_eq!(of("  {\"layers\":[]}"), Some(Syntax::Json));
        assert_eq!(of("[[packet]]\n"), Some(Syntax::Toml));
        assert_eq!(of("# a comment\n"), Some(Syntax::Toml));
        assert_eq!(of("layers = []"), Some(Syntax::Toml));
        assert_eq!(of("ip(ttl=1)/udp"), Some(Syntax::Expression));
        assert_eq!(of("\"text\""), Some(Syntax::Expression));
        assert_eq!(of(""), Some(Syntax::Expression));
    }
}
