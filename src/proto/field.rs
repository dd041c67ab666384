//! Fields: what they are called, where they stand, what they hold, how they are computed.

use super::auto::Scope;
use crate::wire::span::Span;
use crate::wire::value::Value;

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
    /// For what is not computed: what it must be in this packet, where that is known.
    pub wanted: Option<fn(&Scope<'_>) -> Option<u64>>,
    /// Names of values.
    pub values: &'static [(u64, &'static str)],
    /// For a group: the letters of its one-bit parts, most significant first (`-` for none).
    pub letters: &'static str,
    /// Numbers are shown in hexadecimal.
    pub hex: bool,
    /// It is a number in two's complement: people are shown it with its sign. Specs and JSON have it as it stands.
    pub signed: bool,
    /// Left out of specs and JSON when zero (reserved parts of options).
    pub hidden_when_zero: bool,
    /// For a checksum: zero says that there is none (UDP).
    pub absent_when_zero: bool,
    /// For such a checksum: where there must be one all the same.
    pub wanted_when: Option<fn(&Scope<'_>) -> bool>,
    /// For a checksum that network cards complete: what a host that leaves it to its card writes.
    pub partial: Option<fn(&Scope<'_>) -> Option<u64>>,
    /// The list whose items it counts: building counts what somebody wrote there.
    pub counts: Option<&'static str>,
    /// The octets or list whose length it says, and how many each octet or item counts: building measures what somebody wrote
    /// there.
    pub measures: Option<(&'static str, u64)>,
    /// For octets at the end of a header or item: the field that says how long that is, and in units of how many octets. Building
    /// fills up what somebody wrote there, unless the length is written, too.
    pub fills: Option<(&'static str, usize)>,
    /// The fields that it tells of: building sets it when somebody wrote one of them.
    pub tells: &'static [&'static str],
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
    /// A domain name (RFC 1035 §4.1.4), which says itself where it ends.
    Name,
    /// A character string (RFC 1035 §3.3): an octet with its length, and so many octets.
    Text,
    /// A number made of the fields whose names begin with this one's.
    Group,
}

impl Kind {
    /// What such a field takes, in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Uint => "a number",
            Self::Bool => "true or false",
            Self::Mac => "a MAC address",
            Self::Ipv4 => "an IPv4 address",
            Self::Ipv6 => "an IPv6 address",
            Self::Octets => "octets",
            Self::Name => "a domain name",
            Self::Text => "a text of at most 255 octets",
            Self::Group => "a number or its parts",
        }
    }
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
    /// Header and payload of a message of the network itself, which is not checked where it is quoted, as in Wireshark.
    Message,
}

impl Field {
    /// A field with a name and a kind, and all else at its default.
    pub fn new(name: &'static str, kind: Kind) -> Self {
        let bits = match kind {
            Kind::Bool => 1,
            Kind::Mac => 48,
            Kind::Ipv4 => 32,
            Kind::Ipv6 => 128,
            Kind::Uint | Kind::Octets | Kind::Name | Kind::Text | Kind::Group => 0,
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
            wanted: None,
            values: &[],
            letters: "",
            hex: false,
            signed: false,
            hidden_when_zero: false,
            absent_when_zero: false,
            wanted_when: None,
            partial: None,
            counts: None,
            measures: None,
            fills: None,
            tells: &[],
            place: Place::Bits(bits),
        }
    }

    /// Its name for people.
    pub fn title(mut self, title: &'static str) -> Self {
        self.title = title;
        self
    }

    /// It stands where a setter of pnet's writes; see [`setter!`](crate::setter).
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

    /// It has a default, and goes with the packet only where it is what `wanted` says.
    pub fn wanted(mut self, wanted: fn(&Scope<'_>) -> Option<u64>) -> Self {
        self.wanted = Some(wanted);
        self
    }

    /// Whether there is a number to compute when it is left out, to which something may be added.
    pub fn is_computed(&self) -> bool {
        self.auto.is_some() || self.counts.is_some() || self.measures.is_some()
    }

    /// It says how many items the list of this name has.
    pub fn counts(mut self, list: &'static str) -> Self {
        self.counts = Some(list);
        self
    }

    /// It says how long the octets or the list of this name are, of which each octet or item counts `unit`.
    pub fn measures(mut self, name: &'static str, unit: u64) -> Self {
        self.measures = Some((name, unit));
        self
    }

    /// It says whether one of the fields of these names is there.
    pub fn tells(mut self, fields: &'static [&'static str]) -> Self {
        self.tells = fields;
        self
    }

    /// It is a checksum over header and payload.
    pub fn checksum(mut self, compute: fn(&Scope<'_>) -> Option<u64>) -> Self {
        self.auto = Some(Auto::Checksum(compute, Covers::Layer));
        self.hex()
    }

    /// It is a checksum over header and payload of a message of the network itself.
    pub fn message_checksum(mut self, compute: fn(&Scope<'_>) -> Option<u64>) -> Self {
        self.auto = Some(Auto::Checksum(compute, Covers::Message));
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

    /// There must be one where `condition` holds.
    pub fn wanted_when(mut self, condition: fn(&Scope<'_>) -> bool) -> Self {
        self.wanted_when = Some(condition);
        self
    }

    /// Network cards complete it: before that, it is what `partial` says.
    pub fn completed_by_cards(mut self, partial: fn(&Scope<'_>) -> Option<u64>) -> Self {
        self.partial = Some(partial);
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

    /// It is in two's complement.
    pub fn signed(mut self) -> Self {
        self.signed = true;
        self
    }

    /// A value of it as a number, with its sign where it has one.
    pub fn number(&self, value: u64) -> i128 {
        let unused = u64::BITS.saturating_sub(self.span.len_bits).min(u64::BITS.saturating_sub(1));
        match self.signed {
            true => i128::from((value << unused).cast_signed() >> unused),
            false => i128::from(value),
        }
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

/// The first `bits` bits of an IPv6 address, whole octets; the others are zero and not on the wire.
pub fn ipv6_prefix(name: &'static str, bits: u32, title: &'static str) -> Field {
    let mut field = ipv6(name, title);
    field.place = Place::Bits(bits);
    field
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
