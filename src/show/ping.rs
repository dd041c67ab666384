//! The lines of `ping`, word for word as iputils prints them, so that scripts that parse ping's output keep working.

use std::borrow::Cow;
use std::fmt::{self, Write};
use std::net::IpAddr;

use crate::exchange::engine::Nanos;
use crate::exchange::ping::ledger::PacketClass;
use crate::exchange::ping::sample::Sample;
use crate::exchange::ping::told::{Answer, Route};
use crate::exchange::ping::{Damage, Event, Ping, Reply, Target};
use crate::show::text::push_printable;

/// The line that a target's pings begin with; `size` is octets of payload and of options in
/// the IPv4 header, `from` what `-I` says: an interface, or nothing for an address.
pub fn head(
    out: &mut String,
    target: &Target,
    (size, options): (usize, usize),
    from: Option<&str>,
) -> fmt::Result {
    let Target { name, address, source, .. } = target;
    match address {
        IpAddr::V4(_) => write!(out, "PING {name} ({address}) ")?,
        IpAddr::V6(_) => write!(out, "PING {name}({}) ", named(name, *address))?,
    }
    if let Some(interface) = from {
        write!(out, "from {source} ")?;
        push_printable(out, interface);
        out.push_str(": ");
    }
    match address {
        IpAddr::V4(_) => writeln!(out, "{size}({}) bytes of data.", size + options + 28),
        IpAddr::V6(_) => writeln!(out, "{size} data bytes"),
    }
}

/// How events are told.
#[derive(Debug, Clone, Copy, Default)]
pub struct EventStyle {
    /// With the time before each (`-D`).
    pub stamp: bool,
    /// With whose stamps each round trip is told by (`-v`).
    pub sources: bool,
    /// With the parts of each round trip.
    pub anatomy: bool,
    /// With the requests that nothing came to (`-O`).
    pub outstanding: bool,
}

/// The line of an event, where it has one.
pub fn event(out: &mut String, ping: &Ping, event: &Event, style: EventStyle) -> fmt::Result {
    let (target, wall) = match event {
        Event::Reply(reply) => (reply.target, reply.wall),
        Event::Error { target, wall, .. }
        | Event::Dropped { target, wall, .. }
        | Event::LeavesAgain { target, wall, .. } => (*target, *wall),
        Event::Lost { target, wall, .. } if style.outstanding => (*target, *wall),
        Event::Lost { .. } | Event::Stray { .. } => return Ok(()),
    };
    let Some(target) = ping.targets().get(target) else { return Ok(()) };
    if matches!(event, Event::Dropped { is_news: false, .. }) {
        return Ok(());
    }
    if style.stamp {
        let micros = wall.div_euclid(1000);
        write!(out, "[{}.{:06}] ", micros.div_euclid(1_000_000), micros.rem_euclid(1_000_000))?;
    }
    match event {
        Event::Reply(reply) => reply_lines(out, ping, target, reply, style),
        Event::Error { seq, from, text, .. } => {
            writeln!(out, "From {} icmp_seq={} {text}", who(target, *from), seq & 0xffff)
        }
        Event::Dropped { seq, text, .. } => {
            writeln!(out, "rawsock: icmp_seq={}: {text} (said once, further ones are counted)", seq & 0xffff)
        }
        Event::LeavesAgain { seq, .. } => {
            writeln!(out, "rawsock: icmp_seq={}: requests leave again", seq & 0xffff)
        }
        Event::Lost { seq, .. } => writeln!(out, "no answer yet for icmp_seq={}", seq & 0xffff),
        Event::Stray { .. } => Ok(()),
    }
}

