//! Any text is a field filter or a mistake that can be shown; any filter can be run on any packet, in bounded time, and `not` takes what
//! it does not. The text ends with its first zero; behind that stands the packet.

use rawsock::filter::field::{About, FieldFilter};
use rawsock::packet::check::Dissected;

use super::harmless;
use super::start::Start;

/// Holds it.
pub fn check(input: &[u8]) {
    let mut parts = input.splitn(2, |octet| *octet == 0);
    let (text, packet) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let Ok(text) = std::str::from_utf8(text) else { return };
    match FieldFilter::compile(text) {
        Ok(filter) => {
            let Some(Start { octets, table, .. }) = Start::of_link(packet) else { return };
            let packet = Dissected { octets, table: &table, wire_len: octets.len() };
            let about = About {
                time: Some(1_700_000_000_123_456_789),
                interface: Some("eth0"),
                sent: Some(packet),
                ..About::default()
            };
            let takes = filter.matches(&packet, &about);
            for (text, wanted) in
                [(format!("not ({text})"), !takes), (format!("({text}) and ({text})"), takes)]
            {
                match FieldFilter::compile(&text) {
                    Ok(filter) => assert_eq!(filter.matches(&packet, &about), wanted, "{text}"),
                    // Longer or deeper than may be.
                    Err(error) => harmless::lines(&error.render(false)),
                }
            }
            filter.flags_alone();
        }
        Err(error) => harmless::lines(&error.render(false)),
    }
}
