//! What a description of a protocol is. A protocol's file fills in one [`Protocol`]; building, dissecting, spec names,
//! JSON, filter names, the drawn header and the checks are derived from it.
//!
//! A header is a list of [`Section`]s, one behind the other. Most are [`Body::Fields`]: fields with fixed places. Others
//! are repeated items, options, plain octets, or a quoted packet, and a section may depend on what stands before it
//! (`when`), as the rest of an ICMP header depends on its type.

use std::fmt;

use super::auto::Scope;
use crate::wire::layers::ProtocolId;
use crate::wire::record::Dialect;
use crate::wire::span::Span;
use crate::wire::value::Value;

/// A protocol, described once.
pub struct Protocol {
    /// Wireshark's name for it, which is also the layer's key in specs and JSON: `ip`, `ipv6.fraghdr`.
    pub name: &'static str,
    /// Its name for people.
    pub title: &'static str,
    /// Where it is specified.
    pub reference: &'static str,
    /// The header.
    pub sections: Vec<Section>,
    /// Where the protocol is found: each is a table of numbers, and its number there.
    pub edges: Vec<Edge>,
    /// Which table says what this layer carries.
    pub next: Option<Next>,
    /// How far the layer reaches.
    pub extent: Extent,
    /// Octets of the payload where the header limits just those (IPv6, 802.3), the layer itself reaching further.
    pub payload_len: Option<ReadNumber>,
    /// Tells from its header whether the layer is a fragment of something larger.
    pub fragmented: fn(&[u8]) -> Fragmented,
    /// Writes what one line should say of this layer, without the layer's name.
    pub summary: Summary,
    /// Its place in the registry, which the registry sets.
    pub id: ProtocolId,
}

/// Reads a number from a header's octets; `None` when it says none.
pub type ReadNumber = fn(&[u8]) -> Option<u64>;

/// Writes what one line should say of a layer.
pub type Summary = fn(&View<'_>, &mut dyn fmt::Write) -> fmt::Result;

/// The name alone: everything else follows from it.
impl fmt::Debug for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Protocol({})", self.name)
    }
}

impl Protocol {
    /// A protocol with the given names and header; the other parts are set by the methods that follow.
    pub fn new(
        name: &'static str,
        title: &'static str,
        reference: &'static str,
        sections: Vec<Section>,
    ) -> Self {
        Self {
            name,
            title,
            reference,
            sections,
            edges: Vec::new(),
            next: None,
            extent: Extent::Rest,
            payload_len: None,
            fragmented: |_| Fragmented::No,
            summary: |_, _| Ok(()),
            id: ProtocolId::default(),
        }
    }

    /// Says that the protocol is found under `key` in `table`. The first edge into a table is the number that building
    /// writes.
    pub fn edge(mut self, table: &'static str, key: u64) -> Self {
        self.edges.push(Edge { table, key });
        self
    }

    /// Says which table tells what comes next, and how to read the key from the header's octets (`None`: nothing can be
    /// told, as in a later fragment).
    pub fn next(mut self, table: &'static str, key: ReadNumber) -> Self {
        self.next = Some(Next { table, key });
        self
    }

    /// Says how far the layer reaches.
    pub fn extent(mut self, extent: Extent) -> Self {
        self.extent = extent;
        self
    }

    /// Says how many octets of payload the header allows.
    pub fn payload_len(mut self, len: ReadNumber) -> Self {
        self.payload_len = Some(len);
        self
    }

    /// Says how to tell whether the layer is a fragment.
    pub fn fragmented(mut self, fragmented: fn(&[u8]) -> Fragmented) -> Self {
        self.fragmented = fragmented;
        self
    }

    /// Sets what a one-line summary says.
    pub fn summary(mut self, summary: Summary) -> Self {
        self.summary = summary;
        self
    }
}

/// A protocol's number in a table: `ip.proto` 17 is UDP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edge {
    /// The table, by Wireshark's name for it.
    pub table: &'static str,
    /// The number.
    pub key: u64,
}

