//! Packets of specs for whoever does not wait for answers: written by their patterns where they have some, else built one by one.

use std::collections::VecDeque;
use std::error::Error;
use std::iter::Empty;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use super::send_plan::Plan;
use super::send_prepare::{Completed, Prepare, must_ask};
use crate::exchange::drive::outflow::{Due, Packets};
use crate::exchange::drive::way::Way;
use crate::exchange::engine::Nanos;
use crate::exchange::pace::Timetable;
use crate::exchange::send::Ready;
use crate::packet::Node;
use crate::packet::pattern::{Changing, Pattern};
use crate::spec::{Crafted, Filling, Random, Spec, Template};
use crate::sys::interrupt::Interrupt;
use crate::sys::netlink::{Link, Netlink, NetlinkError};
use crate::wire::packet_batch::PacketBatch;
use crate::wire::value::Value;

/// How far a run goes, and whose part of it this is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part {
    /// Packets in all.
    pub(super) most: u64,
    /// Behind the last packet of a spec comes its first.
    pub(super) again: bool,
    /// Which of the workers, from 0, and how many there are.
    pub(super) worker: u64,
    pub(super) workers: u64,
}

/// Packets that were not made, over all workers.
#[derive(Debug, Default)]
pub(super) struct Unmade(AtomicU64);

impl Unmade {
    /// How many.
    pub(super) fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn tell(&self, number: u64, reason: &str) {
        if self.0.fetch_add(1, Ordering::Relaxed) < TOLD {
            anstream::eprintln!("rawsock: packet {}: {reason}", number.saturating_add(1));
        }
    }
}

/// The packets of a run, one after the other.
pub(super) struct Stream<'a> {
    part: Part,
    prepare: Prepare<'a, Empty<(&'a Spec, Crafted<'a>)>>,
    timetable: Timetable,
    jitter: Nanos,
    /// Ways have to be looked at for whether they lead away.
    is_flood: bool,
    delays: Random,
    sources: Vec<Origin<'a>>,
    /// Which spec is next.
    spec: usize,
    number: u64,
    last: Nanos,
    values: Vec<Value>,
    /// Those of the present packet that are still to go.
    fragments: VecDeque<Ready>,
    unmade: &'a Unmade,
    interrupt: &'a Interrupt,
    /// The interfaces whose frames have a line of their own, by index.
    pub(super) interfaces: Vec<u32>,
}

/// Where a spec's packets come from.
struct Origin<'a> {
    spec: &'a Spec,
    source: Source<'a>,
}

enum Source<'a> {
    /// The steps of its templates' own sweeps.
    Steps(Steps<'a>),
    /// One by one, where it weaves them otherwise.
    Crafted(Box<dyn Iterator<Item = Crafted<'a>> + 'a>),
}

/// The packets of a spec's templates, step by step.
struct Steps<'a> {
    random: &'a mut Random,
    makers: Vec<Maker<'a>>,
    /// Which template is next, and at which place.
    template: usize,
    place: u64,
}

/// How a template's packets are made.
struct Maker<'a> {
    template: &'a Template,
    filling: Filling<'a>,
    /// Left out: built one by one.
    pattern: Option<ByPattern>,
}

/// What the packets of a pattern have in common.
struct ByPattern {
    pattern: Pattern,
    /// Packets count their identification, in so many IP headers.
    ids: usize,
    /// Which of the values is the destination, where that changes, and whether it tells more: interface, source, next hop.
    destination: Option<usize>,
    decides_way: bool,
    /// Where all go, else.
    address: Option<IpAddr>,
    way: Option<Way>,
    is_frame: bool,
    interface: u32,
    fields: Vec<String>,
}

