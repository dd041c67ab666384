//! The ways to a host, drawn: a column for each way that is open at the time, as in the graph of a history of versions.

use std::fmt::{self, Write};

use super::trace::{Milliseconds, NameOf, annotation, host};
use crate::exchange::engine::Nanos;
use crate::exchange::trace::{Layer, Method, Node, Paths, TracePlan};
use crate::show::json_object::JsonObject;
use crate::show::text::push_printable;

/// The line that it begins with; `name` is what the user calls the host.
pub fn head(out: &mut String, name: &str, plan: &TracePlan) -> fmt::Result {
    out.push_str("paths to ");
    push_printable(out, name);
    let TracePlan { destination, last_hop, packet_len, .. } = plan;
    let flows = plan.flow_count();
    writeln!(out, " ({destination}), {last_hop} hops max, {packet_len} byte packets, {flows} flows max")
}

/// The graph, and what is to be said of it.
pub fn graph(out: &mut String, paths: &Paths, name_of: NameOf<'_>) -> fmt::Result {
    let (plan, layers) = (paths.plan(), paths.layers());
    if layers.is_empty() {
        return writeln!(out, "no hop answered");
    }
    let mut drawing = Drawing::default();
    let from_here =
        Node { next: (0..layers.first().map_or(0, |layer| layer.nodes.len())).collect(), ..Node::default() };
    drawing.lanes.push(Some((0, 0)));
    drawing.node((0, 0), &from_here, format!("{} (this host)", plan.source));
    for (depth, layer) in layers.iter().enumerate() {
        for (place, node) in layer.nodes.iter().enumerate() {
            let mut label = String::new();
            node_words(&mut label, paths, layer, node, name_of)?;
            drawing.node((depth.saturating_add(1), place), node, label);
            if place == 0 {
                drawing.number(layer.hop);
            }
        }
    }
    drawing.print(out)?;
    conclusions(out, paths)
}

fn node_words(
    out: &mut String,
    paths: &Paths,
    layer: &Layer,
    node: &Node,
    name_of: NameOf<'_>,
) -> fmt::Result {
    match node.from {
        Some(from) => host(out, from, name_of)?,
        None => out.push('*'),
    }
    if let Some(rtt) = node.rtt {
        write!(out, "  {} ms", Milliseconds(rtt))?;
    }
    if let Some(mark) = node.end.and_then(|end| annotation(paths.plan(), end)) {
        write!(out, " {mark}")?;
    }
    if layer.nodes.len() > 1 {
        let all: usize = layer.nodes.iter().map(|node| node.flows.len()).sum();
        write!(out, "  {} of {all} flows", node.flows.len())?;
    }
    Ok(())
}

fn conclusions(out: &mut String, paths: &Paths) -> fmt::Result {
    let (ways, flows) = (paths.way_count(), paths.flow_count());
    let way = if ways == 1 { "way" } else { "ways" };
    write!(out, "{ways} {way} found by {flows} flows: ")?;
    match paths.is_enough() {
        true => writeln!(out, "behind none of these hops is there another, with 95 % confidence each")?,
        false => writeln!(out, "too few to say that there is no other; --flows allows more")?,
    }
    for hop in paths.scattering() {
        writeln!(
            out,
            "hop {hop}: probes of one flow meet several routers, so load is shared packet by packet"
        )?;
    }
    Ok(())
}

/// A node: its layer, this host's being the first, and its place in it.
type Place = (usize, usize);

/// Rows of the graph, and the columns that are in use.
#[derive(Default)]
struct Drawing {
    /// The node that the way in each column leads to.
    lanes: Vec<Option<Place>>,
    rows: Vec<Row>,
}

#[derive(Default)]
struct Row {
    hop: Option<u8>,
    glyphs: String,
    label: String,
}

impl Drawing {
    /// Draws a node: ways that lead to it are joined, and those that lead on from it are begun.
    fn node(&mut self, place: Place, node: &Node, label: String) {
        let leads_here = |lane: &Option<Place>| *lane == Some(place);
        let columns: Vec<usize> =
            self.lanes.iter().enumerate().filter(|(_, lane)| leads_here(lane)).map(|(at, _)| at).collect();
        let Some((&column, others)) = columns.split_first() else { return };
        if let Some(&last) = others.last() {
            self.branches(column, last, others, ['┴', '┘']);
            for other in others {
                self.set(*other, None);
            }
        }
        let sign = if node.from.is_none() && place.0 > 0 { '·' } else { '○' };
        let glyphs = self.row(|at, lane| match lane {
            _ if at == column => (sign, ' '),
            Some(_) => ('│', ' '),
            None => (' ', ' '),
        });
        self.rows.push(Row { hop: None, glyphs, label });
        let mut next = node.next.iter().map(|next| (place.0.saturating_add(1), *next));
        self.set(column, next.next());
        let mut begun = Vec::new();
        for next in next {
            let free = (0..self.lanes.len()).find(|at| *at > column && self.lanes.get(*at) == Some(&None));
            let at = free.unwrap_or(self.lanes.len());
            self.set(at, Some(next));
            begun.push(at);
        }
        begun.sort_unstable();
        if let Some(&last) = begun.last() {
            self.branches(column, last, &begun, ['┬', '┐']);
        }
        while self.lanes.last() == Some(&None) {
            self.lanes.pop();
        }
    }

    /// A row in which ways join the one in `column`, or leave it.
    fn branches(&mut self, column: usize, last: usize, others: &[usize], [between, corner]: [char; 2]) {
        let glyphs = self.row(|at, lane| {
            let bar = if at >= column && at < last { '─' } else { ' ' };
            let glyph = match lane {
                _ if at == column => '├',
                _ if at == last => corner,
                _ if others.contains(&at) => between,
                Some(_) if at > column && at < last => '┼',
                Some(_) => '│',
                None => bar,
            };
            (glyph, bar)
        });
        self.rows.push(Row { glyphs, ..Row::default() });
    }

