//! The edits of `replay`: fields by their names, and networks that become others.

use std::error::Error;
use std::net::IpAddr;

use clap::Args;

use crate::packet::edit::{Assignment, Editor, NetworkMap};
use crate::packet::{Layer, Node};
use crate::proto::describe::{Body, Kind, Protocol};
use crate::spec::{Source, Syntax, read};
use crate::wire::value::Value;

/// What is changed in packets before they go.
#[derive(Debug, Clone, Args)]
pub(super) struct EditArgs {
    /// Write a value into a field of the first such layer, by its name in Wireshark and in `rawsock fields`: `ip.dst=10.0.0.2`,
    /// `eth.dst=02:00:00:00:00:01`, `tcp.flags=SA`. Checksums are mended, also of packets that were cut. May be given several
    /// times.
    #[arg(long, value_name = "FIELD=VALUE")]
    set: Vec<String>,
    /// Change the addresses of a network into those of another one, in all layers, quoted packets and ARP too; what stands behind
    /// the second prefix stays: by `10.0.0.0/8=192.168.0.0/16`, 10.1.2.3 becomes 192.168.2.3. May be given several times; the
    /// first that takes an address holds.
    #[arg(long, value_name = "NET=NET")]
    map_net: Vec<String>,
    /// Compute every checksum that all is there for, whatever it was.
    #[arg(long)]
    fix_checksums: bool,
}

impl EditArgs {
    /// Whether nothing is to be written.
    pub(super) fn is_empty(&self) -> bool {
        self.set.is_empty() && self.map_net.is_empty()
    }

    /// The editor that does all this.
    ///
    /// # Errors
    /// When a field or a network is none; mistakes in a value with their place.
    pub(super) fn editor(&self) -> Result<Editor, Box<dyn Error>> {
        let mut assignments = Vec::new();
        for text in &self.set {
            assignments.extend(assigned(text)?);
        }
        let maps = self.map_net.iter().map(|text| network_map(text)).collect::<Result<_, String>>()?;
        Ok(Editor::new(assignments, maps, self.fix_checksums))
    }

    /// The MAC address that is written into this field of frames, where one is.
    pub(super) fn mac(editor: &Editor, field: &str) -> Option<[u8; 6]> {
        editor.assignments().iter().rev().find_map(|set| match set.value {
            Value::Mac(mac) if set.protocol.name == "eth" && set.field == field => Some(mac),
            _ => None,
        })
    }
}

/// `ip.dst=10.0.0.2`, read as the expression `ip(dst=10.0.0.2)` is.
fn assigned(text: &str) -> Result<Vec<Assignment>, Box<dyn Error>> {
    let shape = || format!("`--set {text}`: takes FIELD=VALUE, such as ip.dst=10.0.0.2");
    let (name, value) = text.split_once('=').ok_or_else(shape)?;
    let (layer, field) = name.trim().split_once('.').ok_or_else(shape)?;
    let source = Source::new("--set", format!("{layer}({field}={})", value.trim()));
    let no_files = |_: &str| Err(std::io::Error::other("no file is read here"));
    let spec = read(&source, Syntax::Expression, &no_files)?;
    let template = match spec.templates.as_slice() {
        [template] if template.total() == 1 && !template.is_random() => template,
        _ => return Err(format!("`--set {text}`: takes one value, the same for all packets").into()),
    };
    let mut packet = template.packets(0).next().ok_or_else(shape)?;
    // Building says what does not fit, and where.
    spec.build(template, &mut packet)?;
    let [layer] = packet.layers.as_slice() else { return Err(shape().into()) };
    let mut found = Vec::new();
    collect(layer, &layer.fields, "", &mut found);
    let not_in_place = || {
        format!(
            "`--set {text}`: `{name}` has no place of its own in the header that a value could be written to"
        )
    };
    let has_place = |set: &Assignment| is_plain(set.protocol, &set.field);
    if found.is_empty() || !found.iter().all(has_place) {
        return Err(not_in_place().into());
    }
    Ok(found)
}

