//! What the capture knows of a packet: the fields of `frame`.

use super::types::Type;
use crate::packet::check::Dissected;
use crate::stream::Facts;
use crate::wire::comments::Comments;

/// What the capture knows of a packet besides its octets and layers; nothing, where there is no capture.
#[derive(Debug, Clone, Copy, Default)]
pub struct About<'a> {
    /// Its place in the capture, from 1.
    pub number: u64,
    /// When it was captured: nanoseconds since 1970.
    pub time: Option<i64>,
    /// When others were captured.
    pub times: Times,
    /// The name of the interface that it came by.
    pub interface: Option<&'a str>,
    /// The number of that interface in its section of the capture, from 0.
    pub interface_id: u32,
    /// What somebody noted about it.
    pub comment: Option<Comments<'a>>,
    /// The packet that was sent and may be answered by this one: what `sent.ip.src` and the like are about.
    pub sent: Option<Dissected<'a>>,
    /// Other packets that came or were sent before, of which those that have a name are told by it ([`Known`](super::Known)).
    pub known: &'a [Option<Dissected<'a>>],
    /// What the packets before it tell of its layers.
    pub facts: Option<&'a Facts>,
}

/// When other packets of the capture were captured: nanoseconds since 1970.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Times {
    /// The first one.
    pub first: Option<i64>,
    /// The one before this one.
    pub before: Option<i64>,
    /// The last one before it that was shown.
    pub shown: Option<i64>,
    /// This one.
    own: Option<i64>,
}

impl Times {
    /// Goes on to the next packet of the capture.
    pub fn see(&mut self, time: Option<i64>) {
        self.before = self.own.or(self.before);
        self.own = time;
        self.first = self.first.or(time);
    }

    /// That packet is shown.
    pub fn show(&mut self) {
        self.shown = self.own.or(self.shown);
    }
}

/// A field of `frame`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FrameField {
    Octets,
    Len,
    CapturedLen,
    Number,
    Time,
    TimeEpoch,
    TimeRelative,
    TimeDelta,
    TimeDeltaDisplayed,
    InterfaceName,
    InterfaceId,
    Protocols,
    Comment,
}

/// The fields of `frame`, which is no protocol: their names in filters, and what they are.
pub fn frame_fields() -> impl Iterator<Item = (&'static str, &'static str)> {
    FRAME_NAMES.iter().map(|(name, .., title)| (*name, *title))
}

/// The fields of `frame` that only a packet of a capture has.
const OF_CAPTURES: [FrameField; 7] = [
    FrameField::Number,
    FrameField::TimeRelative,
    FrameField::TimeDelta,
    FrameField::TimeDeltaDisplayed,
    FrameField::InterfaceName,
    FrameField::InterfaceId,
    FrameField::Comment,
];

/// The name of a field of `frame` that only a packet of a capture has, if this is one.
pub(super) fn of_captures(word: &str) -> Option<&'static str> {
    let (name, ..) =
        FRAME_NAMES.iter().find(|(name, _, field, _)| *name == word && OF_CAPTURES.contains(field))?;
    Some(name)
}

/// The names of the fields of `frame`, their types, and what they are.
pub(super) const FRAME_NAMES: &[(&str, Type, FrameField, &str)] = &[
    ("frame", Type::Protocol, FrameField::Octets, "All octets of the packet"),
    ("frame.len", Type::Number, FrameField::Len, "Octets that it had on the wire"),
    ("frame.cap_len", Type::Number, FrameField::CapturedLen, "Octets that were captured"),
    ("frame.number", Type::Number, FrameField::Number, "Its number in the capture"),
    ("frame.time", Type::Time, FrameField::Time, "When it was captured"),
    ("frame.time_epoch", Type::Span, FrameField::TimeEpoch, "When it was captured: seconds since 1970"),
    ("frame.time_relative", Type::Span, FrameField::TimeRelative, "Since the first packet"),
    ("frame.time_delta", Type::Span, FrameField::TimeDelta, "Since the packet before"),
    (
        "frame.time_delta_displayed",
        Type::Span,
        FrameField::TimeDeltaDisplayed,
        "Since the packet before that was shown",
    ),
    ("frame.interface_name", Type::Text, FrameField::InterfaceName, "Name of the interface"),
    ("frame.interface_id", Type::Number, FrameField::InterfaceId, "Number of the interface in the file"),
    ("frame.protocols", Type::Text, FrameField::Protocols, "Its protocols, with colons between"),
    ("frame.comment", Type::Text, FrameField::Comment, "A comment of the file"),
];
