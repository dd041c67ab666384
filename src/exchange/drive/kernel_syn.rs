//! What this kernel's own SYN looks like. It is learned from one that goes nowhere: a connection over loopback to a port where
//! nobody listens, offering segments as large as the way in question takes. What else makes a SYN's options, window and IP header are
//! settings of the whole host (`tcp_connect_init` in net/ipv4/tcp_output.c), so that it is the one that would leave, but for what
//! a route says beyond its MTU (`ip route … initrwnd`, `hoplimit`, `features ecn`).

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd};

use crate::exchange::drive::tap::Tap;
use crate::exchange::probe::SynShape;
use crate::exchange::trace::fields::number;
use crate::packet::dissect::dissect;
use crate::proto::registry;
use crate::sys::answer_socket::{AnswerSocket, HeldPort};
use crate::sys::clock;
use crate::sys::error::SysError;
use crate::sys::netlink::Netlink;
use crate::sys::plain_socket::{Kind, PlainSocket, Wishes};
use crate::sys::poll;
use crate::sys::ring::Source;
use crate::wire::frame::LinkType;
use crate::wire::layers::{LayerEntry, LayerTable};

/// The SYN of a connection over an interface whose packets may have `mtu` octets; `None` where none was seen, because loopback is
/// down or a rule of this host forbids it.
///
/// # Errors
/// When CAP_NET_RAW is missing, or no descriptor is left.
pub fn learn(v6: bool, mtu: usize) -> Result<Option<SynShape>, SysError> {
    let Some(link) =
        Netlink::open().and_then(|mut netlink| netlink.link("lo")).ok().filter(|link| link.is_up())
    else {
        return Ok(None);
    };
    let home = |port| match v6 {
        false => SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
        true => SocketAddr::from((Ipv6Addr::LOCALHOST, port)),
    };
    let Ok(silent) = HeldPort::tcp(home(0)) else { return Ok(None) };
    let Some(port) = silent.port() else { return Ok(None) };
    let mut ear = match v6 {
        // Opening and closing a tap takes tens of milliseconds, for the kernel waits until nobody looks at it any more.
        false => Ear::Socket(AnswerSocket::raw_tcp(home(0))?),
        // Raw sockets of IPv6 get no header of IP.
        true => Ear::Tap(Tap::open(Source::Interface(link.index, LinkType::ETHERNET))?),
    };
    let wishes = Wishes { largest_segment: Some(largest_segment(v6, mtu)), ..Wishes::default() };
    // It is refused at once, or fails where a rule forbids it.
    let _attempt = PlainSocket::connect(Kind::Stream, home(port), &wishes);
    let until = clock::monotonic().saturating_add(PATIENCE);
    let mut shape = None;
    while shape.is_none() {
        let left = until.saturating_sub(clock::monotonic());
        if left == 0 || poll::wait(&[ear.as_fd()], &[], Some(left)).is_err() {
            break;
        }
        ear.hear(&mut |octets, link_type| {
            if shape.is_none() {
                let packet = packet_to(octets, link_type, port);
                shape = packet.and_then(|packet| SynShape::of_octets("kernel", packet));
            }
        });
    }
    Ok(shape)
}

/// What hears the SYN.
enum Ear {
    Socket(AnswerSocket),
    Tap(Tap),
}

impl Ear {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Socket(socket) => socket.as_fd(),
            Self::Tap(tap) => tap.as_fd(),
        }
    }

    fn hear(&mut self, tell: &mut dyn FnMut(&[u8], LinkType)) {
        match self {
            Self::Tap(tap) => tap.receive(&mut |frame| tell(frame.data, frame.link_type)),
            Self::Socket(socket) => {
                let mut buffer = [0; 512];
                for _ in 0..MOST_AT_ONCE {
                    let Ok(Some(message)) = socket.receive(&mut buffer) else { return };
                    tell(message.octets, LinkType::RAW);
                }
            }
        }
    }
}

/// Segments of others over loopback that are read before it is looked at the time.
const MOST_AT_ONCE: usize = 1024;

/// The largest segment that is offered on a way with this MTU (`ipv4_default_advmss`, `ip6_default_advmss`).
pub(super) fn largest_segment(v6: bool, mtu: usize) -> u16 {
    let headers = if v6 { 60 } else { 40 };
    u16::try_from(mtu.saturating_sub(headers).clamp(88, 65_495)).unwrap_or(u16::MAX)
}

/// The IP packet in these octets that is TCP's and goes to this port.
fn packet_to(octets: &[u8], link_type: LinkType, port: u16) -> Option<&[u8]> {
    let mut table = LayerTable::default();
    dissect(octets, link_type, &mut table);
    let is_tcp = |entry: &LayerEntry| registry().get(entry.protocol).name == "tcp";
    let at = table.entries().iter().position(is_tcp)?;
    let (ip, tcp) = (table.entries().get(at.checked_sub(1)?)?, table.entries().get(at)?);
    (number(octets, tcp, "dstport")? == u64::from(port)).then_some(())?;
    octets.get(ip.start as usize..ip.end as usize)
}

/// How long the SYN may take over loopback.
const PATIENCE: u64 = 200_000_000;