impl<'a> Stream<'a> {
    /// The packets of specs, each with its draws.
    ///
    /// # Errors
    /// When there is no such interface, or netlink cannot be opened.
    pub(super) fn new(
        specs: &'a [Spec],
        randoms: &'a mut [Random],
        plan: &Plan,
        part: Part,
        timetable: Timetable,
        (interrupt, unmade): (&'a Interrupt, &'a Unmade),
    ) -> Result<Self, Box<dyn Error>> {
        let origin = |(spec, random): (&'a Spec, &'a mut Random)| {
            let source = match spec.fillings() {
                Some(fillings) => {
                    let maker = |(template, filling)| Maker { template, filling, pattern: None };
                    let makers = spec.templates.iter().zip(fillings).map(maker).collect();
                    Source::Steps(Steps { random, makers, template: 0, place: 0 })
                }
                None => Source::Crafted(Box::new(spec.packets(random, part.again.then_some(part.most)))),
            };
            Origin { spec, source }
        };
        Ok(Self {
            part,
            prepare: Prepare::new(std::iter::empty(), plan.clone(), interrupt)?,
            timetable,
            jitter: Nanos::try_from(plan.jitter.as_nanos()).unwrap_or(Nanos::MAX),
            is_flood: plan.is_flood,
            delays: Random::new(plan.seed),
            sources: specs.iter().zip(randoms).map(origin).collect(),
            spec: 0,
            number: 0,
            last: 0,
            values: Vec::new(),
            fragments: VecDeque::new(),
            unmade,
            interrupt,
            interfaces: Vec::new(),
        })
    }

    /// Makes the first packet of each template: what is wrong with all of them is known before one is sent.
    ///
    /// # Errors
    /// When one cannot be sent.
    pub(super) fn try_out(&mut self) -> Result<(), String> {
        let mut sources = std::mem::take(&mut self.sources);
        let tried = sources.iter_mut().try_for_each(|origin| self.try_origin(origin));
        self.sources = sources;
        tried
    }

    fn try_origin(&mut self, origin: &mut Origin<'a>) -> Result<(), String> {
        let spec = origin.spec;
        let mut firsts = Vec::new();
        match &mut origin.source {
            Source::Steps(Steps { random, makers, .. }) => {
                for maker in makers.iter_mut().filter(|maker| maker.template.total() > 0) {
                    firsts.push(maker.filling.packet(0, &mut random.clone()));
                    maker.pattern = self.pattern(spec, maker, random);
                }
            }
            Source::Crafted(_) => {
                for crafted in spec.packets(&mut Random::new(0), Some(1)) {
                    self.try_packet(spec, crafted)?;
                }
            }
        }
        firsts.into_iter().try_for_each(|crafted| self.try_packet(spec, crafted))
    }

    fn try_packet(&mut self, spec: &Spec, crafted: Crafted<'_>) -> Result<(), String> {
        for ready in self.prepare.packet(0, spec, crafted)? {
            if ready.interface != 0 && !self.interfaces.contains(&ready.interface) {
                self.interfaces.push(ready.interface);
            }
        }
        Ok(())
    }

    /// The ways of packets by raw sockets whose next hops are not known yet.
    pub(super) fn unknown_ways(&self) -> Vec<Way> {
        let patterns = self.made().filter_map(|maker| maker.pattern.as_ref());
        let ways = patterns.filter(|by| !by.is_frame).filter_map(|by| by.way.clone());
        ways.filter(must_ask).collect()
    }

    /// The interfaces that frames leave by.
    ///
    /// # Errors
    /// When one is gone.
    pub(super) fn links(&self) -> Result<Vec<Link>, NetlinkError> {
        let mut netlink = Netlink::open()?;
        self.interfaces.iter().map(|index| netlink.link_by_index(*index)).collect()
    }

    /// How packets are made, for `-v`.
    pub(super) fn describe(&self) -> String {
        let patterns: Vec<&ByPattern> = self.made().filter_map(|maker| maker.pattern.as_ref()).collect();
        let mut fields: Vec<&str> =
            patterns.iter().flat_map(|by| by.fields.iter().map(String::as_str)).collect();
        fields.sort_unstable();
        fields.dedup();
        let built = self.made().count().saturating_sub(patterns.len());
        let mut text = format!("{} packets by patterns", patterns.len());
        if !fields.is_empty() {
            text.push_str(&format!(", of which change {}", fields.join(", ")));
        }
        if built > 0 {
            text.push_str(&format!(", {built} built one by one"));
        }
        text
    }

