//! How fast packets go: rates as users write them, and the limit beyond which they must say that they mean it.

use crate::exchange::pace::Tempo;
use crate::lab::topology::is_of_lab;
use crate::sys::netlink::Link;

/// Reads a rate: packets in a time (`200/s`, `50k/s`) or bits in a second (`100Mbit/s`).
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
    bits().or_else(|| crate::spec::parse_rate(text).map(Tempo::Packets)).ok_or_else(|| {
        "takes packets in a time, such as 200/s or 50k/s, or bits in a second, such as 100Mbit/s".to_owned()
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
        assert_eq!(rate("100Mbit/s"), Ok(Tempo::Bits(1e8)));
        assert_eq!(rate("1.5 Gbit/s"), Ok(Tempo::Bits(1.5e9)));
        assert_eq!(rate("64kbit/s"), Ok(Tempo::Bits(64e3)));
        assert_eq!(rate("9600bit/s"), Ok(Tempo::Bits(9600.0)));
        for wrong in ["", "bit/s", "0bit/s", "100", "-1Mbit/s", "infbit/s", "1Xbit/s", "ébit/s"] {
            assert!(rate(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_a_flood() {
        assert!(is_flood(Tempo::Top) && is_flood(Tempo::Packets(1001.0)) && is_flood(Tempo::Bits(1e6)));
        assert!(!is_flood(Tempo::Packets(1000.0)) && !is_flood(Tempo::Recorded(1000.0)));
    }
}
