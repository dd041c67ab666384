//! Files over `serve` and `connect`: whatever the other side says, and whatever becomes of the connections in between, what goes out is
//! the file from where it was asked for, what gets its name is whole and has the sum that was told, nothing else is written, and whoever
//! tries again gets the file in the end.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use rawsock::plain::connection::Connection;
use rawsock::plain::event::{Event, Watch};
use rawsock::plain::file_receive::Intake;
use rawsock::plain::file_send::{Offered, Outcome};
use rawsock::plain::files::{Files, Way};
use rawsock::plain::limits::Limits;
use rawsock::plain::service::{Peer, Service, Waker};
use rawsock::show::plain;
use rawsock::sys::clock::Now;
use rawsock::sys::folder::Folder;
use rawsock::sys::socket_address::SocketAddress;
use tempfile::TempDir;

use super::harmless;
use super::script::Script;

/// Octets that may wait for a peer, that the file has which goes out, and that one may have which comes.
const QUEUE: usize = 128;
const LEN: usize = 300;
const LIMIT: u64 = 400;

/// Names that a peer may say.
const NAMES: [&str; 8] =
    ["notes.txt", "there", "../outside", ".", "", "\u{1b}[2J", "notes\u{202e}.txt", "notes.txt.0000.part"];

/// Holds it. The first octet says who is asked, each further one what happens next.
pub fn check(input: &[u8]) {
    let mut script = Script(input);
    let Some(first) = script.octet() else { return };
    let place = Place::new();
    match first % 3 {
        0 => hostile_taker(&place, script),
        1 => hostile_giver(&place, first & 0x80 != 0, script),
        _ => bad_cable(&place, script),
    }
    let outside: Vec<_> = fs::read_dir(place.top.path()).expect("it is there").collect();
    assert_eq!(outside.len(), 2, "something was written outside: {outside:?}");
}

/// A folder that takes files, and beside it the file that goes out.
struct Place {
    top: TempDir,
    offered: Arc<Offered>,
    content: Vec<u8>,
}

impl Place {
    fn new() -> Self {
        // What is in memory is no wear.
        let memory = Path::new("/dev/shm");
        let top = if memory.is_dir() { TempDir::new_in(memory) } else { TempDir::new() };
        let top = top.expect("there is room");
        let content: Vec<u8> = (0..LEN).map(|at| (at * 7 / 3) as u8).collect();
        fs::create_dir(top.path().join("in")).expect("it is ours");
        let path = top.path().join("out");
        fs::write(&path, &content).expect("it is ours");
        let file = File::open(&path).expect("it was written");
        let offered = Arc::new(Offered::read(file, "notes.txt".to_owned()).expect("it can be read"));
        Self { top, offered, content }
    }

    fn inside(&self, name: &str) -> std::path::PathBuf {
        self.top.path().join("in").join(name)
    }

    fn gives(&self) -> Files {
        Files::new(Way::Out(Arc::clone(&self.offered)), Arc::new(Watching))
    }

    fn takes(&self, force: bool) -> Files {
        let folder = Folder::open(&self.top.path().join("in")).expect("it is there");
        let intake = Intake { folder, name: None, force, limit: LIMIT };
        Files::new(Way::In(Arc::new(intake)), Arc::new(Watching))
    }
}

/// What is told is harmless, and nothing is done that is more than all.
struct Watching;

impl Watch for Watching {
    fn event(&self, event: &Event<'_>) {
        harmless::object(&plain::json(event));
        plain::line(event).iter().for_each(|line| harmless::line(line));
        if let Event::Progress { file, done, total, .. } = event {
            assert!(done <= total);
            harmless::line(&plain::progress(file, *done, *total));
        }
    }
}

impl Waker for Watching {
    fn wake(&self) {}
}

/// A connection, and what went either way.
struct Side {
    connection: Connection,
    said: Vec<u8>,
    heard: Vec<u8>,
    /// It was told that nothing more comes: what it says is passed over.
    has_fin: bool,
    is_over: bool,
}

impl Side {
    fn new(service: &dyn Service, now: Now) -> Self {
        let address = SocketAddress::Unnamed;
        let peer = Peer { id: 1, address, keeps_messages: false, is_datagrams: false };
        let session = service.open(&peer, Arc::new(Watching));
        let limits = Limits { queue: QUEUE, ..Limits::default() };
        let connection = Connection::open(peer, session, limits, now);
        Self { connection, said: Vec::new(), heard: Vec::new(), has_fin: false, is_over: false }
    }

