//! Virtual Ethernet cables between network namespaces (veth(4)).

use std::os::fd::{AsRawFd, BorrowedFd};

use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::link::{InfoData, InfoKind, InfoVeth, LinkAttribute, LinkInfo, LinkMessage};

use super::error::NetlinkError;
use super::socket::Netlink;

/// One end of a virtual cable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VethEnd<'a> {
    /// Name of the interface, at most 15 octets.
    pub name: &'a str,
    /// Its hardware address.
    pub mac: [u8; 6],
    /// Its interface index, which must be free; 0 leaves the choice to the kernel, which then chooses the far end's, too
    /// (`veth_newlink` in drivers/net/veth.c).
    pub index: u32,
}

impl Netlink {
    /// Makes a virtual cable: one end in this network namespace, the other in the one that `far_namespace` refers to
    /// (a descriptor of `/proc/PID/ns/net`). Both ends are switched off.
    ///
    /// # Errors
    /// [`NetlinkError::Refused`], without CAP_NET_ADMIN in both namespaces, or when a name is taken.
    pub fn create_veth(
        &mut self,
        near: VethEnd<'_>,
        far: VethEnd<'_>,
        far_namespace: BorrowedFd<'_>,
    ) -> Result<(), NetlinkError> {
        let mut peer = LinkMessage::default();
        peer.header.index = far.index;
        peer.attributes = vec![
            LinkAttribute::IfName(far.name.to_owned()),
            LinkAttribute::Address(far.mac.to_vec()),
            LinkAttribute::NetNsFd(far_namespace.as_raw_fd()),
        ];
        let mut request = LinkMessage::default();
        request.header.index = near.index;
        request.attributes = vec![
            LinkAttribute::IfName(near.name.to_owned()),
            LinkAttribute::Address(near.mac.to_vec()),
            LinkAttribute::LinkInfo(vec![
                LinkInfo::Kind(InfoKind::Veth),
                LinkInfo::Data(InfoData::Veth(InfoVeth::Peer(peer))),
            ]),
        ];
        let call = format!("create the veth pair {} and {}", near.name, far.name);
        self.change(&call, RouteNetlinkMessage::NewLink(request), NLM_F_CREATE | NLM_F_EXCL)
    }
}
