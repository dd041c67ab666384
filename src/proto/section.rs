//! What a header is made of: sections, one behind the other, and what they hold.

use std::ops::Deref;
use std::sync::LazyLock;

use super::edge::Next;
use super::field::{Field, Kind};
use crate::wire::record::Dialect;

/// The sections of a header, described at the first use: few runs meet more than a handful of protocols.
pub struct Sections(LazyLock<Described, Box<dyn FnOnce() -> Described + Send>>);

struct Described {
    list: Vec<Section>,
    form: Form,
}

impl Sections {
    /// The sections that `describe` will tell.
    pub fn new(describe: impl FnOnce() -> Vec<Section> + Send + 'static) -> Self {
        Self(LazyLock::new(Box::new(|| {
            let list = describe();
            Described { form: Form::of(&list), list }
        })))
    }

    /// How the header's length is told.
    #[inline]
    pub fn form(&self) -> Form {
        self.0.form
    }
}

impl Deref for Sections {
    type Target = [Section];

    #[inline]
    fn deref(&self) -> &[Section] {
        &self.0.list
    }
}

/// How the length of a whole header is told, for the forms that most headers have: it is asked for each layer of each packet.
#[derive(Debug, Clone, Copy)]
pub enum Form {
    /// It is always so many octets.
    Fixed(usize),
    /// So many, and as many more as these say.
    Stated(usize, fn(&[u8]) -> Option<usize>),
    /// It is all that there is.
    Rest,
    /// By a look at one section after the other.
    Other,
}

impl Form {
    fn of(sections: &[Section]) -> Self {
        match sections {
            [Section { when: None, body: Body::Fields { len, .. } }] => Self::Fixed(*len),
            [Section { when: None, body: Body::Octets { len: Len::Rest, .. } }] => Self::Rest,
            [
                Section { when: None, body: Body::Fields { len, .. } },
                Section { when: None, body: Body::Records(Records { len: Len::Octets(read), .. }) },
            ] => Self::Stated(*len, *read),
            _ => Self::Other,
        }
    }
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
        Self { when: None, body: Body::Text { field: Field::new(name, Kind::Name).title(title), len: None } }
    }

    /// A character string, which its length octet begins.
    pub fn text(name: &'static str, title: &'static str) -> Self {
        Self { when: None, body: Body::Text { field: Field::new(name, Kind::Text).title(title), len: None } }
    }

    /// Characters, which end where the header says.
    pub fn characters(name: &'static str, title: &'static str, len: Len) -> Self {
        let field = Field::new(name, Kind::Text).title(title);
        Self { when: None, body: Body::Text { field, len: Some(len) } }
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

    /// The octets are filled up with zeros to what the field `length`, in units of `unit` octets, can say of the whole structure.
    pub fn filled_up(mut self, length: &'static str, unit: usize) -> Self {
        if let Body::Octets { field, .. } = &mut self.body {
            field.fills = Some((length, unit));
        }
        self
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
    /// A domain name or a character string, by the field's kind.
    Text {
        /// Name, title and kind.
        field: Field,
        /// How many octets; it says itself where it ends, when left out.
        len: Option<Len>,
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
    /// As these octets, and those behind them, say themselves.
    Look(fn(&[u8]) -> usize),
    /// These octets, told only where others stand in their place, of which the function finds how many they are.
    Usual(&'static [u8], fn(&[u8]) -> usize),
    /// As many items as the header's octets before it say.
    Count(fn(&[u8]) -> usize),
}
