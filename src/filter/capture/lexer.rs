//! Words, numbers and addresses of a capture filter.

use std::net::Ipv6Addr;

use super::mistake::Mistake;
use super::syntax::Protocol;
use crate::diagnostic::{At, Diagnostic};

/// A part of the text.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token<'t> {
    /// A word of the language.
    Keyword(&'static str),
    /// Any other word, or one behind `\`.
    Name(&'t str),
    Number(u32),
    /// `1.2`, `1.2.3` or `1.2.3.4`.
    Ipv4(&'t str),
    Ipv6(Ipv6Addr),
    Ethernet([u8; 6]),
    /// `$1f`.
    Arcnet(u8),
    Symbol(&'static str),
    End,
}

/// Words besides those of protocols. Several that mean the same come one behind the other, the one to use first.
const KEYWORDS: &[&[&str]] = &[
    &["and", "&&"],
    &["or", "||"],
    &["not", "!"],
    &["src"],
    &["dst"],
    &["host"],
    &["net"],
    &["mask"],
    &["port"],
    &["portrange"],
    &["proto"],
    &["protochain"],
    &["gateway"],
    &["less"],
    &["greater"],
    &["byte"],
    &["broadcast"],
    &["multicast"],
    &["len", "length"],
    &["inbound"],
    &["outbound"],
    &["ifindex"],
    &["vlan"],
    &["mpls"],
    &["pppoed"],
    &["pppoes"],
    &["geneve"],
    &["vxlan"],
    &["llc"],
];

/// Words of ATM, SS7, 802.11 and pf, whose link types are not taken here.
pub(super) const FOREIGN: &[&str] = &[
    "type",
    "subtype",
    "direction",
    "dir",
    "address1",
    "addr1",
    "address2",
    "addr2",
    "address3",
    "addr3",
    "address4",
    "addr4",
    "ra",
    "ta",
    "radio",
    "lane",
    "metac",
    "bcc",
    "oam",
    "oamf4",
    "oamf4ec",
    "oamf4sc",
    "sc",
    "ilmic",
    "vpi",
    "vci",
    "connectmsg",
    "metaconnect",
    "on",
    "ifname",
    "rset",
    "ruleset",
    "rnr",
    "rulenum",
    "srnr",
    "subrulenum",
    "reason",
    "action",
    "fisu",
    "lssu",
    "lsu",
    "msu",
    "hfisu",
    "hlssu",
    "hmsu",
    "sio",
    "opc",
    "dpc",
    "sls",
    "hsio",
    "hopc",
    "hdpc",
    "hsls",
];

/// Words for numbers: places in ICMP and TCP headers, types (IANA icmp-parameters, icmpv6-parameters) and flags (RFC 9293).
const NUMBERS: &[(&str, u32)] = &[
    ("icmptype", 0),
    ("icmpcode", 1),
    ("icmp-echoreply", 0),
    ("icmp-unreach", 3),
    ("icmp-sourcequench", 4),
    ("icmp-redirect", 5),
    ("icmp-echo", 8),
    ("icmp-routeradvert", 9),
    ("icmp-routersolicit", 10),
    ("icmp-timxceed", 11),
    ("icmp-paramprob", 12),
    ("icmp-tstamp", 13),
    ("icmp-tstampreply", 14),
    ("icmp-ireq", 15),
    ("icmp-ireqreply", 16),
    ("icmp-maskreq", 17),
    ("icmp-maskreply", 18),
    ("icmp6type", 0),
    ("icmp6code", 1),
    ("icmp6-destinationunreach", 1),
    ("icmp6-packettoobig", 2),
    ("icmp6-timeexceeded", 3),
    ("icmp6-parameterproblem", 4),
    ("icmp6-echo", 128),
    ("icmp6-echoreply", 129),
    ("icmp6-multicastlistenerquery", 130),
    ("icmp6-multicastlistenerreportv1", 131),
    ("icmp6-multicastlistenerdone", 132),
    ("icmp6-routersolicit", 133),
    ("icmp6-routeradvert", 134),
    ("icmp6-neighborsolicit", 135),
    ("icmp6-neighboradvert", 136),
    ("icmp6-redirect", 137),
    ("icmp6-routerrenum", 138),
    ("icmp6-nodeinformationquery", 139),
    ("icmp6-nodeinformationresponse", 140),
    ("icmp6-ineighbordiscoverysolicit", 141),
    ("icmp6-ineighbordiscoveryadvert", 142),
    ("icmp6-multicastlistenerreportv2", 143),
    ("icmp6-homeagentdiscoveryrequest", 144),
    ("icmp6-homeagentdiscoveryreply", 145),
    ("icmp6-mobileprefixsolicit", 146),
    ("icmp6-mobileprefixadvert", 147),
    ("icmp6-certpathsolicit", 148),
    ("icmp6-certpathadvert", 149),
    ("icmp6-multicastrouteradvert", 151),
    ("icmp6-multicastroutersolicit", 152),
    ("icmp6-multicastrouterterm", 153),
    ("tcpflags", 13),
    ("tcp-fin", 0x01),
    ("tcp-syn", 0x02),
    ("tcp-rst", 0x04),
    ("tcp-push", 0x08),
    ("tcp-ack", 0x10),
    ("tcp-urg", 0x20),
    ("tcp-ece", 0x40),
    ("tcp-cwr", 0x80),
];

/// Symbols, the longer ones first; those of words stand with the words.
const SYMBOLS: &[&str] = &[
    "&&", "||", ">=", "<=", "!=", "==", "<<", ">>", "+", "-", "*", "/", "%", ":", "[", "]", "!", "<", ">",
    "(", ")", "&", "|", "^", "=",
];

/// All words, for "did you mean".
pub(super) fn words() -> impl Iterator<Item = &'static str> {
    let keywords = KEYWORDS.iter().flat_map(|same| same.iter().copied());
    let protocols = Protocol::WORDS.iter().map(|(word, _)| *word);
    keywords.chain(protocols).chain(NUMBERS.iter().map(|(word, _)| *word))
}

/// Cuts a text into its parts; the last is the end.
pub(super) fn tokens(text: &str) -> Result<Vec<(Token<'_>, At)>, Diagnostic<Mistake>> {
    let mut tokens = Vec::new();
    let mut at = 0;
    loop {
        let rest = text.get(at..).unwrap_or_default();
        let blanks = rest.len().saturating_sub(rest.trim_start_matches([' ', '\t', '\r', '\n']).len());
        at = at.saturating_add(blanks);
        let rest = rest.get(blanks..).unwrap_or_default();
        if rest.is_empty() {
            tokens.push((Token::End, at..at));
            return Ok(tokens);
        }
        let (token, len) =
            token(rest).map_err(|(mistake, len)| Diagnostic { at: at..at.saturating_add(len), mistake })?;
        tokens.push((token, at..at.saturating_add(len)));
        at = at.saturating_add(len);
    }
}

/// What a text begins with: of several that fit the longest, and of equally long ones the first in this order.
fn token(rest: &str) -> Result<(Token<'_>, usize), (Mistake, usize)> {
    let found = [ethernet(rest), number(rest), ipv4(rest), ipv6(rest), word(rest)];
    let longest = found.into_iter().flatten().reduce(|best, next| if next.1 > best.1 { next } else { best });
    if let Some((token, len)) = longest {
        return token.map(|token| (token, len)).map_err(|mistake| (mistake, len));
    }
    if let Some((name, len)) = escaped(rest).or_else(|| arcnet(rest)) {
        return Ok((name, len));
    }
    let symbol = SYMBOLS.iter().find(|symbol| rest.starts_with(**symbol));
    let Some(symbol) = symbol else {
        let len = rest.chars().next().map_or(0, char::len_utf8);
        let found = format!("`{}`", rest.get(..len).unwrap_or_default());
        return Err((Mistake::Unexpected { found, expected: "a word, a number or an address" }, len));
    };
    Ok((keyword(symbol).map_or(Token::Symbol(symbol), Token::Keyword), symbol.len()))
}

type Found<'t> = Option<(Result<Token<'t>, Mistake>, usize)>;

/// The word to use for a word or symbol.
fn keyword(text: &str) -> Option<&'static str> {
    KEYWORDS.iter().find(|same| same.contains(&text)).and_then(|same| same.first().copied())
}