    /// Hands octets over, as far as they are read; how many.
    fn hear(&mut self, octets: &[u8], now: Now) -> usize {
        let wants = self.connection.wants(now);
        if !wants.read || self.is_over || octets.is_empty() {
            return 0;
        }
        self.connection.received(octets, now);
        if !self.has_fin {
            self.heard.extend_from_slice(octets);
        }
        octets.len()
    }

    /// Takes so many octets of what is to be sent.
    fn say(&mut self, most: usize, now: Now) -> Vec<u8> {
        let wants = self.connection.wants(now);
        let output = self.connection.output();
        assert!(output.len() <= QUEUE + 1024, "{}", output.len());
        let octets = output[..output.len().min(most)].to_vec();
        if !octets.is_empty() {
            self.connection.sent(octets.len(), now);
        }
        self.said.extend_from_slice(&octets);
        if wants.fin {
            self.connection.fin_sent(now);
            self.has_fin = true;
        }
        self.is_over |= wants.end.is_some();
        octets
    }

    /// Takes all that comes without another word.
    fn say_all(&mut self, now: Now) {
        while !self.say(usize::MAX, now).is_empty() {}
    }
}

/// What somebody says who may know the words.
fn words(what: u8, script: &mut Script<'_>, place: &Place) -> Vec<u8> {
    let sum = &place.offered.offer.sum;
    let octet = script.octet().unwrap_or(0);
    match what / 8 % 5 {
        0 => script.piece().to_vec(),
        1 => format!("FROM {}\n", u16::from(octet) * 2).into_bytes(),
        2 => format!("OK {sum}\n").into_bytes(),
        3 => {
            let (name, len) = (NAMES[usize::from(octet % 8)], LEN + usize::from(octet / 64));
            format!("FILE {len} {sum} {name}\n").into_bytes()
        }
        _ => {
            let from = usize::from(octet).min(LEN);
            let to = from + usize::from(script.octet().unwrap_or(0)).min(LEN - from);
            place.content[from..to].to_vec()
        }
    }
}

/// Somebody takes the file, and says anything.
fn hostile_taker(place: &Place, mut script: Script<'_>) {
    let service = place.gives();
    let mut now = Now { monotonic: 1, wall: 1 };
    let mut side = Side::new(&service, now);
    while let Some(what) = script.octet() {
        match what % 8 {
            0 => now.monotonic += u64::from(script.number()) * 1_000_000,
            1..=3 => drop(side.hear(&words(what, &mut script, place), now)),
            4 => side.connection.input_ended(now),
            _ => drop(side.say(usize::from(what / 8) * 8, now)),
        }
    }
    side.say_all(now);
    let Side { said, heard, .. } = side;
    let offer = format!("FILE {LEN} {} notes.txt\n", place.offered.offer.sum);
    let sent = said.strip_prefix(offer.as_bytes()).expect("it says what there is");
    let end = sent.windows(6).position(|words| words == b"ERROR ").unwrap_or(sent.len());
    let asked = heard.split(|octet| *octet == b'\n').next().and_then(|line| std::str::from_utf8(line).ok());
    let from =
        asked.and_then(|line| line.trim_end_matches('\r').strip_prefix("FROM ")?.parse::<usize>().ok());
    let (content, octets) = (&place.content[from.unwrap_or(LEN).min(LEN)..], &sent[..end]);
    assert!(content.starts_with(octets), "{octets:?} from {from:?}");
    if service.outcome() == Some(Outcome::Done) {
        assert_eq!(octets, content, "it was not sent to its end");
    }
}

