//! What is wrong in a spec: each mistake with its place, told with the line and the spot underlined.

use std::fmt;
use std::sync::Arc;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use super::mistake::Mistake;
use super::tree::At;

/// The text of a spec, and where it came from.
#[derive(Debug, Clone)]
pub struct Source {
    /// A file's name, or `<stdin>` or `<expression>`.
    pub name: String,
    /// The text.
    pub text: Arc<str>,
    /// The number of its first line: 1, unless it is one of many objects in a stream.
    pub first_line: usize,
}

impl Source {
    /// A text from its first line on.
    pub fn new(name: impl Into<String>, text: impl Into<Arc<str>>) -> Self {
        Self { name: name.into(), text: text.into(), first_line: 1 }
    }
}

/// A mistake and its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Diagnostic {
    /// Octets of the source text.
    pub at: At,
    /// What is wrong.
    pub mistake: Mistake,
}

/// A spec that cannot be used, with all mistakes that were found.
#[derive(Debug, Clone)]
pub struct SpecError {
    /// The text.
    pub source: Source,
    /// The mistakes, in the order of the text; at least one.
    pub diagnostics: Vec<Diagnostic>,
}

impl std::error::Error for SpecError {}

/// One line: where the spec is wrong. [`SpecError::render`] says how.
impl fmt::Display for SpecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = without_controls(&self.source.name);
        match self.diagnostics.as_slice() {
            [one] => write!(f, "{name}: {}", without_controls(&one.mistake.to_string())),
            several => write!(f, "{name}: {} mistakes", several.len()),
        }
    }
}

impl SpecError {
    /// All mistakes as people like to read them: place, line, the spot underlined, what was expected, and the nearest
    /// name. With `styled`, in colours.
    pub fn render(&self, styled: bool) -> String {
        let renderer = if styled { Renderer::styled() } else { Renderer::plain() };
        let name = without_controls(&self.source.name);
        let mut out = String::new();
        for diagnostic in &self.diagnostics {
            out.push_str(if out.is_empty() { "" } else { "\n" });
            let title = Level::ERROR.primary_title(without_controls(&diagnostic.mistake.to_string()));
            let expected = diagnostic.mistake.expected().map(|expected| without_controls(&expected));
            let line = Line::of(&self.source.text, &diagnostic.at);
            let snippet = Snippet::source(same_place_without_controls(line.text))
                .path(name.as_str())
                .line_start(self.source.first_line.saturating_add(line.before))
                .annotation(AnnotationKind::Primary.span(line.spot).label(expected));
            let mut group = Group::with_title(title).element(snippet);
            if let Some(help) = diagnostic.mistake.help() {
                group = group.element(Level::HELP.message(without_controls(&help)));
            }
            out.push_str(&renderer.render(&[group]));
            out.push('\n');
        }
        out
    }
}

/// The line that a place is on; of a place on several lines, the first.
struct Line<'t> {
    text: &'t str,
    /// How many lines are before it.
    before: usize,
    /// The place, counted from the line's beginning.
    spot: At,
}

impl<'t> Line<'t> {
    fn of(text: &'t str, at: &At) -> Self {
        // What is missing at the end is missing on the last line that has something.
        let start = border(text, if at.start >= text.len() { text.trim_end().len() } else { at.start });
        let (before, behind) = text.split_at_checked(start).unwrap_or((text, ""));
        let first = before.rfind('\n').map_or(0, |end| end.saturating_add(1));
        let last = behind.find('\n').map_or(text.len(), |len| start.saturating_add(len));
        let end = border(text, at.end.clamp(start, last));
        Self {
            text: text.get(first..last).unwrap_or_default(),
            before: before.bytes().filter(|octet| *octet == b'\n').count(),
            spot: start.saturating_sub(first)..end.saturating_sub(first),
        }
    }
}

/// The nearest border between letters at or before an offset.
fn border(text: &str, offset: usize) -> usize {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset = offset.saturating_sub(1);
    }
    offset
}

/// The text without what could move a terminal's cursor or turn its text around, each letter replaced by one that takes
/// as many octets, so that places stay the same.
fn same_place_without_controls(text: &str) -> String {
    let shown = |letter: char| match letter {
        '\n' | '\t' => letter,
        _ if !is_dangerous(letter) => letter,
        _ => match letter.len_utf8() {
            1 => '?',
            2 => '\u{b7}',
            _ => '\u{fffd}',
        },
    };
    text.chars().map(shown).collect()
}

/// The text with what could move a terminal's cursor escaped.
fn without_controls(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        if is_dangerous(letter) { out.extend(letter.escape_default()) } else { out.push(letter) }
    }
    out
}

/// Control characters (C0, C1), and those that change the direction of text (Unicode TR9).
fn is_dangerous(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn render(text: &str, at: At, mistake: Mistake) -> String {
        let source = Source::new("spec.toml", text);
        SpecError { source, diagnostics: vec![Diagnostic { at, mistake }] }.render(false)
    }

    #[test]
    fn a_line_with_its_spot_and_the_nearest_name() {
        let mistake = Mistake::UnknownField {
            layer: "ip".to_owned(),
            name: "tll".to_owned(),
            nearest: Some("ttl".to_owned()),
        };
        let text = "[[packet]]\nlayers = [\n  { ip = { tll = 1 } },\n]\n";
        let at = text.find("tll").unwrap();
        assert_eq!(
            render(text, at..at + 3, mistake),
            "error: ip has no field `tll`\n \
             --> spec.toml:3:12\n  \
               |\n\
             3 |   { ip = { tll = 1 } },\n  \
               |            ^^^\n  \
               |\n  \
               = help: did you mean `ttl`?\n"
        );
    }

    #[test]
    fn nothing_of_a_spec_moves_the_cursor() {
        let text = "a = \"\u{1b}[2J\u{9b}31m\u{202e}\"";
        let mistake = Mistake::Syntax { message: "\u{1b}[2J \u{9b}".to_owned() };
        let rendered = render(text, 4..text.len(), mistake);
        assert!(rendered.chars().all(|letter| letter == '\n' || !is_dangerous(letter)), "{rendered:?}");
    }

    #[test]
    fn places_outside_the_text_are_no_panic() {
        for at in [0..0, 3..900, 900..1000, 1..2, 2..3] {
            render("\u{e9}\n", at.clone(), Mistake::NoLayers);
            render("", at, Mistake::NoLayers);
        }
        let rendered = render("a\nb =\n\n", 7..7, Mistake::NoLayers);
        assert!(rendered.contains("--> spec.toml:2:4\n"), "{rendered}");
    }
}
