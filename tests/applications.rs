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
