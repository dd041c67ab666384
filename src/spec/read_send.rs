//! The `[send]` table: how a spec's packets are to be sent.

use std::time::Duration;

use super::mistake::{Mistake, shortened};
use super::reader::Reader;
use super::tree::{Shape, Tree};

/// Through which kind of socket packets are to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Via {
    /// A raw IP socket.
    Ip,
    /// A packet socket.
    Link,
    /// A TUN interface, as a host of its own.
    Tun,
}

/// What a spec says about sending; what it leaves out is for whoever sends to choose.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SendOptions {
    /// Time from one packet to the next.
    pub interval: Option<Duration>,
    /// Packets in a second; excludes `interval`.
    pub rate: Option<f64>,
    /// How many packets in all.
    pub count: Option<u64>,
    /// How many times everything goes out.
    pub repeat: Option<u64>,
    /// How many packets at once.
    pub burst: Option<u64>,
    /// Time by which each packet may be late at random.
    pub jitter: Option<Duration>,
    /// The interface to send on.
    pub interface: Option<String>,
    /// Through which kind of socket; left out, the outermost layer decides.
    pub via: Option<Via>,
}

impl SendOptions {
    /// What these say, and of what they leave out, what the others say.
    pub(super) fn before(self, other: Self) -> Self {
        // Either says how fast, and excludes the other.
        let says_pace = self.interval.is_some() || self.rate.is_some();
        let (interval, rate) =
            if says_pace { (self.interval, self.rate) } else { (other.interval, other.rate) };
        Self {
            interval,
            rate,
            count: self.count.or(other.count),
            repeat: self.repeat.or(other.repeat),
            burst: self.burst.or(other.burst),
            jitter: self.jitter.or(other.jitter),
            interface: self.interface.or(other.interface),
            via: self.via.or(other.via),
        }
    }
}

pub(super) fn send(reader: &mut Reader<'_>, tree: &Tree<'_>) -> SendOptions {
    let mut options = SendOptions::default();
    let Shape::Table(entries) = &tree.shape else {
        reader.wrong_kind(tree, "send", "a table");
        return options;
    };
    for entry in entries {
        let value = &entry.value;
        match entry.key.as_ref() {
            "interval" => options.interval = duration(reader, value, "interval"),
            "rate" => options.rate = rate(reader, value),
            "count" => options.count = reader.number(value, "count", u64::MAX),
            "repeat" => options.repeat = reader.number(value, "repeat", u64::MAX),
            "burst" => options.burst = reader.number(value, "burst", MAX_BURST),
            "jitter" => options.jitter = duration(reader, value, "jitter"),
            "interface" => options.interface = reader.text(value, "interface"),
            "via" => match value.text() {
                Some("ip") => options.via = Some(Via::Ip),
                Some("link") => options.via = Some(Via::Link),
                Some("tun") => options.via = Some(Via::Tun),
                _ => reader.wrong_kind(value, "via", "\"ip\", \"link\" or \"tun\""),
            },
            "reply" => reader.mistake(entry.key_at.clone(), Mistake::Reply),
            _ => reader.unknown_key(entry, "[send]", KEYS),
        }
        if options.interval.is_some() && options.rate.is_some() {
            reader.mistake(entry.key_at.clone(), Mistake::Exclusive { one: "interval", other: "rate" });
            options.rate = None;
        }
    }
    options
}

/// Reads a duration: a number with its unit.
pub(super) fn duration(reader: &mut Reader<'_>, tree: &Tree<'_>, name: &str) -> Option<Duration> {
    let duration = tree.text().and_then(parse_duration);
    if duration.is_none() {
        let found = found(tree);
        reader.mistake(tree.at.clone(), Mistake::Duration { name: name.to_owned(), found });
    }
    duration
}

fn rate(reader: &mut Reader<'_>, tree: &Tree<'_>) -> Option<f64> {
    let rate = tree.text().and_then(parse_rate);
    if rate.is_none() {
        let found = found(tree);
        reader.mistake(tree.at.clone(), Mistake::Rate { name: "rate".to_owned(), found });
    }
    rate
}

fn found(tree: &Tree<'_>) -> String {
    match &tree.shape {
        Shape::Text(text) => format!("`{}`", shortened(&text.text)),
        Shape::Integer(_) => "a number without a unit".to_owned(),
        _ => tree.words().to_owned(),
    }
}

/// The duration that a text such as `20ms` or `1s 500ms` says.
pub fn parse_duration(text: &str) -> Option<Duration> {
    let duration: jiff::SignedDuration = text.parse().ok()?;
    Duration::try_from(duration).ok().filter(|duration| *duration <= MAX_DURATION)
}

/// The packets in a second that a text such as `50k/s` or `100/m` says.
pub fn parse_rate(text: &str) -> Option<f64> {
    let (packets, time) = text.split_once('/')?;
    let (number, factor) = number_and_unit(packets)?;
    let factor = match factor {
        "" => 1.0,
        "k" => 1e3,
        "M" => 1e6,
        _ => return None,
    };
    let (_, seconds) = UNITS.iter().find(|(name, _)| *name == time.trim())?;
    let rate = number * factor / seconds;
    (rate > 0.0 && rate.is_finite()).then_some(rate)
}

fn number_and_unit(text: &str) -> Option<(f64, &str)> {
    let text = text.trim();
    let at = text.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(at)?;
    Some((number.parse().ok()?, unit.trim()))
}

const UNITS: &[(&str, f64)] = &[("ms", 1e-3), ("s", 1.0), ("m", 60.0), ("h", 3600.0)];
/// A year: whoever writes more has the unit wrong.
const MAX_DURATION: Duration = Duration::from_secs(366 * 86_400);
const MAX_BURST: u64 = 1_000_000;
const KEYS: &[&str] = &["interval", "rate", "count", "repeat", "burst", "jitter", "interface", "via"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, wanted) in [
            ("20ms", Some(Duration::from_millis(20))),
            ("1.5s", Some(Duration::from_millis(1500))),
            ("1s 20ms", Some(Duration::from_millis(1020))),
            ("10us", Some(Duration::from_micros(10))),
            ("1m", Some(Duration::from_secs(60))),
            ("0s", Some(Duration::ZERO)),
        ] {
            assert_eq!(parse_duration(text), wanted, "{text}");
        }
        for text in ["", "20", "ms", "-1s", "1s ago", "1..2s", "1 fortnight", "9999999h", "1e3s"] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
    }

    #[test]
    fn rates() {
        for (text, wanted) in [
            ("100/s", Some(100.0)),
            ("50k/s", Some(50_000.0)),
            ("6000/m", Some(100.0)),
            ("1 M / s", Some(1e6)),
        ] {
            assert_eq!(parse_rate(text), wanted, "{text}");
        }
        for text in ["", "100", "0/s", "k/s", "1G/s", "1/x", "1/s/s"] {
            assert_eq!(parse_rate(text), None, "{text}");
        }
    }
}
