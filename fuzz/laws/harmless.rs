//! What goes to a terminal has nothing that moves a cursor, turns text around or cannot be seen. What that is stands here once more: the
//! program's own rule is what the law is about.

/// Lines: nothing but harmless characters, and the ends of lines.
pub fn lines(text: &str) {
    line(&text.replace('\n', ""));
}

/// One line, without its end.
pub fn line(text: &str) {
    let bad = text.chars().find(|character| is_harmful(*character));
    assert!(bad.is_none(), "{bad:?} in {text:?}");
}

/// An object of JSON on one line, without its end.
pub fn object(text: &str) {
    line(text);
    let read: Result<serde_json::Value, _> = serde_json::from_str(text);
    assert!(read.is_ok_and(|value| value.is_object()), "{text}");
}

/// Control characters (ISO/IEC 6429), the marks, embeddings, overrides and isolates of UAX #9, separators of lines and paragraphs, and
/// what has no width: soft hyphen, joiners, byte order mark, annotations, tags.
fn is_harmful(character: char) -> bool {
    let code = u32::from(character);
    let ranges = [
        (0x00, 0x1f),
        (0x7f, 0x9f),
        (0xad, 0xad),
        (0x61c, 0x61c),
        (0x200b, 0x200f),
        (0x2028, 0x202e),
        (0x2060, 0x2069),
        (0xfeff, 0xfeff),
        (0xfff9, 0xfffb),
        (0xe0000, 0xe007f),
    ];
    ranges.iter().any(|(first, last)| (*first..=*last).contains(&code))
}
