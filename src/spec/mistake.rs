//! The kinds of mistakes that a spec can have, and their words.

use crate::diagnostic::Explain;
use crate::filter::field;
use crate::packet::build::BuildError;
use crate::packet::fragment::FragmentError;
use crate::proto::describe::Style;
use crate::wire::domain_name::TextMistake;

/// A mistake: what is wrong ([`Display`](std::fmt::Display)), what was expected there, and what may help.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Mistake {
    /// The text is not what its syntax allows.
    #[error("{message}")]
    Syntax {
        /// What is wrong.
        message: String,
    },
    /// What is no name, or no text for octets.
    #[error("{name}: {mistake}")]
    Text {
        /// The field.
        name: String,
        /// What is wrong.
        mistake: TextMistake,
    },
    /// A key that has no meaning there.
    #[error("{place} has no key `{name}`")]
    UnknownKey {
        /// What has the key.
        place: &'static str,
        /// The key.
        name: String,
        /// The nearest one.
        nearest: Option<String>,
        /// All there are.
        known: &'static [&'static str],
    },
    /// A layer of which there is no description.
    #[error("there is no layer `{name}`")]
    UnknownLayer {
        /// Its name.
        name: String,
        /// The nearest one.
        nearest: Option<String>,
    },
    /// A field that the layer does not have.
    #[error("{layer} has no field `{name}`")]
    UnknownField {
        /// The layer, or the option or list in it.
        layer: String,
        /// The field.
        name: String,
        /// The nearest one.
        nearest: Option<String>,
    },
    /// An option that is not known.
    #[error("{place} has no option `{name}`")]
    UnknownOption {
        /// The list of options.
        place: String,
        /// The option.
        name: String,
        /// The nearest one.
        nearest: Option<String>,
        /// The protocol's word for an option's type.
        code_name: &'static str,
    },
    /// A name that stands for more than one number.
    #[error("{name}: `{word}` stands for more than one number")]
    AmbiguousValue {
        /// The field.
        name: String,
        /// The word.
        word: String,
        /// The numbers.
        numbers: Vec<u64>,
    },
    /// A field that was written twice.
    #[error("{name} is written twice")]
    Twice {
        /// The field.
        name: String,
    },
    /// Something of another kind than is wanted.
    #[error("{name} takes {wanted}, not {found}")]
    WrongKind {
        /// The field.
        name: String,
        /// What it takes.
        wanted: String,
        /// What stands there.
        found: String,
        /// The nearest word that it takes.
        nearest: Option<String>,
    },
    /// A number that does not fit.
    #[error("{value} does not fit into {name}")]
    OutOfRange {
        /// The field.
        name: String,
        /// The number.
        value: String,
        /// The smallest that fits.
        min: u64,
        /// The largest that fits.
        max: u64,
        /// Only multiples of this fit.
        unit: u64,
    },
    /// A range, step or list that is none.
    #[error("{name}: {problem}")]
    Generator {
        /// The field.
        name: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// More or less than what is computed, for a field that is not.
    #[error("{name} is not computed, so that nothing can be added to it")]
    NotComputed {
        /// The field.
        name: String,
    },
    /// A character that is no hexadecimal digit.
    #[error("{name}: {found:?} is no hexadecimal digit")]
    HexDigit {
        /// The field.
        name: String,
        /// The character.
        found: char,
    },
    /// Half an octet.
    #[error("{name}: an odd number of hexadecimal digits")]
    HexHalf {
        /// The field.
        name: String,
    },
    /// Octets for a field of fixed length.
    #[error("{name} takes {wanted} octets, not {found}")]
    OctetsLen {
        /// The field.
        name: String,
        /// How many it takes.
        wanted: usize,
        /// How many there are.
        found: usize,
    },
    /// Octets by several ways at once, or by none.
    #[error("{name}: octets are given in just one way")]
    OneSource {
        /// The field.
        name: String,
    },
    /// A file that cannot be read.
    #[error("cannot read {path}: {problem}")]
    File {
        /// The file.
        path: String,
        /// Why.
        problem: String,
    },
    /// A file that includes itself, or what includes it.
    #[error("{path} includes itself")]
    Cycle {
        /// The file.
        path: String,
    },
    /// Too many files.
    #[error("more than {most} files, or too many that include each other")]
    TooManyFiles {
        /// How many may be included.
        most: usize,
    },
    /// A variable that is not known.
    #[error("there is no variable `{name}`")]
    UnknownVariable {
        /// Its name.
        name: String,
        /// The nearest one.
        nearest: Option<String>,
    },
    /// A variable that was set from outside, and that the spec does not use.
    #[error("the spec uses no variable `{name}`")]
    UnusedVariable {
        /// Its name.
        name: String,
        /// The nearest that it uses.
        nearest: Option<String>,
        /// Some that it uses.
        used: Vec<String>,
    },
    /// What cannot be a variable's name.
    #[error("`{name}` is no name for a variable")]
    VariableName {
        /// It.
        name: String,
    },
    /// What `--set` was given.
    #[error("`{found}` sets no variable")]
    NotSet {
        /// It.
        found: String,
    },
    /// A variable that is told by itself.
    #[error("the variable `{name}` stands for itself")]
    Itself {
        /// Its name.
        name: String,
    },
    /// Variables that make too much.
    #[error("the variables make more than {most} parts of a spec, or stand for each other too deep")]
    TooManyParts {
        /// How many there may be.
        most: usize,
    },
    /// Something of a packet that it has not.
    #[error("the packet has no `{name}`")]
    NotInPacket {
        /// What.
        name: String,
    },
    /// A field of which no values are drawn.
    #[error("{name} cannot be fuzzed: only numbers, addresses, octets and options can")]
    NoFuzz {
        /// The field.
        name: String,
    },
    /// A packet that cannot be cut.
    #[error("{0}")]
    Fragment(FragmentError),
    /// Defaults for what is nothing but its octets.
    #[error("`data` takes no defaults: its octets are each packet's own")]
    NoDefaults,
    /// A variable that has not the same number of values everywhere.
    #[error("the variable `{name}` has {one} values in one place and {other} in another")]
    Uneven {
        /// Its name.
        name: String,
        /// How many.
        one: u64,
        /// How many elsewhere.
        other: u64,
    },
    /// A field that there is not.
    #[error("no field is called `{name}`")]
    NoField {
        /// Its name.
        name: String,
        /// The nearest one.
        nearest: Option<String>,
    },
    /// A field that the packet has not.
    #[error("the packet has no `{name}` for its text")]
    FieldMissing {
        /// Its name.
        name: String,
    },
    /// A text that changes what it tells.
    #[error("the text tells a field that depends on the text")]
    Restless,
    /// A layer, option or item with more than one key, or none.
    #[error("{place}: each entry is a table with just one name")]
    OneKey {
        /// What holds the entry.
        place: String,
    },
    /// An item that is not written as its list wants.
    #[error("{name}: each item is {}", style_words(*style))]
    Item {
        /// The list.
        name: String,
        /// How items are written.
        style: Style,
        /// The names of an item's fields.
        fields: Vec<&'static str>,
    },
    /// A table without a key that it needs.
    #[error("{name} needs `{key}`")]
    Missing {
        /// The table.
        name: String,
        /// The key.
        key: &'static str,
    },
    /// A packet without layers.
    #[error("a packet needs `layers`")]
    NoLayers,
    /// A duration that is none.
    #[error("{name} takes a duration, not {found}")]
    Duration {
        /// The key.
        name: String,
        /// What stands there.
        found: String,
    },
    /// A rate that is none.
    #[error("{name} takes a rate, not {found}")]
    Rate {
        /// The key.
        name: String,
        /// What stands there.
        found: String,
    },
    /// The same thing said in two ways.
    #[error("`{one}` and `{other}` exclude each other")]
    Exclusive {
        /// One key.
        one: &'static str,
        /// The other.
        other: &'static str,
    },
    /// An expectation that says nothing, or two things.
    #[error("an expectation says either `match` or `none`")]
    Expect,
    /// A field of another packet where none came or was sent before.
    #[error("`{text}`: no packet came or was sent before this one")]
    NothingKnown {
        /// What stands there.
        text: String,
    },
    /// A step that does nothing.
    #[error("the step does nothing")]
    EmptyStep,
    /// What cannot be a step's name.
    #[error("`{name}` is no name for a step")]
    StepName {
        /// It.
        name: String,
        /// Whether it means something else.
        is_taken: bool,
    },
    /// Packets that follow an answer that nobody gives.
    #[error("nothing answers this packet, so that its `then` never goes")]
    Unanswered,
    /// A filter for replies where no packet is.
    #[error("`reply` belongs to a packet")]
    Reply,
    /// A filter for replies that is none.
    #[error("{0}")]
    Filter(field::Mistake),
    /// The packet cannot be built.
    #[error("{0}")]
    Build(BuildError),
}

