//! From a tree to templates: the spec and its packets. Layers, options and values have files of their own.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::Diagnostic;
use super::generator::Slot;
use super::include::Texts;
use super::mistake::{MAX_MISTAKES, Mistake, shortened};
use super::packets::Shared;
use super::read_expect;
use super::read_send;
use super::read_told::Scope;
use super::scenario::Scenario;
use super::template::{Origin, Template};
use super::tree::{Entry, Shape, Tree};
use super::variables::{Variables, has_dollar};
use super::{Files, SendOptions};
use crate::diagnostic::At;
use crate::diagnostic::nearest::nearest;
use crate::filter::field::FieldFilter;
use crate::packet::{Node, Packet};
use crate::wire::frame::LinkType;

/// Reads a tree, and keeps what is wrong in it, so that all mistakes can be told at once.
pub(super) struct Reader<'f> {
    /// Reads the files that a spec names.
    pub(super) files: Files<'f>,
    /// Whether the tree may be what `--json` prints, with keys that say what the capture knew or what was computed.
    pub(super) is_json: bool,
    /// What is wrong.
    pub(super) mistakes: Vec<Diagnostic>,
    /// The generators of the packet that is being read.
    pub(super) slots: Vec<Slot>,
    /// The texts that are read, which tell where files are.
    pub(super) texts: &'f Texts,
    /// Tables of layers, whose fields count where a layer does not write them; the first before the second.
    pub(super) defaults: Vec<Tree<'static>>,
    /// How deep the list of layers is that is being read; a quoted packet is deeper.
    pub(super) depth: usize,
    /// The packets whose fields may be told.
    pub(super) scope: Scope,
    /// Whether filters may tell them, too: they are those of steps.
    pub(super) in_scenario: bool,
}

/// A whole spec, as its tree tells it.
#[derive(Debug, Default)]
pub(super) struct Contents {
    pub(super) templates: Vec<Template>,
    pub(super) send: SendOptions,
    pub(super) shared: Vec<Shared>,
    pub(super) scenarios: Vec<Scenario>,
}

/// What stands outermost in one text.
struct Top<'t, 's> {
    is_json: bool,
    vars: Vec<&'t Tree<'s>>,
    defaults: Option<&'t Tree<'s>>,
    send: Option<&'t Tree<'s>>,
    packets: Vec<Cow<'t, Tree<'s>>>,
    scenarios: Vec<&'t Tree<'s>>,
}

impl<'f> Reader<'f> {
    pub(super) fn new(files: Files<'f>, texts: &'f Texts) -> Self {
        Self {
            files,
            texts,
            is_json: false,
            mistakes: Vec::new(),
            slots: Vec::new(),
            defaults: Vec::new(),
            depth: 0,
            scope: Scope::default(),
            in_scenario: false,
        }
    }

