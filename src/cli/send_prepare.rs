//! From a spec's packets to packets that are ready to go: what the spec leaves out is chosen, the way is looked up, and what
//! the kernel will change is said.

use std::collections::{HashSet, VecDeque};
use std::error::Error;
use std::net::IpAddr;
use std::time::Duration;

use super::remarks::Remarks;
use super::rst_guard::Resets;
use super::send_follow::{Marks, mark, with_mark};
use super::send_plan::Plan;
use super::tempo::{flood_refused, stays_here};
use crate::exchange::drive::asker::SharedAsker;
use crate::exchange::drive::tun::TunHost;
use crate::exchange::drive::way::{Way, WayError, Ways};
use crate::exchange::engine::Nanos;
use crate::exchange::expect::Expectation;
use crate::exchange::send::Ready;
use crate::packet::build::Built;
use crate::packet::{Layer, Node, Packet};
use crate::proto::registry;
use crate::spec::{Crafted, Expected, Leaving, Random, Spec};
use crate::sys::interrupt::Interrupt;
use crate::sys::netlink::{Link, Netlink};
use crate::sys::packet_socket::link_type_of;
use crate::wire::checksum::InternetChecksum;
use crate::wire::frame::LinkType;
use crate::wire::value::Value;

/// A packet with all that the spec left out, and its way.
pub(super) struct Completed {
    /// Where it goes.
    pub(super) destination: Option<IpAddr>,
    /// The interface that its frame leaves by; 0 where routes decide.
    pub(super) interface: u32,
    /// The way there.
    pub(super) way: Option<Way>,
    /// It goes with its link-layer header.
    pub(super) is_frame: bool,
}

/// Whether the kernel would have to ask for the next hop: of packets by raw sockets it keeps a few until there is an answer,
/// and loses the others without a word.
pub(super) fn must_ask(way: &Way) -> bool {
    let is_known = || {
        let found = Netlink::open().and_then(|mut netlink| netlink.neighbour(way.link.index, way.next_hop));
        found.is_ok_and(|found| found.is_some_and(|neighbour| neighbour.mac().is_some()))
    };
    !way.link.is_loopback() && !way.link.is_without_arp() && way.link.mac().is_some() && !is_known()
}

/// The packets, each made ready when it is asked for; in place of one that cannot be sent stands the reason.
pub(super) struct Prepare<'a, P> {
    packets: P,
    plan: Plan,
    /// Packets so far, for naming them.
    number: u64,
    ways: Ways,
    interrupt: &'a Interrupt,
    random: Random,
    told: HashSet<&'static str>,
    remarks: Option<Remarks>,
    /// Those of the present packet that are still to go.
    fragments: VecDeque<Ready>,
    /// Packets that others follow.
    marks: Marks<'a>,
    resets: Resets,
}

impl<'a, P> Prepare<'a, P> {
    /// Prepares packets, in order.
    ///
    /// # Errors
    /// When there is no such interface, or netlink cannot be opened.
    pub(super) fn new(packets: P, plan: Plan, interrupt: &'a Interrupt) -> Result<Self, Box<dyn Error>> {
        let random = Random::new(plan.seed);
        let remarks = plan.remarks.then(Remarks::default);
        let mut ways = Ways::new(plan.interface.as_deref())?;
        if plan.asks {
            ways.may_ask()?;
        }
        Ok(Self {
            packets,
            plan,
            number: 0,
            ways,
            interrupt,
            random,
            told: HashSet::new(),
            remarks,
            fragments: VecDeque::new(),
            marks: Marks::default(),
            resets: Resets::default(),
        })
    }

    /// Marks packets that others follow here.
    pub(super) fn with_marks(self, marks: Marks<'a>) -> Self {
        Self { marks, ..self }
    }

    /// Keeps the kernel's resets away from the ports of these packets.
    pub(super) fn with_resets(self, resets: Resets) -> Self {
        Self { resets, ..self }
    }

    /// Asks for neighbours by sockets that others use, too.
    pub(super) fn with_asker(mut self, asker: Option<SharedAsker>) -> Self {
        if let Some(asker) = asker {
            self.ways.ask_by(asker);
        }
        self
    }

