//! What an interface leaves to its hardware (SIOCETHTOOL, `linux/ethtool.h`).

use std::io;
use std::os::fd::AsRawFd;

use socket2::{Domain, Socket, Type};

/// Has the kernel fill in the checksums of what it sends by an interface, in place of leaving them to the hardware, and
/// with them cut TCP streams into segments itself. A capture on this machine then sees what a wire would carry.
///
/// # Errors
/// Without CAP_NET_ADMIN, when there is no such interface, or when its driver has no such switch.
pub fn finish_packets_in_software(interface: &str) -> io::Result<()> {
    let mut value = EthtoolValue { command: ETHTOOL_STXCSUM, data: 0 };
    // SAFETY: plain data, for which zeros are valid.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    // One octet stays 0: the kernel reads a C string.
    let room = request.ifr_name.len().saturating_sub(1);
    if interface.len() > room {
        return Err(io::Error::from_raw_os_error(libc::ENODEV));
    }
    for (slot, octet) in request.ifr_name.iter_mut().zip(interface.bytes()) {
        *slot = octet.cast_signed();
    }
    request.ifr_ifru.ifru_data = (&raw mut value).cast();
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, None)?;
    // SAFETY: SIOCETHTOOL reads `request` and, behind its pointer, an `ethtool_value` for this command; both live until
    // the call returns.
    match unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCETHTOOL, &raw mut request) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// `struct ethtool_value`.
#[repr(C)]
struct EthtoolValue {
    command: u32,
    data: u32,
}

const ETHTOOL_STXCSUM: u32 = 0x17;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_interface_is_an_error() {
        for name in ["nosuchif0", "a-name-longer-than-ifnamsiz"] {
            assert!(finish_packets_in_software(name).is_err());
        }
    }
}
