//! Checking what was received: checksums, lengths, options. Bad octets are findings, never errors.

use std::fmt;
use std::ops::Range;

use crate::proto::auto::Scope;
use crate::proto::describe::{Auto, Covers, Extent, Field, Fragmented, Stated};
use crate::proto::registry;
use crate::wire::layers::{LayerState, LayerTable, MAX_LAYERS};
use crate::wire::value::ValueRef;

use super::walk::{Event, UNKNOWN, walk_layer};

/// A packet with its layers, and its length on the wire.
#[derive(Debug, Clone, Copy)]
pub struct Dissected<'a> {
    /// The captured octets.
    pub octets: &'a [u8],
    /// The layers.
    pub table: &'a LayerTable,
    /// Octets on the wire: more than were captured where the snapshot length cut the packet.
    pub wire_len: usize,
}

/// What a checksum turned out to be, in Wireshark's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChecksumStatus {
    /// It is right.
    Good,
    /// It is wrong.
    Bad {
        /// What it should be.
        computed: u64,
    },
    /// A host left it to its network card, and captured the packet before: it is the sum of the pseudo header alone.
    Partial,
    /// It cannot be told: not all that it covers was captured, or the packet is a fragment or quoted.
    Unverified,
    /// There is none.
    NotPresent,
    /// There is none where there must be one.
    Illegal,
}

impl ChecksumStatus {
    /// The verdict in a word or two: `good`, `bad`, `partial`, `unverified`, `not present`, `illegal`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Bad { .. } => "bad",
            Self::Partial => "partial",
            Self::Unverified => "unverified",
            Self::NotPresent => "not present",
            Self::Illegal => "illegal",
        }
    }

    /// Wireshark's number for the verdict; it has none of its own for a partial checksum, which is not verified.
    pub fn number(self) -> u8 {
        match self {
            Self::Bad { .. } => 0,
            Self::Good => 1,
            Self::Unverified | Self::Partial => 2,
            Self::NotPresent => 3,
            Self::Illegal => 4,
        }
    }
}

/// Something about a layer that is not as it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Finding {
    /// The layer, as an index into the table.
    pub layer: usize,
    /// The field, without the layer's prefix; empty for the layer as a whole.
    pub field: &'static str,
    /// What it is.
    pub problem: Problem,
}

/// What is not as it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Problem {
    /// The capture ends inside the header.
    CutBySnapLen,
    /// The packet ends inside the header.
    CutByPacket,
    /// A length in the header is too small for the header itself.
    HeaderLength,
    /// The length field says less than the header takes.
    LengthTooSmall,
    /// The length field says more octets than the packet has.
    LengthTooLarge {
        /// What it says.
        stated: u64,
        /// What there is.
        there: u64,
    },
    /// The checksum is wrong.
    Checksum {
        /// What it is.
        stored: u64,
        /// What it should be.
        computed: u64,
    },
    /// There is no checksum where there must be one.
    NoChecksum,
    /// A count or length differs from what the packet has.
    Differs {
        /// What it is.
        stored: u64,
        /// What it should be.
        computed: u64,
    },
    /// The value does not go with the packet: another version than the protocol's.
    Unfit {
        /// What it must be.
        wanted: u64,
    },
    /// An option has a length that cannot be.
    OptionLength {
        /// Its type.
        code: u64,
    },
    /// The packet has more layers than are looked at: these octets are all the others.
    TooManyLayers,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CutBySnapLen => write!(f, "cut short by the snapshot length"),
            Self::CutByPacket => write!(f, "the packet ends inside the header"),
            Self::HeaderLength => write!(f, "header length is too small for the header"),
            Self::LengthTooSmall => write!(f, "length is too small for the header"),
            Self::LengthTooLarge { stated, there } => {
                write!(f, "says {stated} octets, the packet has {there}")
            }
            Self::Checksum { stored, computed } => {
                write!(f, "0x{stored:04x} is wrong, should be 0x{computed:04x}")
            }
            Self::NoChecksum => write!(f, "zero says that there is none, which is not allowed here"),
            Self::Differs { stored, computed } => write!(f, "says {stored}, should be {computed}"),
            Self::Unfit { wanted } => write!(f, "must be {wanted}"),
            Self::OptionLength { code } => write!(f, "option {code} has an impossible length"),
            Self::TooManyLayers => write!(f, "more than {MAX_LAYERS} layers, the others are not looked at"),
        }
    }
}

