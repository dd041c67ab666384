//! The lines of `ping`, word for word as iputils prints them, so that scripts that parse ping's output keep working; and
//! the same as JSON.

use std::fmt::{self, Write};
use std::net::IpAddr;

use crate::exchange::engine::Nanos;
use crate::exchange::ping::statistics::Statistics;
use crate::exchange::ping::{Damage, Event, Ping, Reply, Target};
use crate::show::text::{push_json_string, push_printable};

/// The line that a target's pings begin with; `from` is what `-I` says: an interface, or nothing for an address.
pub fn head(out: &mut String, target: &Target, size: usize, from: Option<&str>) -> fmt::Result {
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
        IpAddr::V4(_) => writeln!(out, "{size}({}) bytes of data.", size + 28),
        IpAddr::V6(_) => writeln!(out, "{size} data bytes"),
    }
}

/// The line of an event; `stamp` puts the time before it, as `ping -D` does.
pub fn event(out: &mut String, ping: &Ping, event: &Event, stamp: bool) -> fmt::Result {
    let (target, wall) = match event {
        Event::Reply(reply) => (reply.target, reply.wall),
        Event::Error { target, wall, .. } | Event::SendFailed { target, wall, .. } => (*target, *wall),
    };
    let Some(target) = ping.targets().get(target) else { return Ok(()) };
    if stamp {
        let micros = wall.div_euclid(1000);
        write!(out, "[{}.{:06}] ", micros.div_euclid(1_000_000), micros.rem_euclid(1_000_000))?;
    }
    match event {
        Event::Reply(reply) => reply_line(out, target, reply),
        Event::Error { seq, from, text, .. } => {
            writeln!(out, "From {} icmp_seq={} {text}", who(target, *from), seq & 0xffff)
        }
        Event::SendFailed { seq, reason, .. } => {
            writeln!(out, "rawsock: icmp_seq={}: {reason}", seq & 0xffff)
        }
    }
}

fn reply_line(out: &mut String, target: &Target, reply: &Reply) -> fmt::Result {
    write!(out, "{} bytes from {}: icmp_seq={}", reply.len, who(target, reply.from), reply.seq & 0xffff)?;
    if let Some(ttl) = reply.ttl {
        write!(out, " ttl={ttl}")?;
    }
    write!(out, " time={} ms", Milliseconds(reply.rtt))?;
    if reply.duplicate {
        out.write_str(" (DUP!)")?;
    }
    if reply.late {
        out.write_str(" (LATE)")?;
    }
    match reply.damage {
        None => writeln!(out),
        Some(Damage::Checksum) => writeln!(out, " (BAD CHECKSUM!)"),
        Some(Damage::Octet { at, sent: Some(sent), came: Some(came) }) => {
            writeln!(out, "\nwrong data byte #{at} should be 0x{sent:x} but was 0x{came:x}")
        }
        Some(Damage::Octet { at, .. }) => writeln!(out, " (truncated or longer from byte #{at} on)"),
    }
}

/// The block that a target's pings end with.
pub fn summary(out: &mut String, target: &Target, ended: Nanos) -> fmt::Result {
    let Statistics { transmitted, received, duplicates, damaged, late, errors, .. } = target.statistics;
    writeln!(out, "\n--- {} ping statistics ---", target.name)?;
    write!(out, "{transmitted} packets transmitted, {received} received")?;
    for (count, what) in
        [(duplicates, "duplicates"), (damaged, "corrupted"), (late, "late"), (errors, "errors")]
    {
        if count > 0 {
            write!(out, ", +{count} {what}")?;
        }
    }
    if transmitted > 0 {
        let took = ended.saturating_sub(target.first_sent.unwrap_or(ended)) / 1_000_000;
        write!(out, ", {}% packet loss, time {took}ms", short(target.statistics.loss_percent()))?;
    }
    writeln!(out)?;
    if let Some(times) = target.statistics.round_trip() {
        let [min, avg, max, mdev] = [times.min, times.avg, times.max, times.mdev].map(three_places);
        writeln!(out, "rtt min/avg/max/mdev = {min}/{avg}/{max}/{mdev} ms")?;
    } else {
        writeln!(out)?;
    }
    Ok(())
}

