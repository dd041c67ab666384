//! Options of DHCP: RFC 2132 and those that came after it, under Wireshark's names.

use super::describe::{Before, Len, Record, Section, Style, flag, ipv4, mac, uint};
use crate::wire::record::{Counts, Dialect, Padding};

pub(super) const DIALECT: Dialect = Dialect {
    code_name: "type",
    singles: &[0, 255],
    end: Some(255),
    counts: Counts::Body,
    unit: 1,
    padding: Padding::Zeros(1),
};

/// What the value of an option is.
#[derive(Clone, Copy)]
enum Shape {
    /// An address.
    Address,
    /// Addresses.
    Addresses,
    /// Pairs of addresses: a destination and its mask or router.
    Pairs,
    /// Characters.
    Text,
    /// A number of so many bits.
    Number(u32),
    /// The same in two's complement.
    Signed(u32),
    /// Octets, each a number.
    Numbers,
    /// A single octet, which says yes or no.
    Flag,
    /// Octets.
    Octets,
}

pub(super) fn options() -> Vec<Record> {
    let mut records = vec![
        Record::new(0, "pad", "Padding", vec![]),
        Record::new(255, "end", "End of options", vec![]),
        Record::new(
            53,
            "dhcp",
            "Message type",
            vec![Section::fields(vec![uint("dhcp", 8, "Message type").values(MESSAGES)])],
        ),
        Record::new(
            61,
            "client_id",
            "Client identifier",
            vec![
                Section::fields(vec![
                    uint("hw_type", 8, "Hardware type").hex().default_uint(1),
                    mac("mac_addr", "MAC address"),
                ])
                .when(is_mac),
                Section::fields(vec![uint("type", 8, "Type")])
                    .when(|before| before.header.is_empty() && !is_mac(before)),
                Section::octets("value", "Identifier", Len::Rest).when(|before| before.header.len() == 1),
            ],
        ),
    ];
    records.extend(
        OPTIONS
            .iter()
            .map(|(code, name, title, shape)| Record::new(*code, name, title, sections(name, title, *shape))),
    );
    records
}

/// Whether a client names itself by its MAC address, on links that have those.
fn is_mac(before: &Before<'_>) -> bool {
    if before.builds { (before.wrote)("mac_addr") } else { matches!(before.left, [1 | 6, _, _, _, _, _, _]) }
}

fn sections(name: &'static str, title: &'static str, shape: Shape) -> Vec<Section> {
    let list =
        |field| vec![Section::items("", title, Style::Scalar, vec![Section::fields(vec![field])], Len::Rest)];
    match shape {
        Shape::Address => vec![Section::fields(vec![ipv4(name, title)])],
        Shape::Addresses => list(ipv4("address", "Address")),
        Shape::Pairs => {
            let pair = vec![ipv4("ip", "Destination"), ipv4("other", "Mask or router")];
            vec![Section::items("", title, Style::Tuple, vec![Section::fields(pair)], Len::Rest)]
        }
        Shape::Text => vec![Section::characters(name, title, Len::Rest)],
        Shape::Number(bits) => vec![Section::fields(vec![uint(name, bits, title)])],
        Shape::Signed(bits) => vec![Section::fields(vec![uint(name, bits, title).signed()])],
        Shape::Numbers => list(uint("number", 8, "Number")),
        Shape::Flag => {
            vec![Section::fields(vec![uint("reserved", 7, "Reserved").hidden_when_zero(), flag(name, title)])]
        }
        Shape::Octets => vec![Section::octets(name, title, Len::Rest)],
    }
}

