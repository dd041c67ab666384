//! A cable that loses packets, and before it a router that only answers seldom.

use super::super::{Host, plan};
use super::{Case, Change};

/// Every fifth packet from the router to the gate is lost, by chance. The router answers with one error a second and six at first
/// (`icmp_ratelimit` in `Documentation/networking/ip-sysctl.rst`; `XRLIM_BURST_FACTOR` in `net/ipv4/icmp.c`): it looks worse and
/// is not.
pub(super) static CASE: Case = Case {
    name: "lossy",
    shows: "the cable behind the router loses a fifth of all packets; the router itself is only slow to answer",
    attempt: "rawsock trace -c 60 --interval 0.2 10.77.2.2",
    plan: &plan::LONG,
    changes: &[
        Change::Rules { host: Host::Gate, rules: RULES },
        Change::Setting { host: Host::Router, path: "/proc/sys/net/ipv4/icmp_ratelimit", value: "1000" },
        Change::Setting { host: Host::Router, path: "/proc/sys/net/ipv6/icmp/ratelimit", value: "1000" },
    ],
};

const RULES: &str = "\
table inet case {
    chain prerouting {
        type filter hook prerouting priority raw
        iifname eth0 meta l4proto != ipv6-icmp numgen random mod 100 < 20 counter drop
        iifname eth0 icmpv6 type { echo-request, echo-reply, time-exceeded, destination-unreachable } numgen random mod 100 < 20 counter drop
    }
}";
