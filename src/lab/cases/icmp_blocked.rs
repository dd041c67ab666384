//! A router that lets no ICMP through.

use super::super::{Host, plan};
use super::{Case, Change};

/// What RFC 4890 §4.3 warns of: with the echo go the errors on which path MTU discovery and traces depend.
pub(super) static CASE: Case = Case {
    name: "icmp-blocked",
    shows: "a router drops all ICMP: ping says that the server is down, and TCP works",
    attempt: "rawsock trace -T -p 7 10.77.2.2",
    plan: &plan::LONG,
    changes: &[Change::Rules { host: Host::Router, rules: RULES }],
};

const RULES: &str = "\
table inet case {
    chain forward {
        type filter hook forward priority filter
        meta l4proto { icmp, ipv6-icmp } counter drop
    }
}";
