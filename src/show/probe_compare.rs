//! Ways of asking side by side as a table, and what they come to; what a search for an option or field came to.

use std::fmt::Write;

use crate::exchange::engine::Stamp;
use crate::exchange::probe::bisect::{Found, Tried};
use crate::exchange::probe::compare::{Class, Comparison, Row};
use crate::exchange::probe::verdict::Judgement;
use crate::exchange::probe::{EndPoint, Way, routers};

use super::probe::{Millis, icmp_words, options, reset_name};

/// The table, and behind it what it comes to.
pub fn table(
    end_point: &EndPoint,
    comparison: &Comparison,
    name_of: &dyn Fn(Way) -> String,
    judgements: &[Judgement],
    rule: Option<&str>,
) -> String {
    let mut out = format!("compare tcp {}", end_point.address);
    if let Some(mtu) = comparison.path_mtu {
        let _ = write!(out, ", MTU of the way {mtu}");
    }
    out.push('\n');
    let head = ["", "state", "of", "RTT ms", "by", "TTL", "MSS", "window", "options"].map(str::to_owned);
    let mut rows = vec![head];
    rows.extend(
        comparison.rows().iter().filter(|row| !row.outcomes.is_empty()).map(|row| cells(row, name_of)),
    );
    out.push_str(&aligned(&rows));
    let plain = comparison.rows().iter().find(|row| row.way == Way::Connect);
    if let Some(negotiated) = plain.and_then(Row::negotiated) {
        let _ = writeln!(out, "connect(): {}", super::probe::connection(negotiated));
    }
    for (place, judgement) in judgements.iter().enumerate() {
        let head = if place == 0 { "verdict" } else { "also" };
        let _ = writeln!(out, "{head}: {} ({})", judgement.cause.words(), judgement.evidence);
    }
    if let Some(rule) = rule {
        let _ = writeln!(out, "rule: {rule}");
    }
    out
}

fn cells(row: &Row, name_of: &dyn Fn(Way) -> String) -> [String; 9] {
    let class = row.class();
    let nothing = || "-".to_owned();
    let segment = row.segment();
    let state = match &class {
        Class::Open if matches!(row.way, Way::Syn(_)) => "open, SYN-ACK".to_owned(),
        Class::Open if matches!(row.way, Way::Echo { .. }) => "answered".to_owned(),
        Class::Open => "open".to_owned(),
        Class::Closed => format!("closed, {}", segment.map_or("reset", reset_name)),
        Class::Icmp(..) => {
            let by = row.outcomes.iter().find_map(|outcome| outcome.verdict.icmp());
            by.map_or_else(nothing, |by| icmp_words(&by))
        }
        Class::Silent => "no answer".to_owned(),
        Class::Forbidden => "EPERM at once".to_owned(),
        Class::Failed => "not asked".to_owned(),
        Class::Mixed => "mixed".to_owned(),
    };
    let (rtt, by) = match row.rtt() {
        Some((rtt, stamps)) => (Millis(rtt).to_string(), stamps_of(stamps)),
        None => (nothing(), nothing()),
    };
    let ttl = row.seen().and_then(|seen| seen.ttl);
    let ttl = ttl.map_or_else(nothing, |ttl| format!("{ttl} ({})", routers(ttl)));
    let mss = segment.and_then(|segment| segment.option("mss")).map_or_else(nothing, |mss| mss.to_string());
    let mss = row.negotiated().map_or(mss, |negotiated| format!("snd {}", negotiated.snd_mss));
    [
        name_of(row.way),
        state,
        format!("{}/{}", row.answered(), row.outcomes.len()),
        rtt,
        by,
        ttl,
        mss,
        segment.map_or_else(nothing, |segment| segment.window.to_string()),
        segment.map(options).filter(|options| !options.is_empty()).unwrap_or_else(nothing),
    ]
}

fn stamps_of((left, came): (Stamp, Stamp)) -> String {
    if left == came { left.name().to_owned() } else { format!("{}, {}", left.name(), came.name()) }
}

/// Columns as wide as their widest cell; the last one as it is.
fn aligned<const N: usize>(rows: &[[String; N]]) -> String {
    let mut widths = [0; N];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut out = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(widths) {
            let _ = write!(line, "{cell:width$}  ");
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// What a search came to.
pub fn bisect(
    end_point: &EndPoint,
    found: &Found,
    tried: &[Tried],
    (packets, tries): (usize, u64),
    verbose: bool,
) -> String {
    let mut out = format!("bisect tcp {}: {packets} SYNs, {tries} of each shape\n", end_point.address);
    if verbose {
        for tried in tried {
            let _ = writeln!(out, "  {:10} {}", state(&tried.class), tried.name);
        }
    }
    let _ = match found {
        Found::Alike(class) => writeln!(
            out,
            "verdict: both shapes get the same ({}): there is nothing that makes a difference",
            state(class)
        ),
        Found::Unsteady => {
            writeln!(
                out,
                "verdict: answers are not always the same, or some SYNs could not be sent: nothing can be told"
            )
        }
        Found::Single { from, edits } => {
            let _ = writeln!(out, "the kernel's SYN: {}", state(from));
            for (edit, to) in edits {
                let _ = writeln!(out, "  {edit}: {}", state(to));
            }
            let names: Vec<String> = edits.iter().map(|(edit, _)| edit.to_string()).collect();
            writeln!(out, "verdict: the answer flips {}", names.join(", or "))
        }
        Found::Together { from, edits, to } => {
            let names: Vec<String> = edits.iter().map(ToString::to_string).collect();
            writeln!(
                out,
                "the kernel's SYN: {}\nverdict: only together they make the difference: {}: {}",
                state(from),
                names.join(", "),
                state(to)
            )
        }
        Found::Unnamed { from, to } => writeln!(
            out,
            "verdict: the kernel's SYN: {}, the other one: {}; none of the changes that were tried makes that difference",
            state(from),
            state(to)
        ),
    };
    out
}

fn state(class: &Class) -> &'static str {
    match class {
        Class::Open => "SYN-ACK",
        Class::Closed => "reset",
        Class::Icmp(..) => "ICMP error",
        Class::Silent => "no answer",
        Class::Forbidden => "EPERM",
        Class::Failed => "not asked",
        Class::Mixed => "mixed",
    }
}
