//! DHCP and NTP: our lines are those of tcpdump, our fields and filters those of tshark, and what we build is what scapy builds.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "this is test code")]

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;

use support::RAWSOCK;
use support::judges::{
    Case, builds_as_scapy, columns_are_those_of_tshark, lines, lines_are_those_of_tcpdump,
};

fn capture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("captures/dhcp-ntp.pcap")
}

#[test]
fn lines_are_those_of_tcpdump_for_dhcp_and_ntp() {
    lines_are_those_of_tcpdump(
        &capture(),
        &[],
        &[("[|ntp]", "tcpdump does not say that the message is cut")],
    );
}

#[test]
fn filters_and_columns_are_those_of_tshark() {
    columns_are_those_of_tshark(
        &capture(),
        &[
            "dhcp.type",
            "dhcp.hw.type",
            "dhcp.hw.mac_addr",
            "dhcp.hw.len",
            "dhcp.hops",
            "dhcp.id",
            "dhcp.secs",
            "dhcp.flags.bc",
            "dhcp.ip.client",
            "dhcp.ip.your",
            "dhcp.ip.server",
            "dhcp.ip.relay",
            "dhcp.cookie",
            "dhcp.option.dhcp",
            "dhcp.option.subnet_mask",
            "dhcp.option.router",
            "dhcp.option.domain_name_server",
            "dhcp.option.domain_name",
            "dhcp.option.requested_ip_address",
            "dhcp.option.request_list_item",
            "dhcp.option.dhcp_server_id",
            "dhcp.option.vendor_class_id",
            "dhcp.option.message",
            "dhcp.option.interface_mtu",
            "ntp.flags",
            "ntp.flags.vn",
            "ntp.flags.mode",
            "ntp.stratum",
            "ntp.refid",
            "ntp.ext.type",
            "ntp.ext.length",
            "ntp.keyid",
        ],
    );
}

#[test]
fn what_is_built_is_what_scapy_builds() {
    const CASES: &[Case] = &[
        (
            "ip(src=0.0.0.0, dst=255.255.255.255)/udp(srcport=68)/dhcp(id=0x1234, flags.bc, hw.mac_addr=02:00:00:00:00:01, options=[\
             dhcp=discover, client_id(mac_addr=02:00:00:00:00:01), requested_ip_address=10.0.0.50, hostname=\"host 1\", \
             request_list_item=[1, 3, 6], dhcp_max_message_size=1500, end])",
            "IP(src='0.0.0.0',dst='255.255.255.255',id=0)/UDP(sport=68,dport=67)/BOOTP(xid=0x1234,flags='B',\
             chaddr=b'\\2\\0\\0\\0\\0\\1'+bytes(10))/DHCP(options=[('message-type','discover'),('client_id',b'\\1\\2\\0\\0\\0\\0\\1'),\
             ('requested_addr','10.0.0.50'),('hostname',b'host 1'),('param_req_list',[1,3,6]),('max_dhcp_size',1500),'end'])",
        ),
        (
            "ip(src=10.0.0.1, dst=10.0.0.2)/udp(srcport=67, dstport=68)/dhcp(type=reply, ip.your=10.0.0.2, options=[\
             dhcp=ACK, router=[10.0.0.1, 10.0.0.3], ip_address_lease_time=3600, unknown={type=224, data=616263}, end])",
            "IP(src='10.0.0.1',dst='10.0.0.2',id=0)/UDP(sport=67,dport=68)/BOOTP(op=2,yiaddr='10.0.0.2')/DHCP(options=[\
             ('message-type','ack'),('router','10.0.0.1','10.0.0.3'),('lease_time',3600),(224,b'abc'),'end'])",
        ),
        (
            "ip(src=10.0.0.1, dst=10.0.0.2)/udp(srcport=1000)/ntp(xmt={seconds=3900000000, fraction=0x40000000})",
            "IP(src='10.0.0.1',dst='10.0.0.2',id=0)/UDP(sport=1000,dport=123)/NTPHeader(version=4,mode=3,stratum=0,poll=0,\
             precision=0,ref_id=b'',id='0.0.0.0',ref=0,orig=0,recv=0,sent=3900000000.25)",
        ),
    ];
    builds_as_scapy("from scapy.layers.ntp import NTPHeader", CASES);
}

