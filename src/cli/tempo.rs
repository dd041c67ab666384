//! How fast packets go: rates as users write them, and the limit beyond which they must say that they mean it.

use std::collections::VecDeque;
use std::error::Error;

use crate::exchange::drive::outflow::{Due, Packets};
use crate::exchange::engine::{Nanos, SECOND};
use crate::exchange::pace::Tempo;
use crate::lab::topology::is_of_lab;
use crate::sys::netlink::Link;
use crate::wire::packet_batch::PacketBatch;

/// Reads a rate: packets in a second (`200`, `50k`, `10pps`) or in another time (`200/s`, `6000/m`), or bits in a second (`100Mbit/s`).
///
/// # Errors
/// In words, when it is none.
pub(super) fn rate(text: &str) -> Result<Tempo, String> {
    let bits = || {
        let number = text.strip_suffix("bit/s").or(text.strip_suffix("bps"))?;
        let (number, factor) = match number.trim().split_at_checked(number.trim().len().saturating_sub(1))? {
            (number, "k" | "K") => (number, 1e3),
            (number, "M") => (number, 1e6),
            (number, "G") => (number, 1e9),
            _ => (number, 1.0),
        };
        let rate = number.trim().parse::<f64>().ok()? * factor;
        (rate > 0.0 && rate.is_finite()).then_some(Tempo::Bits(rate))
    };
    let packets = || {
        let text = text.trim();
        let number = text.strip_suffix("pps").unwrap_or(text);
        let with_time = if text.contains('/') { text.to_owned() } else { format!("{number}/s") };
        crate::spec::parse_rate(&with_time).map(Tempo::Packets)
    };
    bits().or_else(packets).ok_or_else(|| {
        "takes packets in a second, such as 200 or 50k, in a time, such as 6000/m, or bits in a second, such as 100Mbit/s".to_owned()
    })
}

/// Whether so many packets go so fast that one must mean it.
pub(super) fn is_flood(tempo: Tempo) -> bool {
    match tempo {
        Tempo::Top => true,
        Tempo::Packets(rate) => rate > CALM,
        // As many packets of the smallest size.
        Tempo::Bits(rate) => rate > CALM * SMALLEST_BITS,
        Tempo::Recorded(_) => false,
    }
}

/// Whether packets by this interface stay on this machine: by loopback, and in the lab.
pub(super) fn stays_here(link: &Link) -> bool {
    link.is_loopback() || is_of_lab(link)
}

/// What is said to whoever has not said that they mean it.
pub(super) fn flood_refused(whereto: &str) -> String {
    format!(
        "more than 1,000 packets a second to {whereto}, which is not this host: that may be more than others can bear; say \
         `--yes-flood` if you mean it, or give a `--rate` up to 1000/s (in `rawsock lab`, and on lo, any rate goes)"
    )
}

/// Packets of which no more may be due in a second than do nobody harm, where they go to others: how fast a recording is shows only
/// as it is read.
pub(super) struct Guarded<P> {
    packets: P,
    /// Where they go; left out, any rate goes.
    whereto: Option<String>,
    /// When the last ones were due.
    last: VecDeque<Nanos>,
}

impl<P: Packets> Guarded<P> {
    /// Those that go to others than this host, where that is said.
    pub(super) fn new(packets: P, whereto: Option<String>) -> Self {
        Self { packets, whereto, last: VecDeque::new() }
    }
}

impl<P: Packets> Packets for Guarded<P> {
    fn next(&mut self, batch: &mut PacketBatch) -> Result<Option<Due>, Box<dyn Error>> {
        let Some(due) = self.packets.next(batch)? else { return Ok(None) };
        let Some(whereto) = &self.whereto else { return Ok(Some(due)) };
        self.last.push_back(due.at);
        if self.last.len() > CALM as usize {
            let first = self.last.pop_front().unwrap_or(due.at);
            if due.at.saturating_sub(first) < SECOND {
                return Err(flood_refused(whereto).into());
            }
        }
        Ok(Some(due))
    }
}

/// Packets in a second that do nobody harm.
const CALM: f64 = 1000.0;
/// The smallest Ethernet frame without its check sequence: 60 octets (IEEE 802.3).
const SMALLEST_BITS: f64 = 480.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_of_packets_and_bits() {
        assert_eq!(rate("50k/s"), Ok(Tempo::Packets(50_000.0)));
        for five in ["5", " 5", "5/s", "5pps", "5 pps", "300/m", "0.005k"] {
            assert_eq!(rate(five), Ok(Tempo::Packets(5.0)), "{five}");
        }
        assert_eq!(rate("100Mbit/s"), Ok(Tempo::Bits(1e8)));
        assert_eq!(rate("1.5 Gbit/s"), Ok(Tempo::Bits(1.5e9)));
        assert_eq!(rate("64kbit/s"), Ok(Tempo::Bits(64e3)));
        assert_eq!(rate("9600bit/s"), Ok(Tempo::Bits(9600.0)));
        for wrong in [
            "", "bit/s", "0bit/s", "0", "k", "pps", "5x", "5pps/s", "-1Mbit/s", "infbit/s", "1Xbit/s",
            "ébit/s",
        ] {
            assert!(rate(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_thousand_in_any_second_are_let_through() {
        /// Packets that are due so far apart.
        struct Regular(Nanos, u64);
        impl Packets for Regular {
            fn next(&mut self, batch: &mut PacketBatch) -> Result<Option<Due>, Box<dyn Error>> {
                batch.push(&[0]);
                self.1 += 1;
                Ok(Some(Due { at: self.0 * self.1, line: 0, address: None, number: self.1 }))
            }
        }
        let passed = |apart: Nanos| {
            let packets = Regular(apart, 0);
            let (mut guarded, mut batch) =
                (Guarded::new(packets, Some("eth0".to_owned())), PacketBatch::default());
            (0..3000).take_while(|_| guarded.next(&mut batch).is_ok()).count()
        };
        assert_eq!([passed(1_000_000), passed(999_999), passed(0)], [3000, 1000, 1000]);
    }

    #[test]
    fn what_is_a_flood() {
        assert!(is_flood(Tempo::Top) && is_flood(Tempo::Packets(1001.0)) && is_flood(Tempo::Bits(1e6)));
        assert!(!is_flood(Tempo::Packets(1000.0)) && !is_flood(Tempo::Recorded(1000.0)));
    }
}