/// An event as a JSON line.
pub fn event_json(out: &mut String, ping: &Ping, event: &Event) -> fmt::Result {
    let (kind, index, seq, wall) = match event {
        Event::Reply(reply) => ("reply", reply.target, reply.seq, reply.wall),
        Event::Error { target, seq, wall, .. } => ("error", *target, *seq, *wall),
        Event::SendFailed { target, seq, wall, .. } => ("send_failed", *target, *seq, *wall),
    };
    let Some(target) = ping.targets().get(index) else { return Ok(()) };
    write!(
        out,
        "{{\"event\":\"{kind}\",\"host\":{},\"address\":\"{}\"",
        Quoted(&target.name),
        target.address
    )?;
    write!(
        out,
        ",\"seq\":{seq},\"time\":\"{}.{:09}\"",
        wall.div_euclid(1_000_000_000),
        wall.rem_euclid(1_000_000_000)
    )?;
    match event {
        Event::Reply(reply) => {
            write!(out, ",\"from\":\"{}\",\"len\":{},\"rtt_ns\":{}", reply.from, reply.len, reply.rtt)?;
            if let Some(ttl) = reply.ttl {
                write!(out, ",\"ttl\":{ttl}")?;
            }
            write!(out, ",\"duplicate\":{},\"late\":{}", reply.duplicate, reply.late)?;
            match reply.damage {
                None => {}
                Some(Damage::Checksum) => out.write_str(",\"damage\":{\"checksum\":\"bad\"}")?,
                Some(Damage::Octet { at, sent, came }) => {
                    write!(
                        out,
                        ",\"damage\":{{\"octet\":{at},\"sent\":{},\"came\":{}}}",
                        Maybe(sent),
                        Maybe(came)
                    )?;
                }
            }
        }
        Event::Error { from, text, kind: (kind, code), mtu, rtt, .. } => {
            write!(
                out,
                ",\"from\":\"{from}\",\"type\":{kind},\"code\":{code},\"text\":{},\"rtt_ns\":{rtt}",
                Quoted(text)
            )?;
            if let Some(mtu) = mtu {
                write!(out, ",\"mtu\":{mtu}")?;
            }
        }
        Event::SendFailed { reason, .. } => write!(out, ",\"text\":{}", Quoted(reason))?,
    }
    out.write_str("}\n")
}

/// A target's statistics as a JSON line.
pub fn summary_json(out: &mut String, target: &Target, ended: Nanos) -> fmt::Result {
    let Statistics { transmitted, received, duplicates, damaged, late, errors, .. } = target.statistics;
    write!(
        out,
        "{{\"event\":\"summary\",\"host\":{},\"address\":\"{}\"",
        Quoted(&target.name),
        target.address
    )?;
    write!(out, ",\"transmitted\":{transmitted},\"received\":{received},\"duplicates\":{duplicates}")?;
    write!(out, ",\"damaged\":{damaged},\"late\":{late},\"errors\":{errors}")?;
    write!(out, ",\"loss_percent\":{}", short(target.statistics.loss_percent()))?;
    let took = ended.saturating_sub(target.first_sent.unwrap_or(ended));
    write!(out, ",\"duration_ns\":{took}")?;
    if let Some(times) = target.statistics.round_trip() {
        let (min, avg, max, mdev) = (times.min, times.avg, times.max, times.mdev);
        write!(out, ",\"rtt_ns\":{{\"min\":{min},\"avg\":{avg},\"max\":{max},\"mdev\":{mdev}}}")?;
    }
    out.write_str("}\n")
}

/// Who answers: by the name that the user gave, when it is the address behind it.
fn who(target: &Target, from: IpAddr) -> String {
    if from == target.address { named(&target.name, from) } else { from.to_string() }
}

/// `name (address)`, or the address alone when that is its name.
fn named(name: &str, address: IpAddr) -> String {
    let address = address.to_string();
    if name == address { address } else { format!("{name} ({address})") }
}

/// A round trip in milliseconds with the places that `ping` gives it.
struct Milliseconds(Nanos);

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

fn three_places(nanos: Nanos) -> String {
    let micros = nanos / 1000;
    format!("{}.{:03}", micros / 1000, micros % 1000)
}

/// A percentage as C's `%g` writes it: six significant digits, no zeros at the end.
fn short(percent: f64) -> String {
    let whole_digits = if percent >= 100.0 { 3 } else { 2 - usize::from(percent < 10.0) };
    let text = format!("{percent:.*}", 6 - whole_digits);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A text as a JSON string.
struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        push_json_string(&mut text, self.0);
        f.write_str(&text)
    }
}

/// A number, or null.
struct Maybe(Option<u8>);

impl fmt::Display for Maybe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(number) => write!(f, "{number}"),
            None => f.write_str("null"),
        }
    }
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