/// Somebody brings files, and says anything, by two connections at once.
fn hostile_giver(place: &Place, force: bool, mut script: Script<'_>) {
    let old = place.inside("there");
    File::create(&old).and_then(|mut file| file.write_all(b"old")).expect("it is ours");
    let service = place.takes(force);
    let mut now = Now { monotonic: 1, wall: 1 };
    let mut sides = [Side::new(&service, now), Side::new(&service, now)];
    let mut heard = Vec::new();
    while let Some(what) = script.octet() {
        let side = &mut sides[usize::from(what >> 7)];
        match what % 8 {
            0 => now.monotonic += u64::from(script.number()) * 1_000_000,
            1..=3 => drop(side.hear(&words(what, &mut script, place), now)),
            4 => side.connection.input_ended(now),
            5 => {
                heard.append(&mut side.heard);
                *side = Side::new(&service, now);
            }
            _ => drop(side.say(usize::from(what / 8 % 16) * 8, now)),
        }
    }
    for side in &mut sides {
        side.say_all(now);
        // Whoever says nothing is not kept for ever.
        now.monotonic += 2 * 600 * 1_000_000_000;
        assert!(side.connection.wants(now).end.is_some(), "it is kept");
        let is_done = side.said.windows(3).any(|words| words == b"OK ");
        assert!(!is_done || side.heard.starts_with(b"FILE "));
        heard.append(&mut side.heard);
    }
    drop(sides);
    let heard = String::from_utf8_lossy(&heard).to_ascii_lowercase();
    for entry in fs::read_dir(place.top.path().join("in")).expect("it is there") {
        let path = entry.expect("it is there").path();
        let name =
            path.file_name().and_then(|name| name.to_str()).expect("only such names were said").to_owned();
        let content = fs::read(&path).expect("it is ours");
        let is_part = name.strip_suffix(".part").is_some_and(|name| name.len() > 16);
        assert!(content.len() as u64 <= LIMIT, "{name} has {} octets", content.len());
        let is_kept = name == "there" && content == b"old";
        let sum = Offered::read(File::open(&path).expect("it is there"), name.clone())
            .expect("it is a file")
            .offer
            .sum;
        let is_told = heard.contains(&format!("{sum} {name}").to_ascii_lowercase());
        let is_whole = is_told && (force || name != "there");
        assert!(is_part || is_kept || is_whole, "{name}: {content:?}");
    }
}

/// Both sides mean well, and the connection between them does not.
fn bad_cable(place: &Place, mut script: Script<'_>) {
    let (gives, takes) = (place.gives(), place.takes(false));
    let now = Now { monotonic: 1, wall: 1 };
    let pair = || (Side::new(&gives, now), Side::new(&takes, now));
    let (mut giver, mut taker) = pair();
    while let Some(what) = script.octet() {
        match what % 8 {
            0..=3 => drop(carry(&mut giver, &mut taker, 1 + usize::from(what >> 3), now, &|_| {})),
            4 | 5 => drop(carry(&mut taker, &mut giver, 1 + usize::from(what >> 3), now, &|_| {})),
            6 => {
                let (at, change) = (usize::from(script.octet().unwrap_or(0)), script.octet().unwrap_or(0));
                carry(&mut giver, &mut taker, 1 + usize::from(what >> 3) * 8, now, &|octets| {
                    let len = octets.len().max(1);
                    octets.iter_mut().skip(at % len).take(1).for_each(|octet| *octet ^= change);
                });
            }
            _ => {
                taker.connection.input_ended(now);
                drop((giver, taker));
                (giver, taker) = pair();
            }
        }
    }
    drop((giver, taker));
    // The first attempt may go on with what was changed, which is seen at its end; the second one begins anew.
    for attempt in 0..2 {
        let path = place.inside("notes.txt");
        if path.exists() {
            break;
        }
        let (mut giver, mut taker) = pair();
        while carry(&mut giver, &mut taker, usize::MAX, now, &|_| {})
            + carry(&mut taker, &mut giver, usize::MAX, now, &|_| {})
            > 0
        {}
        assert!(attempt == 0 || path.exists(), "it does not get there: {:?}", takes.outcome());
        assert_eq!(
            gives.outcome() == Some(Outcome::Done),
            path.exists(),
            "{:?} {:?}",
            gives.outcome(),
            takes.outcome()
        );
    }
    assert_eq!(fs::read(place.inside("notes.txt")).expect("it is there"), place.content);
}

/// Carries what one side says to the other; how much.
fn carry(from: &mut Side, to: &mut Side, most: usize, now: Now, change: &dyn Fn(&mut [u8])) -> usize {
    if !to.connection.wants(now).read {
        return 0;
    }
    let mut octets = from.say(most, now);
    change(&mut octets);
    to.hear(&octets, now)
}
