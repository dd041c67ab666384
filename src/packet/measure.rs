//! How long a header is: the part of dissecting that runs for every packet.

use crate::proto::describe::{Before, Body, Field, Form, Items, Kind, Len, Quoted, Section, Sections};
use crate::wire::domain_name::{name_len, string_len};
use crate::wire::layers::LayerState;

/// What measuring a header found.
#[derive(Debug, Clone, Copy)]
pub(super) struct Measured<'a> {
    /// Octets of the header that are there.
    pub(super) len: usize,
    /// Of these, octets at the end that only fill up.
    pub(super) padding: usize,
    /// Whether that is all of it.
    pub(super) state: LayerState,
    /// The quoted packet in it: its description and octets from..to of the header.
    pub(super) quoted: Option<(&'a Quoted, usize, usize)>,
}

/// The header with which `octets` begins, where it takes no look at each section to know that it is whole: that of most layers.
#[inline]
pub(super) fn whole_header<'o>(sections: &Sections, octets: &'o [u8]) -> Option<&'o [u8]> {
    match sections.form() {
        Form::Fixed(len) => octets.get(..len),
        Form::Stated(len, more) => octets.get(..len.checked_add(more(octets.get(..len)?)?)?),
        Form::Rest => Some(octets),
        Form::Other => None,
    }
}

/// Measures the header that `octets` begins with; it never reaches past them.
pub(super) fn measure<'a>(sections: &'a [Section], octets: &[u8]) -> Measured<'a> {
    let mut measured = Measured { len: 0, padding: 0, state: LayerState::Whole, quoted: None };
    for section in sections {
        let header = octets.get(..measured.len).unwrap_or_default();
        let left = octets.get(measured.len..).unwrap_or_default();
        let room = left.len();
        if section
            .when
            .is_some_and(|holds| !holds(&Before { header, left, builds: false, wrote: &|_| false }))
        {
            continue;
        }
        let wanted = match &section.body {
            Body::Fields { len, .. } => Some(*len),
            Body::Octets { len, .. } => {
                let len_or_less = wanted(*len, header, left);
                if matches!(len, Len::PadTo(_)) {
                    measured.padding = len_or_less.unwrap_or(0);
                }
                len_or_less
            }
            Body::Zeros { .. } => Some(room),
            Body::Text { field, len: None } => text_len(field, left),
            Body::Text { len: Some(len), .. } => wanted(*len, header, left),
            Body::Items(items) => items_len(items, header, left),
            Body::Records(records) => wanted(records.len, header, left),
            Body::Quoted(quoted) => {
                let len = wanted(quoted.len, header, left);
                let end = measured.len.saturating_add(len.unwrap_or(0).min(room));
                measured.quoted = Some((quoted, measured.len, end));
                len
            }
        };
        match wanted {
            None => {
                measured.state = LayerState::Malformed;
                return measured;
            }
            Some(len) if len > room => {
                measured.len = octets.len();
                measured.state = LayerState::Cut;
                return measured;
            }
            Some(len) => measured.len = measured.len.saturating_add(len),
        }
    }
    measured
}

/// How many octets a part wants, which may be more than there are; `None` when its length contradicts itself.
pub(super) fn wanted(len: Len, header: &[u8], left: &[u8]) -> Option<usize> {
    let room = left.len();
    match len {
        Len::Rest | Len::Count(_) => Some(room),
        Len::Octets(read) => read(header),
        Len::Look(look) | Len::Usual(_, look) => Some(look(left).min(room)),
        Len::PadTo(unit) => Some(padding_of(header.len(), unit).min(room)),
    }
}

/// How many octets are missing from `len` to a multiple of `unit`.
pub(super) fn padding_of(len: usize, unit: usize) -> usize {
    len.checked_next_multiple_of(unit).unwrap_or(len).saturating_sub(len)
}

/// How many octets the name or string wants with which `octets` begin; `None` when it is none.
pub(super) fn text_len(field: &Field, octets: &[u8]) -> Option<usize> {
    if field.kind == Kind::Name { name_len(octets) } else { Some(string_len(octets)) }
}

/// How many octets repeated items want, where `left` is what stands from their first octet on.
pub(super) fn items_len(items: &Items, header: &[u8], left: &[u8]) -> Option<usize> {
    let Len::Count(count) = items.len else { return wanted(items.len, header, left) };
    let mut at = 0usize;
    for _ in 0..count(header) {
        let item = measure(&items.item, left.get(at..).unwrap_or_default());
        at = at.saturating_add(item.len);
        if item.state != LayerState::Whole || item.len == 0 {
            // A cut item: more is wanted than is there.
            return Some(left.len().saturating_add(1));
        }
    }
    Some(at)
}
