//! What a packet that came is to the probes of a trace.
//!
//! An answer counts only when it has what only an answer to a probe can have: an error quotes the ports or the identifier and the
//! number of a probe, and the payload where it reaches so far; the destination's own answer comes from it and has the number.

use std::net::IpAddr;

use crate::exchange::icmp_error::ends_question;
use crate::packet::dissect::dissect;
use crate::proto::registry;
use crate::wire::frame::LinkType;
use crate::wire::layers::{LayerEntry, LayerTable};

use super::extension::{Extension, extensions};
use super::fields::{address, number};
use super::plan::{Method, TracePlan};
use super::quotation::{Chain, Change, changes};

/// What an answer says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The time to live ran out on the way.
    TimeExceeded,
    /// Another error of ICMP or ICMPv6: the way ends here.
    Error {
        /// Its type.
        kind: u8,
        /// Its code.
        code: u8,
        /// The MTU of the next hop, where the packet is too large for it.
        mtu: Option<u32>,
    },
    /// The destination answers.
    Reached(Reach),
}

/// How the destination answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// An echo reply.
    EchoReply,
    /// A SYN-ACK: the port is open.
    SynAck,
    /// A reset: the port is closed.
    Reset,
    /// Data of the port's service.
    Data,
    /// Nobody listens on the UDP port.
    PortUnreachable,
}

/// An answer that was read.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Reading {
    /// The probe that it answers; `None` for data, which says nothing of that.
    pub(super) probe: Option<usize>,
    /// The flow that it belongs to.
    pub(super) flow: usize,
    pub(super) from: IpAddr,
    pub(super) ttl: Option<u8>,
    pub(super) verdict: Verdict,
    pub(super) extensions: Vec<Extension>,
    pub(super) changes: Vec<Change>,
}

/// A packet with its outermost network layer and what that carries.
struct Received<'a> {
    octets: &'a [u8],
    table: &'a LayerTable,
    ip: usize,
    transport: usize,
}

/// Reads a packet; `None` when it is no answer to a probe of this plan.
pub(super) fn read(plan: &TracePlan, octets: &[u8], link_type: LinkType) -> Option<Reading> {
    let mut table = LayerTable::default();
    dissect(octets, link_type, &mut table);
    let (ip, transport) = outermost(&table)?;
    let packet = Received { octets, table: &table, ip, transport };
    match name_of(packet.entry(transport)?) {
        "icmp" | "icmpv6" if table.quoted(transport).is_some() => packet.error(plan),
        "icmp" | "icmpv6" => packet.echo_reply(plan),
        "tcp" => packet.segment(plan),
        "udp" => packet.datagram(plan),
        _ => None,
    }
}

/// Whether a packet belongs to the trace: a probe, an answer, or what the kernel says to one.
pub fn belongs(plan: &TracePlan, octets: &[u8], link_type: LinkType) -> bool {
    let mut table = LayerTable::default();
    dissect(octets, link_type, &mut table);
    let Some((ip, transport)) = outermost(&table) else { return false };
    let packet = Received { octets, table: &table, ip, transport };
    let is_segment = plan.method == Method::Tcp && packet.is_of_flow(plan).is_some();
    is_segment || packet.probe_at(plan, ip).is_some() || read(plan, octets, link_type).is_some()
}

/// What a frame of a trace holds.
#[derive(Debug, Clone, PartialEq)]
pub enum TraceFrame {
    /// The probe with this number.
    Probe(usize),
    /// An answer to one.
    Answer(Answering),
    /// A segment of the connection that a SYN of a probe had half open: the kernel, which knows none, resets it.
    Reset,
}

/// An answer in a frame.
#[derive(Debug, Clone, PartialEq)]
pub struct Answering {
    /// The number of the probe, where it says so.
    pub probe: Option<usize>,
    /// Who answers.
    pub from: IpAddr,
    /// What it says.
    pub verdict: Verdict,
    /// What had become of the probe until there.
    pub changes: Vec<Change>,
}

