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

mod filling;
mod frames;
mod generator;
mod include;
#[cfg(test)]
mod laws;
mod mistake;
mod packets;
mod quoted;
mod random;
mod read_changes;
mod read_defaults;
mod read_expect;
mod read_fuzz;
mod read_layers;
mod read_octets;
mod read_options;
mod read_scenario;
mod read_send;
mod read_shorthands;
mod read_told;
mod read_value;
mod read_woven;
mod reader;
mod scenario;
mod schema;
mod schema_fields;
mod schema_json;
mod syntax_expression;
mod syntax_json;
mod syntax_toml;
mod target;
mod template;
mod told;
mod tree;
mod variables;
mod weave;
mod write_expression;
mod write_toml;

use self::include::Texts;
use crate::packet::Packet;
use crate::packet::build::{BuildError, Built, build};

pub use self::filling::Filling;
pub use self::frames::{Crafted, Leaving};
pub use self::mistake::Mistake;
pub use self::packets::Round;
pub use self::random::Random;
pub use self::read_send::{SendOptions, Via, parse_duration, parse_rate};
pub use self::scenario::{Scenario, ScenarioStep, came_place, reply_place, sent_place};
pub use self::schema::schema;
pub use self::syntax_json::Splitter;
pub use self::template::{Expected, Template};
pub use self::told::Untold;
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
    /// Its packets, in order; at least one, but where it has scenarios, and for what `send --json` tells of things that happen without a
    /// packet.
    pub templates: Vec<Template>,
    /// Its scenarios, in order.
    pub scenarios: Vec<Scenario>,
    /// How they are to be sent.
    pub send: SendOptions,
    /// The variables that hold generators.
    shared: Vec<packets::Shared>,
    source: Source,
}

/// Reads a spec.
///
/// # Errors
/// All mistakes that were found in it.
pub fn read(source: &Source, syntax: Syntax, files: Files<'_>) -> Result<Spec, SpecError> {
    read_with(source, syntax, files, &[])
}

/// Reads a spec of which variables are set from outside, as `NAME=VALUE` says.
///
/// # Errors
/// All mistakes that were found in it, and in the settings.
pub fn read_with(
    source: &Source,
    syntax: Syntax,
    files: Files<'_>,
    settings: &[String],
) -> Result<Spec, SpecError> {
    let mut texts = Texts::load(source, syntax, files);
    let settings: Vec<usize> = settings
        .iter()
        .map(|setting| texts.push(Source::new("--set", setting.as_str()), Syntax::Expression, String::new()))
        .collect();
    let source = texts.source().unwrap_or_else(|| source.clone());
    let mut mistakes = std::mem::take(&mut texts.mistakes);
    let texts = texts;
    let (mut trees, mut sets) = (Vec::new(), Vec::new());
    for text in texts.order.iter().filter_map(|index| texts.texts.get(*index)) {
        match text.tree() {
            Ok(tree) => trees.push((tree, text.syntax == Syntax::Json)),
            Err(wrong) => mistakes.extend(wrong),
        }
    }
    for text in settings.iter().filter_map(|index| texts.texts.get(*index)) {
        match text.setting() {
            Ok(entry) => sets.push(entry),
            Err(wrong) => mistakes.push(wrong),
        }
    }
    let wrong = |mut diagnostics: Vec<Diagnostic>| {
        diagnostics.sort_by_key(|diagnostic| diagnostic.at.start);
        SpecError { source: source.clone(), diagnostics }
    };
    let mut reader = reader::Reader::new(files, &texts);
    let contents = reader.spec(&trees, &sets);
    if !mistakes.is_empty() {
        // What is not there may have what is missed in the rest.
        let is_missed =
            |mistake: &Mistake| matches!(mistake, Mistake::UnknownVariable { .. } | Mistake::NoLayers);
        mistakes.extend(reader.mistakes.into_iter().filter(|found| !is_missed(&found.mistake)));
        return Err(wrong(mistakes));
    }
    if !reader.mistakes.is_empty() {
        return Err(wrong(reader.mistakes));
    }
    let reader::Contents { templates, send, shared, scenarios } = contents;
    Ok(Spec { templates, scenarios, send, shared, source })
}

/// Reads a text as a tree.
fn parse(text: &str, syntax: Syntax) -> Result<tree::Tree<'_>, Vec<Diagnostic>> {
    match syntax {
        Syntax::Toml => syntax_toml::parse(text),
        Syntax::Json => syntax_json::parse(text).map_err(|error| vec![error]),
        Syntax::Expression => syntax_expression::parse(text).map_err(|error| vec![error]),
    }
}

