//! What an interface's driver can do and is told to do (SIOCETHTOOL, `linux/ethtool.h`; SIOCSHWTSTAMP,
//! `linux/net_tstamp.h`).

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
    // SAFETY: for this command the kernel reads an `ethtool_value`.
    unsafe { request(interface, libc::SIOCETHTOOL, &mut value) }
}

/// Whether an interface's hardware can stamp the time on packets that it receives. Software can on every interface.
///
/// # Errors
/// When there is no such interface, or its driver does not say.
pub fn has_hardware_timestamps(interface: &str) -> io::Result<bool> {
    Ok(time_stamping(interface)? & libc::SOF_TIMESTAMPING_RX_HARDWARE != 0)
}

/// The SOF_TIMESTAMPING_ flags of what an interface can do.
pub(super) fn time_stamping(interface: &str) -> io::Result<u32> {
    let mut info = EthtoolTsInfo { command: ETHTOOL_GET_TS_INFO, so_timestamping: 0, rest: [0; 9] };
    // SAFETY: for this command the kernel fills in an `ethtool_ts_info`.
    unsafe { request(interface, libc::SIOCETHTOOL, &mut info) }?;
    Ok(info.so_timestamping)
}

/// Whether an interface's hardware has been told to stamp all packets that it receives.
pub(super) fn stamps_all_packets(interface: &str) -> io::Result<bool> {
    let mut told = libc::hwtstamp_config { flags: 0, tx_type: 0, rx_filter: 0 };
    // SAFETY: the kernel fills in a `hwtstamp_config`.
    unsafe { request(interface, libc::SIOCGHWTSTAMP, &mut told) }?;
    Ok(told.rx_filter.cast_unsigned() == libc::HWTSTAMP_FILTER_ALL)
}

/// Tells an interface's hardware to stamp all packets, those that it receives and those that it sends.
pub(super) fn stamp_all_packets(interface: &str) -> io::Result<()> {
    let (tx_type, rx_filter) = (libc::HWTSTAMP_TX_ON.cast_signed(), libc::HWTSTAMP_FILTER_ALL.cast_signed());
    let mut wanted = libc::hwtstamp_config { flags: 0, tx_type, rx_filter };
    // SAFETY: the kernel reads a `hwtstamp_config`, and writes there what it could do of it.
    unsafe { request(interface, libc::SIOCSHWTSTAMP, &mut wanted) }?;
    match wanted.rx_filter.cast_unsigned() {
        libc::HWTSTAMP_FILTER_ALL => Ok(()),
        _ => Err(io::Error::from_raw_os_error(libc::ERANGE)),
    }
}

/// # Safety
/// `argument` must be the structure that the call reads or writes; for SIOCETHTOOL that is told by its first field.
unsafe fn request<T>(interface: &str, call: libc::c_ulong, argument: &mut T) -> io::Result<()> {
    // SAFETY: plain data, for which zeros are valid.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    // One octet stays 0: the kernel reads a C string.
    let room = request.ifr_name.len().saturating_sub(1);
    if interface.len() > room {
        return Err(io::Error::from_raw_os_error(libc::ENODEV));
    }
    for (slot, octet) in request.ifr_name.iter_mut().zip(interface.bytes()) {
        *slot = libc::c_char::from_ne_bytes([octet]);
    }
    request.ifr_ifru.ifru_data = std::ptr::from_mut(argument).cast();
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, None)?;
    // SAFETY: the call reads `request` and follows its pointer to `argument`; both live until the call returns, and
    // the caller vouches for the argument's type.
    match unsafe { libc::ioctl(socket.as_raw_fd(), call as libc::Ioctl, &raw mut request) } {
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

/// `struct ethtool_ts_info`: behind the flags come a clock's index, and what can be chosen.
#[repr(C)]
struct EthtoolTsInfo {
    command: u32,
    so_timestamping: u32,
    rest: [u32; 9],
}

const ETHTOOL_STXCSUM: u32 = 0x17;
const ETHTOOL_GET_TS_INFO: u32 = 0x41;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_interface_is_an_error() {
        for name in ["nosuchif0", "a-name-longer-than-ifnamsiz"] {
            assert_eq!(finish_packets_in_software(name).unwrap_err().raw_os_error(), Some(libc::ENODEV));
            assert_eq!(has_hardware_timestamps(name).unwrap_err().raw_os_error(), Some(libc::ENODEV));
        }
    }

    #[test]
    fn loopback_has_no_hardware() {
        assert!(!has_hardware_timestamps("lo").unwrap());
    }
}
