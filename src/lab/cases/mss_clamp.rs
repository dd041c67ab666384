//! A router that writes a smaller maximum segment size into SYNs.

use super::super::{Host, plan};
use super::{Case, Change};

/// What routers in front of tunnels and PPPoE do, so that nobody depends on path MTU discovery (RFC 4459).
pub(super) static CASE: Case = Case {
    name: "mss-clamp",
    shows: "a router writes a smaller MSS into SYNs, both ways: segments are smaller than the links",
    attempt: "rawsock trace -T -p 7 10.77.2.2",
    plan: &plan::LONG,
    changes: &[Change::Rules { host: Host::Router, rules: RULES }],
};

const RULES: &str = "\
table inet case {
    chain forward {
        type filter hook forward priority mangle
        tcp flags & (syn | rst) == syn tcp option maxseg size set 1200 counter
    }
}";
