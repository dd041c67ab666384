//! What a built packet says about itself that is not so: a length that lies, a wrong checksum, another protocol than the
//! one that follows. Nothing of that is a mistake: whoever wrote it gets it.

use super::build::Built;
use super::walk::{Event, walk_layer};
use crate::proto::auto::Scope;
use crate::proto::describe::Auto;
use crate::proto::registry;
use crate::wire::layers::LayerState;
use crate::wire::value::ValueRef;

/// A field that says something else than what is computed for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Contradiction {
    /// The layer's name.
    pub layer: &'static str,
    /// The field's name, without the layer's.
    pub field: &'static str,
    /// What it says.
    pub says: u64,
    /// What is computed.
    pub computed: u64,
    /// Whether such numbers are shown in hexadecimal.
    pub is_hex: bool,
}

/// Tells each contradiction of a packet, the outermost layer first. Quoted packets are whatever somebody quotes.
pub fn contradictions(built: &Built, tell: &mut dyn FnMut(Contradiction)) {
    for (index, entry) in built.table.entries().iter().enumerate() {
        if entry.quoted_by.is_some() || entry.state != LayerState::Whole {
            continue;
        }
        let protocol = registry().get(entry.protocol);
        walk_layer(&built.octets, entry, protocol, &mut |event| {
            let Event::Field { field, value: ValueRef::Uint(says), octets, within } = event else { return };
            let Some(Auto::Structure(compute) | Auto::Checksum(compute, _)) = field.auto else { return };
            let scope = Scope {
                start: within.start,
                end: within.end,
                field: octets.start.saturating_sub(within.start),
                ..Scope::of_layer(&built.octets, &built.table, index)
            };
            let is_left_out = field.absent_when_zero && says == 0;
            if let Some(computed) = compute(&scope).filter(|computed| *computed != says && !is_left_out) {
                let (layer, is_hex) = (protocol.name, field.hex);
                tell(Contradiction { layer, field: field.name_for(says), says, computed, is_hex });
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::build::build;
    use crate::packet::{Layer, Packet};
    use crate::wire::value::Value;

    #[test]
    fn what_is_computed_contradicts_nothing_and_what_is_written_may() {
        let layer = |name| Layer::new(registry().by_name(name).unwrap());
        let told = |ip: Layer, udp: Layer| {
            let built = build(&Packet { layers: vec![ip, udp], trailer: Vec::new() }).unwrap();
            let mut told = Vec::new();
            contradictions(&built, &mut |one| told.push((one.layer, one.field, one.says, one.computed)));
            told
        };
        assert_eq!(told(layer("ip"), layer("udp")), []);
        let lies = layer("ip").with("len", Value::Uint(100)).with("proto", Value::Uint(6));
        let without = layer("udp").with("checksum", Value::Uint(0)).with("length", Value::Uint(9));
        assert_eq!(
            told(lies, without),
            [("ip", "len", 100, 28), ("ip", "proto", 6, 17), ("udp", "length", 9, 8)]
        );
    }
}
