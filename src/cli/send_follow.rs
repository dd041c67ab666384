//! The packets of `then`: made when the answer comes that they follow, and handed to the engine.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;

use super::rst_guard::Resets;
use super::send_output::Printer;
use super::send_plan::Plan;
use super::send_prepare::Prepare;
use crate::exchange::drive::Watcher;
use crate::exchange::drive::asker::SharedAsker;
use crate::exchange::drive::packets::PacketWire;
use crate::exchange::send::{Event, Ready, Seen, Sender};
use crate::filter::field::{About, FieldName, NamedValue, Type};
use crate::packet::check::Dissected;
use crate::packet::dissect::dissect;
use crate::packet::{Node, Packet};
use crate::spec::{Crafted, Random, Round, Spec, Template};
use crate::sys::clock::Now;
use crate::sys::interrupt::Interrupt;
use crate::wire::frame::LinkType;
use crate::wire::layers::LayerTable;
use crate::wire::value::Value;

/// The packets so far that others follow, each with its template: its place is its mark.
pub(super) type Marks<'s> = Rc<RefCell<Vec<(&'s Spec, &'s Template, Round)>>>;

/// Notes a packet that others follow.
pub(super) fn mark<'s>(marks: &Marks<'s>, spec: &'s Spec, crafted: &Crafted<'s>) -> Option<usize> {
    if crafted.template.then.is_empty() {
        return None;
    }
    let mut marks = marks.borrow_mut();
    marks.push((spec, crafted.template, crafted.round().clone()));
    marks.len().checked_sub(1)
}

/// A packet with its mark; of fragments, the one that has the beginning is answered.
pub(super) fn with_mark(ready: Ready, mark: Option<usize>) -> Ready {
    let then = mark.filter(|_| !ready.is_later);
    Ready { then, ..ready }
}

/// Makes the packets that follow answers.
pub(super) struct Follower<'a> {
    marks: Marks<'a>,
    prepare: Prepare<'a, std::iter::Empty<(&'a Spec, Crafted<'a>)>>,
    random: Random,
    number: u64,
}

/// Identifications of IPv4 packets that follow begin here, so that they are none of those before them.
const FIRST_NUMBER: u64 = 1 << 15;

impl<'a> Follower<'a> {
    /// A follower for the packets that were marked.
    ///
    /// # Errors
    /// When netlink cannot be opened.
    pub(super) fn new(
        marks: Marks<'a>,
        plan: Plan,
        interrupt: &'a Interrupt,
        resets: Resets,
    ) -> Result<Self, Box<dyn std::error::Error>> {
        let random = Random::new(plan.seed.wrapping_add(FIRST_NUMBER));
        let prepare = Prepare::new(std::iter::empty(), plan, interrupt)?.with_resets(resets);
        Ok(Self { marks, prepare, random, number: FIRST_NUMBER })
    }

    /// Asks for neighbours by sockets that others use, too.
    pub(super) fn with_asker(self, asker: Option<SharedAsker>) -> Self {
        Self { prepare: self.prepare.with_asker(asker), ..self }
    }

    /// The packets that follow the answer to a marked one; in place of one that cannot be made stands the reason.
    pub(super) fn after(
        &mut self,
        number: usize,
        sent: &(Vec<u8>, LinkType),
        seen: &Seen,
    ) -> Vec<Result<Ready, String>> {
        let Some((spec, template, round)) = self.marks.borrow().get(number).cloned() else {
            return Vec::new();
        };
        let (mut asked, mut answer) = (LayerTable::default(), LayerTable::default());
        let (octets, link_type) = sent;
        dissect(octets, *link_type, &mut asked);
        dissect(&seen.octets, seen.link_type, &mut answer);
        let sent = Dissected { octets, table: &asked, wire_len: octets.len() };
        let reply = Dissected { octets: &seen.octets, table: &answer, wire_len: seen.len };
        let known = [Some(reply)];
        let about = About { sent: Some(sent), known: &known, ..About::default() };
        let mut all = Vec::new();
        for template in &template.then {
            match template.told(&round, &mut self.random, &about) {
                Ok(crafted) => {
                    for mut crafted in crafted {
                        leave_as(&mut crafted.packet, &sent);
                        self.number = self.number.saturating_add(1);
                        let marked = mark(&self.marks, spec, &crafted);
                        match self.prepare.packet(self.number, spec, crafted) {
                            Ok(ready) => all.extend(
                                ready
                                    .into_iter()
                                    .map(|ready| Ok(awaiting(with_mark(ready, marked), template))),
                            ),
                            Err(reason) => all.push(Err(reason)),
                        }
                    }
                }
                Err(untold) => all.push(Err(untold.to_string())),
            }
        }
        all
    }
}

/// Nobody waits for what answers a packet that follows, unless the spec says so.
fn awaiting(ready: Ready, template: &Template) -> Ready {
    let says = ready.then.is_some() || ready.reply.is_some() || !ready.expect.is_empty();
    let awaits = says || template.within.is_some();
    Ready { awaits, ..ready }
}

/// Addresses and ports that a packet leaves out are those of the packet before it.
pub(super) fn leave_as(packet: &mut Packet, before: &Dissected<'_>) {
    for layer in &mut packet.layers {
        let names: &[&str] = match layer.protocol.name {
            "ip" | "ipv6" | "eth" => &["src", "dst"],
            "tcp" | "udp" => &["srcport", "dstport"],
            _ => continue,
        };
        for name in names.iter().filter(|name| layer.get(name).is_none()).collect::<Vec<_>>() {
            let value = value_of(&format!("{}.{name}", layer.protocol.name), before);
            layer.fields.extend(value.map(|value| ((*name).to_owned(), Node::Value(value))));
        }
    }
}

/// The first value of a number or an address in a packet.
pub(super) fn value_of(name: &str, packet: &Dissected<'_>) -> Option<Value> {
    let field = FieldName::new(name).ok()?;
    let mut found = None;
    field.values(packet, &About::default(), &mut |value, _| {
        let value = match (value, field.kind()) {
            (NamedValue::Number(number), _) => u64::try_from(number).ok().map(Value::Uint),
            (NamedValue::Octets(octets), Type::Mac) => octets.try_into().ok().map(Value::Mac),
            (NamedValue::Octets(octets), Type::Ipv4) => {
                <[u8; 4]>::try_from(octets).ok().map(|address| Value::Ipv4(address.into()))
            }
            (NamedValue::Octets(octets), Type::Ipv6) => {
                <[u8; 16]>::try_from(octets).ok().map(|address| Value::Ipv6(address.into()))
            }
            _ => None,
        };
        found = found.take().or(value);
    });
    found
}

/// Prints what happens, and makes what follows.
pub(super) struct Watch<'a> {
    pub(super) printer: Printer,
    pub(super) follower: Follower<'a>,
}

impl<I: Iterator<Item = Result<Ready, String>>> Watcher<Sender<I>, PacketWire> for Watch<'_> {
    fn watch(&mut self, engine: &mut Sender<I>, _now: Now) -> io::Result<()> {
        for event in engine.take_events() {
            if let Event::Followed { mark, sent, seen, .. } = &event {
                for ready in self.follower.after(*mark, sent, seen) {
                    engine.follow(ready);
                }
            }
            self.printer.event(&event);
        }
        self.printer.flush_if_any()
    }
}
