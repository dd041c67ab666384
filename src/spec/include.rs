//! The files of a spec: its own, and those that it includes, which stand before it.

use super::mistake::{MAX_MISTAKES, Mistake, shortened};
use super::tree::{Entry, Shape, Tree};
use super::{Diagnostic, Files, Source, Syntax, parse, syntax_expression};
use crate::diagnostic::At;

/// A text of a spec.
#[derive(Debug, Clone)]
pub(super) struct Text {
    pub(super) source: Source,
    pub(super) syntax: Syntax,
    /// Places in it are counted from here, so that each place of a spec is just one number.
    pub(super) base: usize,
    /// Its path from the folder of the spec's own file.
    path: String,
    /// Where the files are that it names, with `/` at its end; empty beside the spec's own file.
    pub(super) folder: String,
}

impl Text {
    /// Whether a place is in it.
    pub(super) fn holds(&self, at: &At) -> bool {
        (self.base..=self.base.saturating_add(self.source.text.len())).contains(&at.start)
    }

    /// Its tree, with places that are counted from its base.
    pub(super) fn tree(&self) -> Result<Tree<'_>, Vec<Diagnostic>> {
        let mut tree = parse(&self.source.text, self.syntax).map_err(|mut diagnostics| {
            diagnostics.iter_mut().for_each(|diagnostic| shift(&mut diagnostic.at, self.base));
            diagnostics
        })?;
        tree.shift(self.base);
        Ok(tree)
    }

    /// What it sets, if it is `NAME=VALUE`.
    pub(super) fn setting(&self) -> Result<Entry<'_>, Diagnostic> {
        let mut entry = syntax_expression::parse_setting(&self.source.text).map_err(|mut diagnostic| {
            shift(&mut diagnostic.at, self.base);
            diagnostic
        })?;
        shift(&mut entry.key_at, self.base);
        entry.value.shift(self.base);
        Ok(entry)
    }

    /// The place of the next text's first octet.
    fn end(&self) -> usize {
        self.base.saturating_add(self.source.text.len()).saturating_add(1)
    }
}

/// All texts of a spec.
pub(super) struct Texts {
    /// In the order of their bases; the spec's own is the first.
    pub(super) texts: Vec<Text>,
    /// In the order in which they count: whatever is included before what includes it.
    pub(super) order: Vec<usize>,
    /// What is wrong with what is included.
    pub(super) mistakes: Vec<Diagnostic>,
}

impl Texts {
    /// Reads what a spec includes.
    pub(super) fn load(source: &Source, syntax: Syntax, files: Files<'_>) -> Self {
        let own =
            Text { source: source.clone(), syntax, base: 0, path: String::new(), folder: String::new() };
        let mut texts = Self { texts: vec![own], order: Vec::new(), mistakes: Vec::new() };
        // Most specs include nothing, and need not be read twice to know it.
        if source.text.contains("include") {
            texts.follow(0, &mut Vec::new(), files);
        }
        texts.order.push(0);
        texts
    }

    /// A text behind the others.
    pub(super) fn push(&mut self, source: Source, syntax: Syntax, path: String) -> usize {
        let base = self.texts.last().map_or(0, Text::end);
        let folder = path.rsplit_once('/').map_or(String::new(), |(folder, _)| format!("{folder}/"));
        self.texts.push(Text { source, syntax, base, path, folder });
        self.texts.len().saturating_sub(1)
    }

    /// The folder of the files that are named at a place.
    pub(super) fn folder(&self, at: &At) -> &str {
        self.texts.iter().find(|text| text.holds(at)).map_or("", |text| text.folder.as_str())
    }

    /// All texts as one source.
    pub(super) fn source(&self) -> Option<Source> {
        let (own, behind) = self.texts.split_first()?;
        let behind = behind.iter().map(|text| text.source.clone()).collect();
        Some(Source { behind, ..own.source.clone() })
    }

