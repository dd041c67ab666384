//! Capture filters made of words: each octet is one, so that libFuzzer puts sentences together, not letters. None of the words is a
//! name that libpcap would ask the system about.

use rawsock::filter::capture::{BuiltIn, CaptureFilter, Target};
use rawsock::wire::frame::{Frame, LinkType};

/// The words; an octet beyond them begins a number of one, two or four octets, and zero ends the sentence.
pub const WORDS: &[&str] = &[
    "",
    "and",
    "or",
    "not",
    "!",
    "&&",
    "||",
    "(",
    ")",
    "[",
    "]",
    ":",
    "+",
    "-",
    "*",
    "/",
    "%",
    "&",
    "|",
    "^",
    "<<",
    ">>",
    "=",
    "==",
    "!=",
    "<",
    ">",
    "<=",
    ">=",
    "host",
    "net",
    "port",
    "portrange",
    "proto",
    "protochain",
    "src",
    "dst",
    "src or dst",
    "src and dst",
    "mask",
    "gateway",
    "broadcast",
    "multicast",
    "less",
    "greater",
    "byte",
    "len",
    "length",
    "ether",
    "link",
    "ip",
    "ip6",
    "arp",
    "rarp",
    "tcp",
    "udp",
    "sctp",
    "icmp",
    "icmp6",
    "igmp",
    "igrp",
    "pim",
    "vrrp",
    "carp",
    "ah",
    "esp",
    "atalk",
    "aarp",
    "decnet",
    "lat",
    "moprc",
    "mopdl",
    "iso",
    "clnp",
    "esis",
    "isis",
    "l1",
    "l2",
    "iih",
    "lsp",
    "snp",
    "csnp",
    "psnp",
    "stp",
    "ipx",
    "netbeui",
    "llc",
    "llc i",
    "llc s",
    "llc u",
    "llc rr",
    "llc xid",
    "vlan",
    "mpls",
    "pppoed",
    "pppoes",
    "geneve",
    "sca",
    "icmp-timxceed",
    "tcpflags",
    "tcp-syn",
    "tcp-ack",
    "tcp-fin",
    "tcp-rst",
    "tcp-push",
    "tcp-urg",
    "tcp-ece",
    "tcp-cwr",
    "icmptype",
    "icmpcode",
    "icmp-echo",
    "icmp-echoreply",
    "icmp-unreach",
    "icmp6type",
    "icmp6code",
    "icmp6-echo",
    "icmp6-neighborsolicit",
    "\\tcp",
    "\\udp",
    "\\ip",
    "\\ip6",
    "\\arp",
    "\\icmp",
    "\\ipx",
    "\\isis",
    "10.0.0.1",
    "10.0.0.2",
    "127.0.0.1",
    "0.0.0.0",
    "255.255.255.255",
    "10",
    "10.0",
    "192.168.1",
    "10.0.0.0/8",
    "10.0.0.1/32",
    "0.0.0.0/0",
    "255.0.0.0",
    "::",
    "::1",
    "fe80::1",
    "ff02::1",
    "fe80::/10",
    "::/0",
    "::1/128",
    "ff:ff:ff:ff:ff:ff",
    "00:00:00:00:00:01",
    "01-00-5e-00-00-01",
    "1-1023",
    "0-65535",
    "80",
    "443",
    "53",
    "0",
    "1",
    "2",
    "4",
    "0x0800",
    "0x86dd",
    "0xffffffff",
    "65535",
    "65536",
    "radio",
    "slip",
    "fddi",
    "tr",
    "wlan",
    "ppp",
    "type",
    "subtype",
    "dir",
    "ifname",
    "on",
    "#",
    "~",
    "1.2.3",
    "1-2",
    "20-10",
];

/// A sentence and a packet.
pub struct Case<'i> {
    /// The filter.
    pub text: String,
    /// Ethernet or raw IP.
    pub link_type: LinkType,
    /// The packet.
    pub octets: &'i [u8],
}

/// What a filter says of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is no filter.
    Refused,
    /// It takes the packet.
    Takes,
    /// It leaves the packet.
    Leaves,
}

impl<'i> Case<'i> {
    /// Words up to a zero; then an octet for the link type, and the packet.
    pub fn of(input: &'i [u8]) -> Self {
        let mut words = Vec::new();
        let mut rest = input;
        while let [first, after @ ..] = rest {
            rest = after;
            let len = match (usize::from(*first), first) {
                (0, _) => break,
                (word, _) if word < WORDS.len() => {
                    words.push(WORDS[word].to_owned());
                    continue;
                }
                (_, 0xff) => 4,
                (_, 0xfe) => 2,
                _ => 1,
            };
            let (digits, after) = rest.split_at(len.min(rest.len()));
            rest = after;
            let number = digits.iter().fold(0u32, |number, digit| number << 8 | u32::from(*digit));
            words.push(number.to_string());
        }
        let (first, octets) = rest.split_first().unwrap_or((&0, &[]));
        let link_type = if first & 1 == 0 { LinkType::ETHERNET } else { LinkType::RAW };
        Self { text: words.join(" "), link_type, octets }
    }

    /// Whether this is one of the differences from libpcap that docs/FILTERS.md tells of.
    pub fn is_known_difference(&self) -> bool {
        // No more than a hundred things stand within each other here.
        if self.text.split(' ').filter(|word| matches!(*word, "not" | "!" | "(" | "[" | "-")).count() > 50 {
            return true;
        }
        // Programs for the kernel have no loops: several chains may be too long, and a chain is followed so far only.
        let is_chain = self.text.contains("protochain");
        is_chain && (self.octets.len() > 14 + 40 + 64 || self.verdict() == Verdict::Refused)
    }

    /// What we say.
    pub fn verdict(&self) -> Verdict {
        match CaptureFilter::compile(&self.text, &Target::file(self.link_type, &BuiltIn)) {
            Ok(filter) if filter.matches(&Frame::new(self.octets, self.link_type)) => Verdict::Takes,
            Ok(_) => Verdict::Leaves,
            Err(_) => Verdict::Refused,
        }
    }
}
