//! A firewall on the client itself: for everybody on one port, for one user on another.

use super::super::{Host, plan};
use super::{Case, Change};

/// The hook `output` sees packets of raw sockets, too; those of packet sockets pass it by.
pub(super) static CASE: Case = Case {
    name: "output-drop",
    shows: "the client's own firewall drops: connect() waits in silence, a raw socket is told at once",
    attempt: "rawsock probe tcp --compare 10.77.2.2:7",
    plan: &plan::LONG,
    changes: &[Change::Echo { port: 80 }, Change::Rules { host: Host::Client, rules: RULES }],
};

const RULES: &str = "\
table inet case {
    chain output {
        type filter hook output priority filter
        tcp dport 7 counter drop
        tcp dport 80 meta skuid $user counter drop
    }
}";
