//! Commands as people type them: words with quotes, pipes, remarks.

use std::ffi::OsString;

/// The command lines of rawsock in a line of shell: their words, behind `sudo`, `lab --` and pipes too.
pub(crate) fn rawsock_lines(line: &str) -> Vec<Vec<OsString>> {
    let mut lines = Vec::new();
    for words in commands(line) {
        let mut rest = words.as_slice();
        while let Some(place) = rest.iter().position(|word| word == "rawsock") {
            let ours = &rest[place..];
            // What stands behind `--` is a command of its own.
            let end = ours.iter().position(|word| word == "--").unwrap_or(ours.len());
            let is_lab = ours.get(1).is_some_and(|word| word == "lab");
            let end = if is_lab { end } else { ours.len() };
            lines.push(ours[..end].iter().map(OsString::from).collect());
            rest = &ours[end.max(1)..];
            if !is_lab {
                break;
            }
        }
    }
    lines
}

/// The words of each command of a line.
fn commands(line: &str) -> Vec<Vec<String>> {
    let mut commands = vec![Vec::new()];
    let mut word: Option<String> = None;
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\'' => {
                word.get_or_insert_default().extend(letters.by_ref().take_while(|letter| *letter != '\''))
            }
            '"' => word.get_or_insert_default().extend(letters.by_ref().take_while(|letter| *letter != '"')),
            '\\' => word.get_or_insert_default().extend(letters.next()),
            '#' if word.is_none() => break,
            ' ' | '|' | ';' | '&' | '(' | ')' | '>' | '<' => {
                commands.last_mut().expect("one at least").extend(word.take());
                if letter == '>' || letter == '<' {
                    // Where to, which is no word of the command.
                    let mut file = letters.by_ref().skip_while(|letter| *letter == ' ');
                    file.find(|letter| *letter == ' ');
                } else if letter != ' ' {
                    commands.push(Vec::new());
                }
            }
            _ => word.get_or_insert_default().push(letter),
        }
    }
    commands.last_mut().expect("one at least").extend(word);
    commands
}
