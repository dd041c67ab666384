//! `rawsock trace -c` and `--watch`: the same way many times.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "this is test code")]

mod support;

use std::process::Command;

use serde_json::{Value, json};
use support::chain::Chain;
use support::{RAWSOCK, run, text_of};

fn objects(chain: &Chain, arguments: &[&str]) -> Vec<Value> {
    let output = chain.trace(&[&["--json", "--interval", "0.2"], arguments].concat());
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn of_kind<'o>(objects: &'o [Value], kind: &str) -> Vec<&'o Value> {
    objects.iter().filter(|object| object["event"] == kind).collect()
}

/// Why answers of a hop are missing.
fn cause(objects: &[Value], hop: u64) -> Option<String> {
    let missing = of_kind(objects, "missing").into_iter().find(|missing| missing["hop"] == hop)?;
    Some(missing["cause"].as_str().unwrap().to_owned())
}

fn shell(chain: &Chain, host: usize, words: &str) {
    let output = run(chain.command(host, "sh").args(["-c", words]));
    assert!(output.status.success(), "{words}: {}", text_of(&output));
}

#[test]
fn a_report_counts_and_its_times_are_in_order() {
    let Some(chain) = Chain::of(3) else { return };
    for method in ["-U", "-I", "-T"] {
        for address in ["10.9.3.2", "fd09:3::2"] {
            let objects = objects(&chain, &["-c", "5", method, address]);
            let hops = of_kind(&objects, "report_hop");
            assert_eq!(hops.len(), 3, "{method} {address}: {objects:?}");
            for hop in hops {
                assert_eq!((&hop["asked"], &hop["answered"]), (&5.into(), &5.into()), "{hop}");
                let time = |name: &str| hop[name].as_u64().unwrap();
                let (best, middle, high, worst) =
                    (time("best_ns"), time("p50_ns"), time("p95_ns"), time("worst_ns"));
                assert!(0 < best && best <= middle && middle <= high && high <= worst, "{hop}");
                assert!(best <= time("avg_ns") && time("avg_ns") <= worst, "{hop}");
                assert!(best <= time("last_ns") && time("last_ns") <= worst, "{hop}");
            }
            let summary = objects.last().unwrap();
            assert_eq!((&summary["rounds"], &summary["reached"]), (&5.into(), &true.into()));
            assert_eq!(summary["late"], 0, "{summary}");
            assert_eq!(of_kind(&objects, "missing"), Vec::<&Value>::new());
        }
    }
    let output = chain.trace(&["-c", "2", "--interval", "0.2", "10.9.3.2"]);
    let text = String::from_utf8(output.stdout).unwrap();
    let words: Vec<_> = text.lines().nth(1).unwrap().split_whitespace().collect();
    assert_eq!(words, ["Loss%", "Snt", "Last", "Avg", "Best", "Wrst", "StDev", "p50", "p95", "p99"]);
    let words: Vec<_> = text.lines().nth(4).unwrap().split_whitespace().collect();
    assert_eq!(words[..4], ["3.", "10.9.3.2", "0.0%", "2"], "{text}");
}

#[test]
fn a_hop_that_limits_its_answers_loses_nothing() {
    let Some(chain) = Chain::of(4) else { return };
    // As Linux does by itself: six at once, and then one a second to each host.
    shell(&chain, 2, "echo 1000 >/proc/sys/net/ipv4/icmp_ratelimit");
    let objects = objects(&chain, &["-c", "41", "10.9.4.2"]);
    assert_eq!(cause(&objects, 2).as_deref(), Some("rate_limited"), "{objects:?}");
    assert_eq!(of_kind(&objects, "missing").len(), 1, "{objects:?}");
    let missing = of_kind(&objects, "missing")[0];
    let interval = missing["interval_ns"].as_u64().unwrap_or_else(|| panic!("no pace: {missing}"));
    assert!((900_000_000..1_200_000_000).contains(&interval), "{missing}");
    assert!((4..=8).contains(&missing["burst"].as_u64().unwrap()), "{missing}");
}

