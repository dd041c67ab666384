//! What a description of a protocol is. A protocol's file fills in one [`Protocol`]; building, dissecting, spec names,
//! JSON, filter names, the drawn header and the checks are derived from it.
//!
//! A header is a list of [`Section`]s, one behind the other. Most are [`Body::Fields`]: fields with fixed places. Others
//! are repeated items, options, plain octets, or a quoted packet, and a section may depend on what stands before it
//! (`when`), as the rest of an ICMP header depends on its type.

use std::fmt;
use std::sync::OnceLock;

use super::tables::Table;
use crate::wire::layers::ProtocolId;
use crate::wire::text::{Short, Text};

pub use super::edge::{Edge, LookNumber, Next, ReadNumber};
pub use super::extent::{Extent, Stated};
pub use super::field::{
    Also, Auto, Covers, Field, Kind, flag, group, ipv4, ipv6, ipv6_prefix, mac, octets, uint,
};
use super::filter_names::{Alias, Compute, Derived};
pub use super::glance::{Glance, LookAt};
pub use super::pairing::{Exchange, Identity, ReadExchange, Side};
pub use super::part::Part;
pub use super::remark::{Group, Remark, Severity};
pub use super::section::{
    Before, Body, Counted, Form, Items, Len, Quoted, Record, Records, Section, Sections, Style,
};
pub use super::view::View;