impl Dissected<'_> {
    /// Tells every finding of the packet, outermost layer first.
    pub fn findings(&self, tell: &mut dyn FnMut(Finding)) {
        for (layer, entry) in self.table.entries().iter().enumerate() {
            self.layer_findings(layer, tell);
            let protocol = registry().get(entry.protocol);
            walk_layer(self.octets, entry, protocol, &mut |event| {
                if let Some((field, problem)) = self.problem(layer, &event) {
                    tell(Finding { layer, field, problem });
                }
            });
        }
    }

    /// What a checksum field that holds `value` is.
    pub fn checksum_status(
        &self,
        layer: usize,
        field: &Field,
        value: u64,
        at: &Range<usize>,
        within: &Range<usize>,
    ) -> ChecksumStatus {
        let Some(Auto::Checksum(compute, covers)) = field.auto else { return ChecksumStatus::Unverified };
        if field.absent_when_zero && value == 0 {
            let quoted = self.table.entries().get(layer).is_some_and(|entry| entry.quoted_by.is_some());
            let is_wanted = field.wanted_when.is_some_and(|holds| holds(&self.scope(layer, at, within)));
            return if is_wanted && !quoted { ChecksumStatus::Illegal } else { ChecksumStatus::NotPresent };
        }
        if !self.is_verifiable(layer, covers) {
            return ChecksumStatus::Unverified;
        }
        let scope = self.scope(layer, at, within);
        match compute(&scope) {
            None => ChecksumStatus::Unverified,
            Some(computed) if computed == value || is_other_zero(computed, value) => ChecksumStatus::Good,
            Some(_) if field.partial.is_some_and(|sum| sum(&scope) == Some(value)) => ChecksumStatus::Partial,
            Some(computed) => ChecksumStatus::Bad { computed },
        }
    }

    fn scope(&self, layer: usize, at: &Range<usize>, within: &Range<usize>) -> Scope<'_> {
        let field = at.start.saturating_sub(within.start);
        Scope {
            start: within.start,
            end: within.end,
            field,
            ..Scope::of_layer(self.octets, self.table, layer)
        }
    }

    /// Tells the findings about a layer's lengths.
    pub fn layer_findings(&self, layer: usize, tell: &mut dyn FnMut(Finding)) {
        if self.table.is_sound() {
            return;
        }
        let Some(entry) = self.table.entries().get(layer) else { return };
        let quoted = entry.quoted_by.is_some();
        let by_capture = self.wire_len > self.octets.len() && entry.end as usize == self.octets.len();
        let problem = match entry.state {
            LayerState::Cut if quoted => None,
            LayerState::Cut if by_capture => Some(Problem::CutBySnapLen),
            LayerState::Cut => Some(Problem::CutByPacket),
            LayerState::Malformed => Some(Problem::HeaderLength),
            _ if self.table.ends_early() && layer.saturating_add(1) == self.table.entries().len() => {
                Some(Problem::TooManyLayers)
            }
            LayerState::Whole => match self.stated(layer) {
                Some(Stated::Lies) => Some(Problem::LengthTooSmall),
                Some(Stated::Octets(stated)) if !quoted && !by_capture => {
                    let there = u64::from(entry.end.saturating_sub(entry.start));
                    let is_too_large = stated > there && !self.is_fragment(layer);
                    is_too_large.then_some(Problem::LengthTooLarge { stated, there })
                }
                _ => None,
            },
        };
        if let Some(problem) = problem {
            tell(Finding { layer, field: "", problem });
        }
    }

    /// What a field or an option has wrong: the field's name, and the problem.
    pub fn problem(&self, layer: usize, event: &Event<'_>) -> Option<(&'static str, Problem)> {
        match event {
            Event::Field { field, value: ValueRef::Uint(stored), octets, within } => {
                let Some(auto) = field.auto else {
                    let wanted = field.wanted?(&self.scope(layer, octets, within))?;
                    return (wanted != *stored).then_some((field.name, Problem::Unfit { wanted }));
                };
                let problem = match auto {
                    Auto::Checksum(..) => match self.checksum_status(layer, field, *stored, octets, within) {
                        ChecksumStatus::Bad { computed } => Problem::Checksum { stored: *stored, computed },
                        ChecksumStatus::Illegal => Problem::NoChecksum,
                        _ => return None,
                    },
                    Auto::Structure(compute) => {
                        let entry = self.table.entries().get(layer)?;
                        let by_capture = self.wire_len > self.octets.len();
                        let is_cut = (entry.state == LayerState::Cut || by_capture)
                            && within.end == entry.header_end as usize;
                        let in_item = within.start != entry.start as usize && !is_cut;
                        if !in_item {
                            return None;
                        }
                        let computed = compute(&self.scope(layer, octets, within))?;
                        (computed != *stored).then_some(Problem::Differs { stored: *stored, computed })?
                    }
                };
                Some((field.name, problem))
            }
            Event::Loose { name: super::walk::LENGTH, octets, .. } => {
                let entry =
                    self.table.entries().get(layer).filter(|entry| entry.state == LayerState::Whole)?;
                let code = self.octets.get(octets.start.checked_sub(1)?).copied()?;
                entry
                    .quoted_by
                    .is_none()
                    .then_some((UNKNOWN, Problem::OptionLength { code: u64::from(code) }))
            }
            _ => None,
        }
    }

    fn stated(&self, layer: usize) -> Option<Stated> {
        let entry = self.table.entries().get(layer)?;
        let header = self.octets.get(entry.start as usize..entry.header_end as usize)?;
        match registry().get(entry.protocol).extent {
            Extent::Stated(read) => Some(read(header)),
            _ => None,
        }
    }

    /// Whether all that a checksum covers is there.
    fn is_verifiable(&self, layer: usize, covers: Covers) -> bool {
        let Some(entry) = self.table.entries().get(layer) else { return false };
        match covers {
            Covers::Header => entry.state == LayerState::Whole,
            Covers::Layer => self.is_whole(layer) && !self.is_fragment(layer),
            Covers::Message => entry.quoted_by.is_none() && self.is_whole(layer) && !self.is_fragment(layer),
        }
    }

    /// Whether a layer was captured, or quoted, up to its end.
    fn is_whole(&self, layer: usize) -> bool {
        let Some(entry) = self.table.entries().get(layer) else { return false };
        let snapped = self.wire_len > self.octets.len();
        if !snapped && entry.quoted_by.is_none() && self.table.is_sound() {
            return true;
        }
        let cut = snapped && entry.end as usize == self.octets.len();
        let mut exact = false;
        for index in std::iter::once(layer).chain(self.table.below(layer).map(|(index, _)| index)) {
            let Some(carrier) = self.table.entries().get(index) else { continue };
            if let Some(Stated::Octets(stated)) = self.stated(index) {
                let there = u64::from(carrier.end.saturating_sub(carrier.start));
                if stated > there {
                    // Where what carries it says more than was ever on the wire, what came is all that there is, and the
                    // checksum will tell. A layer that says so itself does not know what the checksum covers.
                    return index != layer && !snapped && entry.quoted_by.is_none();
                }
                if index == layer {
                    return true;
                }
                exact |= carrier.end == entry.end;
            }
        }
        // A quotation is cut wherever nothing in it says that it is not.
        exact || (!cut && entry.quoted_by.is_none())
    }

    fn is_fragment(&self, layer: usize) -> bool {
        for (index, entry) in self.table.below(layer) {
            let header = self.octets.get(entry.start as usize..entry.header_end as usize).unwrap_or_default();
            if (registry().get(entry.protocol).fragmented)(header) != Fragmented::No {
                return true;
            }
            // A packet that is whole inside the first fragment of another one is no fragment.
            let there = u64::from(entry.end.saturating_sub(entry.start));
            if matches!(self.stated(index), Some(Stated::Octets(stated)) if stated <= there) {
                return false;
            }
        }
        false
    }
}

