//! tcpdump at the other end of a cable: the judge of what was sent.
#![allow(clippy::unwrap_used, clippy::panic, reason = "this is test code")]

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;

use rawsock::file::CaptureReader;
use rawsock::lab::{Host, Lab};
use rawsock::sys::process::send_signal;
use tempfile::TempDir;

use super::capture::SIGINT;

/// A packet of a file: its time in nanoseconds, its octets.
pub(crate) type Packet = (i64, Vec<u8>);

/// tcpdump at one end of a cable.
pub(crate) struct Peer {
    child: Child,
    file: PathBuf,
}

impl Peer {
    /// Listens for what comes in on an interface.
    pub(crate) fn listen(lab: &Lab, host: Host, interface: &str, folder: &TempDir, filter: &str) -> Self {
        Self::start(lab, host, interface, folder, &["-Q", "in", filter])
    }

    /// Listens for what comes in and goes out on an interface.
    pub(crate) fn listen_both_ways(lab: &Lab, host: Host, interface: &str, folder: &TempDir) -> Self {
        Self::start(lab, host, interface, folder, &[])
    }

    fn start(lab: &Lab, host: Host, interface: &str, folder: &TempDir, further: &[&str]) -> Self {
        let file = folder.path().join(format!("{}-{interface}.pcap", host.name()));
        let mut command = lab.command(host, "tcpdump");
        command.args([
            "-i",
            interface,
            "-B",
            "16384",
            "-s",
            "2048",
            "--immediate-mode",
            "-U",
            "--nano",
            "-w",
        ]);
        let mut child = command.arg(&file).args(further).stderr(Stdio::piped()).spawn().unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut said = String::new();
        while !said.contains("listening on") {
            said.clear();
            assert_ne!(stderr.read_line(&mut said).unwrap(), 0, "tcpdump ended");
        }
        std::thread::spawn(move || stderr.read_to_end(&mut Vec::new()));
        Self { child, file }
    }

    /// What came.
    pub(crate) fn packets(self) -> Vec<Packet> {
        packets_of(&self.file())
    }

    /// The file of what came.
    pub(crate) fn file(mut self) -> PathBuf {
        std::thread::sleep(Duration::from_millis(300));
        send_signal(self.child.id(), SIGINT).unwrap();
        self.child.wait().unwrap();
        self.file
    }
}

pub(crate) fn packets_of(file: &Path) -> Vec<Packet> {
    let mut reader = CaptureReader::open(file).unwrap();
    let mut packets = Vec::new();
    while let Some(frame) = reader.next().unwrap() {
        packets.push((frame.time.unwrap(), frame.data.to_vec()));
    }
    packets
}

pub(crate) fn octets(packets: &[Packet]) -> Vec<Vec<u8>> {
    packets.iter().map(|(_, octets)| octets.clone()).collect()
}
