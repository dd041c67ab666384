//! What leaves for a packet: itself, or its fragments in some order, with bits that are turned over.

use super::mistake::Mistake;
use super::packets::Round;
use super::random::Random;
use super::template::Template;
use super::{Diagnostic, Spec, SpecError};
use crate::diagnostic::At;
use crate::packet::Packet;
use crate::packet::build::Built;
use crate::packet::dissect::dissect_as;
use crate::packet::fragment::{Fragmentation, fragment};
use crate::packet::unbuild::{next_of_chain, unbuild_shortest};
use crate::proto::registry;
use crate::wire::layers::LayerTable;

/// How a packet is cut, and in which order its fragments go.
#[derive(Debug, Clone)]
pub(super) struct Fragments {
    pub(super) how: Fragmentation,
    pub(super) order: Order,
    /// Where that stands.
    pub(super) at: At,
}

/// In which order fragments go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Order {
    /// By their offsets.
    #[default]
    Forward,
    /// The last one first.
    Reverse,
    /// Any, drawn for each packet.
    Random,
}

/// Bits that are turned over in what leaves.
#[derive(Debug, Clone)]
pub(super) struct Corruption {
    pub(super) bits: u64,
    /// In this layer and what it carries; left out, anywhere.
    pub(super) layer: Option<&'static str>,
}

/// A packet of a spec, as its generators made it.
#[derive(Debug, Clone)]
pub struct Crafted<'s> {
    /// The template that it comes from.
    pub template: &'s Template,
    /// The packet.
    pub packet: Packet,
    /// Of what is drawn when it leaves.
    pub(super) seed: u64,
    /// What the variables that hold generators are, for it and for what follows it.
    pub(super) round: Round,
}

/// What leaves for a packet.
#[derive(Debug, Clone)]
pub struct Leaving {
    /// Its layers.
    pub packet: Packet,
    /// Its octets.
    pub built: Built,
    /// The whole packet, in the fragment that has its beginning.
    pub whole: Option<Built>,
    /// Whether it is a fragment without the beginning of its packet.
    pub is_later: bool,
}

impl Crafted<'_> {
    /// What the variables are that hold generators.
    pub fn round(&self) -> &Round {
        &self.round
    }
}

impl Spec {
    /// Builds what leaves for a packet of this spec, in the order in which it leaves.
    ///
    /// # Errors
    /// Where in the spec the cause stands.
    pub fn leaving(&self, crafted: Crafted<'_>) -> Result<Vec<Leaving>, SpecError> {
        let Crafted { template, mut packet, seed, .. } = crafted;
        let built = self.build(template, &mut packet)?;
        let mut random = Random::new(seed);
        let mut leaving = match &template.fragment {
            None => vec![Leaving { packet, built, whole: None, is_later: false }],
            Some(fragments) => self.fragments(&packet, &built, fragments, &mut random)?,
        };
        if let Some(corruption) = &template.corrupt {
            leaving.iter_mut().for_each(|leaving| corruption.turn(leaving, &mut random));
        }
        Ok(leaving)
    }

    fn fragments(
        &self,
        packet: &Packet,
        built: &Built,
        fragments: &Fragments,
        random: &mut Random,
    ) -> Result<Vec<Leaving>, SpecError> {
        let made = fragment(packet, built, fragments.how).map_err(|error| {
            let diagnostics =
                vec![Diagnostic { at: fragments.at.clone(), mistake: Mistake::Fragment(error) }];
            SpecError { source: self.source.clone(), diagnostics }
        })?;
        let is_cut = made.len() > 1;
        let mut leaving: Vec<Leaving> = made
            .into_iter()
            .enumerate()
            .map(|(place, (packet, piece))| Leaving {
                packet,
                built: piece,
                whole: Some(built.clone()).filter(|_| is_cut && place == 0),
                is_later: place > 0,
            })
            .collect();
        match fragments.order {
            Order::Forward => {}
            Order::Reverse => leaving.reverse(),
            Order::Random => shuffle(&mut leaving, random),
        }
        Ok(leaving)
    }
}

/// Any order is as likely as any other (Fisher and Yates).
fn shuffle<T>(list: &mut [T], random: &mut Random) {
    for last in (1..list.len()).rev() {
        let other = usize::try_from(random.up_to(u128::try_from(last).unwrap_or(0))).unwrap_or(0);
        list.swap(last, other);
    }
}

impl Corruption {
    /// Turns so many bits over, each another one; fewer, where there are not so many.
    fn turn(&self, leaving: &mut Leaving, random: &mut Random) {
        let built = &mut leaving.built;
        let octets = match self.layer {
            None => 0..built.octets.len(),
            Some(name) => place_of(&built.table, name),
        };
        let Some(area) = built.octets.get_mut(octets) else { return };
        let all = u64::try_from(area.len()).unwrap_or(u64::MAX).saturating_mul(8);
        let mut turned: Vec<u64> = Vec::new();
        while u64::try_from(turned.len()).unwrap_or(u64::MAX) < self.bits.min(all) {
            let bit = u64::try_from(random.up_to(u128::from(all.saturating_sub(1)))).unwrap_or(0);
            let octet = usize::try_from(bit / 8).ok().and_then(|at| area.get_mut(at));
            if let (Err(place), Some(octet)) = (turned.binary_search(&bit), octet) {
                turned.insert(place, bit);
                *octet ^= 0x80 >> (bit % 8);
            }
        }
        // What is told about it is what leaves.
        let first = built.table.entries().first().map(|entry| registry().get(entry.protocol));
        let mut table = LayerTable::default();
        dissect_as(&built.octets, first.unwrap_or(registry().data()), &mut table);
        leaving.packet = unbuild_shortest(&built.octets, &table);
    }
}

/// The octets of the first layer of this name, with what it carries.
fn place_of(table: &LayerTable, name: &str) -> std::ops::Range<usize> {
    let chain = std::iter::successors(Some(0), |index| next_of_chain(table, *index));
    let mut entries = chain.filter_map(|index| table.entries().get(index));
    let found = entries.find(|entry| registry().get(entry.protocol).name == name);
    found.map_or(0..0, |entry| entry.start as usize..entry.end as usize)
}
