//! A link with a small MTU, of which nobody tells.

use super::super::{Host, plan};
use super::{Case, Change};

/// Path MTU discovery (RFC 1191, RFC 8201) needs the error that tells the MTU; where it is filtered, connections open and then
/// stand still (RFC 2923 §2.1).
pub(super) static CASE: Case = Case {
    name: "blackhole-mtu",
    shows: "packets above 1400 octets vanish and no error says so: connections open, then stand still",
    attempt: "rawsock trace --mtu 10.77.2.2",
    plan: &plan::LONG,
    changes: &[
        Change::Mtu { host: Host::Router, interface: "eth1", octets: 1400 },
        Change::Mtu { host: Host::Gate, interface: "eth0", octets: 1400 },
        Change::Rules { host: Host::Router, rules: RULES },
        Change::Rules { host: Host::Gate, rules: RULES },
    ],
};

const RULES: &str = "\
table inet case {
    chain output {
        type filter hook output priority filter
        icmp type destination-unreachable icmp code frag-needed counter drop
        icmpv6 type packet-too-big counter drop
    }
}";
