//! Names in capture filters: who knows them, and those that everybody knows.

use std::net::IpAddr;

use super::link;

/// The transport protocol of a service; both where its number is the same for TCP and UDP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// TCP, UDP and SCTP.
    Any,
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

/// Who knows the names that a filter has instead of numbers. The library asks no system: its caller does.
pub trait Names {
    /// The port of a service (services(5)).
    fn service(&self, name: &str) -> Option<(u16, Transport)>;

    /// The addresses of a host.
    ///
    /// # Errors
    /// Why there are none.
    fn host(&self, name: &str) -> Result<Vec<IpAddr>, String>;

    /// The Ethernet address of a host (ethers(5)).
    fn ethernet(&self, name: &str) -> Option<[u8; 6]>;

    /// The number of a network (networks(5)), as many octets as it has, the last lowest.
    fn network(&self, name: &str) -> Option<u32>;
}

/// Knows the names that stand in this program, and no others: for files, tests, and hosts without `/etc/services`.
#[derive(Debug, Clone, Copy, Default)]
pub struct BuiltIn;

impl BuiltIn {
    /// The services that it knows, each with its port.
    pub fn services() -> impl Iterator<Item = (&'static str, u16, Transport)> {
        SERVICES.iter().copied()
    }
}

impl Names for BuiltIn {
    fn service(&self, name: &str) -> Option<(u16, Transport)> {
        SERVICES.iter().find(|(known, ..)| *known == name).map(|(_, port, transport)| (*port, *transport))
    }

    fn host(&self, name: &str) -> Result<Vec<IpAddr>, String> {
        match name {
            "localhost" => Ok(vec![IpAddr::from([127, 0, 0, 1])]),
            _ => Err("no names of hosts are known here".to_owned()),
        }
    }

    fn ethernet(&self, _: &str) -> Option<[u8; 6]> {
        None
    }

    fn network(&self, _: &str) -> Option<u32> {
        None
    }
}

/// Services that people filter by (IANA service-names).
const SERVICES: &[(&str, u16, Transport)] = &[
    ("ftp-data", 20, Transport::Tcp),
    ("ftp", 21, Transport::Tcp),
    ("ssh", 22, Transport::Tcp),
    ("telnet", 23, Transport::Tcp),
    ("smtp", 25, Transport::Tcp),
    ("domain", 53, Transport::Any),
    ("bootps", 67, Transport::Udp),
    ("bootpc", 68, Transport::Udp),
    ("tftp", 69, Transport::Udp),
    ("http", 80, Transport::Tcp),
    ("kerberos", 88, Transport::Any),
    ("pop3", 110, Transport::Tcp),
    ("sunrpc", 111, Transport::Any),
    ("ntp", 123, Transport::Udp),
    ("netbios-ns", 137, Transport::Udp),
    ("netbios-dgm", 138, Transport::Udp),
    ("netbios-ssn", 139, Transport::Tcp),
    ("imap2", 143, Transport::Tcp),
    ("snmp", 161, Transport::Any),
    ("bgp", 179, Transport::Tcp),
    ("ldap", 389, Transport::Any),
    ("https", 443, Transport::Any),
    ("microsoft-ds", 445, Transport::Any),
    ("syslog", 514, Transport::Udp),
    ("imaps", 993, Transport::Tcp),
    ("pop3s", 995, Transport::Tcp),
    ("mdns", 5353, Transport::Udp),
];

/// The number of an IP protocol (IANA protocol-numbers, by the names of protocols(5)).
pub(super) fn ip_protocol(name: &str) -> Option<u32> {
    IP_PROTOCOLS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, number)| *number)
}

/// All names of IP protocols.
pub(super) fn ip_protocol_names() -> impl Iterator<Item = &'static str> {
    IP_PROTOCOLS.iter().map(|(name, _)| *name)
}

const IP_PROTOCOLS: &[(&str, u32)] = &[
    ("ip", 0),
    ("hopopt", 0),
    ("icmp", 1),
    ("igmp", 2),
    ("ggp", 3),
    ("ipencap", 4),
    ("ip-encap", 4),
    ("st", 5),
    ("tcp", 6),
    ("egp", 8),
    ("igp", 9),
    ("pup", 12),
    ("udp", 17),
    ("hmp", 20),
    ("xns-idp", 22),
    ("rdp", 27),
    ("iso-tp4", 29),
    ("dccp", 33),
    ("xtp", 36),
    ("ddp", 37),
    ("idpr-cmtp", 38),
    ("ipv6", 41),
    ("ipv6-route", 43),
    ("ipv6-frag", 44),
    ("idrp", 45),
    ("rsvp", 46),
    ("gre", 47),
    ("esp", 50),
    ("ah", 51),
    ("skip", 57),
    ("ipv6-icmp", 58),
    ("ipv6-nonxt", 59),
    ("ipv6-opts", 60),
    ("rspf", 73),
    ("vmtp", 81),
    ("eigrp", 88),
    ("ospf", 89),
    ("ospfigp", 89),
    ("ax.25", 93),
    ("ipip", 94),
    ("etherip", 97),
    ("encap", 98),
    ("pim", 103),
    ("ipcomp", 108),
    ("vrrp", 112),
    ("l2tp", 115),
    ("isis", 124),
    ("sctp", 132),
    ("fc", 133),
    ("mobility-header", 135),
    ("udplite", 136),
    ("mpls-in-ip", 137),
    ("manet", 138),
    ("hip", 139),
    ("shim6", 140),
    ("wesp", 141),
    ("rohc", 142),
];

/// The number by which a link layer says a protocol.
pub(super) fn ether_protocol(name: &str) -> Option<u32> {
    ETHER_PROTOCOLS.iter().find(|(known, _)| *known == name).map(|(_, number)| *number)
}

/// All names of what link layers carry.
pub(super) fn ether_protocol_names() -> impl Iterator<Item = &'static str> {
    ETHER_PROTOCOLS.iter().map(|(name, _)| *name)
}

const ETHER_PROTOCOLS: &[(&str, u32)] = &[
    ("aarp", link::APPLETALK_ARP),
    ("arp", link::ARP),
    ("atalk", link::APPLETALK),
    ("decnet", link::DECNET),
    ("ip", link::IP),
    ("ip6", link::IPV6),
    ("lat", link::LAT),
    ("loopback", link::LOOPBACK),
    ("mopdl", link::MOP_DUMP_LOAD),
    ("moprc", link::MOP_REMOTE_CONSOLE),
    ("rarp", link::REVERSE_ARP),
    ("sca", link::SCA),
    ("iso", link::SAP_ISO),
    ("stp", link::SAP_SPANNING_TREE),
    ("ipx", link::SAP_IPX),
    ("netbeui", link::SAP_NETBEUI),
];