    fn row(&self, glyph: impl Fn(usize, &Option<Place>) -> (char, char)) -> String {
        let columns = self.lanes.iter().enumerate().map(|(at, lane)| glyph(at, lane));
        columns.flat_map(|(glyph, behind)| [glyph, behind]).collect()
    }

    fn set(&mut self, column: usize, lane: Option<Place>) {
        if column >= self.lanes.len() {
            self.lanes.resize(column.saturating_add(1), None);
        }
        if let Some(place) = self.lanes.get_mut(column) {
            *place = lane;
        }
    }

    /// Says which hop the row of the last node is of.
    fn number(&mut self, hop: u8) {
        if let Some(row) = self.rows.iter_mut().rfind(|row| !row.label.is_empty()) {
            row.hop = Some(hop);
        }
    }

    fn print(&self, out: &mut String) -> fmt::Result {
        let width = self.rows.iter().map(|row| row.glyphs.trim_end().chars().count()).max().unwrap_or(0);
        for row in &self.rows {
            let hop = row.hop.map(|hop| hop.to_string()).unwrap_or_default();
            let glyphs = row.glyphs.trim_end();
            match row.label.is_empty() {
                true => writeln!(out, "    {glyphs}")?,
                false => writeln!(out, "{hop:>2}  {glyphs:width$}  {}", row.label)?,
            }
        }
        Ok(())
    }
}

/// A hop as a JSON line.
pub fn layer_json(layer: &Layer, next: Option<&Layer>, paths: &Paths, name_of: NameOf<'_>) -> String {
    let nodes = layer.nodes.iter().map(|node| {
        let from = node.from.map(|from| from.to_string());
        let mut object = JsonObject::new().text_or_nothing("from", from.as_deref());
        if let Some(name) = node.from.and_then(name_of) {
            object = object.text("name", &name);
        }
        if let Some(rtt) = node.rtt {
            object = object.number("rtt_ns", rtt);
        }
        if let Some(mark) = node.end.and_then(|end| annotation(paths.plan(), end)) {
            object = object.text("mark", &mark);
        }
        object = object.number("flows", number(node.flows.len()));
        if let Some(flow) = node.flows.first().filter(|_| paths.plan().method != Method::Icmp) {
            object = object.number("source_port", paths.plan().source_port_of(*flow).into());
        }
        let leads = node.next.iter().filter_map(|place| next?.nodes.get(*place));
        object.list("next", leads.map(|next| link_json(node, next)))
    });
    let is_scattering = paths.scattering().contains(&layer.hop);
    let object = JsonObject::new().text("event", "paths_hop").number("hop", layer.hop.into());
    object.list("nodes", nodes).flag("per_packet", is_scattering).end()
}

fn link_json(node: &Node, next: &Node) -> JsonObject {
    let from = next.from.map(|from| from.to_string());
    let flows = node.flows.iter().filter(|flow| next.flows.contains(flow)).count();
    JsonObject::new().text_or_nothing("from", from.as_deref()).number("flows", number(flows))
}

fn number(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

/// What it came to, as a JSON line.
pub fn summary_json(name: &str, paths: &Paths, took: Nanos) -> String {
    let (plan, counts) = (paths.plan(), paths.counts());
    let mut object = JsonObject::new().text("event", "summary").text("host", name);
    object = object.text("address", &plan.destination.to_string()).text("source", &plan.source.to_string());
    object = object.text("method", plan.method.name()).flag("reached", paths.is_reached());
    object = object.number("ways", number(paths.way_count())).number("flows", number(paths.flow_count()));
    object = object.flag("enough", paths.is_enough());
    object = object.number("sent", counts.sent).number("answered", counts.answered);
    object = object.number("duplicates", counts.duplicates).number("late", counts.late);
    object.number("duration_ns", took).end()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Draws layers that are given by, for each node, the places of those behind it.
    fn drawn(layers: &[&[&[usize]]]) -> String {
        let mut drawing = Drawing::default();
        drawing.lanes.push(Some((0, 0)));
        for (depth, layer) in layers.iter().enumerate() {
            for (place, next) in layer.iter().enumerate() {
                let node = Node { from: Some([10, 0, 0, 1].into()), next: next.to_vec(), ..Node::default() };
                drawing.node((depth, place), &node, format!("{depth}{}", ["a", "b", "c", "d"][place]));
            }
        }
        let mut out = String::new();
        drawing.print(&mut out).unwrap();
        out
    }

    #[test]
    fn ways_part_and_join() {
        let text = drawn(&[&[&[0, 1, 2]], &[&[0], &[0], &[1]], &[&[0], &[0]], &[&[]]]);
        let expected = "    ○      0a
    ├─┬─┐
    ○ │ │  1a
    │ ○ │  1b
    │ │ ○  1c
    ├─┘ │
    ○   │  2a
    │   ○  2b
    ├───┘
    ○      3a
";
        assert_eq!(text, expected);
    }

    #[test]
    fn ways_cross_where_each_leads_to_each() {
        let text = drawn(&[&[&[0, 1]], &[&[0, 1], &[0, 1]], &[&[0], &[0]], &[&[]]]);
        let expected = "    ○        0a
    ├─┐
    ○ │      1a
    ├─┼─┐
    │ ○ │    1b
    │ ├─┼─┐
    ├─┘ │ │
    ○   │ │  2a
    │   ├─┘
    │   ○    2b
    ├───┘
    ○        3a
";
        assert_eq!(text, expected);
    }
}
