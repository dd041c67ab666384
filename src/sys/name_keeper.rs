//! Names looked up by a process of its own: where the system's resolver loads modules and asks daemons of this host, a process that
//! reads what strangers sent is to do neither.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6, ToSocketAddrs};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread;

use super::companion::{Companion, number_of, result_of};
use super::name_info;
use super::process;
use super::sandbox::SandboxError;

/// The process that looks names up. It ends when this one does.
#[derive(Debug)]
pub struct NameKeeper {
    _companion: Companion,
    /// Those by which nobody asks just now.
    free: Mutex<Vec<UnixStream>>,
    is_free: Condvar,
}

/// Names that are looked up at a time: a name server may be slow, or not be there.
const LINES: usize = 16;

impl NameKeeper {
    /// Splits it off; `enter` is how it gives up what it does not need.
    ///
    /// # Errors
    /// When this process has several threads already, there is no room for another one, or the kernel refuses what is given up.
    pub fn start(enter: impl FnOnce() -> Result<(), SandboxError>) -> io::Result<Self> {
        let pairs: Vec<_> = (0..LINES).map(|_| UnixStream::pair()).collect::<io::Result<_>>()?;
        let (ours, theirs): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
        let companion = Companion::start(move |channel| {
            let kept: Vec<_> = theirs.iter().chain([&channel]).map(AsRawFd::as_raw_fd).collect();
            let begun = process::keep_only_descriptors(&kept)
                .and_then(|()| enter().map_err(|_| io::Error::from_raw_os_error(libc::EPERM)));
            serve_all(channel, theirs, begun)
        })?;
        result_of(companion.told()?)?;
        Ok(Self { _companion: companion, free: Mutex::new(ours), is_free: Condvar::new() })
    }

    /// The name of an address; `None` when it has none, or nobody answers. It may take many seconds.
    pub fn name_of(&self, address: IpAddr) -> Option<String> {
        let request = match address {
            IpAddr::V4(address) => [&[FOUR][..], &address.octets()].concat(),
            IpAddr::V6(address) => [&[SIX][..], &address.octets()].concat(),
        };
        match self.ask(&request).ok()?.split_first()? {
            (&NAME, name) => String::from_utf8(name.to_vec()).ok(),
            _ => None,
        }
    }

    /// The addresses of a name, with port 0. It may take many seconds.
    ///
    /// # Errors
    /// What the system's resolver says, or that the process is gone.
    pub fn addresses_of(&self, name: &str) -> io::Result<Vec<SocketAddr>> {
        let answer = self.ask(&[&[NAME], name.as_bytes()].concat())?;
        match answer.split_first() {
            Some((&ADDRESSES, list)) => Ok(list.chunks_exact(ADDRESS_LEN).filter_map(address).collect()),
            Some((&FAILED, words)) => Err(io::Error::other(String::from_utf8_lossy(words).into_owned())),
            _ => Err(io::ErrorKind::InvalidData.into()),
        }
    }

    fn ask(&self, request: &[u8]) -> io::Result<Vec<u8>> {
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let mut free =
            self.is_free.wait_while(free, |free| free.is_empty()).unwrap_or_else(PoisonError::into_inner);
        let line = free.pop();
        drop(free);
        let Some(line) = line else { return Err(io::ErrorKind::BrokenPipe.into()) };
        let answer = write_message(&line, request).and_then(|()| read_message(&line));
        self.free.lock().unwrap_or_else(PoisonError::into_inner).push(line);
        self.is_free.notify_one();
        answer.map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof | io::ErrorKind::BrokenPipe => {
                io::Error::other("the process that looks names up is gone")
            }
            _ => error,
        })
    }
}

/// What the process does: all lines at a time, until its channel ends.
fn serve_all(mut channel: UnixStream, lines: Vec<UnixStream>, begun: io::Result<()>) -> u8 {
    let serving = begun.and_then(|()| {
        for line in lines {
            thread::Builder::new().name("names".to_owned()).spawn(move || serve(&line))?;
        }
        Ok(())
    });
    if channel.write_all(&number_of(&serving)).is_ok() && serving.is_ok() {
        // Nothing is ever sent by it.
        let _ = channel.read(&mut [0]);
    }
    0
}

fn serve(line: &UnixStream) {
    while let Ok(request) = read_message(line) {
        if write_message(line, &look_up(&request)).is_err() {
            return;
        }
    }
}

