//! What a trace asks, and how long it waits.

use std::net::IpAddr;

use crate::exchange::engine::{MILLISECOND, Nanos};

/// What probes are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// ICMP or ICMPv6 echo requests.
    Icmp,
    /// UDP datagrams to a port where, best, nobody listens.
    Udp,
    /// TCP SYNs.
    Tcp,
}

impl Method {
    /// Its name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Icmp => "icmp",
            Self::Udp => "udp",
            Self::Tcp => "tcp",
        }
    }
}

/// How long a probe waits for its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// No longer than this.
    pub longest: Nanos,
    /// Nor longer than so many thousandths of the time that another probe to the same hop took; zero for no such limit.
    pub here: u64,
    /// Nor, where none to the same hop was answered, than so many thousandths of the time that one to a farther hop took; zero
    /// for no such limit.
    pub near: u64,
}

impl Default for Patience {
    /// Those of `traceroute`: 5 seconds, 3 times, 10 times.
    fn default() -> Self {
        Self { longest: 5000 * MILLISECOND, here: 3000, near: 10_000 }
    }
}

impl Patience {
    /// How long to wait, when a probe to the same hop took `here`, and one to the nearest farther hop that answered took `near`.
    pub fn wait(&self, here: Option<Nanos>, near: Option<Nanos>) -> Nanos {
        let limit = |took: Option<Nanos>, thousandths: u64| {
            let took = took.filter(|_| thousandths > 0)?;
            Some((took / 1000).saturating_mul(thousandths).max(SHORTEST))
        };
        let limit = limit(here, self.here).or_else(|| limit(near, self.near));
        limit.map_or(self.longest, |limit| limit.min(self.longest))
    }
}

/// However quick others were: a host that is busy answers this late.
const SHORTEST: Nanos = 20 * MILLISECOND;

/// How a trace goes.
#[derive(Debug, Clone)]
pub struct TracePlan {
    /// What probes are made of.
    pub method: Method,
    /// Where probes come from.
    pub source: IpAddr,
    /// Where they go.
    pub destination: IpAddr,
    /// The index of the interface that a link-local destination is on; 0 for any.
    pub interface: u32,
    /// Time to live of the first probe.
    pub first_hop: u8,
    /// The greatest time to live.
    pub last_hop: u8,
    /// Probes for each hop.
    pub queries: u8,
    /// Probes that may be without answer at a time.
    pub in_flight: usize,
    /// Between two probes.
    pub pause: Nanos,
    /// How long to wait for answers.
    pub patience: Patience,
    /// Octets of a packet, IP header included; those of TCP have their own length.
    pub packet_len: usize,
    /// Whether routers may not cut IPv4 packets into fragments; those of IPv6 never do.
    pub dont_fragment: bool,
    /// Type of service, or traffic class.
    pub tos: u8,
    /// Echo identifier, or source port.
    pub source_port: u16,
    /// The source ports of further flows; echo requests have none, so of these only how many they are counts.
    pub more_flows: Vec<u16>,
    /// Destination port, which echo requests have none of.
    pub port: u16,
    /// The flow label of IPv6.
    pub flow: u32,
    /// What probes are counted from: it must leave room for all of them in 16 bits, and not be zero.
    pub base: u16,
    /// The TCP sequence number that probes are counted from.
    pub seq: u32,
    /// Stands in each payload: answers to another run's probes do not quote it.
    pub token: [u8; 8],
}

impl TracePlan {
    /// Probes in all: flow by flow, in each of them hop by hop.
    pub fn probe_count(&self) -> usize {
        self.probes_of_a_flow().saturating_mul(self.flow_count())
    }

    fn probes_of_a_flow(&self) -> usize {
        let hops = usize::from(self.last_hop.saturating_sub(self.first_hop)).saturating_add(1);
        hops.saturating_mul(usize::from(self.queries))
    }

    /// How many flows there are.
    pub fn flow_count(&self) -> usize {
        self.more_flows.len().saturating_add(1)
    }

    /// The flow of a probe.
    pub fn flow_of(&self, probe: usize) -> usize {
        probe.checked_div(self.probes_of_a_flow()).unwrap_or(0)
    }

    /// The source port of a flow, or the identifier of all echo requests.
    pub fn source_port_of(&self, flow: usize) -> u16 {
        match (self.method, flow.checked_sub(1)) {
            (Method::Udp | Method::Tcp, Some(further)) => {
                self.more_flows.get(further).copied().unwrap_or(self.source_port)
            }
            _ => self.source_port,
        }
    }

    /// The hop of a probe.
    pub fn hop_of(&self, probe: usize) -> u8 {
        let within = probe.checked_rem(self.probes_of_a_flow()).unwrap_or(0);
        let hop = within.checked_div(usize::from(self.queries)).unwrap_or(0);
        u8::try_from(hop).unwrap_or(u8::MAX).saturating_add(self.first_hop)
    }

    /// The number of a probe: of which flow, to which hop, and how many were sent there before it.
    pub fn probe_at(&self, flow: usize, hop: u8, query: u8) -> usize {
        let first = self.probes_of(hop).start;
        flow.saturating_mul(self.probes_of_a_flow()).saturating_add(first).saturating_add(query.into())
    }

    /// The numbers of the probes of the first flow to a hop.
    pub fn probes_of(&self, hop: u8) -> std::ops::Range<usize> {
        let queries = usize::from(self.queries);
        let first = usize::from(hop.saturating_sub(self.first_hop)).saturating_mul(queries);
        first..first.saturating_add(queries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::engine::SECOND;

    #[test]
    fn it_waits_by_what_is_known_of_hops() {
        let patience = Patience::default();
        assert_eq!(patience.wait(None, None), 5 * SECOND);
        assert_eq!(patience.wait(Some(100 * MILLISECOND), Some(MILLISECOND)), 300 * MILLISECOND);
        assert_eq!(patience.wait(None, Some(30 * MILLISECOND)), 300 * MILLISECOND);
        assert_eq!(patience.wait(None, Some(4 * SECOND)), 5 * SECOND);
        assert_eq!(patience.wait(Some(1000), None), SHORTEST);
        let patient = Patience { here: 0, near: 0, ..patience };
        assert_eq!(patient.wait(Some(MILLISECOND), Some(MILLISECOND)), 5 * SECOND);
    }
}