/// What was written, with full names; parts of fields too.
fn collect(layer: &Layer, fields: &[(String, Node)], path: &str, found: &mut Vec<Assignment>) {
    for (name, node) in fields {
        let field = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        match node {
            Node::Value(value) => {
                found.push(Assignment { protocol: layer.protocol, field, value: value.clone() });
            }
            // Tables are as deep as the text has parentheses.
            Node::Table(parts) if path.is_empty() => collect(layer, parts, &field, found),
            _ => found.push(Assignment {
                protocol: layer.protocol,
                field: String::new(),
                value: Value::Uint(0),
            }),
        }
    }
}

/// Whether a field of this name stands in the header by itself.
fn is_plain(protocol: &Protocol, name: &str) -> bool {
    protocol.sections.iter().any(|section| match &section.body {
        Body::Fields { fields, .. } => {
            fields.iter().any(|field| field.name == name && !matches!(field.kind, Kind::Name | Kind::Text))
        }
        _ => false,
    })
}

/// `10.0.0.0/8=192.168.0.0/16`.
fn network_map(text: &str) -> Result<NetworkMap, String> {
    let read = || {
        let (from, to) = text.split_once('=')?;
        NetworkMap::new(network(from)?, network(to)?)
    };
    read().ok_or_else(|| {
        format!("`--map-net {text}`: takes two networks of one family, such as 10.0.0.0/8=192.168.0.0/16")
    })
}

/// An address with the length of its prefix; a lone address is a network of one.
pub(super) fn network(text: &str) -> Option<(IpAddr, u32)> {
    let (address, bits) = text.trim().split_once('/').unwrap_or((text.trim(), ""));
    let address: IpAddr = address.parse().ok()?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    let bits = if bits.is_empty() { most } else { bits.parse().ok()? };
    (bits <= most).then_some((address, bits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_by_their_names() {
        let one = |text: &str| {
            let found = assigned(text).unwrap();
            assert_eq!(found.len(), 1, "{text}");
            let set = found.into_iter().next().unwrap();
            (set.protocol.name, set.field, set.value)
        };
        assert_eq!(one("ip.ttl=7"), ("ip", "ttl".to_owned(), Value::Uint(7)));
        assert_eq!(one("ip.dst = 10.0.0.2").2, Value::Ipv4([10, 0, 0, 2].into()));
        assert_eq!(one("eth.dst=02:00:00:00:00:01").2, Value::Mac([2, 0, 0, 0, 0, 1]));
        assert_eq!(one("ip.flags.df=true"), ("ip", "flags.df".to_owned(), Value::Bool(true)));
        assert_eq!(one("tcp.flags=SA"), ("tcp", "flags".to_owned(), Value::Uint(0x12)));
        assert_eq!(one("arp.src.proto_ipv4=10.0.0.2").1, "src.proto_ipv4");
    }

    #[test]
    fn what_is_no_edit_is_said() {
        for (text, words) in [
            ("ip.dst", "takes FIELD=VALUE"),
            ("dst=1", "takes FIELD=VALUE"),
            ("ip.ttl=7)/tcp(dstport=1", "takes FIELD=VALUE"),
            ("ip.dts=10.0.0.2", "dst"),
            ("ip.ttl=300", "300"),
            ("ip.ttl=1..5", "one value"),
            ("udp.srcport=random", "one value"),
            ("tcp.options=[sack_perm]", "no place of its own"),
        ] {
            let error = assigned(text).unwrap_err();
            let said = match error.downcast_ref::<crate::spec::SpecError>() {
                Some(mistake) => mistake.render(false),
                None => error.to_string(),
            };
            assert!(said.contains(words), "{text}: {said}");
        }
    }

    #[test]
    fn networks() {
        assert!(network_map("10.0.0.0/8=192.168.0.0/16").is_ok());
        assert!(network_map("fd00::/8=2001:db8::/8").is_ok());
        assert!(network_map("10.0.0.1=10.0.0.2").is_ok());
        for wrong in
            ["10.0.0.0/8", "10.0.0.0/33=10.0.0.0/8", "10.0.0.0/8=fd00::/8", "a=b", "10.0.0.0/-1=1.1.1.1"]
        {
            assert!(network_map(wrong).is_err(), "{wrong}");
        }
    }
}