/// What a frame holds; `None` where it is none of the trace's.
pub fn frame_of(plan: &TracePlan, octets: &[u8], link_type: LinkType) -> Option<TraceFrame> {
    let mut table = LayerTable::default();
    dissect(octets, link_type, &mut table);
    let (ip, transport) = outermost(&table)?;
    let packet = Received { octets, table: &table, ip, transport };
    if let Some(probe) = packet.probe_at(plan, ip) {
        return Some(TraceFrame::Probe(probe));
    }
    match read(plan, octets, link_type) {
        Some(Reading { probe, from, verdict, changes, .. }) => {
            Some(TraceFrame::Answer(Answering { probe, from, verdict, changes }))
        }
        None => {
            let is_ours = plan.method == Method::Tcp && packet.is_of_flow(plan).is_some();
            (is_ours && packet.number("flags.reset") == Some(1)).then_some(TraceFrame::Reset)
        }
    }
}

impl Received<'_> {
    fn entry(&self, index: usize) -> Option<&LayerEntry> {
        self.table.entries().get(index)
    }

    fn number(&self, name: &str) -> Option<u64> {
        number(self.octets, self.entry(self.transport)?, name)
    }

    /// An error that quotes a probe.
    fn error(&self, plan: &TracePlan) -> Option<Reading> {
        let quoted = self.table.quoted(self.transport)?;
        let probe = self.probe_at(plan, quoted)?;
        let message = self.entry(self.transport)?;
        let kind = u8::try_from(self.number("type")?).ok()?;
        let code = u8::try_from(self.number("code")?).ok()?;
        let is_v6 = name_of(message) == "icmpv6";
        // RFC 792, RFC 4443 §3.
        let verdict = match (is_v6, kind, code) {
            (false, 11, 0) | (true, 3, 0) => Verdict::TimeExceeded,
            (false, 3, 3) | (true, 1, 4) if plan.method == Method::Udp => {
                Verdict::Reached(Reach::PortUnreachable)
            }
            _ if ends_question(is_v6, kind) => {
                let mtu = self.number("mtu").and_then(|mtu| u32::try_from(mtu).ok());
                Verdict::Error { kind, code, mtu }
            }
            _ => return None,
        };
        let built = plan.probe(probe).ok()?;
        let sent = Chain { octets: &built.octets, table: &built.table, first: 0 };
        let quoted = Chain { octets: self.octets, table: self.table, first: quoted };
        let extensions = extensions(self.octets, message);
        let changes = changes(sent, quoted);
        Some(Reading { extensions, changes, ..self.reading(Some(probe), plan.flow_of(probe), verdict)? })
    }

    fn echo_reply(&self, plan: &TracePlan) -> Option<Reading> {
        let is_v6 = name_of(self.entry(self.transport)?) == "icmpv6";
        let is_reply = self.number("type")? == if is_v6 { 129 } else { 0 };
        if plan.method != Method::Icmp || !is_reply {
            return None;
        }
        let probe = self.echo_number(plan, self.transport)?;
        self.is_of_destination(plan)?;
        self.reading(Some(probe), plan.flow_of(probe), Verdict::Reached(Reach::EchoReply))
    }

    /// An answer of TCP: it acknowledges the SYN, which counts for one octet (RFC 9293 §3.4).
    fn segment(&self, plan: &TracePlan) -> Option<Reading> {
        if plan.method != Method::Tcp || self.number("flags.ack")? != 1 {
            return None;
        }
        let flow = self.comes_back(plan)?;
        let verdict = match (self.number("flags.reset")?, self.number("flags.syn")?) {
            (1, _) => Reach::Reset,
            (0, 1) => Reach::SynAck,
            _ => return None,
        };
        let ack = u32::try_from(self.number("ack")?).ok()?;
        let probe = plan.probe_of_seq(ack.wrapping_sub(1)).filter(|probe| plan.flow_of(*probe) == flow)?;
        self.reading(Some(probe), flow, Verdict::Reached(verdict))
    }

    /// Data of a UDP service. One that sends back what it got says which probe that was.
    fn datagram(&self, plan: &TracePlan) -> Option<Reading> {
        if plan.method != Method::Udp {
            return None;
        }
        let flow = self.comes_back(plan)?;
        let probe = plan.probe_of_payload(self.payload(self.transport)?);
        let probe = probe.filter(|probe| plan.flow_of(*probe) == flow);
        self.reading(probe, flow, Verdict::Reached(Reach::Data))
    }

    fn reading(&self, probe: Option<usize>, flow: usize, verdict: Verdict) -> Option<Reading> {
        let ip = self.entry(self.ip)?;
        let from = address(self.octets, ip, "src")?;
        let ttl = number(self.octets, ip, "ttl").or_else(|| number(self.octets, ip, "hlim"));
        // Zero is on no wire: plain sockets do not tell it.
        let ttl = ttl.and_then(|ttl| u8::try_from(ttl).ok()).filter(|ttl| *ttl > 0);
        Some(Reading { probe, flow, from, ttl, verdict, extensions: Vec::new(), changes: Vec::new() })
    }

    fn is_of_destination(&self, plan: &TracePlan) -> Option<()> {
        let from = address(self.octets, self.entry(self.ip)?, "src")?;
        (from == plan.destination).then_some(())
    }

    /// The flow of which this goes back: from the port that probes go to, to the port that they come from.
    fn comes_back(&self, plan: &TracePlan) -> Option<usize> {
        self.is_of_destination(plan)?;
        let (from, to) = (self.number("srcport")?, self.number("dstport")?);
        (from == u64::from(plan.port)).then_some(())?;
        plan.flow_from_port(to)
    }

    /// Whether it goes between the two ports, either way.
    fn is_of_flow(&self, plan: &TracePlan) -> Option<()> {
        let ip = self.entry(self.ip)?;
        let (from, to) = (address(self.octets, ip, "src")?, address(self.octets, ip, "dst")?);
        let ports = (self.number("srcport")?, self.number("dstport")?);
        let is_ours = |port| plan.flow_from_port(port).is_some();
        let theirs = u64::from(plan.port);
        let leaves = to == plan.destination && is_ours(ports.0) && ports.1 == theirs;
        let comes = from == plan.destination && ports.0 == theirs && is_ours(ports.1);
        (leaves || comes).then_some(())
    }

    /// The probe that begins with this network layer, as it was sent or as it is quoted. Addresses and the destination's port
    /// do not count: they may have been mapped on the way.
    fn probe_at(&self, plan: &TracePlan, ip: usize) -> Option<usize> {
        let (transport, entry) = self.table.child(ip)?;
        let number = |name: &str| number(self.octets, entry, name);
        match (plan.method, name_of(entry)) {
            (Method::Icmp, "icmp" | "icmpv6") => {
                let request = if name_of(entry) == "icmp" { 8 } else { 128 };
                (number("type")? == request).then_some(())?;
                self.echo_number(plan, transport)
            }
            // The kernel's reset has the number behind that of the SYN, which may be another probe's.
            (Method::Tcp, "tcp") if number("flags.reset") != Some(1) => {
                let flow = plan.flow_from_port(number("srcport")?)?;
                let probe = plan.probe_of_seq(u32::try_from(number("seq")?).ok()?)?;
                (plan.flow_of(probe) == flow).then_some(probe)
            }
            (Method::Udp, "udp") => {
                let flow = plan.flow_from_port(number("srcport")?)?;
                let payload = self.payload(transport)?;
                let probe = if payload.len() >= NUMBER_LEN {
                    plan.probe_of_payload(payload)?
                } else {
                    let id = crate::exchange::trace::fields::number(self.octets, self.entry(ip)?, "id")?;
                    plan.probe_of_number(u16::try_from(id).ok()?)?
                };
                (plan.flow_of(probe) == flow).then_some(probe)
            }
            _ => None,
        }
    }

    /// The probe of an echo request or reply, by its identifier, number, and as much of its payload as there is.
    fn echo_number(&self, plan: &TracePlan, transport: usize) -> Option<usize> {
        let entry = self.entry(transport)?;
        let of =
            |v4: &str, v6: &str| number(self.octets, entry, v4).or_else(|| number(self.octets, entry, v6));
        (of("ident", "echo.identifier")? == u64::from(plan.source_port)).then_some(())?;
        let seq = of("seq", "echo.sequence_number")?;
        let probe = plan.probe_of_number(u16::try_from(seq).ok()?)?;
        plan.begins(probe, self.payload(transport)?).then_some(probe)
    }

    /// What stands behind a header, up to the end of the network layer below it.
    fn payload(&self, index: usize) -> Option<&[u8]> {
        let entry = self.entry(index)?;
        self.octets.get(entry.header_end as usize..entry.end as usize)
    }
}

