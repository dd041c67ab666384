//! What happens at a server, in lines and as JSON.

use crate::plain::event::{Counts, End, Event, Wait};
use crate::plain::service::Peer;
use crate::sys::error::Cause;

use super::json_object::JsonObject;
use super::text::printable;

/// The line of an event; `None` for what is shown otherwise.
pub fn line(event: &Event<'_>) -> Option<String> {
    Some(match event {
        Event::Listening { address } => format!("listening on {address}"),
        Event::Opened { peer } => format!("{}: has come", peer.name()),
        Event::Closed { peer, end, counts } => {
            format!("{}: {}, {}", peer.name(), printable(&end_words(end)), passed(counts))
        }
        Event::Waiting { why: Wait::Limit(limit) } => {
            format!("{limit} connections, which is the limit (--max-connections): new ones wait")
        }
        Event::Waiting { why: Wait::System(error) } => {
            format!("no more connections can be taken ({}): new ones wait (`ulimit -n`)", Cause(error))
        }
        Event::Resumed => "connections are taken again".to_owned(),
        Event::Lost { address, why } => format!("{address}: a datagram is lost: {}", printable(why)),
        Event::Draining { connections: 0 } => "ending".to_owned(),
        Event::Draining { connections } => format!("ending, with {connections} still connected"),
        Event::Note { peer, text } => format!("{}: {}", printable(peer), printable(text)),
        Event::Progress { .. } => return None,
    })
}

/// The JSON object of an event, without a line end.
pub fn json(event: &Event<'_>) -> String {
    let of_peer = |name: &str, peer: &Peer| {
        JsonObject::new().text("event", name).number("id", peer.id).text("peer", &peer.name())
    };
    let object = match event {
        Event::Listening { address } => {
            JsonObject::new().text("event", "listening").text("address", &address.to_string())
        }
        Event::Opened { peer } => of_peer("opened", peer),
        Event::Closed { peer, end, counts } => {
            let object = of_peer("closed", peer).text("end", end_name(end));
            let object = match end {
                End::Refused(why) | End::Failed(why) => object.text("why", why),
                _ => object,
            };
            object
                .number("octets_in", counts.octets_in)
                .number("octets_out", counts.octets_out)
                .number("duration_ns", counts.took)
        }
        Event::Waiting { why } => {
            let why = match why {
                Wait::Limit(_) => "--max-connections".to_owned(),
                Wait::System(error) => Cause(error).to_string(),
            };
            JsonObject::new().text("event", "waiting").text("why", &why)
        }
        Event::Resumed => JsonObject::new().text("event", "resumed"),
        Event::Lost { address, why } => {
            JsonObject::new().text("event", "lost").text("peer", &address.to_string()).text("why", why)
        }
        Event::Draining { connections } => JsonObject::new()
            .text("event", "draining")
            .number("connections", u64::try_from(*connections).unwrap_or(u64::MAX)),
        Event::Note { peer, text } => {
            JsonObject::new().text("event", "note").text("peer", peer).text("text", text)
        }
        Event::Progress { peer, file, done, total } => JsonObject::new()
            .text("event", "progress")
            .text("peer", peer)
            .text("file", file)
            .number("done", *done)
            .number("total", *total),
    };
    object.end()
}

/// How a connection ended, in words.
pub fn end_words(end: &End) -> String {
    match end {
        End::ByPeer => "has ended".to_owned(),
        End::ByService => "was told all".to_owned(),
        End::Idle => "was silent for too long".to_owned(),
        End::Stalled => "took nothing of what was sent for too long".to_owned(),
        End::Drained => "did not end in time".to_owned(),
        End::Refused(why) => format!("was refused: {why}"),
        End::Reset => "has reset the connection".to_owned(),
        End::Failed(why) => format!("failed: {why}"),
    }
}

fn end_name(end: &End) -> &'static str {
    match end {
        End::ByPeer => "by_peer",
        End::ByService => "by_service",
        End::Idle => "idle",
        End::Stalled => "stalled",
        End::Drained => "drained",
        End::Refused(_) => "refused",
        End::Reset => "reset",
        End::Failed(_) => "failed",
    }
}

/// What passed on a connection, in words.
pub fn passed(counts: &Counts) -> String {
    let millis = counts.took / 1_000_000;
    let Counts { octets_in, octets_out, .. } = counts;
    format!("{octets_in} octets in, {octets_out} out, {}.{:03} s", millis / 1000, millis % 1000)
}

/// A bar for a terminal: `notes.txt [######....]  60% 1234/2048`.
pub fn progress(file: &str, done: u64, total: u64) -> String {
    let part = |whole: u64| match total {
        0 => whole,
        _ => u64::try_from(u128::from(done).saturating_mul(u128::from(whole)) / u128::from(total))
            .unwrap_or(whole),
    };
    let full = usize::try_from(part(BAR)).unwrap_or(0);
    let rest = usize::try_from(BAR).unwrap_or(0).saturating_sub(full);
    format!("{} [{}{}] {:3}% {done}/{total}", printable(file), "#".repeat(full), ".".repeat(rest), part(100))
}

/// How wide a bar is.
const BAR: u64 = 30;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::socket_address::SocketAddress;

    #[test]
    fn nothing_that_peers_say_can_move_a_cursor() {
        let address = SocketAddress::Unnamed;
        let peer = Peer { id: 1, address, keeps_messages: false, is_datagrams: false };
        let end = End::Refused("\x1b[2J".to_owned());
        let counts = Counts { octets_in: 1, octets_out: 2, reads: 1, took: 1_234_567_890 };
        let event = Event::Closed { peer: &peer, end: &end, counts };
        let wanted = "client 1: was refused: \\u{1b}[2J, 1 octets in, 2 out, 1.234 s";
        assert_eq!(line(&event).unwrap(), wanted);
        assert!(json(&event).contains(r#""why":"\u001b[2J","octets_in":1"#), "{}", json(&event));
    }

    #[test]
    fn a_bar_is_as_full_as_what_is_done() {
        assert_eq!(progress("f", 1, 2), "f [###############...............]  50% 1/2");
        assert_eq!(progress("f", 0, 0), "f [##############################] 100% 0/0");
        assert!(progress("f", u64::MAX - 1, u64::MAX).contains("] "));
    }
}