    fn ready(&mut self, spec: &Spec, mut crafted: Crafted<'_>) -> Result<Vec<Ready>, Box<dyn Error>> {
        let (template, packet) = (crafted.template, &mut crafted.packet);
        let Completed { destination, interface, way, is_frame } = self.complete(packet)?;
        let leaving = spec.leaving(crafted).map_err(|error| error.render(true))?;
        let within = if self.plan.within_is_given { None } else { template.within };
        let within = within.unwrap_or(self.plan.within);
        let expect = |expected: &Expected| Expectation {
            filter: expected.filter.clone(),
            text: expected.text.clone(),
            is_wanted: expected.is_wanted,
            within: nanos(expected.within.unwrap_or(within)),
        };
        let mut all = Vec::with_capacity(leaving.len());
        for Leaving { built, whole, is_later, .. } in leaving {
            self.check_size(&built, way.as_ref(), is_frame)?;
            if let Some(remarks) = &mut self.remarks {
                remarks.packet(self.number, &built);
            }
            if !is_frame {
                self.tell_kernel_changes(&built.octets);
            }
            self.resets.before(whole.as_ref().unwrap_or(&built))?;
            all.push(Ready {
                built,
                whole,
                is_later,
                destination: destination.filter(|_| !is_frame),
                interface,
                reply: template.reply.clone().filter(|_| !is_later),
                comment: template.comment.clone(),
                expect: template.expect.iter().filter(|_| !is_later).map(expect).collect(),
                within: nanos(within),
                awaits: true,
                then: None,
                delay: self.random.up_to(u128::from(nanos(self.plan.jitter))).try_into().unwrap_or(0),
            });
        }
        Ok(all)
    }

    /// A packet with this number, counted from 0, made ready; several, where it goes in fragments.
    ///
    /// # Errors
    /// Why it cannot be sent, in words.
    pub(super) fn packet(
        &mut self,
        number: u64,
        spec: &Spec,
        crafted: Crafted<'_>,
    ) -> Result<Vec<Ready>, String> {
        self.number = number.saturating_add(1);
        self.ready(spec, crafted).map_err(|error| error.to_string())
    }

    /// Finds the way, and writes what the spec leaves out.
    ///
    /// # Errors
    /// When there is no way.
    pub(super) fn complete(&mut self, packet: &mut Packet) -> Result<Completed, Box<dyn Error>> {
        let outermost = packet.layers.first().map_or("", |layer| layer.protocol.name);
        let is_frame = self.plan.is_frame(outermost);
        let destination = destination(packet);
        if let Some(host) = self.plan.tun {
            return self.complete_as_host(packet, destination, &host);
        }
        let way = match destination {
            Some(destination) => match self.ways.to(destination) {
                Ok(way) => Some(way),
                // A frame that says itself where it goes needs no route.
                Err(_) if outermost == "eth" && self.ways.interface().is_some() => None,
                Err(error) => return Err(error.into()),
            },
            None => None,
        };
        // The way to one's own address is the loopback interface, even where another one is named.
        let own = self.ways.interface().or(way.as_ref().map(|way| &way.link));
        let (mac, source) = (own.and_then(Link::mac), way.as_ref().and_then(|way| way.source));
        self.fill(packet, source, mac);
        let interface = if is_frame { self.frame(packet, outermost, way.as_ref())? } else { 0 };
        if !is_frame && destination.is_none() {
            return Err(format!("it has no destination: write `{outermost}.dst`").into());
        }
        self.check_calm(way.as_ref(), is_frame)?;
        Ok(Completed { destination, interface, way, is_frame })
    }

    /// The same for a packet that a TUN interface takes: it goes as it is written, checksums and lengths, too.
    fn complete_as_host(
        &self,
        packet: &mut Packet,
        destination: Option<IpAddr>,
        host: &TunHost,
    ) -> Result<Completed, Box<dyn Error>> {
        let Some(to) = destination else { return Err("it has no destination: write `dst`".into()) };
        self.fill(packet, Some(host.address_beside(to)), None);
        Ok(Completed { destination, interface: host.interface, way: None, is_frame: true })
    }

    /// Refuses what would be too much for others than this host.
    fn check_calm(&self, way: Option<&Way>, is_frame: bool) -> Result<(), String> {
        if !self.plan.is_flood {
            return Ok(());
        }
        let named = self.ways.interface().filter(|_| is_frame);
        match named.or(way.map(|way| &way.link)) {
            Some(link) if !stays_here(link) => Err(flood_refused(&link.name)),
            _ => Ok(()),
        }
    }

    /// The identification of the packet with this number, counted from 0, where the spec does not say it.
    pub(super) fn id(&self, number: u64) -> u64 {
        let low = u16::try_from(number.wrapping_add(1) & 0xffff).unwrap_or(0);
        u64::from(self.plan.ident.wrapping_add(low).max(1))
    }

    /// Whether a packet to this address goes as one that went that way.
    pub(super) fn is_same_way(&mut self, address: IpAddr, way: &Way, is_frame: bool) -> bool {
        self.ways.to(address).is_ok_and(|other| {
            other.link.index == way.link.index
                && other.source == way.source
                && other.mtu == way.mtu
                && (!is_frame || other.next_hop == way.next_hop)
        })
    }

