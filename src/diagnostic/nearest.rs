//! The nearest of some names, for "did you mean".

/// The name that is most like `word`, if one is like it at all: at most a third of its letters differ, or it is the
/// beginning or the last part of just one name.
pub(crate) fn nearest<'n>(word: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    // Longer words are no misspelt names, and would take long to compare.
    if word.is_empty() || word.len() > MAX_LETTERS {
        return None;
    }
    let limit = word.chars().count().div_ceil(3).saturating_mul(OTHER);
    let names: Vec<&str> = names.into_iter().collect();
    let near = names.iter().map(|name| (distance(word, name), *name));
    near.filter(|(distance, _)| *distance <= limit)
        .min()
        .map(|(_, name)| name)
        .or_else(|| part_of(word, &names))
}

/// The one name that begins with `word`, or whose last part it is.
fn part_of<'n>(word: &str, names: &[&'n str]) -> Option<&'n str> {
    let is_part = |name: &&&str| name.starts_with(word) || name.rsplit('.').next() == Some(word);
    let mut parts = names.iter().filter(is_part);
    parts.next().copied().filter(|_| parts.next().is_none())
}

/// What it costs to put letters in, take them out, replace them or swap them with their neighbour (Damerau's distance,
/// each letter touched once), without regard to case. Letters left out are what names suffer from most: those cost less.
fn distance(a: &str, b: &str) -> usize {
    let letters = |text: &str| text.chars().map(|letter| letter.to_ascii_lowercase()).collect::<Vec<_>>();
    let (a, b) = (letters(a), letters(b));
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).map(|letters| letters.saturating_mul(PUT_IN)).collect();
    for (row, from) in a.iter().enumerate() {
        let mut current = vec![row.saturating_add(1).saturating_mul(OTHER)];
        for (column, to) in b.iter().enumerate() {
            let at = |line: &[usize], back: usize| {
                let index = column.saturating_add(1).checked_sub(back)?;
                line.get(index).copied()
            };
            let replaced = at(&above, 1).unwrap_or(0).saturating_add(if from == to { 0 } else { OTHER });
            let taken_out = at(&above, 0).unwrap_or(0).saturating_add(OTHER);
            let put_in = at(&current, 1).unwrap_or(0).saturating_add(PUT_IN);
            let is_swap = row.checked_sub(1).and_then(|above| a.get(above)) == Some(to)
                && column.checked_sub(1).and_then(|left| b.get(left)) == Some(from);
            let swapped = at(&before, 2).filter(|_| is_swap).map(|swapped| swapped.saturating_add(OTHER));
            current.push(replaced.min(taken_out).min(put_in).min(swapped.unwrap_or(usize::MAX)));
        }
        before = std::mem::replace(&mut above, current);
    }
    above.last().copied().unwrap_or(0)
}

const PUT_IN: usize = 2;
const OTHER: usize = 3;
const MAX_LETTERS: usize = 40;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_put_in_taken_out_replaced_or_swapped() {
        assert_eq!(distance("ttl", "ttl"), 0);
        assert_eq!(distance("TLL", "ttl"), OTHER);
        assert_eq!(distance("dts", "dst"), OTHER);
        assert_eq!(distance("srcprt", "srcport"), PUT_IN);
        assert_eq!(distance("src.mac", "src.hw_mac"), 3 * PUT_IN);
        assert_eq!(distance("", "ab"), 2 * PUT_IN);
        assert_eq!(distance("ab", ""), 2 * OTHER);
    }

    #[test]
    fn only_what_is_near() {
        let names = ["src", "dst", "ttl", "proto"];
        assert_eq!(nearest("tll", names), Some("ttl"));
        assert_eq!(nearest("protocol", names), Some("proto"));
        assert_eq!(nearest("src.mac", ["src.hw", "src.hw_mac", "dst.hw_mac"]), Some("src.hw_mac"));
        assert_eq!(nearest("hoplimit", names), None);
        assert_eq!(nearest("window", ["window_size_value", "ack"]), Some("window_size_value"));
        assert_eq!(nearest("df", ["flags.df", "dsfield"]), Some("flags.df"));
        assert_eq!(nearest(&"x".repeat(100_000), names), None);
    }
}