/// How many octets at the beginning have a property.
fn run(text: &str, property: impl Fn(u8) -> bool) -> usize {
    text.bytes().take_while(|octet| property(*octet)).count()
}

/// A letter or digit, then those with `-`, `_` and `.` between them; the last is neither `-` nor `_`.
fn word(text: &str) -> Found<'_> {
    let len = run(text, |octet| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_' | b'.'));
    let word = text.get(..len)?.trim_end_matches(['-', '_']);
    if !word.starts_with(|first: char| first.is_ascii_alphanumeric()) {
        return None;
    }
    let foreign = FOREIGN.iter().find(|foreign| **foreign == word);
    let token = if let Some(keyword) = keyword(word).or_else(|| foreign.copied()) {
        Token::Keyword(keyword)
    } else if let Some((protocol, _)) = Protocol::WORDS.iter().find(|(known, _)| *known == word) {
        Token::Keyword(protocol)
    } else if let Some((_, number)) = NUMBERS.iter().find(|(known, _)| *known == word) {
        Token::Number(*number)
    } else {
        Token::Name(word)
    };
    Some((Ok(token), word.len()))
}

/// A name behind a backslash, which keeps it from being a keyword.
fn escaped(text: &str) -> Option<(Token<'_>, usize)> {
    let name = text.strip_prefix('\\')?;
    let len = run(name, |octet| !matches!(octet, b' ' | b'!' | b'(' | b')' | b'\n' | b'\t'));
    let name = name.get(..len).filter(|name| !name.is_empty())?;
    Some((Token::Name(name), len.saturating_add(1)))
}

