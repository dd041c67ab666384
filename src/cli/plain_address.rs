//! Addresses of plain sockets, as users write them: `7000`, `:7000`, `server:7000`, `[::1]:7000`, `*:7000`, a path, `@name`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use super::resolve::{Resolver, Wanted};
use super::system_names::SystemNames;
use crate::filter::capture::Names as _;
use crate::sys::poll;
use crate::sys::socket_address::SocketAddress;

/// What carries it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Transport {
    /// Connections of octets over IP.
    Tcp,
    /// Datagrams over IP.
    Udp,
    /// Within this host, by a path or a name.
    Unix,
}

/// The address to listen on: without a host, that is the loopback address; `*` is that of IPv6 which stands for all, unless IPv4 is wanted
/// alone.
///
/// # Errors
/// When it cannot be read, or the name has no address.
pub(super) fn to_listen(transport: Transport, text: &str, wanted: Wanted) -> Result<SocketAddress, String> {
    if transport == Transport::Unix {
        return unix(text);
    }
    let (first, _) = ip(text, wanted)?;
    Ok(SocketAddress::Ip(first))
}

/// The addresses to connect to, of which the first one that answers will do: those of a name, as the system prefers them.
///
/// # Errors
/// As of [`to_listen`].
pub(super) fn to_connect(
    transport: Transport,
    text: &str,
    wanted: Wanted,
) -> Result<Vec<SocketAddress>, String> {
    if transport == Transport::Unix {
        return Ok(vec![unix(text)?]);
    }
    let (first, others) = ip(text, wanted)?;
    if first.port() == 0 {
        return Err(format!("{text}: nobody has port 0"));
    }
    Ok(std::iter::once(first).chain(others).map(SocketAddress::Ip).collect())
}

/// An address of IP, and others that its name has.
fn ip(text: &str, wanted: Wanted) -> Result<(SocketAddr, Vec<SocketAddr>), String> {
    let (host, port) = split(text)?;
    let address = match (host, wanted) {
        ("", Wanted::V6) => IpAddr::from(Ipv6Addr::LOCALHOST),
        ("", _) => Ipv4Addr::LOCALHOST.into(),
        ("*", Wanted::V4) => Ipv4Addr::UNSPECIFIED.into(),
        ("*", _) => Ipv6Addr::UNSPECIFIED.into(),
        (host, _) => {
            let (mut first, mut others) = resolve(host, wanted)?;
            std::iter::once(&mut first).chain(&mut others).for_each(|address| address.set_port(port));
            return Ok((first, others));
        }
    };
    Ok((SocketAddr::new(address, port), Vec::new()))
}

fn unix(text: &str) -> Result<SocketAddress, String> {
    let (address, len) = match text.strip_prefix('@') {
        Some(name) => (SocketAddress::Abstract(name.as_bytes().to_vec()), name.len().saturating_add(1)),
        None => (SocketAddress::Path(text.into()), text.len()),
    };
    match len {
        0 => Err("a path, or @ and a name, is missing".to_owned()),
        len if len > LONGEST_PATH => Err(format!(
            "{text}: its {len} octets are more than the {LONGEST_PATH} that the kernel has room for (unix(7))"
        )),
        _ => Ok(address),
    }
}

/// `sun_path` has 108 octets, one of which ends a path.
const LONGEST_PATH: usize = 107;

fn split(text: &str) -> Result<(&str, u16), String> {
    let wrong = || format!("{text}: takes PORT, HOST:PORT or *:PORT; IPv6 addresses in brackets, [::1]:PORT");
    let (host, port) = text.rsplit_once(':').unwrap_or(("", text));
    let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    if host.contains(':') && bracketed.is_none() {
        return Err(wrong());
    }
    // Alone, a word that is no number is more likely a host without a port.
    let named = || Some(port).filter(|_| !host.is_empty()).and_then(|name| SystemNames.service(name));
    let number = port.parse().ok().or_else(|| named().map(|(number, _)| number));
    Ok((bracketed.unwrap_or(host), number.ok_or_else(wrong)?))
}

/// The first address of a name, with the interface of a link-local one, and the others; their port is 0.
///
/// # Errors
/// When it has none, or nobody tells in time.
fn resolve(host: &str, wanted: Wanted) -> Result<(SocketAddr, Vec<SocketAddr>), String> {
    let resolver = Resolver::start(vec![host.to_owned()], wanted).map_err(|error| error.to_string())?;
    let deadline = u64::try_from(PATIENCE.as_nanos()).unwrap_or(u64::MAX);
    // The resolver's thread goes with the process.
    let _ = poll::wait(&[std::os::fd::AsFd::as_fd(&resolver)], &[], Some(deadline));
    match resolver.take().pop() {
        Some(resolved) => match resolved.address {
            Ok(address) => Ok((address, resolved.others)),
            Err(error) => Err(format!("{host}: {error}")),
        },
        None => Err(format!("{host}: nobody told its address in {} seconds", PATIENCE.as_secs())),
    }
}

const PATIENCE: Duration = Duration::from_secs(20);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_host_it_is_loopback() {
        let listen =
            |text, wanted| to_listen(Transport::Tcp, text, wanted).map(|address| address.to_string());
        assert_eq!(listen("7000", Wanted::Either).unwrap(), "127.0.0.1:7000");
        assert_eq!(listen(":7000", Wanted::V6).unwrap(), "[::1]:7000");
        assert_eq!(listen("*:7000", Wanted::Either).unwrap(), "[::]:7000");
        assert_eq!(listen("*:7000", Wanted::V4).unwrap(), "0.0.0.0:7000");
        assert_eq!(listen("[fe80::1%lo]:7000", Wanted::Either).unwrap(), "[fe80::1%1]:7000");
        assert_eq!(listen("[::1]:7000", Wanted::Either).unwrap(), "[::1]:7000");
        assert_eq!(listen("10.0.0.1:0", Wanted::Either).unwrap(), "10.0.0.1:0");
        assert_eq!(listen("10.0.0.1:https", Wanted::Either).unwrap(), "10.0.0.1:443");
        assert!(listen("https", Wanted::Either).is_err() && listen("*:nothing", Wanted::Either).is_err());
        assert!(listen("::1:7000", Wanted::Either).is_err());
        assert!(listen("localhost", Wanted::Either).is_err() && listen("1:70000", Wanted::Either).is_err());
    }

    #[test]
    fn names_and_paths_of_the_unix_family() {
        let unix = |text| to_listen(Transport::Unix, text, Wanted::Either).map(|address| address.to_string());
        assert_eq!(unix("@name").unwrap(), "@name");
        assert_eq!(unix("/tmp/x").unwrap(), "/tmp/x");
        assert!(unix("").is_err() && unix(&"x".repeat(108)).is_err());
    }
}