    fn made(&self) -> impl Iterator<Item = &Maker<'a>> {
        self.sources.iter().flat_map(|origin| match &origin.source {
            Source::Steps(steps) => steps.makers.as_slice(),
            Source::Crafted(_) => &[],
        })
    }

    /// The pattern of a template's packets, where they have one.
    fn pattern(&mut self, spec: &Spec, maker: &Maker<'_>, random: &Random) -> Option<ByPattern> {
        let (template, mut filling) = (maker.template, maker.filling.clone());
        let mut values = Vec::new();
        filling.values(0, &mut random.clone(), &mut values);
        let mut packet = filling.packet(0, &mut random.clone()).packet;
        let (len, numbered) = (packet.layers.len(), packet.clone());
        let Completed { destination, interface, way, is_frame } = self.prepare.complete(&mut packet).ok()?;
        spec.build(template, &mut packet).ok()?;
        // A header may have been put before the packet.
        let shift = packet.layers.len().saturating_sub(len);
        let moved = |changing: &Changing| Changing {
            layer: changing.layer.saturating_add(shift),
            ..changing.clone()
        };
        let mut changing: Vec<Changing> = filling.changing().iter().map(moved).collect();
        let is_address = |field: &str| matches!(field, "dst" | "dst.proto_ipv4");
        let first_ip =
            packet.layers.iter().position(|layer| matches!(layer.protocol.name, "ip" | "ipv6" | "arp"));
        let to = changing.iter().rposition(|field| Some(field.layer) == first_ip && is_address(&field.field));
        let mut ids = 0usize;
        for (index, layer) in numbered.layers.iter().enumerate() {
            if layer.protocol.name == "ip" && layer.get("id").is_none() {
                changing.push(Changing { layer: index.saturating_add(shift), field: "id".to_owned() });
                values.push(Value::Uint(self.prepare.id(0)));
                ids = ids.saturating_add(1);
            }
        }
        let name = |changing: &Changing| {
            let layer = packet.layers.get(changing.layer).map_or("", |layer| layer.protocol.name);
            format!("{layer}.{}", changing.field)
        };
        let fields = changing.iter().map(name).collect();
        let pattern = Pattern::compile(&packet, &changing, &values)?;
        // Where the spec says all that the way would, any way is right.
        let says = |layer: usize, field: &str| {
            numbered.layers.get(layer).is_some_and(|layer| layer.get(field).is_some())
        };
        let says_source = first_ip.is_some_and(|at| says(at, "src") || says(at, "src.proto_ipv4"));
        let decides_way = !(shift == 0 && says_source && (!is_frame || says(0, "src")) && !self.is_flood);
        Some(ByPattern {
            pattern,
            ids,
            destination: to,
            decides_way,
            address: destination,
            way,
            is_frame,
            interface,
            fields,
        })
    }

    /// Adds the next packet to a batch: `Some(None)` for one that is not sent here, `None` behind the last.
    fn make(&mut self, number: u64, batch: &mut PacketBatch) -> Option<Option<Exact>> {
        let mine = number.checked_rem(self.part.workers.max(1)) == Some(self.part.worker);
        while let Some(origin) = self.sources.get_mut(self.spec) {
            let spec = origin.spec;
            let crafted = match &mut origin.source {
                Source::Crafted(packets) => packets.next(),
                Source::Steps(steps) => match steps.advance(self.part.again) {
                    Some((maker, place, random)) => {
                        // Values are drawn for all packets, so that each worker's are those of the whole.
                        maker.filling.values(place, random, &mut self.values);
                        if !mine {
                            return Some(None);
                        }
                        let (values, lines) = (&mut self.values, self.interfaces.as_slice());
                        if let Some(by) = &maker.pattern
                            && let Some(exact) = by.push(&mut self.prepare, number, values, batch, lines)
                        {
                            return Some(Some(exact));
                        }
                        Some(with_values(&maker.filling, values, place))
                    }
                    None => None,
                },
            };
            match crafted {
                Some(_) if !mine => return Some(None),
                Some(crafted) => {
                    match self.prepare.packet(number, spec, crafted) {
                        Ok(ready) => self.fragments.extend(ready),
                        Err(reason) => self.unmade.tell(number, &reason),
                    }
                    return Some(self.fragment(number, batch));
                }
                None => self.spec = self.spec.saturating_add(1),
            }
        }
        None
    }

    /// Adds what comes next of a packet that was built.
    fn fragment(&mut self, number: u64, batch: &mut PacketBatch) -> Option<Exact> {
        while let Some(ready) = self.fragments.pop_front() {
            if let Some(line) = line(&self.interfaces, ready.interface, ready.destination) {
                batch.push(&ready.built.octets);
                return Some((line, ready.destination));
            }
            let why = "it leaves by another interface than the first ones: name one with `--interface`";
            self.unmade.tell(number, why);
        }
        None
    }
}

