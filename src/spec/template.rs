//! A packet whose fields may be generators, and the packets that it stands for.

use std::time::Duration;

use super::Crafted;
use super::Leaving;
use super::frames::{Corruption, Fragments, Order};
use super::generator::{Make, Numbers, Slot};
use super::packets::Round;
use super::random::Random;
use super::told::Untold;
use crate::diagnostic::At;
use crate::filter::field::{About, FieldFilter};
use crate::packet::build::{BuildError, build};
use crate::packet::identity::is_answerable;
use crate::packet::{Layer, Node, Packet, Part};
use crate::wire::frame::LinkType;
use crate::wire::value::Value;

/// A packet of a spec, with what is to become of it.
#[derive(Debug, Clone, Default)]
pub struct Template {
    /// Its name, to be told with it.
    pub name: Option<String>,
    /// A comment, to be saved with it.
    pub comment: Option<String>,
    /// How long its answer is awaited.
    pub within: Option<Duration>,
    /// Which answers count; left out, all that the protocols' own rules take.
    pub reply: Option<FieldFilter>,
    /// What is expected to come after it, or not to come.
    pub expect: Vec<Expected>,
    /// The packets that go when its answer comes, which tells their fields.
    pub then: Vec<Template>,
    /// Where that stands.
    pub(super) then_at: At,
    /// How many packets it stands for in a round, where that is not what its sweeps make.
    pub count: Option<u64>,
    /// How many times each of them goes out, one behind the other.
    pub repeat: Option<u64>,
    /// Into which fragments it is cut.
    pub(super) fragment: Option<Fragments>,
    /// How many of its bits are turned over.
    pub(super) corrupt: Option<Corruption>,
    /// When it was captured, where the spec is what `--json` prints: nanoseconds since 1970.
    pub time: Option<i64>,
    /// What it was captured on, where the spec is what `--json` prints.
    pub link_type: Option<LinkType>,
    /// The packet; a [`Node::Slot`] is the number of a slot.
    pub(super) packet: Packet,
    /// What fills the slots, in the order of the text.
    pub(super) slots: Vec<Slot>,
    origin: Origin,
}

/// Something that is expected after a packet was sent.
#[derive(Debug, Clone)]
pub struct Expected {
    /// Which packets it is about.
    pub filter: FieldFilter,
    /// The filter as it was written.
    pub text: String,
    /// Whether such a packet must come; else none may.
    pub is_wanted: bool,
    /// For how long; left out, as long as an answer is awaited.
    pub within: Option<Duration>,
}

/// Where a packet's parts stand in the source text.
#[derive(Debug, Clone, Default)]
pub(super) struct Origin {
    /// The packet.
    pub(super) at: At,
    /// Its layers.
    pub(super) layers: Vec<LayerOrigin>,
}

/// Where a layer's parts stand in the source text.
#[derive(Debug, Clone, Default)]
pub(super) struct LayerOrigin {
    /// Its name.
    pub(super) at: At,
    /// What was written into its fields, in the order of the layer's.
    pub(super) fields: Vec<At>,
    /// The layers of the packet that it quotes.
    pub(super) quoted: Vec<LayerOrigin>,
}

impl Template {
    pub(super) fn set_packet(&mut self, packet: Packet, slots: Vec<Slot>, origin: Origin) {
        (self.packet, self.slots, self.origin) = (packet, slots, origin);
    }

    /// Its generators, whose variables are to be counted, and the packets that follow it.
    pub(super) fn slots_and_then_mut(&mut self) -> (&mut [Slot], &mut [Template]) {
        (&mut self.slots, &mut self.then)
    }

    /// Itself, and all that follow it.
    pub fn with_following(&self) -> Vec<&Template> {
        let (mut all, mut next) = (vec![self], 0usize);
        while let Some(template) = all.get(next).copied() {
            all.extend(&template.then);
            next = next.saturating_add(1);
        }
        all
    }

    /// How many packets it stands for in a round of the spec's shared variables: its own count, or the product of its own
    /// sweeps, each as often as it is repeated; 2^64 − 1 when they are more.
    pub fn total(&self) -> u64 {
        let own = self.slots.iter().filter(|slot| slot.variable.is_none());
        let product = || own.fold(1, |product: u64, slot| product.saturating_mul(slot.count()));
        self.count.unwrap_or_else(product).saturating_mul(self.repeat.unwrap_or(1))
    }

