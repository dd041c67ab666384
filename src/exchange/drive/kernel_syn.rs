//! What this kernel's own SYN looks like. It is learned from one that goes nowhere: a connection over loopback to a port where
//! nobody listens, offering segments as large as the way in question takes. What else makes a SYN's options, window and IP header are
//! settings of the whole host (`tcp_connect_init` in net/ipv4/tcp_output.c), so that it is the one that would leave, but for what
//! a route says beyond its MTU (`ip route … initrwnd`, `hoplimit`, `features ecn`).

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::AsFd;

use crate::exchange::drive::tap::Tap;
use crate::exchange::probe::SynShape;
use crate::packet::dissect::dissect;
use crate::proto::registry;
use crate::sys::answer_socket::HeldPort;
use crate::sys::clock;
use crate::sys::error::SysError;
use crate::sys::netlink::Netlink;
use crate::sys::plain_socket::{Kind, PlainSocket, Wishes};
use crate::sys::poll;
use crate::sys::ring::Source;
use crate::wire::frame::{Frame, LinkType};
use crate::wire::layers::LayerTable;

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
    let mut tap = Tap::open(Source::Interface(link.index, LinkType::ETHERNET))?;
    let mss = largest_segment(v6, mtu);
    let wishes = Wishes { largest_segment: Some(mss), ..Wishes::default() };
    // It is refused at once, or fails where a rule forbids it.
    let _attempt = PlainSocket::connect(Kind::Stream, home(port), &wishes);
    let until = clock::monotonic().saturating_add(PATIENCE);
    let mut shape = None;
    while shape.is_none() {
        let left = until.saturating_sub(clock::monotonic());
        if left == 0 || poll::wait(&[tap.as_fd()], &[], Some(left)).is_err() {
            break;
        }
        tap.receive(&mut |frame| {
            if shape.is_none() {
                shape = packet_to(frame, port).and_then(|packet| SynShape::of_octets("kernel", packet));
            }
        });
    }
    Ok(shape)
}

/// The largest segment that is offered on a way with this MTU (`ipv4_default_advmss`, `ip6_default_advmss`).
pub(super) fn largest_segment(v6: bool, mtu: usize) -> u16 {
    let headers = if v6 { 60 } else { 40 };
    u16::try_from(mtu.saturating_sub(headers).clamp(88, 65_495)).unwrap_or(u16::MAX)
}

/// The IP packet of a frame that is TCP's and goes to this port.
fn packet_to<'f>(frame: &Frame<'f>, port: u16) -> Option<&'f [u8]> {
    let mut table = LayerTable::default();
    dissect(frame.data, frame.link_type, &mut table);
    let (ip, tcp) = (table.entries().get(1)?, table.entries().get(2)?);
    let number = |name: &str| crate::exchange::trace::fields::number(frame.data, tcp, name);
    let is_tcp = registry().get(tcp.protocol).name == "tcp";
    (is_tcp && number("dstport")? == u64::from(port)).then_some(())?;
    frame.data.get(ip.start as usize..ip.end as usize)
}

/// How long the SYN may take over loopback.
const PATIENCE: u64 = 200_000_000;