    /// Reads a spec: `packet` and `send`, or one packet, or a list of packets; of each text, in the order in which they count.
    pub(super) fn spec(&mut self, trees: &[(Tree<'_>, bool)], sets: &[Entry<'_>]) -> Contents {
        let tops: Vec<Top<'_, '_>> = trees.iter().map(|(tree, is_json)| self.top(tree, *is_json)).collect();
        let mut variables = Variables::default();
        sets.iter().for_each(|entry| variables.define(entry, true));
        variables.are_wanted = !sets.is_empty() || tops.iter().any(|top| !top.vars.is_empty());
        for tree in tops.iter().flat_map(|top| &top.vars) {
            match &tree.shape {
                Shape::Table(entries) => entries.iter().for_each(|entry| variables.define(entry, false)),
                _ => self.wrong_kind(tree, "vars", "a table of names and what they stand for"),
            }
        }
        let mut contents = Contents::default();
        for top in &tops {
            self.is_json = top.is_json;
            if let Some(tree) = top.defaults {
                let tree = resolved(tree, top, &mut variables);
                self.take_defaults(&tree);
            }
        }
        for top in &tops {
            self.is_json = top.is_json;
            if let Some(tree) = top.send {
                let send = read_send::send(self, &resolved(tree, top, &mut variables));
                contents.send = send.before(std::mem::take(&mut contents.send));
            }
            let packets = top.packets.iter().map(|tree| {
                let tree = resolved(tree, top, &mut variables);
                self.packet(&tree)
            });
            contents.templates.extend(packets.collect::<Vec<_>>());
            for tree in &top.scenarios {
                let number = contents.scenarios.len().saturating_add(1);
                let tree = resolved(tree, top, &mut variables);
                contents.scenarios.extend(self.scenario(&tree, number));
            }
        }
        if let ([.., (tree, is_json)], true) =
            (trees, contents.templates.is_empty() && contents.scenarios.is_empty())
        {
            // Much of what happens has no packet.
            if !matches!(&tree.shape, Shape::Table(entries) if *is_json && is_event(entries)) {
                self.mistake(tree.at.clone(), Mistake::NoLayers);
            }
        }
        for diagnostic in std::mem::take(&mut variables.mistakes).into_iter().chain(variables.unused()) {
            self.mistake(diagnostic.at, diagnostic.mistake);
        }
        contents.shared = self.shared(&mut contents, &variables);
        contents
    }

    /// Sorts what stands outermost in a text.
    fn top<'t, 's>(&mut self, tree: &'t Tree<'s>, is_json: bool) -> Top<'t, 's> {
        let mut top = Top {
            is_json,
            vars: Vec::new(),
            defaults: None,
            send: None,
            packets: Vec::new(),
            scenarios: Vec::new(),
        };
        match &tree.shape {
            Shape::List(list) => top.packets.extend(list.iter().map(Cow::Borrowed)),
            Shape::Table(entries) if is_json && is_event(entries) => {
                let frames = entries.iter().filter(|entry| entry.key == "frame");
                top.packets.extend(frames.map(|entry| Cow::Borrowed(&entry.value)));
            }
            Shape::Table(entries) if entries.iter().any(is_of_spec) => {
                let is_packet = entries.iter().any(|entry| entry.key == "layers");
                for entry in entries.iter().filter(|entry| !is_packet || is_of_spec(entry)) {
                    self.spec_key(entry, &mut top);
                }
                if is_packet {
                    let entries = entries.iter().filter(|entry| !is_of_spec(entry)).cloned().collect();
                    top.packets.push(Cow::Owned(Tree::new(tree.at.clone(), Shape::Table(entries))));
                }
            }
            _ => top.packets.push(Cow::Borrowed(tree)),
        }
        top
    }

    fn spec_key<'t, 's>(&mut self, entry: &'t Entry<'s>, top: &mut Top<'t, 's>) {
        match (entry.key.as_ref(), &entry.value.shape) {
            ("packet", Shape::List(list)) => top.packets.extend(list.iter().map(Cow::Borrowed)),
            ("packet", _) => top.packets.push(Cow::Borrowed(&entry.value)),
            ("scenario", Shape::List(list)) => top.scenarios.extend(list),
            ("scenario", _) => top.scenarios.push(&entry.value),
            ("send", _) => top.send = Some(&entry.value),
            ("vars", _) => top.vars.push(&entry.value),
            ("defaults", _) => top.defaults = Some(&entry.value),
            // Whoever read the text has read what it includes.
            ("include", _) | (SCHEMA, _) => {}
            _ => self.unknown_key(entry, "a spec", SPEC_KEYS),
        }
    }

    /// The variables that hold generators, in the order in which they were defined.
    fn shared(&mut self, contents: &mut Contents, variables: &Variables) -> Vec<Shared> {
        let mut found: BTreeMap<usize, Shared> = BTreeMap::new();
        for slot in all_slots(contents) {
            let Some(variable) = slot.variable else { continue };
            let shared = Shared::of(slot);
            let known = *found.entry(variable).or_insert(shared);
            if let (true, Some(variable)) = (known != shared, variables.get(variable)) {
                let (name, one, other) = (variable.name.clone(), known.count, shared.count);
                self.mistake(variable.at.clone(), Mistake::Uneven { name, one, other });
            }
        }
        let places: Vec<usize> = found.keys().copied().collect();
        for slot in all_slots(contents) {
            slot.variable = slot.variable.and_then(|variable| places.binary_search(&variable).ok());
        }
        found.into_values().collect()
    }

    /// Reads one packet.
    pub(super) fn packet(&mut self, tree: &Tree<'_>) -> Template {
        let Shape::Table(entries) = &tree.shape else {
            self.wrong_kind(tree, "a packet", "a table with `layers`");
            return Template::default();
        };
        self.slots.clear();
        let mut packet = Packet::default();
        let mut origin = Origin { at: tree.at.clone(), layers: Vec::new() };
        let mut template = Template::default();
        let (mut has_layers, mut changes, mut then) = (false, Vec::new(), None);
        for entry in entries {
            match entry.key.as_ref() {
                "layers" => {
                    has_layers = true;
                    origin.at = entry.key_at.clone();
                    (packet.layers, origin.layers) = self.layers(&entry.value, "layers");
                }
                "trailer" => packet.trailer = self.fixed_octets(&entry.value, "trailer"),
                "name" => template.name = self.text(&entry.value, "name"),
                "comment" => template.comment = self.text(&entry.value, "comment"),
                "within" => template.within = read_send::duration(self, &entry.value, "within"),
                // They are about the layers, wherever those stand.
                "fuzz" | "corrupt" | "fragment" => changes.push(entry),
                "count" => template.count = self.number(&entry.value, "count", u64::MAX),
                "repeat" => template.repeat = self.number(&entry.value, "repeat", u64::MAX),
                "reply" => template.reply = self.filter(&entry.value, "reply").map(|(filter, _)| filter),
                "expect" => template.expect = read_expect::expect(self, &entry.value),
                "then" => then = Some(entry),
                // What a capture knows about a packet, and whatever else somebody keeps beside it.
                "time" if self.is_json => template.time = entry.value.text().and_then(nanoseconds),
                "link_type" if self.is_json => template.link_type = link_type(&entry.value),
                _ if self.is_json => {}
                _ => self.unknown_key(entry, "a packet", PACKET_KEYS),
            }
        }
        for entry in changes {
            match entry.key.as_ref() {
                "fuzz" => self.fuzz(&entry.value, &mut packet, &mut origin.layers),
                "corrupt" => template.corrupt = self.corrupt(&entry.value, &packet),
                _ => {
                    template.fragment = self.fragment(&entry.value);
                    self.prepare_fragments(&mut packet, &mut origin.layers, &entry.value.at);
                }
            }
        }
        if !has_layers {
            self.mistake(tree.at.clone(), Mistake::NoLayers);
        }
        template.set_packet(packet, std::mem::take(&mut self.slots), origin);
        if let Some(entry) = then {
            template.then_at = entry.key_at.clone();
            template.then = self.then(&entry.value);
        }
        template
    }

    /// Reads the packets that follow an answer: a list, or one.
    fn then(&mut self, tree: &Tree<'_>) -> Vec<Template> {
        let before = std::mem::replace(&mut self.scope, Scope::of_answer());
        let then = match &tree.shape {
            Shape::List(list) => list.iter().map(|tree| self.packet(tree)).collect(),
            _ => vec![self.packet(tree)],
        };
        self.scope = before;
        then
    }

    /// A filter for what comes back, and its text.
    pub(super) fn filter(&mut self, tree: &Tree<'_>, name: &str) -> Option<(FieldFilter, String)> {
        let Shape::Text(text) = &tree.shape else {
            self.wrong_kind(tree, name, "text, such as \"icmp.type == 11 or tcp\"");
            return None;
        };
        let filter = match self.in_scenario {
            true => FieldFilter::parse_among(&text.text, &self.scope.known()),
            false => FieldFilter::parse_answer(&text.text),
        };
        match filter {
            Ok(filter) => Some((filter, text.text.to_string())),
            Err(wrong) => {
                self.mistake(text.place(wrong.at, &tree.at), Mistake::Filter(wrong.mistake));
                None
            }
        }
    }

    /// Notes what is wrong at a place.
    pub(super) fn mistake(&mut self, at: At, mistake: Mistake) {
        if !self.is_full() {
            self.mistakes.push(Diagnostic { at, mistake });
        }
    }

    /// Notes that something of another kind is wanted.
    pub(super) fn wrong_kind(&mut self, tree: &Tree<'_>, name: &str, wanted: &str) {
        let (name, wanted) = (name.to_owned(), wanted.to_owned());
        let found = match tree.text() {
            Some(text) => format!("`{}`", shortened(text)),
            None => tree.words().to_owned(),
        };
        self.mistake(tree.at.clone(), Mistake::WrongKind { name, wanted, found, nearest: None });
    }

    /// Whether enough mistakes are known: further ones are not worth the search for the nearest name.
    pub(super) fn is_full(&self) -> bool {
        self.mistakes.len() >= MAX_MISTAKES
    }

    pub(super) fn unknown_key(
        &mut self,
        entry: &Entry<'_>,
        place: &'static str,
        known: &'static [&'static str],
    ) {
        if self.is_full() {
            return;
        }
        let name = shortened(&entry.key);
        let nearest = nearest(&entry.key, known.iter().copied()).map(str::to_owned);
        self.mistake(entry.key_at.clone(), Mistake::UnknownKey { place, name, nearest, known });
    }

