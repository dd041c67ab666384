//! How grave something is that was found, and what kind of thing: Wireshark's severities and groups.

use super::check::Problem;

pub use crate::proto::remark::{Group, Severity};

impl Problem {
    /// How grave it is, and what kind of thing.
    pub fn gravity(&self) -> (Severity, Group) {
        match self {
            Self::CutBySnapLen => (Severity::Note, Group::Undecoded),
            Self::CutByPacket => (Severity::Error, Group::Malformed),
            Self::HeaderLength | Self::LengthTooSmall | Self::LengthTooLarge { .. } | Self::Unfit { .. } => {
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
            Self::Unfit { .. } => "Value that does not go with the packet",
            Self::OptionLength { .. } => "Option of an impossible length",
            Self::TooManyLayers => "More layers than are looked at",
        }
    }
}
