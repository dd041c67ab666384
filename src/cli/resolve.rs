//! Resolving names, each on a thread of its own: a slow name server holds nobody else up.

use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::mpsc;
use std::thread;

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

/// A name with its address.
#[derive(Debug)]
pub(super) struct Resolved {
    /// As the user wrote it.
    pub(super) name: String,
    /// The address; its port is 0.
    pub(super) address: Result<SocketAddr, ResolveError>,
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

fn words(error: &io::Error) -> String {
    let text = error.to_string();
    text.strip_prefix("failed to lookup address information: ").unwrap_or(&text).to_owned()
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
    pub(super) fn start(names: Vec<String>, wanted: Wanted) -> io::Result<Self> {
        let (bell, ringer) = UnixStream::pair()?;
        bell.set_nonblocking(true)?;
        let (sender, done) = mpsc::channel();
        for name in names {
            let (sender, mut ringer) = (sender.clone(), ringer.try_clone()?);
            let is_address = name.parse::<IpAddr>().is_ok();
            let mut work = move || {
                let address = resolve(&name, wanted);
                // Nobody waits any more when the command has ended.
                let _ = sender.send(Resolved { name: name.clone(), address });
                let _ = ringer.write_all(&[0]);
            };
            if is_address {
                work();
            } else {
                thread::Builder::new().name("resolver".to_owned()).spawn(work)?;
            }
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

/// The first address of a name that will do.
fn resolve(name: &str, wanted: Wanted) -> Result<SocketAddr, ResolveError> {
    if let Ok(address) = name.parse::<IpAddr>() {
        return fitting([SocketAddr::new(address, 0)].into_iter(), wanted);
    }
    let addresses = (name, 0).to_socket_addrs().map_err(ResolveError::System)?;
    fitting(addresses, wanted)
}

fn fitting(
    mut addresses: impl Iterator<Item = SocketAddr>,
    wanted: Wanted,
) -> Result<SocketAddr, ResolveError> {
    let fits = |address: &SocketAddr| match wanted {
        Wanted::V4 => address.is_ipv4(),
        Wanted::V6 => address.is_ipv6(),
        Wanted::Either => true,
    };
    addresses.find(fits).ok_or(ResolveError::Family(if wanted == Wanted::V4 { "IPv4" } else { "IPv6" }))
}
