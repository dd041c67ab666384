//! Columns that line up.

use super::text::push_printable;

/// How a column's cells stand in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// Rows under a head, each column as wide as its widest cell. Cells are made printable; the last column is not padded.
///
/// ```
/// use rawsock::show::table::{Align, table};
///
/// let head = [("index", Align::Right), ("name", Align::Left)];
/// let rows = [["1".to_owned(), "lo".to_owned()]];
/// assert_eq!(table(&head, &rows), "index  name\n    1  lo\n");
/// ```
pub fn table<const N: usize>(head: &[(&str, Align); N], rows: &[[String; N]]) -> String {
    let printable = |cell: &str| {
        let mut text = String::new();
        push_printable(&mut text, cell);
        text
    };
    let titles = head.map(|(title, _)| title.to_owned());
    let rows: Vec<[String; N]> =
        std::iter::once(&titles).chain(rows).map(|row| row.each_ref().map(|cell| printable(cell))).collect();
    let mut widths = [0; N];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    rows.iter().map(|row| line(row, head, &widths)).collect()
}

fn line<const N: usize>(row: &[String; N], head: &[(&str, Align); N], widths: &[usize; N]) -> String {
    let mut text = String::new();
    for ((cell, (_, align)), width) in row.iter().zip(head).zip(widths) {
        if !text.is_empty() {
            text.push_str(GAP);
        }
        match align {
            Align::Left => text.push_str(&format!("{cell:<width$}")),
            Align::Right => text.push_str(&format!("{cell:>width$}")),
        }
    }
    let end = text.trim_end().len();
    text.truncate(end);
    text.push('\n');
    text
}

/// What lies between two columns.
const GAP: &str = "  ";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell_and_no_cell_can_move_the_cursor() {
        let head = [("n", Align::Right), ("name", Align::Left), ("what", Align::Left)];
        let rows = [
            ["1".to_owned(), "éa".to_owned(), "x\x1b[2J".to_owned()],
            ["100".to_owned(), "longer".to_owned(), String::new()],
        ];
        let expected = "  n  name    what\n  1  éa      x\\u{1b}[2J\n100  longer\n";
        assert_eq!(table(&head, &rows), expected);
    }
}
