//! What is checked: by trying it, not by guessing from settings.

use std::env;
use std::fs;
use std::io;
use std::path::PathBuf;

use super::grant;
use crate::lab::{Lab, LabOptions};
use crate::sys::error::{Cause, SysError};
use crate::sys::ip_socket::{Family, IcmpKind, IcmpSocket};
use crate::sys::namespace::{self, NamespaceError};
use crate::sys::netlink::Netlink;
use crate::sys::packet_socket::FrameSender;
use crate::sys::{ethtool, trial};

/// One thing that was checked.
#[derive(Debug)]
pub(super) struct Check {
    /// Its name for programs.
    pub(super) name: &'static str,
    /// Its name for people.
    pub(super) title: &'static str,
    /// Which commands need it.
    pub(super) purpose: &'static str,
    /// Whether the program is of little use without it.
    pub(super) essential: bool,
    /// What was found.
    pub(super) finding: Finding,
}

/// What was found.
#[derive(Debug)]
pub(super) enum Finding {
    /// It works; how well.
    Good(String),
    /// It does not.
    Bad {
        /// Why not.
        why: String,
        /// The command that mends it, where there is one.
        remedy: Option<String>,
    },
}

impl Finding {
    pub(super) fn is_good(&self) -> bool {
        matches!(self, Self::Good(_))
    }

    /// The result of a trial that may need CAP_NET_RAW, which `granting` grants.
    fn of<T>(tried: Result<T, SysError>, granting: Option<&str>) -> Self {
        match tried {
            Ok(_) => Self::Good("works".to_owned()),
            Err(error) => {
                let remedy = granting.filter(|_| error.is_permission()).map(str::to_owned);
                Self::Bad { why: Cause(&error.source).to_string(), remedy }
            }
        }
    }
}

/// Checks everything. The lab last: it takes the longest.
pub(super) fn all() -> Vec<Check> {
    let program = env::current_exe();
    let granting = program.as_ref().ok().cloned().map(grant::Facts::of_this_process);
    let granting = granting.map_or_else(|| HAS_NO_PROC.to_owned(), |facts| grant::remedy(&facts));
    let granting = Some(granting.as_str());
    let check = |name, title, purpose, essential, finding| Check { name, title, purpose, essential, finding };
    vec![
        check("kernel", "kernel", "everything", false, kernel()),
        check(
            "raw-ipv4",
            "raw IPv4 sockets",
            "send, ping",
            true,
            Finding::of(IcmpSocket::open(Family::V4, IcmpKind::Raw), granting),
        ),
        check(
            "raw-ipv6",
            "raw IPv6 sockets",
            "send, ping -6",
            false,
            Finding::of(IcmpSocket::open(Family::V6, IcmpKind::Raw), granting),
        ),
        check("packet", "packet sockets", "send, capture", true, Finding::of(FrameSender::open(), granting)),
        check("ring", "rings shared with the kernel", "capture", true, Finding::of(trial::ring(), granting)),
        check("filter", "filters in the kernel", "capture", true, Finding::of(trial::socket_filter(), None)),
        check("timestamps", "time stamps by the kernel", "ping, capture", false, timestamps()),
        check("icmp", "ICMP datagram sockets", "ping without rights", false, icmp()),
        check("ipv6", "IPv6", "ping -6", false, ipv6()),
        check("buffers", "large receive buffers", "capture", false, buffers()),
        check(LAB, "lab network", "lab", false, lab(program)),
    ]
}

fn kernel() -> Finding {
    let release = rustix::system::uname().release().to_string_lossy().into_owned();
    let mut numbers =
        release.split(|letter: char| !letter.is_ascii_digit()).map_while(|text| text.parse().ok());
    let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    if version >= OLDEST_KERNEL {
        return Finding::Good(format!("Linux {release}"));
    }
    let (major, minor) = OLDEST_KERNEL;
    Finding::Bad { why: format!("Linux {release}; the lab needs {major}.{minor}"), remedy: None }
}

fn timestamps() -> Finding {
    match trial::receive_timestamps() {
        Ok(()) => Finding::Good(format!("in software; in hardware {}", hardware_clocks())),
        failed => Finding::of(failed, None),
    }
}

