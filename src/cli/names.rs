//! Names for addresses and ports in lines (`--resolve`): those that the capture has, then those of `/etc/hosts` and
//! `/etc/services`, then those of the system's resolver.
//!
//! The resolver is asked by threads of its own, so that a name server which is slow, or not there, holds nobody up: a name that
//! is not known yet is printed as a number. Where lines may wait at all, as those of a file may, they wait for [`GRACE`] in
//! total, however many names there are.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::mpsc::{self, Receiver, SyncSender, TrySendError};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use super::{name_service, system_names};
use crate::proto::view::Names;
use crate::wire::text::Text;

/// How long the lines of a file wait for names, all together.
pub(super) const GRACE: Duration = Duration::from_secs(1);
/// Names that are kept; further addresses are printed as numbers.
const MOST_NAMES: usize = 1 << 16;
/// Octets of a name that somebody else chose.
const MOST_NAME_OCTETS: usize = 255;
/// Threads that ask, and addresses that wait for one of them.
const THREADS: usize = 8;
const MOST_WAITING: usize = 1024;

/// The names that are known.
#[derive(Debug)]
pub(super) struct NameTable {
    services: HashMap<(&'static str, u16), String>,
    hosts: Mutex<Hosts>,
}

#[derive(Debug)]
struct Hosts {
    /// What the capture says.
    captured: HashMap<IpAddr, String>,
    /// What the system says; `None` where it says nothing, or nothing yet.
    system: HashMap<IpAddr, Option<String>>,
    resolver: Option<Resolver>,
    /// How long lines may still wait.
    grace: Duration,
}

impl NameTable {
    /// The names of this system's files. Lines may wait so long for others.
    pub(super) fn new(grace: Duration) -> Self {
        let system = system_names::hosts().into_iter().map(|(address, name)| (address, Some(name)));
        let hosts = Hosts {
            captured: HashMap::new(),
            system: system.take(MOST_NAMES).collect(),
            resolver: None,
            grace,
        };
        Self { services: system_names::services(), hosts: Mutex::new(hosts) }
    }

    /// Takes a name that the capture has for an address; the first one stays.
    pub(super) fn learn(&self, address: IpAddr, name: &[u8]) {
        let Ok(mut hosts) = self.hosts.lock() else { return };
        if hosts.captured.len() >= MOST_NAMES || hosts.captured.contains_key(&address) {
            return;
        }
        if let Some(name) = believable(&String::from_utf8_lossy(name)) {
            hosts.captured.insert(address, name);
        }
    }
}

impl Names for NameTable {
    fn put_host(&self, address: IpAddr, out: &mut Text) -> bool {
        let Ok(mut hosts) = self.hosts.lock() else { return false };
        hosts.name(address).is_some_and(|name| out.write_str(name).is_ok())
    }

    fn put_service(&self, protocol: &'static str, port: u16, out: &mut Text) -> bool {
        self.services.get(&(protocol, port)).is_some_and(|name| out.write_str(name).is_ok())
    }
}

/// A name that somebody else chose, as it may stand in a line: a number would be taken for the address, and a blank for its
/// end, so that a name such as `a > b` could tell lies about the packet.
fn believable(name: &str) -> Option<String> {
    let is_short = (1..=MOST_NAME_OCTETS).contains(&name.len());
    if !is_short || name.trim_end_matches('.').parse::<IpAddr>().is_ok() {
        return None;
    }
    let mut word = String::with_capacity(name.len());
    for character in name.chars() {
        if character.is_whitespace() {
            word.extend(character.escape_unicode());
        } else {
            word.push(character);
        }
    }
    Some(word)
}

impl Hosts {
    fn name(&mut self, address: IpAddr) -> Option<&str> {
        if self.captured.contains_key(&address) {
            return self.captured.get(&address).map(String::as_str);
        }
        self.take_answers();
        let is_new = !self.system.contains_key(&address);
        if is_new && self.system.len() < MOST_NAMES && has_owner(address) {
            self.ask(address);
        }
        self.system.get(&address)?.as_deref()
    }

