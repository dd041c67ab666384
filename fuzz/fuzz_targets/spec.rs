//! Any text, in each syntax: reading it does not panic, and neither does building what it says.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rawsock::spec::{Source, Syntax, read};

fuzz_target!(|input: (u8, &str)| {
    let (syntax, text) = input;
    let syntax = [Syntax::Toml, Syntax::Json, Syntax::Expression][usize::from(syntax) % 3];
    let no_files = |_: &str| Err(std::io::ErrorKind::NotFound.into());
    match read(&Source::new("fuzz", text), syntax, &no_files) {
        Ok(spec) => {
            for template in &spec.templates {
                for packet in template.packets(1).take(3) {
                    let _ = spec.build(template, &packet);
                }
            }
        }
        Err(error) => {
            assert!(!error.render(false).is_empty());
        }
    }
});
