//! What a run is expected to come to: `loss<1% p99<5ms dup=0`.

use crate::exchange::engine::Nanos;

use super::ledger::{Ledger, PacketClass, ProbeClass};
use super::statistics::Statistics;
use super::target::loss_percent;

/// One thing that is expected.
#[derive(Debug, Clone, PartialEq)]
pub struct Expectation {
    /// As it was written.
    pub text: String,
    figure: Figure,
    comparison: Comparison,
    bound: f64,
}

/// Why a text is no expectation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExpectationError {
    /// There is no comparison in it.
    #[error("`{0}`: takes FIGURE, one of < <= = != >= >, and a number: `loss<1%`, `p99<5ms`, `dup=0`")]
    NoComparison(String),
    /// There is no such figure.
    #[error("`{0}`: there is no such figure; there are {names}", names = names())]
    NoFigure(String),
    /// What stands behind the comparison is no number of its kind.
    #[error("`{0}`: {1}")]
    NoNumber(String, &'static str),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Figure {
    Loss,
    Sent,
    Received,
    Probes(ProbeClass),
    Packets(PacketClass),
    Time(Time),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Time {
    Min,
    Avg,
    Max,
    Mdev,
    Jitter,
    P50,
    P90,
    P99,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Less,
    AtMost,
    Equal,
    NotEqual,
    AtLeast,
    More,
}

/// Longer ones first, so that `<=` is not read as `<`.
const COMPARISONS: [(&str, Comparison); 7] = [
    ("<=", Comparison::AtMost),
    (">=", Comparison::AtLeast),
    ("!=", Comparison::NotEqual),
    ("==", Comparison::Equal),
    ("<", Comparison::Less),
    (">", Comparison::More),
    ("=", Comparison::Equal),
];

const FIGURES: [(&str, Figure); 25] = [
    ("loss", Figure::Loss),
    ("sent", Figure::Sent),
    ("received", Figure::Received),
    ("answered", Figure::Probes(ProbeClass::Answered)),
    ("late", Figure::Probes(ProbeClass::Late)),
    ("lost", Figure::Probes(ProbeClass::Lost)),
    ("icmp_error", Figure::Probes(ProbeClass::IcmpError)),
    ("local_drop", Figure::Probes(ProbeClass::LocalDrop)),
    ("unstamped", Figure::Probes(ProbeClass::Unstamped)),
    ("unfinished", Figure::Probes(ProbeClass::Unfinished)),
    ("dup", Figure::Packets(PacketClass::Duplicate)),
    ("duplicate", Figure::Packets(PacketClass::Duplicate)),
    ("reordered", Figure::Packets(PacketClass::Reordered)),
    ("damaged", Figure::Packets(PacketClass::Damaged)),
    ("forged", Figure::Packets(PacketClass::Forged)),
    ("elsewhere", Figure::Packets(PacketClass::Elsewhere)),
    ("stray", Figure::Packets(PacketClass::Stray)),
    ("min", Figure::Time(Time::Min)),
    ("avg", Figure::Time(Time::Avg)),
    ("max", Figure::Time(Time::Max)),
    ("mdev", Figure::Time(Time::Mdev)),
    ("jitter", Figure::Time(Time::Jitter)),
    ("p50", Figure::Time(Time::P50)),
    ("p90", Figure::Time(Time::P90)),
    ("p99", Figure::Time(Time::P99)),
];

fn names() -> String {
    FIGURES.map(|(name, _)| name).join(", ")
}

/// Reads expectations that stand one behind the other.
///
/// # Errors
/// Which of them is none, and why.
pub fn parse(text: &str) -> Result<Vec<Expectation>, ExpectationError> {
    text.split([' ', ',', '\t', '\n']).filter(|word| !word.is_empty()).map(Expectation::parse).collect()
}

impl Expectation {
    fn parse(text: &str) -> Result<Self, ExpectationError> {
        let no_comparison = || ExpectationError::NoComparison(text.to_owned());
        let first = text.find(['<', '>', '=', '!']).ok_or_else(no_comparison)?;
        let (name, rest) = text.split_at_checked(first).ok_or_else(no_comparison)?;
        let (comparison, bound) = COMPARISONS
            .iter()
            .find_map(|(sign, comparison)| Some((*comparison, rest.strip_prefix(sign)?)))
            .ok_or_else(no_comparison)?;
        let figure = FIGURES
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, figure)| *figure)
            .ok_or_else(|| ExpectationError::NoFigure(name.to_owned()))?;
        let no_number = |what| ExpectationError::NoNumber(text.to_owned(), what);
        let bound = match figure {
            Figure::Loss => percentage(bound).ok_or_else(|| no_number("takes a percentage: `1%`"))?,
            Figure::Time(_) => nanoseconds(bound)
                .ok_or_else(|| no_number("takes a time with its unit: `5ms`, `80us`, `900ns`, `1.5s`"))?,
            _ => bound.parse::<u64>().map_err(|_| no_number("takes a number"))? as f64,
        };
        Ok(Self { text: text.to_owned(), figure, comparison, bound })
    }

    /// Whether it is met, and what was found; a time of which there is none is not met.
    pub fn check(&self, sent: u64, ledger: &Ledger, times: &Statistics) -> (bool, Option<f64>) {
        let found = self.figure.of(sent, ledger, times);
        (found.is_some_and(|found| self.comparison.holds(found, self.bound)), found)
    }

    /// Whether what it is about is a time, in nanoseconds.
    pub fn is_time(&self) -> bool {
        matches!(self.figure, Figure::Time(_))
    }

    /// Whether what it is about is a percentage.
    pub fn is_percentage(&self) -> bool {
        self.figure == Figure::Loss
    }
}

