//! Texts that people write (specs, expressions, filters), and how a mistake in them is told: with its place, the line, and the
//! spot underlined.

mod line;
pub(crate) mod nearest;
mod render;

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

pub(crate) use self::render::without_controls;

/// A place in a text, in octets from its beginning.
pub type At = Range<usize>;

/// A text, and where it came from.
#[derive(Debug, Clone)]
pub struct Source {
    /// A file's name, or `<stdin>` or `<expression>`.
    pub name: String,
    /// The text.
    pub text: Arc<str>,
    /// The number of its first line: 1, unless it is one of many objects in a stream.
    pub first_line: usize,
    /// Texts that belong to it: places behind its end are in these, each counted from one octet behind the one before it.
    pub behind: Arc<[Source]>,
}

impl Source {
    /// A text from its first line on.
    pub fn new(name: impl Into<String>, text: impl Into<Arc<str>>) -> Self {
        Self { name: name.into(), text: text.into(), first_line: 1, behind: Arc::new([]) }
    }

    /// The text that a place is in, and the place there.
    pub(crate) fn locate(&self, at: &At) -> (&Source, At) {
        let (mut source, mut base) = (self, 0usize);
        let mut behind = self.behind.iter();
        while at.start > base.saturating_add(source.text.len()) {
            let Some(next) = behind.next() else { break };
            base = base.saturating_add(source.text.len()).saturating_add(1);
            source = next;
        }
        if self.behind.is_empty() {
            return (self, at.clone());
        }
        (source, at.start.saturating_sub(base)..at.end.saturating_sub(base))
    }
}

/// A kind of mistake: what is wrong ([`Display`](fmt::Display)), what was expected there, and what may help.
pub trait Explain: fmt::Display {
    /// What could have stood there.
    fn expected(&self) -> Option<String>;

    /// What may help.
    fn help(&self) -> Option<String>;
}

/// A mistake and its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Diagnostic<M> {
    /// Octets of the source text.
    pub at: At,
    /// What is wrong.
    pub mistake: M,
}

/// A text that cannot be used, with all mistakes that were found.
#[derive(Debug, Clone)]
pub struct SourceError<M> {
    /// The text.
    pub source: Source,
    /// The mistakes, in the order of the text; at least one.
    pub diagnostics: Vec<Diagnostic<M>>,
}

impl<M: Explain + fmt::Debug> std::error::Error for SourceError<M> {}

/// One line: where the text is wrong. [`SourceError::render`] says how.
impl<M: Explain> fmt::Display for SourceError<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = without_controls(&self.source.name);
        match self.diagnostics.as_slice() {
            [one] => write!(f, "{name}: {}", without_controls(&one.mistake.to_string())),
            several => write!(f, "{name}: {} mistakes", several.len()),
        }
    }
}
