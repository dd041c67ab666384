//! Who says when a packet came: the host's clock, or the network adapter's (packet(7), PACKET_TIMESTAMP;
//! Documentation/networking/timestamping.rst).

use std::io;
use std::os::fd::AsFd;

use socket2::{Domain, Socket, Type};

use super::control_message::{About, Queue, receive};
use super::error::SysError;
use super::error_queue::Origin;
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

/// What a socket has the kernel tell of the packets that it sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Departures {
    /// When each was handed to the queue of its interface as well.
    pub queued: bool,
    /// When the adapter has sent it as well, and when it received what comes.
    pub by_adapter: bool,
}

impl Departures {
    /// Has the kernel tell, from the next packet on. Each stamp has the number of its packet, counted from here (OPT_ID), and not the
    /// packet itself (OPT_TSONLY).
    pub(super) fn switch_on(self, socket: &impl std::os::fd::AsFd) -> io::Result<()> {
        let mut flags = libc::SOF_TIMESTAMPING_TX_SOFTWARE
            | libc::SOF_TIMESTAMPING_SOFTWARE
            | libc::SOF_TIMESTAMPING_OPT_ID
            | libc::SOF_TIMESTAMPING_OPT_TSONLY;
        if self.queued {
            flags |= libc::SOF_TIMESTAMPING_TX_SCHED;
        }
        if self.by_adapter {
            flags |= libc::SOF_TIMESTAMPING_TX_HARDWARE
                | libc::SOF_TIMESTAMPING_RX_HARDWARE
                | libc::SOF_TIMESTAMPING_RAW_HARDWARE
                | libc::SOF_TIMESTAMPING_OPT_TX_SWHW;
        }
        set_option(socket, libc::SOL_SOCKET, libc::SO_TIMESTAMPING, flags.cast_signed())
    }

    /// Has the kernel count packets from 0 again.
    pub(super) fn start_anew(self, socket: &impl std::os::fd::AsFd) -> io::Result<()> {
        set_option(socket, libc::SOL_SOCKET, libc::SO_TIMESTAMPING, 0)?;
        self.switch_on(socket)
    }
}

/// A stamp of a packet on its way out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Passage {
    /// The number of the packet.
    pub number: u32,
    /// How far it was.
    pub stage: PassageStage,
    /// When: nanoseconds since 1970, or by the adapter's own clock.
    pub at: i64,
}

/// How far a packet on its way out was (`linux/errqueue.h`, SCM_TSTAMP_*).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PassageStage {
    /// It was handed to the queue.
    Queued,
    /// The driver had it.
    Driver,
    /// The adapter had sent it.
    Adapter,
}

impl Passage {
    /// The next stamp in a socket's queue of errors. `None` when there is none yet.
    ///
    /// # Errors
    /// When the queue cannot be read.
    pub fn next(socket: &impl AsFd) -> io::Result<Option<Self>> {
        let mut payload = [0; 64];
        while let Some(message) = receive(socket, &mut payload, Queue::Errors)? {
            let passage = Self::of(&message.about);
            if passage.is_some() {
                return Ok(passage);
            }
        }
        Ok(None)
    }

    /// The stamp that a message of the error queue is, when it is one.
    pub fn of(about: &About) -> Option<Self> {
        let error = about.error.filter(|error| error.origin == Origin::Other)?;
        let (stage, at) = match (error.info, about.by_kernel, about.by_adapter) {
            (0, _, Some(at)) => (PassageStage::Adapter, at),
            (0, Some(at), None) => (PassageStage::Driver, at),
            (1, Some(at), _) => (PassageStage::Queued, at),
            _ => return None,
        };
        Some(Self { number: error.data, stage, at })
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