/// Looks up what is asked for; the answer is empty where there is none.
fn look_up(request: &[u8]) -> Vec<u8> {
    let named = |address| name_info::name_of(address).map(|name| [&[NAME], name.as_bytes()].concat());
    let answer = match request.split_first() {
        Some((&FOUR, octets)) => {
            octets.first_chunk::<4>().and_then(|octets| named(Ipv4Addr::from(*octets).into()))
        }
        Some((&SIX, octets)) => {
            octets.first_chunk::<16>().and_then(|octets| named(Ipv6Addr::from(*octets).into()))
        }
        Some((&NAME, name)) => Some(match (String::from_utf8_lossy(name).as_ref(), 0).to_socket_addrs() {
            Ok(addresses) => addresses.take(MOST_ADDRESSES).fold(vec![ADDRESSES], |mut list, address| {
                list.extend(octets_of(address));
                list
            }),
            Err(error) => [&[FAILED], error.to_string().as_bytes()].concat(),
        }),
        _ => None,
    };
    answer.unwrap_or_default()
}

/// What a message begins with.
const FOUR: u8 = 4;
const SIX: u8 = 6;
const NAME: u8 = 1;
const ADDRESSES: u8 = 2;
const FAILED: u8 = 3;

/// An address in a message: a family, 16 octets, of which IPv4 takes the first four, and the number of an interface.
const ADDRESS_LEN: usize = 21;
/// More fit into no message.
const MOST_ADDRESSES: usize = 1024;

fn octets_of(address: SocketAddr) -> Vec<u8> {
    match address {
        SocketAddr::V4(address) => [&[FOUR][..], &address.ip().octets(), &[0; 16]].concat(),
        SocketAddr::V6(address) => {
            [&[SIX][..], &address.ip().octets(), &address.scope_id().to_be_bytes()].concat()
        }
    }
}

fn address(octets: &[u8]) -> Option<SocketAddr> {
    let (family, rest) = octets.split_first()?;
    match *family {
        FOUR => Some((Ipv4Addr::from(*rest.first_chunk()?), 0).into()),
        SIX => {
            let (ip, scope) = (Ipv6Addr::from(*rest.first_chunk::<16>()?), *rest.last_chunk()?);
            Some(SocketAddrV6::new(ip, 0, 0, u32::from_be_bytes(scope)).into())
        }
        _ => None,
    }
}

/// Writes octets with their number before them.
fn write_message(mut line: &UnixStream, octets: &[u8]) -> io::Result<()> {
    let len = u16::try_from(octets.len()).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
    line.write_all(&[&len.to_be_bytes(), octets].concat())
}

fn read_message(mut line: &UnixStream) -> io::Result<Vec<u8>> {
    let mut len = [0; 2];
    line.read_exact(&mut len)?;
    let mut octets = vec![0; u16::from_be_bytes(len).into()];
    line.read_exact(&mut octets)?;
    Ok(octets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_come_as_they_were_sent() {
        for text in ["10.1.2.3:0", "[fd77::2:3]:0", "[fe80::1%7]:0"] {
            let sent: SocketAddr = text.parse().unwrap();
            let octets = octets_of(sent);
            assert_eq!((octets.len(), address(&octets)), (ADDRESS_LEN, Some(sent)));
        }
        assert_eq!(address(&[9; ADDRESS_LEN]), None);
        assert_eq!(address(&[]), None);
    }

    #[test]
    fn what_is_asked_for_is_looked_up() {
        let list = look_up(&[&[NAME], &b"127.0.0.9"[..]].concat());
        assert_eq!(list.split_first().map(|(kind, list)| (*kind, address(list))), {
            Some((ADDRESSES, Some("127.0.0.9:0".parse().unwrap())))
        });
        assert_eq!(look_up(&[NAME]).first(), Some(&FAILED));
        assert_eq!(look_up(&[FOUR, 127, 0, 0, 1]).first(), Some(&NAME));
        for nonsense in [&[][..], &[FOUR, 1, 2], &[SIX; 16], &[9, 9]] {
            assert!(look_up(nonsense).is_empty(), "{nonsense:?}");
        }
    }

    #[test]
    fn messages_are_whole_or_none() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        write_message(&ours, b"a name").unwrap();
        assert_eq!(read_message(&theirs).unwrap(), b"a name");
        assert!(write_message(&ours, &[0; 65_536]).is_err());
        (&ours).write_all(&[0, 9, 1]).unwrap();
        drop(ours);
        assert!(read_message(&theirs).is_err());
    }
}