    /// Has the resolver asked, and waits for it, as long as there is time left for that.
    fn ask(&mut self, address: IpAddr) {
        let resolver = self.resolver.get_or_insert_with(Resolver::start);
        match resolver.questions.try_send(address) {
            Ok(()) => self.system.insert(address, None),
            // It is asked when it is met again; or never, where there are no threads to be had.
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => return,
        };
        let began = Instant::now();
        while let Some(left) = self.grace.checked_sub(began.elapsed()) {
            let Ok((answered, name)) = resolver.answers.recv_timeout(left) else { break };
            self.system.insert(answered, name);
            if answered == address {
                break;
            }
        }
        self.grace = self.grace.saturating_sub(began.elapsed());
    }

    fn take_answers(&mut self) {
        if let Some(resolver) = &self.resolver {
            self.system.extend(resolver.answers.try_iter());
        }
    }
}

/// Whether an address is that of one host, whom others may know by a name.
fn has_owner(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            !(v4.is_unspecified() || v4.is_broadcast() || v4.is_multicast() || v4.is_link_local())
        }
        IpAddr::V6(v6) => !(v6.is_unspecified() || v6.is_multicast() || v6.is_unicast_link_local()),
    }
}

/// The threads that ask. They end with the program, or when nobody asks any more.
#[derive(Debug)]
struct Resolver {
    questions: SyncSender<IpAddr>,
    answers: Receiver<(IpAddr, Option<String>)>,
}

impl Resolver {
    fn start() -> Self {
        let (questions, asked) = mpsc::sync_channel(MOST_WAITING);
        let (answered, answers) = mpsc::channel();
        let asked = Arc::new(Mutex::new(asked));
        for _ in 0..THREADS {
            let (asked, answered) = (Arc::clone(&asked), answered.clone());
            // With fewer threads it takes longer.
            let _ = thread::Builder::new().name("names".to_owned()).spawn(move || {
                loop {
                    let next = asked.lock().map(|asked| asked.recv());
                    let Ok(Ok(address)) = next else { return };
                    if answered.send((address, name_of(address))).is_err() {
                        return;
                    }
                }
            });
        }
        Self { questions, answers }
    }
}

/// What the resolver says, which is what some name server says.
fn name_of(address: IpAddr) -> Option<String> {
    believable(&name_service::name_of(address)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(table: &NameTable, address: IpAddr) -> Option<String> {
        let mut out = Text::default();
        table.put_host(address, &mut out).then(|| out.as_str().to_owned())
    }

    #[test]
    fn a_name_tells_no_lies() {
        let table = NameTable::new(Duration::ZERO);
        let address = |last| IpAddr::from([198, 51, 100, last]);
        for (last, name, shown) in [
            (1, &b"a > b"[..], Some("a\\u{20}>\\u{20}b")),
            (2, b"10.0.0.1", None),
            (3, b"::1", None),
            (4, b"10.0.0.1.", None),
            (5, b"", None),
            (6, b"\x1b[2J\xe2\x80\xae\xff", Some("\\u{1b}[2J\\u{202e}\u{fffd}")),
            (7, &[b'a'; 256], None),
        ] {
            table.learn(address(last), name);
            // The resolver is not to be asked for those that are not taken.
            table.hosts.lock().unwrap().system.entry(address(last)).or_insert(None);
            assert_eq!(named(&table, address(last)).as_deref(), shown, "{last}");
        }
        table.learn(address(1), b"later");
        assert_eq!(named(&table, address(1)).as_deref(), Some("a\\u{20}>\\u{20}b"));
    }

    #[test]
    fn names_are_bounded() {
        let table = NameTable::new(Duration::ZERO);
        for number in 0..100_000u32 {
            table.learn(IpAddr::from(number.to_be_bytes()), b"name");
        }
        let mut hosts = table.hosts.lock().unwrap();
        assert_eq!(hosts.captured.len(), MOST_NAMES);
        hosts.system.extend((0..MOST_NAMES as u128).map(|number| (IpAddr::from(number.to_be_bytes()), None)));
        let known = hosts.system.len();
        assert_eq!(hosts.name(IpAddr::from([255, 1, 2, 3])), None);
        assert_eq!((hosts.system.len(), hosts.resolver.is_none()), (known, true));
    }
}