/// What stands behind extension fields is a code with its key (RFC 7822 §3), and was taken for a further field that is cut. A key
/// that has no extension before it may have a longer code.
#[test]
fn codes_of_ntp_stand_behind_its_extension_fields() {
    let folder = tempfile::tempdir().unwrap();
    let names = ["ntp.ext.type", "ntp.ext.length", "ntp.keyid", "ntp.mac"];
    for (fields, wanted) in [
        ("", "\t\t\t"),
        ("keyid=00000000", "\t\t00000000\t"),
        ("keyid=00000007, mac=VALUE16", "\t\t00000007\tVALUE16"),
        ("keyid=00000007, mac=VALUE32", "\t\t00000007\tVALUE32"),
        ("ext=[{type=0x104, value=VALUE24}]", "0x0104\t28\t\t"),
        ("ext=[{type=0x104, value=VALUE24}], keyid=00000000", "0x0104\t28\t00000000\t"),
        ("ext=[{type=0x104, value=VALUE12}], keyid=00000001, mac=VALUE20", "0x0104\t16\t00000001\tVALUE20"),
        (
            "ext=[{type=0x104, value=VALUE12}, {type=0x204, value=VALUE24}], keyid=00000001, mac=VALUE16",
            "0x0104,0x0204\t16,28\t00000001\tVALUE16",
        ),
        ("ext=[{type=0x104, value=VALUE12}], keyid=00000020, mac=VALUE32", "0x0104\t16\t00000020\tVALUE32"),
    ] {
        let values = |text: &str| {
            [12, 16, 20, 24, 32]
                .iter()
                .rev()
                .fold(text.to_owned(), |text, len| text.replace(&format!("VALUE{len}"), &"6b".repeat(*len)))
        };
        let packet =
            format!("ip(src=10.0.0.1, dst=10.0.0.2)/udp(srcport=123, dstport=123)/ntp({})", values(fields));
        let file = folder.path().join("ntp.pcap");
        lines(Command::new(RAWSOCK).args(["craft", &packet, "-w"]).arg(&file));
        let columns = names.join(",");
        let own = lines(Command::new(RAWSOCK).args(["read", "--fields", &columns]).arg(&file));
        assert_eq!(own, [values(wanted)], "{fields}");
        let mut tshark = Command::new("tshark");
        tshark.args(["-n", "-T", "fields"]).args(names.iter().flat_map(|name| ["-e", name]));
        assert_eq!(own, lines(tshark.arg("-r").arg(&file)), "{fields}");
        let spec = folder.path().join("again.toml");
        std::fs::write(&spec, lines(Command::new(RAWSOCK).args(["read", "--toml"]).arg(&file)).join("\n"))
            .unwrap();
        let hex = |packet: &str| lines(Command::new(RAWSOCK).args(["craft", "--hex", packet]));
        assert_eq!(hex(spec.to_str().unwrap()), hex(&packet), "{fields}");
    }
}

#[test]
fn characters_are_read_and_written_as_text() {
    let numbers = |filter: &str| {
        lines(Command::new(RAWSOCK).args(["read", "--fields", "frame.number", "-Y", filter]).arg(capture()))
    };
    assert_eq!(numbers("dhcp.option.hostname == \"host-1\""), ["1"]);
    assert_eq!(numbers("dhcp.option.domain_name matches \"^EXAMPLE\""), ["2"]);
    assert_eq!(numbers("dhcp.option.dhcp == 6 or ntp.flags.mode == 4"), ["4", "10"]);
    let option = "dhcp(options=[hostname=\"a\\\\000\\\\255b\"])";
    let built = lines(Command::new(RAWSOCK).args(["craft", "--hex", option])).concat();
    assert!(built.ends_with("638253630c046100ff62"), "{built}");
}
