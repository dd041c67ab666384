//! TOML 1.1 as a tree with places, by the `toml` crate.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Diagnostic;
use super::mistake::{MAX_MISTAKES, Mistake};
use super::tree::{Entry, Shape, Text, Tree};

/// Reads a TOML document.
///
/// # Errors
/// All places where it is none.
pub(super) fn parse(text: &str) -> Result<Tree<'_>, Vec<Diagnostic>> {
    let (document, errors) = DeTable::parse_recoverable(text);
    if errors.is_empty() {
        return Ok(Tree::new(0..text.len(), table(document.into_inner(), text)));
    }
    let mistakes = errors.iter().take(MAX_MISTAKES).map(|error| {
        let message = format!("TOML: {}", error.message());
        Diagnostic { at: error.span().unwrap_or(0..0), mistake: Mistake::Syntax { message } }
    });
    Err(mistakes.collect())
}

fn tree<'s>(value: Spanned<DeValue<'s>>, source: &'s str) -> Tree<'s> {
    let at = value.span();
    let shape = match value.into_inner() {
        DeValue::String(text) => {
            let verbatim = verbatim(&text, at.clone(), source);
            Shape::Text(Text { text, verbatim })
        }
        DeValue::Integer(integer) => match i128::from_str_radix(integer.as_str(), integer.radix()) {
            Ok(integer) => Shape::Integer(integer),
            Err(_) => Shape::Other("a number of that size"),
        },
        DeValue::Float(_) => Shape::Other("a number with a fraction"),
        DeValue::Boolean(bit) => Shape::Bool(bit),
        DeValue::Datetime(_) => Shape::Other("a date"),
        DeValue::Array(array) => Shape::List(array.into_iter().map(|value| tree(value, source)).collect()),
        DeValue::Table(inner) => table(inner, source),
    };
    Tree::new(at, shape)
}

/// The entries of a table; the crate sorts them by name, and sweeps go by their order in the text.
fn table<'s>(table: DeTable<'s>, source: &'s str) -> Shape<'s> {
    let entries = table.into_iter().map(|(key, value)| {
        let key_at = key.span();
        Entry { key: key.into_inner(), key_at, value: tree(value, source) }
    });
    let mut entries: Vec<Entry<'s>> = entries.collect();
    entries.sort_by_key(|entry| entry.key_at.start);
    Shape::Table(entries)
}

/// Where a string's text begins in the source, when it stands there letter by letter.
fn verbatim(text: &str, at: std::ops::Range<usize>, source: &str) -> Option<usize> {
    let written = source.get(at.clone())?;
    let quotes = ["\"\"\"", "'''", "\"", "'"].into_iter().find(|quotes| written.starts_with(quotes))?;
    let inner = written.strip_prefix(quotes)?.strip_suffix(quotes)?;
    (inner == text).then(|| at.start.saturating_add(quotes.len()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn places_of_keys_and_values() {
        let text = "b.c = \"xy\"\na = [1, { z = true }]";
        let tree = parse(text).unwrap();
        let Shape::Table(entries) = &tree.shape else { panic!() };
        let keys: Vec<(&str, &str)> = entries
            .iter()
            .map(|entry| (entry.key.as_ref(), text.get(entry.key_at.clone()).unwrap()))
            .collect();
        assert_eq!(keys, [("b", "b"), ("a", "a")], "in the order of the text");
        let Shape::Table(inner) = &entries[0].value.shape else { panic!() };
        assert_eq!(text.get(inner[0].value.at.clone()), Some("\"xy\""));
        let Shape::Text(text) = &inner[0].value.shape else { panic!() };
        assert_eq!(text.verbatim, Some(7));
    }

    #[test]
    fn several_mistakes_are_told() {
        let errors = parse("a = \nb = 1\nb = 2\n").unwrap_err();
        assert!(errors.len() > 1, "{errors:?}");
    }

    proptest! {
        #[test]
        fn any_text_is_no_panic(text in "[\\[\\]{}=\"'.,\\\\abx0-9_# \n-]{0,30}|\\PC{0,40}") {
            let _ = parse(&text);
        }
    }
}