    /// Writes what the spec leaves out and only the sender knows.
    fn fill(&self, packet: &mut Packet, source: Option<IpAddr>, mac: Option<[u8; 6]>) {
        let id = self.id(self.number.wrapping_sub(1));
        let port = 49_152 + u64::from(self.plan.ident % 16_384);
        for layer in &mut packet.layers {
            let (name, value) = match (layer.protocol.name, source) {
                ("ip", Some(IpAddr::V4(source))) => ("src", Some(Value::Ipv4(source))),
                ("ipv6", Some(IpAddr::V6(source))) => ("src", Some(Value::Ipv6(source))),
                ("arp", Some(IpAddr::V4(source))) => ("src.proto_ipv4", Some(Value::Ipv4(source))),
                ("tcp" | "udp", _) => ("srcport", Some(Value::Uint(port))),
                // Echo, timestamp, information, address mask (RFC 792, RFC 950) and extended echo (RFC 8335).
                ("icmp", _) if [8, 13, 15, 17, 42].iter().any(|kind| asks(layer, "type", *kind)) => {
                    ("ident", Some(Value::Uint(u64::from(self.plan.ident))))
                }
                ("icmpv6", _) if asks(layer, "type", 128) => {
                    ("echo.identifier", Some(Value::Uint(u64::from(self.plan.ident))))
                }
                _ => ("", None),
            };
            write_if_missing(layer, name, value);
            match layer.protocol.name {
                "ip" => write_if_missing(layer, "id", Some(Value::Uint(id))),
                "arp" => write_if_missing(layer, "src.hw_mac", mac.map(Value::Mac)),
                "eth" => write_if_missing(layer, "src", mac.map(Value::Mac)),
                _ => {}
            }
        }
    }

    /// Puts an `eth` layer before a packet that has none, and says in one that leaves it out whom the frame goes to; returns the
    /// interface that it leaves by.
    fn frame(
        &mut self,
        packet: &mut Packet,
        outermost: &str,
        way: Option<&Way>,
    ) -> Result<u32, Box<dyn Error>> {
        let link = match (self.ways.interface(), way) {
            (Some(link), _) => link.clone(),
            (None, Some(way)) => way.link.clone(),
            (None, None) => {
                return Err("which interface does the frame leave by? name it with `--interface`".into());
            }
        };
        if link_type_of(link.hardware) == Some(LinkType::RAW) {
            return Ok(link.index);
        }
        if outermost == "eth" {
            if let Some(way) = way.filter(|way| way.link.index == link.index && way.link.mac().is_some())
                && let [eth, first, ..] = packet.layers.as_mut_slice()
                && eth.get("dst").is_none()
                && matches!(first.protocol.name, "ip" | "ipv6")
            {
                write_if_missing(eth, "dst", Some(Value::Mac(self.macs(way)?.1)));
            }
            return Ok(link.index);
        }
        let (own, to) = match (outermost, way) {
            ("arp", _) => {
                let own = link.mac().ok_or_else(|| WayError::NotEthernet { interface: link.name.clone() })?;
                (own, [0xff; 6])
            }
            (_, Some(way)) => self.macs(way)?,
            (_, None) => return Err(format!("it has no destination: write `{outermost}.dst`").into()),
        };
        let eth = registry().by_name("eth").unwrap_or(registry().data());
        packet.layers.insert(0, Layer::new(eth).with("src", Value::Mac(own)).with("dst", Value::Mac(to)));
        Ok(link.index)
    }

    /// The MAC addresses of a way; the next hop is asked for where the kernel does not know it.
    fn macs(&mut self, way: &Way) -> Result<([u8; 6], [u8; 6]), Box<dyn Error>> {
        if self.plan.is_dry {
            return Ok((way.link.mac().unwrap_or_default(), [0; 6]));
        }
        Ok(self.ways.macs(way, self.interrupt)?)
    }

    fn check_size(&self, built: &Built, way: Option<&Way>, is_frame: bool) -> Result<(), String> {
        if let Some(TunHost { mtu, .. }) = self.plan.tun
            && built.octets.len() > mtu
        {
            let len = built.octets.len();
            return Err(format!("{len} octets are more than the TUN interface takes: its MTU is {mtu}"));
        }
        let Some(way) = way else { return Ok(()) };
        let first_ip = built
            .table
            .entries()
            .iter()
            .find(|entry| matches!(registry().get(entry.protocol).name, "ip" | "ipv6"));
        let header = if is_frame { first_ip.map_or(0, |entry| entry.start as usize) } else { 0 };
        let len = built.octets.len().saturating_sub(header);
        if len <= way.mtu {
            return Ok(());
        }
        let (mtu, name) = (way.mtu, &way.link.name);
        Err(format!(
            "{len} octets are more than {name} takes: its MTU is {mtu}; `fragment={{size={mtu}}}` sends them in fragments"
        ))
    }

