//! DNS: our lines are those of tcpdump, our fields and filters those of tshark, and what we build is what scapy builds.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "this is test code")]

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;

use support::{RAWSOCK, run, text_of};

fn capture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("captures/dns.pcap")
}

fn lines(command: &mut Command) -> Vec<String> {
    let output = run(command);
    assert!(output.status.success(), "{}", text_of(&output));
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

/// What differs from tcpdump, and why.
const OTHER_WORDS: &[(&str, &str)] = &[
    ("IP 10.0.0.1.53 > 10.0.0.2.40000: 3 1/0/0 TXT \"v=spf1", "other escapes"),
    ("IP 10.0.0.1.53 > 10.0.0.2.40000: 3 1/0/0 CAA", "the tcpdump that judges does not know the type"),
    (
        "IP 10.0.0.1.40000 > 10.0.0.2.53: 7+% [b2&3=0x7f3] SVCB?",
        "the tcpdump that judges does not know the type",
    ),
    ("IP 10.0.0.1.40000 > 10.0.0.2.53: 9+ TXT? a", "other escapes"),
    ("IP 10.0.0.1.50000 > 10.0.0.2.5355: 77 A? host.", "tcpdump does not know LLMNR"),
    ("IP 10.0.0.1.5355 > 10.0.0.2.50000: 77- 1/0/0 A", "tcpdump does not know LLMNR"),
    ("IP 10.0.0.1.40000 > 10.0.0.2.53: [|dns]", "tcpdump says how long it is"),
    ("IP 10.0.0.1.40000 > 10.0.0.2.53: 1+ A? @12.", "a pointer that leads in a circle"),
];

#[test]
fn lines_are_those_of_tcpdump() {
    let ours = lines(Command::new(RAWSOCK).args(["read", "--utc"]).arg(capture()));
    let theirs = lines(Command::new("tcpdump").env("TZ", "UTC").arg("-nr").arg(capture()));
    assert_eq!(ours.len(), theirs.len());
    let mut excused = 0;
    for (ours, theirs) in ours.iter().zip(&theirs) {
        if OTHER_WORDS.iter().any(|(line, _)| ours.contains(line)) {
            excused += 1;
            assert_ne!(ours, theirs, "this one needs no excuse");
        } else {
            assert_eq!(*ours, theirs.replace("[|domain]", "[|dns]"));
        }
    }
    assert_eq!(excused, OTHER_WORDS.len());
}

#[test]
fn filters_and_columns_are_those_of_tshark() {
    for name in [
        "dns.id",
        "dns.flags",
        "dns.flags.response",
        "dns.flags.opcode",
        "dns.flags.truncated",
        "dns.count.queries",
        "dns.count.answers",
        "dns.count.auth_rr",
        "dns.count.add_rr",
        "dns.qry.type",
        "dns.qry.class",
        "dns.qry.qu",
        "dns.resp.name",
        "dns.resp.type",
        "dns.resp.class",
        "dns.resp.ttl",
        "dns.resp.len",
        "dns.rr.udp_payload_size",
        "dns.resp.z.do",
        "dns.a",
        "dns.aaaa",
        "dns.cname",
        "dns.ns",
        "dns.ptr.domain_name",
        "dns.mx.preference",
        "dns.mx.mail_exchange",
        "dns.srv.port",
        "dns.srv.target",
        "dns.soa.mname",
        "dns.soa.minimum_ttl",
    ] {
        let arguments = |command: &mut Command, fields: &[&str]| {
            lines(command.args(fields).arg("-r").arg(capture()).args([
                "-T",
                "fields",
                "-e",
                "frame.number",
                "-e",
                name,
            ]))
        };
        // tshark has other names for the parts of updates, and for the names of services.
        let services = if name == "dns.resp.name" { " and not dns.resp.type == 33" } else { "" };
        let filter = format!("{name} and dns.flags.opcode != 5{services}");
        let theirs = arguments(&mut Command::new("tshark"), &["-n", "-Y", &filter]);
        let columns = format!("frame.number,{name}");
        let ours =
            lines(Command::new(RAWSOCK).args(["read", "--fields", &columns, "-Y", &filter]).arg(capture()));
        let theirs: Vec<String> = theirs.iter().map(|line| line.replace("<Root>", ".")).collect();
        assert!(!theirs.is_empty(), "{name}");
        assert_eq!(ours, theirs, "{name}");
    }
}

#[test]
fn names_can_be_filtered_for() {
    for (filter, least) in [
        ("dns.qry.name == \"example.com\"", 20),
        ("dns.qry.name contains \"example\"", 25),
        ("dns.qry.name matches \"^www\\\\.\"", 1),
        ("dns.a == 1.2.3.0/24", 2),
        ("dns.cname == \"h.example.com\"", 1),
        ("dns.txt contains \"spf1\"", 1),
        ("dns.resp.type == 28 and dns.aaaa == 2001:db8::1", 1),
        ("mdns or llmnr", 4),
        ("dns.flags.response == 1 and dns.flags.rcode == 3", 1),
        ("dns.id in {5..7}", 5),
    ] {
        let ours = lines(
            Command::new(RAWSOCK).args(["read", "--fields", "frame.number", "-Y", filter]).arg(capture()),
        );
        let mut tshark = Command::new("tshark");
        let theirs = lines(
            tshark.args(["-n", "-T", "fields", "-e", "frame.number", "-Y", filter, "-r"]).arg(capture()),
        );
        assert!(ours.len() >= least, "{filter}: {}", ours.len());
        assert_eq!(ours, theirs, "{filter}");
    }
}

#[test]
fn what_is_built_is_what_scapy_builds() {
    let cases: &[(&str, &str)] = &[
        ("dns(id=1234, qry=[{name=example.com}])", "DNS(id=1234, qd=DNSQR(qname='example.com'))"),
        (
            "dns(id=2, flags={response=true, recdesired=true, recavail=true}, qry=[{name=example.com, type=MX}], \
             answers=[{name=example.com, type=MX, ttl=60, mx={preference=5, mail_exchange=mail.example.com}}], \
             additionals=[{name='.', type=OPT, udp_payload_size=4096, z={do=true}}])",
            "DNS(id=2, qr=1, rd=1, ra=1, qd=DNSQR(qname='example.com', qtype='MX'), \
             an=DNSRRMX(rrname='example.com', ttl=60, preference=5, exchange='mail.example.com'), \
             ar=DNSRROPT(rclass=4096, z=0x8000))",
        ),
        (
            "dns(id=3, flags.response, answers=[{name=a.example, type=TXT, ttl=1, txt=['one', 'two']}, \
             {name=a.example, ttl=2, a=192.0.2.1}, {name=a.example, type=AAAA, ttl=3, aaaa='2001:db8::1'}])",
            "DNS(id=3, qr=1, rd=0, qd=None, ancount=3, an=DNSRR(rrname='a.example', type='TXT', ttl=1, rdata=[b'one', b'two'])/\
             DNSRR(rrname='a.example', ttl=2, type='A', rdata='192.0.2.1')/\
             DNSRR(rrname='a.example', type='AAAA', ttl=3, rdata='2001:db8::1'))",
        ),
        (
            "dns(id=4, flags.response, answers=[{name=_sip._udp.example, type=SRV, ttl=1, srv={priority=1, weight=2, port=5060, \
             target=sip.example}}], authorities=[{name=example, type=SOA, ttl=9, soa={mname=ns.example, rname=root.example, \
             serial_number=7, refresh_interval=1, retry_interval=2, expire_limit=3, minimum_ttl=4}}])",
            "DNS(id=4, qr=1, rd=0, qd=None, an=DNSRRSRV(rrname='_sip._udp.example', ttl=1, priority=1, weight=2, port=5060, \
             target='sip.example'), ns=DNSRRSOA(rrname='example', ttl=9, mname='ns.example', rname='root.example', serial=7, \
             refresh=1, retry=2, expire=3, minimum=4))",
        ),
    ];
    for (spec, scapy) in cases {
        let expression = format!("ip(src=192.0.2.1, dst=192.0.2.2)/udp(srcport=40000)/{spec}");
        let ours = lines(Command::new(RAWSOCK).args(["craft", "--hex", &expression]));
        let program = format!(
            "from scapy.all import *\nprint(bytes(IP(src='192.0.2.1',dst='192.0.2.2',id=0)/UDP(sport=40000,dport=53)/{scapy}).hex())"
        );
        let theirs = lines(Command::new("python3").args(["-c", &program]));
        assert_eq!(ours, theirs, "{spec}");
    }
}

#[test]
fn a_name_can_point_anywhere_and_a_mistake_in_one_is_shown() {
    let circle = "ip(src=192.0.2.1, dst=192.0.2.2)/udp()/dns(qry=[{name=a.@12}])";
    let octets = lines(Command::new(RAWSOCK).args(["craft", "--hex", circle])).concat();
    assert!(octets.ends_with("0161c00c00010001"), "{octets}");
    for (name, words) in [
        ("a..b", "a label between two dots is empty"),
        ("a.@99999", "behind `@` stands"),
        ("'a\\999'", "three digits"),
    ] {
        let output =
            run(Command::new(RAWSOCK).args(["craft", &format!("ip()/udp()/dns(qry=[{{name={name}}}])")]));
        assert_eq!(output.status.code(), Some(2));
        assert!(text_of(&output).contains(words), "{name}: {}", text_of(&output));
    }
}
