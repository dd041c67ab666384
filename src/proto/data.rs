//! Octets that no protocol takes, and payloads that a spec gives.

use super::describe::{Len, Protocol, Section};

/// The layer's name.
pub const NAME: &str = "data";
/// Its one field.
pub const HEX: &str = "hex";

pub(super) fn describe() -> Protocol {
    Protocol::new(NAME, "Data", "", vec![Section::octets(HEX, "Octets", Len::Rest)])
        .tag("data,")
        .summary(|view, out| write!(out, "length {}", view.layer_len()))
}
