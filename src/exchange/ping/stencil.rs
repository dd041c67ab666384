//! Requests that differ in few octets from the one before: written anew there, and not built from the ground.

use std::net::IpAddr;

use crate::packet::build::BuildError;
use crate::packet::pattern::{Changing, Pattern};
use crate::wire::frame::LinkType;
use crate::wire::packet_batch::PacketBatch;
use crate::wire::value::Value;

use super::query::{Query, Request, RequestPlan};

/// Makes requests, the first of them slowly.
#[derive(Debug, Default)]
pub(super) struct Maker {
    made: u64,
    /// For IPv4 and IPv6.
    stencils: [Option<Stencil>; 2],
    /// Families whose requests are always built.
    has_none: [bool; 2],
}

/// A request in which some fields are written anew.
#[derive(Debug)]
struct Stencil {
    pattern: Pattern,
    source: IpAddr,
    /// Fields that change.
    count: usize,
    batch: PacketBatch,
}

impl Maker {
    /// A request with its IP header.
    ///
    /// # Errors
    /// When it cannot be built.
    pub(super) fn make(
        &mut self,
        plan: &RequestPlan,
        (source, destination): (IpAddr, IpAddr),
        request: Request,
    ) -> Result<(Vec<u8>, LinkType), BuildError> {
        self.made = self.made.saturating_add(1);
        let family = usize::from(destination.is_ipv6());
        // Those to many hosts have another time to live.
        let is_worth_it = self.made > BUILT
            && !destination.is_multicast()
            && !self.has_none.get(family).is_some_and(|has_none| *has_none);
        let slot = self.stencils.get_mut(family).filter(|_| is_worth_it);
        if let Some(slot) = slot {
            if slot.as_ref().is_none_or(|stencil| stencil.source != source) {
                *slot = Stencil::of(plan, (source, destination), request);
                if slot.is_none() {
                    self.has_none.get_mut(family).map(|has_none| *has_none = true).unwrap_or_default();
                }
            }
            if let Some(octets) = slot.as_mut().and_then(|stencil| stencil.write(plan, destination, request))
            {
                return Ok((octets, LinkType::RAW));
            }
        }
        plan.build(source, destination, request).map(|built| (built.octets, built.link_type))
    }
}

/// Requests that are built: a stencil pays for itself later.
const BUILT: u64 = 8;

impl Stencil {
    fn of(plan: &RequestPlan, (source, destination): (IpAddr, IpAddr), request: Request) -> Option<Self> {
        // What else changes, routers or the other side are to read: their times.
        if plan.query != Query::Echo || plan.route.is_some() || plan.size == 0 {
            return None;
        }
        let packet = plan.packet(source, destination, request);
        let (ip, icmp, data) = (0, 1, 2);
        let changing = |layer: usize, field: &str| Changing { layer, field: field.to_owned() };
        let seq = if destination.is_ipv4() { "seq" } else { "echo.sequence_number" };
        let mut fields =
            vec![changing(data, crate::proto::data::HEX), changing(icmp, seq), changing(ip, "dst")];
        if destination.is_ipv4() && !plan.header.iter().any(|(name, _)| name == "id") {
            fields.push(changing(ip, "id"));
        }
        if plan.header.iter().any(|(name, _)| name == "dst") {
            return None;
        }
        let values = values(plan, destination, request);
        let count = fields.len();
        let pattern = Pattern::compile_plain(&packet, &fields, values.get(..count)?)?;
        Some(Self { pattern, source, count, batch: PacketBatch::default() })
    }

    fn write(&mut self, plan: &RequestPlan, destination: IpAddr, request: Request) -> Option<Vec<u8>> {
        let values = values(plan, destination, request);
        self.batch.clear();
        let is_written = self.pattern.push(&mut self.batch, values.get(..self.count)?);
        is_written.then(|| self.batch.get(0).to_vec())
    }
}

/// The values of the changing fields, in their order.
fn values(plan: &RequestPlan, destination: IpAddr, request: Request) -> [Value; 4] {
    let address = match destination {
        IpAddr::V4(address) => Value::Ipv4(address),
        IpAddr::V6(address) => Value::Ipv6(address),
    };
    let seq = Value::Uint(request.mark.seq % plan.window());
    [Value::Octets(plan.payload(request)), seq, address, Value::Uint(plan.ip_id(request.mark.seq))]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::ping::tag::{Mark, Tag};
    use std::hash::RandomState;

    #[test]
    fn what_is_written_anew_is_what_would_be_built() {
        for (size, pattern, address) in [
            (56, vec![], "10.0.0.2"),
            (1, vec![], "10.0.0.2"),
            (0, vec![], "10.0.0.2"),
            (1400, vec![0xff, 0], "10.0.0.2"),
            (56, vec![], "fd00::2"),
            (7, vec![], "fd00::2"),
        ] {
            let address: IpAddr = address.parse().unwrap();
            let source: IpAddr =
                if address.is_ipv4() { [10, 0, 0, 1].into() } else { "fd00::1".parse().unwrap() };
            let plan = RequestPlan {
                query: Query::Echo,
                size,
                pattern,
                ttl: Some(64),
                tos: 0,
                may_fragment: false,
                header: vec![],
                route: None,
                ident: 0xfffe,
                tag: Tag { token: [7; 4], keys: RandomState::new() },
                calendar: 0,
            };
            let mut maker = Maker::default();
            for seq in (1..200).chain(65_500..65_600).chain(131_000..131_100) {
                let request = Request { mark: Mark { target: 3, seq }, at: 0 };
                let made = maker.make(&plan, (source, address), request).unwrap().0;
                let built = plan.build(source, address, request).unwrap().octets;
                assert!(made == built, "{size} {address} {seq}");
            }
            assert_eq!(maker.stencils[usize::from(address.is_ipv6())].is_some(), size > 0);
        }
    }
}