fn arcnet(text: &str) -> Option<(Token<'_>, usize)> {
    let digits = text.strip_prefix('$')?;
    let len = run(digits, |octet| octet.is_ascii_hexdigit()).min(2);
    let number = u8::from_str_radix(digits.get(..len)?, 16).ok()?;
    Some((Token::Arcnet(number), len.saturating_add(1)))
}

/// How long the number is that a text begins with: decimal or octal digits, or hexadecimal ones behind `0x`.
fn number_len(text: &str) -> usize {
    if let Some(digits) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        let len = run(digits, |octet| octet.is_ascii_hexdigit());
        if len > 0 {
            return len.saturating_add(2);
        }
    }
    run(text, |octet| octet.is_ascii_digit())
}

fn number(text: &str) -> Found<'_> {
    let len = number_len(text);
    let digits = text.get(..len).filter(|digits| !digits.is_empty())?;
    let too_large = || Mistake::TooLarge { what: "number", number: digits.to_owned(), most: u32::MAX };
    let (number, radix) = match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some(number) => (number, 16),
        None if digits.starts_with('0') => (digits, 8),
        None => (digits, 10),
    };
    if radix == 8 && number.contains(['8', '9']) {
        return Some((Err(Mistake::Malformed { what: "octal number", text: digits.to_owned() }), len));
    }
    Some((u32::from_str_radix(number, radix).map(Token::Number).map_err(|_| too_large()), len))
}

/// Two to four numbers with dots between them.
fn ipv4(text: &str) -> Found<'_> {
    let mut len = number_len(text);
    let mut parts = usize::from(len > 0);
    while parts > 0 && parts < 4 {
        let Some(behind) = text.get(len..)?.strip_prefix('.') else { break };
        let next = number_len(behind);
        if next == 0 {
            break;
        }
        len = len.saturating_add(next).saturating_add(1);
        parts = parts.saturating_add(1);
    }
    (parts > 1).then(|| (Ok(Token::Ipv4(text.get(..len).unwrap_or_default())), len))
}