    /// The text of a key.
    pub(super) fn text(&mut self, tree: &Tree<'_>, name: &str) -> Option<String> {
        let text = tree.text().map(str::to_owned);
        if text.is_none() {
            self.wrong_kind(tree, name, "text");
        }
        text
    }

    /// A slot for a generator.
    pub(super) fn slot(&mut self, slot: Slot) -> Node {
        self.slots.push(slot);
        Node::Slot(self.slots.len().saturating_sub(1))
    }
}

/// Nanoseconds since 1970 from seconds, as `--json` prints them: `1700000000.123456789`.
fn nanoseconds(text: &str) -> Option<i64> {
    let (seconds, decimals) = text.split_once('.')?;
    let is_before = seconds.starts_with('-');
    let is_decimals = decimals.len() == 9 && decimals.bytes().all(|digit| digit.is_ascii_digit());
    let decimals: i64 = decimals.parse().ok().filter(|_| is_decimals)?;
    let whole = seconds.parse::<i64>().ok()?.checked_mul(1_000_000_000)?;
    if is_before { whole.checked_sub(decimals) } else { whole.checked_add(decimals) }
}

fn link_type(tree: &Tree<'_>) -> Option<LinkType> {
    match tree.shape {
        Shape::Integer(number) => u32::try_from(number).ok().map(LinkType),
        _ => None,
    }
}

