//! What holds for all filters and packets, and what no other program can be asked about.

use proptest::prelude::*;

use super::{About, FieldFilter, Mistake, Times, Type};
use crate::packet::check::Dissected;
use crate::packet::dissect::dissect;
use crate::wire::frame::LinkType;
use crate::wire::layers::LayerTable;

/// A SYN from 10.0.0.1 port 80 to 192.0.2.2 port 443, TTL 64, its TCP checksum wrong, with three octets of data; made with
/// scapy.
const SYN: &str = "0200000000010200000000020800\
     4500002f00010000400670c30a000001c0000202\
     005001bb0000000100000002600220000000\
     0000020405b4616263";

fn takes(filter: &str, packet: &str) -> bool {
    let octets = hex::decode(packet).unwrap();
    run(&FieldFilter::compile(filter).unwrap_or_else(|error| panic!("{}", error.render(false))), &octets)
}

fn run(filter: &FieldFilter, octets: &[u8]) -> bool {
    let mut table = LayerTable::default();
    dissect(octets, LinkType::ETHERNET, &mut table);
    let mut times = Times::default();
    [1_000_000_000, 1_400_000_000, 1_500_000_000].into_iter().for_each(|time| times.see(Some(time)));
    let about = About {
        number: 7,
        time: Some(1_500_000_000),
        times,
        interface: Some("eth0"),
        interface_id: 2,
        comment: Some("hi".into()),
        sent: None,
        known: &[],
        facts: None,
    };
    filter.matches(&Dissected { octets, table: &table, wire_len: octets.len() }, &about)
}

#[test]
fn flags_alone_are_told() {
    let flags = |filter: &str| FieldFilter::compile(filter).unwrap().flags_alone();
    assert!(flags("tcp.analysis.retransmission or tcp.stream == 1").is_empty());
    assert_eq!(
        flags("tcp.flags.syn and not tcp.flags.ack or tcp.flags.syn"),
        ["tcp.flags.syn", "tcp.flags.ack"]
    );
    assert!(flags("tcp.flags.syn == 1 and tcp.flags and ip.ttl").is_empty());
}

#[test]
fn what_newer_versions_of_wireshark_have_or_we_alone() {
    for filter in [
        "",
        "tcp xor udp",
        "tcp ^^ udp ^^ ip ^^ ip",
        "udp xor icmp or tcp",
        "not (tcp xor ip)",
        "(ip.ttl + 6) * 2 == 140",
        "64 == ip.ttl",
        "10.0.0.0/8 == ip.src",
        "1 < ip.ttl < 65",
        "ip.ttl-1 == 63",
        "ip.ttl > -1 and not ip.ttl == -1",
        "-ip.ttl < 0",
        "abs(-ip.ttl) == 64",
        "tcp.srcport - 443 == -363",
        "tcp.flags bitand 2 == 2",
        "tcp.flags.syn == true and tcp.flags.ack == false",
        "vals(ip.proto) == \"TCP\"",
        "vals(tcp.flags.syn) == \"True\"",
        "ip.proto == tcp or ip.proto == \"tcp\"",
        "ip.proto in {udp, tcp}",
        "tcp.port in {80 443}",
        "tcp.options.mss == 1460 and tcp.options.mss.mss == 1460",
        "tcp.options.mss_val in {1460}",
        "tcp.len == 3 and tcp.payload == 61:62:63",
        "tcp.payload == \"abc\" and tcp.payload[-1] == 'c'",
        "tcp.checksum.status == bad",
        "ip.flags.df == 0",
        "min(tcp.srcport, tcp.dstport, 7) == 7",
        "frame.number == 7 and frame.interface_name == \"eth0\" and frame.interface_id == 2",
        "frame.comment contains \"i\"",
        "frame.time_relative == 0.5 and frame.time_delta == 0.1",
        "frame.time_relative * 2 == 1",
        "frame.time == \"1970-01-01 00:00:01.5\" and frame.time == \"1970-01-01T00:00:01.5Z\"",
        "frame.time - frame.time_relative == 1",
        "string(frame.time_relative) == \"0.500000000\"",
        "frame.protocols == \"eth:ethertype:ip:tcp:data\"",
        "data.len == 3",
        "ip.src & 255.0.0.0 == 10.0.0.0",
        "eth.src == 02:00:00:00:00:02 and eth.src[0:3] == frame[6:3]",
    ] {
        assert!(takes(filter, SYN), "{filter}");
    }
}

