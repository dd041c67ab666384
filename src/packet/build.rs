//! Building: octets and layer table from a [`Packet`].
//!
//! What somebody wrote goes out as written, even when it is wrong; what was left out is computed, or has its default.

use crate::proto::auto::Scope;
use crate::proto::describe::{Auto, Body, Style};
use crate::wire::frame::LinkType;
use crate::wire::layers::{LayerEntry, LayerState, LayerTable, MAX_LAYERS};

use super::contradictions::Contradiction;
use super::encode::{counted, encode};
use super::pending::{Pending, Quote};
use super::{Layer, Node, Packet, find, link_type_of};

/// A built packet.
#[derive(Debug, Clone)]
pub struct Built {
    /// Its octets.
    pub octets: Vec<u8>,
    /// Its layers.
    pub table: LayerTable,
    /// The link type that its outermost layer belongs to; Ethernet, where that has none.
    pub link_type: LinkType,
    /// Counts and lengths of lists that somebody wrote otherwise than the lists are: the octets alone do not tell.
    pub miscounted: Vec<Contradiction>,
}

/// Why a packet cannot be built. The names are full: `ip.options.mss`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// A field that the layer does not have.
    #[error("{name}: {layer} has no such field; `rawsock fields {layer}` lists them")]
    UnknownField {
        /// The field.
        name: String,
        /// The layer.
        layer: &'static str,
    },
    /// A field that the layer has in another form only.
    #[error(
        "{name}: not part of this form of {layer}, as its other fields say; `rawsock fields {layer}` shows the forms"
    )]
    NotInThisForm {
        /// The field.
        name: String,
        /// The layer.
        layer: &'static str,
    },
    /// An option that the layer does not know.
    #[error("{name}: no such option; write it as `unknown` with its type and data")]
    UnknownOption {
        /// The option.
        name: String,
    },
    /// An entry of `options` that is not one option.
    #[error("{name}: each option is a name, or a table with just one name")]
    Option {
        /// The list.
        name: String,
    },
    /// An item that is not written as its list wants.
    #[error("{name}: each item is {}", style_words(*style))]
    Item {
        /// The list.
        name: String,
        /// How items are written.
        style: Style,
    },
    /// A value of another kind than the field's.
    #[error("{name}: takes {wanted}")]
    Mismatch {
        /// The field.
        name: String,
        /// What it takes.
        wanted: &'static str,
    },
    /// A number that the field has no room for.
    #[error("{name}: {value} does not fit; it takes 0 to {max}{}", unit_words(*unit))]
    OutOfRange {
        /// The field.
        name: String,
        /// What was written.
        value: u64,
        /// The largest that fits.
        max: u64,
        /// It takes multiples of this only.
        unit: u64,
    },
    /// A computed number that the field has no room for.
    #[error(
        "{name}: would be {value}, and its field holds at most {max}; make the packet smaller, or write {name} yourself"
    )]
    TooLong {
        /// The field.
        name: String,
        /// What was computed.
        value: u64,
        /// The largest that fits.
        max: u64,
    },
    /// Options for which the header has no room.
    #[error(
        "{name}: take {len} octets, and the header has room for {max}; leave some out, or write {field} yourself"
    )]
    OptionsTooLong {
        /// The options.
        name: String,
        /// Octets that they take, with their padding.
        len: u64,
        /// Octets that the header has room for.
        max: u64,
        /// The field that says how long the header is.
        field: String,
    },
    /// More or less than what is computed, for a field that is not.
    #[error("{name}: is not computed, so that nothing can be added to it; write its value")]
    NotComputed {
        /// The field.
        name: String,
    },
    /// A computed number with what somebody added to it, for which the field has no room.
    #[error("{name}: computed is {computed}, and {computed}{by:+} does not fit; it takes 0 to {max}{}", unit_words(*unit))]
    BesideComputed {
        /// The field.
        name: String,
        /// What was computed.
        computed: u64,
        /// What was added.
        by: i64,
        /// The largest that fits.
        max: u64,
        /// It takes multiples of this only.
        unit: u64,
    },
    /// More layers than a packet can have.
    #[error("{count} layers; a packet has at most {MAX_LAYERS}, quoted ones included")]
    TooManyLayers {
        /// How many there are.
        count: usize,
    },
    /// A packet without a layer.
    #[error("a packet needs at least one layer")]
    NoLayer,
}

fn style_words(style: Style) -> &'static str {
    match style {
        Style::Scalar => "a value",
        Style::Tuple => "a list of its values, in order",
        Style::Table => "a table of its fields",
    }
}

fn unit_words(unit: u64) -> String {
    if unit > 1 { format!(" in multiples of {unit}") } else { String::new() }
}