    /// Reads what a text includes, and what that includes; `chain` are the files that lead there.
    fn follow(&mut self, index: usize, chain: &mut Vec<String>, files: Files<'_>) {
        let Some(text) = self.texts.get(index).cloned() else { return };
        // Whoever reads the text for what it says tells what is wrong with it.
        let Ok(tree) = text.tree() else { return };
        for (path, at) in included(&tree, &mut self.mistakes) {
            let path = tidy(&text.folder, &path);
            if chain.contains(&path) {
                self.mistake(at, Mistake::Cycle { path: shortened(&path) });
                continue;
            }
            if self.texts.iter().skip(1).any(|text| text.path == path) {
                continue;
            }
            if self.mistakes.len() >= MAX_MISTAKES {
                return;
            }
            if chain.len() >= MOST_DEEP || self.texts.len() > MOST_FILES {
                self.mistake(at, Mistake::TooManyFiles { most: MOST_FILES });
                return;
            }
            let content = match files(&path).map(String::from_utf8) {
                Ok(Ok(content)) => content,
                Ok(Err(_)) => {
                    let problem = "it is not text in UTF-8".to_owned();
                    self.mistake(at, Mistake::File { path: shortened(&path), problem });
                    continue;
                }
                Err(error) => {
                    self.mistake(at, Mistake::File { path: shortened(&path), problem: error.to_string() });
                    continue;
                }
            };
            let syntax = if path.ends_with(".json") { Syntax::Json } else { Syntax::Toml };
            // As whoever reads about a mistake in it finds it.
            let own = self.texts.first().and_then(|own| own.source.name.rsplit_once('/'));
            let name = own.map_or(path.clone(), |(folder, _)| tidy(&format!("{folder}/"), &path));
            let next = self.push(Source::new(name, content), syntax, path.clone());
            chain.push(path);
            self.follow(next, chain, files);
            chain.pop();
            self.order.push(next);
        }
    }

    fn mistake(&mut self, at: At, mistake: Mistake) {
        self.mistakes.push(Diagnostic { at, mistake });
    }
}

/// The files that a text's `include` names, with their places.
fn included(tree: &Tree<'_>, mistakes: &mut Vec<Diagnostic>) -> Vec<(String, At)> {
    let Shape::Table(entries) = &tree.shape else { return Vec::new() };
    let mut paths = Vec::new();
    let mut add = |tree: &Tree<'_>| match tree.text() {
        Some(path) => paths.push((path.to_owned(), tree.at.clone())),
        None => {
            let (name, found) = ("include".to_owned(), tree.words().to_owned());
            let wanted = "names of files in quotes".to_owned();
            let mistake = Mistake::WrongKind { name, wanted, found, nearest: None };
            mistakes.push(Diagnostic { at: tree.at.clone(), mistake });
        }
    };
    for Entry { value, .. } in entries.iter().filter(|entry| entry.key == "include") {
        match &value.shape {
            Shape::List(list) => list.iter().for_each(&mut add),
            _ => add(value),
        }
    }
    paths
}

/// A path from the folder of the text that names it, without `.` and `..` where they say nothing, so that the same file
/// has the same name.
pub(super) fn tidy(folder: &str, path: &str) -> String {
    let joined = if path.starts_with('/') { path.to_owned() } else { format!("{folder}{path}") };
    let mut parts: Vec<&str> = Vec::new();
    for part in joined.split('/') {
        match part {
            "." => {}
            "" if !parts.is_empty() => {}
            ".." if parts.last().is_some_and(|last| !matches!(*last, ".." | "")) => _ = parts.pop(),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

fn shift(at: &mut At, by: usize) {
    *at = at.start.saturating_add(by)..at.end.saturating_add(by);
}

/// Files that one spec may include, and how deep.
const MOST_FILES: usize = 64;
const MOST_DEEP: usize = 16;

#[cfg(test)]
mod tests {
    use super::tidy;

    #[test]
    fn the_same_file_has_the_same_name() {
        for (folder, path, wanted) in [
            ("", "a.toml", "a.toml"),
            ("sub/", "./x.toml", "sub/x.toml"),
            ("sub/", "../a.toml", "a.toml"),
            ("", "../a.toml", "../a.toml"),
            ("../", "../a.toml", "../../a.toml"),
            ("sub/", "/etc/a.toml", "/etc/a.toml"),
            ("/etc/", "../../a.toml", "/../a.toml"),
            ("", "a//b.toml", "a/b.toml"),
        ] {
            assert_eq!(tidy(folder, path), wanted, "{folder} {path}");
        }
    }
}