#[test]
fn mistakes_are_told_at_their_place() {
    let told = |filter: &str| {
        let error = FieldFilter::parse(filter).unwrap_err();
        (filter.get(error.at).unwrap_or("?").to_owned(), error.mistake.to_string())
    };
    for (filter, at, text) in [
        ("ip.srcc == 1", "ip.srcc", "`ip.srcc` is neither a field nor a protocol"),
        ("1 == ip.srcc", "ip.srcc", "`ip.srcc` is neither a field nor a protocol"),
        ("tcp and foo", "foo", "`foo` is neither a field nor a protocol"),
        ("tcp.port == tcp.prt", "tcp.prt", "`tcp.prt` is neither a field nor a protocol"),
        ("ip.src == 10.0.0", "10.0.0", "`10.0.0` is no IPv4 address"),
        ("eth.src == 02:00", "02:00", "`02:00` is no MAC address"),
        ("tcp.port == 65536", "65536", "65536 is too large for tcp.port, whose greatest value is 65535"),
        ("tcp.flags.syn == 2x", "2x", "`2x` is neither true nor false"),
        ("frame[0] == 0x100", "0x100", "`0x100` is not octets"),
        ("ip.src == ipv6.src", "ipv6.src", "IPv4 addresses and IPv6 addresses cannot be compared"),
        ("ip.ttl contains 1", "ip.ttl", "`contains` has no meaning for numbers"),
        ("tcp.flags.syn & 1", "tcp.flags.syn", "`&` has no meaning for true or false"),
        ("ip.ttl + ip.src == 1", "ip.src", "`+` has no meaning for IPv4 addresses"),
        ("ip.ttl[0] == 1", "ip.ttl", "numbers have no octets to take some of"),
        ("len(ip)", "len(ip)", "this is a value, and neither true nor false"),
        ("(tcp == udp) + 1 == 2", "tcp == udp", "this is true or false, and no value"),
        ("ip.src == \"10.0.0.1\"", "\"10.0.0.1\"", "`10.0.0.1` is no IPv4 address"),
        ("lenn(ip) == 1", "lenn", "there is no function `lenn`"),
        ("upper(ip.src) == \"a\"", "ip.src", "upper() takes one text"),
        ("len(ip, tcp) == 1", "len(ip, tcp)", "len() takes one field or slice"),
        ("ip.src & 10.0.0.0/8", "10.0.0.0/8", "a network stands only behind a comparison or in a set"),
        ("frame matches \"(\"", "\"(\"", "this pattern cannot be used: unclosed group"),
        ("frame matches abc", "abc", "this pattern cannot be used: a pattern is text between double quotes"),
        ("1 == 2", "1", "there is no field here to compare with"),
        ("tcp udp", "udp", "`udp` cannot stand here"),
        ("tcp and", "", "the end of the filter cannot stand here"),
        ("tcp.port in 80", "80", "`80` cannot stand here"),
        ("tcp.port in {80", "", "the end of the filter cannot stand here"),
        ("any tcp", "", "the end of the filter cannot stand here"),
        ("ip.src#0", "0", "layers are counted from 1"),
        ("frame[0:1]#1", "frame[0:1]#1", "only fields and protocols are in layers"),
        ("frame[1:0]", "1:0", "the range ends before it begins"),
        ("tcp.port = 80", "=", "`=` is no sign of this language"),
    ] {
        assert_eq!(told(filter), (at.to_owned(), text.to_owned()), "{filter}");
    }
}

#[test]
fn a_slip_is_answered_with_what_may_be_meant() {
    let help = |filter: &str| FieldFilter::compile(filter).unwrap_err().render(false);
    assert_eq!(
        help("tcp.prt == 80"),
        "error: `tcp.prt` is neither a field nor a protocol\n \
         --> <filter>:1:1\n  \
           |\n\
         1 | tcp.prt == 80\n  \
           | ^^^^^^^\n  \
           |\n  \
           = help: did you mean `tcp.port`?\n"
    );
    for (filter, wanted) in [
        ("tcp.port = 80", "`==` is equal"),
        ("ip.proto == \"UPD\"", "did you mean \"UDP\"?"),
        ("ip.ttl matches \"6\"", "string(…) makes text of it"),
        ("tcp | udp", "`||` is or"),
        ("uper(frame.protocols) == \"A\"", "did you mean `upper`?"),
    ] {
        assert!(help(filter).contains(wanted), "{}", help(filter));
    }
}

#[test]
fn filters_nest_only_so_deep() {
    for (open, close) in [("(", ")"), ("!", ""), ("not ", "")] {
        let nested = |depth: usize| format!("{}tcp{}", open.repeat(depth), close.repeat(depth));
        assert!(FieldFilter::compile(&nested(90)).is_ok());
        assert_eq!(FieldFilter::parse(&nested(30_000 / open.len())).unwrap_err().mistake, Mistake::TooMuch);
    }
    for part in [" + 1", "[0:1]"] {
        let long = |count: usize| format!("frame{} == 1", part.repeat(count));
        let error = FieldFilter::parse(&long(10_000)).unwrap_err().mistake;
        assert!(
            matches!(error, Mistake::TooMuch | Mistake::Operator { kind: Type::Protocol, .. }),
            "{error:?}"
        );
    }
    let long = vec!["tcp"; 5_000].join(" or ");
    assert!(takes(&long, SYN), "operators in a row are no nesting");
    assert!(FieldFilter::compile(&" ".repeat(70_000)).is_err());
}