/// Builds a packet.
///
/// # Errors
/// When a field is unknown, or a value does not fit its field. Values that are wrong, but fit, are no errors.
pub fn build(packet: &Packet) -> Result<Built, BuildError> {
    let outermost = packet.layers.first().ok_or(BuildError::NoLayer)?;
    let mut builder = Builder::default();
    builder.chain(&packet.layers, None)?;
    builder.octets.extend_from_slice(&packet.trailer);
    let link_type = link_type_of(outermost.protocol).unwrap_or(LinkType::ETHERNET);
    let Builder { octets, table, miscounted } = builder;
    Ok(Built { octets, table, link_type, miscounted })
}

/// A computed number with what somebody added to it.
pub(super) struct Beside {
    pub(super) computed: u64,
    pub(super) by: i64,
    pub(super) max: u64,
    pub(super) unit: u64,
}

impl Beside {
    pub(super) fn number(self, name: impl FnOnce() -> String) -> Result<u64, BuildError> {
        let Self { computed, by, max, unit } = self;
        let number = computed.checked_add_signed(by);
        let fits = |number: &u64| by == 0 || (*number <= max && number.is_multiple_of(unit.max(1)));
        number.filter(fits).ok_or_else(|| BuildError::BesideComputed {
            name: name(),
            computed,
            by,
            max,
            unit,
        })
    }
}

#[derive(Default)]
struct Builder {
    octets: Vec<u8>,
    table: LayerTable,
    miscounted: Vec<Contradiction>,
}

impl Builder {
    /// Appends a chain of layers, and computes what they leave out. A quoted chain is done before the one that quotes
    /// it; a quoted packet may quote one again, up to the limit of the layer table.
    fn chain(&mut self, layers: &[Layer], quoted_by: Option<u8>) -> Result<(), BuildError> {
        let mut made: Vec<(usize, Vec<Pending>)> = Vec::with_capacity(layers.len());
        for layer in layers {
            let index = self.table.entries().len();
            let pending = self.header(layer, index, quoted_by)?;
            made.push((index, pending));
        }
        for (layer, (index, _)) in layers.iter().zip(&made).rev() {
            let end = u32::try_from(self.octets.len()).unwrap_or(u32::MAX);
            if let Some(entry) = self.table.entries_mut().get_mut(*index) {
                entry.end = end;
            }
            self.octets.extend_from_slice(&layer.trailer);
        }
        self.widen_by_trailers(layers, &made);
        for (index, pending) in made.iter().rev() {
            self.compute(*index, pending, |auto| matches!(auto, Auto::Structure(_)))?;
        }
        for (index, pending) in made.iter().rev() {
            self.compute(*index, pending, |auto| matches!(auto, Auto::Checksum(..)))?;
        }
        Ok(())
    }

    /// Appends one layer's header, with the packet that it quotes.
    fn header(
        &mut self,
        layer: &Layer,
        index: usize,
        quoted_by: Option<u8>,
    ) -> Result<Vec<Pending>, BuildError> {
        let start = self.octets.len();
        let offset = |octets: usize| u32::try_from(octets).unwrap_or(u32::MAX);
        let entry = LayerEntry {
            protocol: layer.protocol.id,
            start: offset(start),
            quoted_by,
            ..LayerEntry::default()
        };
        if !self.table.push(entry) {
            return Err(BuildError::TooManyLayers { count: index.saturating_add(1) });
        }
        let encoded = encode(layer, &mut self.octets)?;
        if quoted_by.is_none() {
            self.miscounted.extend(encoded.miscounted);
        }
        let mut pending = encoded.pending;
        if let Some(quote) = encoded.quote {
            let behind = self.octets.split_off(quote.at);
            self.chain(quote.layers, u8::try_from(index).ok())?;
            if let Some(len) = layer.quoted_bytes {
                self.octets.truncate(quote.at.saturating_add(len));
            }
            self.octets.extend_from_slice(&layer.quoted_trailer);
            self.make_room(layer, start, &quote, behind.is_empty())?;
            let grown = self.octets.len().saturating_sub(quote.at);
            pending.iter_mut().for_each(|pending| pending.move_behind(quote.at, grown));
            self.octets.extend_from_slice(&behind);
        }
        if let Some(cut) = &layer.cut {
            cut.apply(&mut self.octets, start);
        }
        let header_end = offset(self.octets.len());
        if let Some(entry) = self.table.entries_mut().get_mut(index) {
            entry.header_end = header_end;
            entry.end = header_end;
            entry.state = if layer.cut.is_some() { LayerState::Cut } else { LayerState::Whole };
        }
        Ok(pending)
    }

