//! Texts in quotes, as specs are written.

/// Appends a text between quotes. Letters of the world are shown; what is invisible, or turns the direction of writing, is told by
/// its number.
pub(super) fn push_quoted(text: &str, out: &mut String, by_number: impl Fn(&mut String, u32)) {
    out.push('"');
    for letter in text.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '$' => out.push_str("$$"),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            _ if letter.is_control() || !(letter.is_ascii() || letter.is_alphanumeric()) => {
                by_number(out, u32::from(letter));
            }
            _ => out.push(letter),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::push_quoted;

    #[test]
    fn what_is_not_shown_is_told_by_its_number() {
        let mut out = String::new();
        push_quoted("a\"\\$\n\té\u{202e}\0", &mut out, |out, number| out.push_str(&format!("<{number:x}>")));
        assert_eq!(out, r#""a\"\\$$\n\té<202e><0>""#);
    }
}
