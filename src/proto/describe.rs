//! What a description of a protocol is. A protocol's file fills in one [`Protocol`]; building, dissecting, spec names,
//! JSON, filter names, the drawn header and the checks are derived from it.
//!
//! A header is a list of [`Section`]s, one behind the other. Most are [`Body::Fields`]: fields with fixed places. Others
//! are repeated items, options, plain octets, or a quoted packet, and a section may depend on what stands before it
//! (`when`), as the rest of an ICMP header depends on its type.

use std::fmt;

use crate::wire::layers::ProtocolId;
use crate::wire::record::Dialect;
use crate::wire::text::Text;

pub use super::edge::{Edge, LookNumber, Next, ReadNumber};
pub use super::extent::{Extent, Stated};
pub use super::field::{
    Also, Auto, Covers, Field, Kind, flag, group, ipv4, ipv6, ipv6_prefix, mac, octets, uint,
};
use super::filter_names::{Alias, Compute, Derived};
pub use super::pairing::{Exchange, Identity, ReadExchange, Side};
pub use super::view::View;

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
    /// What pairs a reply with its question, where the protocol has answers.
    pub identity: Option<Identity>,
    /// Tells whether a header asks or answers, where how long answers take is counted.
    pub exchange: Option<ReadExchange>,
    /// The word that stands before the summary in the one line: `IP`, `ARP,`. Tcpdump's, whose lines people know.
    pub tag: &'static str,
    /// What stands between its summary and that of the layer that it carries.
    pub gap: Option<&'static str>,
    /// Whether it is a part of what carries it, of which statistics know nothing: a chunk of SCTP.
    pub is_part: bool,
    /// Whether it belongs to the link: the one line names it only when asked to.
    pub is_link: bool,
    /// Reads source and destination port, where the protocol has such.
    pub ports: Option<ReadPorts>,
    /// Writes what one line should say of this layer, without the tag.
    pub summary: Summary,
    /// Further names that filters know for its fields.
    pub aliases: Vec<Alias>,
    /// What is computed about it for filters.
    pub derived: Vec<Derived>,
    /// Whether one line leaves it out where a known protocol stands above it, as tcpdump does of UDP.
    pub yields: bool,
    /// Whether filters take what it carries as a part of it, as Wireshark does of messages: `icmp[8:4]`.
    pub is_message: bool,
    /// Its place in the registry, which the registry sets.
    pub id: ProtocolId,
}

/// Reads source and destination port from a header's octets; `None` when they are not there.
pub type ReadPorts = fn(&[u8]) -> Option<(u16, u16)>;

