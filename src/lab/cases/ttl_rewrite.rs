//! A router that gives every packet a new time to live.

use super::super::{Host, plan};
use super::{Case, Change};

/// Providers set it so that no tethered device, and boxes so that no hop behind them is seen. RFC 1812 §5.3.1
/// has each router take at least one away.
pub(super) static CASE: Case = Case {
    name: "ttl-rewrite",
    shows: "a router sets the TTL to 64: the hop behind it vanishes from traces",
    attempt: "rawsock trace 10.77.2.2",
    plan: &plan::LONG,
    changes: &[Change::Rules { host: Host::Router, rules: RULES }],
};

const RULES: &str = "\
table inet case {
    chain forward {
        type filter hook forward priority mangle
        iifname eth0 ip ttl set 64 counter
        iifname eth0 ip6 hoplimit set 64 counter
    }
}";