impl Spec {
    /// Builds a packet of `template`, one of this spec's. Texts that tell fields of the packet are put in their places.
    ///
    /// # Errors
    /// Where in the spec the cause stands.
    pub fn build(&self, template: &Template, packet: &mut Packet) -> Result<Built, SpecError> {
        if weave::has_woven(packet) {
            return weave::build_woven(self, template, packet);
        }
        build(packet).map_err(|error| self.build_error(template, packet, error))
    }

    /// Its packets, with those that follow their answers, and those of its scenarios.
    pub fn all_templates(&self) -> Vec<&Template> {
        let own = self.templates.iter().flat_map(Template::with_following);
        own.chain(self.scenarios.iter().flat_map(Scenario::templates)).collect()
    }

    /// How many packets it stands for; 2^64 − 1 when they are more.
    pub fn total(&self) -> u64 {
        let round = self.templates.iter().fold(0u64, |sum, template| sum.saturating_add(template.total()));
        let shared = self.shared.iter().map(|shared| shared.count);
        shared.chain(self.send.repeat).fold(round, u64::saturating_mul)
    }

    /// The fillings of its templates, where its packets are those of one template after the other and each is one of the steps of its
    /// sweeps; `None` where they must be taken from [`packets`](Self::packets).
    pub fn fillings(&self) -> Option<Vec<Filling<'_>>> {
        if !self.shared.is_empty() || self.send.repeat.is_some() {
            return None;
        }
        self.templates.iter().map(Template::filling).collect()
    }

    /// Builds packets of all its templates, the first and the last ones, up to so many, to know whether they can be built.
    ///
    /// # Errors
    /// Where in the spec the causes stand, one for each template.
    pub fn check(&self, most: u64) -> Result<(), SpecError> {
        let mut random = Random::new(0);
        let templates = self.all_templates();
        let count = u64::try_from(templates.len()).unwrap_or(u64::MAX).max(1);
        let each = most.checked_div(count).unwrap_or(0).max(2);
        let mut diagnostics = Vec::new();
        let mut octets = 0usize;
        for template in templates {
            let total = template.total();
            let first = total.min(each.saturating_sub(1));
            let last = total.saturating_sub(1).max(first);
            for index in (0..first).chain(last..total) {
                let round = packets::Round::default();
                let packet = template.packet(index, &round, &mut random);
                match self.leaving(Crafted { template, packet, seed: 0, round }) {
                    Ok(leaving) => {
                        if index == 0 && !template.is_followed(&leaving) {
                            let (at, mistake) = (template.then_at.clone(), Mistake::Unanswered);
                            diagnostics.push(Diagnostic { at, mistake });
                        }
                        let made = leaving.iter().map(|leaving| leaving.built.octets.len());
                        octets = made.fold(octets, usize::saturating_add);
                    }
                    Err(error) => {
                        diagnostics.extend(error.diagnostics);
                        break;
                    }
                }
                if octets > MOST_CHECKED || diagnostics.len() >= mistake::MAX_MISTAKES {
                    break;
                }
            }
        }
        if diagnostics.is_empty() {
            return Ok(());
        }
        Err(SpecError { source: self.source.clone(), diagnostics })
    }

    /// Tells where in the spec the cause of a build error stands.
    pub fn build_error(&self, template: &Template, packet: &Packet, error: BuildError) -> SpecError {
        let at = template.place_of(&error, packet);
        let diagnostics = vec![Diagnostic { at, mistake: Mistake::Build(error) }];
        SpecError { source: self.source.clone(), diagnostics }
    }

    /// All its packets, template by template, in each round of its shared variables. With `count`, so many of them: the
    /// last round ends early, or all begin anew.
    pub fn packets<'s>(
        &'s self,
        random: &'s mut Random,
        count: Option<u64>,
    ) -> impl Iterator<Item = Crafted<'s>> + 's {
        packets::Packets::new(self, random, count)
    }

    /// Whether any of its packets depend on the seed.
    pub fn is_random(&self) -> bool {
        self.all_templates().into_iter().any(Template::is_random)
    }
}

/// Octets that are built to know whether a spec can be: what takes no time to speak of.
const MOST_CHECKED: usize = 1 << 24;

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
                let is_part = |letter: char| {
                    letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-' | '.' | '"' | '$')
                };
                let rest = text.trim_start_matches(is_part).trim_start();
                if rest.starts_with('=') { Self::Toml } else { Self::Expression }
            }
        }
    }
}
