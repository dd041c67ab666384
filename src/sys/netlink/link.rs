//! Interfaces: what there is, and setting them up.

use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::link::{LinkAttribute, LinkFlags, LinkHeader, LinkMessage};

use super::attributes::Attributes;
use super::error::NetlinkError;
use super::socket::Netlink;

/// One interface, as `RTM_GETLINK` describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Interface index, from 1.
    pub index: u32,
    /// Name, at most 15 octets.
    pub name: String,
    /// Hardware address: 6 octets on Ethernet, none on some tunnels, 20 on InfiniBand.
    pub address: Vec<u8>,
    /// Largest payload of the link layer, in octets.
    pub mtu: u32,
    /// The `IFF_*` bits (netdevice(7)).
    pub flags: u32,
    /// The `ARPHRD_*` number (`linux/if_arp.h`): 1 Ethernet, 772 loopback, 65534 none.
    pub hardware: u16,
    /// What made it, for interfaces without hardware: `veth`, `bridge`, `vlan`, `wireguard`.
    pub kind: Option<String>,
    /// The interface under this one (a VLAN's, a macvlan's) or a veth's other end. It may be in another namespace.
    pub lower: Option<u32>,
    /// The bridge or bond that it belongs to.
    pub controller: Option<u32>,
    /// What keeps packets until they leave: `noqueue`, `fq_codel`, `tbf`.
    pub qdisc: Option<String>,
    /// Packets that came in and were dropped for want of room, since it was made.
    pub dropped: u64,
}

impl Link {
    /// The hardware address where it is one of Ethernet's size.
    pub fn mac(&self) -> Option<[u8; 6]> {
        self.address.as_slice().try_into().ok()
    }

    /// Switched on by the administrator.
    pub fn is_up(&self) -> bool {
        self.has(LinkFlags::Up)
    }

    /// Up, and with a carrier.
    pub fn is_running(&self) -> bool {
        self.has(LinkFlags::Running)
    }

    /// The loopback interface.
    pub fn is_loopback(&self) -> bool {
        self.has(LinkFlags::Loopback)
    }

    /// Without neighbour resolution: no ARP, no NDP (point-to-point links and tunnels).
    pub fn is_without_arp(&self) -> bool {
        self.has(LinkFlags::Noarp)
    }

    fn has(&self, flag: LinkFlags) -> bool {
        self.flags & flag.bits() != 0
    }

    /// `struct ifinfomsg` and its attributes; `None` when there is not even the fixed part.
    pub(super) fn read(payload: &[u8]) -> Option<Self> {
        let header = LinkHeader::parse(payload).ok()?;
        // The header's own decoder knows a list of hardware types and maps every other one to "void".
        let hardware = payload.get(2..4)?.try_into().map(u16::from_ne_bytes).ok()?;
        let attributes = Attributes::behind(payload, IFINFOMSG_LEN);
        Some(Self {
            index: header.index,
            name: attributes.text(libc::IFLA_IFNAME)?,
            address: attributes.get(libc::IFLA_ADDRESS).unwrap_or_default().to_vec(),
            mtu: attributes.number(libc::IFLA_MTU).unwrap_or_default(),
            flags: header.flags.bits(),
            hardware,
            kind: attributes.nested(libc::IFLA_LINKINFO).and_then(|info| info.text(libc::IFLA_INFO_KIND)),
            lower: attributes.number(libc::IFLA_LINK).filter(|index| *index != 0),
            controller: attributes.number(libc::IFLA_MASTER),
            qdisc: attributes.text(libc::IFLA_QDISC),
            dropped: attributes.get(libc::IFLA_STATS64).map_or(0, dropped),
        })
    }
}

/// Of `struct rtnl_link_stats64` (`linux/if_link.h`) what `/proc/net/dev` calls drops: rx_dropped and rx_missed_errors.
fn dropped(stats: &[u8]) -> u64 {
    const RX_DROPPED: usize = 6;
    const RX_MISSED_ERRORS: usize = 15;
    let counter = |index: usize| {
        let octets = stats.get(index.saturating_mul(8)..).and_then(<[u8]>::first_chunk);
        octets.map_or(0, |octets| u64::from_ne_bytes(*octets))
    };
    counter(RX_DROPPED).saturating_add(counter(RX_MISSED_ERRORS))
}

impl Netlink {
    /// All interfaces of this network namespace, by index.
    ///
    /// # Errors
    /// When the kernel refuses, or does not answer in netlink.
    pub fn links(&mut self) -> Result<Vec<Link>, NetlinkError> {
        let mut links = Vec::new();
        let request = RouteNetlinkMessage::GetLink(LinkMessage::default());
        self.dump("list the interfaces", request, |payload| links.extend(Link::read(payload)))?;
        links.sort_by_key(|link| link.index);
        Ok(links)
    }

    /// The interface of this name, which may also be an alternative name (`ip link property add … altname`).
    ///
    /// # Errors
    /// [`NetlinkError::NoSuchInterface`].
    pub fn link(&mut self, name: &str) -> Result<Link, NetlinkError> {
        let attribute = LinkAttribute::IfName(name.to_owned());
        let missing = || NetlinkError::NoSuchInterface { name: name.to_owned() };
        // A longer name is an error of range, not of absence, to the kernel (IFNAMSIZ is 16 with the NUL octet).
        if name.len() > 15 || name.is_empty() {
            return Err(missing());
        }
        match self.find_link(&format!("look up interface {name}"), message(0, [attribute])) {
            Err(NetlinkError::Refused { source, .. }) if source.raw_os_error() == Some(libc::ENODEV) => {
                Err(missing())
            }
            found => found?.ok_or_else(missing),
        }
    }

