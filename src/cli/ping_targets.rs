//! Whom a ping asks: hosts, networks and files of them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;

use super::target_file;

/// Whom to ask.
#[derive(Debug, Default)]
pub(super) struct Asked {
    /// Addresses, in order.
    pub(super) addresses: Vec<IpAddr>,
    /// Names, which must be resolved.
    pub(super) names: Vec<String>,
    /// They come from a file or a network: each has a line of its own only.
    pub(super) is_many: bool,
}

/// Addresses of a network that are asked at most.
const MOST_OF_NETWORK: u128 = 1 << 16;
/// Hosts that are told of one by one, as ping does.
const FEW: usize = 16;
/// Hosts that are asked at most.
const MOST: usize = 1 << 20;

/// The hosts of the command line and of a file, and what is wrong with lines of the file.
///
/// # Errors
/// When the file cannot be read, or what stands in the command line is no host.
pub(super) fn of(hosts: &[String], file: Option<&Path>) -> Result<(Asked, Vec<String>), String> {
    let mut asked = Asked::default();
    for host in hosts {
        asked.add(host).map_err(|reason| format!("`{host}`: {reason}"))?;
    }
    let mut wrong = Vec::new();
    if let Some(path) = file {
        asked.is_many = true;
        let text = target_file::read(path)?;
        for (number, line) in text.lines().enumerate() {
            let host = line.split('#').next().unwrap_or_default().trim();
            if let Err(reason) = if host.is_empty() { Ok(()) } else { asked.add(host) } {
                wrong.push(format!("{}:{}: `{host}`: {reason}", path.display(), number + 1));
            }
        }
        if asked.addresses.is_empty() && asked.names.is_empty() && wrong.is_empty() {
            return Err(format!("{}: there is no host in it", path.display()));
        }
    }
    asked.is_many |= asked.addresses.len().saturating_add(asked.names.len()) > FEW;
    Ok((asked, wrong))
}

impl Asked {
    fn check_room(&self, more: usize) -> Result<(), String> {
        let all = self.addresses.len().saturating_add(self.names.len()).saturating_add(more);
        if all > MOST { Err(format!("more than {MOST} hosts are not asked at once")) } else { Ok(()) }
    }

    fn add(&mut self, host: &str) -> Result<(), String> {
        self.check_room(1)?;
        if let Ok(address) = host.parse() {
            self.addresses.push(address);
            return Ok(());
        }
        if let Some((network, bits)) = host.split_once('/') {
            let hosts = hosts_of(network, bits)?;
            self.check_room(hosts.len())?;
            self.addresses.extend(hosts);
            self.is_many = true;
            return Ok(());
        }
        // RFC 1123 §2.1, with what people use beside it: underscores, other alphabets, and the scope of an address.
        let is_letter =
            |letter: char| letter.is_alphanumeric() || matches!(letter, '-' | '.' | '_' | ':' | '%');
        if host.is_empty() || host.len() > 253 || !host.chars().all(is_letter) {
            return Err("takes a name, an address, or a network such as 10.0.0.0/24".to_owned());
        }
        self.names.push(host.to_owned());
        Ok(())
    }
}

/// The hosts of a network: without its own address and the broadcast address, where it has these.
fn hosts_of(network: &str, bits: &str) -> Result<Vec<IpAddr>, String> {
    let wrong = || "takes a network such as 10.0.0.0/24 or fd00::/120".to_owned();
    let address: IpAddr = network.parse().map_err(|_| wrong())?;
    let width: u32 = if address.is_ipv4() { 32 } else { 128 };
    let bits: u32 = bits.parse().ok().filter(|bits| *bits <= width).ok_or_else(wrong)?;
    let size = 1u128
        .checked_shl(width - bits)
        .filter(|size| *size <= MOST_OF_NETWORK)
        .ok_or_else(|| format!("a network of more than {MOST_OF_NETWORK} addresses is not asked at once"))?;
    Ok(match address {
        IpAddr::V4(address) => {
            let first = u128::from(address.to_bits()) / size * size;
            let (skip, last) = if bits < 31 { (1, size - 2) } else { (0, size - 1) };
            (skip..=last)
                .filter_map(|at| u32::try_from(first + at).ok())
                .map(|bits| Ipv4Addr::from_bits(bits).into())
                .collect()
        }
        IpAddr::V6(address) => {
            // The first is that of all routers (RFC 4291 §2.6.1).
            let first = address.to_bits() / size * size;
            let skip = u128::from(bits < 127);
            (skip..size).map(|at| Ipv6Addr::from_bits(first + at).into()).collect()
        }
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn asked(host: &str) -> Result<Asked, String> {
        let mut asked = Asked::default();
        asked.add(host).map(|()| asked)
    }

    #[test]
    fn networks_are_their_hosts() {
        let hosts =
            |text: &str| asked(text).unwrap().addresses.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(hosts("10.0.0.5/30"), ["10.0.0.5", "10.0.0.6"]);
        assert_eq!(hosts("10.0.0.4/31"), ["10.0.0.4", "10.0.0.5"]);
        assert_eq!(hosts("255.255.255.255/32"), ["255.255.255.255"]);
        assert_eq!(hosts("fd00::/126"), ["fd00::1", "fd00::2", "fd00::3"]);
        assert_eq!(hosts("10.1.0.0/16").len(), 65_534);
        for wrong in ["10.0.0.0/15", "10.0.0.0/33", "10.0.0/24", "fd00::/64", "::/0", "10.0.0.0/", "x/24"] {
            assert!(asked(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn names_are_letters_of_names() {
        assert_eq!(asked("host-1.example_x.org").unwrap().names, ["host-1.example_x.org"]);
        assert_eq!(asked("fe80::1%eth0").unwrap().names, ["fe80::1%eth0"]);
        for wrong in ["two words", "", "a\u{1b}[2J", "x;y"] {
            assert!(asked(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_file_has_a_host_a_line_and_its_mistakes_are_told_by_line() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(
            file.path(),
            "# hosts\n10.0.0.1\n\nserver # the server\nno host\n10.9.0.0/29\n1.2.3.4/99\n",
        )
        .unwrap();
        let (asked, wrong) = of(&[], Some(file.path())).unwrap();
        assert_eq!(
            (asked.addresses.len(), asked.names.as_slice(), asked.is_many),
            (7, &["server".to_owned()][..], true)
        );
        assert_eq!(wrong.len(), 2);
        assert!(wrong[0].contains(":5: `no host`: takes a name"), "{wrong:?}");
        assert!(wrong[1].contains(":7: `1.2.3.4/99`"), "{wrong:?}");
    }
}