/// By which line a packet goes, and to which address.
type Exact = (usize, Option<IpAddr>);

impl<'a> Steps<'a> {
    /// Goes to the next packet: its maker, its place there, and the draws.
    fn advance(&mut self, again: bool) -> Option<(&mut Maker<'a>, u64, &mut Random)> {
        let mut rounds = 0;
        while self.makers.get(self.template).is_none_or(|maker| self.place >= maker.template.total()) {
            match self.makers.get(self.template) {
                Some(_) => self.template = self.template.saturating_add(1),
                None if again && rounds == 0 => (self.template, rounds) = (0, 1),
                None => return None,
            }
            self.place = 0;
        }
        let place = self.place;
        self.place = place.saturating_add(1);
        self.makers.get_mut(self.template).map(|maker| (maker, place, &mut *self.random))
    }
}

/// The packet with the values that were drawn.
fn with_values<'a>(filling: &Filling<'a>, values: &[Value], place: u64) -> Crafted<'a> {
    // What it draws itself is written over.
    let mut crafted = filling.packet(place, &mut Random::new(0));
    for (changing, value) in filling.changing().iter().zip(values) {
        if let Some(layer) = crafted.packet.layers.get_mut(changing.layer) {
            layer.fields.push((changing.field.clone(), Node::Value(value.clone())));
        }
    }
    crafted
}

impl ByPattern {
    /// Adds the packet with these values; `None` when it must be built, since it goes another way or something does not fit.
    fn push<P>(
        &self,
        prepare: &mut Prepare<'_, P>,
        number: u64,
        values: &mut Vec<Value>,
        batch: &mut PacketBatch,
        interfaces: &[u32],
    ) -> Option<(usize, Option<IpAddr>)> {
        let address = match self.destination.and_then(|place| values.get(place)) {
            Some(Value::Ipv4(address)) => Some((*address).into()),
            Some(Value::Ipv6(address)) => Some((*address).into()),
            _ => self.address,
        };
        if self.destination.is_some()
            && self.decides_way
            && !prepare.is_same_way(address?, self.way.as_ref()?, self.is_frame)
        {
            return None;
        }
        let line = line(interfaces, self.interface, address.filter(|_| !self.is_frame))?;
        let id = prepare.id(number);
        values.extend(std::iter::repeat_n(Value::Uint(id), self.ids));
        let is_done = self.pattern.push(batch, values);
        values.truncate(values.len().saturating_sub(self.ids));
        is_done.then_some((line, address))
    }
}

/// Raw IP sockets come first, IPv4 before IPv6, then the interfaces.
fn line(interfaces: &[u32], interface: u32, destination: Option<IpAddr>) -> Option<usize> {
    match destination {
        Some(IpAddr::V4(_)) => Some(0),
        Some(IpAddr::V6(_)) => Some(1),
        None => interfaces.iter().position(|index| *index == interface).map(|place| place.saturating_add(2)),
    }
}

impl Packets for Stream<'_> {
    fn next(&mut self, batch: &mut PacketBatch) -> Result<Option<Due>, Box<dyn Error>> {
        loop {
            // Packets that cannot be made, or are others' to send, may be many.
            if self.interrupt.came() {
                return Ok(None);
            }
            let before = batch.len();
            let made = if !self.fragments.is_empty() {
                self.fragment(self.number.saturating_sub(1), batch)
            } else if self.number < self.part.most {
                let Some(made) = self.make(self.number, batch) else { return Ok(None) };
                self.number = self.number.saturating_add(1);
                made
            } else {
                return Ok(None);
            };
            let len = if made.is_some() { batch.get(before).len() } else { 0 };
            let mut at = self.timetable.next(None, len);
            if self.jitter > 0 {
                let late = self.delays.up_to(u128::from(self.jitter));
                at = at.saturating_add(Nanos::try_from(late).unwrap_or(0));
            }
            self.last = self.last.max(at);
            if let Some((line, address)) = made {
                return Ok(Some(Due { at: self.last, line, address, number: self.number }));
            }
        }
    }
}

/// More packets than this that could not be made are only counted.
const TOLD: u64 = 10;