impl TracePlan {
    /// The flow that has this source port.
    fn flow_from_port(&self, port: u64) -> Option<usize> {
        (0..self.flow_count()).find(|flow| u64::from(self.source_port_of(*flow)) == port)
    }

    fn probe_of_number(&self, number: u16) -> Option<usize> {
        let probe = usize::from(number.wrapping_sub(self.base));
        (probe < self.probe_count()).then_some(probe)
    }

    fn probe_of_seq(&self, seq: u32) -> Option<usize> {
        let probe = usize::try_from(seq.wrapping_sub(self.seq)).ok()?;
        (probe < self.probe_count()).then_some(probe)
    }

    /// The probe of UDP with this payload, or this beginning of one.
    fn probe_of_payload(&self, payload: &[u8]) -> Option<usize> {
        let number = u16::from_be_bytes(*payload.first_chunk()?);
        let probe = self.probe_of_number(number)?;
        self.begins(probe, payload).then_some(probe)
    }

    /// Whether these octets are what the probe's payload begins with; behind the token they may have been changed.
    fn begins(&self, probe: usize, octets: &[u8]) -> bool {
        let told_len = self.payload(probe).len().min(NUMBER_LEN + self.token.len());
        self.payload(probe).iter().take(told_len).zip(octets).all(|(sent, came)| sent == came)
    }
}