    /// Pads a quoted packet up to where the header says that what stands behind it begins, and says so itself when
    /// nobody wrote it (RFC 4884 §5.1 and §4).
    fn make_room(
        &mut self,
        layer: &Layer,
        start: usize,
        quote: &Quote<'_>,
        is_last: bool,
    ) -> Result<(), BuildError> {
        // What ends with the quoted packet needs no count, but may be told a wrong one.
        let Some(counted) = quote.counted.or_else(|| counted(&layer.protocol.sections).next()) else {
            return Ok(());
        };
        let (is_written, by) = match find(&layer.fields, counted.field) {
            Some(Node::Auto(by)) => (false, *by),
            written => (written.is_some(), 0),
        };
        if is_last && by == 0 {
            return Ok(());
        }
        let count_at = start.saturating_add(counted.at);
        let there = self.octets.len().saturating_sub(quote.at);
        let written = self.octets.get(count_at).map_or(0, |count| usize::from(*count));
        let wanted = match written.saturating_mul(counted.unit) {
            _ if is_last => 0,
            0 => there.max(counted.least).next_multiple_of(counted.unit),
            wanted => wanted,
        };
        if there < wanted {
            self.octets.resize(quote.at.saturating_add(wanted), 0);
        }
        if let Some(count) = self.octets.get_mut(count_at).filter(|_| !is_written) {
            let units =
                wanted.checked_div(counted.unit).and_then(|units| u8::try_from(units).ok()).unwrap_or(0);
            let beside = Beside { computed: u64::from(units), by, max: u64::from(u8::MAX), unit: 1 };
            let said = beside.number(|| format!("{}.{}", layer.protocol.name, counted.field))?;
            *count = u8::try_from(said).unwrap_or(u8::MAX);
        }
        Ok(())
    }

    /// A trailer belongs to its layer, so that layer and those below it reach past the trailers of those above.
    fn widen_by_trailers(&mut self, layers: &[Layer], made: &[(usize, Vec<Pending>)]) {
        for (layer, (index, _)) in layers.iter().zip(made) {
            let trailer = u32::try_from(layer.trailer.len()).unwrap_or(u32::MAX);
            if let Some(entry) = self.table.entries_mut().get_mut(*index) {
                entry.end = entry.end.saturating_add(trailer);
            }
        }
    }

    /// Computes the fields of one layer that nobody wrote.
    fn compute(
        &mut self,
        index: usize,
        pending: &[Pending],
        wanted: fn(Auto) -> bool,
    ) -> Result<(), BuildError> {
        // Items come behind the fields that count them, and are computed first.
        for Pending { field, section, within, padding, by } in pending.iter().rev() {
            let Some(auto) = field.auto.filter(|auto| wanted(*auto)) else { continue };
            let (start, end) = *within;
            let field_at = section.saturating_add(field.span.octets().start).saturating_sub(start);
            // The header may have grown by what it quotes, or have been cut.
            let header = Scope::of_layer(&self.octets, &self.table, index);
            let end = if start == header.start { header.end.saturating_sub(*padding) } else { end };
            if start.saturating_add(field_at).saturating_add(field.span.octets().len()) > header.end {
                continue;
            }
            let scope = Scope { start, end, field: field_at, ..header };
            let (Auto::Structure(compute) | Auto::Checksum(compute, _)) = auto;
            let value = match compute(&scope) {
                Some(value) => value,
                None if *by == 0 => continue,
                // Where there is nothing to compute it from, its default stands there.
                None => {
                    let there = field.span.read(self.octets.get(*section..).unwrap_or_default());
                    there.unwrap_or(0).saturating_mul(field.scale)
                }
            };
            let name = || format!("{}.{}", scope.protocol().map_or("", |protocol| protocol.name), field.name);
            if value > field.max() {
                return Err(too_long(&scope, name(), value, field.max()));
            }
            let value = match auto {
                // A wrong sum is what is wanted, and any other will do: past the largest comes 0.
                Auto::Checksum(..) => value.wrapping_add_signed(*by) & field.max(),
                Auto::Structure(_) => {
                    Beside { computed: value, by: *by, max: field.max(), unit: field.scale }.number(name)?
                }
            };
            let raw = value.checked_div(field.scale).unwrap_or(value);
            field.span.write(self.octets.get_mut(*section..).unwrap_or_default(), raw);
        }
        Ok(())
    }
}
/// Why a computed number does not fit: of the length of a header with options, these are the reason.
fn too_long(scope: &Scope<'_>, name: String, value: u64, max: u64) -> BuildError {
    let sections = scope.protocol().map_or(&[][..], |protocol| &protocol.sections);
    let header = scope.layer().map_or(0, |entry| u64::from(entry.header_end.saturating_sub(entry.start)));
    let mut before = 0u64;
    for section in sections.iter().filter(|_| value == header) {
        match &section.body {
            Body::Fields { len, .. } => before = before.saturating_add(u64::try_from(*len).unwrap_or(0)),
            Body::Records(records) => {
                let protocol = scope.protocol().map_or("", |protocol| protocol.name);
                let (len, max) = (value.saturating_sub(before), max.saturating_sub(before));
                return BuildError::OptionsTooLong {
                    name: format!("{protocol}.{}", records.name),
                    len,
                    max,
                    field: name,
                };
            }
            _ => break,
        }
    }
    BuildError::TooLong { name, value, max }
}
