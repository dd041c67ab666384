//! Frames to be sent again, and `rawsock replay` on the lab's client.

use std::path::Path;
use std::process::Output;

use rawsock::file::{CaptureWriter, Interface, WriteOptions};
use rawsock::lab::{Host, Lab};
use rawsock::wire::frame::{Direction, Frame, LinkType};
use serde_json::Value;
use tempfile::TempDir;

use super::peer::Packet;
use super::{RAWSOCK, run, text_of};

/// The source of all frames that tests make: the kernels' own have others.
pub(crate) const SOURCE: [u8; 6] = [2, 0xaa, 0, 0, 0, 1];
/// What a tap takes of them.
pub(crate) const FROM_SOURCE: &str = "ether src 02:aa:00:00:00:01";

/// Frames of an unused protocol (RFC 5342 §2.3.4) with their number, of changing lengths, and gaps of up to 3 ms between them.
pub(crate) fn frames(count: u32) -> Vec<Packet> {
    let mut time = 1_700_000_000_000_000_000;
    let frame = |number: u32| {
        let mut frame = vec![2, 0xaa, 0, 0, 0, 2];
        frame.extend(SOURCE);
        frame.extend([0x88, 0xb5]);
        frame.extend(number.to_be_bytes());
        let len = 60 + (number as usize * 37) % 1400;
        frame.resize(len, u8::try_from(number % 251).unwrap());
        frame
    };
    let packets = (0..count).map(|number| {
        time += i64::from(number * 7919 % 3000) * 1000;
        (time, frame(number))
    });
    packets.collect()
}

/// Writes a file with these packets.
pub(crate) fn write(
    file: &Path,
    link_type: LinkType,
    packets: &[Packet],
    direction: impl Fn(usize) -> Direction,
) {
    let mut writer = CaptureWriter::create(file, WriteOptions::default()).unwrap();
    writer.add_interface(&Interface::of(link_type)).unwrap();
    for (number, (time, octets)) in packets.iter().enumerate() {
        let frame = Frame::new(octets, link_type);
        writer.write(&Frame { time: Some(*time), direction: direction(number), ..frame }).unwrap();
    }
    writer.finish().unwrap();
}

/// A folder with a file of these packets.
pub(crate) fn file_of(packets: &[Packet]) -> (TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("frames.pcapng");
    write(&file, LinkType::ETHERNET, packets, |number| {
        if number.is_multiple_of(3) { Direction::Outbound } else { Direction::Inbound }
    });
    let name = file.to_str().unwrap().to_owned();
    (folder, name)
}

/// Runs it on the client.
pub(crate) fn replay(lab: &Lab, arguments: &[&str]) -> Output {
    run(lab.command(Host::Client, RAWSOCK).arg("replay").args(arguments))
}

/// The summary as JSON; the exit code must be this.
pub(crate) fn summary(lab: &Lab, code: i32, arguments: &[&str]) -> Value {
    let output = replay(lab, &[arguments, &["--json"]].concat());
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", text_of(&output));
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", text_of(&output)))
}
