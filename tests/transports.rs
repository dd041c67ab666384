//! SCTP, ESP, AH and multicast listener discovery: our lines are those of tcpdump, our fields and filters those of tshark, and
//! what we build is what scapy builds.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "this is test code")]

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;

use support::RAWSOCK;
use support::judges::{
    Case, builds_as_scapy, columns_are_those_of_tshark, lines, lines_are_those_of_tcpdump,
};

fn capture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("captures/transports.pcap")
}

/// What differs from tcpdump, and why.
const OTHER_WORDS: &[(&str, &str)] = &[
    ("sctp [|sctp.data]", "the chunk is named"),
    ("sctp [|sctp.cookie_ack]", "the chunk is named"),
    ("sctp [sctp.cookie_ack: header length is too small", "other words for a length of 2"),
    ("10.0.0.1.1000 > 10.0.0.2.2000: AH(", "ports stand with the addresses, also behind AH"),
    ("2001:db8::1.1 > 2001:db8::2.2: AH(", "ports stand with the addresses, also behind AH"),
    ("multicast listener report max resp delay", "tcpdump forgets a blank"),
    ("multicast listener done max resp delay", "tcpdump forgets a blank"),
];

#[test]
fn lines_are_those_of_tcpdump_for_chunks_and_security_headers() {
    lines_are_those_of_tcpdump(&capture(), &[], OTHER_WORDS);
}

#[test]
fn filters_and_columns_are_those_of_tshark() {
    columns_are_those_of_tshark(
        &capture(),
        &[
            "esp.spi",
            "esp.sequence",
            "ah.spi",
            "ah.length",
            "ah.icv",
            "sctp.srcport",
            "sctp.verification_tag",
            "sctp.checksum",
            "sctp.data_sid",
            "sctp.data_ssn",
            "sctp.data_payload_proto_id",
            "sctp.init_credit",
            "sctp.initack_nr_in_streams",
            "sctp.cookie",
            "sctp.sack_a_rwnd",
            "sctp.sack_gap_block_start",
            "sctp.shutdown_cumulative_tsn_ack",
            "sctp.forward_tsn_sid",
            "sctp.cwr_lowest_tsn",
            "sctp.abort_t_bit",
            "icmpv6.mldr.nb_mcast_records",
            "icmpv6.mldr.mar.source_address",
            "icmpv6.mld.qqi",
        ],
    );
}

