//! Any text, in each syntax: it is a spec or a mistake that can be shown; what it says is built, cut and turned over, or a mistake.

use rawsock::spec::{Random, Source, Syntax, read};

use super::harmless;

/// Holds it for files: JSON where the text begins with a bracket or a brace, else TOML.
pub fn check_file(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    check(
        text,
        if text.starts_with(['{', '[']) && !text.starts_with("[[") { Syntax::Json } else { Syntax::Toml },
    );
}

/// Holds it for expressions.
pub fn check_expression(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    check(text, Syntax::Expression);
}

fn check(text: &str, syntax: Syntax) {
    // Whatever file is named is this one.
    let files = |_: &str| Ok(text.as_bytes().to_vec());
    match read(&Source::new("fuzz", text), syntax, &files) {
        Ok(spec) => {
            for crafted in spec.packets(&mut Random::new(1), None).take(10) {
                if let Err(error) = spec.leaving(crafted) {
                    harmless::lines(&error.render(false));
                }
            }
            if let Err(error) = spec.check(10) {
                harmless::lines(&error.render(false));
            }
        }
        Err(error) => harmless::lines(&error.render(false)),
    }
}
