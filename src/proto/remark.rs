//! What is worth a remark about a layer by itself: Wireshark's expert information, under its names, which filters know too.

use super::view::View;

/// How grave it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// It is wrong.
    Error,
    /// It should not be so.
    Warning,
    /// It is worth a look.
    Note,
    /// It is how things go.
    Chat,
}

/// What kind of thing it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Group {
    /// A checksum.
    Checksum,
    /// Something that cannot be read as what it says to be.
    Malformed,
    /// Something that the protocol does not allow.
    Protocol,
    /// What comes before or behind what.
    Sequence,
    /// Something that is not there to be read.
    Undecoded,
}

impl Severity {
    /// All, the gravest first.
    pub const ALL: [Self; 4] = [Self::Error, Self::Warning, Self::Note, Self::Chat];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "Error",
            Self::Warning => "Warning",
            Self::Note => "Note",
            Self::Chat => "Chat",
        }
    }
}

impl Group {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Checksum => "Checksum",
            Self::Malformed => "Malformed",
            Self::Protocol => "Protocol",
            Self::Sequence => "Sequence",
            Self::Undecoded => "Undecoded",
        }
    }
}

/// Something that a layer is or is not.
#[derive(Debug, Clone, Copy)]
pub struct Remark {
    /// Its whole name: `ip.ttl.too_small`.
    pub name: &'static str,
    /// How grave it is, and what kind of thing.
    pub gravity: (Severity, Group),
    /// What it is, for people.
    pub title: &'static str,
    /// 1 where it is so.
    pub is_so: fn(&View<'_>) -> Option<u64>,
}
