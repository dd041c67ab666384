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

/// Measures it, by requests of the same size and sockets of the same kind; `None` where this host does not answer itself.
pub(super) fn measure(plan: &PingPlan, options: &IcmpOptions, interrupt: &Interrupt) -> Option<LegSpreads> {
    let address = IpAddr::from(Ipv4Addr::LOCALHOST);
    let mut request = plan.request.clone();
    request.header.clear();
    request.route = None;
    let plan = PingPlan {
        request,
        interval: MILLISECOND,
        gap: 0,
        flood: None,
        count: Some(COUNT),
        timeout: SECOND / 10,
        deadline: Some(SECOND),
    };
    let options = IcmpOptions { interface: None, source: None, ..options.clone() };
    let mut wire = IcmpWire::new(options);
    wire.open(Family::V4).ok()?;
    wire.set_path(address, Path { mtu: usize::from(u16::MAX), interface: 0, source: address });
    let mut engine = Ping::new(plan);
    engine.add_target("loopback", address, address, clock::monotonic());
    engine.close();
    drive(&mut engine, &mut wire, interrupt, &mut Silent).ok()?;
    let (_, times) = engine.totals();
    (times.count() > 0).then_some(times.legs)
}

/// Prints nothing.
struct Silent;

impl Watcher<Ping, IcmpWire> for Silent {
    fn watch(&mut self, engine: &mut Ping, _now: Now) -> io::Result<()> {
        engine.take_events();
        Ok(())
    }
}
