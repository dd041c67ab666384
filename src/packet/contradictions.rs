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
    for miscounted in &built.miscounted {
        tell(*miscounted);
    }
    for (index, entry) in built.table.entries().iter().enumerate() {
        if entry.quoted_by.is_some() || entry.state != LayerState::Whole {
            continue;
        }
        let protocol = registry().get(entry.protocol);
        walk_layer(&built.octets, entry, protocol, &mut |event| {
            let Event::Field { field, value, octets, within } = event else { return };
            let says = match value {
                ValueRef::Uint(number) => number,
                ValueRef::Bool(bit) => u64::from(bit),
                _ => return,
            };
            let compute = match field.auto {
                Some(Auto::Structure(compute) | Auto::Checksum(compute, _)) => Some(compute),
                None => field.wanted,
            };
            let Some(compute) = compute else { return };
            let scope = Scope {
                start: within.start,
                end: within.end,
                field: octets.start.saturating_sub(within.start),
                ..Scope::of_layer(&built.octets, &built.table, index)
            };
            let is_wanted = field.wanted_when.is_some_and(|holds| holds(&scope));
            let is_left_out = field.absent_when_zero && says == 0 && !is_wanted;
            // Of a part of a unit building writes the whole units.
            let whole =
                |computed: u64| computed.saturating_sub(computed.checked_rem(field.scale).unwrap_or(0));
            if let Some(computed) =
                compute(&scope).map(whole).filter(|computed| *computed != says && !is_left_out)
            {
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
    use crate::packet::{Layer, Node, Packet};
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
    #[test]
    fn counts_and_bits_that_the_octets_alone_do_not_tell() {
        let layer = |name| Layer::new(registry().by_name(name).unwrap());
        let told = |layers: Vec<Layer>| {
            let built = build(&Packet { layers, trailer: Vec::new() }).unwrap();
            let mut told = Vec::new();
            contradictions(&built, &mut |one| told.push((one.layer, one.field, one.says, one.computed)));
            told
        };
        for says in [0, 1, 3] {
            let mut dns = layer("dns").with("count.queries", Value::Uint(says));
            dns.fields.push(("qry".to_owned(), Node::List(vec![Node::Table(Vec::new())])));
            let wanted = [("dns", "count.queries", says, 1)];
            assert_eq!(told(vec![dns]), wanted[..usize::from(says != 1)], "{says}");
        }
        let label = layer("mpls").with("bottom", Value::Bool(false));
        assert_eq!(told(vec![label, layer("ip")]), [("mpls", "bottom", 0, 1)]);
        let mut tcp = layer("tcp");
        let value = |name: &str, number| (name.to_owned(), Node::Value(Value::Uint(number)));
        let unknown = Node::Table(vec![value("kind", 200), value("length", 9)]);
        let unknown = Node::Table(vec![("unknown".to_owned(), unknown)]);
        tcp.fields.push(("options".to_owned(), Node::List(vec![unknown])));
        assert_eq!(told(vec![tcp]), [("tcp", "unknown.length", 9, 2)]);
    }
}