fn reply_lines(
    out: &mut String,
    ping: &Ping,
    target: &Target,
    reply: &Reply,
    style: EventStyle,
) -> fmt::Result {
    let seq = reply.seq % ping.plan().request.window();
    write!(out, "{} bytes from {}: icmp_seq={seq}", reply.len, who(target, reply.from))?;
    if let Some(ttl) = reply.ttl {
        write!(out, " ttl={ttl}")?;
    }
    write!(out, " time={} ms", Milliseconds(reply.sample.rtt))?;
    out.write_str(match reply.class {
        PacketClass::Duplicate => " (DUP!)",
        PacketClass::Reordered => " (OUT OF ORDER)",
        PacketClass::Elsewhere => " (DIFFERENT ADDRESS!)",
        PacketClass::Forged => " (FORGED!)",
        _ => "",
    })?;
    if reply.late {
        out.write_str(" (LATE)")?;
    }
    if style.sources {
        write!(out, " ({} to {})", reply.sample.left.name(), reply.sample.came.name())?;
    }
    if let Some(by) = reply.sample.clock {
        write!(out, " (the clock moved by {} s meanwhile)", seconds(by))?;
    }
    match reply.damage {
        None | Some(Damage::Tag) => writeln!(out)?,
        Some(Damage::Checksum) => writeln!(out, " (BAD CHECKSUM!)")?,
        Some(Damage::Octet { at, sent, came }) => {
            writeln!(out, "\nwrong data byte #{at} should be 0x{sent:x} but was 0x{came:x}")?;
        }
        Some(Damage::Length { sent, came }) => {
            writeln!(
                out,
                " ({} of {sent} payload octets)",
                if came < sent { "only ".to_owned() + &came.to_string() } else { came.to_string() }
            )?;
        }
    }
    if let Some(answer) = &reply.told.answer {
        answer_line(out, answer)?;
    }
    reply.told.route.iter().try_for_each(|route| route_lines(out, route))?;
    if style.anatomy { legs_line(out, &reply.sample) } else { Ok(()) }
}

fn answer_line(out: &mut String, answer: &Answer) -> fmt::Result {
    match answer {
        Answer::Timestamps { originate, receive, transmit } => {
            let [tso, tsr, tst] = [*originate, *receive, *transmit].map(TimeOfDay);
            writeln!(out, "    sent {tso}, received there {tsr}, answered {tst}")
        }
        Answer::Interface { code: 0, state, is_active, has_ipv4, has_ipv6 } => {
            out.push_str(if *is_active { "    active" } else { "    not active" });
            for (has, name) in [(has_ipv4, ", IPv4"), (has_ipv6, ", IPv6")] {
                out.push_str(if *has { name } else { "" });
            }
            match state {
                0 => writeln!(out),
                state => writeln!(out, ", state of the neighbour {state}"),
            }
        }
        Answer::Interface { code, .. } => {
            // RFC 8335 §3.
            let words = match code {
                1 => "the query is malformed",
                2 => "no such interface",
                3 => "no such table entry",
                4 => "several interfaces are so",
                _ => "no answer to the query",
            };
            writeln!(out, "    {words}")
        }
    }
}

/// Routes as iputils prints them.
fn route_lines(out: &mut String, route: &Route) -> fmt::Result {
    let lead = |out: &mut String, first: &str, at: usize| {
        out.push_str(if at == 0 { first } else { "\t" });
    };
    match route {
        Route::Addresses(addresses) => {
            for (at, address) in addresses.iter().enumerate() {
                lead(out, "RR: \t", at);
                writeln!(out, "{address}")?;
            }
            writeln!(out)
        }
        Route::Stamps { stamps, overflow } => {
            for (at, (address, time)) in stamps.iter().enumerate() {
                lead(out, "TS: \t", at);
                if let Some(address) = address {
                    write!(out, "{address}\t")?;
                }
                writeln!(out, "{}", TimeOfDay(*time))?;
            }
            if *overflow > 0 {
                writeln!(out, "Unrecorded hops: {overflow}")?;
            }
            writeln!(out)
        }
    }
}

