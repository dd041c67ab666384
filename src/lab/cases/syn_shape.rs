//! A filter that knows the kernel's connections from those made by hand, by the shape of their SYN.

use super::super::{Host, plan};
use super::{Case, Change};

/// Linux sends the time stamp option with every SYN unless `net.ipv4.tcp_timestamps` is 0; scanners that build the smallest SYN
/// do not (RFC 7323 §3). Filters against scans and floods look at such things.
pub(super) static CASE: Case = Case {
    name: "syn-shape",
    shows: "the kernel connects, and a SYN made by hand gets no answer: a filter goes by its shape",
    attempt: "rawsock probe tcp --bisect 10.77.2.2:7",
    plan: &plan::LONG,
    changes: &[Change::Rules { host: Host::Router, rules: RULES }],
};

const RULES: &str = "\
table inet case {
    chain forward {
        type filter hook forward priority filter
        tcp flags & (fin | syn | rst | ack) == syn tcp option timestamp missing counter drop
    }
}";
