//! Cases: labs in which something on the way is not as it should be, for finding out what it is.
//!
//! A case is data: the plan of its network, and what is changed there. One file a case; [`apply`] does what they say.

mod apply;
mod blackhole_mtu;
mod ecmp;
mod icmp_blocked;
mod lossy;
mod mss_clamp;
mod nat;
mod output_drop;
mod program;
mod rst_injection;
mod syn_shape;
mod ttl_rewrite;

use std::fmt;

use super::{Host, Plan};

pub(super) use apply::apply;

/// A network with something in it that hinders packets.
#[derive(Debug, PartialEq, Eq)]
pub struct Case {
    /// Its name: `syn-shape`.
    pub name: &'static str,
    /// What there is to see, in a line.
    pub shows: &'static str,
    /// A command that shows it, to be run on the client.
    pub attempt: &'static str,
    /// Its network.
    pub plan: &'static Plan,
    /// What is done to that.
    pub changes: &'static [Change],
}

/// Something that is done to a host of the plan.
#[derive(Debug, PartialEq, Eq)]
pub enum Change {
    /// Rules in nft's language, in which `$user` is the user that runs commands.
    Rules {
        /// Whose.
        host: Host,
        /// Whole tables.
        rules: &'static str,
    },
    /// A setting of the kernel.
    Setting {
        /// Whose.
        host: Host,
        /// Its file under `/proc/sys`; what this kernel does not have is left out.
        path: &'static str,
        /// What is written there.
        value: &'static str,
    },
    /// How large the packets are that leave by an interface.
    Mtu {
        /// Whose.
        host: Host,
        /// The interface.
        interface: &'static str,
        /// The largest packet, in octets.
        octets: u32,
    },
    /// The server's echo service is on one more port, on TCP and UDP.
    Echo {
        /// The port.
        port: u16,
    },
}

impl Case {
    /// All cases, in the order in which a course would take them.
    pub const ALL: [&'static Self; 10] = [
        &syn_shape::CASE,
        &output_drop::CASE,
        &mss_clamp::CASE,
        &nat::CASE,
        &ttl_rewrite::CASE,
        &rst_injection::CASE,
        &icmp_blocked::CASE,
        &ecmp::CASE,
        &blackhole_mtu::CASE,
        &lossy::CASE,
    ];

    /// The case of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        Self::ALL.into_iter().find(|case| case.name == name)
    }

    /// The further ports of the server's echo service.
    pub(super) fn echo_ports(&self) -> impl Iterator<Item = u16> {
        self.changes.iter().filter_map(|change| match change {
            Change::Echo { port } => Some(*port),
            _ => None,
        })
    }
}

impl Change {
    /// Whose it is.
    pub fn host(&self) -> Host {
        match self {
            Self::Rules { host, .. } | Self::Setting { host, .. } | Self::Mtu { host, .. } => *host,
            Self::Echo { .. } => Host::Server,
        }
    }
}

/// As the commands that would do it by hand.
impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rules { rules, .. } => write!(f, "nft -f - <<.\n{}\n.", rules.trim()),
            Self::Setting { path, value, .. } => {
                let name = path.strip_prefix("/proc/sys/").unwrap_or(path).replace('/', ".");
                write!(f, "sysctl {name}={value}")
            }
            Self::Mtu { interface, octets, .. } => write!(f, "ip link set {interface} mtu {octets}"),
            Self::Echo { port } => write!(f, "the echo service is on port {port}, too"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_different_and_lines_fit() {
        for (place, case) in Case::ALL.into_iter().enumerate() {
            assert!(Case::ALL.iter().skip(place + 1).all(|other| other.name != case.name));
            assert_eq!(Case::named(case.name), Some(case));
            assert!(case.shows.len() <= 100, "{}", case.shows);
            assert!(case.attempt.starts_with("rawsock "), "{}", case.attempt);
        }
        assert_eq!(Case::named("syn_shape"), None);
    }

    #[test]
    fn changes_are_of_hosts_and_interfaces_that_the_plan_has() {
        for case in Case::ALL {
            for change in case.changes {
                assert!(case.plan.hosts.contains(&change.host()), "{} {change}", case.name);
                if let Change::Mtu { host, interface, .. } = change {
                    assert!(case.plan.interfaces(*host).any(|own| own.name == *interface), "{change}");
                }
            }
        }
    }
}
