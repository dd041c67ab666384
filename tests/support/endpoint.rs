//! Servers of ours, and the programs of others that talk to them.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "this is test code")]

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use rawsock::sys::process::send_signal;

use super::RAWSOCK;

/// All ways of waiting for sockets.
pub(crate) const MODELS: [&str; 4] = ["threads", "nonblocking", "epoll", "async"];

/// A `rawsock serve` that runs, and is ended with this value.
pub(crate) struct Serving {
    child: Child,
    lines: Receiver<String>,
    /// What it listens on.
    pub(crate) address: String,
}

impl Serving {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let mut command = Command::new(RAWSOCK);
        command.arg("serve").args(arguments);
        Self::run(command)
    }

    /// Of a command that runs `rawsock serve`.
    pub(crate) fn run(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stdin(Stdio::null()).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        let mut serving = Self { child, lines, address: String::new() };
        let line = serving.until("listening");
        serving.address = line.split(" on ").nth(1).unwrap().to_owned();
        serving
    }

    /// The port that it listens on.
    pub(crate) fn port(&self) -> &str {
        self.address.rsplit(':').next().unwrap()
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The next line that has these words in it.
    pub(crate) fn until(&self, words: &str) -> String {
        let mut said = Vec::new();
        loop {
            match self.lines.recv_timeout(Duration::from_secs(20)) {
                Ok(line) if line.contains(words) => return line,
                Ok(line) => said.push(line),
                Err(error) => panic!("no {words:?} in {said:#?}: {error}"),
            }
        }
    }

    /// Asks it to end, and gives its exit code with what it still said.
    pub(crate) fn end(self) -> (Option<i32>, Vec<String>) {
        send_signal(self.child.id(), 15).unwrap();
        self.ended()
    }

    /// As [`end`](Self::end), of one that was asked already.
    pub(crate) fn ended(mut self) -> (Option<i32>, Vec<String>) {
        let code = self.child.wait().unwrap().code();
        (code, self.lines.iter().collect())
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a program with this input, which ends after `pause`.
pub(crate) fn with_input(program: &str, arguments: &[&str], input: &[u8], pause: Duration) -> Output {
    let mut command = Command::new("timeout");
    command.arg("20").arg(program).args(arguments);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (mut stdin, input) = (child.stdin.take().unwrap(), input.to_vec());
    let writer = std::thread::spawn(move || {
        // Whoever has ended reads no more.
        let _ = stdin.write_all(&input);
        std::thread::sleep(pause);
    });
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output
}

/// What a reader gives until it has given `words`, and not an octet more.
pub(crate) fn read_until(reader: &mut impl Read, words: &str) -> String {
    let (mut said, mut octet) = (Vec::new(), [0]);
    while !said.ends_with(words.as_bytes()) {
        match reader.read(&mut octet) {
            Ok(1) => said.push(octet[0]),
            other => {
                let tail = said.len().saturating_sub(300);
                panic!("{other:?} before {words:?} behind {:?}", String::from_utf8_lossy(&said[tail..]))
            }
        }
    }
    String::from_utf8_lossy(&said).into_owned()
}
