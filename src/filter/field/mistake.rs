//! The kinds of mistakes that a field filter can have, and their words.

use super::types::Type;
use crate::diagnostic::Explain;

/// A mistake in a field filter.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Mistake {
    /// A sign that the language has not.
    #[error("`{sign}` is no sign of this language")]
    Sign {
        /// The sign.
        sign: char,
        /// What may be meant.
        help: Option<&'static str>,
    },
    /// Something that is opened and not closed.
    #[error("`{opened}` is not closed")]
    Unclosed {
        /// What opens it.
        opened: &'static str,
        /// What would close it.
        wanted: &'static str,
    },
    /// A backslash with something behind it that it does not go with.
    #[error("there is no such escape")]
    Escape,
    /// More or less than one character between single quotes.
    #[error("one character stands between single quotes")]
    Character,
    /// Something else should stand here.
    #[error("{found} cannot stand here")]
    Unexpected {
        /// What stands there.
        found: String,
        /// What could stand there.
        expected: &'static str,
    },
    /// A range that is none.
    #[error("this is no range")]
    Range,
    /// A range that ends before it begins.
    #[error("the range ends before it begins")]
    RangeEnd,
    /// Layer 0, or a range in what is no field.
    #[error("layers are counted from 1")]
    LayerZero,
    /// Layers of something that is no field.
    #[error("only fields and protocols are in layers")]
    NoLayers,
    /// A name that is neither a field nor a protocol.
    #[error("`{name}` is neither a field nor a protocol")]
    UnknownName {
        /// The name.
        name: String,
        /// The nearest ones.
        nearest: Option<String>,
    },
    /// A function that does not exist.
    #[error("there is no function `{name}`")]
    UnknownFunction {
        /// Its name.
        name: String,
        /// The nearest one.
        nearest: Option<&'static str>,
    },
    /// A function that takes something else.
    #[error("{function}() takes {takes}")]
    Argument {
        /// The function.
        function: &'static str,
        /// What it takes.
        takes: &'static str,
    },
    /// A value that is not of the type that the other side has.
    #[error("`{text}` is {}", no_such(*kind))]
    Literal {
        /// What stands there.
        text: String,
        /// What it should be.
        kind: Type,
        /// The named value that is nearest.
        nearest: Option<&'static str>,
    },
    /// A number that no value of the field can be.
    #[error("{number} is too large for {name}, whose greatest value is {most}")]
    TooLarge {
        /// The number.
        number: String,
        /// The field.
        name: String,
        /// The greatest number that a field of its size can hold.
        most: u64,
    },
    /// Two sides that cannot be compared.
    #[error("{left} and {right} cannot be compared")]
    Types {
        /// The type of one.
        left: Type,
        /// The type of the other.
        right: Type,
    },
    /// An operator that has no meaning for a type.
    #[error("`{operator}` has no meaning for {kind}")]
    Operator {
        /// The operator.
        operator: &'static str,
        /// The type.
        kind: Type,
    },
    /// Octets of what has none.
    #[error("{kind} have no octets to take some of")]
    NoOctets {
        /// The type.
        kind: Type,
    },
    /// A value without a field that would tell what it means.
    #[error("there is no field here to compare with")]
    NoField,
    /// A value where a test is wanted.
    #[error("this is a value, and neither true nor false")]
    NoTest,
    /// A test where a value is wanted.
    #[error("this is true or false, and no value")]
    NoValue,
    /// A pattern that is no text, or none that can be used.
    #[error("this pattern cannot be used: {problem}")]
    Pattern {
        /// Why.
        problem: String,
    },
    /// Several values where one is wanted: `10.0.0.0/8` in a calculation.
    #[error("a network stands only behind a comparison or in a set")]
    Network,
    /// Something that the packets before tell, where there are none.
    #[error("`{name}` is known of packets in a capture alone")]
    NoCapture {
        /// The name.
        name: &'static str,
    },
    /// A field of a packet that is not told.
    #[error("of which packet is `{name}`?")]
    WhichPacket {
        /// The field.
        name: String,
    },
    /// More than is taken.
    #[error("the filter is too long or too deeply nested")]
    TooMuch,
}

impl Explain for Mistake {
    fn expected(&self) -> Option<String> {
        Some(match self {
            Self::Unexpected { expected, .. } => format!("expected {expected}"),
            Self::Unclosed { wanted, .. } => format!("expected `{wanted}` at the end"),
            Self::Literal { kind, .. } => format!("expected {}", kind.example()),
            _ => return None,
        })
    }

    fn help(&self) -> Option<String> {
        let did_you_mean = |nearest: &str| format!("did you mean `{nearest}`?");
        Some(match self {
            Self::Sign { help, .. } => (*help)?.to_owned(),
            Self::Escape => {
                r#"there are \n \t \" \\ \x41 \101 \u0041 and the like; r"…" keeps backslashes"#.to_owned()
            }
            Self::Range | Self::RangeEnd => {
                "[first:length], [first-last], [first:], [:length] or [first], several with commas".to_owned()
            }
            Self::UnknownName { nearest: Some(nearest), .. } => did_you_mean(nearest),
            Self::UnknownName { .. } => {
                "`rawsock fields` lists protocols, `rawsock fields ip` fields".to_owned()
            }
            Self::UnknownFunction { nearest: Some(nearest), .. } => did_you_mean(nearest),
            Self::UnknownFunction { .. } => format!("there are {}", super::function::NAMES.join(", ")),
            Self::Literal { nearest: Some(nearest), .. } => format!("did you mean \"{nearest}\"?"),
            Self::Operator { operator: "matches" | "~" | "contains", .. } => {
                "string(…) makes text of it".to_owned()
            }
            Self::NoTest => "compare it: `len(tcp) > 20`".to_owned(),
            Self::WhichPacket { name } => {
                format!("`sent.{name}` is the packet's that was sent, `reply.{name}` its answer's")
            }
            Self::NoField => "write a field on one side: `tcp.port == 80`".to_owned(),
            Self::TooMuch => "a filter has at most 64 KiB, 100 levels and 200 calculations".to_owned(),
            _ => return None,
        })
    }
}

fn no_such(kind: Type) -> String {
    match kind {
        Type::Bool => "neither true nor false".to_owned(),
        Type::Octets | Type::Protocol | Type::Text => format!("not {}", kind.word()),
        _ => format!("no {}", kind.word()),
    }
}
