//! The lines of probe: what a port is, how long it took, and what the answer looked like.

use std::fmt::Write;

use crate::exchange::engine::{Nanos, Stamp};
use crate::exchange::moment::Moment;
use crate::exchange::probe::{
    EndPoint, Finished, IcmpReason, Negotiated, Outcome, Seen, Segment, Strays, Times, Verdict, Way, routers,
};
use crate::show::text::push_printable;

/// How much is told of each probe.
#[derive(Debug, Clone, Copy, Default)]
pub struct Detail {
    /// Whose stamps the times are, and what TCP negotiated.
    pub verbose: bool,
    /// Where the time went.
    pub anatomy: bool,
    /// A service was asked in its own words: what it said first is shown.
    pub talk: bool,
}

/// The name of a transport in lines and in JSON.
pub fn transport(way: Way) -> &'static str {
    match way {
        Way::Connect | Way::ConnectAs(_) | Way::Syn(_) => "tcp",
        Way::Datagram | Way::RawDatagram => "udp",
        Way::Echo { .. } => "icmp",
    }
}

/// The lines of a probe.
pub fn lines(end_point: &EndPoint, probe: &Finished, detail: Detail) -> String {
    let Finished { question, outcome } = probe;
    let mut out = format!("{} {}", transport(question.way), end_point.address);
    if end_point.host != end_point.address.ip().to_string() {
        out.push_str(" (");
        push_printable(&mut out, &end_point.host);
        out.push(')');
    }
    let _ = write!(out, ": {}, {} ms", words(question.way, outcome), Millis(outcome.times.rtt()));
    if question.way.is_raw()
        && let Some(seen) = &outcome.seen
        && outcome.verdict.icmp().is_none()
    {
        let _ = write!(out, ", {}", looks(seen));
    }
    out.push('\n');
    if detail.talk
        && let Verdict::Open { answer } = &outcome.verdict
        && !answer.is_empty()
    {
        let _ = writeln!(out, "    it says: {}", first_octets(answer));
    }
    if detail.verbose {
        out.push_str(&more(outcome));
    }
    if detail.anatomy {
        let _ = writeln!(out, "    {}", anatomy(&outcome.times));
    }
    out
}

/// What is to be said of a probe beside its packet; `name` is how it was asked.
pub fn comment(name: &str, probe: &Finished) -> String {
    let Finished { question, outcome } = probe;
    let mut out = format!("probe {}, {name}: {}", question.id, words(question.way, outcome));
    if !matches!(outcome.verdict, Verdict::NoAnswer | Verdict::Failed { .. }) {
        let (left, came) = outcome.times.stamps();
        let _ = write!(out, ", {} ms, ", Millis(outcome.times.rtt()));
        let _ = match (left, came) {
            (Stamp::TcpInfo, _) => write!(out, "by TCP_INFO"),
            (left, came) => write!(out, "{} to {}", left.name(), came.name()),
        };
    }
    out
}

/// A verdict in words.
pub fn words(way: Way, outcome: &Outcome) -> String {
    let segment = outcome.seen.as_ref().and_then(|seen| seen.segment.as_ref());
    match &outcome.verdict {
        Verdict::Open { answer } if way.is_udp() => format!("open, {} octets answered", answer.len()),
        Verdict::Open { answer } => match (outcome.fulfilled, segment) {
            (Some(true), _) => format!("open, said what was expected within {} octets", answer.len()),
            (Some(false), _) => {
                format!("open, but did not say what was expected ({} octets came)", answer.len())
            }
            (None, Some(_)) => "open (SYN-ACK)".to_owned(),
            (None, None) if matches!(way, Way::Echo { .. }) => "answered".to_owned(),
            (None, None) => "open".to_owned(),
        },
        Verdict::Closed { by: None } => match segment {
            Some(segment) => format!("closed ({})", reset_name(segment)),
            None => "closed (reset)".to_owned(),
        },
        Verdict::Closed { by: Some(by) } => format!("closed ({})", icmp_words(by)),
        Verdict::Unreachable { by: Some(by), .. } => format!("unreachable ({})", icmp_words(by)),
        Verdict::Unreachable { by: None, reason } => format!("unreachable ({reason})"),
        Verdict::NoAnswer if way.is_udp() => {
            "no answer: open|filtered (open without an answer, or filtered)".to_owned()
        }
        Verdict::NoAnswer => "no answer: filtered, or nobody there".to_owned(),
        Verdict::Failed { reason, .. } => format!("not asked: {reason}"),
    }
}

/// A reset that acknowledges the SYN, as hosts send it, or one that does not.
pub fn reset_name(segment: &Segment) -> &'static str {
    if segment.flags.contains('.') { "RST-ACK" } else { "RST without ACK" }
}

/// An ICMP error with whoever sent it.
pub fn icmp_words(by: &IcmpReason) -> String {
    let name = if by.is_v6 { "ICMPv6" } else { "ICMP" };
    let words = by.words().map_or_else(|| format!("type {} code {}", by.kind, by.code), str::to_owned);
    match by.from {
        Some(from) => format!("{name} {words} from {from}"),
        None => format!("{name} {words}"),
    }
}

/// What an answer looked like.
fn looks(seen: &Seen) -> String {
    let mut parts = Vec::new();
    if let Some(ttl) = seen.ttl {
        parts.push(format!("ttl {ttl} ({})", hops(ttl)));
    }
    if let Some(id) = seen.ip_id {
        parts.push(format!("id {id}"));
    }
    if let Some(segment) = &seen.segment {
        parts.push(format!("win {}", segment.window));
        if !segment.options.is_empty() {
            parts.push(format!("options [{}]", options(segment)));
        }
    }
    parts.join(", ")
}

