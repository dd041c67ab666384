//! Somebody on the way who answers for the server: alone on one port, faster than the server on another.

use super::super::{Host, plan};
use super::{Case, Change};

/// On port 7 the SYN ends at the gate. On port 80 it goes on to the server, too, whose answer comes second: the race that
/// those run who cannot take packets away (RFC 9293 §3.10.7.3 lets the first acceptable RST end the connection).
pub(super) static CASE: Case = Case {
    name: "rst-injection",
    shows: "the gate answers SYNs with RST in the server's name: on port 7 alone, on port 80 before it",
    attempt: "rawsock probe tcp --compare 10.77.2.2:7",
    plan: &plan::LONG,
    changes: &[Change::Echo { port: 80 }, Change::Rules { host: Host::Gate, rules: RULES }],
};

const RULES: &str = "\
table ip case {
    chain forward {
        type filter hook forward priority filter
        tcp flags & (syn | ack) != syn accept
        tcp dport 80 dup to 10.77.2.2 device eth1 reject with tcp reset
        tcp dport 7 reject with tcp reset
    }
}
table ip6 case {
    chain forward {
        type filter hook forward priority filter
        tcp flags & (syn | ack) != syn accept
        tcp dport 80 dup to fd77:2::2 device eth1 reject with tcp reset
        tcp dport 7 reject with tcp reset
    }
}";
