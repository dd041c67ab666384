//! A value that is told by packets that came or were sent before: `reply.tcp.seq + 1`. It is what stands on one side of a
//! comparison in a filter.

use std::ops::ControlFlow;
use std::sync::Arc;

use super::about::About;
use super::check::Checker;
use super::evaluate::Run;
use super::known::Known;
use super::mistake::Mistake;
use super::program::{Datum, Value};
use super::types::Type;
use super::{MAX_LEN, lexer, parser, token};
use crate::diagnostic::Diagnostic;
use crate::packet::check::Dissected;
use crate::wire::layers::LayerTable;

/// A calculation with fields of packets that are known, ready to be done.
#[derive(Debug, Clone)]
pub struct Calculation {
    value: Arc<Value>,
    kind: Type,
    text: Arc<str>,
}

/// What a calculation comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// A number.
    Number(i128),
    /// An address, a text or other octets.
    Octets(Vec<u8>),
}

/// Whoever writes the same means the same.
impl PartialEq for Calculation {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Calculation {}

impl Calculation {
    /// Reads a calculation.
    ///
    /// # Errors
    /// The first mistake, with its place in `text`.
    pub fn parse(text: &str, known: &Known<'_>) -> Result<Self, Diagnostic<Mistake>> {
        let wrong = |mistake| Diagnostic { at: 0..text.len(), mistake };
        if text.len() > MAX_LEN {
            return Err(wrong(Mistake::TooMuch));
        }
        let tokens = lexer::tokens(text)?;
        let node = parser::parse(&tokens)?.ok_or_else(|| wrong(Mistake::NoField))?;
        let typed = Checker::without_own(*known).value(&node, None)?;
        for token in &tokens {
            if let token::Part::Word(word) = token.part
                && let Some(fact) = known.fact(word)
            {
                let mistake = Mistake::NoCapture { name: fact.description().name };
                return Err(Diagnostic { at: token.at.clone(), mistake });
            }
        }
        let kind = typed.kind();
        Ok(Self { value: Arc::new(typed.value), kind, text: text.into() })
    }

    /// As it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The type of what it comes to.
    pub fn kind(&self) -> Type {
        self.kind
    }

    /// What it comes to: of several values the first, and nothing where a packet has not what it takes.
    pub fn outcome(&self, about: &About<'_>) -> Option<Outcome> {
        let table = LayerTable::default();
        let nothing = Dissected { octets: &[], table: &table, wire_len: 0 };
        let mut outcome = None;
        // Why it ended is in `outcome`.
        let _ = Run::new(nothing, about).each(&self.value, &mut |datum| {
            outcome = Some(match datum {
                Datum::Number(number) => Outcome::Number(number),
                Datum::Octets(octets) => Outcome::Octets(octets.into_owned()),
            });
            ControlFlow::Break(())
        });
        outcome
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::dissect::dissect;
    use crate::wire::frame::LinkType;

    /// scapy: raw(IP(src="10.0.0.1", dst="10.0.0.2")/TCP(sport=5, dport=7, seq=0xffffffff, flags="S"))
    const SYN: &str = "45000028000100004006 66cd0a0000010a000002 00050007ffffffff00000000500220007bc00000";

    fn outcome(text: &str) -> Option<Outcome> {
        let octets = hex::decode(SYN.replace(' ', "")).unwrap();
        let mut table = LayerTable::default();
        dissect(&octets, LinkType::RAW, &mut table);
        let packet = Dissected { octets: &octets, table: &table, wire_len: octets.len() };
        let names = [("reply".to_owned(), 0), ("none".to_owned(), 1)];
        let known = Known { sent: true, names: &names };
        let about = About { sent: Some(packet), known: &[Some(packet), None], ..About::default() };
        Calculation::parse(text, &known).unwrap().outcome(&about)
    }

    #[test]
    fn fields_of_known_packets_are_calculated_with() {
        assert_eq!(outcome("reply.tcp.seq + 1"), Some(Outcome::Number(1 << 32)));
        assert_eq!(outcome("sent.tcp.srcport * 2 - reply.tcp.dstport"), Some(Outcome::Number(3)));
        assert_eq!(outcome("sent.ip.dst"), Some(Outcome::Octets(vec![10, 0, 0, 2])));
        assert_eq!(outcome("reply.ip[12:2]"), Some(Outcome::Octets(vec![10, 0])));
        assert_eq!(outcome("none.tcp.seq"), None, "a packet that did not come");
        assert_eq!(outcome("reply.udp.length"), None, "a field that it has not");
        assert_eq!(outcome("reply.tcp.seq / 0"), None);
    }

    #[test]
    fn mistakes_are_told_with_their_places() {
        let names = [("reply".to_owned(), 0), ("synack".to_owned(), 1)];
        let known = Known { sent: true, names: &names };
        for (text, at, words) in [
            ("tcp.seq + 1", 0..7, "of which packet is `tcp.seq`?"),
            ("reply.tcp.sek + 1", 0..13, "`reply.tcp.sek` is neither a field nor a protocol"),
            ("1 + synak.tcp.seq", 4..17, "`synak.tcp.seq` is neither a field nor a protocol"),
            ("reply.tcp.seq == 1", 0..18, "this is true or false, and no value"),
            ("reply.tcp.stream", 0..16, "`tcp.stream` is known of packets in a capture alone"),
            ("", 0..0, "there is no field here to compare with"),
        ] {
            let wrong = Calculation::parse(text, &known).unwrap_err();
            assert_eq!((wrong.mistake.to_string().as_str(), wrong.at), (words, at), "{text}");
        }
        let wrong = Calculation::parse("synak.tcp.seq", &known).unwrap_err();
        let Mistake::UnknownName { nearest, .. } = wrong.mistake else { panic!("{wrong:?}") };
        assert_eq!(nearest.as_deref(), Some("synack.tcp.seq"));
    }
}