/// A guess at how far away whoever answers is.
pub fn hops(ttl: u8) -> String {
    match routers(ttl) {
        0 => "no router passed".to_owned(),
        1 => "1 router passed".to_owned(),
        more => format!("{more} routers passed"),
    }
}

/// Options in tcpdump's words.
pub fn options(segment: &Segment) -> String {
    let mut out = String::new();
    for (name, number) in &segment.options {
        let glue = if out.is_empty() { "" } else { "," };
        let number = number.map(|number| format!(" {number}")).unwrap_or_default();
        let _ = match name.as_str() {
            "sack_perm" => write!(out, "{glue}sackOK"),
            "timestamp.tsval" => write!(out, "{glue}TS val{number}"),
            "timestamp.tsecr" => write!(out, " ecr{number}"),
            other => write!(out, "{glue}{other}{number}"),
        };
    }
    out
}

fn more(outcome: &Outcome) -> String {
    let (left, came) = outcome.times.stamps();
    let mut out = format!("    left: {} stamp, came: {} stamp", left.name(), came.name());
    if let Some(local) = outcome.local {
        let _ = write!(out, ", from {local}");
    }
    out.push('\n');
    if let Some(negotiated) = &outcome.negotiated {
        let _ = writeln!(out, "    {}", connection(negotiated));
    }
    out
}

/// What TCP negotiated.
pub fn connection(negotiated: &Negotiated) -> String {
    let Negotiated { snd_mss, advmss, path_mtu, window_scales, timestamps, sack, ecn, .. } = negotiated;
    let mut out = format!(
        "TCP_INFO: rtt {} ms ± {}, snd_mss {snd_mss}, advmss {advmss}, path MTU {path_mtu}",
        Millis(u64::from(negotiated.rtt_us).saturating_mul(1000)),
        Millis(u64::from(negotiated.rtt_var_us).saturating_mul(1000)),
    );
    match window_scales {
        Some((theirs, ours)) => {
            let _ = write!(out, ", wscale {theirs} of theirs, {ours} of ours");
        }
        None => out.push_str(", no wscale"),
    }
    for (is_used, name) in [(timestamps, "timestamps"), (sack, "sack"), (ecn, "ecn")] {
        let _ = write!(out, ", {}{name}", if *is_used { "" } else { "no " });
    }
    if negotiated.retransmits > 0 {
        let _ = write!(out, ", {} sent again", negotiated.retransmits);
    }
    out
}

/// Where the time went, as far as the kernel's stamps tell.
fn anatomy(times: &Times) -> String {
    let not_stamped = || "not stamped".to_owned();
    let time = |took: Nanos| format!("{} ms", Millis(took));
    let at = |moment: Option<Moment>| moment.map(|moment| moment.at);
    let part = |from: Option<Nanos>, to: Option<Nanos>| match (from, to) {
        (Some(from), Some(to)) => time(to.saturating_sub(from)),
        _ => not_stamped(),
    };
    format!(
        "call to queue {}, queue to driver {}, wire and host {}, kernel to program {}",
        part(Some(times.asked), at(times.queued)),
        part(at(times.queued), at(times.left)),
        times.left.zip(times.came).map_or_else(not_stamped, |(left, came)| time(left.until(came))),
        part(at(times.came), Some(times.read)),
    )
}

/// The first octets of an answer, as text that can do no harm.
fn first_octets(answer: &[u8]) -> String {
    const SHOWN: usize = 72;
    let shown: String = answer
        .iter()
        .take(SHOWN)
        .flat_map(|octet| std::ascii::escape_default(*octet))
        .map(char::from)
        .collect();
    if answer.len() > SHOWN { shown + "…" } else { shown }
}

/// What came beside the answers.
pub fn strays(strays: &Strays) -> String {
    let Strays { duplicates, late, forged, damaged } = strays;
    format!("beside answers came {duplicates} duplicates, {late} late, {forged} forged, {damaged} damaged")
}

/// Nanoseconds as milliseconds with three decimals.
#[derive(Debug, Clone, Copy)]
pub struct Millis(pub Nanos);

impl std::fmt::Display for Millis {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let micros = self.0.saturating_add(500) / 1000;
        f.pad(&format!("{}.{:03}", micros / 1000, micros % 1000))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_in_the_words_of_tcpdump() {
        let option = |name: &str, number| (name.to_owned(), number);
        let options_of = vec![
            option("mss", Some(1460)),
            option("sack_perm", None),
            option("timestamp.tsval", Some(5)),
            option("timestamp.tsecr", Some(6)),
            option("nop", None),
            option("wscale", Some(7)),
        ];
        let segment = Segment { flags: "S.".to_owned(), seq: 0, ack: 1, window: 5, options: options_of };
        assert_eq!(options(&segment), "mss 1460,sackOK,TS val 5 ecr 6,nop,wscale 7");
        assert_eq!(reset_name(&segment), "RST-ACK");
    }

    #[test]
    fn what_a_service_says_moves_no_cursor() {
        assert_eq!(first_octets(b"\x1b[2Jhi\n"), "\\x1b[2Jhi\\n");
        assert_eq!(format!("{:>8}", Millis(1_234_500)), "   1.235");
    }
}
