//! Reads the values of fields from a packet.

use std::borrow::Cow;
use std::ops::{ControlFlow, Range};

use super::about::FrameField;
use super::calculate;
use super::evaluate::{Flow, Run};
use super::names::{Place, What};
use super::program::{Datum, FieldValues, Whose};
use super::types::Type;
use crate::packet::walk::{Event, Shape, read_field, walk_layer};
use crate::proto::auto::Scope;
use crate::proto::describe::{Field, Protocol, View};
use crate::proto::filter_names::{Compute, Derived};
use crate::proto::{eth, llc, registry};
use crate::wire::layers::LayerEntry;
use crate::wire::value::ValueRef;

const GO_ON: Flow = ControlFlow::Continue(());

/// A value of a field, and where it is.
pub(super) struct Found<'e> {
    pub(super) datum: Datum<'e>,
    /// The field's description, where it has one.
    pub(super) field: Option<&'static Field>,
    /// Its octets in the packet, where it has some; of an option that is one value, all of the option.
    pub(super) octets: Option<Range<usize>>,
}

impl<'e> Run<'e> {
    /// Tells each value of a field.
    pub(super) fn field(&self, field: &'e FieldValues, tell: &mut dyn FnMut(Datum<'e>) -> Flow) -> Flow {
        let other = match field.whose {
            Whose::Own => return self.found(field, &mut |found| tell(found.datum)),
            Whose::Sent => self.about.sent,
            Whose::Known(place) => self.about.known.get(place).copied().flatten(),
        };
        let Some(other) = other else { return GO_ON };
        self.on(other, |run| run.found(field, &mut |found| tell(found.datum)))
    }

    /// The same, with where each is: layer by layer, the outermost first.
    pub(super) fn found(&self, field: &'e FieldValues, tell: &mut dyn FnMut(Found<'e>) -> Flow) -> Flow {
        for place in &field.named.places {
            if let (None, What::Frame(frame_field)) = (place.protocol, &place.what) {
                self.step()?;
                self.frame(*frame_field, field, tell)?;
            }
        }
        for (index, entry) in self.packet.table.entries().iter().enumerate() {
            for place in field.named.places.iter().filter(|place| place.protocol == Some(entry.protocol)) {
                if !self.is_wanted(field, index, entry) {
                    continue;
                }
                self.step()?;
                let mut told = |found: Found<'e>| {
                    self.step()?;
                    let datum = match place.as_text {
                        Some(kind) => calculate::text_of(&found.datum, kind),
                        None => found.datum,
                    };
                    tell(Found { datum, ..found })
                };
                self.layer((index, entry), place, field, &mut told)?;
            }
        }
        GO_ON
    }

    /// Whether the values in a layer are wanted: filters may choose by its number among those of its protocol.
    fn is_wanted(&self, field: &FieldValues, index: usize, entry: &LayerEntry) -> bool {
        let Some(ranges) = &field.layers else { return true };
        let entries = self.packet.table.entries();
        let count =
            |entries: &[LayerEntry]| entries.iter().filter(|other| other.protocol == entry.protocol).count();
        let (before, all) = (count(entries.get(..index).unwrap_or_default()), count(entries));
        ranges.iter().any(|range| range.covers(before, all))
    }

    /// Tells the values at one place in one layer.
    fn layer(
        &self,
        (index, entry): (usize, &LayerEntry),
        place: &'e Place,
        field: &FieldValues,
        tell: &mut dyn FnMut(Found<'e>) -> Flow,
    ) -> Flow {
        match &place.what {
            What::Layer => {
                let octets = Some(entry.start as usize..entry.header_end as usize);
                tell(Found { datum: self.layer_octets(entry, field.with_payload), field: None, octets })
            }
            What::Field { field, name, section_at: Some(at) } => self.field_at(entry, field, name, *at, tell),
            What::Derived(derived) => self.derived(index, derived, tell),
            What::Fact(fact) => {
                let value = self.about.facts.and_then(|facts| facts.get(index, *fact));
                let datum = |value| Datum::Number(i128::from(value));
                value.map_or(GO_ON, |value| tell(Found { datum: datum(value), field: None, octets: None }))
            }
            _ => self.walk(index, entry, place, tell),
        }
    }

    /// A layer's octets: of a message all, of others the header alone, unless what it carries is wanted too.
    fn layer_octets(&self, entry: &LayerEntry, with_payload: bool) -> Datum<'e> {
        let whole = with_payload || registry().get(entry.protocol).is_message;
        let end = if whole { entry.end } else { entry.header_end };
        self.octets(entry.start as usize..end as usize)
    }

    fn octets(&self, octets: Range<usize>) -> Datum<'e> {
        Datum::Octets(Cow::Borrowed(self.packet.octets.get(octets).unwrap_or_default()))
    }

    /// Tells a field whose place is the same in all headers.
    fn field_at(
        &self,
        entry: &LayerEntry,
        field: &'static Field,
        name: &str,
        at: usize,
        tell: &mut dyn FnMut(Found<'e>) -> Flow,
    ) -> Flow {
        let start = (entry.start as usize).saturating_add(at);
        let section = self.packet.octets.get(start..entry.header_end as usize).unwrap_or_default();
        let Some(value) = read_field(field, section) else { return GO_ON };
        let place = field.span.octets();
        let octets = start.saturating_add(place.start)..start.saturating_add(place.end);
        self.value(field, name, value, octets, tell)
    }

    /// Tells a field's value, if it goes by this name of it.
    fn value(
        &self,
        field: &'static Field,
        name: &str,
        value: ValueRef<'_>,
        octets: Range<usize>,
        tell: &mut dyn FnMut(Found<'e>) -> Flow,
    ) -> Flow {
        let datum = match value {
            ValueRef::Uint(number) if field.name_for(number) != name => return GO_ON,
            ValueRef::Uint(number) => Datum::Number(field.number(number)),
            ValueRef::Bool(bit) => Datum::Number(i128::from(bit)),
            ValueRef::Octets([]) => return GO_ON,
            ValueRef::Name(name) => {
                let mut text = String::new();
                // Writing into a `String` cannot fail.
                let _ = name.write_whole(&mut text);
                Datum::Octets(Cow::Owned(text.into_bytes()))
            }
            // Behind the octet that says its length, where it has one.
            ValueRef::Text(text) => self.octets(octets.end.saturating_sub(text.len())..octets.end),
            ValueRef::Mac(_) | ValueRef::Ipv4(_) | ValueRef::Ipv6(_) | ValueRef::Octets(_) => {
                self.octets(octets.clone())
            }
        };
        tell(Found { datum, field: Some(field), octets: Some(octets) })
    }

    /// Tells what is found by walking through the header.
    fn walk(
        &self,
        index: usize,
        entry: &LayerEntry,
        place: &'e Place,
        tell: &mut dyn FnMut(Found<'e>) -> Flow,
    ) -> Flow {
        let mut flow = GO_ON;
        let mut path = Path::default();
        walk_layer(self.packet.octets, entry, registry().get(entry.protocol), &mut |event| {
            path.follow(&event);
            if flow.is_continue() {
                flow = self.step();
            }
            if flow.is_continue() {
                flow = self.event(index, &event, &path, place, tell);
            }
        });
        flow
    }

    fn event(
        &self,
        index: usize,
        event: &Event<'_>,
        path: &Path<'_>,
        place: &Place,
        tell: &mut dyn FnMut(Found<'e>) -> Flow,
    ) -> Flow {
        match (&place.what, event) {
            (What::Field { field: wanted, name, .. }, Event::Field { field, value, octets, .. })
                if std::ptr::eq(*wanted, *field) =>
            {
                self.value(field, name, *value, octets.clone(), &mut |found| {
                    tell(Found { octets: path.option().or(found.octets), ..found })
                })
            }
            (What::Status(wanted), Event::Field { field, value: ValueRef::Uint(value), octets, within })
                if std::ptr::eq(*wanted, *field) =>
            {
                let status = self.packet.checksum_status(index, field, *value, octets, within);
                let datum = Datum::Number(i128::from(status.number()));
                tell(Found { datum, field: None, octets: Some(octets.clone()) })
            }
            (What::Holder(wanted), Event::Open { shape, octets, .. })
                if *shape != Shape::Group && path.is(wanted) && !octets.is_empty() =>
            {
                let datum = self.octets(octets.clone());
                tell(Found { datum, field: None, octets: Some(octets.clone()) })
            }
            (What::Holder(wanted), Event::Quoted { name, octets })
                if wanted.last() == Some(name) && !octets.is_empty() =>
            {
                let datum = self.octets(octets.clone());
                tell(Found { datum, field: None, octets: Some(octets.clone()) })
            }
            _ => GO_ON,
        }
    }

    fn derived(&self, index: usize, derived: &Derived, tell: &mut dyn FnMut(Found<'e>) -> Flow) -> Flow {
        let view = View::new(self.packet.octets, self.packet.table, self.packet.wire_len, index);
        let datum = match derived.compute {
            Compute::Number(compute) => compute(&view).map(|number| Datum::Number(i128::from(number))),
            Compute::Octets(compute) => compute(&view).map(|octets| Datum::Octets(Cow::Borrowed(octets))),
            Compute::Texts(compute) => {
                let found =
                    |text| Found { datum: Datum::Octets(Cow::Borrowed(text)), field: None, octets: None };
                return compute(&view, &mut |text| tell(found(text)));
            }
        };
        datum.map_or(GO_ON, |datum| tell(Found { datum, field: None, octets: None }))
    }

    /// Tells what the capture knows.
    fn frame(
        &self,
        frame_field: FrameField,
        field: &FieldValues,
        tell: &mut dyn FnMut(Found<'e>) -> Flow,
    ) -> Flow {
        // There is one frame, and so one layer of it.
        if field.layers.as_ref().is_some_and(|ranges| !ranges.iter().any(|range| range.covers(0, 1))) {
            return GO_ON;
        }
        let about = self.about;
        let number = |number: usize| Some(Datum::Number(i128::try_from(number).unwrap_or(i128::MAX)));
        let since = |earlier: Option<i64>| {
            let (time, earlier) = (about.time?, earlier?);
            Some(Datum::Number(i128::from(time).saturating_sub(i128::from(earlier))))
        };
        let text = |text: Option<&'e str>| text.map(|text| Datum::Octets(Cow::Borrowed(text.as_bytes())));
        let datum = match frame_field {
            FrameField::Octets => Some(self.octets(0..self.packet.octets.len())),
            FrameField::Len => number(self.packet.wire_len),
            FrameField::CapturedLen => number(self.packet.octets.len()),
            FrameField::Number => Some(Datum::Number(i128::from(about.number))),
            FrameField::Time | FrameField::TimeEpoch => since(Some(0)),
            FrameField::TimeRelative => since(about.times.first),
            FrameField::TimeDelta => since(about.times.before.or(about.time)),
            FrameField::TimeDeltaDisplayed => since(about.times.shown.or(about.time)),
            FrameField::InterfaceName => text(about.interface),
            FrameField::InterfaceId => Some(Datum::Number(i128::from(about.interface_id))),
            FrameField::Comment => {
                let mut comments = about.comment.iter().flat_map(|comments| comments.iter());
                return comments.try_for_each(|comment| {
                    let datum = Datum::Octets(Cow::Borrowed(comment.as_bytes()));
                    tell(Found { datum, field: None, octets: None })
                });
            }
            FrameField::Protocols => Some(Datum::Octets(Cow::Owned(self.protocols()))),
        };
        let whole = frame_field == FrameField::Octets;
        let octets = whole.then_some(0..self.packet.octets.len());
        datum.map_or(GO_ON, |datum| tell(Found { datum, field: None, octets }))
    }

    /// The names of all layers, as Wireshark joins them: `eth:ethertype:ip:udp:data`.
    fn protocols(&self) -> Vec<u8> {
        let mut names = String::new();
        let mut below = None;
        for (index, entry) in self.packet.table.entries().iter().enumerate() {
            let protocol = registry().get(entry.protocol);
            let is_part = protocol.is_part_of(below.replace(protocol.id));
            if is_part {
                continue;
            }
            if !names.is_empty() {
                names.push(':');
            }
            // Layers that Wireshark does not tell apart have its name as a further one.
            let whole = protocol.aliases.iter().find(|alias| alias.of == [""]);
            names.push_str(whole.map_or(protocol.name, |alias| alias.name));
            if self.has_ethertype(index, protocol) {
                names.push(':');
                names.push_str(eth::ETHERTYPE);
            }
        }
        names.into_bytes()
    }

    /// Whether a layer of the link says by an EtherType what it carries; LLC is carried by a length, and says it by itself.
    fn has_ethertype(&self, index: usize, protocol: &Protocol) -> bool {
        let llc = |protocol: &Protocol| protocol.name == llc::NAME;
        let header = Scope::of_layer(self.packet.octets, self.packet.table, index).region();
        let has_len = protocol.payload_len.is_some_and(|read| read(header).is_some());
        let child = self.packet.table.child(index).map(|(_, child)| registry().get(child.protocol));
        protocol.is_link
            && !has_len
            && !llc(protocol)
            && child.is_some_and(|child| !llc(child))
            && protocol.next.is_some_and(|next| next.table == eth::ETHERTYPE)
    }
}

/// What leads to where a walk is.
#[derive(Default)]
struct Path<'w> {
    names: [&'w str; MAX_PATH],
    len: usize,
    /// The octets of the option that is open, where it is a single value.
    option: Option<Range<usize>>,
}

/// Lists in options in lists: descriptions nest no deeper.
const MAX_PATH: usize = 12;

impl<'w> Path<'w> {
    fn follow(&mut self, event: &Event<'w>) {
        match event {
            Event::Open { name, shape, octets, .. } => {
                if let Some(slot) = self.names.get_mut(self.len) {
                    *slot = name;
                }
                self.len = self.len.saturating_add(1);
                self.option = (*shape == Shape::Single && !name.is_empty()).then(|| octets.clone());
            }
            Event::Close => {
                self.len = self.len.saturating_sub(1);
                self.option = None;
            }
            _ => {}
        }
    }

    fn option(&self) -> Option<Range<usize>> {
        self.option.clone()
    }

    fn is(&self, wanted: &[&str]) -> bool {
        let names = self.names.get(..self.len).unwrap_or_default();
        let last_has_name = names.last().is_some_and(|name| !name.is_empty());
        last_has_name && names.iter().filter(|name| !name.is_empty()).eq(wanted.iter())
    }
}

/// The octets of a value of this type that a literal must have.
pub(super) fn octets_of(kind: Type) -> Option<usize> {
    match kind {
        Type::Mac => Some(6),
        Type::Ipv4 => Some(4),
        Type::Ipv6 => Some(16),
        _ => None,
    }
}
