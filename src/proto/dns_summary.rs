//! One line for a message of DNS, in the words of tcpdump: `1234+ A? example.com. (29)`, `1234 1/0/0 A 192.0.2.1 (45)`.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::describe::View;
use super::dns::HEADER_LEN;
use super::dns_records::{self as records, CLASSES, QUERY_TYPES, head};
use crate::wire::big_endian::{word, word_at};
use crate::wire::domain_name::{NameRef, name_len, string_len, write_escaped};
use crate::wire::text::Text;

/// Questions or records of one message that are written.
const MOST_SHOWN: u16 = 128;

pub(super) fn summary(view: &View<'_>, out: &mut Text) -> fmt::Result {
    let message = view.scope.layer_octets();
    if message.len() < HEADER_LEN {
        return Ok(());
    }
    let protocol = view.protocol().name;
    let mut line = Line { message, at: HEADER_LEN, is_mdns: protocol == "mdns", out };
    if word(message, 2) & RESPONSE != 0 {
        line.response()?
    } else {
        line.query()?
    }
    if line.at <= message.len() {
        line.out.put(" (").put(view.layer_len()).put(")");
    }
    Ok(())
}

/// A line on its way.
struct Line<'a, 'o> {
    message: &'a [u8],
    /// Where in the message the next question or record begins; behind the end, once one was cut.
    at: usize,
    is_mdns: bool,
    out: &'o mut Text,
}

