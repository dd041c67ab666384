//! What the registry knows of a protocol before anybody asks for more: its name, where it is found, and who describes it.

use super::describe::Protocol;
use super::edge::Edge;

/// A protocol in the registry's list.
#[derive(Debug, Clone, Copy)]
pub(super) struct Listed {
    /// Wireshark's name for it.
    pub(super) name: &'static str,
    /// Where it is found: each is a table of numbers, and its number there.
    pub(super) edges: &'static [Edge],
    /// Describes it.
    pub(super) describe: fn() -> Protocol,
}

impl Listed {
    pub(super) const fn new(name: &'static str, edges: &'static [Edge], describe: fn() -> Protocol) -> Self {
        Self { name, edges, describe }
    }
}