/// The table that says what a layer carries.
#[derive(Debug, Clone, Copy)]
pub struct Next {
    /// The table, by Wireshark's name for it.
    pub table: &'static str,
    /// Reads the number from the layer's header.
    pub key: ReadNumber,
}

/// How far a layer reaches, in octets from its first.
#[derive(Debug, Clone, Copy)]
pub enum Extent {
    /// As far as what carries it.
    Rest,
    /// To the end of its header: what follows belongs to the layer below.
    Header,
    /// As its own length field says, which the function reads from the header's octets.
    Stated(fn(&[u8]) -> Stated),
}

/// What a length field says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stated {
    /// So many octets, header included.
    Octets(u64),
    /// Nothing: the layer reaches as far as what carries it (zero in segments that hardware will cut).
    Rest,
    /// Less than the header itself takes: the layer's contents cannot be told.
    Lies,
}

/// Whether a layer is a fragment of something larger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fragmented {
    /// It is whole.
    No,
    /// It has the upper protocol's header, but not all of its payload.
    First,
    /// It begins in the middle of the payload.
    Later,
}

/// A part of a header.
#[derive(Debug)]
pub struct Section {
    /// When it is there; always, when left out.
    pub when: Option<fn(&Before<'_>) -> bool>,
    /// What it is.
    pub body: Body,
}

/// What stands before a section, for deciding whether the section is there.
#[derive(Clone, Copy)]
pub struct Before<'a> {
    /// The header's octets before the section.
    pub header: &'a [u8],
    /// Octets from here to the layer's end; 0 while building.
    pub room: usize,
    /// Whether somebody wrote the field of this name; never, while dissecting.
    pub wrote: &'a dyn Fn(&str) -> bool,
}

impl Before<'_> {
    /// The octet at `offset`; 0 when it is not there.
    pub fn octet(&self, offset: usize) -> u8 {
        self.header.get(offset).copied().unwrap_or_default()
    }
}

impl Section {
    /// Fields that stand one behind the other, each as wide as it says.
    pub fn fields(fields: Vec<Field>) -> Self {
        let (fields, len) = super::layout::place_in_a_row(fields);
        Self { when: None, body: Body::Fields { fields, len } }
    }

    /// Fields that stand where pnet's setters put them, in a header of `len` octets.
    pub fn measured(len: usize, fields: Vec<Field>) -> Self {
        Self { when: None, body: Body::Fields { fields: super::layout::place_as_measured(fields, len), len } }
    }

    /// Plain octets.
    pub fn octets(name: &'static str, title: &'static str, len: Len) -> Self {
        Self { when: None, body: Body::Octets { field: Field::new(name, Kind::Octets).title(title), len } }
    }

    /// Zeros of which only the count matters.
    pub fn zeros(name: &'static str, title: &'static str) -> Self {
        Self { when: None, body: Body::Zeros { field: Field::new(name, Kind::Uint).title(title) } }
    }

    /// Items of the same shape, one behind the other.
    pub fn items(
        name: &'static str,
        title: &'static str,
        style: Style,
        item: Vec<Section>,
        len: Len,
    ) -> Self {
        Self { when: None, body: Body::Items(Items { name, title, style, item, len }) }
    }

    /// Options or records: type, length, body.
    pub fn records(
        name: &'static str,
        title: &'static str,
        dialect: Dialect,
        records: Vec<Record>,
        len: Len,
    ) -> Self {
        Self { when: None, body: Body::Records(Records { name, title, dialect, records, len }) }
    }

    /// The beginning of another packet, which `next` tells from its first octets.
    pub fn quoted(name: &'static str, title: &'static str, next: Next, len: Len) -> Self {
        Self { when: None, body: Body::Quoted(Quoted { name, title, next, len }) }
    }

