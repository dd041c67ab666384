//! What is left to do of a header that has been written: fields to compute, and a packet to quote.

use crate::proto::describe::{Counted, Field};

use super::Layer;
use super::contradictions::Contradiction;

/// A field that nobody wrote, to be computed once the whole packet stands.
#[derive(Debug, Clone)]
pub(super) struct Pending {
    /// The field.
    pub(super) field: &'static Field,
    /// First octet of its section in the packet.
    pub(super) section: usize,
    /// The structure that holds it: octets of the packet.
    pub(super) within: (usize, usize),
    /// Octets behind it that only fill it up, and are counted by nothing.
    pub(super) padding: usize,
    /// What somebody wants added to it.
    pub(super) by: i64,
}

impl Pending {
    /// Moves it by `by` octets, where it stands behind `at`: a quoted packet has been put in there.
    pub(super) fn move_behind(&mut self, at: usize, by: usize) {
        if self.section >= at {
            self.section = self.section.saturating_add(by);
        }
        if self.within.0 >= at {
            self.within = (self.within.0.saturating_add(by), self.within.1.saturating_add(by));
        }
    }
}

/// Where a quoted packet is to stand, for the builder to fill.
pub(super) struct Quote<'a> {
    pub(super) layers: &'a [Layer],
    pub(super) at: usize,
    pub(super) counted: Option<Counted>,
}

/// What encoding a header yields besides its octets.
#[derive(Default)]
pub(super) struct Encoded<'a> {
    pub(super) pending: Vec<Pending>,
    pub(super) quote: Option<Quote<'a>>,
    /// Counts and lengths that somebody wrote, and that are not those of the lists.
    pub(super) miscounted: Vec<Contradiction>,
}
