//! A TUN interface (`linux/if_tun.h`): what the kernel sends out of it is read here, and what is written here comes in by it.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt;

use super::error::Cause;

/// A TUN interface, which goes when this is dropped.
#[derive(Debug)]
pub struct Tun {
    file: File,
    name: String,
}

/// Why there is none.
#[derive(Debug, thiserror::Error)]
pub enum TunError {
    /// The device cannot be opened.
    #[error("open {DEVICE}: {}; {}", Cause(source), device_remedy(source))]
    Open {
        /// What the system said.
        source: io::Error,
    },
    /// The interface cannot be made.
    #[error(
        "make a TUN interface: {}; it takes CAP_NET_ADMIN: run it under sudo, or in a network of its own with `rawsock lab -- COMMAND`",
        Cause(source)
    )]
    Make {
        /// What the system said.
        source: io::Error,
    },
}

fn device_remedy(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::PermissionDenied => "run it under sudo",
        _ => "`modprobe tun` loads its driver",
    }
}

const DEVICE: &str = "/dev/net/tun";

impl Tun {
    /// Makes an interface, of which the kernel chooses the number in the name: `rawsock0`. It is switched off, and has no address.
    ///
    /// # Errors
    /// When the device may not be opened, or CAP_NET_ADMIN is missing.
    pub fn open() -> Result<Self, TunError> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).custom_flags(libc::O_NONBLOCK);
        let file = options.open(DEVICE).map_err(|source| TunError::Open { source })?;
        // SAFETY: plain data, for which zeros are valid.
        let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
        for (slot, octet) in request.ifr_name.iter_mut().zip(PATTERN) {
            *slot = libc::c_char::from_ne_bytes([*octet]);
        }
        // Packets begin with their IP header.
        request.ifr_ifru.ifru_flags = IFF_TUN | IFF_NO_PI;
        // SAFETY: the call reads and writes `request`, which lives until it returns.
        let made = unsafe { libc::ioctl(file.as_raw_fd(), TUNSETIFF, &raw mut request) };
        if made != 0 {
            return Err(TunError::Make { source: io::Error::last_os_error() });
        }
        let octets =
            request.ifr_name.iter().map(|octet| octet.to_ne_bytes()[0]).take_while(|octet| *octet != 0);
        let name = String::from_utf8_lossy(&octets.collect::<Vec<u8>>()).into_owned();
        Ok(Self { file, name })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Has a packet come in by the interface.
    ///
    /// # Errors
    /// When it is switched off, or the packet is no IP packet.
    pub fn send(&self, packet: &[u8]) -> io::Result<()> {
        // One write is one packet.
        (&self.file).write(packet).map(|_| ())
    }

    /// A packet that the kernel sent out of the interface, without waiting; `None` when there is none.
    ///
    /// # Errors
    /// When the interface is gone.
    pub fn receive<'b>(&self, buffer: &'b mut [u8]) -> io::Result<Option<&'b [u8]>> {
        loop {
            match (&self.file).read(buffer) {
                Ok(len) => return Ok(buffer.get(..len)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

impl AsFd for Tun {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

const PATTERN: &[u8] = b"rawsock%d";
/// `linux/if_tun.h`: _IOW('T', 202, int), and flags.
const TUNSETIFF: libc::Ioctl = 0x4004_54ca;
const IFF_TUN: libc::c_short = 0x0001;
const IFF_NO_PI: libc::c_short = 0x1000;
