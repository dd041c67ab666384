//! What a run of pings comes to: the block of `ping`, and below it where everything went.

use std::fmt::{self, Write};

use crate::exchange::engine::Nanos;
use crate::exchange::ping::ledger::{DropReason, Ledger, PacketClass, ProbeClass};
use crate::exchange::ping::statistics::{LegSpreads, Statistics};
use crate::exchange::ping::{Ping, Target, loss_percent};
use crate::show::ping::{Microseconds, short, three_places};
use crate::statistics::Spread;

/// The block that a target's pings end with.
pub fn summary(out: &mut String, target: &Target, ended: Nanos) -> fmt::Result {
    let ledger = &target.ledger;
    let (transmitted, received) = (target.transmitted(), ledger.answered());
    let errors = ledger.probes(ProbeClass::IcmpError).saturating_add(ledger.probes(ProbeClass::LocalDrop));
    writeln!(out, "\n--- {} ping statistics ---", target.name)?;
    write!(out, "{transmitted} packets transmitted, {received} received")?;
    for (count, what) in [
        (ledger.packets(PacketClass::Duplicate), "duplicates"),
        (ledger.packets(PacketClass::Damaged), "corrupted"),
        (ledger.packets(PacketClass::Forged), "forged"),
        (ledger.probes(ProbeClass::Late), "late"),
        (errors, "errors"),
    ] {
        if count > 0 {
            write!(out, ", +{count} {what}")?;
        }
    }
    if transmitted > 0 {
        let took = ended.saturating_sub(target.first_sent.unwrap_or(ended)) / 1_000_000;
        write!(out, ", {}% packet loss, time {took}ms", short(target.loss_percent()))?;
    }
    writeln!(out)?;
    if let Some(times) = target.times.round_trip() {
        let [min, avg, max, mdev] = [times.min, times.avg, times.max, times.mdev].map(three_places);
        writeln!(out, "rtt min/avg/max/mdev = {min}/{avg}/{max}/{mdev} ms")?;
    } else {
        writeln!(out)?;
    }
    Ok(())
}

/// How far a run is, in the words of `ping`.
pub fn so_far(ping: &Ping) -> String {
    let (ledger, times) = ping.totals();
    let sent = ping.targets().iter().map(Target::transmitted).sum::<u64>();
    let loss = loss_percent(sent, ledger.answered()) as u64;
    let mut text = format!("{}/{sent} packets, {loss}% loss", ledger.answered());
    if let (Some(round), Some(moving)) = (times.round_trip(), times.moving()) {
        let [min, avg, moving, max] = [round.min, round.avg, moving, round.max].map(three_places);
        text.push_str(&format!(", min/avg/ewma/max = {min}/{avg}/{moving}/{max} ms"));
    }
    text
}

/// Where every request and every packet went, and how round trips are spread: below the lines that `ping` prints.
pub fn ledger(out: &mut String, ledger: &Ledger, times: &Statistics) -> fmt::Result {
    if let Some(round) = times.round_trip().filter(|_| times.count() > 1) {
        let [p50, p90, p99, jitter] = [round.p50, round.p90, round.p99, round.jitter].map(three_places);
        writeln!(out, "rtt p50/p90/p99 = {p50}/{p90}/{p99} ms, jitter {jitter} ms")?;
    }
    let probes = ProbeClass::ALL.map(|class| (probe_words(class), ledger.probes(class)));
    sum(out, "probes", ledger.ended(), &probes, &reasons(ledger))?;
    let packets = PacketClass::ALL.map(|class| {
        let count = ledger.packets(class);
        (packet_words(class, count == 1), count)
    });
    sum(out, "packets", ledger.came(), &packets, "")?;
    for ((from, kind, code), count) in &ledger.errors {
        writeln!(out, "    {count} from {from}: type {kind} code {code}")?;
    }
    stamps(out, times)
}

/// `probes: 5 = 3 answered + 2 lost`.
fn sum(out: &mut String, name: &str, all: u64, parts: &[(&str, u64)], more: &str) -> fmt::Result {
    write!(out, "{name}: {all}")?;
    let mut sign = " =";
    for (words, count) in parts.iter().filter(|(_, count)| *count > 0) {
        write!(out, "{sign} {count} {words}")?;
        sign = " +";
    }
    writeln!(out, "{more}")
}

/// Why requests did not leave.
fn reasons(ledger: &Ledger) -> String {
    let reasons: Vec<String> = ledger
        .drops
        .iter()
        .map(|(reason, count): (&DropReason, &u64)| format!("{count} {}", reason.words()))
        .collect();
    if reasons.is_empty() { String::new() } else { format!(" ({})", reasons.join(", ")) }
}

/// Which round trips are told less exactly than the others.
fn stamps(out: &mut String, times: &Statistics) -> fmt::Result {
    if times.by_user > 0 {
        writeln!(
            out,
            "{} of {} round trips have a stamp by this program where the kernel had none",
            times.by_user,
            times.count()
        )?;
    }
    if times.clock_touched > 0 {
        writeln!(
            out,
            "{} round trips were under way when a clock was set or the host slept",
            times.clock_touched
        )?;
    }
    Ok(())
}

fn probe_words(class: ProbeClass) -> &'static str {
    match class {
        ProbeClass::Answered => "answered",
        ProbeClass::Late => "late",
        ProbeClass::Lost => "lost",
        ProbeClass::IcmpError => "ended by ICMP errors",
        ProbeClass::LocalDrop => "dropped by this host",
        ProbeClass::Unstamped => "sent but unstamped",
        ProbeClass::Unfinished => "unfinished",
    }
}

fn packet_words(class: PacketClass, is_one: bool) -> &'static str {
    match class {
        PacketClass::Answer if is_one => "answer",
        PacketClass::Answer => "answers",
        PacketClass::Reordered if is_one => "answer out of order",
        PacketClass::Reordered => "answers out of order",
        PacketClass::Duplicate if is_one => "duplicate",
        PacketClass::Duplicate => "duplicates",
        PacketClass::Damaged => "damaged",
        PacketClass::Forged => "forged",
        PacketClass::Elsewhere => "from other addresses",
        PacketClass::Error if is_one => "ICMP error",
        PacketClass::Error => "ICMP errors",
        PacketClass::Stray => "stray",
    }
}

/// Picks a part of the way.
type Leg = fn(&LegSpreads) -> &Spread;

/// Where round trips were spent, beside what the same takes on this host's own loopback interface.
pub fn anatomy(out: &mut String, legs: &LegSpreads, floor: Option<&LegSpreads>) -> fmt::Result {
    write!(out, "{:24}{:>12}{:>12}{:>12}", "anatomy", "min", "p50", "p99")?;
    writeln!(out, "{}", if floor.is_some() { "   loopback p50" } else { "" })?;
    let rows: [(&str, Leg); 4] = [
        ("application to queue", |legs| &legs.stack),
        ("queue to driver", |legs| &legs.queue),
        ("wire and peer", |legs| &legs.wire),
        ("kernel to application", |legs| &legs.wakeup),
    ];
    for (name, of) in rows {
        let times = of(legs);
        write!(out, "{name:24}")?;
        for time in [times.least(), times.quantile(500), times.quantile(990)] {
            match times.count {
                0 => write!(out, "{:>12}", "unknown")?,
                _ => write!(out, "{:>12}", Microseconds(time))?,
            }
        }
        match floor.map(of).filter(|floor| floor.count > 0) {
            Some(floor) => writeln!(out, "{:>15}", Microseconds(floor.quantile(500)))?,
            None => writeln!(out)?,
        }
    }
    Ok(())
}
