//! What became of the packets of a trace, in words for a file's comments.

use std::fmt::Write;

use super::trace::{Milliseconds, annotation, change_words};
use crate::exchange::trace::{
    Answer, Answering, Change, Ended, Fate, Reach, Trace, TraceFrame, TracePlan, Verdict,
};

/// How probes are called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Called {
    /// By their hop: there is one trace.
    Hops,
    /// By the round of a trace that goes many times.
    Rounds,
    /// By their flow.
    Flows,
    /// By the length of their packets.
    Lengths,
}

/// What came of a probe.
pub fn ended(plan: &TracePlan, one: &Ended, called: Called) -> String {
    let Ended { number, round, flow, hop, query, len, .. } = one;
    let mut out = match called {
        Called::Hops => format!("hop {hop}, probe {query}: "),
        Called::Rounds => format!("probe {number}, round {round}, hop {hop}: "),
        Called::Flows => format!("flow {flow}, hop {hop}, probe {query}: "),
        Called::Lengths => format!("probe {number}, {len} octets to hop {hop}: "),
    };
    match &one.fate {
        Fate::Answered(answer) => answered(&mut out, plan, answer),
        Fate::Silent => out.push_str("no answer"),
        Fate::Beyond => out.push_str("not waited for, the way ends before this hop"),
        Fate::Open => out.push_str("waited for when the run ended"),
    }
    out
}

fn answered(out: &mut String, plan: &TracePlan, answer: &Answer) {
    said(out, plan, answer.verdict);
    let _ = write!(out, " from {} after {} ms", answer.from, Milliseconds(answer.rtt));
    if answer.is_late {
        out.push_str(", when it was given up");
    }
    changes(out, &answer.changes);
}

/// What a frame is that is no probe: it says so itself. Where there are many traces, probes are called by their numbers, and what was changed
/// on the way stands with the probe.
pub fn frame(plan: &TracePlan, frame: &TraceFrame, called: Called) -> Option<String> {
    let Answering { probe, from, verdict, changes: changed } = match frame {
        TraceFrame::Probe(_) => return None,
        TraceFrame::Reset => {
            return Some("the kernel's reset, which takes down what a probe had half open".to_owned());
        }
        TraceFrame::Answer(answering) => answering,
    };
    let mut out = match (probe, called) {
        (None, _) => "an answer, which does not say to which probe: ".to_owned(),
        (Some(number), Called::Rounds | Called::Lengths) => format!("answers probe {number}: "),
        (Some(number), Called::Hops | Called::Flows) => {
            let (flow, hop) = (plan.flow_of(*number), plan.hop_of(*number));
            let query = number.saturating_sub(plan.probe_at(flow, hop, 0)).saturating_add(1);
            let flow = if called == Called::Flows { format!("flow {flow}, ") } else { String::new() };
            format!("answers {flow}hop {hop}, probe {query}: ")
        }
    };
    said(&mut out, plan, *verdict);
    let _ = write!(out, " from {from}");
    if matches!(called, Called::Hops | Called::Flows) {
        changes(&mut out, changed);
    }
    Some(out)
}

fn changes(out: &mut String, changes: &[Change]) {
    for change in changes {
        out.push_str("; ");
        let _ = change_words(out, change);
    }
}

fn said(out: &mut String, plan: &TracePlan, verdict: Verdict) {
    out.push_str(words(verdict));
    if let Some(mark) = annotation(plan, verdict) {
        out.push(' ');
        out.push_str(&mark);
    }
}

/// What a trace came to.
pub fn reached(trace: &Trace) -> String {
    let (destination, counts) = (trace.plan().destination, trace.counts());
    let (sent, answered) = (counts.sent, counts.answered);
    let end = match (trace.is_reached(), trace.reported()) {
        (true, Some(hop)) => format!("{destination} is reached at hop {hop}"),
        (true, None) => format!("{destination} is reached"),
        (false, Some(hop)) => format!("{destination} is not reached within {hop} hops"),
        (false, None) => format!("{destination} is not reached"),
    };
    format!("{end}; {sent} probes, {answered} answers\n")
}

fn words(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::TimeExceeded => "time exceeded",
        Verdict::Error { .. } => "error",
        Verdict::Reached(Reach::EchoReply) => "echo reply",
        Verdict::Reached(Reach::SynAck) => "SYN-ACK",
        Verdict::Reached(Reach::Reset) => "reset",
        Verdict::Reached(Reach::Data) => "data",
        Verdict::Reached(Reach::PortUnreachable) => "port unreachable",
    }
}
