//! VLAN tags: IEEE 802.1Q. A provider's tag around a customer's (802.1ad, QinQ) has names of its own, as in Wireshark.

use pnet::packet::vlan::{MutableVlanPacket, VlanPacket};

use super::describe::{Protocol, Section, flag, uint};
use super::edge::Edge;
use super::eth;
use super::layout::setter;
use super::listed::Listed;

pub(super) const VLAN: Listed =
    Listed::new("vlan", &[Edge::new(eth::ETHERTYPE, 0x8100), Edge::new(eth::ETHERTYPE, 0x9100)], describe);

fn describe() -> Protocol {
    tag("802.1Q virtual LAN", "IEEE 802.1Q")
}

pub(super) const IEEE8021AD: Listed =
    Listed::new("ieee8021ad", &[Edge::new(eth::ETHERTYPE, 0x88a8)], describe_provider);

fn describe_provider() -> Protocol {
    tag("802.1ad provider tag (QinQ)", "IEEE 802.1ad")
}

fn tag(title: &'static str, reference: &'static str) -> Protocol {
    let sections = || {
        let header = vec![
            uint("priority", 3, "Priority").set_by(setter!(MutableVlanPacket, set_priority_code_point)),
            flag("dei", "Drop eligible").set_by(setter!(MutableVlanPacket, set_drop_eligible_indicator)),
            uint("id", 12, "VLAN identifier").set_by(setter!(MutableVlanPacket, set_vlan_identifier)),
            uint("etype", 16, "Type")
                .set_by(setter!(MutableVlanPacket, set_ethertype))
                .also("len", 1536)
                .values(eth::ETHERTYPES)
                .default_uint(eth::LOCAL_EXPERIMENTAL)
                .auto(eth::type_or_len)
                .hex(),
        ];
        let header_len = MutableVlanPacket::minimum_packet_size();
        vec![Section::measured(header_len, header)]
    };
    Protocol::new(title, reference, sections)
        .next_by_payload(eth::ETHERTYPE, |header, payload| {
            eth::type_or_llc(u64::from(VlanPacket::new(header)?.get_ethertype().0), payload)
        })
        .payload_len(|header| {
            let number = u64::from(VlanPacket::new(header)?.get_ethertype().0);
            (number < 1536).then_some(number)
        })
        .link()
        .gap(", ")
        .summary(|view, out| match VlanPacket::new(view.header()) {
            Some(vlan) => {
                out.put("vlan ").put(vlan.get_vlan_identifier());
                out.put(", p ").put(vlan.get_priority_code_point().0).put(", ");
                if vlan.get_drop_eligible_indicator() != 0 {
                    out.put("DEI, ");
                }
                out.put(eth::Ethertype(vlan.get_ethertype().0));
                Ok(())
            }
            None => Ok(()),
        })
}
