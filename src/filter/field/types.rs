//! The types of values.

use std::fmt;

/// What kind of value something has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// A whole number.
    Number,
    /// True or false.
    Bool,
    /// A MAC address.
    Mac,
    /// An IPv4 address.
    Ipv4,
    /// An IPv6 address.
    Ipv6,
    /// Octets.
    Octets,
    /// A protocol: the octets of its layer.
    Protocol,
    /// Text.
    Text,
    /// A time span.
    Span,
    /// A point in time.
    Time,
}

impl Type {
    /// Its name in the singular.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Number => "number",
            Self::Bool => "true or false",
            Self::Mac => "MAC address",
            Self::Ipv4 => "IPv4 address",
            Self::Ipv6 => "IPv6 address",
            Self::Octets => "octets",
            Self::Protocol => "octets of a protocol",
            Self::Text => "text",
            Self::Span => "time in seconds",
            Self::Time => "date and time",
        }
    }

    /// How such values are written.
    pub(super) fn example(self) -> &'static str {
        match self {
            Self::Number => "a number: 10, 0x0a, 012, 0b1010, '\\n', or the name of a value",
            Self::Bool => "true, false, 1 or 0",
            Self::Mac => "six octets: 02:00:00:00:00:01",
            Self::Ipv4 => "an address or network: 10.0.0.1, 10.0.0.0/8",
            Self::Ipv6 => "an address or network: fe80::1, fe80::/10",
            Self::Octets | Self::Protocol => "octets in hexadecimal (08:00, 0xff) or text (\"GET\")",
            Self::Text => "text between double quotes",
            Self::Span => "seconds: 0.5",
            Self::Time => "a date and time in UTC: \"2026-01-31 12:00:00\"",
        }
    }

    /// Whether its values are octets in a row, of which some can be taken.
    pub(crate) fn has_octets(self) -> bool {
        matches!(self, Self::Mac | Self::Ipv4 | Self::Ipv6 | Self::Octets | Self::Protocol | Self::Text)
    }

    /// Whether it can be searched.
    pub(super) fn is_searchable(self) -> bool {
        matches!(self, Self::Mac | Self::Octets | Self::Protocol | Self::Text)
    }

    /// Whether values of the two can be compared.
    pub(super) fn goes_with(self, other: Self) -> bool {
        let are_octets = |one: Self| matches!(one, Self::Mac | Self::Octets | Self::Protocol);
        let are_numbers = |one: Self| matches!(one, Self::Number | Self::Bool);
        self == other
            || (are_octets(self) && are_octets(other))
            || (are_numbers(self) && are_numbers(other))
            // Wireshark takes a number of octets from an address as well: `ip.src == frame[26:4]`.
            || (self == Self::Octets && matches!(other, Self::Ipv4 | Self::Ipv6))
            || (other == Self::Octets && matches!(self, Self::Ipv4 | Self::Ipv6))
    }
}

/// Its name in the plural, for messages.
impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Number => "numbers",
            Self::Bool => "true or false",
            Self::Mac => "MAC addresses",
            Self::Ipv4 => "IPv4 addresses",
            Self::Ipv6 => "IPv6 addresses",
            Self::Octets => "octets",
            Self::Protocol => "protocols",
            Self::Text => "texts",
            Self::Span => "time spans",
            Self::Time => "times",
        })
    }
}