    /// The interface with this index.
    ///
    /// # Errors
    /// [`NetlinkError::Refused`] with `ENODEV` when there is none.
    pub fn link_by_index(&mut self, index: u32) -> Result<Link, NetlinkError> {
        let found = self.find_link(&format!("look up interface {index}"), message(index, []))?;
        found.ok_or_else(|| NetlinkError::NoSuchInterface { name: index.to_string() })
    }

    /// Switches an interface on.
    ///
    /// # Errors
    /// [`NetlinkError::Refused`], without CAP_NET_ADMIN in this network namespace.
    pub fn set_up(&mut self, index: u32) -> Result<(), NetlinkError> {
        let mut request = message(index, []);
        request.header.flags = LinkFlags::Up;
        request.header.change_mask = LinkFlags::Up;
        self.change(&format!("switch interface {index} on"), RouteNetlinkMessage::SetLink(request), 0)
    }

    /// Gives an interface another name. It must be switched off.
    ///
    /// # Errors
    /// [`NetlinkError::Refused`], without CAP_NET_ADMIN, or when the name is taken.
    pub fn set_name(&mut self, index: u32, name: &str) -> Result<(), NetlinkError> {
        let request = message(index, [LinkAttribute::IfName(name.to_owned())]);
        self.change(&format!("name interface {index} {name}"), RouteNetlinkMessage::SetLink(request), 0)
    }

    /// Gives an interface another hardware address.
    ///
    /// # Errors
    /// [`NetlinkError::Refused`], without CAP_NET_ADMIN, or when the driver does not allow it.
    pub fn set_mac(&mut self, index: u32, mac: [u8; 6]) -> Result<(), NetlinkError> {
        let request = message(index, [LinkAttribute::Address(mac.to_vec())]);
        self.change(&format!("set the MAC of interface {index}"), RouteNetlinkMessage::SetLink(request), 0)
    }

    /// Gives an interface another MTU, in octets.
    ///
    /// # Errors
    /// [`NetlinkError::Refused`], without CAP_NET_ADMIN, or when the driver does not allow it.
    pub fn set_mtu(&mut self, index: u32, mtu: u32) -> Result<(), NetlinkError> {
        let request = message(index, [LinkAttribute::Mtu(mtu)]);
        let call = format!("set the MTU of interface {index} to {mtu}");
        self.change(&call, RouteNetlinkMessage::SetLink(request), 0)
    }

    /// Takes an interface away; a veth's other end goes with it.
    ///
    /// # Errors
    /// [`NetlinkError::Refused`], without CAP_NET_ADMIN, or for hardware.
    pub fn delete_link(&mut self, index: u32) -> Result<(), NetlinkError> {
        let request = RouteNetlinkMessage::DelLink(message(index, []));
        self.change(&format!("delete interface {index}"), request, 0)
    }

    fn find_link(&mut self, call: &str, request: LinkMessage) -> Result<Option<Link>, NetlinkError> {
        let mut found = None;
        self.ask(call, RouteNetlinkMessage::GetLink(request), |payload| found = Link::read(payload))?;
        Ok(found)
    }
}

/// A request about one interface; index 0 where an attribute names it.
fn message<const N: usize>(index: u32, attributes: [LinkAttribute; N]) -> LinkMessage {
    let mut message = LinkMessage::default();
    message.header.index = index;
    message.attributes.extend(attributes);
    message
}

/// `sizeof(struct ifinfomsg)`.
const IFINFOMSG_LEN: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_found_by_list_name_and_index() {
        let mut netlink = Netlink::open().unwrap();
        let listed = netlink.links().unwrap().into_iter().find(Link::is_loopback).unwrap();
        assert_eq!((listed.name.as_str(), listed.hardware, listed.mac()), ("lo", 772, Some([0; 6])));
        assert_eq!(netlink.link("lo").unwrap(), listed);
        assert_eq!(netlink.link_by_index(listed.index).unwrap(), listed);
    }

    #[test]
    fn a_missing_interface_is_named_with_the_remedy() {
        let mut netlink = Netlink::open().unwrap();
        for name in ["nosuchif0", "a-name-longer-than-ifnamsiz", ""] {
            let error = netlink.link(name).unwrap_err();
            assert!(matches!(&error, NetlinkError::NoSuchInterface { name: n } if n == name), "{error}");
            assert!(error.to_string().contains("rawsock interfaces"));
        }
        assert_eq!(netlink.link_by_index(0x7fff_0000).unwrap_err().raw_os_error(), Some(libc::ENODEV));
    }

    #[test]
    fn an_unknown_hardware_type_and_attribute_are_kept_out_of_the_way() {
        // family, pad, hardware 0x1234, index 9, flags UP|LOOPBACK, change; attribute 0x0fff; IFLA_IFNAME "x0".
        let mut payload = vec![0, 0];
        payload.extend(0x1234_u16.to_ne_bytes());
        payload.extend([9_u32, 0x9, 0].map(u32::to_ne_bytes).concat());
        payload.extend([[6_u16, 0x0fff].map(u16::to_ne_bytes).concat(), vec![0xaa, 0xbb, 0, 0]].concat());
        payload
            .extend([[7_u16, libc::IFLA_IFNAME].map(u16::to_ne_bytes).concat(), b"x0\0\0".to_vec()].concat());
        let link = Link::read(&payload).unwrap();
        assert_eq!((link.index, link.name.as_str(), link.hardware), (9, "x0", 0x1234));
        assert!(link.is_up() && link.is_loopback() && !link.is_running());
        for cut in 0..payload.len() {
            let _ = Link::read(payload.get(..cut).unwrap());
        }
    }
}
