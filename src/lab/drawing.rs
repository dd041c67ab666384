//! The lab's plan as a drawing for the terminal.

use std::fmt::Write as _;

use super::topology::{Cable, DEAD_ENDS, ECHO_PORT, Interface, PREFIX_BITS_V4, PREFIX_BITS_V6};
use super::{Case, Host, Plan};

/// The hosts, cables and addresses, and what answers where; 76 columns wide.
pub fn drawing(plan: &Plan) -> String {
    let mut text = match plan.cables {
        [left, right] => boxes(left, right),
        cables => cables.iter().map(line).collect(),
    };
    text += "The last two octets of a MAC are the last two numbers of the address: 02:00:00:77:01:02.\n";
    let _ = writeln!(
        text,
        "server answers pings, and echoes on TCP and UDP port {ECHO_PORT}; all other ports are closed."
    );
    for dead_end in &DEAD_ENDS {
        let what = if dead_end.answers { "the router answers that it is forbidden" } else { "never answers" };
        let _ = writeln!(text, "{:<10} {:<10}  {:<10}  {what}", dead_end.name, dead_end.v4, dead_end.v6);
    }
    text
}

/// What there is to see in a case, its network, and what is done to that, as one would do it by hand.
pub fn case_drawing(case: &Case) -> String {
    let mut text = format!("{}: {}.\n\n{}", case.name, case.shows, drawing(case.plan));
    for change in case.changes {
        let _ = write!(text, "\non {}:\n{change}\n", change.host());
    }
    let _ = write!(text, "\nTry: rawsock lab --case {} -- {}\n", case.name, case.attempt);
    text
}

/// A cable, in a line.
fn line(cable: &Cable) -> String {
    let end = |end: &Interface| format!("{:<6} {}  {:<9}  {:<9}", end.host, end.name, end.v4, end.v6);
    format!(" {} ── {}\n", end(&cable.left), end(&cable.right).trim_end())
}

/// Three hosts in a row.
fn boxes(left: &Cable, right: &Cable) -> String {
    let mut text = format!(" {:<23}{:<36}{}\n", Host::Client, Host::Router, Host::Server);
    let border = |from: char, middle: char, to: char| {
        let edge = "─".repeat(CELL_COLUMNS + 2);
        format!("{from}{edge}{to}     {from}{edge}{middle}{edge}{to}     {from}{edge}{to}\n")
    };
    text += &border('┌', '┬', '┐');
    text += &row(left, right, '├', "─────", '┤', |interface| interface.name.to_owned());
    text +=
        &row(left, right, '│', "     ", '│', |interface| format!("{}/{PREFIX_BITS_V4}", interface.v4));
    text +=
        &row(left, right, '│', "     ", '│', |interface| format!("{}/{PREFIX_BITS_V6}", interface.v6));
    text += &border('└', '┴', '┘');
    text
}

/// One line through all boxes; `cable` is what lies between them.
fn row(
    left: &Cable,
    right: &Cable,
    out: char,
    cable: &str,
    into: char,
    text: impl Fn(&Interface) -> String,
) -> String {
    let cell = |interface: &Interface| format!(" {:<CELL_COLUMNS$} ", text(interface));
    format!(
        "│{}{out}{cable}{into}{}│{}{out}{cable}{into}{}│\n",
        cell(&left.left),
        cell(&left.right),
        cell(&right.left),
        cell(&right.right)
    )
}

/// Room for the widest address with its prefix.
const CELL_COLUMNS: usize = 13;

#[cfg(test)]
mod tests {
    use super::super::plan;
    use super::*;

    #[test]
    fn every_address_is_drawn_and_the_boxes_close() {
        let text = drawing(&plan::SHORT);
        for interface in plan::SHORT.cables.iter().flat_map(Cable::ends) {
            assert!(
                text.contains(&format!("{}/24", interface.v4)) && text.contains(&interface.v6.to_string())
            );
        }
        let boxes: Vec<usize> = text.lines().skip(1).take(5).map(|line| line.chars().count()).collect();
        assert!(boxes.iter().all(|columns| *columns == boxes[0]), "{text}");
    }

    #[test]
    fn a_case_shows_its_cables_and_what_is_changed() {
        for case in Case::ALL {
            let text = case_drawing(case);
            for cable in case.plan.cables {
                let [left, right] = cable.ends().map(|end| end.v6.to_string());
                let line = text.lines().find(|line| line.contains(&left)).unwrap();
                assert!(line.ends_with(&right) && line.chars().count() <= 80, "{line}");
            }
            assert_eq!(text.matches("\non ").count(), case.changes.len(), "{text}");
        }
    }
}
