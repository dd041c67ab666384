//! How grave something is that was found, and what kind of thing: Wireshark's severities and groups.

use super::check::Problem;

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

impl Problem {
    /// How grave it is, and what kind of thing.
    pub fn gravity(&self) -> (Severity, Group) {
        match self {
            Self::CutBySnapLen => (Severity::Note, Group::Undecoded),
            Self::CutByPacket => (Severity::Error, Group::Malformed),
            Self::HeaderLength | Self::LengthTooSmall | Self::LengthTooLarge { .. } => {
                (Severity::Error, Group::Protocol)
            }
            Self::Checksum { .. } | Self::NoChecksum => (Severity::Error, Group::Checksum),
            Self::Differs { .. } => (Severity::Warning, Group::Protocol),
            Self::OptionLength { .. } => (Severity::Warning, Group::Malformed),
            Self::TooManyLayers => (Severity::Warning, Group::Undecoded),
        }
    }

    /// What it is, without the numbers of one packet.
    pub fn summary(&self) -> &'static str {
        match self {
            Self::CutBySnapLen => "Header cut short by the snapshot length",
            Self::CutByPacket => "The packet ends inside the header",
            Self::HeaderLength => "Header length too small for the header",
            Self::LengthTooSmall => "Length too small for the header",
            Self::LengthTooLarge { .. } => "Length says more octets than the packet has",
            Self::Checksum { .. } => "Bad checksum",
            Self::NoChecksum => "No checksum where there must be one",
            Self::Differs { .. } => "Count or length differs from what is there",
            Self::OptionLength { .. } => "Option of an impossible length",
            Self::TooManyLayers => "More layers than are looked at",
        }
    }
}