impl<'a> Line<'a, '_> {
    fn query(&mut self) -> fmt::Result {
        let flags = word(self.message, 2);
        self.out.put(word(self.message, 0));
        self.operation(flags)?;
        self.marks(flags, &[(RECURSION_DESIRED, "+"), (CHECKING_DISABLED, "%")])?;
        if flags & UNUSUAL_IN_QUERIES != 0 {
            write!(self.out, " [b2&3=0x{flags:x}]")?;
        }
        let [questions, answers, authorities, additionals] = self.counts();
        let is_inverse = operation(flags) == INVERSE_QUERY;
        let usual = |count: u16, is_one: bool| count == u16::from(is_one);
        if is_inverse && questions > 0 {
            write!(self.out, " [{questions}q]")?;
        }
        if !usual(answers, is_inverse) {
            write!(self.out, " [{answers}a]")?;
        }
        if !is_inverse && !usual(questions, true) {
            write!(self.out, " [{questions}q]")?;
        }
        if authorities > 0 {
            write!(self.out, " [{authorities}n]")?;
        }
        if additionals > 0 {
            write!(self.out, " [{additionals}au]")?;
        }
        for _ in 0..questions.min(MOST_SHOWN) {
            self.question()?;
        }
        Ok(())
    }

    fn response(&mut self) -> fmt::Result {
        let flags = word(self.message, 2);
        self.out.put(word(self.message, 0));
        self.operation(flags)?;
        match flags & 0xf {
            0 => {}
            code => match RESPONSE_CODES.iter().find(|(number, _)| *number == code) {
                Some((_, name)) => write!(self.out, " {name}")?,
                None => write!(self.out, " Resp{code}")?,
            },
        }
        self.marks(flags, &[(AUTHORITATIVE, "*")])?;
        self.marks(!flags, &[(RECURSION_AVAILABLE, "-")])?;
        self.marks(flags, &[(TRUNCATED, "|"), (AUTHENTIC, "$")])?;
        let [questions, answers, authorities, additionals] = self.counts();
        if questions != 1 {
            write!(self.out, " [{questions}q]")?;
        }
        for _ in 0..questions {
            let Some(octets) = self.left() else { break };
            self.pass(name_len(octets).and_then(|len| len.checked_add(4)));
        }
        write!(self.out, " {answers}/{authorities}/{additionals}")?;
        for number in 0..answers.min(MOST_SHOWN) {
            if self.at >= self.message.len() {
                self.pass(None);
                break;
            }
            self.record(if number == 0 { "" } else { "," })?;
        }
        if answers > MOST_SHOWN && self.left().is_some() { self.out.write_str(", ...") } else { Ok(()) }
    }

    fn operation(&mut self, flags: u16) -> fmt::Result {
        match operation(flags) {
            0 => Ok(()),
            number => match OPERATIONS.iter().find(|(known, _)| *known == number) {
                Some((_, name)) => write!(self.out, " {name}"),
                None => write!(self.out, " op{number}"),
            },
        }
    }

    fn marks(&mut self, flags: u16, marks: &[(u16, &str)]) -> fmt::Result {
        let mut set = marks.iter().filter(|(bit, _)| flags & bit != 0);
        set.try_for_each(|(_, mark)| self.out.write_str(mark))
    }

    fn counts(&self) -> [u16; 4] {
        [4, 6, 8, 10].map(|at| word(self.message, at))
    }

    /// What is left of the message; `None` once a part was cut.
    fn left(&self) -> Option<&'a [u8]> {
        self.message.get(self.at..)
    }

    /// Goes on behind `len` octets, or behind the end.
    fn pass(&mut self, len: Option<usize>) {
        self.at = len.map_or(usize::MAX, |len| self.at.saturating_add(len));
    }

    /// Writes the next question.
    fn question(&mut self) -> fmt::Result {
        let Some(octets) = self.left() else { return Ok(()) };
        let name_len = name_len(octets).filter(|len| *len <= octets.len());
        let behind = name_len.and_then(|len| octets.get(len..)).unwrap_or_default();
        let (Some(kind), Some(class)) = (word_at(behind, 0), word_at(behind, 2)) else {
            self.pass(None);
            return Ok(());
        };
        self.kind(kind)?;
        if self.is_mdns {
            self.class(class & !HIGHEST_BIT)?;
            self.out.write_str(if class & HIGHEST_BIT != 0 { " (QU)" } else { " (QM)" })?;
        } else {
            self.class(class)?;
        }
        self.out.write_str("? ")?;
        self.name(octets)?;
        self.pass(name_len.and_then(|len| len.checked_add(4)));
        Ok(())
    }

    /// Writes the next record.
    fn record(&mut self, before: &str) -> fmt::Result {
        let Some(octets) = self.left() else { return Ok(()) };
        let Some(head) = head(octets) else {
            self.pass(None);
            return Ok(());
        };
        // Class, time to live and length stand before the data.
        let class = word(octets, head.len.saturating_sub(8));
        self.out.write_str(before)?;
        if head.kind != records::OPT {
            self.class(if self.is_mdns { class & !HIGHEST_BIT } else { class })?;
            if self.is_mdns && class & HIGHEST_BIT != 0 {
                self.out.write_str(" (Cache flush)")?;
            }
        }
        self.kind(head.kind)?;
        let end = head.len.saturating_add(head.data_len);
        match octets.get(head.len..end) {
            Some(data) => self.data(head.kind, data)?,
            None => {
                self.pass(None);
                return Ok(());
            }
        }
        self.pass(Some(end));
        Ok(())
    }

    fn data(&mut self, kind: u16, data: &[u8]) -> fmt::Result {
        match kind {
            records::A => match data.first_chunk::<4>() {
                Some(address) => write!(self.out, " {}", Ipv4Addr::from(*address)),
                None => Ok(()),
            },
            records::AAAA => match data.first_chunk::<16>() {
                Some(address) => write!(self.out, " {}", Ipv6Addr::from(*address)),
                None => Ok(()),
            },
            records::NS | records::CNAME | records::PTR | records::DNAME => {
                self.out.write_char(' ')?;
                self.name(data)
            }
            records::MX => {
                self.out.write_char(' ')?;
                self.name(data.get(2..).unwrap_or_default())?;
                write!(self.out, " {}", word(data, 0))
            }
            records::SRV => {
                self.out.write_char(' ')?;
                self.name(data.get(6..).unwrap_or_default())?;
                write!(self.out, ":{} {} {}", word(data, 4), word(data, 0), word(data, 2))
            }
            records::TXT => self.strings(data),
            _ => Ok(()),
        }
    }

    fn strings(&mut self, mut data: &[u8]) -> fmt::Result {
        while let Some((string, rest)) =
            data.split_at_checked(string_len(data)).filter(|(string, _)| !string.is_empty())
        {
            self.out.write_str(" \"")?;
            write_escaped(self.out, string.get(1..).unwrap_or_default(), &['\\', '"'])?;
            self.out.write_char('"')?;
            data = rest;
        }
        Ok(())
    }

    /// Writes the name that stands at the beginning of `octets`, with a dot behind it.
    fn name(&mut self, octets: &[u8]) -> fmt::Result {
        let Some(name) = name_len(octets).and_then(|len| octets.get(..len)) else { return Ok(()) };
        let name = NameRef { octets: name, message: self.message };
        if name.put_plain(self.out) {
            return Ok(());
        }
        let start = self.out.len();
        name.write_whole(self.out)?;
        let written = self.out.as_octets().get(start..).unwrap_or_default();
        let is_ended = written.ends_with(b".") && !written.ends_with(b"\\.");
        if is_ended { Ok(()) } else { self.out.write_char('.') }
    }

    fn kind(&mut self, kind: u16) -> fmt::Result {
        match QUERY_TYPES.iter().find(|(number, _)| *number == u64::from(kind)) {
            Some((_, name)) => self.out.put(" ").put(*name),
            None => self.out.put(" Type").put(kind),
        };
        Ok(())
    }

    /// The class, unless it is that of the Internet.
    fn class(&mut self, class: u16) -> fmt::Result {
        match class {
            1 => Ok(()),
            3 => self.out.write_str(" CHAOS"),
            _ => match CLASSES.iter().find(|(number, _)| *number == u64::from(class)) {
                Some((_, name)) => write!(self.out, " {name}"),
                None => write!(self.out, " (Class {class})"),
            },
        }
    }
}

fn operation(flags: u16) -> u16 {
    (flags >> 11) & 0xf
}

const RESPONSE: u16 = 0x8000;
const AUTHORITATIVE: u16 = 0x0400;
const TRUNCATED: u16 = 0x0200;
const RECURSION_DESIRED: u16 = 0x0100;
const RECURSION_AVAILABLE: u16 = 0x0080;
const AUTHENTIC: u16 = 0x0020;
const CHECKING_DISABLED: u16 = 0x0010;
/// Flags that only responses have, the reserved one, and the response code.
const UNUSUAL_IN_QUERIES: u16 = 0x06cf;
/// In mDNS no part of the class (RFC 6762 §5.4 and §10.2).
const HIGHEST_BIT: u16 = 0x8000;
const INVERSE_QUERY: u16 = 1;

/// Tcpdump's words.
const OPERATIONS: &[(u16, &str)] = &[(1, "inv_q"), (2, "stat"), (4, "notify"), (5, "update")];

/// Tcpdump's words.
const RESPONSE_CODES: &[(u16, &str)] = &[
    (1, "FormErr"),
    (2, "ServFail"),
    (3, "NXDomain"),
    (4, "NotImp"),
    (5, "Refused"),
    (6, "YXDomain"),
    (7, "YXRRSet"),
    (8, "NXRRSet"),
    (9, "NotAuth"),
    (10, "NotZone"),
];
