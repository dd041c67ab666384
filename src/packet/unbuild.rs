//! Unbuilding: from octets back to a [`Packet`] that builds to the same octets.

use std::ops::Range;

use crate::proto::auto::Scope;
use crate::proto::describe::{Auto, Field, Kind, Protocol};
use crate::proto::registry;
use crate::wire::layers::{LayerState, LayerTable};
use crate::wire::value::ValueRef;

use super::build::build;
use super::walk::{CUT, Event, Shape, is_zero, walk_layer};
use super::{Cut, Layer, Node, Packet};

/// Which fields are written out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// Those that building would not make the same by itself.
    Needed,
    /// All but computed ones that building would make the same by itself.
    Chosen,
    /// All.
    All,
}

/// The shortest [`Packet`] that builds to `octets`, whose layers `table` holds.
pub fn unbuild_shortest(octets: &[u8], table: &LayerTable) -> Packet {
    for keep in [Keep::Needed, Keep::Chosen] {
        let packet = unbuild(octets, table, keep);
        if build(&packet).is_ok_and(|built| built.octets == octets) {
            return packet;
        }
    }
    unbuild(octets, table, Keep::All)
}

/// A [`Packet`] from the octets and layers of one.
pub fn unbuild(octets: &[u8], table: &LayerTable, keep: Keep) -> Packet {
    let outermost = table.entries().first().copied().unwrap_or_default();
    let trailer = octets.get(outermost.end as usize..).unwrap_or_default().to_vec();
    Packet { layers: chain(octets, table, 0, keep), trailer }
}

/// The layers of one chain, from its first entry on.
fn chain(octets: &[u8], table: &LayerTable, first: usize, keep: Keep) -> Vec<Layer> {
    let mut layers = Vec::new();
    let mut next = Some(first).filter(|first| *first < table.entries().len());
    while let Some(index) = next {
        layers.push(layer(octets, table, index, keep));
        next = next_of_chain(table, index);
    }
    layers
}

/// The next layer of the chain: behind those that `index` quotes.
pub fn next_of_chain(table: &LayerTable, index: usize) -> Option<usize> {
    let quoted_by = table.entries().get(index)?.quoted_by;
    let next = index.checked_add(1)?;
    table.entries().get(next).filter(|entry| entry.quoted_by == quoted_by).map(|_| next)
}

/// Octets behind a layer's payload that are its own: from the end of what it carries to its own end.
pub fn trailer_of<'a>(octets: &'a [u8], table: &LayerTable, index: usize) -> &'a [u8] {
    let Some(entry) = table.entries().get(index) else { return &[] };
    let contents_end = match next_of_chain(table, index).and_then(|next| table.entries().get(next)) {
        Some(child) => child.end,
        None => entry.header_end,
    };
    octets.get(contents_end as usize..entry.end as usize).unwrap_or_default()
}

/// Octets of a quotation behind the packet that it quotes: that packet's own length says that it ends before.
pub fn behind_quoted<'a>(
    octets: &'a [u8],
    table: &LayerTable,
    index: usize,
    quotation: &Range<usize>,
) -> &'a [u8] {
    let first = table.quoted(index).and_then(|first| table.entries().get(first));
    let from = first.map_or(quotation.start, |first| first.end as usize);
    octets.get(from..quotation.end).unwrap_or_default()
}

