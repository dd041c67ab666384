//! VLAN tags: IEEE 802.1Q. Stacked tags are several of these layers (802.1ad writes another EtherType before the outer).

use pnet::packet::vlan::{MutableVlanPacket, VlanPacket};

use super::auto;
use super::describe::{Protocol, Section, flag, uint};
use super::eth;
use super::layout::setter;

pub(super) fn describe() -> Protocol {
    let header = vec![
        uint("priority", 3, "Priority").set_by(setter!(MutableVlanPacket, set_priority_code_point)),
        flag("dei", "Drop eligible").set_by(setter!(MutableVlanPacket, set_drop_eligible_indicator)),
        uint("id", 12, "VLAN identifier").set_by(setter!(MutableVlanPacket, set_vlan_identifier)),
        uint("etype", 16, "Type")
            .set_by(setter!(MutableVlanPacket, set_ethertype))
            .also("len", 1536)
            .values(eth::ETHERTYPES)
            .default_uint(eth::LOCAL_EXPERIMENTAL)
            .auto(auto::next_protocol)
            .hex(),
    ];
    let header_len = MutableVlanPacket::minimum_packet_size();
    Protocol::new("vlan", "802.1Q virtual LAN", "IEEE 802.1Q", vec![Section::measured(header_len, header)])
        .edge(eth::ETHERTYPE, 0x8100)
        .edge(eth::ETHERTYPE, 0x88a8)
        .edge(eth::ETHERTYPE, 0x9100)
        .next(eth::ETHERTYPE, |header| VlanPacket::new(header).map(|vlan| u64::from(vlan.get_ethertype().0)))
        .payload_len(|header| {
            let number = u64::from(VlanPacket::new(header)?.get_ethertype().0);
            (number < 1536).then_some(number)
        })
        .link()
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
