//! A reset guard in a process of its own. The kernel asks for CAP_NET_ADMIN again with each port that is added: of whoever opened the
//! netlink socket, and of whoever sends (`netlink_ns_capable` in net/netlink/af_netlink.c). So the right stays with a process that
//! reads nothing but addresses and ports, and not with the one that reads what strangers sent.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::unix::net::UnixStream;

use super::ResetGuard;
use crate::sys::companion::{Companion, number_of, result_of};
use crate::sys::netlink::NetlinkError;
use crate::sys::sandbox::SandboxError;

/// Keeps resets away for as long as it lives.
#[derive(Debug)]
pub struct GuardKeeper {
    companion: Companion,
    name: String,
}

/// What is asked for: what, an address of 16 octets, of which IPv4 takes the first four, and a port.
type Request = [u8; 19];

const FORGET: u8 = 0;
const FOUR: u8 = 4;
const SIX: u8 = 6;

impl GuardKeeper {
    /// Hands the guard to a process of its own, which keeps the right; `enter` is how it gives up all others.
    ///
    /// # Errors
    /// When there is no room for another process, or the kernel refuses what is given up.
    pub fn start(
        guard: ResetGuard,
        enter: impl FnOnce() -> Result<(), SandboxError>,
    ) -> Result<Self, NetlinkError> {
        let name = guard.name().to_owned();
        let start = || -> io::Result<Companion> {
            let companion = Companion::start(move |mut channel| {
                let entered = enter().map_err(|_| io::Error::from_raw_os_error(libc::EPERM));
                if channel.write_all(&number_of(&entered)).is_ok() && entered.is_ok() {
                    serve(guard, &channel);
                }
                0
            })?;
            result_of(companion.told()?)?;
            Ok(companion)
        };
        let call = || "keep the kernel's resets away by a process of its own".to_owned();
        let companion = start().map_err(|source| NetlinkError::Exchange { call: call(), source })?;
        Ok(Self { companion, name })
    }

    /// The name of the table, of family `inet`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Keeps resets from this address and port away, too.
    ///
    /// # Errors
    /// When the kernel does not take it, or the process is gone.
    pub fn keep_away(&self, address: IpAddr, port: u16) -> Result<(), NetlinkError> {
        let call = format!("keep the kernel's resets from {address} port {port} away");
        self.ask(request(address, port), call)
    }

    /// Keeps none away any more.
    ///
    /// # Errors
    /// When the kernel does not take it, or the process is gone.
    pub fn forget(&self) -> Result<(), NetlinkError> {
        self.ask([FORGET; 19], "let the kernel's resets out again".to_owned())
    }

    fn ask(&self, request: Request, call: String) -> Result<(), NetlinkError> {
        let told = match self.companion.ask(&request) {
            Ok(told) => told,
            Err(source) => return Err(NetlinkError::Exchange { call, source }),
        };
        result_of(told).map_err(|source| NetlinkError::Refused { call, source, detail: None })
    }
}

/// Does what is asked for, until nothing is any more.
fn serve(mut guard: ResetGuard, mut channel: &UnixStream) {
    let mut request: Request = [0; 19];
    while channel.read_exact(&mut request).is_ok() {
        let done = match read(&request) {
            Some((address, port)) => guard.keep_away(address, port),
            None => guard.forget(),
        };
        let done = done.map_err(|error| match error {
            NetlinkError::Refused { source, .. } | NetlinkError::Exchange { source, .. } => source,
            _ => io::Error::from_raw_os_error(libc::EIO),
        });
        if channel.write_all(&number_of(&done)).is_err() {
            return;
        }
    }
}

fn request(address: IpAddr, port: u16) -> Request {
    let mut request = [0; 19];
    let (kind, rest) = request.split_at_mut(1);
    let (octets, ports) = rest.split_at_mut(16);
    match address {
        IpAddr::V4(address) => {
            kind.copy_from_slice(&[FOUR]);
            octets.iter_mut().zip(address.octets()).for_each(|(to, from)| *to = from);
        }
        IpAddr::V6(address) => {
            kind.copy_from_slice(&[SIX]);
            octets.copy_from_slice(&address.octets());
        }
    }
    ports.copy_from_slice(&port.to_be_bytes());
    request
}

fn read(request: &Request) -> Option<(IpAddr, u16)> {
    let (kind, rest) = request.split_first()?;
    let port = u16::from_be_bytes(*rest.last_chunk()?);
    let address = match *kind {
        FOUR => Ipv4Addr::from(*rest.first_chunk::<4>()?).into(),
        SIX => Ipv6Addr::from(*rest.first_chunk::<16>()?).into(),
        _ => return None,
    };
    Some((address, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_come_as_they_were_asked() {
        for address in ["10.1.2.3", "fd77::2:3"] {
            let address = address.parse().unwrap();
            assert_eq!(read(&request(address, 0x0102)), Some((address, 0x0102)));
        }
        assert_eq!(read(&[FORGET; 19]), None);
    }
}