fn layer(octets: &[u8], table: &LayerTable, index: usize, keep: Keep) -> Layer {
    let entry = table.entries().get(index).copied().unwrap_or_default();
    let protocol: &'static Protocol = registry().get(entry.protocol);
    let mut layer = Layer::new(protocol);
    let mut nodes = Nodes { frames: Vec::new(), shortens: keep != Keep::All };
    walk_layer(octets, &entry, protocol, &mut |event| match event {
        Event::Open { name, shape, .. } => nodes.open(name, shape),
        Event::Close => nodes.close(&mut layer),
        Event::Loose { name, value, .. } => nodes.add(&mut layer, name, Node::Value(value.to_value())),
        Event::Field { field, value, octets: at, within } => {
            let scope = Scope {
                start: within.start,
                end: within.end,
                field: at.start.saturating_sub(within.start),
                ..Scope::of_layer(octets, table, index)
            };
            if field.kind != Kind::Group && !(nodes.may_leave_out() && is_made(field, value, &scope, keep)) {
                let name =
                    if let ValueRef::Uint(number) = value { field.name_for(number) } else { field.name };
                nodes.add(&mut layer, name, Node::Value(value.to_value()));
            }
        }
        Event::Quoted { name, octets: at } => {
            let quoted =
                table.quoted(index).map(|first| chain(octets, table, first, keep)).unwrap_or_default();
            nodes.add(&mut layer, name, Node::Layers(quoted));
            layer.quoted_trailer = behind_quoted(octets, table, index, &at).to_vec();
        }
        Event::Cut { len, rest, .. } if nodes.frames.is_empty() => {
            layer.cut = Some(Cut { len, rest: rest.to_vec() });
        }
        Event::Cut { len, rest, .. } => {
            nodes.add(&mut layer, CUT, Cut { len, rest: rest.to_vec() }.into_node());
        }
    });
    layer.trailer = trailer_of(octets, table, index).to_vec();
    layer
}

/// Whether building makes the field the same when it is left out.
fn is_made(field: &Field, value: ValueRef<'_>, scope: &Scope<'_>, keep: Keep) -> bool {
    if keep == Keep::All {
        return false;
    }
    if let Some(Auto::Structure(compute) | Auto::Checksum(compute, _)) = field.auto
        && let Some(computed) = compute(scope)
    {
        return value == ValueRef::Uint(computed);
    }
    // The items of a header that is not whole may be fewer.
    if field.counts.is_some() || field.measures.is_some() {
        return scope.layer().is_some_and(|layer| layer.state == LayerState::Whole);
    }
    let default = field.default.as_ref().map_or(is_zero(&value), |default| default.as_ref() == value);
    keep == Keep::Needed && default
}

/// Nodes under construction, innermost last.
struct Nodes {
    frames: Vec<Frame>,
    /// Leave out what building makes by itself.
    shortens: bool,
}

enum Frame {
    Table(String, Vec<(String, Node)>),
    List(String, Vec<Node>),
    Single(String, Option<Node>),
    Group,
}

impl Nodes {
    fn open(&mut self, name: &str, shape: Shape) {
        let name = name.to_owned();
        self.frames.push(match shape {
            Shape::Table => Frame::Table(name, Vec::new()),
            Shape::List => Frame::List(name, Vec::new()),
            Shape::Single => Frame::Single(name, None),
            Shape::Group => Frame::Group,
        });
    }

    fn close(&mut self, layer: &mut Layer) {
        let (name, node) = match self.frames.pop() {
            Some(Frame::Table(name, fields)) => (name, Node::Table(fields)),
            // An empty list says no more than none.
            Some(Frame::List(_, nodes)) if nodes.is_empty() && self.frames.is_empty() && self.shortens => {
                return;
            }
            Some(Frame::List(name, nodes)) => (name, Node::List(nodes)),
            Some(Frame::Single(name, Some(node))) => (name, node),
            Some(Frame::Single(name, None)) => (name, Node::Table(Vec::new())),
            Some(Frame::Group) | None => return,
        };
        self.add(layer, &name, node);
    }

    fn add(&mut self, layer: &mut Layer, name: &str, node: Node) {
        // Parts of a group stand where the group stands.
        match self.frames.iter_mut().rev().find(|frame| !matches!(frame, Frame::Group)) {
            Some(Frame::Table(_, fields)) => fields.push((name.to_owned(), node)),
            Some(Frame::List(_, nodes)) => nodes.push(node),
            Some(Frame::Single(_, value)) => *value = Some(node),
            Some(Frame::Group) | None => layer.fields.push((name.to_owned(), node)),
        }
    }

    /// Values without a name of their own, and those of options, are always written.
    fn may_leave_out(&self) -> bool {
        self.frames.iter().all(|frame| matches!(frame, Frame::Group))
    }
}
