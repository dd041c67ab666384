//! A system call that failed: the call, its object, the cause and the remedy.

use std::fmt;
use std::io;

/// The system's numbers of errors (errno(3)), for those who have to tell some of them apart.
pub mod errno {
    pub use libc::{
        EACCES, EADDRNOTAVAIL, EAGAIN, ECONNREFUSED, ECONNRESET, EHOSTUNREACH, EINVAL, EMSGSIZE, ENETDOWN,
        ENETUNREACH, ENOBUFS, ENODEV, ENOMEM, ENXIO, EPERM, EPIPE, ETIMEDOUT,
    };
}

/// Why a socket could not do what it was asked for.
#[derive(Debug, thiserror::Error)]
#[error("{call} {object}: {}{}", Cause(source), remedy(call, source))]
pub struct SysError {
    /// What was tried: `open`, `bind`, `send to`.
    pub call: &'static str,
    /// On what: `a raw ICMP socket`, `eth9`, `10.0.0.1`.
    pub object: String,
    /// What the system said.
    pub source: io::Error,
}

impl SysError {
    /// An error of `call` on `object`, to be given what the system said.
    pub fn of<'a>(call: &'static str, object: impl fmt::Display + 'a) -> impl FnOnce(io::Error) -> Self + 'a {
        move |source| Self { call, object: object.to_string(), source }
    }

    /// The same error, for whoever is told of it later.
    #[must_use]
    pub fn again(&self) -> Self {
        let source = match self.source.raw_os_error() {
            Some(number) => io::Error::from_raw_os_error(number),
            None => io::Error::new(self.source.kind(), self.source.to_string()),
        };
        Self { call: self.call, object: self.object.clone(), source }
    }

    /// Whether a right is missing.
    pub fn is_permission(&self) -> bool {
        matches!(self.source.raw_os_error(), Some(libc::EPERM | libc::EACCES))
    }

    /// Whether this process or the system has too much open already, so that it may work when something of that is closed (socket(2)).
    pub fn is_want_of_room(&self) -> bool {
        match self.source.raw_os_error() {
            Some(libc::EMFILE | libc::ENFILE) => true,
            // Of a socket that is open they say something else: that a queue is full.
            Some(libc::ENOBUFS | libc::ENOMEM) => self.call == OPEN,
            _ => false,
        }
    }
}

/// The system's words without Rust's "(os error 1)".
#[derive(Debug)]
pub struct Cause<'a>(pub &'a io::Error);

impl fmt::Display for Cause<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.to_string();
        let words = text.split(" (os error").next().unwrap_or(&text);
        let mut letters = words.chars();
        match letters.next() {
            Some(first) => write!(f, "{}{}", first.to_lowercase(), letters.as_str()),
            None => f.write_str("unknown error"),
        }
    }
}

/// What to do about it.
fn remedy(call: &str, source: &io::Error) -> &'static str {
    match source.raw_os_error() {
        // Who has the socket has the right; what comes back from the output hook is this (`nf_hook_slow` in net/netfilter/core.c).
        Some(libc::EPERM) if call == "send to" => {
            "; a rule of this host's own firewall forbids it: `nft list ruleset` shows them"
        }
        Some(error @ (libc::EACCES | libc::EINVAL)) if call == "connect to" => not_connected(error),
        Some(libc::EPERM | libc::EACCES) if call == "give up" => {
            "; whoever started this program keeps it from that, as containers do"
        }
        Some(libc::EPERM | libc::EACCES) => {
            "; it takes CAP_NET_RAW: run it under sudo, grant it once with `sudo setcap cap_net_raw,cap_net_admin+p \"$(command -v rawsock)\"`, or \
             try it in a network of its own with `rawsock lab -- COMMAND`"
        }
        Some(libc::ENODEV | libc::ENXIO) => "; `rawsock interfaces` lists them",
        Some(libc::ENETDOWN) => "; `ip link set NAME up` brings an interface up",
        Some(libc::ENETUNREACH | libc::EHOSTUNREACH) => {
            "; `ip route get ADDRESS` shows the way that it would take"
        }
        Some(libc::EMSGSIZE) => {
            "; it is larger than the MTU of the interface, or of the path as far as it is known: `rawsock interfaces` and `ip route get ADDRESS` \
             show them"
        }
        Some(libc::ENOBUFS) if call != OPEN => "; the interface's queue is full: send more slowly",
        Some(libc::EMFILE | libc::ENFILE) => NO_DESCRIPTOR,
        Some(libc::EAGAIN) if call == "start" => NO_THREAD,
        Some(libc::ENOMEM) if call == "map" => "; a smaller one takes less, as `capture -B` says it",
        _ => "",
    }
}

