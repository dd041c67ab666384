//! Spec files and expressions, read into templates of packets; generators; diagnostics.
//!
//! Three syntaxes (TOML 1.1, JSON, the one-line expression) are read into one tree whose parts know their places
//! (`syntax_*.rs`); the tree is read, guided by the protocols' descriptions, into [`Template`]s (`reader.rs`,
//! `read_*.rs`); a template makes [`Packet`]s, which [`build`] turns into octets.
//!
//! ```
//! use rawsock::spec::{Source, Syntax, read};
//!
//! let source = Source::new("<expression>", r#"ip(dst=10.77.2.2, ttl=1..30)/udp(dstport=[53, 123])/"hi""#);
//! let no_files = |path: &str| Err(std::io::Error::other(format!("{path}: not here")));
//! let spec = read(&source, Syntax::Expression, &no_files)?;
//! let packets: Vec<_> = spec.templates.iter().flat_map(|template| template.packets(0)).collect();
//! assert_eq!(packets.len(), 60);
//! # Ok::<(), rawsock::spec::SpecError>(())
//! ```
//!
//! Nothing here reads files, clocks or the system's randomness: a seed and a function that reads files come in as
//! arguments. No text makes it panic.

mod generator;
#[cfg(test)]
mod laws;
mod mistake;
mod random;
mod read_expect;
mod read_layers;
mod read_octets;
mod read_options;
mod read_send;
mod read_value;
mod reader;
mod syntax_expression;
mod syntax_json;
mod syntax_toml;
mod target;
mod template;
mod tree;
mod write_expression;
mod write_toml;

use crate::packet::Packet;
use crate::packet::build::{BuildError, Built, build};

pub use self::mistake::Mistake;
pub use self::random::Random;
pub use self::read_send::{SendOptions, Via, parse_duration, parse_rate};
pub use self::syntax_json::Splitter;
pub use self::template::{Expected, Template};
pub use self::write_expression::write_expression;
pub use self::write_toml::write_toml;
pub use crate::diagnostic::Source;

/// A mistake in a spec, and its place.
pub type Diagnostic = crate::diagnostic::Diagnostic<Mistake>;

/// A spec that cannot be used.
pub type SpecError = crate::diagnostic::SourceError<Mistake>;

/// Reads a file that a spec names.
pub type Files<'f> = &'f dyn Fn(&str) -> std::io::Result<Vec<u8>>;

/// How a spec is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Syntax {
    /// TOML 1.1.
    Toml,
    /// One JSON text.
    Json,
    /// A one-line expression.
    Expression,
}

/// What a spec says.
#[derive(Debug, Clone)]
pub struct Spec {
    /// Its packets, in order; at least one.
    pub templates: Vec<Template>,
    /// How they are to be sent.
    pub send: SendOptions,
    source: Source,
}

/// Reads a spec.
///
/// # Errors
/// All mistakes that were found in it.
pub fn read(source: &Source, syntax: Syntax, files: Files<'_>) -> Result<Spec, SpecError> {
    let wrong = |diagnostics| SpecError { source: source.clone(), diagnostics };
    let tree = match syntax {
        Syntax::Toml => syntax_toml::parse(&source.text).map_err(wrong)?,
        Syntax::Json => syntax_json::parse(&source.text).map_err(|error| wrong(vec![error]))?,
        Syntax::Expression => syntax_expression::parse(&source.text).map_err(|error| wrong(vec![error]))?,
    };
    let mut reader = reader::Reader::new(files, syntax == Syntax::Json);
    let contents = reader.spec(&tree);
    if !reader.mistakes.is_empty() {
        reader.mistakes.sort_by_key(|diagnostic| diagnostic.at.start);
        return Err(wrong(reader.mistakes));
    }
    Ok(Spec { templates: contents.templates, send: contents.send, source: source.clone() })
}

impl Spec {
    /// Builds a packet of `template`, one of this spec's.
    ///
    /// # Errors
    /// Where in the spec the cause stands.
    pub fn build(&self, template: &Template, packet: &Packet) -> Result<Built, SpecError> {
        build(packet).map_err(|error| self.build_error(template, packet, error))
    }

    /// Tells where in the spec the cause of a build error stands.
    pub fn build_error(&self, template: &Template, packet: &Packet, error: BuildError) -> SpecError {
        let at = template.place_of(&error, packet);
        let diagnostics = vec![Diagnostic { at, mistake: Mistake::Build(error) }];
        SpecError { source: self.source.clone(), diagnostics }
    }

    /// All its packets, template by template. With `count`, so many of them: the round ends early, or begins anew.
    pub fn packets<'s>(
        &'s self,
        random: &'s mut Random,
        count: Option<u64>,
    ) -> impl Iterator<Item = (&'s Template, Packet)> + 's {
        let round = self
            .templates
            .iter()
            .flat_map(|template| (0..template.total()).map(move |index| (template, index)));
        let total = self.templates.iter().fold(0u64, |sum, template| sum.saturating_add(template.total()));
        let count = usize::try_from(count.unwrap_or(total)).unwrap_or(usize::MAX);
        round.cycle().take(count).map(|(template, index)| (template, template.packet(index, random)))
    }

    /// Whether any of its packets depend on the seed.
    pub fn is_random(&self) -> bool {
        self.templates.iter().any(Template::is_random)
    }
}

impl Syntax {
    /// How a text is written, by what it begins with: `{` is JSON, as is a list of objects; `#`, `[` and `name =` are TOML;
    /// all else is an expression.
    pub fn of(text: &str) -> Self {
        let text = text.trim_start_matches('\u{feff}').trim_start();
        match text.chars().next() {
            Some('{') => Self::Json,
            Some('[')
                if text.trim_start_matches('[').trim_start().starts_with(['{', ']'])
                    && !text.starts_with("[[") =>
            {
                Self::Json
            }
            Some('#' | '[') => Self::Toml,
            _ => {
                let is_part =
                    |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-' | '.' | '"');
                let rest = text.trim_start_matches(is_part).trim_start();
                if rest.starts_with('=') { Self::Toml } else { Self::Expression }
            }
        }
    }
}