/// Zero and all ones are the same number in ones' complement (RFC 1071), and both are met in checksums.
fn is_other_zero(computed: u64, value: u64) -> bool {
    matches!((computed, value), (0, 0xffff) | (0xffff, 0))
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, reason = "this is test code")]
mod tests {
    use super::*;
    use crate::packet::dissect::dissect;
    use crate::packet::expert::{Group, Severity};
    use crate::wire::frame::LinkType;

    /// So many IPv4 headers, each of which carries the next; the last one carries an octet of no protocol.
    fn tunnels(count: u8) -> Vec<u8> {
        let mut octets = vec![0];
        for number in 0..count {
            let protocol = if number == 0 { 253 } else { 4 };
            let len = u16::try_from(octets.len() + 20).unwrap().to_be_bytes();
            let mut header =
                vec![0x45, 0, len[0], len[1], 0, 0, 0, 0, 64, protocol, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
            let checksum = crate::wire::checksum::InternetChecksum::default().add_octets(&header).finish();
            header[10..12].copy_from_slice(&checksum.to_be_bytes());
            header.append(&mut octets);
            octets = header;
        }
        octets
    }

    fn findings(octets: &[u8]) -> Vec<Finding> {
        let mut table = LayerTable::default();
        dissect(octets, LinkType::RAW, &mut table);
        let mut findings = Vec::new();
        let dissected = Dissected { octets, table: &table, wire_len: octets.len() };
        dissected.findings(&mut |finding| findings.push(finding));
        findings
    }

    #[test]
    fn more_layers_than_are_looked_at_are_told() {
        assert_eq!(findings(&tunnels(31)), [], "31 headers and what the last one carries are all");
        for count in [32, 33, 200] {
            let wanted = Finding { layer: 31, field: "", problem: Problem::TooManyLayers };
            assert_eq!(findings(&tunnels(count)), [wanted], "{count}");
        }
        let words = "more than 32 layers, the others are not looked at";
        assert_eq!(Problem::TooManyLayers.to_string(), words);
        assert_eq!(Problem::TooManyLayers.gravity(), (Severity::Warning, Group::Undecoded));
    }

    #[test]
    fn a_table_that_is_used_again_forgets_it() {
        let mut table = LayerTable::default();
        dissect(&tunnels(40), LinkType::RAW, &mut table);
        assert!(table.ends_early());
        dissect(&tunnels(1), LinkType::RAW, &mut table);
        assert!(!table.ends_early());
    }
}
