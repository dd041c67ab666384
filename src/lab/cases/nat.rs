//! A router that translates addresses: with a memory for TCP, without one for everything else.

use super::super::{Host, plan};
use super::{Case, Change};

/// Translation that follows connections puts right what ICMP errors quote (RFC 5508 §4.2), so that a trace sees nothing of it; one
/// that maps address to address, packet by packet, need not.
pub(super) static CASE: Case = Case {
    name: "nat",
    shows: "a router translates addresses: what hops quote of UDP tells it, of TCP it does not",
    attempt: "rawsock trace 10.77.2.2",
    plan: &plan::LONG,
    changes: &[Change::Rules { host: Host::Router, rules: RULES }],
};

const RULES: &str = "\
table inet case {
    chain there {
        type filter hook forward priority mangle
        iifname eth0 ip protocol != tcp ip saddr 10.77.1.2 ip saddr set 10.77.99.2 counter
        iifname eth0 meta l4proto != tcp ip6 saddr fd77:1::2 ip6 saddr set fd77:99::2 counter
    }
    chain back {
        type filter hook prerouting priority raw
        iifname eth0 meta l4proto != tcp notrack
        iifname eth1 ip daddr 10.77.99.2 notrack ip daddr set 10.77.1.2 counter
        iifname eth1 ip6 daddr fd77:99::2 notrack ip6 daddr set fd77:1::2 counter
    }
    chain connections {
        type nat hook postrouting priority srcnat
        oifname eth1 meta l4proto tcp masquerade
    }
    chain port_forward {
        type nat hook prerouting priority dstnat
        iifname eth0 ip daddr 10.77.1.1 tcp dport 8007 dnat ip to 10.77.2.2:7
        iifname eth0 ip6 daddr fd77:1::1 tcp dport 8007 dnat ip6 to [fd77:2::2]:7
    }
}";
