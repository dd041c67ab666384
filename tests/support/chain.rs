//! A chain of network namespaces: client, routers, server.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "this is test code")]

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Output, Stdio};

use super::{RAWSOCK, run, skip_or_fail, text_of};

/// The hosts of a way, or of several, each in a network namespace of its own.
pub(crate) struct Chain {
    /// Its standard input keeps the namespaces; it ends when that is closed.
    keeper: Child,
    /// A process on each host: the client, the routers, the server.
    processes: Vec<u32>,
}

impl Chain {
    /// A way of so many hops; `None` where it cannot be made and need not be.
    pub(crate) fn of(hops: usize) -> Option<Self> {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/chain.sh");
        Self::made_by(script, hops, hops + 1)
    }

    /// A router that shares load over so many others, one behind them, and a server: `diamond.sh`.
    pub(crate) fn diamond(width: usize) -> Option<Self> {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/diamond.sh");
        Self::made_by(script, width, width + 4)
    }

    fn made_by(script: &str, argument: usize, hosts: usize) -> Option<Self> {
        let mut command = Command::new("unshare");
        command.args(["-Urn", "sh", script, &argument.to_string()]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut keeper = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(keeper.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let processes: Vec<u32> = line.split_whitespace().map(|word| word.parse().unwrap()).collect();
        if processes.len() == hosts {
            return Some(Self { keeper, processes });
        }
        drop(keeper.stdin.take());
        let mut said = String::new();
        keeper.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        keeper.wait().unwrap();
        skip_or_fail(&format!("no chain of namespaces: {line}{said}"));
        None
    }

    /// A command on a host: 0 is the client, then come the hops.
    pub(crate) fn command(&self, host: usize, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        let process = self.processes[host].to_string();
        command.args(["-t", &process, "-U", "-n", "--preserve-credentials", program]);
        command
    }

    /// Gives a host rules at a hook of netfilter: `raw` ones come before connections are followed, `filter` ones behind that.
    pub(crate) fn rules(&self, host: usize, family: &str, hook: &str, rules: &str) {
        let priority = if hook == "prerouting" { "raw" } else { "filter" };
        let table = format!(
            "table {family} test {{\n chain c {{\n type filter hook {hook} priority {priority}\n {rules}\n }}\n }}"
        );
        let output = run(self.command(host, "nft").arg(table));
        assert!(output.status.success(), "{}", text_of(&output));
    }

    /// Runs a trace on the client.
    pub(crate) fn trace(&self, arguments: &[&str]) -> Output {
        run(self.command(0, RAWSOCK).arg("trace").args(arguments))
    }
}

impl Drop for Chain {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }
}
