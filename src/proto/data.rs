//! Octets that no protocol takes, and payloads that a spec gives.

use super::describe::{Len, Protocol, Section};
use super::filter_names::Compute;
use super::listed::Listed;

/// The layer's name.
pub const NAME: &str = "data";
/// Its one field.
pub const HEX: &str = "hex";

pub(super) const DATA: Listed = Listed::new(NAME, &[], describe);

fn describe() -> Protocol {
    Protocol::new("Data", "", sections)
        .message()
        .alias("data.data", &[HEX])
        .derived("data.len", Compute::Number(|view| u64::try_from(view.header().len()).ok()))
        .tag("data,")
        .summary(|view, out| {
            out.put("length ").put(view.layer_len());
            Ok(())
        })
}

fn sections() -> Vec<Section> {
    vec![Section::octets(HEX, "Octets", Len::Rest)]
}
