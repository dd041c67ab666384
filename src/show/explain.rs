//! System calls and the packets that they make, one below the other, as a sequence diagram in text: this side at the left, the
//! other one at the right.

use std::fmt::Write;

use crate::plain::told::Call;
use crate::sys::tcp_info::TcpInfo;
use crate::sys::tcp_state::TcpState;

use super::json_object::JsonObject;
use super::text::push_printable;

/// Something to show.
#[derive(Debug, Clone)]
pub enum Item {
    /// A call that has returned.
    Call(Call),
    /// A packet on the wire.
    Packet {
        /// When it passed, in nanoseconds since 1970.
        at: i64,
        /// Whether it went to the other side.
        outbound: bool,
        /// What it says.
        summary: String,
    },
}

impl Item {
    /// When it began.
    pub fn begins(&self) -> i64 {
        match self {
            Self::Call(call) => call.at.wall,
            Self::Packet { at, .. } => *at,
        }
    }

    /// When it was over.
    pub fn ends(&self) -> i64 {
        match self {
            Self::Call(call) => call.at.wall.saturating_add(i64::try_from(call.took).unwrap_or(0)),
            Self::Packet { at, .. } => *at,
        }
    }
}

/// Writes the diagram, item after item.
#[derive(Debug, Default)]
pub struct Diagram {
    /// When the first item began.
    first: Option<i64>,
    /// What was written last, and how often it came again.
    last: Option<(String, u64)>,
}

impl Diagram {
    /// The lines of items, which are in the order in which they ended. What came while a call had not returned stands between
    /// the call and what it returned.
    pub fn write(&mut self, out: &mut String, items: &[Item]) {
        let mut lines: Vec<(i64, String)> = Vec::new();
        for (index, item) in items.iter().enumerate() {
            match item {
                Item::Packet { at, outbound, summary } => lines.push((*at, arrow(*outbound, summary))),
                Item::Call(call) => {
                    let begins = call.at.wall;
                    let before = items.get(..index).unwrap_or_default();
                    let is_split = before
                        .iter()
                        .any(|other| matches!(other, Item::Packet { .. }) && other.begins() >= begins);
                    let text = match is_split {
                        true => {
                            let (begun, ended) = split(&call.text);
                            lines.push((begins, begun));
                            format!("    … {ended} = {}", call.result)
                        }
                        false => format!("{} = {}", call.text, call.result),
                    };
                    let at = if is_split { item.ends() } else { begins };
                    lines.push((at, text + &after(call)));
                }
            }
        }
        lines.sort_by_key(|(at, _)| *at);
        lines.into_iter().for_each(|(at, line)| self.line(out, at, line));
    }

    fn line(&mut self, out: &mut String, at: i64, line: String) {
        if let Some((last, again)) = &mut self.last
            && *last == line
        {
            *again = again.saturating_add(1);
            return;
        }
        self.end(out);
        let first = *self.first.get_or_insert(at);
        let micros = at.saturating_sub(first).max(0) / 1000;
        let _ = write!(out, "{:>8}.{:03} ms  ", micros / 1000, micros % 1000);
        push_printable(out, &line);
        out.push('\n');
        self.last = Some((line, 0));
    }

    /// Says how often the last line came again.
    pub fn end(&mut self, out: &mut String) {
        if let Some((_, again)) = self.last.take()
            && again > 0
        {
            let _ = writeln!(out, "{:16} … {again} times more", "");
        }
    }
}

/// What a call is called.
fn name(text: &str) -> &str {
    text.split('(').next().unwrap_or(text)
}

/// A call as it was made, and as it has returned: what was received is known in the end only.
fn split(text: &str) -> (String, String) {
    match text.split_once(',') {
        Some((begun, _)) if name(text).starts_with("recv") => (format!("{begun})"), text.to_owned()),
        _ => (text.to_owned(), name(text).to_owned()),
    }
}

/// Behind a call: how long it took, the change of TCP's state, and what TCP knows where that has changed.
fn after(call: &Call) -> String {
    let mut text = String::new();
    if call.took >= LONG {
        let micros = call.took / 1000;
        let _ = write!(text, " after {}.{:03} ms", micros / 1000, micros % 1000);
    }
    let Some((now, before)) = call.tcp else { return text };
    let old_state = before.map_or("CLOSED", |before| before.state.name());
    if old_state != now.state.name() {
        let between = between(before.map(|before| before.state), now.state, &call.result);
        let _ = write!(text, "   [{old_state} -> {between}{}]", now.state.name());
    }
    let has_changed = |what: fn(&TcpInfo) -> u32| before.is_none_or(|before| what(&before) != what(&now));
    let is_told = now.rtt_us > 0
        && (has_changed(|info| info.cwnd)
            || has_changed(|info| info.total_retrans)
            || name(&call.text) == "close");
    if is_told {
        let _ = write!(
            text,
            "   {{rtt {}.{:03} ms, cwnd {}, {} retransmitted}}",
            now.rtt_us / 1000,
            now.rtt_us % 1000,
            now.cwnd,
            now.total_retrans
        );
    }
    text
}

