//! What must hold of the kernel's answers, whatever stands in them: what was told is read, among attributes that nobody knows and
//! behind padding; what is cut or lies about its length ends the reading, and nothing is read twice.

use std::net::IpAddr;

use proptest::prelude::*;

use super::address::Address;
use super::link::Link;
use super::message::Messages;
use super::monitor;
use super::neighbour::Neighbour;
use super::route::Route;
use super::socket::{End, read_answer};

/// An attribute: its type and its value.
type Attribute = (u16, Vec<u8>);

/// A list of attributes as the kernel writes it.
fn list(attributes: &[Attribute]) -> Vec<u8> {
    let mut octets = Vec::new();
    for (kind, value) in attributes {
        octets.extend((u16::try_from(value.len()).unwrap() + 4).to_ne_bytes());
        octets.extend(kind.to_ne_bytes());
        octets.extend(value);
        octets.resize(octets.len().next_multiple_of(4), 0);
    }
    octets
}

fn message(kind: u16, sequence: u32, body: &[u8]) -> Vec<u8> {
    let mut octets = (u32::try_from(body.len()).unwrap() + 16).to_ne_bytes().to_vec();
    octets.extend([kind, 0].map(u16::to_ne_bytes).concat());
    octets.extend([sequence, 0].map(u32::to_ne_bytes).concat());
    octets.extend(body);
    octets.resize(octets.len().next_multiple_of(4), 0);
    octets
}

/// Attributes that no kernel has yet.
fn unknown() -> impl Strategy<Value = Attribute> {
    (0x1000..0x2000_u16, prop::collection::vec(any::<u8>(), 0..20))
}

/// A list in which attributes that are known stand in any order among others.
fn among(known: Vec<Attribute>) -> impl Strategy<Value = Vec<Attribute>> {
    prop::collection::vec(unknown(), 0..4)
        .prop_map(move |unknown| [known.clone(), unknown].concat())
        .prop_shuffle()
}

/// `struct ifinfomsg`.
fn link_header(hardware: u16, index: u32, flags: u32) -> Vec<u8> {
    [vec![0, 0], hardware.to_ne_bytes().to_vec(), [index, flags, 0].map(u32::to_ne_bytes).concat()].concat()
}

fn link() -> impl Strategy<Value = (Vec<u8>, Link)> {
    let numbers = (any::<u16>(), any::<u32>(), any::<u32>(), any::<u32>());
    let address = prop::collection::vec(any::<u8>(), 0..20);
    (numbers, address, "[a-z]{1,15}", 1..u32::MAX).prop_flat_map(
        |((hardware, index, flags, mtu), address, name, lower)| {
            let kind = list(&[(libc::IFLA_INFO_KIND, b"veth\0".to_vec())]);
            let mut stats = vec![0; 24 * 8];
            stats[48..56].copy_from_slice(&7_u64.to_ne_bytes());
            stats[120..128].copy_from_slice(&u64::MAX.to_ne_bytes());
            let known = vec![
                (libc::IFLA_IFNAME, [name.as_bytes(), &[0]].concat()),
                (libc::IFLA_ADDRESS, address.clone()),
                (libc::IFLA_MTU, mtu.to_ne_bytes().to_vec()),
                (libc::IFLA_LINK, lower.to_ne_bytes().to_vec()),
                // NLA_F_NESTED, which older kernels leave out.
                (libc::IFLA_LINKINFO | 1 << 15, kind),
                (libc::IFLA_STATS64, stats),
            ];
            let link = Link {
                index,
                name,
                address,
                mtu,
                flags,
                hardware,
                kind: Some("veth".to_owned()),
                lower: Some(lower),
                controller: None,
                qdisc: None,
                dropped: u64::MAX,
            };
            among(known).prop_map(move |attributes| {
                (
                    [link_header(link.hardware, link.index, link.flags), list(&attributes)].concat(),
                    link.clone(),
                )
            })
        },
    )
}

