//! Where fields stand: in a row, or where pnet's setters write.
//!
//! A mistake here is a mistake in a description, not in a packet, so it shows itself at once: the registry's tests check
//! that the spans of each section tile it.

use std::net::{Ipv4Addr, Ipv6Addr};

use pnet::packet::ethernet::EtherType;
use pnet::packet::icmp::{IcmpCode, IcmpType};
use pnet::packet::icmpv6::{Icmpv6Code, Icmpv6Type};
use pnet::packet::ip::IpNextHeaderProtocol;
use pnet::packet::vlan::ClassOfService;
use pnet::util::MacAddr;

use super::field::{Field, Kind, Place};
use crate::wire::span::Span;

/// A function that sets all bits of a field through pnet's setter, to find out where the field stands:
/// `setter!(MutableUdpPacket, set_source)`.
#[macro_export]
macro_rules! setter {
    ($packet:ty, $set:ident) => {
        |header: &mut [u8]| {
            if let Some(mut packet) = <$packet>::new(header) {
                packet.$set($crate::proto::layout::AllOnes::ALL_ONES);
            }
        }
    };
}
pub use setter;

/// A value with all bits set, of each type that pnet's setters take.
pub trait AllOnes {
    /// The value.
    const ALL_ONES: Self;
}

macro_rules! all_ones {
    ($($kind:ty = $value:expr),* $(,)?) => {
        $(impl AllOnes for $kind { const ALL_ONES: Self = $value; })*
    };
}

all_ones! {
    u8 = u8::MAX,
    u16 = u16::MAX,
    u32 = u32::MAX,
    MacAddr = MacAddr(0xff, 0xff, 0xff, 0xff, 0xff, 0xff),
    Ipv4Addr = Ipv4Addr::BROADCAST,
    Ipv6Addr = Ipv6Addr::from_bits(u128::MAX),
    EtherType = EtherType(u16::MAX),
    IpNextHeaderProtocol = IpNextHeaderProtocol(u8::MAX),
    IcmpType = IcmpType(u8::MAX),
    IcmpCode = IcmpCode(u8::MAX),
    Icmpv6Type = Icmpv6Type(u8::MAX),
    Icmpv6Code = Icmpv6Code(u8::MAX),
    ClassOfService = ClassOfService(u8::MAX),
}

/// Places fields one behind the other; returns them and their length in octets.
pub(super) fn place_in_a_row(mut fields: Vec<Field>) -> (Vec<Field>, usize) {
    let mut at = 0u32;
    for field in &mut fields {
        if let Place::Bits(bits) = field.place {
            field.span = Span::new(at, bits);
            at = field.span.end_bits();
        }
    }
    place_groups(&mut fields);
    (fields, at.div_ceil(8) as usize)
}

/// Places fields where their setters write in a header of `len` octets.
pub(super) fn place_as_measured(mut fields: Vec<Field>, len: usize) -> Vec<Field> {
    for field in &mut fields {
        if let Place::Measured(setter, part) = field.place {
            let whole = Span::measure(len, setter).unwrap_or(Span::new(0, 0));
            field.span = match part {
                Some((first, bits)) => Span::new(whole.start_bits.saturating_add(first), bits),
                None => whole,
            };
        }
    }
    place_groups(&mut fields);
    fields
}

/// A group stands where its parts stand.
fn place_groups(fields: &mut [Field]) {
    for index in 0..fields.len() {
        let Some((group, parts)) = fields.get_mut(index..).and_then(<[Field]>::split_first_mut) else {
            return;
        };
        if group.kind != Kind::Group {
            continue;
        }
        let mut spans = parts.iter().take_while(|part| group.holds(part)).map(|part| part.span);
        let Some(first) = spans.next() else { continue };
        let end = spans.fold(first.end_bits(), |end, span| end.max(span.end_bits()));
        group.span = Span::new(first.start_bits, end.saturating_sub(first.start_bits));
    }
}