    /// The section is there only when `condition` holds.
    pub fn when(mut self, condition: fn(&Before<'_>) -> bool) -> Self {
        self.when = Some(condition);
        self
    }
}

/// What a section holds.
#[derive(Debug)]
pub enum Body {
    /// Fields with fixed places in `len` octets.
    Fields {
        /// The fields, in the order of the wire; a group stands before its parts.
        fields: Vec<Field>,
        /// Octets.
        len: usize,
    },
    /// Plain octets.
    Octets {
        /// Name and title.
        field: Field,
        /// How many.
        len: Len,
    },
    /// Zeros up to the end, of which only the count matters (PadN).
    Zeros {
        /// Name and title.
        field: Field,
    },
    /// Repeated items.
    Items(Items),
    /// Options.
    Records(Records),
    /// A quoted packet.
    Quoted(Quoted),
}

/// Repeated items of one shape.
#[derive(Debug)]
pub struct Items {
    /// Its name in specs.
    pub name: &'static str,
    /// Its name for people.
    pub title: &'static str,
    /// How an item is written in specs.
    pub style: Style,
    /// The shape of an item.
    pub item: Vec<Section>,
    /// How far the items reach.
    pub len: Len,
}

/// How an item is written in specs and JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// A bare value: each item is one field.
    Scalar,
    /// A list of its fields' values, in order.
    Tuple,
    /// A table of its fields.
    Table,
}

/// Options or records of a protocol.
#[derive(Debug)]
pub struct Records {
    /// Its name in specs.
    pub name: &'static str,
    /// Its name for people.
    pub title: &'static str,
    /// How they are written on the wire.
    pub dialect: Dialect,
    /// Those that are known; others are kept as `unknown`.
    pub records: Vec<Record>,
    /// How far they reach.
    pub len: Len,
}

/// One known option.
#[derive(Debug)]
pub struct Record {
    /// Its name in specs.
    pub name: &'static str,
    /// Its name for people, with where it is specified.
    pub title: &'static str,
    /// Its type on the wire.
    pub code: u8,
    /// Its body.
    pub sections: Vec<Section>,
}

impl Record {
    /// An option with the given type and body.
    pub fn new(code: u8, name: &'static str, title: &'static str, sections: Vec<Section>) -> Self {
        Self { name, title, code, sections }
    }
}

/// A packet quoted in a header.
#[derive(Debug)]
pub struct Quoted {
    /// Its name in specs.
    pub name: &'static str,
    /// Its name for people.
    pub title: &'static str,
    /// Tells its outermost protocol from its octets.
    pub next: Next,
    /// How far it reaches.
    pub len: Len,
}

/// How many octets a part takes.
#[derive(Debug, Clone, Copy)]
pub enum Len {
    /// All that is left of the layer.
    Rest,
    /// As the header's octets before it say; `None` when they contradict themselves.
    Octets(fn(&[u8]) -> Option<usize>),
    /// As many items as the header's octets before it say.
    Count(fn(&[u8]) -> usize),
}

/// A field.
#[derive(Debug)]
pub struct Field {
    /// Its name without the layer's prefix: `ttl`, `flags.df`.
    pub name: &'static str,
    /// A second name under which a value below the limit goes: `eth.type` is `len` below 1536.
    pub also: Option<Also>,
    /// Its name for people.
    pub title: &'static str,
    /// What kind of value it has.
    pub kind: Kind,
    /// Where it stands in its section.
    pub span: Span,
    /// What one unit on the wire is in the unit that people write: 4 for header lengths in octets.
    pub scale: u64,
    /// What is written when nobody says otherwise; zero when left out.
    pub default: Option<Value>,
    /// How it is computed.
    pub auto: Option<Auto>,
    /// Names of values.
    pub values: &'static [(u64, &'static str)],
    /// For a group: the letters of its one-bit parts, most significant first (`-` for none).
    pub letters: &'static str,
    /// Numbers are shown in hexadecimal.
    pub hex: bool,
    /// Left out of specs and JSON when zero (reserved parts of options).
    pub hidden_when_zero: bool,
    /// For a checksum: zero says that there is none (UDP).
    pub absent_when_zero: bool,
    pub(super) place: Place,
}