/// What to do where a socket of IP cannot be connected for no want of a right (`ip_route_connect` in include/net/route.h, connect(2)).
pub(crate) fn not_connected(errno: i32) -> &'static str {
    match errno {
        libc::EACCES => {
            "; a route of type prohibit stands in the way, which `ip route get ADDRESS` shows, or the address is one of broadcast"
        }
        libc::EINVAL => {
            "; a link-local address takes its interface (ADDRESS%INTERFACE), or a route of type blackhole stands in the way, which \
             `ip route get ADDRESS` shows"
        }
        _ => "",
    }
}

/// The call that makes a socket.
const OPEN: &str = "open";

/// What to do where files, sockets and all that has a descriptor are too many.
pub(crate) const NO_DESCRIPTOR: &str =
    "; no descriptor is left: `ulimit -n` shows and sets how many there may be";

/// What to do where a thread cannot be had (pthread_create(3)).
const NO_THREAD: &str = "; no thread is left, or no memory for it: `ulimit -u` and `ulimit -v` show and set how much there may be";

/// What the system said where nobody has said what was tried, and what to do about it.
pub(crate) fn words(source: &io::Error) -> String {
    let remedy = match source.raw_os_error() {
        Some(libc::EMFILE | libc::ENFILE) => NO_DESCRIPTOR,
        Some(libc::EAGAIN) => NO_THREAD,
        _ => "",
    };
    format!("{}{remedy}", Cause(source))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_has_call_object_cause_and_remedy() {
        let error = SysError::of("bind to", "eth9")(io::Error::from_raw_os_error(libc::ENODEV));
        assert_eq!(error.to_string(), "bind to eth9: no such device; `rawsock interfaces` lists them");
        let open = SysError::of("open", "x")(io::Error::from_raw_os_error(libc::EPERM)).to_string();
        assert!(open.contains("CAP_NET_RAW"), "{open}");
        let send = SysError::of("send to", "10.0.0.1")(io::Error::from_raw_os_error(libc::EPERM)).to_string();
        assert!(send.contains("firewall") && !send.contains("CAP_NET_RAW"), "{send}");
        assert!(SysError::of("open", "x")(io::Error::from_raw_os_error(libc::EPERM)).is_permission());
        let to =
            SysError::of("connect to", "10.0.0.1:80")(io::Error::from_raw_os_error(libc::EACCES)).to_string();
        assert!(to.contains("prohibit") && !to.contains("CAP_NET_RAW"), "{to}");
    }

    #[test]
    fn a_queue_that_is_full_is_no_want_of_room_for_a_socket() {
        let error = |call, errno| SysError::of(call, "x")(io::Error::from_raw_os_error(errno));
        assert!(
            error("open", libc::EMFILE).is_want_of_room() && error("bind", libc::ENFILE).is_want_of_room()
        );
        assert!(error("open", libc::ENOBUFS).is_want_of_room());
        assert!(!error("open", libc::ENOBUFS).to_string().contains("queue"));
        assert!(!error("send to", libc::ENOBUFS).is_want_of_room());
    }
}
