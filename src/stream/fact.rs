//! What only those can tell of a packet who saw the packets before it, by Wireshark's names.

use crate::wire::frame::Frame;

/// Something that is known of a layer from the packets before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "`FACTS` says what each is")]
pub enum Fact {
    TcpStream,
    UdpStream,
    TcpTimeRelative,
    TcpTimeDelta,
    UdpTimeRelative,
    UdpTimeDelta,
}

/// What kind of value a fact has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FactKind {
    /// A number.
    Number,
    /// Nanoseconds.
    Span,
}

/// What is to be known of a fact.
#[derive(Debug, Clone, Copy)]
pub struct FactDescription {
    /// Which one.
    pub fact: Fact,
    /// Its whole name: `tcp.stream`.
    pub name: &'static str,
    /// The protocol in whose layers it is.
    pub protocol: &'static str,
    /// What its values are.
    pub kind: FactKind,
    /// What must be done to know it.
    pub need: Need,
    /// Its name for people.
    pub title: &'static str,
}

/// How much of the packets before must be known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Need {
    /// Nothing.
    #[default]
    Nothing,
    /// Which conversation each belongs to, and when its others came.
    Conversations,
}

impl Fact {
    /// What is to be known of it.
    pub fn description(self) -> &'static FactDescription {
        // The table has all facts in their order, which a test holds.
        FACTS.get(self as usize).unwrap_or(&NOTHING)
    }

    /// The fact with this name.
    pub fn by_name(name: &str) -> Option<Self> {
        FACTS.iter().find(|known| known.name == name).map(|known| known.fact)
    }

    /// The facts of a protocol.
    pub fn of_protocol(protocol: &str) -> impl Iterator<Item = &'static FactDescription> {
        FACTS.iter().filter(move |known| known.protocol == protocol)
    }
}

/// The facts of one packet: each with the layer that it is of, as an index into the table, and its value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts(Vec<(usize, Fact, i64)>);

impl Facts {
    /// Forgets all.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Adds one; layers come in order, and the facts of a layer as they are shown.
    pub(super) fn add(&mut self, layer: usize, fact: Fact, value: i64) {
        self.0.push((layer, fact, value));
    }

    /// The facts of a layer, in the order in which they are shown.
    pub fn of_layer(&self, layer: usize) -> impl Iterator<Item = (Fact, i64)> {
        self.0.iter().filter(move |known| known.0 == layer).map(|known| (known.1, known.2))
    }

    /// The value of a fact of a layer.
    pub fn get(&self, layer: usize, fact: Fact) -> Option<i64> {
        self.of_layer(layer).find(|known| known.0 == fact).map(|known| known.1)
    }

    /// All of them with their layers.
    pub fn iter(&self) -> impl Iterator<Item = (usize, Fact, i64)> {
        self.0.iter().copied()
    }
}

/// Which packet of the capture this is, and when it came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Its number, from 1.
    pub number: u64,
    /// Nanoseconds since 1970; `None` where the capture has no time.
    pub time: Option<i64>,
}

impl Moment {
    /// That of a frame with this number.
    pub fn of(number: u64, frame: &Frame<'_>) -> Self {
        Self { number, time: frame.time }
    }
}

const fn known(
    fact: Fact,
    name: &'static str,
    kind: FactKind,
    need: Need,
    title: &'static str,
) -> FactDescription {
    let protocol = if let [b'u', ..] = name.as_bytes() { "udp" } else { "tcp" };
    FactDescription { fact, name, protocol, kind, need, title }
}

/// What stands for a fact that the table has not.
const NOTHING: FactDescription = known(Fact::TcpStream, "", FactKind::Number, Need::Nothing, "");

/// All facts.
pub const FACTS: &[FactDescription] = {
    use Fact::*;
    use FactKind::{Number, Span};
    use Need::Conversations as C;
    &[
        known(TcpStream, "tcp.stream", Number, C, "Stream index"),
        known(UdpStream, "udp.stream", Number, C, "Stream index"),
        known(TcpTimeRelative, "tcp.time_relative", Span, C, "Time since first frame in this TCP stream"),
        known(TcpTimeDelta, "tcp.time_delta", Span, C, "Time since previous frame in this TCP stream"),
        known(UdpTimeRelative, "udp.time_relative", Span, C, "Time since first frame"),
        known(UdpTimeDelta, "udp.time_delta", Span, C, "Time since previous frame"),
    ]
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_all_facts_in_their_order() {
        for (at, known) in FACTS.iter().enumerate() {
            assert_eq!(known.fact as usize, at, "{}", known.name);
            assert_eq!(Fact::by_name(known.name), Some(known.fact));
            assert_eq!(known.fact.description().name, known.name);
        }
        assert_eq!(FACTS.len(), Fact::UdpTimeDelta as usize + 1);
    }
}