    /// Whether what follows it goes when something answers that can be told, where something follows at all.
    pub(super) fn is_followed(&self, leaving: &[Leaving]) -> bool {
        let is_told = self.reply.is_some() || self.expect.iter().any(|expected| expected.is_wanted);
        let is_answerable = |leaving: &Leaving| {
            let built = leaving.whole.as_ref().unwrap_or(&leaving.built);
            !leaving.is_later && is_answerable(&built.octets, &built.table)
        };
        self.then.is_empty() || is_told || leaving.iter().any(is_answerable)
    }

    /// Where it stands in the source text.
    pub(super) fn place(&self) -> At {
        self.origin.at.clone()
    }

    /// Whether its packets depend on the seed.
    pub fn is_random(&self) -> bool {
        let own =
            |template: &Template| template.slots.iter().any(Slot::is_random) || template.draws_leaving();
        self.with_following().into_iter().any(own)
    }

    /// Whether something is drawn when it leaves.
    pub(super) fn draws_leaving(&self) -> bool {
        let shuffles = |fragments: &Fragments| fragments.order == Order::Random;
        self.corrupt.is_some() || self.fragment.as_ref().is_some_and(shuffles)
    }

    /// Its packets, each made when it is asked for, with draws from the seed, in the first round of the spec's shared
    /// variables.
    pub fn packets(&self, seed: u64) -> impl Iterator<Item = Packet> {
        let (round, mut random) = (Round::default(), Random::new(seed));
        (0..self.total()).map(move |index| self.packet(index, &round, &mut random))
    }

    /// The packet at place `index`, counted from 0: the last sweep of the text runs fastest, and behind the product of the
    /// sweeps they begin anew. Draws take the next numbers of `random`.
    pub(super) fn packet(&self, index: u64, round: &Round, random: &mut Random) -> Packet {
        self.fill(index, round, random, None).0
    }

    /// All its packets, with what other packets tell.
    ///
    /// # Errors
    /// The first value that they do not tell.
    pub fn told<'t>(
        &'t self,
        round: &Round,
        random: &mut Random,
        about: &About<'_>,
    ) -> Result<Vec<Crafted<'t>>, Untold> {
        let mut all = Vec::new();
        for index in 0..self.total().min(MOST_TOLD) {
            let (packet, untold) = self.fill(index, round, random, Some(about));
            if let Some(text) = untold {
                return Err(Untold { text });
            }
            let seed = if self.draws_leaving() { random.bits() } else { 0 };
            all.push(Crafted { template: self, packet, seed, round: round.clone() });
        }
        Ok(all)
    }

    /// The packet at a place, and a calculation that could not be done, where somebody tells what they take.
    fn fill(
        &self,
        index: u64,
        round: &Round,
        random: &mut Random,
        about: Option<&About<'_>>,
    ) -> (Packet, Option<String>) {
        let (mut packet, mut untold) = (self.packet.clone(), None);
        if !self.slots.is_empty() {
            let mut index = index.checked_div(self.repeat.unwrap_or(1)).unwrap_or(0);
            let mut places = vec![0; self.slots.len()];
            for (place, slot) in
                places.iter_mut().zip(&self.slots).rev().filter(|(_, slot)| slot.variable.is_none())
            {
                *place = index.checked_rem(slot.count()).unwrap_or(0);
                index = index.checked_div(slot.count()).unwrap_or(0);
            }
            let slots = &self.slots;
            let mut filler = Filler { slots, places: &places, round, random, about, untold: None };
            filler.layers(&mut packet.layers);
            untold = filler.untold;
        }
        (packet, untold)
    }

    /// The names of its layers, outermost first.
    pub fn protocols(&self) -> impl Iterator<Item = &'static str> {
        self.packet.layers.iter().map(|layer| layer.protocol.name)
    }

    /// The outermost layer, by which it is decided how the packet is sent; before slots are filled.
    pub fn outermost(&self) -> Option<&Layer> {
        self.packet.layers.first()
    }

    /// Where in the text the cause of a build error stands.
    pub(super) fn place_of(&self, error: &BuildError, packet: &Packet) -> At {
        let name = match error {
            BuildError::UnknownField { name, .. }
            | BuildError::NotInThisForm { name, .. }
            | BuildError::UnknownOption { name }
            | BuildError::Option { name }
            | BuildError::Item { name, .. }
            | BuildError::Mismatch { name, .. }
            | BuildError::OutOfRange { name, .. }
            | BuildError::NotComputed { name }
            | BuildError::BesideComputed { name, .. }
            | BuildError::OptionsTooLong { name, .. }
            | BuildError::TooLong { name, .. } => name,
            BuildError::TooManyLayers { .. } | BuildError::NoLayer => return self.origin.at.clone(),
        };
        let found = cause(&packet.layers, &self.origin.layers, name, error);
        found.unwrap_or_else(|| self.origin.at.clone())
    }
}