#[test]
fn packets_that_are_lost_are_missing_behind_as_well() {
    let Some(chain) = Chain::of(4) else { return };
    chain.rules(1, "ip", "forward", "oifname right numgen random mod 100 < 40 drop");
    // Loss is drawn by chance: that one hop looks much worse than those behind it happens once in a hundred runs.
    let told = (0..3).any(|_| {
        let objects = objects(&chain, &["-c", "30", "10.9.4.2"]);
        assert_eq!(cause(&objects, 1), None, "{objects:?}");
        let causes: Vec<_> = (2..=4).map(|hop| cause(&objects, hop)).collect();
        causes.iter().all(|cause| cause.as_deref() == Some("lost"))
    });
    assert!(told);
    let told = (0..3).any(|_| {
        let output = chain.trace(&["-c", "30", "--interval", "0.2", "10.9.4.2"]);
        text_of(&output).contains("packets are lost at or before hop 2")
    });
    assert!(told);
}

#[test]
fn one_trace_with_many_probes_tells_a_limit_too() {
    let Some(chain) = Chain::of(4) else { return };
    shell(&chain, 2, "echo 1000 >/proc/sys/net/ipv4/icmp_ratelimit");
    let output = chain.trace(&["-q", "10", "10.9.4.2"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("    hop 2 limits its answers: "), "{text}");
    assert_eq!(text.matches("limits its answers").count(), 1, "{text}");
    let objects = objects(&chain, &["-q", "10", "10.9.4.2"]);
    assert!(matches!(cause(&objects, 2).as_deref(), Some("rate_limited" | "silent")), "{objects:?}");
}

#[test]
fn a_silent_hop_and_one_without_an_end_hold_a_report_up_for_little() {
    let Some(chain) = Chain::of(4) else { return };
    chain.rules(2, "ip", "output", "icmp type time-exceeded drop");
    let began = std::time::Instant::now();
    let objects = objects(&chain, &["-c", "3", "10.9.4.2"]);
    assert!(began.elapsed().as_secs() < 3, "{:?}", began.elapsed());
    assert_eq!(cause(&objects, 2).as_deref(), Some("silent"));
    assert_eq!(of_kind(&objects, "report_hop")[1]["routers"], json!([]));
    let output = chain.trace(&["-c", "2", "--interval", "0.2", "-m", "3", "10.9.4.2"]);
    assert_eq!(output.status.code(), Some(1), "{}", text_of(&output));
}

#[test]
fn the_file_has_the_packets_of_all_rounds() {
    let Some(chain) = Chain::of(2) else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("way.pcapng");
    objects(&chain, &["-c", "4", "-m", "2", "-w", file.to_str().unwrap(), "10.9.2.2"]);
    let count = |filter: &str| support::capture::tshark(&file, filter);
    assert_eq!(count("udp.dstport == 33434 and not icmp"), 8);
    assert_eq!((count("icmp.type == 11"), count("icmp.type == 3")), (4, 4));
}

/// Runs a command on a terminal: what it wrote, how it ended, whether the terminal is as it was.
fn on_terminal(command: Command, steps: &Value, arguments: &[&str]) -> Value {
    words_on_terminal(command, steps, &[&[RAWSOCK], arguments].concat())
}

fn words_on_terminal(mut command: Command, steps: &Value, words: &[&str]) -> Value {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/on_terminal.py");
    let output = run(command.args([script, &steps.to_string()]).args(words));
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", text_of(&output)))
}

const WATCH: [&str; 5] = ["trace", "--watch", "--interval", "0.2", "10.9.3.2"];

#[test]
fn keys_pause_reset_explain_and_end_the_live_view() {
    let Some(chain) = Chain::of(3) else { return };
    let steps = json!([
        ["round 3", "?"],
        ["forget what was found", "?"],
        ["10.9.3.2", "p"],
        ["paused", "r"],
        ["Loss%", "p"],
        ["10.9.2.2", "q"],
        ["Loss%", "nothing"],
    ]);
    let told = on_terminal(chain.command(0, "python3"), &steps, &WATCH);
    assert_eq!(told["missed"], json!([]), "{told}");
    assert_eq!((&told["status"], &told["restored"]), (&0.into(), &true.into()), "{told}");
    let output = told["output"].as_str().unwrap();
    let (enter, leave) = (output.find("\u{1b}[?1049h").unwrap(), output.find("\u{1b}[?1049l").unwrap());
    assert!(enter < leave && output.contains("\u{1b}[?25h"), "{output:?}");
    let report = output.get(leave..).unwrap();
    assert!(report.contains("  3. 10.9.3.2"), "the report follows: {report:?}");
}

#[test]
fn the_terminal_comes_back_on_every_way_out() {
    let Some(chain) = Chain::of(3) else { return };
    for way_out in ["\u{3}", "\u{1b}", "signal:SIGINT", "signal:SIGTERM", "signal:SIGHUP", "signal:SIGQUIT"] {
        let told = on_terminal(chain.command(0, "python3"), &json!([["10.9.3.2", way_out]]), &WATCH);
        assert_eq!(told["restored"], true, "{way_out:?}: {told}");
        let output = told["output"].as_str().unwrap();
        assert!(output.contains("\u{1b}[?1049l") && output.contains("\u{1b}[?25h"), "{way_out:?}: {told}");
        assert_eq!(told["status"], 0, "{way_out:?}: {told}");
    }
    // Rounds that are counted end by themselves; nobody who answers is no reason to leave the terminal as it is.
    let counted = [&WATCH[..], &["-c", "2"]].concat();
    let told = on_terminal(chain.command(0, "python3"), &json!([]), &counted);
    assert_eq!((&told["status"], &told["restored"]), (&0.into(), &true.into()), "{told}");
    chain.rules(0, "ip", "output", "ip protocol udp drop");
    let told = on_terminal(chain.command(0, "python3"), &json!([]), &WATCH);
    assert_eq!((&told["status"], &told["restored"]), (&2.into(), &true.into()), "{told}");
    assert!(told["output"].as_str().unwrap().contains("firewall forbids it"), "{told}");
}

/// A shell has it stop and go on: in a group of its own, which is not orphaned, so that the kernel does stop it.
#[test]
fn ctrl_z_stops_the_live_view_and_gives_the_terminal_back_until_it_goes_on() {
    let Some(chain) = Chain::of(3) else { return };
    let shell = r#"set -m; "$@"; printf '\033[2Jstopped by %s ' $(kill -l $?); stty -a | grep -o '.icanon'; read -r; fg"#;
    let words = [&["bash", "-c", shell, "bash", RAWSOCK], &WATCH[..]].concat();
    let steps = json!([["10.9.3.2", "\u{1a}"], ["stopped by TSTP  icanon", "\r"], ["Loss%", "q"]]);
    let told = words_on_terminal(chain.command(0, "python3"), &steps, &words);
    assert_eq!((&told["missed"], &told["status"]), (&json!([]), &0.into()), "{told}");
    let output = told["output"].as_str().unwrap();
    assert_eq!(output.matches("\u{1b}[?1049h").count(), 2, "{output:?}");
    assert_eq!(output.matches("\u{1b}[?1049l").count(), 2, "{output:?}");
    // A terminal that is asked where its cursor is may not answer, as this one does not.
    assert!(!output.contains("\u{1b}[6n"), "{output:?}");
}

#[test]
fn without_a_terminal_the_live_view_says_so() {
    let Some(chain) = Chain::of(1) else { return };
    let output = chain.trace(&["--watch", "10.9.1.2"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text_of(&output).contains("needs a terminal"), "{}", text_of(&output));
    for (arguments, words) in [
        (&["-c", "0", "h"][..], "invalid value"),
        (&["-c", "3", "--interval", "0.1", "h"], "200ms or more"),
        (&["--watch", "--json", "h"], "cannot be used with"),
        (&["--mtu", "-T", "h"], "cannot be used with"),
    ] {
        let output = chain.trace(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(text_of(&output).contains(words), "{arguments:?}: {}", text_of(&output));
    }
}
