//! Links and tunnels: our lines are those of tcpdump, our fields and filters those of tshark, and what we build is what scapy
//! builds.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "this is test code")]

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use support::judges::{
    Case, builds_as_scapy, columns_are_those_of_tshark, lines, lines_are_those_of_tcpdump,
};
use support::{RAWSOCK, run, text_of};

fn capture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("captures/tunnels.pcap")
}

/// What differs from tcpdump, and why.
const OTHER_WORDS: &[(&str, &str)] = &[
    ("ssap STP (0x42) Command, ctrl 0x03", "STP is octets for us"),
    ("pid CDP (0x2000), length 10", "CDP is octets for us"),
    ("ssap NetBeui (0xf0) Response, ctrl 0x7f", "tcpdump has words for the control field"),
    ("ssap NetBeui (0xf0) Command, ctrl 0x0201", "tcpdump has words for the control field"),
    ("ssap SNA (0x04) Command, ctrl 0x0b0a", "tcpdump has words for the control field"),
    ("ssap OSI (0xfe) Command, ctrl 0x03", "OSI is octets for us"),
    ("802.3, length 34", "IPX is octets for us"),
    ("(label 0, tc 0, [S], ttl 3) ", "tcpdump takes label 0 for IPv4 whatever follows"),
    ("LCP (0xc021), length 20", "LCP is octets for us"),
    ("LCP (0xc021), length 10", "LCP is octets for us"),
];

#[test]
fn lines_are_those_of_tcpdump_with_and_without_the_link() {
    lines_are_those_of_tcpdump(&capture(), &[], OTHER_WORDS);
    lines_are_those_of_tcpdump(&capture(), &["-e"], OTHER_WORDS);
}

#[test]
fn filters_and_columns_are_those_of_tshark() {
    columns_are_those_of_tshark(
        &capture(),
        &[
            "eth.len",
            "llc.dsap",
            "llc.ssap",
            "llc.oui",
            "llc.type",
            "llc.control.n_r",
            "ieee8021ad.id",
            "ieee8021ad.priority",
            "vlan.id",
            "vlan.etype",
            "mpls.label",
            "mpls.exp",
            "mpls.bottom",
            "mpls.ttl",
            "pppoe.code",
            "pppoe.session_id",
            "pppoe.payload_length",
            "ppp.protocol",
            "gre.proto",
            "gre.flags.key",
            "gre.flags.version",
            "gre.checksum",
            "gre.key.payload_length",
            "gre.key.call_id",
            "gre.sequence_number",
            "vxlan.vni",
            "vxlan.gbp",
            "geneve.version",
            "geneve.flags.critical",
            "geneve.option.class",
            "geneve.option.type.critical",
        ],
    );
}

