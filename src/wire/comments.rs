//! What somebody noted about a frame: one text in most files, any number of them in pcapng.

use std::fmt;

/// One or more comments. They are read where they stand when somebody asks, which few do.
#[derive(Clone, Copy)]
pub struct Comments<'a> {
    octets: &'a [u8],
    next: Next,
}

/// Reads a comment, and tells the octets that further ones may be in.
pub type Next = for<'b> fn(&'b [u8]) -> Option<(&'b str, Option<&'b [u8]>)>;

impl<'a> Comments<'a> {
    /// Those in the octets of a file, in its form; `None`, where there is none.
    pub fn read(octets: &'a [u8], next: Next) -> Option<Self> {
        next(octets).map(|_| Self { octets, next })
    }

    /// Each of them, in the order of the file.
    pub fn iter(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        let (mut left, next) = (Some(self.octets), self.next);
        std::iter::from_fn(move || {
            let (comment, behind) = next(left?)?;
            left = behind;
            Some(comment)
        })
    }

    /// Appends all of them as the text from which `Comments::from` reads them again.
    pub fn keep(&self, text: &mut String) {
        for (at, comment) in self.iter().enumerate() {
            text.push_str(if at == 0 { "" } else { BETWEEN });
            text.push_str(comment);
        }
    }

    /// That text.
    pub fn kept(&self) -> String {
        let mut text = String::new();
        self.keep(&mut text);
        text
    }
}

/// One comment; several, where they are those of [`Comments::kept`].
impl<'a> From<&'a str> for Comments<'a> {
    fn from(text: &'a str) -> Self {
        Self { octets: text.as_bytes(), next: next_kept }
    }
}

/// By what they say, wherever they stand.
impl PartialEq for Comments<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Comments<'_> {}

impl fmt::Debug for Comments<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

fn next_kept(octets: &[u8]) -> Option<(&str, Option<&[u8]>)> {
    let text = str::from_utf8(octets).ok()?;
    let both = text.split_once(BETWEEN).map(|(comment, behind)| (comment, Some(behind.as_bytes())));
    Some(both.unwrap_or((text, None)))
}

/// Stands in no comment: in pcapng a text ends with it.
const BETWEEN: &str = "\0";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_read_again() {
        for all in [&[""][..], &["one"], &["one", "two"], &["", ""], &["one", "", "ü"]] {
            let text = all.join(BETWEEN);
            let comments = Comments::from(text.as_str());
            assert_eq!(comments.iter().collect::<Vec<_>>(), all);
            assert_eq!(comments.kept(), text);
        }
        assert_eq!(format!("{:?}", Comments::from("a\0b")), r#"["a", "b"]"#);
    }
}
