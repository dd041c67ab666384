//! Whether the body of an option is what its description says: else it is kept as octets.

use super::measure::measure;
use crate::proto::describe::{Before, Body, Len, Record};
use crate::wire::layers::LayerState;

/// Whether a body is just what the option's description would build: else the option is kept as unknown, so that no
/// octet is lost.
pub(super) fn fits(record: &Record, body: &[u8]) -> bool {
    let measured = measure(&record.sections, body);
    let zeros = |octets: &[u8]| octets.iter().all(|octet| *octet == 0);
    let holds_zeros = record.sections.iter().all(|section| match &section.body {
        Body::Zeros { .. } => zeros(body),
        _ => true,
    });
    measured.state == LayerState::Whole
        && measured.len == body.len()
        && holds_zeros
        && whole_items(record, body)
}

/// Whether the items of an option fill its body without a rest.
fn whole_items(record: &Record, body: &[u8]) -> bool {
    let mut at = 0usize;
    for section in &record.sections {
        let (header, left) = body.split_at_checked(at).unwrap_or((body, &[]));
        if section
            .when
            .is_some_and(|holds| !holds(&Before { header, left, builds: false, wrote: &|_| false }))
        {
            continue;
        }
        match &section.body {
            Body::Items(items) if matches!(items.len, Len::Rest) => {
                let item: usize = items.item.iter().map(|section| fixed_len(&section.body)).sum();
                return item == 0 || left.len().is_multiple_of(item);
            }
            other => at = at.saturating_add(fixed_len(other)),
        }
    }
    true
}

fn fixed_len(body: &Body) -> usize {
    if let Body::Fields { len, .. } = body { *len } else { 0 }
}