/// The interfaces whose hardware stamps the time.
fn hardware_clocks() -> String {
    let links = Netlink::open().and_then(|mut netlink| netlink.links()).unwrap_or_default();
    let names: Vec<String> = links
        .into_iter()
        .map(|link| link.name)
        .filter(|name| ethtool::has_hardware_timestamps(name).unwrap_or(false))
        .collect();
    if names.is_empty() { "on no interface".to_owned() } else { format!("on {}", names.join(", ")) }
}

fn icmp() -> Finding {
    match IcmpSocket::open(Family::V4, IcmpKind::Datagram) {
        Ok(_) => Finding::Good("works".to_owned()),
        Err(_) => {
            let why = match fs::read_to_string(PING_GROUP_RANGE) {
                Ok(range) => {
                    let groups = range.split_whitespace().collect::<Vec<_>>().join(" to ");
                    format!("net.ipv4.ping_group_range holds none of your groups, only {groups}")
                }
                Err(_) => "net.ipv4.ping_group_range holds none of your groups".to_owned(),
            };
            Finding::Bad {
                why,
                remedy: Some("sudo sysctl 'net.ipv4.ping_group_range=0 2147483647'".to_owned()),
            }
        }
    }
}

fn ipv6() -> Finding {
    match trial::ipv6() {
        Err(error) if error.source.raw_os_error() == Some(libc::EADDRNOTAVAIL) && is_loopback_down() => {
            Finding::Bad {
                why: "loopback is down".to_owned(),
                remedy: Some("sudo ip link set lo up".to_owned()),
            }
        }
        Err(error) if error.source.raw_os_error() == Some(libc::EADDRNOTAVAIL) => Finding::Bad {
            why: "switched off: loopback has no IPv6 address".to_owned(),
            remedy: Some("sudo sysctl net.ipv6.conf.all.disable_ipv6=0".to_owned()),
        },
        tried => Finding::of(tried, None),
    }
}

fn is_loopback_down() -> bool {
    let links = Netlink::open().and_then(|mut netlink| netlink.links());
    links.is_ok_and(|links| links.iter().any(|link| link.hardware == libc::ARPHRD_LOOPBACK && !link.is_up()))
}

/// Rings have memory of their own; this is for all other sockets.
fn buffers() -> Finding {
    let octets = fs::read_to_string(RMEM_MAX).ok().and_then(|text| text.trim().parse::<u64>().ok());
    match octets {
        Some(octets) if octets >= LARGE_BUFFER => Finding::Good(format!("up to {octets} octets")),
        Some(octets) => Finding::Bad {
            why: format!("net.core.rmem_max is {octets} octets: bursts of replies may be dropped"),
            remedy: Some(format!("sudo sysctl net.core.rmem_max={LARGE_BUFFER}")),
        },
        // The setting belongs to the machine, and is not shown in network namespaces.
        None => Finding::Good("as the machine allows".to_owned()),
    }
}

/// `program` is its own file, which the hosts of a lab run.
fn lab(program: io::Result<PathBuf>) -> Finding {
    let program = match program {
        Ok(program) => program,
        Err(error) => {
            return Finding::Bad {
                why: format!("not tried: {}", Cause(&error)),
                remedy: Some(HAS_NO_PROC.to_owned()),
            };
        }
    };
    match Lab::start(&LabOptions::new(program)) {
        Ok(_) => Finding::Good("works".to_owned()),
        Err(error) => match namespace::try_user_namespace() {
            Err(NamespaceError::UserForbidden { barrier, .. }) => {
                let why = format!("no user namespaces: {}", barrier.reason());
                Finding::Bad { why, remedy: Some(barrier.remedy().to_owned()) }
            }
            _ => Finding::Bad { why: error.to_string(), remedy: None },
        },
    }
}

/// Where a program cannot tell its own file, there is no /proc (proc(5)), by which all else would be found, too.
const HAS_NO_PROC: &str =
    "sudo mount -t proc proc /proc    # then `rawsock doctor` says what else is to be done";
/// The name of the check of the lab.
pub(super) const LAB: &str = "lab";
/// Processes are entered by their descriptor (setns(2)).
const OLDEST_KERNEL: (u32, u32) = (5, 8);
/// Room for some thousand replies of 1500 octets.
const LARGE_BUFFER: u64 = 4 * 1024 * 1024;
const PING_GROUP_RANGE: &str = "/proc/sys/net/ipv4/ping_group_range";
const RMEM_MAX: &str = "/proc/sys/net/core/rmem_max";
