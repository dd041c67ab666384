//! Any octets as a capture file: reading ends; whether they come at once or octet by octet, the packets are the same; and what was
//! read is the same again when it was written as pcapng, or as pcap as far as that can say it.

use std::io::{self, Cursor, Read, Write};
use std::sync::{Arc, Mutex};

use rawsock::file::{CaptureReader, CaptureWriter, Format, Interface, KeptRun, Packing, WriteOptions};
use rawsock::wire::frame::{LinkType, OwnedFrame};

/// What was read: packets, the link types of the interfaces, what went wrong.
pub type Whole = (Vec<OwnedFrame>, Vec<LinkType>, Vec<String>);

/// Reads all, of at most so many packets and errors.
pub fn read(source: impl Read + Send + 'static, most: usize) -> Whole {
    let mut reader = match CaptureReader::new(source) {
        Ok(reader) => reader,
        Err(error) => return (Vec::new(), Vec::new(), vec![error.to_string()]),
    };
    let (mut packets, mut errors) = (Vec::new(), Vec::new());
    for _ in 0..=most {
        match reader.next() {
            Ok(None) => {
                let link_types = reader.interfaces().iter().map(|interface| interface.link_type).collect();
                return (packets, link_types, errors);
            }
            Ok(Some(frame)) => packets.push(OwnedFrame::from(&frame)),
            Err(error) => errors.push(error.to_string()),
        }
    }
    panic!("reading does not end");
}

/// Reads all, as many packets at once as there are in so many octets.
fn in_runs(source: impl Read + Send + 'static, octets: usize) -> (Vec<OwnedFrame>, Vec<String>) {
    let mut reader = match CaptureReader::new(source) {
        Ok(reader) => reader,
        Err(error) => return (Vec::new(), vec![error.to_string()]),
    };
    let (mut packets, mut errors, mut kept) = (Vec::new(), Vec::new(), KeptRun::default());
    loop {
        if let Some(run) = reader.run(octets) {
            kept.keep(&run);
            let before = packets.len();
            packets.extend(kept.run().expect("a run is kept").frames().map(|frame| OwnedFrame::from(&frame)));
            assert_eq!(run.packets(), (packets.len() - before) as u64);
            continue;
        }
        match reader.next() {
            Ok(None) => return (packets, errors),
            Ok(Some(frame)) => packets.push(OwnedFrame::from(&frame)),
            Err(error) => errors.push(error.to_string()),
        }
    }
}

/// Gives its octets one by one, and is interrupted in between.
struct Dribble(Cursor<Vec<u8>>, usize);

impl Read for Dribble {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        self.1 += 1;
        if self.1.is_multiple_of(3) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let piece = room.len().min(1 + self.1 % 7);
        self.0.read(&mut room[..piece])
    }
}

/// Octets that are written, to be looked at afterwards.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("nobody panics meanwhile").extend_from_slice(octets);
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Holds it for a file that is not packed.
pub fn check(file: Vec<u8>) {
    let most = file.len() / 8 + 2;
    let (packets, link_types, errors) = read(Cursor::new(file.clone()), most);
    let total: usize = packets.iter().map(|packet| packet.data.len()).sum();
    assert!(total <= file.len(), "{total} octets out of {}", file.len());
    let (again, _, same) = read(Dribble(Cursor::new(file.clone()), 0), most);
    assert_eq!((&again, &same), (&packets, &errors));
    for octets in [1, 100, usize::MAX] {
        assert_eq!(in_runs(Cursor::new(file.clone()), octets), (packets.clone(), errors.clone()));
    }
    written(&packets, &link_types, None);
}

/// What was read, written and read again.
pub fn written(packets: &[OwnedFrame], link_types: &[LinkType], packing: Option<Packing>) {
    let pcapng = copy(packets, link_types, Format::Pcapng, packing);
    let (again, _, errors) = read(Cursor::new(pcapng), packets.len() + 2);
    assert!(errors.is_empty(), "{errors:?}");
    // Of a packet without a time, and of one from before 1970, the beginning of 1970 is written.
    for (before, after) in packets.iter().zip(&again) {
        assert_eq!(
            after,
            &OwnedFrame { time: Some(before.time.unwrap_or(0).max(0)), section_start: 0, ..before.clone() }
        );
    }
    assert_eq!(packets.len(), again.len());
    let Some(first) = packets.first() else { return };
    let alike: Vec<_> =
        packets.iter().filter(|packet| packet.link_type == first.link_type).cloned().collect();
    let pcap = copy(&alike, &[first.link_type], Format::Pcap, packing);
    let (again, _, errors) = read(Cursor::new(pcap), packets.len() + 2);
    assert!(errors.is_empty(), "{errors:?}");
    let data = |packets: &[OwnedFrame]| packets.iter().map(|packet| packet.data.clone()).collect::<Vec<_>>();
    assert_eq!(data(&alike), data(&again));
}

/// A file of these packets, as far as they can be written.
fn copy(
    packets: &[OwnedFrame],
    link_types: &[LinkType],
    format: Format,
    packing: Option<Packing>,
) -> Vec<u8> {
    let shared = Shared::default();
    let options = WriteOptions { format: Some(format), packing, ..WriteOptions::default() };
    let mut writer = CaptureWriter::new(shared.clone(), options).expect("memory takes all");
    for link_type in link_types {
        writer.add_interface(&Interface::of(*link_type)).expect("an interface can be described");
    }
    for packet in packets {
        writer.write(&packet.borrowed()).unwrap_or_else(|error| panic!("{error}: {packet:?}"));
    }
    writer.finish().expect("memory takes all");
    shared.0.lock().expect("nobody panics meanwhile").clone()
}