impl Figure {
    fn of(self, sent: u64, ledger: &Ledger, times: &Statistics) -> Option<f64> {
        Some(match self {
            Self::Loss => loss_percent(sent, ledger.answered()),
            Self::Sent => sent as f64,
            Self::Received => ledger.answered() as f64,
            Self::Probes(class) => ledger.probes(class) as f64,
            Self::Packets(class) => ledger.packets(class) as f64,
            Self::Time(time) => time.of(times)? as f64,
        })
    }
}

impl Time {
    fn of(self, times: &Statistics) -> Option<Nanos> {
        let times = times.round_trip()?;
        Some(match self {
            Self::Min => times.min,
            Self::Avg => times.avg,
            Self::Max => times.max,
            Self::Mdev => times.mdev,
            Self::Jitter => times.jitter,
            Self::P50 => times.p50,
            Self::P90 => times.p90,
            Self::P99 => times.p99,
        })
    }
}

impl Comparison {
    fn holds(self, found: f64, bound: f64) -> bool {
        match self {
            Self::Less => found < bound,
            Self::AtMost => found <= bound,
            Self::Equal => found == bound,
            Self::NotEqual => found != bound,
            Self::AtLeast => found >= bound,
            Self::More => found > bound,
        }
    }
}

fn percentage(text: &str) -> Option<f64> {
    number(text.strip_suffix('%').unwrap_or(text)).filter(|percent| *percent <= 100.0)
}

/// A time with its unit, in nanoseconds.
fn nanoseconds(text: &str) -> Option<f64> {
    let units = [("ns", 1.0), ("us", 1e3), ("µs", 1e3), ("ms", 1e6), ("s", 1e9)];
    units.iter().find_map(|(unit, each)| Some(number(text.strip_suffix(unit)?)? * each))
}

/// A decimal number that is not negative.
fn number(text: &str) -> Option<f64> {
    let is_plain = text.chars().all(|letter| letter.is_ascii_digit() || letter == '.');
    text.parse::<f64>().ok().filter(|_| is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::engine::Stamp;
    use crate::exchange::ping::sample::{Legs, Sample};

    fn run() -> (Ledger, Statistics) {
        let (mut ledger, mut times) = (Ledger::default(), Statistics::default());
        for rtt in [1_000_000, 3_000_000] {
            ledger.probe(ProbeClass::Answered);
            let (left, came) = (Stamp::Kernel, Stamp::Kernel);
            times.add(&Sample { rtt, left, came, clock: None, legs: Legs::default() });
        }
        ledger.probe(ProbeClass::Lost);
        ledger.probe(ProbeClass::Late);
        ledger.packet(PacketClass::Duplicate);
        (ledger, times)
    }

    #[test]
    fn figures_are_compared_as_they_are_written() {
        let (ledger, times) = run();
        let holds = |text: &str| {
            let parsed = parse(text).unwrap();
            parsed.iter().map(|one| one.check(4, &ledger, &times).0).collect::<Vec<_>>()
        };
        assert_eq!(holds("loss<25% loss<=25% loss=25 loss<30.5%"), [false, true, true, true]);
        assert_eq!(
            holds("p99<3ms,p99<=3ms max<3001us avg=2ms min>999999ns"),
            [false, true, true, true, true]
        );
        assert_eq!(
            holds("dup=0 dup=1 lost=1 late>=1 sent==4 received=3"),
            [false, true, true, true, true, true]
        );
        assert_eq!(holds("  "), Vec::<bool>::new());
    }

    #[test]
    fn a_time_of_which_there_is_none_is_not_met() {
        let parsed = parse("max<5s").unwrap();
        assert_eq!(parsed[0].check(1, &Ledger::default(), &Statistics::default()), (false, None));
    }

    #[test]
    fn what_is_no_expectation_is_told() {
        let wrong = |text: &str| parse(text).unwrap_err().to_string();
        assert!(wrong("loss").contains("takes FIGURE"));
        assert!(wrong("lots<1").contains("there are loss, sent,"), "{}", wrong("lots<1"));
        for text in ["loss<101%", "loss<-1%", "loss<x", "loss<1e1", "loss<inf"] {
            assert!(wrong(text).contains("percentage"), "{text}");
        }
        for text in ["p99<5", "p99<ms", "p99<-5ms", "p99<"] {
            assert!(wrong(text).contains("unit"), "{text}");
        }
        assert!(wrong("dup=0.5").contains("takes a number"));
        assert!(wrong("dup~0").contains("takes FIGURE"));
    }
}
