//! The kinds of mistakes that a capture filter can have, and their words.

use super::syntax::{Kind, Protocol};
use crate::diagnostic::Explain;
use crate::wire::bpf::MAX_INSTRUCTIONS;
use crate::wire::frame::LinkType;

/// A mistake in a capture filter.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Mistake {
    /// Something else should stand here.
    #[error("{found} cannot stand here")]
    Unexpected {
        /// What stands there.
        found: String,
        /// What could stand there.
        expected: &'static str,
    },
    /// A word that has no meaning in this language.
    #[error("`{word}` is no word of this language")]
    UnknownWord {
        /// The word.
        word: String,
        /// The nearest that has one.
        nearest: Option<&'static str>,
    },
    /// A name that nobody knows.
    #[error("unknown {what} `{name}`")]
    UnknownName {
        /// What it should be a name of.
        what: &'static str,
        /// The name.
        name: String,
        /// The nearest that is known.
        nearest: Option<String>,
    },
    /// A number that does not fit.
    #[error("{what} {number} is greater than {most}")]
    TooLarge {
        /// What the number is of.
        what: &'static str,
        /// The number.
        number: String,
        /// The greatest that fits.
        most: u32,
    },
    /// A name that is nobody's.
    #[error("no address is known for `{name}`: {why}")]
    NoAddress {
        /// The name of a host.
        name: String,
        /// What whoever knows names said.
        why: String,
    },
    /// An address or number that is none.
    #[error("`{text}` is no {what}")]
    Malformed {
        /// What it should be.
        what: &'static str,
        /// What it is.
        text: String,
    },
    /// Bits that do not count are set.
    #[error("`{address}` has bits set that its mask leaves out")]
    BitsOutsideMask {
        /// The address.
        address: String,
    },
    /// Words that do not go together.
    #[error("`{qualifier}` cannot stand before {what}")]
    Qualifier {
        /// The word.
        qualifier: &'static str,
        /// What is behind it.
        what: &'static str,
    },
    /// A test that this link type cannot do.
    #[error("`{what}` cannot be tested for packets of link type {}", link_type.0)]
    LinkType {
        /// The test.
        what: &'static str,
        /// The link type.
        link_type: LinkType,
    },
    /// A test that only exists elsewhere.
    #[error("`{what}` is not supported")]
    Unsupported {
        /// The test.
        what: String,
        /// Why.
        why: &'static str,
    },
    /// An access of a protocol's octets by a number that is neither 1, 2 nor 4.
    #[error("{size} octets cannot be loaded at once")]
    LoadSize {
        /// How many.
        size: u32,
    },
    /// A calculation that has no result.
    #[error("{what}")]
    Arithmetic {
        /// Why not.
        what: &'static str,
    },
    /// More than can be compiled.
    #[error("the filter is too long or too deeply nested")]
    TooMuch,
}

impl Mistake {
    pub(super) fn kind_for_address(kind: Kind, what: &'static str) -> Self {
        Self::Qualifier { qualifier: kind.word(), what }
    }

    pub(super) fn protocol_before(protocol: Protocol, what: &'static str) -> Self {
        Self::Qualifier { qualifier: protocol.word(), what }
    }
}

impl Explain for Mistake {
    fn expected(&self) -> Option<String> {
        match self {
            Self::Unexpected { expected, .. } => Some(format!("expected {expected}")),
            Self::LoadSize { .. } => Some("expected 1, 2 or 4".to_owned()),
            _ => None,
        }
    }

    fn help(&self) -> Option<String> {
        match self {
            Self::UnknownWord { nearest, word } => Some(match nearest {
                Some(nearest) => format!("did you mean `{nearest}`?"),
                None => format!("to name a host, write `host {word}`"),
            }),
            Self::UnknownName { nearest: Some(nearest), .. } => Some(format!("did you mean `{nearest}`?")),
            Self::BitsOutsideMask { .. } => {
                Some("`host` takes a whole address, `net` only its first bits".to_owned())
            }
            Self::Unsupported { why, .. } => Some((*why).to_owned()),
            Self::TooMuch => Some(format!("the kernel takes at most {MAX_INSTRUCTIONS} instructions")),
            _ => None,
        }
    }
}