/// RFC 2132, RFC 2241, RFC 2610, RFC 3004, RFC 3046, RFC 3397, RFC 3442, RFC 4578, RFC 5859, RFC 6926, RFC 7710, RFC 8925.
const OPTIONS: &[(u8, &str, &str, Shape)] = &[
    (1, "subnet_mask", "Subnet mask", Shape::Address),
    (2, "time_offset", "Time offset in seconds (two's complement)", Shape::Signed(32)),
    (3, "router", "Routers", Shape::Addresses),
    (4, "time_server", "Time servers", Shape::Addresses),
    (5, "name_server", "Name servers (IEN 116)", Shape::Addresses),
    (6, "domain_name_server", "DNS servers", Shape::Addresses),
    (7, "log_server", "Log servers", Shape::Addresses),
    (12, "hostname", "Host name", Shape::Text),
    (13, "boot_file_size", "Boot file size in blocks of 512 octets", Shape::Number(16)),
    (15, "domain_name", "Domain name", Shape::Text),
    (17, "root_path", "Root path", Shape::Text),
    (19, "ip_forwarding", "IP forwarding", Shape::Flag),
    (23, "default_ip_ttl", "Default time to live", Shape::Number(8)),
    (26, "interface_mtu", "MTU", Shape::Number(16)),
    (28, "broadcast_address", "Broadcast address", Shape::Address),
    (33, "static_route", "Static routes", Shape::Pairs),
    (40, "nis_domain", "NIS domain", Shape::Text),
    (41, "nis_server", "NIS servers", Shape::Addresses),
    (42, "ntp_server", "NTP servers", Shape::Addresses),
    (43, "vendor_specific", "Vendor-specific", Shape::Octets),
    (44, "netbios_over_tcpip_name_server", "NetBIOS name servers", Shape::Addresses),
    (46, "netbios_over_tcpip_node_type", "NetBIOS node type", Shape::Number(8)),
    (47, "netbios_over_tcpip_scope", "NetBIOS scope", Shape::Text),
    (50, "requested_ip_address", "Requested address", Shape::Address),
    (51, "ip_address_lease_time", "Lease time in seconds", Shape::Number(32)),
    (52, "option_overload", "Where further options are", Shape::Number(8)),
    (54, "dhcp_server_id", "Server identifier", Shape::Address),
    (55, "request_list_item", "Requested options", Shape::Numbers),
    (56, "message", "Message", Shape::Text),
    (57, "dhcp_max_message_size", "Largest message", Shape::Number(16)),
    (58, "renewal_time_value", "Renewal time in seconds", Shape::Number(32)),
    (59, "rebinding_time_value", "Rebinding time in seconds", Shape::Number(32)),
    (60, "vendor_class_id", "Vendor class", Shape::Text),
    (66, "tftp_server_name", "TFTP server", Shape::Text),
    (67, "bootfile_name", "Boot file", Shape::Text),
    (77, "user_class", "User class (RFC 3004)", Shape::Octets),
    (81, "client_fqdn", "Client's domain name (RFC 4702)", Shape::Octets),
    (82, "agent_information_option", "Relay agent information (RFC 3046)", Shape::Octets),
    (91, "client_last_transaction_time", "Seconds since the last transaction (RFC 4388)", Shape::Number(32)),
    (92, "associated_ip", "Associated addresses (RFC 4388)", Shape::Addresses),
    (108, "ipv6_only_preferred", "Seconds without IPv4 (RFC 8925)", Shape::Number(32)),
    (114, "captive_portal", "Captive portal (RFC 8910)", Shape::Text),
    (116, "dhcp_auto_configuration", "Auto-configuration (RFC 2563)", Shape::Number(8)),
    (119, "domain_search", "Domain search list (RFC 3397), as DNS writes it", Shape::Octets),
    (121, "classless_static_route", "Classless static routes (RFC 3442)", Shape::Octets),
    (150, "tftp_server_address", "TFTP servers (RFC 5859)", Shape::Addresses),
    (161, "mud_url", "Manufacturer usage description (RFC 8520)", Shape::Text),
];

/// RFC 2132 §9.6, RFC 3203, RFC 4388, RFC 6926.
const MESSAGES: &[(u64, &str)] = &[
    (1, "discover"),
    (2, "offer"),
    (3, "request"),
    (4, "decline"),
    (5, "ACK"),
    (6, "NAK"),
    (7, "release"),
    (8, "inform"),
    (9, "force renew"),
    (10, "lease query"),
    (11, "lease unassigned"),
    (12, "lease unknown"),
    (13, "lease active"),
];

/// Wireshark's names of options, in which they stand beside their type.
macro_rules! names_of_options {
    ($protocol:ident) => {
        names_of_options!(
            $protocol,
            "dhcp", "subnet_mask", "time_offset", "router", "time_server", "name_server", "domain_name_server", "log_server",
            "hostname", "boot_file_size", "domain_name", "root_path", "ip_forwarding", "default_ip_ttl", "interface_mtu",
            "broadcast_address", "nis_domain", "nis_server", "ntp_server", "netbios_over_tcpip_name_server",
            "netbios_over_tcpip_node_type", "netbios_over_tcpip_scope", "requested_ip_address", "ip_address_lease_time",
            "option_overload", "dhcp_server_id", "request_list_item", "message", "dhcp_max_message_size", "renewal_time_value",
            "rebinding_time_value", "vendor_class_id", "tftp_server_name", "bootfile_name", "dhcp_auto_configuration"
        )
    };
    ($protocol:ident, $($name:literal),*) => {
        $protocol
            .alias("dhcp.hw.type", &["options.client_id.hw_type"])
            .alias("dhcp.hw.mac_addr", &["options.client_id.mac_addr"])
            $(.alias(concat!("dhcp.option.", $name), &[concat!("options.", $name)]))*
    };
}
pub(super) use names_of_options;
