//! What a round trip takes without a network: this host's own loopback interface.

use std::io;
use std::net::{IpAddr, Ipv4Addr};

use crate::exchange::drive::icmp::{IcmpOptions, IcmpWire, Path};
use crate::exchange::drive::{Watcher, drive};
use crate::exchange::engine::{MILLISECOND, SECOND};
use crate::exchange::ping::statistics::LegSpreads;
use crate::exchange::ping::{Ping, PingPlan};
use crate::sys::clock::{self, Now};
use crate::sys::interrupt::Interrupt;
use crate::sys::ip_socket::Family;

/// Round trips to measure, which take some tens of milliseconds.
const COUNT: u64 = 50;

/// Opens sockets of the same kind as those of a run; `None` where the system has none.
pub(super) fn open(options: &IcmpOptions) -> Option<IcmpWire> {
    let ident = other(options.ident);
    let mut wire = IcmpWire::new(IcmpOptions { interface: None, source: None, ident, ..options.clone() });
    wire.open(Family::V4).ok()?;
    Some(wire)
}

/// Measures it, by requests of the same size; `None` where this host does not answer itself.
pub(super) fn measure(plan: &PingPlan, mut wire: IcmpWire, interrupt: &Interrupt) -> Option<LegSpreads> {
    let address = IpAddr::from(Ipv4Addr::LOCALHOST);
    let mut request = plan.request.clone();
    request.header.clear();
    request.route = None;
    request.ident = other(request.ident);
    let plan = PingPlan {
        request,
        interval: MILLISECOND,
        gap: 0,
        preload: 1,
        flood: None,
        count: Some(COUNT),
        timeout: SECOND / 10,
        deadline: Some(SECOND),
        anatomy: true,
    };
    wire.set_path(address, Path { mtu: usize::from(u16::MAX), interface: 0, source: address });
    let mut engine = Ping::new(plan);
    engine.add_target("loopback", address, address, clock::monotonic());
    engine.close();
    drive(&mut engine, &mut wire, interrupt, &mut Silent).ok()?;
    let (_, times) = engine.totals();
    times.legs.filter(|legs| legs.wire.count > 0).map(|legs| *legs)
}

/// Another identifier than that of the run, whose sockets are open at the same time: replies to a datagram socket go to one of those
/// that are bound to theirs.
fn other(ident: u16) -> u16 {
    (ident ^ 0x8000).max(1)
}

/// Prints nothing.
struct Silent;

impl Watcher<Ping, IcmpWire> for Silent {
    fn watch(&mut self, engine: &mut Ping, _now: Now) -> io::Result<()> {
        engine.take_events();
        Ok(())
    }
}