#[test]
fn what_is_built_is_what_scapy_builds() {
    const CASES: &[Case] = &[
        (
            "ip(src=10.0.0.1, dst=10.0.0.2)/sctp(srcport=1, dstport=2, verification_tag=3)/sctp.data(tsn=5, sid=1, ssn=2, ppid=46, \
             data=68656c6c6f)/sctp.data(tsn=6, flags.u, data=78)",
            "IP(src='10.0.0.1',dst='10.0.0.2',id=0)/SCTP(sport=1,dport=2,tag=3)/SCTPChunkData(beginning=1,ending=1,tsn=5,\
             stream_id=1,stream_seq=2,proto_id=46,data=b'hello')/SCTPChunkData(beginning=0,ending=0,unordered=1,tsn=6,proto_id=0,\
             stream_id=0,stream_seq=0,data=b'x')",
        ),
        (
            "ip(src=10.0.0.1, dst=10.0.0.2)/sctp(srcport=1, dstport=2)/sctp.init(initiate_tag=9, parameters=[\
             {type=0x8000}, {type=7, value=0102030405}, {type=5, value=0a000001}])",
            "IP(src='10.0.0.1',dst='10.0.0.2',id=0)/SCTP(sport=1,dport=2,tag=0)/SCTPChunkInit(init_tag=9,a_rwnd=65535,\
             n_out_streams=10,n_in_streams=10,init_tsn=0,params=[SCTPChunkParamECNCapable(),SCTPChunkParamStateCookie(\
             cookie=b'\\1\\2\\3\\4\\5'),SCTPChunkParamIPv4Addr(addr='10.0.0.1')])",
        ),
        (
            "ip(src=10.0.0.1, dst=10.0.0.2)/sctp(srcport=1, dstport=2, verification_tag=3)/sctp.sack(cumulative_tsn_ack=5, a_rwnd=1000, \
             gap_blocks=[{start=2, end=3}], duplicate_tsns=[9])/sctp.cookie_ack()",
            "IP(src='10.0.0.1',dst='10.0.0.2',id=0)/SCTP(sport=1,dport=2,tag=3)/SCTPChunkSACK(cumul_tsn_ack=5,a_rwnd=1000,\
             n_gap_ack=1,gap_ack_list=['2:3'],n_dup_tsn=1,dup_tsn_list=[9])/SCTPChunkCookieAck()",
        ),
        (
            "ip(src=10.0.0.1, dst=10.0.0.2)/ah(spi=5, sequence=6, icv=0102030405060708090a0b0c)/data(hex=00)",
            "IP(src='10.0.0.1',dst='10.0.0.2',id=0)/AH(nh=59,payloadlen=4,spi=5,seq=6,icv=bytes(range(1,13)))/b'\\0'",
        ),
        (
            "ipv6(src='fe80::1', dst='ff02::16', hlim=1)/ipv6.hopopts(options=[router_alert=0])/icmpv6(type=143, records=[\
             {record_type=4, multicast_address='ff02::fb', sources=['2001:db8::5']}])",
            "IPv6(src='fe80::1',dst='ff02::16',hlim=1)/IPv6ExtHdrHopByHop(options=[RouterAlert()])/ICMPv6MLReport2(records=[\
             ICMPv6MLDMultAddrRec(rtype=4,dst='ff02::fb',sources=['2001:db8::5'])])",
        ),
    ];
    builds_as_scapy("from scapy.layers.sctp import *\nfrom scapy.layers.ipsec import AH, ESP", CASES);
}

/// RFC 9260 §3.2: what fills up the last parameter is counted by neither it nor the chunk.
#[test]
fn a_length_does_not_count_what_fills_up() {
    let packet = "sctp(checksum=0)/sctp.init_ack(parameters=[{type=7, value=0102030405}])/sctp.cookie_ack()";
    let built = lines(Command::new(RAWSOCK).args(["craft", "--hex", packet]));
    let header = "c0000007000000000000000002 00001d 00000000 0000ffff 000a000a 00000000".replace(' ', "");
    assert_eq!(built, [format!("{header}000700090102030405000000 0b000004").replace(' ', "")]);
}

#[test]
fn what_fills_up_and_is_not_zero_or_not_there_is_built_again() {
    let folder = tempfile::tempdir().unwrap();
    for chunk in [
        "0a000006616277ff0b000004",
        "0a0000066162",
        "0a00000661620b",
        "0200001d000000000000000000000000000000000007000901020304050000000b000004",
        "02000020000000000000000000000000000000000007000901020304050000000b000004",
        "020000200000000000000000000000000000000000070009010203040500ff000b000004",
        "020000220000000000000000000000000000000000070009010203040500ff00ffff0b000004",
    ] {
        let path = folder.path().join("chunks.pcap");
        let octets = format!("000100020000000300000000{chunk}");
        let packet = format!("ip(src=10.0.0.1, dst=10.0.0.2, proto=132)/data(hex={octets})");
        let built = lines(Command::new(RAWSOCK).args(["craft", "--hex", &packet]));
        lines(Command::new(RAWSOCK).args(["craft", &packet, "-w"]).arg(&path));
        for form in ["--json", "--toml"] {
            let spec = folder.path().join("spec");
            let written = lines(Command::new(RAWSOCK).args(["read", form]).arg(&path)).join("\n");
            assert!(written.contains("sctp."), "{written}");
            std::fs::write(&spec, written).unwrap();
            assert_eq!(lines(Command::new(RAWSOCK).args(["craft", "--hex"]).arg(&spec)), built, "{chunk}");
        }
    }
}