/// A second name for a field's small values.
#[derive(Debug, Clone, Copy)]
pub struct Also {
    /// The name.
    pub name: &'static str,
    /// Values below this go by it.
    pub below: u64,
}

/// How a field's place is found.
#[derive(Debug, Clone, Copy)]
pub(super) enum Place {
    /// Behind the field before it, so many bits wide.
    Bits(u32),
    /// Where this setter writes; of those bits a part, when given, first bit and number.
    Measured(fn(&mut [u8]), Option<(u32, u32)>),
}

/// What kind of value a field has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A number.
    Uint,
    /// One bit.
    Bool,
    /// A MAC address.
    Mac,
    /// An IPv4 address.
    Ipv4,
    /// An IPv6 address.
    Ipv6,
    /// Octets.
    Octets,
    /// A number made of the fields whose names begin with this one's.
    Group,
}

/// How a field is computed: building writes what the function returns, dissecting compares with it. `None` leaves the
/// field at its default.
#[derive(Debug, Clone, Copy)]
pub enum Auto {
    /// From the layers' places and kinds.
    Structure(fn(&Scope<'_>) -> Option<u64>),
    /// From the octets, once everything else stands.
    Checksum(fn(&Scope<'_>) -> Option<u64>, Covers),
}

/// What a checksum covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Covers {
    /// The header.
    Header,
    /// Header and payload.
    Layer,
}

impl Field {
    /// A field with a name and a kind, and all else at its default.
    pub fn new(name: &'static str, kind: Kind) -> Self {
        let bits = match kind {
            Kind::Bool => 1,
            Kind::Mac => 48,
            Kind::Ipv4 => 32,
            Kind::Ipv6 => 128,
            Kind::Uint | Kind::Octets | Kind::Group => 0,
        };
        Self {
            name,
            also: None,
            title: "",
            kind,
            span: Span::new(0, 0),
            scale: 1,
            default: None,
            auto: None,
            values: &[],
            letters: "",
            hex: false,
            hidden_when_zero: false,
            absent_when_zero: false,
            place: Place::Bits(bits),
        }
    }

    /// Its name for people.
    pub fn title(mut self, title: &'static str) -> Self {
        self.title = title;
        self
    }

    /// It stands where a setter of pnet's writes; see [`setter!`](crate::proto::setter).
    pub fn set_by(mut self, setter: fn(&mut [u8])) -> Self {
        self.place = Place::Measured(setter, None);
        self
    }

    /// It is `len` bits, from bit `first`, of what a setter of pnet's writes.
    pub fn part_of(mut self, setter: fn(&mut [u8]), first: u32, len: u32) -> Self {
        self.place = Place::Measured(setter, Some((first, len)));
        self
    }

    /// People write it in octets, the wire counts in units of `octets`.
    pub fn in_units_of(mut self, octets: u64) -> Self {
        self.scale = octets;
        self
    }

    /// What is written when nobody says otherwise.
    pub fn default(mut self, value: Value) -> Self {
        self.default = Some(value);
        self
    }

    /// The number that is written when nobody says otherwise.
    pub fn default_uint(self, value: u64) -> Self {
        self.default(Value::Uint(value))
    }

    /// It is computed from the layers' places and kinds.
    pub fn auto(mut self, compute: fn(&Scope<'_>) -> Option<u64>) -> Self {
        self.auto = Some(Auto::Structure(compute));
        self
    }

    /// It is a checksum over header and payload.
    pub fn checksum(mut self, compute: fn(&Scope<'_>) -> Option<u64>) -> Self {
        self.auto = Some(Auto::Checksum(compute, Covers::Layer));
        self.hex()
    }

    /// It is a checksum over the header alone.
    pub fn header_checksum(mut self, compute: fn(&Scope<'_>) -> Option<u64>) -> Self {
        self.auto = Some(Auto::Checksum(compute, Covers::Header));
        self.hex()
    }

    /// A zero in it says that there is none.
    pub fn absent_when_zero(mut self) -> Self {
        self.absent_when_zero = true;
        self
    }

    /// Names of its values.
    pub fn values(mut self, values: &'static [(u64, &'static str)]) -> Self {
        self.values = values;
        self
    }

    /// Letters of a group's bits.
    pub fn letters(mut self, letters: &'static str) -> Self {
        self.letters = letters;
        self
    }

    /// It is shown in hexadecimal.
    pub fn hex(mut self) -> Self {
        self.hex = true;
        self
    }

    /// It is left out of specs and JSON while it is zero.
    pub fn hidden_when_zero(mut self) -> Self {
        self.hidden_when_zero = true;
        self
    }

    /// Values below `below` go by the name `name`.
    pub fn also(mut self, name: &'static str, below: u64) -> Self {
        self.also = Some(Also { name, below });
        self
    }

    /// The name that a value goes by.
    pub fn name_for(&self, value: u64) -> &'static str {
        self.also.filter(|also| value < also.below).map_or(self.name, |also| also.name)
    }

    /// The last part of the name: `df` of `flags.df`.
    pub fn last_name(&self) -> &'static str {
        self.name.rsplit('.').next().unwrap_or(self.name)
    }

    /// Whether this group holds `other`.
    pub fn holds(&self, other: &Field) -> bool {
        self.kind == Kind::Group
            && other.name.strip_prefix(self.name).is_some_and(|rest| rest.starts_with('.'))
    }

    /// The largest number that people can write into it.
    pub fn max(&self) -> u64 {
        self.span.max().saturating_mul(self.scale)
    }

    /// The name of a value, where it has one.
    pub fn value_name(&self, value: u64) -> Option<&'static str> {
        self.values.iter().find(|(number, _)| *number == value).map(|(_, name)| *name)
    }
}

/// A number of `bits` bits.
pub fn uint(name: &'static str, bits: u32, title: &'static str) -> Field {
    let mut field = Field::new(name, Kind::Uint).title(title);
    field.place = Place::Bits(bits);
    field
}

/// One bit.
pub fn flag(name: &'static str, title: &'static str) -> Field {
    Field::new(name, Kind::Bool).title(title)
}

/// A MAC address.
pub fn mac(name: &'static str, title: &'static str) -> Field {
    Field::new(name, Kind::Mac).title(title)
}

/// An IPv4 address.
pub fn ipv4(name: &'static str, title: &'static str) -> Field {
    Field::new(name, Kind::Ipv4).title(title)
}

/// An IPv6 address.
pub fn ipv6(name: &'static str, title: &'static str) -> Field {
    Field::new(name, Kind::Ipv6).title(title)
}

/// So many octets at a fixed place.
pub fn octets(name: &'static str, len: u32, title: &'static str) -> Field {
    let mut field = Field::new(name, Kind::Octets).title(title);
    field.place = Place::Bits(len.saturating_mul(8));
    field
}

/// A number made of the fields that follow and whose names begin with `name` and a dot.
pub fn group(name: &'static str, title: &'static str) -> Field {
    Field::new(name, Kind::Group).title(title).hex()
}

/// A layer of a packet, as a summary sees it.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    /// The packet and the layer's place in it.
    pub scope: Scope<'a>,
}

impl<'a> View<'a> {
    /// The header's octets.
    pub fn header(&self) -> &'a [u8] {
        self.scope.region()
    }

    /// The octets behind the header, up to the layer's end.
    pub fn payload_len(&self) -> usize {
        self.scope.layer().map_or(0, |layer| layer.end.saturating_sub(layer.header_end) as usize)
    }
}
