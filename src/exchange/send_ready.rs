//! A packet that is ready to be sent.

use std::net::IpAddr;

use crate::exchange::engine::Nanos;
use crate::exchange::expect::Expectation;
use crate::filter::field::FieldFilter;
use crate::packet::build::Built;

/// A packet ready to go.
#[derive(Debug, Clone)]
pub struct Ready {
    /// Octets and layers.
    pub built: Built,
    /// The whole packet, where this is the fragment that has its beginning: answers are to the whole.
    pub whole: Option<Built>,
    /// Whether it is a fragment without that beginning, which nothing answers.
    pub is_later: bool,
    /// Where it goes, unless its link-layer header says so.
    pub destination: Option<IpAddr>,
    /// The index of the interface that it leaves by; 0 for whichever leads there.
    pub interface: u32,
    /// Which answers count; left out, all that the protocols' own rules take.
    pub reply: Option<FieldFilter>,
    /// What is saved with it.
    pub comment: Option<String>,
    /// What is expected to come, or not to come.
    pub expect: Vec<Expectation>,
    /// How long to wait for its answer.
    pub within: Nanos,
    /// How much later than its turn it goes.
    pub delay: Nanos,
    /// Whether its answer is awaited, where answers are.
    pub awaits: bool,
    /// How whoever makes packets knows it when the answer comes that others follow ([`Event::Followed`](crate::exchange::send::Event::Followed)).
    pub then: Option<usize>,
}

impl Ready {
    /// A packet whose answer is awaited for so long, by its protocols' own rules.
    pub fn of(built: Built, within: Nanos) -> Self {
        Self {
            built,
            whole: None,
            is_later: false,
            destination: None,
            interface: 0,
            reply: None,
            comment: None,
            expect: Vec::new(),
            within,
            delay: 0,
            awaits: true,
            then: None,
        }
    }
}
