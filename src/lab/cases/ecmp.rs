//! Two ways to the server, of which each flow takes one.

use super::super::{Host, plan};
use super::{Case, Change};

/// RFC 2992. The way is chosen by addresses, protocol and ports (`fib_multipath_hash_policy` in
/// `Documentation/networking/ip-sysctl.rst`), so that a flow stays on it.
pub(super) static CASE: Case = Case {
    name: "ecmp",
    shows: "the router shares flows over two ways: by which a packet goes depends on its ports",
    attempt: "rawsock trace --paths 10.77.2.2",
    plan: &plan::DIAMOND,
    changes: &[
        Change::Setting {
            host: Host::Router,
            path: "/proc/sys/net/ipv4/fib_multipath_hash_policy",
            value: "1",
        },
        Change::Setting {
            host: Host::Router,
            path: "/proc/sys/net/ipv6/fib_multipath_hash_policy",
            value: "1",
        },
    ],
};