/// Packets that one packet of `then`, or of a step, may stand for: they are made at once.
const MOST_TOLD: u64 = 1 << 16;

/// Puts values into a packet's slots.
struct Filler<'s, 'a> {
    slots: &'s [Slot],
    /// For each slot the place in its sweep.
    places: &'s [u64],
    round: &'s Round,
    random: &'s mut Random,
    /// The packets that tell values.
    about: Option<&'s About<'a>>,
    /// A calculation that could not be done.
    untold: Option<String>,
}

impl Filler<'_, '_> {
    fn layers(&mut self, layers: &mut [Layer]) {
        for layer in layers {
            layer.fields.iter_mut().for_each(|(_, node)| self.node(node));
        }
    }

    fn value(&mut self, number: usize) -> Option<Value> {
        let (slot, place) = (self.slots.get(number)?, *self.places.get(number)?);
        if let (Numbers::Told(told), Some(about)) = (&slot.numbers, self.about) {
            let value = told.value(slot.make, about);
            if value.is_none() {
                self.untold = Some(told.calculation.text().to_owned());
            }
            return value;
        }
        let Some(variable) = slot.variable else { return Some(slot.value(place, self.random)) };
        let (place, seed) = self.round.values.get(variable).copied().unwrap_or_default();
        // The same seed draws the same for all that the variable is used for; random octets are each packet's own.
        match slot.make {
            Make::Random => Some(slot.value(place, self.random)),
            _ => Some(slot.value(place, &mut Random::new(seed))),
        }
    }

    /// The value as a part of a text.
    fn text(&mut self, number: usize) -> Option<Vec<u8>> {
        match (self.slots.get(number).map(|slot| &slot.numbers), self.about) {
            (Some(Numbers::Told(told)), Some(about)) => {
                let text = told.text(about);
                if text.is_none() {
                    self.untold = Some(told.calculation.text().to_owned());
                }
                text
            }
            _ => self.value(number).map(|value| value.to_string().into_bytes()),
        }
    }

    fn node(&mut self, node: &mut Node) {
        match node {
            Node::Slot(number) => {
                if let Some(value) = self.value(*number) {
                    *node = Node::Value(value);
                }
            }
            Node::Woven(parts) => {
                for part in parts {
                    if let Part::Slot(number) = part
                        && let Some(text) = self.text(*number)
                    {
                        *part = Part::Octets(text);
                    }
                }
            }
            Node::Value(_) | Node::Auto(_) => {}
            Node::Table(fields) => fields.iter_mut().for_each(|(_, node)| self.node(node)),
            Node::List(nodes) => nodes.iter_mut().for_each(|node| self.node(node)),
            Node::Layers(layers) => self.layers(layers),
        }
    }
}

/// Where the cause of an error stands: the errors name a layer and a field, and a packet may have several such layers,
/// of which the one that gives the same error by itself is meant.
fn cause(layers: &[Layer], origins: &[LayerOrigin], name: &str, error: &BuildError) -> Option<At> {
    let mut first = None;
    for (layer, origin) in layers.iter().zip(origins) {
        let quoted = layer.fields.iter().find_map(|(_, node)| match node {
            Node::Layers(quoted) => cause(quoted, &origin.quoted, name, error),
            _ => None,
        });
        if quoted.is_some() {
            return quoted;
        }
        let Some(path) = name.strip_prefix(layer.protocol.name).and_then(|path| path.strip_prefix('.'))
        else {
            continue;
        };
        let is_meant = |field: &str| {
            path.strip_prefix(field).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        let mut written = layer.fields.iter().zip(&origin.fields);
        let at = written.rfind(|((field, _), _)| is_meant(field)).map_or(&origin.at, |(_, at)| at).clone();
        let alone = Packet { layers: vec![layer.clone()], trailer: Vec::new() };
        if build(&alone).is_err_and(|alone| alone == *error) {
            return Some(at);
        }
        first = first.or(Some(at));
    }
    first
}
