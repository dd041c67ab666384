//! Whom probe asks, as users write it: hosts with ports, on the command line and in files; and octets as users write them.

use std::collections::{HashSet, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsFd;

use super::probe::ProbeArgs;
use super::resolve::{Resolver, Wanted};
use super::system_names::SystemNames;
use super::target_file;
use crate::exchange::probe::EndPoint;
use crate::filter::capture::Names as _;
use crate::sys::interrupt::Interrupt;
use crate::sys::poll;

/// A host and the ports to ask it for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) host: String,
    pub(super) ports: Vec<u16>,
}

impl Target {
    fn parse(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "{text}: takes HOST:PORT, HOST:PORT,PORT or HOST:FROM-TO, ports by number or name; IPv6 addresses in brackets"
            )
        };
        let (host, ports) = text.rsplit_once(':').ok_or_else(wrong)?;
        let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        if host.is_empty() || (host.contains(':') && bracketed.is_none()) {
            return Err(wrong());
        }
        Self::of(bracketed.unwrap_or(host), ports).ok_or_else(wrong)
    }

    /// A host and what stands for its ports.
    fn of(host: &str, ports: &str) -> Option<Self> {
        let mut all = Vec::new();
        for part in ports.split(',') {
            if part.starts_with(|letter: char| letter.is_ascii_digit()) {
                let (from, to) = part.split_once('-').unwrap_or((part, part));
                let (from, to): (u16, u16) = (from.parse().ok()?, to.parse().ok()?);
                all.extend((from <= to).then_some(from..=to)?);
            } else {
                // A name may have a hyphen in it.
                all.push(SystemNames.service(part)?.0);
            }
        }
        // One that is named twice is asked once, in its first place.
        let mut known = HashSet::new();
        all.retain(|port| known.insert(*port));
        Some(Self { host: host.to_owned(), ports: all })
    }

    /// Those of a command line; `HOST PORT` too, as telnet and nc have it.
    fn all(words: &[String]) -> Result<VecDeque<Self>, String> {
        if let [host, ports] = words
            && (!host.contains(':') || host.parse::<IpAddr>().is_ok())
            && !ports.contains(':')
            && let Some(target) = Self::of(host, ports)
        {
            return Ok([target].into());
        }
        words.iter().map(|text| Self::parse(text)).collect()
    }

    /// Its end points at an address.
    pub(super) fn at(self, mut address: SocketAddr) -> impl Iterator<Item = EndPoint> {
        self.ports.into_iter().map(move |port| {
            address.set_port(port);
            EndPoint { host: self.host.clone(), address }
        })
    }
}

/// All that are to be asked, and whether a line of the file was wrong, which is told.
///
/// # Errors
/// When one on the command line cannot be read, the file cannot, or one of its lines cannot and that is strict.
pub(super) fn read(args: &ProbeArgs) -> Result<(VecDeque<Target>, bool), Box<dyn std::error::Error>> {
    let mut targets = Target::all(&args.end_points)?;
    let Some(path) = &args.targets else { return Ok((targets, false)) };
    let name = path.display();
    let text = target_file::read(path)?;
    let mut is_any_wrong = false;
    for (number, line) in text.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default().trim();
        if line.is_empty() {
            continue;
        }
        match Target::parse(line) {
            Ok(target) => targets.push_back(target),
            Err(error) => {
                let error =
                    crate::show::text::printable(&format!("{name}:{}: {error}", number.saturating_add(1)));
                if args.strict {
                    return Err(error.into());
                }
                anstream::eprintln!("rawsock: {error}");
                is_any_wrong = true;
            }
        }
    }
    if targets.is_empty() {
        return Err(format!("{name}: there is nobody to ask in it").into());
    }
    Ok((targets, is_any_wrong))
}