    /// Says what IP_HDRINCL changes of a packet, once for each field.
    fn tell_kernel_changes(&mut self, octets: &[u8]) {
        for (field, how) in kernel_changes(octets) {
            if self.told.insert(field) {
                anstream::eprintln!(
                    "rawsock: packet {}: the kernel changes `{field}` ({how}) in what goes by a raw socket (IP_HDRINCL); `--via \
                     link` sends every bit as written",
                    self.number
                );
            }
        }
    }
}

impl<'s, P: Iterator<Item = (&'s Spec, Crafted<'s>)>> Iterator for Prepare<'s, P> {
    type Item = Result<Ready, String>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(fragment) = self.fragments.pop_front() {
            return Some(Ok(fragment));
        }
        let (spec, crafted) = self.packets.next()?;
        self.number += 1;
        let marked = mark(&self.marks, spec, &crafted);
        match self.ready(spec, crafted) {
            Ok(ready) => {
                self.fragments.extend(ready.into_iter().map(|ready| with_mark(ready, marked)));
                self.fragments.pop_front().map(Ok)
            }
            Err(error) => Some(Err(error.to_string())),
        }
    }
}

/// What the kernel will write of an IPv4 header that it is given (raw(7)), where that is something else.
fn kernel_changes(octets: &[u8]) -> Vec<(&'static str, &'static str)> {
    let mut changes = Vec::new();
    let word =
        |at: usize| octets.get(at..).and_then(<[u8]>::first_chunk::<2>).map(|word| u16::from_be_bytes(*word));
    if octets.first().is_none_or(|first| first >> 4 != 4) {
        return changes;
    }
    if word(2).map(usize::from) != Some(octets.len()) {
        changes.push(("ip.len", "always the real length"));
    }
    let header_len = octets.first().map_or(20, |first| usize::from(first & 0x0f) * 4);
    let header = octets.get(..header_len).unwrap_or_default();
    if InternetChecksum::default().add_octets(header).finish() != 0 {
        changes.push(("ip.checksum", "always the right one"));
    }
    if word(4) == Some(0) {
        changes.push(("ip.id", "chosen when zero"));
    }
    if octets.get(12..16) == Some(&[0; 4]) {
        changes.push(("ip.src", "chosen when zero"));
    }
    changes
}

/// Where a packet goes: the destination of its outermost IP layer, or the target of an ARP question.
fn destination(packet: &Packet) -> Option<IpAddr> {
    let layer = packet.layers.iter().find(|layer| matches!(layer.protocol.name, "ip" | "ipv6" | "arp"))?;
    let name = if layer.protocol.name == "arp" { "dst.proto_ipv4" } else { "dst" };
    match layer.get(name)? {
        Node::Value(Value::Ipv4(address)) => Some((*address).into()),
        Node::Value(Value::Ipv6(address)) => Some((*address).into()),
        _ => None,
    }
}

/// Whether a field has this value, or nobody wrote it (it is the default).
fn asks(layer: &Layer, name: &str, value: u64) -> bool {
    matches!(layer.get(name), None | Some(Node::Value(Value::Uint(_))))
        && layer
            .get(name)
            .is_none_or(|node| matches!(node, Node::Value(Value::Uint(number)) if *number == value))
        && layer.get("body").is_none()
}

fn write_if_missing(layer: &mut Layer, name: &str, value: Option<Value>) {
    if let Some(value) = value
        && layer.get(name).is_none()
    {
        layer.fields.push((name.to_owned(), Node::Value(value)));
    }
}

fn nanos(duration: Duration) -> Nanos {
    Nanos::try_from(duration.as_nanos()).unwrap_or(Nanos::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_changes() {
        let good = hex::decode("45000014000100004011f5e80a0000010a000002").unwrap();
        let mut right = good.clone();
        let sum = InternetChecksum::default().add_except(&good, 10).finish();
        right[10..12].copy_from_slice(&sum.to_be_bytes());
        assert_eq!(kernel_changes(&right), []);
        let fields =
            |octets: &[u8]| kernel_changes(octets).iter().map(|(field, _)| *field).collect::<Vec<_>>();
        let mut wrong = right.clone();
        wrong[3] = 99;
        assert_eq!(fields(&wrong), ["ip.len", "ip.checksum"]);
        let zero = hex::decode("4500001400000000401100000000000000000000").unwrap();
        assert_eq!(fields(&zero), ["ip.checksum", "ip.id", "ip.src"]);
        assert_eq!(kernel_changes(&[0x60; 40]), [], "of IPv6, nothing");
    }
}