/// Found by thinking: sums of values that a packet has many of are as many as all their products.
#[test]
fn a_packet_cannot_make_a_filter_run_long() {
    let stamps = "00000001".repeat(8);
    let ip = "4e0000380001000040010000 0a000001 c0000202";
    let octets = format!("020000000001 020000000002 0800 {ip} 44242500 {stamps}").replace(' ', "");
    assert!(takes("count(ip.options.ts.timestamps) == 8", &octets));
    let name = "ip.options.ts.timestamps";
    let filter = format!("{} == 77", vec![name; 30].join(" + "));
    let began = std::time::Instant::now();
    assert!(!takes(&filter, &octets));
    assert!(!takes(&format!("not {filter}"), &octets), "what takes too long takes no packet");
    assert!(began.elapsed().as_secs() < 20, "{:?}", began.elapsed());
}

/// Words of the language, in any order: texts that are more likely than any letters to be filters.
fn words() -> impl Strategy<Value = String> {
    let words = prop::sample::select(WORDS.to_vec());
    prop::collection::vec(words, 0..12).prop_map(|words| words.join(" "))
}

const WORDS: &[&str] = &[
    "tcp",
    "ip.src",
    "ip.ttl",
    "tcp.flags.syn",
    "frame",
    "frame.protocols",
    "eth.src",
    "ipv6.addr",
    "ip.addr",
    "tcp.options",
    "frame.time",
    "icmp.type",
    "==",
    "!=",
    "===",
    "<",
    ">=",
    "contains",
    "matches",
    "in",
    "{",
    "}",
    "(",
    ")",
    "[0:2]",
    "[-1]",
    "#1",
    "#[-1]",
    "and",
    "or",
    "xor",
    "not",
    "any",
    "all",
    "&",
    "+",
    "-",
    "*",
    "/",
    "%",
    "..",
    ",",
    "1",
    "0x10",
    "10.0.0.0/8",
    "::1",
    "02:00",
    "\"a\"",
    "'a'",
    "len(",
    "max(",
    "count(",
    "string(",
    "abs(",
    "1.5",
];

/// Filters that look at all that there is.
const FILTERS: &[&str] = &[
    "tcp.options contains 01 or ip.options.ts.timestamps + ip.options.ts.timestamps == 3",
    "ip.addr == 10.0.0.0/8 || ipv6.addr == fe80::/10 || eth.addr[0] & 1",
    "frame.protocols matches \"ip:ip\" or frame[4:] contains \"ab\"",
    "max(ip.ttl, ipv6.hlim) > 3 and count(ip) > 1 xor ip.ttl#[-1] == 1",
    "icmp.ext.class == 1 or icmpv6.opt.prefix == fe80::/9 or igmp.saddr > 10.0.0.0",
    "ip.checksum.status == Bad or tcp.checksum.status == Good or icmp.ext.checksum.status == Bad",
    "tcp.len > 3 or data.len < 5 or tcp.payload[2:] == 00:00 or icmp.quoted",
    "string(eth.src) contains \"00\" and all ip.src != 1.2.3.4",
];

proptest! {
    #[test]
    fn any_text_is_a_filter_or_a_mistake(text in "\\PC{0,60}") {
        if let Err(error) = FieldFilter::compile(&text) {
            error.render(false);
        }
    }

    #[test]
    fn any_words_are_a_filter_or_a_mistake(text in words(), octets in prop::collection::vec(any::<u8>(), 0..80)) {
        match FieldFilter::compile(&text) {
            Ok(filter) => { run(&filter, &octets); }
            Err(error) => { error.render(false); }
        }
    }

    #[test]
    fn any_octets_can_be_filtered(
        octets in prop::collection::vec(any::<u8>(), 0..300),
        ethertype in prop::sample::select(vec![0x0800u16, 0x86dd, 0x0806, 0x8100]),
    ) {
        let mut octets = octets;
        if let Some(place) = octets.get_mut(12..14) {
            place.copy_from_slice(&ethertype.to_be_bytes());
        }
        for text in FILTERS {
            let filter = FieldFilter::compile(text).unwrap();
            let opposite = FieldFilter::compile(&format!("not ({text})")).unwrap();
            prop_assert!(run(&filter, &octets) != run(&opposite, &octets), "{}", text);
        }
    }
}
