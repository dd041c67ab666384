//! Any text, in each syntax: reading it does not panic, and neither does building what it says, nor cutting it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rawsock::spec::{Random, Source, Syntax, read};

fuzz_target!(|input: (u8, &str)| {
    let (syntax, text) = input;
    let syntax = [Syntax::Toml, Syntax::Json, Syntax::Expression][usize::from(syntax) % 3];
    // Whatever file is named is this one.
    let files = |_: &str| Ok(text.as_bytes().to_vec());
    match read(&Source::new("fuzz", text), syntax, &files) {
        Ok(spec) => {
            for crafted in spec.packets(&mut Random::new(1), None).take(10) {
                let _ = spec.leaving(crafted);
            }
            let _ = spec.check(10);
        }
        Err(error) => {
            assert!(!error.render(false).is_empty());
        }
    }
});