/// Writes what one line should say of a layer; nothing, where the header is cut before what is to be said.
pub type Summary = fn(&View<'_>, &mut Text) -> fmt::Result;

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
            identity: None,
            exchange: None,
            tag: "",
            gap: None,
            is_part: false,
            is_link: false,
            ports: None,
            summary: |_, _| Ok(()),
            aliases: Vec::new(),
            derived: Vec::new(),
            is_message: false,
            yields: false,
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
        self.next = Some(Next { table, key, or: None, looking: None });
        self
    }

    /// Says which table tells what comes next, where the header does not say so alone: `looking` is shown the header's octets
    /// and those behind it.
    pub fn next_by_payload(mut self, table: &'static str, looking: LookNumber) -> Self {
        self.next = Some(Next { table, key: |_| None, or: None, looking: Some(looking) });
        self
    }

    /// Says which table tells what comes next by either of two numbers: `key` first.
    pub fn next_by_either(mut self, table: &'static str, key: ReadNumber, or: ReadNumber) -> Self {
        self.next = Some(Next { table, key, or: Some(or), looking: None });
        self
    }

    /// Says that one line leaves the layer out where a known protocol stands above it.
    pub fn yields(mut self) -> Self {
        self.yields = true;
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

    /// Says what pairs a reply with its question.
    pub fn identity(mut self, identity: Identity) -> Self {
        self.identity = Some(identity);
        self
    }

    /// Says how to tell whether a header asks or answers.
    pub fn exchange(mut self, read: ReadExchange) -> Self {
        self.exchange = Some(read);
        self
    }

    /// Sets the word that stands before the summary in the one line.
    pub fn tag(mut self, tag: &'static str) -> Self {
        self.tag = tag;
        self
    }

    /// Sets what stands behind its summary.
    pub fn gap(mut self, gap: &'static str) -> Self {
        self.gap = Some(gap);
        self
    }

    /// Says that it is a part of what carries it.
    pub fn part(mut self) -> Self {
        self.is_part = true;
        self
    }

    /// Says that the protocol belongs to the link.
    pub fn link(mut self) -> Self {
        self.is_link = true;
        self
    }

    /// Says how to read the ports.
    pub fn ports(mut self, read: ReadPorts) -> Self {
        self.ports = Some(read);
        self
    }

    /// Sets what the one line says.
    pub fn summary(mut self, summary: Summary) -> Self {
        self.summary = summary;
        self
    }

    /// Gives fields a further name in filters.
    pub fn alias(mut self, name: &'static str, of: &'static [&'static str]) -> Self {
        self.aliases.push(Alias { name, of, as_text: false });
        self
    }

    /// Gives the texts of fields a name in filters.
    pub fn text_alias(mut self, name: &'static str, of: &'static [&'static str]) -> Self {
        self.aliases.push(Alias { name, of, as_text: true });
        self
    }

    /// Gives something that is computed about the layer a name in filters.
    pub fn derived(mut self, name: &'static str, compute: Compute) -> Self {
        self.derived.push(Derived { name, compute });
        self
    }

    /// Says that filters take what it carries as a part of it.
    pub fn message(mut self) -> Self {
        self.is_message = true;
        self
    }
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
    /// The octets from here to the layer's end; none while building.
    pub left: &'a [u8],
    /// Whether the header is being built, and not dissected.
    pub builds: bool,
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

    /// A domain name.
    pub fn name(name: &'static str, title: &'static str) -> Self {
        Self { when: None, body: Body::Text { field: Field::new(name, Kind::Name).title(title) } }
    }

    /// A character string, which its length octet begins.
    pub fn text(name: &'static str, title: &'static str) -> Self {
        Self { when: None, body: Body::Text { field: Field::new(name, Kind::Text).title(title) } }
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
        Self { when: None, body: Body::Quoted(Quoted { name, title, next, len, counted: None }) }
    }

    /// The quoted packet's length stands in an octet of the header.
    pub fn counted_by(mut self, counted: Counted) -> Self {
        if let Body::Quoted(quoted) = &mut self.body {
            quoted.counted = Some(counted);
        }
        self
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
    /// A domain name or a character string, by the field's kind: it says itself where it ends.
    Text {
        /// Name, title and kind.
        field: Field,
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
    /// What says so, where something may stand behind it.
    pub counted: Option<Counted>,
}

/// The octet that says how long a quoted packet is, for building what stands behind it.
#[derive(Debug, Clone, Copy)]
pub struct Counted {
    /// The field's name.
    pub field: &'static str,
    /// Its place in the header.
    pub at: usize,
    /// What it counts, in octets.
    pub unit: usize,
    /// The least octets that a packet takes when something stands behind it.
    pub least: usize,
}

/// How many octets a part takes.
#[derive(Debug, Clone, Copy)]
pub enum Len {
    /// All that is left of the layer.
    Rest,
    /// As the header's octets before it say; `None` when they contradict themselves.
    Octets(fn(&[u8]) -> Option<usize>),
    /// Up to a multiple of so many octets, or less where no more are there. It is no part of what a length field counts, and
    /// told only where it is not just what building puts there: zeros.
    PadTo(usize),
    /// As many items as the header's octets before it say.
    Count(fn(&[u8]) -> usize),
}
