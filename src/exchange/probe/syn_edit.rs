//! One thing changed in the shape of a SYN: an option taken away, another window, another field.

use std::fmt;

use crate::packet::{Layer, Node};
use crate::wire::value::Value;

use super::syn_shape::{ECN_FLAGS, SynShape, name_of};

/// A change of a shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edit {
    /// Without this option.
    Without(String),
    /// With another window.
    Window(u16),
    /// Without the bits of ECN (RFC 3168, RFC 9768).
    NoEcn,
    /// With the options the other way round.
    OptionsReversed,
    /// With routers allowed to cut it into fragments, or not.
    DontFragment(bool),
    /// With another time to live.
    Ttl(u8),
    /// With another type of service or traffic class.
    Tos(u8),
}

impl fmt::Display for Edit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Without(option) => write!(f, "without tcp.options.{option}"),
            Self::Window(window) => write!(f, "with tcp.window_size_value {window}"),
            Self::NoEcn => f.write_str("without tcp.flags.ece and tcp.flags.cwr"),
            Self::OptionsReversed => f.write_str("with tcp.options in reverse order"),
            Self::DontFragment(true) => f.write_str("with ip.flags.df set"),
            Self::DontFragment(false) => f.write_str("with ip.flags.df not set"),
            Self::Ttl(ttl) => write!(f, "with time to live {ttl}"),
            Self::Tos(tos) => write!(f, "with type of service {tos:#04x}"),
        }
    }
}

impl SynShape {
    /// The same with changes.
    #[must_use]
    pub fn edited(&self, edits: &[Edit]) -> Self {
        let mut shape = self.clone();
        for edit in edits {
            shape.edit(edit);
        }
        let words: Vec<String> = edits.iter().map(Edit::to_string).collect();
        if !words.is_empty() {
            shape.name = format!("{}, {}", self.name, words.join(", "));
        }
        shape
    }

    fn edit(&mut self, edit: &Edit) {
        match edit {
            Edit::Without(option) => {
                if let Some(Node::List(options)) = self.options() {
                    options.retain(|node| name_of(node) != Some(option.as_str()));
                }
            }
            Edit::OptionsReversed => {
                if let Some(Node::List(options)) = self.options() {
                    options.reverse();
                }
            }
            Edit::Window(window) => set(&mut self.tcp, "window_size_value", Value::Uint((*window).into())),
            Edit::NoEcn => {
                let flags = self.flags() & !ECN_FLAGS;
                set(&mut self.tcp, "flags", Value::Uint(flags));
            }
            Edit::DontFragment(df) => self.set_ip("flags.df", "", Value::Bool(*df)),
            Edit::Ttl(ttl) => self.set_ip("ttl", "hlim", Value::Uint((*ttl).into())),
            Edit::Tos(tos) => self.set_ip("dsfield", "tclass", Value::Uint((*tos).into())),
        }
    }

    fn set_ip(&mut self, v4: &str, v6: &str, value: Value) {
        let Some(ip) = &mut self.ip else { return };
        let name = if ip.protocol.name == "ip" { v4 } else { v6 };
        if !name.is_empty() {
            set(ip, name, value);
        }
    }

    /// All changes that can be tried, the likeliest first: each option away, the other window, ECN; what IP's header says at last.
    pub fn edits(&self, window: u16) -> Vec<Edit> {
        let mut edits: Vec<Edit> = Vec::new();
        for option in self.option_names() {
            let edit = Edit::Without(option);
            // What fills up says nothing by itself, and the same option is tried once.
            if edit != Edit::Without("nop".to_owned()) && !edits.contains(&edit) {
                edits.push(edit);
            }
        }
        if edits.len() > 1 {
            edits.push(Edit::OptionsReversed);
        }
        edits.push(Edit::Window(window));
        if self.flags() & ECN_FLAGS != 0 {
            edits.push(Edit::NoEcn);
        }
        let Some(ip) = &self.ip else { return edits };
        let number = |name: &str| match ip.get(name) {
            Some(Node::Value(Value::Uint(number))) => u8::try_from(*number).ok(),
            Some(Node::Value(Value::Bool(bit))) => Some(u8::from(*bit)),
            _ => None,
        };
        if let Some(df) = number("flags.df") {
            edits.push(Edit::DontFragment(df == 0));
        }
        if let Some(ttl) = number("ttl").or_else(|| number("hlim")) {
            edits.push(Edit::Ttl(if ttl == 255 { 64 } else { 255 }));
        }
        if number("dsfield").or_else(|| number("tclass")).is_some_and(|tos| tos != 0) {
            edits.push(Edit::Tos(0));
        }
        edits
    }
}

fn set(layer: &mut Layer, name: &str, value: Value) {
    layer.fields.retain(|(own, _)| own != name);
    layer.fields.push((name.to_owned(), Node::Value(value)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::probe::syn_shape::{Own, usual};
    use crate::packet::Packet;
    use crate::packet::build::build;

    fn octets(shape: &SynShape) -> Vec<u8> {
        let (source, destination) = ([10, 0, 0, 1].into(), [10, 0, 0, 2].into());
        let own = Own { source, destination, ports: (40_000, 80), seq: 7, fresh: 0 };
        build(&Packet { layers: shape.layers(&own), trailer: Vec::new() }).unwrap().octets
    }

    #[test]
    fn edits_change_one_thing_each() {
        let kernel = usual(false, 1500);
        let edits = kernel.edits(1024);
        let whole = octets(&kernel);
        let mut seen = vec![whole.clone()];
        for edit in &edits {
            let edited = octets(&kernel.edited(std::slice::from_ref(edit)));
            assert!(!seen.contains(&edited), "{edit}");
            seen.push(edited);
        }
        assert!(edits.contains(&Edit::Without("mss".to_owned())) && edits.contains(&Edit::Window(1024)));
        let bare = kernel.edited(&[Edit::Without("mss".to_owned()), Edit::Without("wscale".to_owned())]);
        assert_eq!(bare.option_names(), ["sack_perm", "timestamp", "nop"]);
        assert_eq!(bare.name, "kernel, without tcp.options.mss, without tcp.options.wscale");
    }
}
