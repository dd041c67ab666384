//! Where a plain socket is: an IP address with a port, or a name of the Unix family (unix(7)).

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use rustix::net::{SocketAddrAny, SocketAddrUnix};
use socket2::SockAddr;

/// An address of a socket.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SocketAddress {
    /// IPv4 or IPv6.
    Ip(SocketAddr),
    /// A file of the Unix family.
    Path(PathBuf),
    /// A name that is in no file system, without its leading zero; written as `@name`.
    Abstract(Vec<u8>),
    /// A Unix socket that was never bound: nobody can write to it by its address.
    Unnamed,
}

/// A peer of IPv4 that a socket of IPv6 hears (RFC 4291 §2.5.5.2) is one of IPv4; Linux sends to it in that form too (ipv6(7)).
fn unmapped(address: SocketAddr) -> SocketAddr {
    match address.ip().to_canonical() {
        ip if ip.is_ipv4() => SocketAddr::new(ip, address.port()),
        _ => address,
    }
}

impl SocketAddress {
    /// The kernel's form.
    ///
    /// # Errors
    /// When a path or name is too long: 107 octets are the most (unix(7)).
    pub fn to_kernel(&self) -> io::Result<SockAddr> {
        match self {
            Self::Ip(address) => Ok(SockAddr::from(*address)),
            Self::Path(path) => SockAddr::unix(path),
            Self::Abstract(name) => {
                let name: Vec<u8> = std::iter::once(0).chain(name.iter().copied()).collect();
                SockAddr::unix(OsString::from_vec(name))
            }
            Self::Unnamed => Err(io::Error::from_raw_os_error(libc::EDESTADDRREQ)),
        }
    }

    /// From what the kernel told.
    pub(super) fn of(told: &SockAddr) -> Self {
        if let Some(address) = told.as_socket() {
            Self::Ip(unmapped(address))
        } else if let Some(path) = told.as_pathname() {
            Self::Path(path.to_owned())
        } else if let Some(name) = told.as_abstract_namespace() {
            Self::Abstract(name.to_vec())
        } else {
            Self::Unnamed
        }
    }

    /// From what the kernel told about a datagram.
    pub(super) fn of_any(told: Option<SocketAddrAny>) -> Self {
        let Some(told) = told else { return Self::Unnamed };
        if let Ok(address) = SocketAddr::try_from(told.clone()) {
            return Self::Ip(unmapped(address));
        }
        let Ok(unix) = SocketAddrUnix::try_from(told) else { return Self::Unnamed };
        match (unix.path_bytes(), unix.abstract_name()) {
            (Some(path), _) => {
                let end = path.iter().position(|octet| *octet == 0).unwrap_or(path.len());
                Self::Path(PathBuf::from(OsStr::from_bytes(path.get(..end).unwrap_or(path))))
            }
            (None, Some(name)) => Self::Abstract(name.to_vec()),
            (None, None) => Self::Unnamed,
        }
    }

    /// The IP address and port, if it is one.
    pub fn ip(&self) -> Option<SocketAddr> {
        match self {
            Self::Ip(address) => Some(*address),
            _ => None,
        }
    }
}

/// Paths and names as they are, but for what a terminal should not get.
impl fmt::Display for SocketAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(address) => write!(f, "{address}"),
            Self::Path(path) => write!(f, "{}", path.as_os_str().as_bytes().escape_ascii()),
            Self::Abstract(name) => write!(f, "@{}", name.escape_ascii()),
            Self::Unnamed => f.write_str("unnamed"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_to_the_kernel_comes_back() {
        let addresses = [
            SocketAddress::Ip("127.0.0.1:7".parse().unwrap()),
            SocketAddress::Ip("[::1]:7".parse().unwrap()),
            SocketAddress::Path("/tmp/a b".into()),
            SocketAddress::Abstract(b"na\0me".to_vec()),
        ];
        for address in addresses {
            assert_eq!(SocketAddress::of(&address.to_kernel().unwrap()), address);
        }
        assert!(SocketAddress::Path("x".repeat(108).into()).to_kernel().is_err());
        assert!(SocketAddress::Unnamed.to_kernel().is_err());
    }

    #[test]
    fn names_cannot_move_a_cursor() {
        assert_eq!(SocketAddress::Abstract(b"a\x1b[2J".to_vec()).to_string(), "@a\\x1b[2J");
        assert_eq!(SocketAddress::Path("/tmp/a\n".into()).to_string(), "/tmp/a\\n");
    }
}
