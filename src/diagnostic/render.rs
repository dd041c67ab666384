//! Mistakes, as people like to read them.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use super::line::Line;
use super::{Explain, SourceError};

impl<M: Explain> SourceError<M> {
    /// All mistakes as people like to read them: place, line, the spot underlined, what was expected, and the nearest
    /// name. With `styled`, in colours.
    pub fn render(&self, styled: bool) -> String {
        let renderer = if styled { Renderer::styled() } else { Renderer::plain() };
        let mut out = String::new();
        for diagnostic in &self.diagnostics {
            out.push_str(if out.is_empty() { "" } else { "\n" });
            let title = Level::ERROR.primary_title(without_controls(&diagnostic.mistake.to_string()));
            let expected = diagnostic.mistake.expected().map(|expected| without_controls(&expected));
            let (source, at) = self.source.locate(&diagnostic.at);
            let name = without_controls(&source.name);
            let line = Line::of(&source.text, &at);
            let snippet = Snippet::source(same_place_without_controls(line.text))
                .path(name.as_str())
                .line_start(source.first_line.saturating_add(line.before))
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
pub(crate) fn without_controls(text: &str) -> String {
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
    use crate::diagnostic::At;
    use crate::diagnostic::{Diagnostic, Source};
    use crate::spec::Mistake;

    fn render(text: &str, at: At, mistake: Mistake) -> String {
        let source = Source::new("spec.toml", text);
        SourceError { source, diagnostics: vec![Diagnostic { at, mistake }] }.render(false)
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