/// Datagrams of messages, some octets of which may be changed, and that may be cut.
fn datagram() -> impl Strategy<Value = Vec<u8>> {
    let body = prop_oneof![
        link().prop_map(|(body, _)| body),
        prop::collection::vec(unknown(), 0..4).prop_map(|all| [vec![0; 12], list(&all)].concat()),
        prop::collection::vec(any::<u8>(), 0..60),
    ];
    let kind = prop_oneof![Just(2_u16), Just(3), Just(libc::RTM_NEWLINK), Just(libc::RTM_DELLINK), 0..40_u16];
    let one = (kind, 0..3_u32, body).prop_map(|(kind, sequence, body)| message(kind, sequence, &body));
    let changes = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4);
    (prop::collection::vec(one, 1..5), changes, any::<prop::sample::Index>(), any::<bool>()).prop_map(
        |(messages, changes, cut, is_cut)| {
            let mut octets = messages.concat();
            for (at, octet) in changes {
                let at = at.index(octets.len());
                octets[at] = octet;
            }
            if is_cut {
                octets.truncate(cut.index(octets.len()));
            }
            octets
        },
    )
}

proptest! {
    #[test]
    fn an_interface_is_read_as_it_is_told((body, link) in link()) {
        prop_assert_eq!(Link::read(&body), Some(link.clone()));
        // What is cut loses attributes, and none becomes another one.
        for end in 0..body.len() {
            if let Some(read) = Link::read(&body[..end]) {
                prop_assert!(read.name == link.name && (read.mtu == 0 || read.mtu == link.mtu));
                prop_assert!(read.address.is_empty() || read.address == link.address);
            }
        }
    }

    #[test]
    fn a_way_is_read_as_it_is_told(
        gateway: IpAddr,
        source: IpAddr,
        interface: u32,
        mtu: u32,
        is_via: bool,
    ) {
        let octets = |address: IpAddr| match address {
            IpAddr::V4(address) => address.octets().to_vec(),
            IpAddr::V6(address) => address.octets().to_vec(),
        };
        const RTA_VIA: u16 = 18;
        let gateway_is = if is_via {
            (RTA_VIA, [vec![0, 0], octets(gateway)].concat())
        } else {
            (libc::RTA_GATEWAY, octets(gateway))
        };
        let attributes = list(&[
            (libc::RTA_METRICS, list(&[(2, mtu.to_ne_bytes().to_vec())])),
            gateway_is,
            (libc::RTA_PREFSRC, octets(source)),
            (libc::RTA_OIF, interface.to_ne_bytes().to_vec()),
        ]);
        let body = [vec![2, 32, 0, 0, 254, 0, 0, 1, 0, 0, 0, 0], attributes].concat();
        let route = Route::read(&body).unwrap();
        prop_assert_eq!((route.interface, route.source, route.mtu), (interface, Some(source), Some(mtu)));
        prop_assert_eq!(route.gateway, Some(gateway));
    }

    #[test]
    fn any_datagram_is_read_once_and_to_its_end(datagram in datagram()) {
        let mut octets = 0;
        for message in Messages::of(&datagram).map_while(Result::ok) {
            octets += 16 + message.body.len();
            let (body, attributes) = (message.body, message.body.len() / 4);
            let _ = (Address::read(body), Neighbour::read(body), Route::read(body));
            if let Some(link) = Link::read(body) {
                prop_assert!(link.name.len() <= 3 * body.len() && link.address.len() <= body.len());
                prop_assert!(attributes > 4);
            }
        }
        prop_assert!(octets <= datagram.len());
        let (mut news, mut bodies) = (Vec::new(), 0);
        monitor::read(&datagram, &mut news);
        prop_assert!(news.len() <= datagram.len() / 16);
        let end = read_answer(1, &datagram, &mut |body: &[u8]| bodies += 16 + body.len());
        prop_assert!(bodies <= datagram.len());
        if let Ok(Some(End::Refused { source, .. })) = end {
            prop_assert!(source.raw_os_error().is_some_and(|errno| errno != 0));
        }
    }
}