/// Where a round trip was spent.
fn legs_line(out: &mut String, sample: &Sample) -> fmt::Result {
    let legs = [
        ("application to queue", sample.legs.stack),
        ("queue to driver", sample.legs.queue),
        ("wire and peer", sample.legs.wire),
        ("kernel to application", sample.legs.wakeup),
    ];
    out.push_str("    ");
    for (at, (name, time)) in legs.iter().enumerate() {
        out.push_str(if at == 0 { "" } else { ", " });
        match time {
            Some(time) => write!(out, "{name} {}", Microseconds(*time))?,
            None => write!(out, "{name} unknown")?,
        }
    }
    writeln!(out)
}

/// Who answers: by the name that the user gave, when it is the address behind it.
pub(super) fn who(target: &Target, from: IpAddr) -> String {
    match (from == target.address, from, scoped(&target.name)) {
        (true, ..) => named(&target.name, from).into_owned(),
        // It came by the link that was asked (RFC 4007 §6).
        (false, IpAddr::V6(address), Some((_, zone))) if address.is_unicast_link_local() => {
            format!("{from}%{zone}")
        }
        _ => from.to_string(),
    }
}

/// The parts of an address with its zone (RFC 4007 §11).
fn scoped(name: &str) -> Option<(IpAddr, &str)> {
    let (address, zone) = name.split_once('%')?;
    Some((address.parse().ok()?, zone))
}

/// `name (address)`, or the address alone when that is its name, with its zone or without.
pub(super) fn named(name: &str, address: IpAddr) -> Cow<'_, str> {
    match name.parse() == Ok(address) || scoped(name).is_some_and(|(bare, _)| bare == address) {
        true => name.into(),
        false => format!("{name} ({address})").into(),
    }
}

/// A round trip in milliseconds with the places that `ping` gives it.
pub(super) struct Milliseconds(pub(super) Nanos);

impl fmt::Display for Milliseconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = self.0 / 1000;
        match micros {
            100_000.. => write!(f, "{}", micros / 1000),
            10_000.. => write!(f, "{}.{}", micros / 1000, micros % 1000 / 100),
            1000.. => write!(f, "{}.{:02}", micros / 1000, micros % 1000 / 10),
            _ => write!(f, "0.{micros:03}"),
        }
    }
}

pub(super) fn three_places(nanos: Nanos) -> String {
    let micros = nanos / 1000;
    format!("{}.{:03}", micros / 1000, micros % 1000)
}

/// A percentage as C's `%g` writes it: six significant digits, no zeros at the end.
pub(crate) fn short(percent: f64) -> String {
    let whole_digits = if percent >= 100.0 { 3 } else { 2 - usize::from(percent < 10.0) };
    let text = format!("{percent:.*}", 6 - whole_digits);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Nanoseconds in microseconds with their unit.
pub(super) struct Microseconds(pub(super) Nanos);

impl fmt::Display for Microseconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}.{} µs", self.0 / 1000, self.0 % 1000 / 100))
    }
}

/// Milliseconds since midnight UT; with the uppermost bit, a time of another kind (RFC 792).
struct TimeOfDay(u32);

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0;
        if millis >> 31 != 0 {
            return write!(f, "0x{millis:08x} (not since midnight)");
        }
        let (hours, minutes) = (millis / 3_600_000, millis / 60_000 % 60);
        write!(f, "{hours:02}:{minutes:02}:{:02}.{:03} UT", millis / 1000 % 60, millis % 1000)
    }
}

/// Nanoseconds as seconds with their sign.
fn seconds(nanos: i64) -> String {
    format!("{:+.6}", nanos as f64 / 1e9)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_the_places_that_ping_gives_them() {
        let text = |micros: u64| Milliseconds(micros * 1000).to_string();
        assert_eq!([text(55), text(1234), text(12_345), text(123_456)], ["0.055", "1.23", "12.3", "123"]);
    }

    #[test]
    fn percentages_are_as_short_as_pings() {
        assert_eq!([0.0, 25.0, 100.0 / 3.0, 100.0, 0.5].map(short), ["0", "25", "33.3333", "100", "0.5"]);
    }
}
