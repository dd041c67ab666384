//! `rawsock ping` on a terminal: the table of many hosts, what is said beside it, and terminals that can only write on.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "this is test code")]

mod support;

use rawsock::lab::{Host, Lab};
use serde_json::{Value, json};
use support::{RAWSOCK, lab, run, text_of};

/// What stands on the terminal when a ping is over, and its exit code.
fn on_terminal(
    lab: &Lab,
    variable: (&str, &str),
    steps: &Value,
    arguments: &[&str],
) -> (String, Option<i64>) {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/on_terminal.py");
    let mut command = lab.command(Host::Client, "python3");
    command.env("TERM", "xterm").env(variable.0, variable.1);
    let output = run(command.args([script, &steps.to_string(), RAWSOCK, "ping"]).args(arguments));
    let told: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", text_of(&output)));
    assert_eq!(told["missed"], json!([]), "{told}");
    (told["screen"].as_str().unwrap().to_owned(), told["status"].as_i64())
}

/// The network of the client and the router, each asked four times.
const NETWORK: [&str; 5] = ["-c4", "-i0.3", "-W0.5", "10.77.1.0/30", "-4"];

#[test]
fn what_is_said_beside_the_table_stands() {
    let Some(lab) = lab() else { return };
    // Not by the key, with which a terminal throws away what nobody has read yet (NOFLSH in termios(3)).
    let steps = json!([["nosuch.example: ", "nothing"], ["10.77.1.2", "signal:SIGQUIT"]]);
    let (screen, code) =
        on_terminal(&lab, ("LANG", "C"), &steps, &[&NETWORK[..], &["nosuch.example"]].concat());
    assert!(screen.contains("rawsock: nosuch.example: "), "{screen}");
    assert!(screen.contains(" packets, 0% loss"), "{screen}");
    assert_eq!((screen.matches("the last 24").count(), code), (1, Some(2)), "{screen}");
    assert!(screen.contains("10.77.1.2 : xmt/rcv/%loss = 4/4/0%"), "{screen}");
}

#[test]
fn the_table_is_drawn_over_itself_without_colours_too() {
    let Some(lab) = lab() else { return };
    for variable in [("NO_COLOR", "1"), ("CLICOLOR", "0")] {
        let (screen, code) = on_terminal(&lab, variable, &json!([]), &NETWORK);
        assert_eq!((screen.matches("the last 24").count(), code), (1, Some(0)), "{screen}");
    }
}

#[test]
fn a_terminal_that_can_only_write_on_gets_lines() {
    let Some(lab) = lab() else { return };
    let (screen, _) = on_terminal(&lab, ("TERM", "dumb"), &json!([]), &NETWORK);
    assert!(!screen.contains("the last 24") && screen.contains("10.77.1.2 : [3], 64 bytes"), "{screen}");
}