/// A protocol, described once.
pub struct Protocol {
    /// Wireshark's name for it, which is also the layer's key in specs and JSON: `ip`, `ipv6.fraghdr`.
    pub name: &'static str,
    /// Its name for people.
    pub title: &'static str,
    /// Where it is specified.
    pub reference: &'static str,
    /// The header. It is described when somebody looks at it for the first time: few runs meet more than a handful of protocols.
    pub sections: Sections,
    /// Where the protocol is found: each is a table of numbers, and its number there.
    pub edges: &'static [Edge],
    /// Which table says what this layer carries.
    pub next: Option<Next>,
    /// That table, which the registry finds when it is asked for the first time.
    pub(super) table: OnceLock<&'static Table>,
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
    /// The word that stands before the summary in the one line, with a blank behind it: `IP `, `ARP, `. Tcpdump's, whose lines
    /// people know.
    pub tag: Short<8>,
    /// What stands between its summary and that of the layer that it carries.
    pub gap: Option<Short<8>>,
    /// Whether it is a part of what carries it, of which statistics know nothing: a chunk of SCTP, a further record of TLS.
    pub part: Part,
    /// Whether it belongs to the link: the one line names it only when asked to.
    pub is_link: bool,
    /// Reads source and destination port, where the protocol has such.
    pub ports: Option<ReadPorts>,
    /// Writes what one line should say of this layer, without the tag.
    pub summary: Summary,
    /// Further names that filters know for its fields.
    pub aliases: Vec<Alias>,
    /// Further words that specs may use.
    pub shorthands: Vec<Shorthand>,
    /// What is computed about it for filters.
    pub derived: Vec<Derived>,
    /// What is worth a remark.
    pub remarks: Vec<Remark>,
    /// Whether one line leaves it out where a known protocol stands above it, as tcpdump does of UDP.
    pub yields: bool,
    /// Whether filters take what it carries as a part of it, as Wireshark does of messages: `icmp[8:4]`.
    pub is_message: bool,
    /// Tells how far a protocol data unit reaches that begins in a stream of octets, where it may be spread over segments.
    pub pdu: Option<ReadPdu>,
    /// Its number among IP's protocols, where it has one: what pseudo headers hold.
    pub ip_number: Option<u8>,
    /// One look that tells dissecting what it asks for, where most packets have the protocol.
    pub glance: Option<LookAt>,
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
    /// A protocol of this title and what describes its header; the other parts are set by the methods that follow, its name and where
    /// it is found by the registry.
    pub fn new(
        title: &'static str,
        reference: &'static str,
        sections: impl FnOnce() -> Vec<Section> + Send + 'static,
    ) -> Self {
        Self {
            name: "",
            title,
            reference,
            sections: Sections::new(sections),
            edges: &[],
            next: None,
            table: OnceLock::new(),
            extent: Extent::Rest,
            payload_len: None,
            fragmented: |_| Fragmented::No,
            identity: None,
            exchange: None,
            tag: Short::words(""),
            gap: None,
            part: Part::Never,
            is_link: false,
            ports: None,
            summary: |_, _| Ok(()),
            aliases: Vec::new(),
            shorthands: Vec::new(),
            derived: Vec::new(),
            remarks: Vec::new(),
            is_message: false,
            pdu: None,
            yields: false,
            ip_number: None,
            glance: None,
            id: ProtocolId::default(),
        }
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

    /// Sets the word that stands before the summary in the one line, of at most seven octets.
    pub fn tag(mut self, tag: &'static str) -> Self {
        self.tag = Short::words(tag).followed_by(b' ');
        self
    }

    /// Sets what stands behind its summary, of at most eight octets.
    pub fn gap(mut self, gap: &'static str) -> Self {
        self.gap = Some(Short::words(gap));
        self
    }

    /// Says that it is a part of what carries it.
    pub fn part(mut self) -> Self {
        self.part = Part::Always;
        self
    }

    /// Says that it is a part of what carries it where that is of the same protocol.
    pub fn part_of_same(mut self) -> Self {
        self.part = Part::OfSame;
        self
    }

    /// Whether it is a part of what carries it.
    pub fn is_part_of(&self, below: Option<ProtocolId>) -> bool {
        match self.part {
            Part::Never => false,
            Part::Always => true,
            Part::OfSame => below == Some(self.id),
        }
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

    /// Gives a field or list a further name in specs.
    pub fn also_written(mut self, name: &'static str, of: &'static str) -> Self {
        self.shorthands.push(Shorthand { name, of, item: None });
        self
    }

    /// Gives one item of a list a name of its own in specs: a table of the item's fields, behind the list's other items.
    pub fn item_written(mut self, name: &'static str, of: &'static str, item: ShortItem) -> Self {
        self.shorthands.push(Shorthand { name, of, item: Some(item) });
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

    /// Says what is worth a remark: of which gravity, its title, and whether it is so. Filters know it by its name.
    pub fn remark(
        mut self,
        name: &'static str,
        gravity: (Severity, Group),
        title: &'static str,
        is_so: fn(&View<'_>) -> Option<u64>,
    ) -> Self {
        self.remarks.push(Remark { name, gravity, title, is_so });
        self.derived(name, Compute::Number(is_so))
    }

    /// Whether the layer ends where the last of its octets stands, once each of those is there that anything says: it does not
    /// where the header alone is the layer, or where it says how long only its payload is.
    #[inline]
    pub fn reaches_its_end(&self) -> bool {
        self.payload_len.is_none() && !matches!(self.extent, Extent::Header)
    }

    /// Says how far a data unit reaches in a stream.
    pub fn pdu(mut self, read: ReadPdu) -> Self {
        self.pdu = Some(read);
        self
    }

    /// Gives what dissecting asks for in one look, put together from the functions that the description names.
    pub fn glance(mut self, look: LookAt) -> Self {
        self.glance = Some(look);
        self
    }

    /// Says that filters take what it carries as a part of it.
    pub fn message(mut self) -> Self {
        self.is_message = true;
        self
    }
}

/// Tells what begins with these octets of a stream, which goes from one port to another.
pub type ReadPdu = fn(&[u8], (u16, u16)) -> Pdu;

/// What begins at a place of a stream of octets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pdu {
    /// A data unit of so many octets, all of which are there.
    Whole(usize),
    /// As far as can be told, a data unit that goes on behind these octets.
    Cut,
    /// Something else.
    Other,
}

/// A word of specs for what has another name.
#[derive(Debug, Clone, Copy)]
pub struct Shorthand {
    /// The word.
    pub name: &'static str,
    /// The field or list that is meant.
    pub of: &'static str,
    /// The one item of that list that is meant.
    pub item: Option<ShortItem>,
}

/// An item that has a word of its own.
#[derive(Debug, Clone, Copy)]
pub struct ShortItem {
    /// A number of it that need not be written.
    pub has: (&'static str, u64),
    /// Shorter names of its fields: the name, the field.
    pub names: &'static [(&'static str, &'static str)],
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