/// What a spec has instead of a variable that it does not use.
fn used_variables(used: &[String]) -> String {
    match used {
        [] => "it uses none: `$NAME` in place of a value is one".to_owned(),
        used => format!("it uses {}", used.join(", ")),
    }
}

impl Explain for Mistake {
    /// What was expected at the spot, where the message does not say it.
    fn expected(&self) -> Option<String> {
        Some(match self {
            Self::OutOfRange { min, max, unit, .. } => match unit {
                1 => format!("expected {min} to {max}"),
                _ => format!("expected {min} to {max} in multiples of {unit}"),
            },
            Self::Item { fields, style: Style::Tuple | Style::Table, .. } => {
                format!("expected {}", fields.join(", "))
            }
            Self::Duration { .. } => "expected a number with its unit: ns, us, ms, s, m or h".to_owned(),
            Self::Filter(mistake) => return mistake.expected(),
            Self::Rate { .. } => "expected packets in a time: 100/s, 50k/s, 6000/m".to_owned(),
            _ => return None,
        })
    }

    /// What may help: the nearest name, or where the names are listed.
    fn help(&self) -> Option<String> {
        let did_you_mean = |nearest: &Option<String>, otherwise: String| match nearest {
            Some(name) => format!("did you mean `{name}`?"),
            None => otherwise,
        };
        Some(match self {
            Self::UnknownKey { nearest, known, .. } => {
                did_you_mean(nearest, format!("it has {}", known.join(", ")))
            }
            Self::UnknownLayer { nearest, .. } => {
                did_you_mean(nearest, "`rawsock fields` lists the layers".to_owned())
            }
            Self::UnknownField { layer, nearest, .. } => {
                let layer = layer.split(".options").next().unwrap_or(layer);
                did_you_mean(nearest, format!("`rawsock fields {layer}` lists its fields"))
            }
            Self::UnknownOption { nearest, code_name, .. } => did_you_mean(
                nearest,
                format!("any other option is {{ unknown = {{ {code_name} = 200, data = \"0102\" }} }}"),
            ),
            Self::WrongKind { nearest: Some(name), .. } => format!("did you mean `{name}`?"),
            Self::AmbiguousValue { numbers, .. } => {
                let numbers: Vec<String> = numbers.iter().map(u64::to_string).collect();
                format!("write the number: {}", numbers.join(" or "))
            }
            Self::OneSource { .. } => {
                "one of hex, text, file, zeros, pattern, random, from; or plain hexadecimal digits".to_owned()
            }
            Self::UnknownVariable { nearest, name } => did_you_mean(
                nearest,
                format!("say what it is under `vars`, or by `--set {name}=VALUE`; `$$` is a dollar"),
            ),
            Self::UnusedVariable { nearest, used, .. } => did_you_mean(nearest, used_variables(used)),
            Self::VariableName { .. } => "it has letters, digits and `_`, and no digit first".to_owned(),
            Self::NotSet { .. } => "write NAME=VALUE".to_owned(),
            Self::NoField { nearest, .. } => {
                did_you_mean(nearest, "`rawsock fields` lists the fields".to_owned())
            }
            Self::NotComputed { .. } => {
                "`auto+1` is for lengths, counts, checksums and what comes next; write the value here"
                    .to_owned()
            }
            Self::Expect => "`match` is what must come, `none` what must not".to_owned(),
            Self::NothingKnown { .. } => {
                "the packets of `then` and the steps of a `[[scenario]]` know those before them".to_owned()
            }
            Self::EmptyStep => "it needs `send`, `expect` or `wait`".to_owned(),
            Self::StepName { is_taken: true, .. } => {
                "protocols have such names, and `sent`, `reply` and `frame` mean packets".to_owned()
            }
            Self::StepName { .. } => "it has letters, digits and `_`, and no digit first".to_owned(),
            Self::Unanswered => "say what does: `reply = \"…\"`, or `expect = { match = \"…\" }`".to_owned(),
            Self::Reply => "write it beside the packet's `layers`".to_owned(),
            Self::Filter(mistake) => return mistake.help(),
            _ => return None,
        })
    }
}

fn style_words(style: Style) -> &'static str {
    match style {
        Style::Scalar => "one value",
        Style::Tuple => "a list of its values, in order",
        Style::Table => "a table of its fields",
    }
}

/// What somebody wrote, short enough for a message.
pub(super) fn shortened(text: &str) -> String {
    match text.char_indices().nth(MAX_SHOWN) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// Letters of foreign words in a message.
const MAX_SHOWN: usize = 40;
/// Mistakes that are told at once: enough to mend a spec by.
pub(super) const MAX_MISTAKES: usize = 20;
