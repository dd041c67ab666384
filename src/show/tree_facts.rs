//! What the packets before tell of a layer, in its tree: in brackets, since no octets say it.

use std::fmt::{self, Write};
use std::ops::Range;

use super::column_values::push_fact;
use super::tree::Tree;
use crate::stream::{Fact, FactKind};

impl Tree<'_, '_> {
    /// What the packets before tell of a layer.
    pub(super) fn facts(&mut self, index: usize, header: &Range<usize>) -> fmt::Result {
        let outer = self.depth;
        let mut has_times = false;
        for (fact, value) in self.facts.into_iter().flat_map(|facts| facts.of_layer(index)) {
            let place = Place::of(fact);
            if place == Place::Times && !std::mem::replace(&mut has_times, true) {
                self.begin(header)?;
                self.out.write_str("[Timestamps]\n")?;
            }
            self.depth = outer.saturating_add(place.depth());
            self.fact(header, fact, value)?;
            self.depth = outer;
        }
        Ok(())
    }

    fn fact(&mut self, header: &Range<usize>, fact: Fact, value: i64) -> fmt::Result {
        let known = fact.description();
        self.begin(header)?;
        self.out.write_str("[")?;
        if let Some((severity, group)) = known.gravity {
            write!(self.out, "{}/{}: ", severity.name(), group.name())?;
        }
        self.out.write_str(known.title)?;
        self.name(known.protocol, known.field())?;
        if known.kind != FactKind::Flag {
            self.out.write_str(": ")?;
            push_fact(self.out, fact, value);
        }
        match (fact, known.kind) {
            (Fact::Completeness, _) => self.completeness(value)?,
            (_, FactKind::Span) => self.out.write_str(" seconds")?,
            _ => {}
        }
        self.out.write_str("]\n")
    }

    /// What was seen of a connection, in words.
    fn completeness(&mut self, seen: i64) -> fmt::Result {
        let all = ["SYN", "SYN+ACK", "ACK", "data", "FIN", "RST"];
        let words = all.iter().enumerate().filter(|(bit, _)| seen & 1 << bit != 0).map(|(_, word)| *word);
        let words: Vec<&str> = words.collect();
        if words.is_empty() { Ok(()) } else { write!(self.out, " ({})", words.join(", ")) }
    }
}

/// Where a fact stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Among the layer's fields.
    Layer,
    Times,
    /// Under the analysis.
    Analysis,
    /// Under its flags.
    Flags,
}

impl Place {
    fn of(fact: Fact) -> Self {
        match fact {
            Fact::TcpTimeRelative | Fact::TcpTimeDelta | Fact::UdpTimeRelative | Fact::UdpTimeDelta => {
                Self::Times
            }
            Fact::Rto | Fact::RtoFrame => Self::Flags,
            Fact::Analysis => Self::Layer,
            _ if !fact.description().name.starts_with("tcp.analysis.") => Self::Layer,
            Fact::Flags => Self::Analysis,
            _ if fact.description().kind == FactKind::Flag => Self::Flags,
            _ => Self::Analysis,
        }
    }

    fn depth(self) -> usize {
        match self {
            Self::Layer => 0,
            Self::Times | Self::Analysis => 1,
            Self::Flags => 2,
        }
    }
}