/// Whether it is something that happened, as `send --json` tells it: with the packet that was sent or came in `frame`, where there is
/// one.
fn is_event(entries: &[Entry<'_>]) -> bool {
    let has = |name: &str| entries.iter().any(|entry| entry.key == name);
    has("event") && !has("layers")
}

/// The generators of packets, and of those that follow them.
fn all_slots(contents: &mut Contents) -> Vec<&mut Slot> {
    let mut slots = Vec::new();
    let steps = contents.scenarios.iter_mut().flat_map(|scenario| &mut scenario.steps);
    let mut open: Vec<&mut Template> = contents.templates.iter_mut().collect();
    open.extend(steps.filter_map(|step| step.send.as_mut()));
    while let Some(template) = open.pop() {
        let (own, then) = template.slots_and_then_mut();
        slots.extend(own);
        open.extend(then);
    }
    slots
}

/// Whether a key stands beside packets, and not in one.
fn is_of_spec(entry: &Entry<'_>) -> bool {
    entry.key == SCHEMA || SPEC_KEYS.contains(&entry.key.as_ref())
}

/// The tree with what its variables stand for. What `--json` prints has none, and its texts may have dollars.
fn resolved<'t, 's>(tree: &'t Tree<'s>, top: &Top<'_, '_>, variables: &mut Variables) -> Cow<'t, Tree<'s>> {
    if (top.is_json && !variables.are_wanted) || !has_dollar(tree) {
        return Cow::Borrowed(tree);
    }
    Cow::Owned(variables.resolve(tree))
}

/// Where editors look for a JSON Schema.
const SCHEMA: &str = "$schema";
const SPEC_KEYS: &[&str] = &["packet", "scenario", "send", "vars", "defaults", "include"];
const PACKET_KEYS: &[&str] = &[
    "layers", "trailer", "name", "comment", "within", "reply", "expect", "count", "repeat", "fragment",
    "corrupt", "fuzz", "then",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_as_json_has_them() {
        assert_eq!(nanoseconds("1700000000.123456789"), Some(1_700_000_000_123_456_789));
        assert_eq!(nanoseconds("-1.500000000"), Some(-1_500_000_000));
        for text in ["", "1", "1.5", "x.123456789", "1.-23456789", "99999999999.000000000"] {
            assert_eq!(nanoseconds(text), None, "{text}");
        }
    }
}
