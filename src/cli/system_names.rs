//! Names as this system knows them: hosts by its resolver, services, Ethernet addresses and networks by its files.

use std::collections::HashMap;
use std::fs;
use std::net::IpAddr;

use super::name_service;
use super::resolve::words;
use crate::filter::capture::{BuiltIn, Names, Transport};

/// Asks the system, and what is built in where the system says nothing.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct SystemNames;

impl Names for SystemNames {
    fn service(&self, name: &str) -> Option<(u16, Transport)> {
        let services = fs::read_to_string("/etc/services").unwrap_or_default();
        service(&services, name).or_else(|| BuiltIn.service(name))
    }

    fn host(&self, name: &str) -> Result<Vec<IpAddr>, String> {
        let addresses = name_service::addresses_of(name).map_err(|error| words(&error))?;
        let mut addresses: Vec<IpAddr> = addresses.into_iter().map(|address| address.ip()).collect();
        addresses.dedup();
        Ok(addresses)
    }

    fn ethernet(&self, name: &str) -> Option<[u8; 6]> {
        let ethers = fs::read_to_string("/etc/ethers").unwrap_or_default();
        let address = entries(&ethers).find(|entry| entry.get(1) == Some(&name))?.first().copied()?;
        let mut octets = address.split(':').map(|octet| u8::from_str_radix(octet, 16).ok());
        let mut next = || octets.next().flatten();
        Some([next()?, next()?, next()?, next()?, next()?, next()?])
    }

    fn network(&self, name: &str) -> Option<u32> {
        let networks = fs::read_to_string("/etc/networks").unwrap_or_default();
        let number = entries(&networks).find(|entry| entry.first() == Some(&name))?.get(1).copied()?;
        number.split('.').try_fold(0_u32, |all, octet| Some(all << 8 | u32::from(octet.parse::<u8>().ok()?)))
    }
}

/// The addresses of `/etc/hosts`, each with the first of its names.
pub(super) fn hosts() -> HashMap<IpAddr, String> {
    hosts_of(&fs::read_to_string("/etc/hosts").unwrap_or_default())
}

fn hosts_of(text: &str) -> HashMap<IpAddr, String> {
    let mut hosts = HashMap::new();
    for entry in entries(text) {
        let address = entry.first().and_then(|address| address.parse().ok());
        if let (Some(address), Some(name)) = (address, entry.get(1)) {
            // Of several lines for one address the first counts (hosts(5)).
            hosts.entry(address).or_insert_with(|| (*name).to_owned());
        }
    }
    hosts
}

/// The names of services by protocol and port: those of `/etc/services`, and what is built in where that says nothing.
pub(super) fn services() -> HashMap<(&'static str, u16), String> {
    services_of(&fs::read_to_string("/etc/services").unwrap_or_default())
}

fn services_of(text: &str) -> HashMap<(&'static str, u16), String> {
    let mut services = HashMap::new();
    for entry in entries(text) {
        let Some((port, protocol)) = entry.get(1).and_then(|place| place.split_once('/')) else { continue };
        let protocol = TRANSPORTS.into_iter().find(|known| *known == protocol);
        if let (Some(name), Some(protocol), Ok(port)) = (entry.first(), protocol, port.parse()) {
            services.entry((protocol, port)).or_insert_with(|| (*name).to_owned());
        }
    }
    for (name, port, transport) in BuiltIn::services() {
        let protocols = match transport {
            Transport::Any => &TRANSPORTS[..],
            Transport::Tcp => &["tcp"],
            Transport::Udp => &["udp"],
        };
        for protocol in protocols {
            services.entry((protocol, port)).or_insert_with(|| name.to_owned());
        }
    }
    services
}

/// Protocols whose ports have names here.
const TRANSPORTS: [&str; 2] = ["tcp", "udp"];

/// The words of each line, without comments.
fn entries(text: &str) -> impl Iterator<Item = Vec<&str>> {
    text.lines().map(|line| line.split('#').next().unwrap_or_default().split_whitespace().collect())
}

/// The port of a service in a text such as `/etc/services`: name, port and protocol, other names.
fn service(text: &str, name: &str) -> Option<(u16, Transport)> {
    let port_of = |transport: &str| {
        entries(text).find_map(|entry| {
            let (port, of) = entry.get(1)?.split_once('/')?;
            let mut names = entry.iter().take(1).chain(entry.iter().skip(2));
            (of == transport && names.any(|known| *known == name)).then(|| port.parse().ok())?
        })
    };
    match (port_of("tcp"), port_of("udp")) {
        (Some(tcp), Some(udp)) if tcp == udp => Some((tcp, Transport::Any)),
        (Some(tcp), _) => Some((tcp, Transport::Tcp)),
        (None, udp) => udp.map(|udp| (udp, Transport::Udp)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_by_name_and_alias() {
        let text = "domain 53/tcp # names\ndomain 53/udp\nsmtp\t25/tcp\tmail\nbootps 67/udp\n";
        assert_eq!(service(text, "domain"), Some((53, Transport::Any)));
        assert_eq!(service(text, "mail"), Some((25, Transport::Tcp)));
        assert_eq!(service(text, "bootps"), Some((67, Transport::Udp)));
        assert_eq!(service(text, "names"), None);
    }

    #[test]
    fn the_first_name_of_a_host_or_service_counts() {
        let hosts = hosts_of(
            "127.0.0.1\tlocalhost other\n# 10.0.0.1 no\n10.0.0.2\nfd77::1 six # x\n127.0.0.1 later\n",
        );
        assert_eq!(hosts.get(&IpAddr::from([127, 0, 0, 1])).map(String::as_str), Some("localhost"));
        assert_eq!(hosts.get(&"fd77::1".parse().unwrap()).map(String::as_str), Some("six"));
        assert_eq!(hosts.len(), 2);

        let services = services_of("first 80/tcp\nsecond 80/tcp\nodd 80/ddp\nhuge 99999/udp\n");
        let name = |protocol, port| services.get(&(protocol, port)).map(String::as_str);
        assert_eq!(name("tcp", 80), Some("first"));
        assert_eq!(
            (name("udp", 53), name("tcp", 53), name("udp", 22)),
            (Some("domain"), Some("domain"), None)
        );
    }
}