/// States that a connection has passed through since the last call. In TIME-WAIT the kernel keeps it apart from its socket, which is
/// CLOSED from then on.
fn between(before: Option<TcpState>, now: TcpState, result: &str) -> &'static str {
    match (before, now) {
        _ if result.starts_with('-') => "",
        (Some(TcpState::FinWait1 | TcpState::FinWait2 | TcpState::Closing), TcpState::Closed) => {
            "TIME-WAIT, its socket "
        }
        (Some(TcpState::CloseWait), TcpState::Closed) => "LAST-ACK -> ",
        _ => "",
    }
}

/// A packet between the two sides.
fn arrow(outbound: bool, summary: &str) -> String {
    match outbound {
        true => format!("    |---------->|  {summary}"),
        false => format!("    |<----------|  {summary}"),
    }
}

/// Nanoseconds that are worth a word.
const LONG: u64 = 1_000_000;

/// The JSON object of an item, without a line end.
pub fn json(item: &Item) -> String {
    let seconds = |at: i64| format!("{}.{:09}", at / 1_000_000_000, at % 1_000_000_000);
    let object = match item {
        Item::Packet { at, outbound, summary } => JsonObject::new()
            .text("event", "packet")
            .text("time", &seconds(*at))
            .text("direction", if *outbound { "out" } else { "in" })
            .text("summary", summary),
        Item::Call(call) => {
            let object = JsonObject::new()
                .text("event", "call")
                .text("time", &seconds(call.at.wall))
                .text("call", &call.text)
                .text("result", &call.result)
                .number("took_ns", call.took);
            match call.tcp {
                Some((info, _)) => object
                    .text("tcp_state", info.state.name())
                    .number("rtt_us", info.rtt_us.into())
                    .number("cwnd", info.cwnd.into())
                    .number("retransmits", info.total_retrans.into()),
                None => object,
            }
        }
    };
    object.end()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::clock::Now;

    fn call(at: i64, took: u64, text: &str, result: &str, tcp: Option<(TcpState, TcpState)>) -> Item {
        let info = |state| TcpInfo {
            state,
            rtt_us: 40,
            rtt_var_us: 20,
            cwnd: 10,
            snd_mss: 1460,
            unacked: 0,
            total_retrans: 0,
            options: 0,
            snd_wscale: 0,
            rcv_wscale: 0,
            pmtu: 1500,
            advmss: 1448,
        };
        let tcp = tcp.map(|(before, now)| (info(now), Some(info(before))));
        let at = Now { monotonic: 0, wall: at };
        Item::Call(Call { at, took, text: text.into(), result: result.into(), local: None, tcp })
    }

    #[test]
    fn packets_stand_between_a_call_and_what_it_returned() {
        let packet = |at, outbound, summary: &str| Item::Packet { at, outbound, summary: summary.into() };
        let items = [
            call(1_000_000, 500, "socket(AF_INET, SOCK_STREAM)", "3", None),
            packet(1_020_000, true, "SYN"),
            packet(1_030_000, false, "SYN, ACK"),
            call(1_010_000, 50_000, "connect(3, x)", "0", Some((TcpState::Closed, TcpState::Established))),
            call(2_000_000, 3_000_000, "recv(3)", "-1 EAGAIN", None),
            call(2_000_000, 3_000_000, "recv(3)", "-1 EAGAIN", None),
            call(2_000_000, 3_000_000, "recv(3)", "-1 EAGAIN", None),
            call(9_000_000, 10, "close(3)", "0", Some((TcpState::Established, TcpState::Established))),
        ];
        let (mut out, mut diagram) = (String::new(), Diagram::default());
        diagram.write(&mut out, &items);
        diagram.end(&mut out);
        let wanted = "       0.000 ms  socket(AF_INET, SOCK_STREAM) = 3\n       0.010 ms  connect(3, x)\n\
                      \x20      0.020 ms      |---------->|  SYN\n       0.030 ms      |<----------|  SYN, ACK\n\
                      \x20      0.060 ms      … connect = 0   [CLOSED -> ESTABLISHED]\n\
                      \x20      1.000 ms  recv(3) = -1 EAGAIN after 3.000 ms\n                 … 2 times more\n\
                      \x20      8.000 ms  close(3) = 0   {rtt 0.040 ms, cwnd 10, 0 retransmitted}\n";
        assert_eq!(out, wanted);
    }
}
