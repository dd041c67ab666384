//! `rawsock interfaces`: what there is to send from and to capture on.

use std::borrow::Cow;

use clap::Args;

use super::output::print;
use super::{CommandResult, Outcome};
use crate::show::json_object::JsonObject;
use crate::show::table::{Align, table};
use crate::sys::ethtool;
use crate::sys::netlink::{Address, Link, Netlink};

/// List the network interfaces with state, link type, MTU, MAC and addresses.
#[derive(Debug, Default, Args)]
pub(super) struct InterfacesArgs {
    /// Print one JSON object a line.
    #[arg(long)]
    pub(super) json: bool,
}

pub(super) fn run(args: &InterfacesArgs) -> CommandResult {
    let mut netlink = Netlink::open()?;
    let (links, addresses) = (netlink.links()?, netlink.addresses()?);
    let of = |link: &Link| -> Vec<Address> {
        addresses.iter().filter(|address| address.index == link.index).copied().collect()
    };
    print(&match args.json {
        true => links.iter().map(|link| json(link, &of(link)) + "\n").collect(),
        false => table(&HEAD, &links.iter().map(|link| row(link, &of(link))).collect::<Vec<_>>()),
    })?;
    Ok(Outcome::Done)
}

fn row(link: &Link, addresses: &[Address]) -> [String; 7] {
    let addresses: Vec<String> = addresses.iter().map(with_prefix).collect();
    [
        link.index.to_string(),
        link.name.clone(),
        state(link).to_owned(),
        link_and_kind(link),
        link.mtu.to_string(),
        hardware_address(&link.address).unwrap_or_else(|| "-".to_owned()),
        addresses.join(" "),
    ]
}

fn json(link: &Link, addresses: &[Address]) -> String {
    let address = |address: &Address| {
        let object = JsonObject::new().text("address", &address.address.to_string());
        let object = object.number("prefix", address.prefix_bits.into());
        match address.peer {
            Some(peer) => object.text("peer", &peer.to_string()),
            None => object,
        }
    };
    JsonObject::new()
        .number("index", link.index.into())
        .text("name", &link.name)
        .text("state", state(link))
        .text("link", &link_type(link))
        .number("arphrd", link.hardware.into())
        .text_or_nothing("kind", link.kind.as_deref())
        .number("mtu", link.mtu.into())
        .text_or_nothing("mac", hardware_address(&link.address).as_deref())
        .flag("loopback", link.is_loopback())
        .flag("hardware_timestamps", ethtool::has_hardware_timestamps(&link.name).unwrap_or(false))
        .list("addresses", addresses.iter().map(address))
        .end()
}

fn with_prefix(address: &Address) -> String {
    let peer = address.peer.map(|peer| format!(" peer {peer}")).unwrap_or_default();
    format!("{}{peer}/{}", address.address, address.prefix_bits)
}

fn state(link: &Link) -> &'static str {
    match (link.is_up(), link.is_running()) {
        (true, true) => "up",
        (true, false) => "no-carrier",
        (false, _) => "down",
    }
}

/// What kind of link it is, and in brackets what makes it, where that is no hardware.
fn link_and_kind(link: &Link) -> String {
    match &link.kind {
        Some(kind) => format!("{} ({kind})", link_type(link)),
        None => link_type(link).into_owned(),
    }
}

fn link_type(link: &Link) -> Cow<'static, str> {
    match HARDWARE.iter().find(|(number, _)| *number == link.hardware) {
        Some((_, name)) => (*name).into(),
        None => format!("arphrd {}", link.hardware).into(),
    }
}

fn hardware_address(octets: &[u8]) -> Option<String> {
    let pairs: Vec<String> = octets.iter().map(|octet| format!("{octet:02x}")).collect();
    Some(pairs.join(":")).filter(|text| !text.is_empty())
}

const HEAD: [(&str, Align); 7] = [
    ("index", Align::Right),
    ("name", Align::Left),
    ("state", Align::Left),
    ("link", Align::Left),
    ("mtu", Align::Right),
    ("mac", Align::Left),
    ("addresses", Align::Left),
];

/// The `ARPHRD_*` numbers that are met with (`linux/if_arp.h`), by the names that ip-link(8) gives them.
const HARDWARE: &[(u16, &str)] = &[
    (1, "ether"),
    (24, "ieee1394"),
    (32, "infiniband"),
    (256, "slip"),
    (280, "can"),
    (512, "ppp"),
    (519, "rawip"),
    (768, "ipip"),
    (769, "tunnel6"),
    (772, "loopback"),
    (776, "sit"),
    (778, "gre"),
    (801, "ieee802.11"),
    (802, "ieee802.11/prism"),
    (803, "ieee802.11/radiotap"),
    (804, "ieee802.15.4"),
    (823, "gre6"),
    (824, "netlink"),
    (65534, "none"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn link(hardware: u16, kind: Option<&str>, flags: u32) -> Link {
        Link {
            index: 7,
            name: "x\"0".to_owned(),
            address: vec![2, 0, 0, 0, 0, 0xab],
            mtu: 1500,
            flags,
            hardware,
            kind: kind.map(str::to_owned),
            lower: None,
            controller: None,
            qdisc: None,
            dropped: 0,
        }
    }

    #[test]
    fn a_link_type_is_named_or_numbered() {
        let name = |hardware, kind| link_and_kind(&link(hardware, kind, 0));
        assert_eq!(name(1, None), "ether");
        assert_eq!(name(1, Some("veth")), "ether (veth)");
        assert_eq!(name(65534, Some("wireguard")), "none (wireguard)");
        assert_eq!(name(4711, None), "arphrd 4711");
    }

    #[test]
    fn the_json_is_one_valid_object_with_every_address() {
        let address = Address {
            index: 7,
            address: [10, 0, 0, 1].into(),
            prefix_bits: 32,
            peer: Some([10, 0, 0, 2].into()),
            flags: 0,
        };
        let value: serde_json::Value = serde_json::from_str(&json(&link(1, None, 0x41), &[address])).unwrap();
        assert_eq!(value["name"], "x\"0");
        assert_eq!(value["mac"], "02:00:00:00:00:ab");
        assert_eq!((&value["state"], &value["kind"]), (&"up".into(), &serde_json::Value::Null));
        assert_eq!(
            value["addresses"][0],
            serde_json::json!({"address": "10.0.0.1", "prefix": 32, "peer": "10.0.0.2"})
        );
    }

    #[test]
    fn up_without_a_carrier_is_a_state_of_its_own() {
        assert_eq!([0x41, 0x1, 0x0].map(|flags| state(&link(1, None, flags))), ["up", "no-carrier", "down"]);
    }
}