/// Resolves all of them, one after the other where they are; those that cannot be are told. The second is whether there are any.
///
/// # Errors
/// When no thread or no descriptor is left.
pub(super) fn resolve_all(
    targets: VecDeque<Target>,
    wanted: Wanted,
    interrupt: &Interrupt,
) -> Result<(Vec<EndPoint>, bool), Box<dyn std::error::Error>> {
    let resolver = Resolver::start(targets.iter().map(|target| target.host.clone()).collect(), wanted)?;
    let mut waiting: Vec<(Target, Option<Vec<EndPoint>>)> =
        targets.into_iter().map(|target| (target, None)).collect();
    let mut failed = false;
    while waiting.iter().any(|(_, done)| done.is_none()) && !interrupt.came() {
        for resolved in resolver.take() {
            let slot =
                waiting.iter_mut().find(|(target, done)| target.host == resolved.name && done.is_none());
            let Some((target, done)) = slot else { continue };
            *done = Some(match resolved.address {
                Ok(address) => target.clone().at(address).collect(),
                Err(error) => {
                    anstream::eprintln!("rawsock: {}: {error}", target.host);
                    failed = true;
                    Vec::new()
                }
            });
        }
        if waiting.iter().any(|(_, done)| done.is_none()) {
            poll::wait(&[resolver.as_fd(), interrupt.as_fd()], &[], None)?;
        }
    }
    Ok((waiting.into_iter().filter_map(|(_, done)| done).flatten().collect(), failed))
}

/// Octets that somebody wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Octets(pub(super) Vec<u8>);

/// Reads `hex:0102`, or text with \n, \r, \t, \0, \\ and \xHH.
pub(super) fn octets(text: &str) -> Result<Octets, String> {
    if let Some(digits) = text.strip_prefix("hex:") {
        let digits: String = digits.chars().filter(|digit| !matches!(digit, ' ' | ':')).collect();
        return hex::decode(&digits)
            .map(Octets)
            .map_err(|error| format!("hex: takes octets in hexadecimal: {error}"));
    }
    let mut octets = Vec::new();
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        if letter != '\\' {
            octets.extend(letter.encode_utf8(&mut [0; 4]).as_bytes());
            continue;
        }
        let octet = match letters.next() {
            Some('n') => Some(b'\n'),
            Some('r') => Some(b'\r'),
            Some('t') => Some(b'\t'),
            Some('0') => Some(0),
            Some('\\') => Some(b'\\'),
            Some('x') => {
                let digits: String = letters.by_ref().take(2).collect();
                hex::decode(digits).ok().and_then(|octets| octets.first().copied())
            }
            _ => None,
        };
        octets.push(octet.ok_or("behind a \\ stands n, r, t, 0, \\ or xHH")?);
    }
    Ok(Octets(octets))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_with_ports() {
        let asked = |host: &str, ports: &[u16]| Ok(Target { host: host.to_owned(), ports: ports.to_vec() });
        assert_eq!(Target::parse("server:80,443,8000-8002"), asked("server", &[80, 443, 8000, 8001, 8002]));
        assert_eq!(Target::parse("[::1]:7"), asked("::1", &[7]));
        assert_eq!(Target::parse("server:9,7-8,8-10,7"), asked("server", &[9, 7, 8, 10]));
        assert_eq!(Target::parse("server:https,80"), asked("server", &[443, 80]));
        for wrong in
            ["server", "server:", "::1:7", "server:9-7", "server:70000", ":7", "server:nothing", "server:7-x"]
        {
            assert!(Target::parse(wrong).is_err(), "{wrong}");
        }
        let all = |words: &[&str]| {
            let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            Target::all(&words).map(Vec::from)
        };
        assert_eq!(all(&["server", "80,443"]), asked("server", &[80, 443]).map(|target| vec![target]));
        assert_eq!(all(&["::1", "https"]), asked("::1", &[443]).map(|target| vec![target]));
        assert_eq!(all(&["a:1", "b:2"]).map(|all| all.len()), Ok(2));
        for wrong in [&["a", "b"][..], &["a:1", "2"], &["a", "1", "2"]] {
            assert!(all(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn octets_are_text_or_hexadecimal() {
        let read = |text: &str| octets(text).map(|octets| octets.0);
        assert_eq!(read("hex:00 ff:10"), Ok(vec![0, 255, 16]));
        assert_eq!(read("GET / HTTP/1.0\\r\\n\\x00é\\\\"), Ok("GET / HTTP/1.0\r\n\0é\\".as_bytes().to_vec()));
        assert!(
            read("hex:0").is_err() && read("\\q").is_err() && read("\\xg1").is_err() && read("\\").is_err()
        );
    }
}
