//! Fields that people name where no filter is written: columns, and what is set off in the hex. They are those of filters.

use std::ops::{ControlFlow, Range};

use super::about::About;
use super::evaluate::Run;
use super::names::{Names, What};
use super::program::{Datum, FieldValues, Whose};
use super::types::Type;
use crate::packet::check::Dissected;
use crate::proto::describe::Field;
use crate::stream::Need;

/// A name that is no field's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no field is called `{name}`{}", nearest.as_ref().map_or(String::new(), |near| format!("; did you mean `{near}`?")))]
pub struct UnknownField {
    /// The name.
    pub name: String,
    /// A field with a name that is nearly the same.
    pub nearest: Option<String>,
}

/// A field by its full name: `tcp.options.mss`, `ip.addr`, `frame.number`; or a protocol by its own.
#[derive(Debug, Clone)]
pub struct FieldName(FieldValues);

/// A value of a named field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NamedValue<'v> {
    /// A number; of a [`Type::Span`] or a [`Type::Time`], nanoseconds.
    Number(i128),
    /// An address, a text or other octets.
    Octets(&'v [u8]),
}

impl FieldName {
    /// The field or the protocol with this name.
    ///
    /// # Errors
    /// When there is none.
    pub fn new(name: &str) -> Result<Self, UnknownField> {
        let names = Names::all();
        match names.get(name) {
            Some(named) => {
                Ok(Self(FieldValues { named, layers: None, with_payload: false, whose: Whose::Own }))
            }
            None => Err(UnknownField { name: name.to_owned(), nearest: names.nearest(name) }),
        }
    }

    /// Whether a field or a protocol has this name.
    pub fn exists(name: &str) -> bool {
        Names::all().get(name).is_some()
    }

    /// The type of its values.
    pub fn kind(&self) -> Type {
        self.0.named.kind
    }

    /// Whether it stands somewhere in the octets: what is computed, or known of the capture, does not.
    pub fn has_octets(&self) -> bool {
        let stands = |what: &What| match what {
            What::Frame(_) => self.kind() == Type::Protocol,
            What::Derived(_) | What::Fact(_) => false,
            What::Layer | What::Field { .. } | What::Status(_) | What::Holder(_) => true,
        };
        self.0.named.places.iter().any(|place| stands(&place.what))
    }

    /// What must be known of the packets before, for its values to be known.
    pub fn need(&self) -> Need {
        let needs = self.0.named.places.iter().map(|place| match &place.what {
            What::Fact(fact) => fact.description().need,
            _ => Need::Nothing,
        });
        needs.max().unwrap_or_default()
    }

    /// Tells each value in a packet, with the description of its field where it has one: layer by layer, the outermost
    /// first.
    pub fn values(
        &self,
        packet: &Dissected<'_>,
        about: &About<'_>,
        tell: &mut dyn FnMut(NamedValue<'_>, Option<&'static Field>),
    ) {
        // All of them are told, or as many as the bound on what a packet can cost allows.
        let _ = Run::new(*packet, about).found(&self.0, &mut |found| {
            match &found.datum {
                Datum::Number(number) => tell(NamedValue::Number(*number), found.field),
                Datum::Octets(octets) => tell(NamedValue::Octets(octets), found.field),
            }
            ControlFlow::Continue(())
        });
    }

    /// Tells where in a packet it is; of an option that is one value, where all of the option is.
    pub fn places(&self, packet: &Dissected<'_>, tell: &mut dyn FnMut(Range<usize>)) {
        let _ = Run::new(*packet, &About::default()).found(&self.0, &mut |found| {
            found.octets.into_iter().for_each(&mut *tell);
            ControlFlow::Continue(())
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::registry;
    use crate::show::fields;

    #[test]
    fn whatever_is_listed_is_known() {
        for protocol in registry().protocols() {
            for name in fields::names(protocol).into_iter().chain(fields::filter_names(protocol)) {
                assert!(FieldName::new(&name).is_ok(), "{name}");
            }
        }
    }
}