/// What a probe asks: how far it goes, its number in TCP, and what it carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked<'p> {
    /// Time to live or hop limit.
    pub hops: u8,
    /// Sequence number; zero where there is none.
    pub seq: u32,
    /// What stands behind the transport header.
    pub payload: &'p [u8],
}

/// Reads a probe as it was built.
pub fn asked(octets: &[u8]) -> Option<Asked<'_>> {
    let mut table = LayerTable::default();
    dissect(octets, LinkType::RAW, &mut table);
    let (ip, transport) = outermost(&table)?;
    let (ip, transport) = (table.entries().get(ip)?, table.entries().get(transport)?);
    let hops = number(octets, ip, "ttl").or_else(|| number(octets, ip, "hlim"))?;
    let seq = if name_of(transport) == "tcp" { number(octets, transport, "seq")? } else { 0 };
    let payload = octets.get(transport.header_end as usize..ip.end as usize)?;
    Some(Asked { hops: u8::try_from(hops).ok()?, seq: u32::try_from(seq).ok()?, payload })
}

/// Octets of a UDP probe's number and what balances it.
const NUMBER_LEN: usize = 4;

/// The outermost network layer, and the transport layer that it carries, perhaps behind extension headers.
fn outermost(table: &LayerTable) -> Option<(usize, usize)> {
    let mut entries = table.entries().iter().enumerate().filter(|(_, entry)| entry.quoted_by.is_none());
    let (ip, _) = entries.find(|(_, entry)| matches!(name_of(entry), "ip" | "ipv6"))?;
    let (transport, _) =
        entries.find(|(_, entry)| matches!(name_of(entry), "icmp" | "icmpv6" | "tcp" | "udp"))?;
    Some((ip, transport))
}

fn name_of(entry: &LayerEntry) -> &'static str {
    registry().get(entry.protocol).name
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::exchange::trace::script::{PLANS, error, plan};

    proptest! {
        /// Whatever comes, and whatever becomes of an error: it is read or not, and if so it is about a probe of the plan.
        #[test]
        fn any_octets_are_read(
            octets in proptest::collection::vec(any::<u8>(), 0..120),
            kind in 0..PLANS.len(),
            probe in 0usize..90,
            at in 0usize..120,
            cut in 0usize..120,
        ) {
            let (method, v6) = PLANS[kind];
            let plan = plan(method, v6);
            let sent = plan.probe(probe).unwrap().octets;
            let mut mangled = error(&plan, plan.destination, (11, 0), 0, &sent);
            for (place, octet) in octets.iter().enumerate() {
                if let Some(to) = mangled.get_mut(at + 7 * place) {
                    *to ^= octet;
                }
            }
            mangled.truncate(mangled.len().saturating_sub(cut));
            for came in [&octets, &mangled] {
                for link_type in [LinkType::RAW, LinkType::ETHERNET] {
                    let reading = read(&plan, came, link_type);
                    let probe = reading.as_ref().and_then(|reading| reading.probe);
                    prop_assert!(probe.is_none_or(|probe| probe < plan.probe_count()));
                    prop_assert!(reading.is_none() || belongs(&plan, came, link_type));
                }
            }
        }
    }
}
