//! Who says when a packet came: the host's clock, or the network adapter's (packet(7), PACKET_TIMESTAMP;
//! Documentation/networking/timestamping.rst).

use std::io;

use socket2::{Domain, Socket, Type};

use super::error::SysError;
use super::ethtool;
use super::ip_socket::set_option;

/// Where the times of packets come from. The names are libpcap's (pcap-tstamp(7)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StampSource {
    /// The kernel, when it got the packet.
    #[default]
    Host,
    /// The adapter, told in the system's time.
    Adapter,
    /// The adapter, by a clock of its own.
    AdapterUnsynced,
}

impl StampSource {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Host, Self::Adapter, Self::AdapterUnsynced];

    /// What an interface's driver has to say so that it has this one, and what a socket asks for.
    pub(super) fn flag(self) -> u32 {
        match self {
            Self::Host => libc::SOF_TIMESTAMPING_SOFTWARE,
            Self::Adapter => libc::SOF_TIMESTAMPING_SYS_HARDWARE,
            Self::AdapterUnsynced => libc::SOF_TIMESTAMPING_RAW_HARDWARE,
        }
    }

    /// Those that an interface has; the host's are there always.
    ///
    /// # Errors
    /// When there is no such interface.
    pub fn of_interface(name: &str) -> Result<Vec<Self>, SysError> {
        let flags = match ethtool::time_stamping(name) {
            Ok(flags) => flags,
            // A driver that does not say has none.
            Err(error) if error.raw_os_error() == Some(libc::EOPNOTSUPP) => 0,
            Err(error) => return Err(SysError::of("ask for the time stamps of", name)(error)),
        };
        // The adapter stamps what is received, or its stamps are of no use here.
        let has_own = flags & libc::SOF_TIMESTAMPING_RX_HARDWARE != 0;
        let has = |source: &Self| *source == Self::Host || has_own && flags & source.flag() != 0;
        Ok(Self::ALL.into_iter().filter(has).collect())
    }

    /// Has the interface stamp all packets, where that is not the host's work. That stays so when the capture is over: others
    /// may have come to rely on it.
    ///
    /// # Errors
    /// When it has no such stamps, none for all packets, or CAP_NET_ADMIN is missing.
    pub fn switch_on(self, interface: &str) -> Result<(), SysError> {
        if self == Self::Host || ethtool::stamps_all_packets(interface).unwrap_or(false) {
            return Ok(());
        }
        ethtool::stamp_all_packets(interface)
            .map_err(told)
            .map_err(SysError::of("have time stamps made by", interface))
    }
}

/// Keeps the kernel's stamps of receipt on. It switches them on with the first socket that wants them, some milliseconds after that
/// was opened (`net_enable_timestamp` in net/core/dev.c), and what comes before is stamped only when a program reads it. Whoever
/// begins with this, and opens its sockets later, has true stamps sooner.
#[derive(Debug)]
pub struct ReceiptStamps {
    _socket: Socket,
}

impl ReceiptStamps {
    /// Switches them on, where they are not on already.
    ///
    /// # Errors
    /// When no descriptor is left.
    pub fn keep_on() -> io::Result<Self> {
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, None)?;
        set_option(&socket, libc::SOL_SOCKET, libc::SO_TIMESTAMPNS, 1)?;
        Ok(Self { _socket: socket })
    }
}

/// What the system's words mean here.
fn told(error: io::Error) -> io::Error {
    let words = match error.raw_os_error() {
        Some(libc::EPERM) => "switching them on takes CAP_NET_ADMIN, which sudo has",
        Some(libc::ERANGE) => "its adapter does not stamp all packets",
        _ => return error,
    };
    io::Error::new(error.kind(), words)
}

impl super::packet_socket::PacketSocket {
    /// Chooses whose stamps packets are given; those that the adapter did not stamp are stamped by the host.
    pub(super) fn stamp_by(&self, source: StampSource) -> io::Result<()> {
        match source {
            StampSource::Host => Ok(()),
            source => self.set_int(libc::PACKET_TIMESTAMP, source.flag().cast_signed()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_stamped_by_the_host_alone() {
        assert_eq!(StampSource::of_interface("lo").unwrap(), [StampSource::Host]);
        assert!(StampSource::Host.switch_on("lo").is_ok());
        assert!(StampSource::AdapterUnsynced.switch_on("lo").is_err());
        assert!(StampSource::of_interface("nosuchif0").is_err());
    }
}