#[test]
fn what_is_built_is_what_scapy_builds() {
    const CASES: &[Case] = &[
        (
            "eth(src=02:00:00:00:00:01, dst=02:00:00:00:00:02)/llc()/ip(src=10.0.0.1, dst=10.0.0.2)/udp(srcport=1, dstport=2)/data(text=hi)",
            "Dot3(src='02:00:00:00:00:01',dst='02:00:00:00:00:02')/LLC(dsap=0xaa,ssap=0xaa,ctrl=3)/SNAP(OUI=0,code=0x800)/\
             IP(src='10.0.0.1',dst='10.0.0.2',id=0)/UDP(sport=1,dport=2)/b'hi'",
        ),
        (
            "ieee8021ad(id=100, priority=5)/vlan(id=42)/ip(src=10.0.0.1, dst=10.0.0.2)/udp(srcport=1, dstport=2)",
            "Dot1AD(vlan=100,prio=5)/Dot1Q(vlan=42)/IP(src='10.0.0.1',dst='10.0.0.2',id=0)/UDP(sport=1,dport=2)",
        ),
        (
            "mpls(label=16, exp=5)/mpls(label=17)/ipv6(src='2001:db8::1', dst='2001:db8::2')/udp(srcport=1, dstport=2)",
            "MPLS(label=16,cos=5,s=0,ttl=64)/MPLS(label=17,s=1,ttl=64)/IPv6(src='2001:db8::1',dst='2001:db8::2')/\
             UDP(sport=1,dport=2)",
        ),
        (
            "pppoed(tags=[{type=Service-Name}, {type=Host-Uniq, value=01020304}])",
            "PPPoED(code=9)/PPPoED_Tags(tag_list=[PPPoETag(tag_type=0x101,tag_value=b''),\
             PPPoETag(tag_type=0x103,tag_value=b'\\1\\2\\3\\4')])",
        ),
        (
            "pppoes(session_id=17)/ppp()/ip(src=10.0.0.1, dst=10.0.0.2)/udp(srcport=1, dstport=2)/data(text=hello)",
            "PPPoE(sessionid=17)/PPP()/IP(src='10.0.0.1',dst='10.0.0.2',id=0)/UDP(sport=1,dport=2)/b'hello'",
        ),
        (
            "ip(src=10.0.0.1, dst=10.0.0.2)/gre(key=77, sequence_number=5, flags.checksum, flags.key, flags.sequence_number)\
             /ip(src=10.1.0.1, dst=10.1.0.2)/udp(srcport=1, dstport=2)",
            "IP(src='10.0.0.1',dst='10.0.0.2',id=0)/GRE(chksum_present=1,key_present=1,seqnum_present=1,key=77,seqence_number=5)\
             /IP(src='10.1.0.1',dst='10.1.0.2',id=0)/UDP(sport=1,dport=2)",
        ),
        (
            "ip(src=10.0.0.1, dst=10.0.0.2)/gre(key=77)/eth(src=02:00:00:00:00:01, dst=02:00:00:00:00:02)/ip(src=10.1.0.1, dst=10.1.0.2)",
            "IP(src='10.0.0.1',dst='10.0.0.2',id=0)/GRE(key_present=1,key=77,proto=0x6558)/\
             Ether(src='02:00:00:00:00:01',dst='02:00:00:00:00:02')/IP(src='10.1.0.1',dst='10.1.0.2',id=0,proto=253)",
        ),
        (
            // Whatever stands in the key's place sets its flag.
            "ip(src=10.0.0.1, dst=10.0.0.2)/gre(version=1, call_id=3, sequence_number=5)/ppp()/data(hex=0102)",
            "IP(src='10.0.0.1',dst='10.0.0.2',id=0)/GRE_PPTP(call_id=3,seqnum_present=1,seqence_number=5)/PPP(proto=0)/b'\\1\\2'",
        ),
        (
            "ip(src=10.0.0.1, dst=10.0.0.2)/udp()/vxlan(vni=123)/eth(src=02:00:00:00:00:01, dst=02:00:00:00:00:02)/ip(src=10.1.0.1, dst=10.1.0.2, proto=1)",
            "IP(src='10.0.0.1',dst='10.0.0.2',id=0)/UDP(sport=49152,dport=4789)/VXLAN(vni=123,flags=8)/\
             Ether(src='02:00:00:00:00:01',dst='02:00:00:00:00:02')/IP(src='10.1.0.1',dst='10.1.0.2',id=0,proto=1)",
        ),
        (
            "ip(src=10.0.0.1, dst=10.0.0.2)/udp()/geneve(vni=123, flags.critical, options=[{class=0x102, type=0x80, data=01020304}])\
             /ip(src=10.1.0.1, dst=10.1.0.2, proto=1)",
            "IP(src='10.0.0.1',dst='10.0.0.2',id=0)/UDP(sport=49152,dport=6081)/GENEVE(vni=123,critical=1,proto=0x800,\
             options=[GeneveOptions(classid=0x102,type=0x80,data=b'\\1\\2\\3\\4')])/IP(src='10.1.0.1',dst='10.1.0.2',id=0,proto=1)",
        ),
    ];
    let imports =
        "from scapy.contrib.mpls import MPLS\nfrom scapy.contrib.geneve import GENEVE, GeneveOptions";
    builds_as_scapy(imports, CASES);
}

/// Ten thousand tags, labels or tunnels in one frame: no more layers than there is room for, the rest kept as data, in no time.
#[test]
fn tunnels_without_end_are_read_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let repeated = [
        ("8100", "00018100"),
        ("88a8", "000188a8"),
        ("8847", "00010040"),
        ("0800", "4500001400000000400400000a0000010a000002"),
        ("86dd", "60000000000029400000000000000000000000000000000100000000000000000000000000000002"),
        ("0800", "4500001800000000402f00000a0000010a00000200000800"),
    ];
    for (number, (ethertype, piece)) in repeated.iter().enumerate() {
        let path = folder.path().join(format!("{number}.pcap"));
        let packet = format!("020000000002020000000001{ethertype}{}", piece.repeat(10_000));
        let spec = format!("{{\"layers\":[{{\"data\":{{\"hex\":\"{packet}\"}}}}],\"link_type\":1}}");
        let file = folder.path().join("spec.json");
        std::fs::write(&file, spec).unwrap();
        let made = run(Command::new(RAWSOCK).arg("craft").arg(&file).arg("-w").arg(&path));
        assert!(made.status.success(), "{}", text_of(&made));
        let start = Instant::now();
        let json = lines(Command::new(RAWSOCK).args(["read", "--json"]).arg(&path)).concat();
        let line = lines(Command::new(RAWSOCK).args(["read", "-e"]).arg(&path)).concat();
        assert!(start.elapsed() < Duration::from_secs(5), "{piece}: {:?}", start.elapsed());
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert!(json["layers"].as_array().unwrap().len() <= 32, "{piece}");
        assert!(line.len() < 10_000, "{piece}: {}", line.len());
        let again = folder.path().join("again.json");
        std::fs::write(&again, json.to_string()).unwrap();
        let built = lines(Command::new(RAWSOCK).args(["craft", "--hex"]).arg(&again)).concat();
        assert!(built == packet, "{piece} is built again");
    }
}