/// The longest beginning that is an IPv6 address.
fn ipv6(text: &str) -> Found<'_> {
    const LONGEST: usize = 45;
    let most = run(text, |octet| octet.is_ascii_hexdigit() || matches!(octet, b':' | b'.')).min(LONGEST);
    (2..=most).rev().find_map(|len| {
        let address = text.get(..len)?.parse().ok()?;
        Some((Ok(Token::Ipv6(address)), len))
    })
}

/// Six numbers of one or two hexadecimal digits with `:`, `-` or `.` between them, three of four digits with `.`, or
/// twelve digits.
fn ethernet(text: &str) -> Found<'_> {
    let found = [':', '-', '.'].into_iter().find_map(|between| parts(text, between, 6, 1..=2));
    let (digits, len) =
        found.or_else(|| parts(text, '.', 3, 4..=4)).or_else(|| parts(text, '.', 1, 12..=12))?;
    let mut address = [0; 6];
    hex::decode_to_slice(digits, &mut address).ok()?;
    Some((Ok(Token::Ethernet(address)), len))
}

/// Some parts of hexadecimal digits: the digits, each part filled up with zeros, and how long all is.
fn parts(
    text: &str,
    between: char,
    count: usize,
    digits: std::ops::RangeInclusive<usize>,
) -> Option<(String, usize)> {
    let mut found = String::new();
    let mut len: usize = 0;
    for part in 0..count {
        let mut rest = text.get(len..)?;
        if part > 0 {
            rest = rest.strip_prefix(between)?;
            len = len.saturating_add(1);
        }
        let taken = run(rest, |octet| octet.is_ascii_hexdigit()).min(*digits.end());
        if taken < *digits.start() {
            return None;
        }
        found.push_str(if taken == 1 { "0" } else { "" });
        found.push_str(rest.get(..taken)?);
        len = len.saturating_add(taken);
    }
    Some((found, len))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str) -> Vec<Token<'_>> {
        let mut tokens: Vec<_> = tokens(text).unwrap().into_iter().map(|(token, _)| token).collect();
        assert_eq!(tokens.pop(), Some(Token::End));
        tokens
    }

    #[test]
    fn the_longest_counts() {
        let ethernet = Token::Ethernet([1, 0x80, 0xc2, 0, 0, 0xe]);
        for text in
            ["01:80:c2:00:00:0e", "1:80:c2:0:0:e", "01-80-c2-00-00-0e", "0180.c200.000e", "0180c200000e"]
        {
            assert_eq!(all(text), std::slice::from_ref(&ethernet), "{text}");
        }
        assert_eq!(all("10.0.0.1"), [Token::Ipv4("10.0.0.1")]);
        assert_eq!(all("fe80::1"), [Token::Ipv6("fe80::1".parse().unwrap())]);
        assert_eq!(all("::0.0.0.1"), [Token::Ipv6("::1".parse().unwrap())]);
        assert_eq!(all("1-1023"), [Token::Name("1-1023")]);
        assert_eq!(all("icmp6-echo"), [Token::Number(128)]);
        assert_eq!(all("010"), [Token::Number(8)]);
        assert_eq!(all("0x1F"), [Token::Number(31)]);
        assert_eq!(all("\\tcp"), [Token::Name("tcp")]);
        assert_eq!(
            all("a&&!b"),
            [Token::Name("a"), Token::Keyword("and"), Token::Keyword("not"), Token::Name("b")]
        );
        assert_eq!(all("[13:1]").len(), 5);
        assert_eq!(all("length"), [Token::Keyword("len")]);
    }

    #[test]
    fn what_is_no_token() {
        for text in ["#", "é", "099", "4294967296", "0x100000000"] {
            assert!(tokens(text).is_err(), "{text}");
        }
    }
}
