//! Which rule of this host's own firewall forbids a probe: the kernel traces one more, and the `nft` program says what stands there.

use std::io;
use std::process::Command;

use super::probe_each::ask;
use super::probe_session::Session;
use super::system_program::find;
use crate::exchange::engine::{MILLISECOND, Nanos};
use crate::exchange::probe::{EndPoint, ProbePlan, Way};
use crate::show::text::printable;
use crate::sys::answer_socket::HeldPort;
use crate::sys::ip_socket::Family;
use crate::sys::nftables::trace::{RuleTrace, Taker};
use crate::sys::poll;

/// A rule, or what to do to find it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rule {
    /// In words.
    pub(super) text: String,
    /// It looks at users or groups.
    pub(super) is_of_users: bool,
}

/// All rules of this host, as the `nft` program writes them. They are listed before anybody is asked: afterwards no program is run.
#[derive(Debug, Clone, Default)]
pub(super) struct Rules(String);

impl Rules {
    /// Lists them, where that program is there and may.
    pub(super) fn list() -> Self {
        let listed =
            find("nft").and_then(|nft| Command::new(nft).args(["-a", "list", "ruleset"]).output().ok());
        Self(listed.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default())
    }

    /// The rule with this number in a chain.
    fn rule(&self, (family, table, chain): (&str, &str, &str), handle: u64) -> Option<&str> {
        let (table, chain) = (format!("table {family} {table} {{"), format!("chain {chain} {{"));
        let mark = format!("# handle {handle}");
        let mut lines = self.0.lines().map(str::trim);
        lines.find(|line| line.starts_with(&table))?;
        lines.find(|line| line.starts_with(&chain))?;
        // The chain ends before its table does.
        lines.take_while(|line| *line != "}").find_map(|line| line.strip_suffix(&mark).map(str::trim))
    }
}

/// Has the kernel tell which rule takes what comes from a port that is kept for that. It is opened before anybody is asked, since the
/// right to is given up then.
pub(super) struct Tracer {
    trace: Result<RuleTrace, String>,
    port: u16,
    /// Nobody else has the port.
    _held: Vec<HeldPort>,
}

impl Tracer {
    /// Keeps a port, and begins to listen.
    pub(super) fn open() -> Self {
        let (port, held) = keep_port();
        let trace = RuleTrace::open(port).map_err(|error| error.to_string());
        Self { trace, port, _held: held }
    }
}

/// A TCP port of both families, where the host has both.
fn keep_port() -> (u16, Vec<HeldPort>) {
    for _ in 0..TRIES {
        let Ok(first) = HeldPort::of_all(Family::V4, false, 0) else { break };
        let Some(port) = first.port() else { break };
        match HeldPort::of_all(Family::V6, false, port) {
            Ok(second) => return (port, vec![first, second]),
            // Taken by somebody: another one, then.
            Err(error) if error.source.kind() == io::ErrorKind::AddrInUse => {}
            Err(_) => return (port, vec![first]),
        }
    }
    let second = HeldPort::of_all(Family::V6, false, 0).ok();
    (second.as_ref().and_then(HeldPort::port).unwrap_or(0), second.into_iter().collect())
}

/// Ports that are tried.
const TRIES: usize = 16;

/// Names the rule that takes what is asked in this way.
pub(super) fn name(
    session: &mut Session,
    end_point: &EndPoint,
    way: Way,
    name_of: &dyn Fn(Way) -> String,
) -> Rule {
    let untraced = |error: &str| {
        let text = format!(
            "not traced ({error}); with CAP_NET_ADMIN it is named here, and `sudo nft list ruleset` shows the chains with `hook output`"
        );
        Rule { text, is_of_users: false }
    };
    let port = match &session.tracer {
        Some(Tracer { trace: Ok(trace), port, .. }) => {
            // What others had traced until now.
            trace.takers();
            *port
        }
        Some(Tracer { trace: Err(error), .. }) => return untraced(error),
        None => return untraced("it was not asked for"),
    };
    // Once more, without waiting for an answer.
    let plan =
        ProbePlan { ways: vec![way], timeout: 50 * MILLISECOND, interval: 0, gap: 0, count: 1, at_once: 1 };
    session.sockets.options.port = Some(port);
    let asked = ask(session, end_point, plan, name_of, &mut |_| ());
    session.sockets.options.port = None;
    if let Err(error) = asked {
        return Rule { text: format!("not traced: {error}"), is_of_users: false };
    }
    let Some(Tracer { trace: Ok(trace), .. }) = &session.tracer else { return untraced("it is gone") };
    let _ = poll::wait(&[trace.as_fd()], &[], Some(PATIENCE));
    match trace.takers().first() {
        Some(taker) => told(taker, &session.rules),
        None => {
            let text = "no rule of nf_tables takes it: `iptables-legacy -S OUTPUT`, a cgroup's BPF program or a security module may";
            Rule { text: text.to_owned(), is_of_users: false }
        }
    }
}

/// How long the kernel may take to tell.
const PATIENCE: Nanos = 100 * MILLISECOND;

/// What took it, with the rule as `nft` writes it, where that is there.
fn told(taker: &Taker, rules: &Rules) -> Rule {
    let Taker { family, table, chain, handle } = taker;
    let place = format!("table {family} {table}, chain {chain}");
    let Some(handle) = handle else {
        return Rule { text: format!("{place}: the chain's policy drops it"), is_of_users: false };
    };
    let rule = rules.rule((family, table, chain), *handle);
    let is_of_users = rule
        .is_some_and(|rule| USER_WORDS.iter().any(|word| rule.split_whitespace().any(|part| part == *word)));
    let rule = rule.map(|rule| format!(" `{rule}`")).unwrap_or_default();
    Rule { text: printable(&format!("{place}, handle {handle}{rule}")), is_of_users }
}

/// What rules begin with that look at whoever sends (nft(8), and `owner` of iptables(8)).
const USER_WORDS: [&str; 5] = ["skuid", "skgid", "owner", "cgroup", "cgroupv2"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_that_of_its_own_chain() {
        let listed = "table ip other { # handle 1\n\tchain out { # handle 1\n\t\tdrop # handle 4\n\t}\n}\n\
                      table inet fw { # handle 2\n\tset s { # handle 9\n\t\ttype inet_service\n\t}\n\n\tchain in { # handle 1\n\t\taccept # handle 4\n\t}\n\n\
                      \tchain out { # handle 2\n\t\ttype filter hook output priority filter; policy accept;\n\t\tmeta skuid 1000 drop # handle 4\n\t}\n}\n";
        let rules = Rules(listed.to_owned());
        assert_eq!(rules.rule(("inet", "fw", "out"), 4), Some("meta skuid 1000 drop"));
        assert_eq!(rules.rule(("inet", "fw", "in"), 4), Some("accept"));
        assert_eq!(rules.rule(("inet", "fw", "out"), 5), None);
        assert_eq!(rules.rule(("ip6", "fw", "out"), 4), None);
    }
}
