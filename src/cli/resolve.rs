//! Resolving names, on threads of their own: a slow name server holds nobody else up.

use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, mpsc};
use std::{thread, vec};

use super::name_service;
use crate::sys::error::SysError;
use crate::sys::ip_socket::Family;
use crate::sys::netlink::Netlink;

/// Which addresses will do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
    /// The one that the system prefers.
    Either,
}

impl Wanted {
    /// The families of addresses that will do.
    pub(super) fn families(self) -> &'static [Family] {
        match self {
            Self::V4 => &[Family::V4],
            Self::V6 => &[Family::V6],
            Self::Either => &[Family::V4, Family::V6],
        }
    }

    /// What `-4`, `-6` and the source address leave: an address that packets come from says the family too,
    /// which is given by that option.
    ///
    /// # Errors
    /// When they contradict each other.
    pub(super) fn of(v4: bool, v6: bool, source: Option<IpAddr>, option: &str) -> Result<Self, String> {
        match (v4, v6, source) {
            (true, _, Some(IpAddr::V6(source))) => {
                Err(format!("-4 and the IPv6 address {source} of {option} contradict each other"))
            }
            (_, true, Some(IpAddr::V4(source))) => {
                Err(format!("-6 and the IPv4 address {source} of {option} contradict each other"))
            }
            (true, ..) | (false, false, Some(IpAddr::V4(_))) => Ok(Self::V4),
            (_, true, _) | (false, false, Some(IpAddr::V6(_))) => Ok(Self::V6),
            (false, false, None) => Ok(Self::Either),
        }
    }
}

/// Checks that packets can come from an address.
///
/// # Errors
/// When it is none of this host's.
pub(super) fn check_source(source: Option<IpAddr>) -> Result<(), Box<dyn std::error::Error>> {
    let Some(source) = source else { return Ok(()) };
    // All of 127.0.0.0/8 is this host (RFC 1122, 3.2.1.3), whatever is listed.
    let is_own =
        source.is_loopback() || Netlink::open()?.addresses()?.iter().any(|own| own.address == source);
    if is_own {
        Ok(())
    } else {
        Err(format!("{source} is no address of this host: `ip addr` lists them").into())
    }
}

/// A name with its address.
#[derive(Debug)]
pub(super) struct Resolved {
    /// As the user wrote it.
    pub(super) name: String,
    /// The address; its port is 0.
    pub(super) address: Result<SocketAddr, ResolveError>,
    /// The other addresses that will do, in the order that the system prefers.
    pub(super) others: Vec<SocketAddr>,
}

/// Why a name has no address.
#[derive(Debug, thiserror::Error)]
pub(super) enum ResolveError {
    /// The system's resolver says no.
    #[error("resolve the name: {}", words(.0))]
    System(io::Error),
    /// It has addresses, but of the other family.
    #[error("resolve the name: it has no {0} address")]
    Family(&'static str),
}

/// What the system's resolver says, and what to do where it got no answer (EAI_AGAIN in getaddrinfo(3)).
pub(super) fn words(error: &io::Error) -> String {
    let text = error.to_string();
    let words = text.strip_prefix("failed to lookup address information: ").unwrap_or(&text);
    match words.starts_with("Temporary failure") {
        true => format!("{words}; /etc/resolv.conf has the name servers, and an address needs none"),
        false => words.to_owned(),
    }
}

/// The names that are being resolved. The descriptor is readable when one is done.
#[derive(Debug)]
pub(super) struct Resolver {
    done: mpsc::Receiver<Resolved>,
    bell: UnixStream,
}

impl Resolver {
    /// Starts resolving. Addresses need no thread, and are done at once.
    ///
    /// # Errors
    /// When no descriptor or no thread is left.
    pub(super) fn start(names: Vec<String>, wanted: Wanted) -> Result<Self, SysError> {
        Self::begin(names, wanted).map_err(SysError::of("start", "resolving names"))
    }

    fn begin(names: Vec<String>, wanted: Wanted) -> io::Result<Self> {
        let (bell, ringer) = UnixStream::pair()?;
        bell.set_nonblocking(true)?;
        // Behind so many rings a further one says nothing new.
        ringer.set_nonblocking(true)?;
        let (sender, done) = mpsc::channel();
        let (addresses, names): (Vec<_>, Vec<_>) =
            names.into_iter().partition(|name| name.parse::<IpAddr>().is_ok());
        let threads = names.len().min(THREADS);
        let (addresses, names) = (Mutex::new(addresses.into_iter()), Arc::new(Mutex::new(names.into_iter())));
        work(&addresses, wanted, &sender, &ringer);
        for _ in 0..threads {
            let (names, sender, ringer) = (Arc::clone(&names), sender.clone(), ringer.try_clone()?);
            let work = move || work(&names, wanted, &sender, &ringer);
            thread::Builder::new().name("resolver".to_owned()).spawn(work)?;
        }
        Ok(Self { done, bell })
    }

    /// The names that are done since the last call.
    pub(super) fn take(&self) -> Vec<Resolved> {
        let mut rings = [0; 64];
        while matches!((&self.bell).read(&mut rings), Ok(n) if n > 0) {}
        self.done.try_iter().collect()
    }
}

impl AsFd for Resolver {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.bell.as_fd()
    }
}

/// Names that are asked for at a time.
const THREADS: usize = 64;

/// Resolves names until there are no more.
fn work(
    names: &Mutex<vec::IntoIter<String>>,
    wanted: Wanted,
    sender: &mpsc::Sender<Resolved>,
    mut ringer: &UnixStream,
) {
    while let Some(name) = names.lock().ok().and_then(|mut names| names.next()) {
        let (address, others) = match resolve(&name, wanted) {
            Ok((first, others)) => (Ok(first), others),
            Err(error) => (Err(error), Vec::new()),
        };
        if sender.send(Resolved { name, address, others }).is_err() {
            // Nobody waits any more.
            return;
        }
        let _ = ringer.write_all(&[0]);
    }
}

/// The first address of a name that will do, and the others.
fn resolve(name: &str, wanted: Wanted) -> Result<(SocketAddr, Vec<SocketAddr>), ResolveError> {
    if let Ok(address) = name.parse::<IpAddr>() {
        return fitting([SocketAddr::new(address, 0)].into_iter(), wanted);
    }
    let addresses = name_service::addresses_of(name).map_err(ResolveError::System)?;
    fitting(addresses.into_iter(), wanted)
}

fn fitting(
    addresses: impl Iterator<Item = SocketAddr>,
    wanted: Wanted,
) -> Result<(SocketAddr, Vec<SocketAddr>), ResolveError> {
    let fits = |address: &SocketAddr| match wanted {
        Wanted::V4 => address.is_ipv4(),
        Wanted::V6 => address.is_ipv6(),
        Wanted::Either => true,
    };
    let mut addresses = addresses.filter(fits);
    let first = addresses.next();
    let first = first.ok_or(ResolveError::Family(if wanted == Wanted::V4 { "IPv4" } else { "IPv6" }))?;
    Ok((first, addresses.collect()))
}
