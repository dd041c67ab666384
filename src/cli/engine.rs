//! Which engine hands frames to an interface.

use clap::ValueEnum;

use crate::exchange::drive::outflow::Exit;
use crate::sys::batch_socket::BatchSocket;
use crate::sys::error::SysError;
use crate::sys::netlink::Link;
use crate::sys::xdp_socket::XdpSocket;

/// What is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(super) enum Engine {
    /// AF_XDP where it is faster and nobody can tell the difference, else sendmmsg.
    #[default]
    Auto,
    /// Packet sockets.
    Sendmmsg,
    /// AF_XDP.
    Xdp,
}

impl Engine {
    /// Opens the way out of an interface, with the engine's name. `is_top` says that packets go as fast as they can.
    ///
    /// AF_XDP passes the interface's queue by, and the taps of this host: so it is chosen only for the greatest speed, and where
    /// packets would not queue either.
    ///
    /// # Errors
    /// When a right is missing, or the engine that is asked for does not work there.
    pub(super) fn open(
        self,
        link: &Link,
        queue: u64,
        is_top: bool,
    ) -> Result<(Exit, &'static str), SysError> {
        let xdp = || {
            let queue = u32::try_from(queue).unwrap_or(u32::MAX);
            let socket = XdpSocket::of_interface(link.index, &link.name, link.mtu, queue)?;
            Ok((Exit::Xdp(Box::new(socket)), "xdp (AF_XDP, copy mode)"))
        };
        let batch = || {
            let socket = BatchSocket::of_interface(link.index, &link.name)?;
            Ok((Exit::Batch(socket), "sendmmsg (packet socket)"))
        };
        let is_unqueued = link.qdisc.as_deref() == Some("noqueue");
        match self {
            Self::Xdp => xdp(),
            Self::Auto if is_top && is_unqueued => xdp().or_else(|_: SysError| batch()),
            Self::Auto | Self::Sendmmsg => batch(),
        }
    }
}
