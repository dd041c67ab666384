//! Reads the values of fields from a packet.

use std::borrow::Cow;
use std::ops::{ControlFlow, Range};

use super::about::FrameField;
use super::calculate;
use super::evaluate::{Flow, Run};
use super::names::{Place, What};
use super::program::{Datum, FieldValues};
use super::types::Type;
use crate::packet::walk::{Event, Shape, read_field, walk_layer};
use crate::proto::describe::{Field, View};
use crate::proto::filter_names::{Compute, Derived};
use crate::proto::registry;
use crate::wire::layers::{LayerEntry, ProtocolId};
use crate::wire::value::ValueRef;

const GO_ON: Flow = ControlFlow::Continue(());

impl<'e> Run<'e> {
    /// Tells each value of a field.
    pub(super) fn field(&self, field: &'e FieldValues, tell: &mut dyn FnMut(Datum<'e>) -> Flow) -> Flow {
        for place in &field.named.places {
            let mut told = |datum: Datum<'e>| {
                self.step()?;
                match place.as_text {
                    Some(kind) => tell(calculate::text_of(&datum, kind)),
                    None => tell(datum),
                }
            };
            match (place.protocol, &place.what) {
                (_, What::Frame(frame_field)) => self.frame(*frame_field, field, &mut told)?,
                (Some(protocol), what) => self.layers(protocol, place, what, field, &mut told)?,
                (None, _) => {}
            }
        }
        GO_ON
    }

    /// Tells the values in all layers of a protocol that are wanted.
    fn layers(
        &self,
        protocol: ProtocolId,
        place: &'e Place,
        what: &'e What,
        field: &FieldValues,
        tell: &mut dyn FnMut(Datum<'e>) -> Flow,
    ) -> Flow {
        let entries = self.packet.table.entries();
        let is_one = |entry: &&LayerEntry| entry.protocol == protocol;
        let mut ordinal = 0usize;
        for (index, entry) in entries.iter().enumerate().filter(|(_, entry)| is_one(entry)) {
            let own = ordinal;
            ordinal = ordinal.saturating_add(1);
            if let Some(ranges) = &field.layers {
                let count = entries.iter().filter(is_one).count();
                if !ranges.iter().any(|range| range.covers(own, count)) {
                    continue;
                }
            }
            self.step()?;
            match what {
                What::Layer => tell(self.layer_octets(entry, field.with_payload))?,
                What::Field { field, name, section_at: Some(at) } => {
                    self.field_at(entry, field, name, *at, tell)?;
                }
                What::Derived(derived) => self.derived(index, derived, tell)?,
                _ => self.walk(index, entry, place, tell)?,
            }
        }
        GO_ON
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
        tell: &mut dyn FnMut(Datum<'e>) -> Flow,
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
        tell: &mut dyn FnMut(Datum<'e>) -> Flow,
    ) -> Flow {
        match value {
            ValueRef::Uint(number) if field.name_for(number) != name => GO_ON,
            ValueRef::Uint(number) => tell(Datum::Number(i128::from(number))),
            ValueRef::Bool(bit) => tell(Datum::Number(i128::from(bit))),
            ValueRef::Octets([]) => GO_ON,
            ValueRef::Mac(_) | ValueRef::Ipv4(_) | ValueRef::Ipv6(_) | ValueRef::Octets(_) => {
                tell(self.octets(octets))
            }
        }
    }

    /// Tells what is found by walking through the header.
    fn walk(
        &self,
        index: usize,
        entry: &LayerEntry,
        place: &'e Place,
        tell: &mut dyn FnMut(Datum<'e>) -> Flow,
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
        tell: &mut dyn FnMut(Datum<'e>) -> Flow,
    ) -> Flow {
        match (&place.what, event) {
            (What::Field { field: wanted, name, .. }, Event::Field { field, value, octets, .. })
                if std::ptr::eq(*wanted, *field) =>
            {
                self.value(field, name, *value, octets.clone(), tell)
            }
            (What::Status(wanted), Event::Field { field, value: ValueRef::Uint(value), octets, within })
                if std::ptr::eq(*wanted, *field) =>
            {
                let status = self.packet.checksum_status(index, field, *value, octets, within);
                tell(Datum::Number(i128::from(status.number())))
            }
            (What::Holder(wanted), Event::Open { shape, octets, .. })
                if *shape != Shape::Group && path.is(wanted) && !octets.is_empty() =>
            {
                tell(self.octets(octets.clone()))
            }
            (What::Holder(wanted), Event::Quoted { name, octets })
                if wanted.last() == Some(name) && !octets.is_empty() =>
            {
                tell(self.octets(octets.clone()))
            }
            _ => GO_ON,
        }
    }

    fn derived(&self, index: usize, derived: &Derived, tell: &mut dyn FnMut(Datum<'e>) -> Flow) -> Flow {
        let view = View::new(self.packet.octets, self.packet.table, self.packet.wire_len, index);
        let datum = match derived.compute {
            Compute::Number(compute) => compute(&view).map(|number| Datum::Number(i128::from(number))),
            Compute::Octets(compute) => compute(&view).map(|octets| Datum::Octets(Cow::Borrowed(octets))),
        };
        datum.map_or(GO_ON, tell)
    }

    /// Tells what the capture knows.
    fn frame(
        &self,
        frame_field: FrameField,
        field: &FieldValues,
        tell: &mut dyn FnMut(Datum<'e>) -> Flow,
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
            FrameField::TimeRelative => since(about.first_time),
            FrameField::TimeDelta => since(about.time_before.or(about.time)),
            FrameField::InterfaceName => text(about.interface),
            FrameField::InterfaceId => Some(Datum::Number(i128::from(about.interface_id))),
            FrameField::Comment => text(about.comment),
            FrameField::Protocols => Some(Datum::Octets(Cow::Owned(self.protocols()))),
        };
        datum.map_or(GO_ON, tell)
    }

    /// The names of all layers, as Wireshark joins them: `eth:ethertype:ip:udp:data`.
    fn protocols(&self) -> Vec<u8> {
        let mut names = String::new();
        for (index, entry) in self.packet.table.entries().iter().enumerate() {
            let protocol = registry().get(entry.protocol);
            if !names.is_empty() {
                names.push(':');
            }
            // Layers that Wireshark does not tell apart have its name as a further one.
            let whole = protocol.aliases.iter().find(|alias| alias.of == [""]);
            names.push_str(whole.map_or(protocol.name, |alias| alias.name));
            let carries = self.packet.table.child(index).is_some();
            if protocol.next.is_some_and(|next| carries && next.table == crate::proto::eth::ETHERTYPE) {
                names.push(':');
                names.push_str(crate::proto::eth::ETHERTYPE);
            }
        }
        names.into_bytes()
    }
}

/// The names that lead to where a walk is.
#[derive(Default)]
struct Path<'w> {
    names: [&'w str; MAX_PATH],
    len: usize,
}

/// Lists in options in lists: descriptions nest no deeper.
const MAX_PATH: usize = 12;

impl<'w> Path<'w> {
    fn follow(&mut self, event: &Event<'w>) {
        match event {
            Event::Open { name, .. } => {
                if let Some(slot) = self.names.get_mut(self.len) {
                    *slot = name;
                }
                self.len = self.len.saturating_add(1);
            }
            Event::Close => self.len = self.len.saturating_sub(1),
            _ => {}
        }
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
