//! The attributes of one rtnetlink message: found by number, and skipped when nobody asks.

use std::net::IpAddr;

use netlink_packet_core::{NLA_HEADER_SIZE, NlasIterator};

/// The type-length-value list that follows a message's fixed header. A length that lies ends the list.
#[derive(Clone, Copy)]
pub(in crate::sys) struct Attributes<'a>(&'a [u8]);

impl<'a> Attributes<'a> {
    /// The attributes of `payload` behind a fixed header of `header_len` octets.
    pub(in crate::sys) fn behind(payload: &'a [u8], header_len: usize) -> Self {
        Self(payload.get(header_len..).unwrap_or_default())
    }

    /// The value of the first attribute of this kind.
    pub(in crate::sys) fn get(self, kind: u16) -> Option<&'a [u8]> {
        let found =
            NlasIterator::new(self.0).map_while(Result::ok).find(|attribute| attribute.kind() == kind)?;
        let end = usize::from(found.length());
        found.into_inner().get(NLA_HEADER_SIZE..end)
    }

    /// The attributes nested inside the first attribute of this kind.
    pub(in crate::sys) fn nested(self, kind: u16) -> Option<Self> {
        self.get(kind).map(Self)
    }

    /// A number of 32 bits in host order.
    pub(in crate::sys) fn number(self, kind: u16) -> Option<u32> {
        self.get(kind)?.first_chunk().map(|octets| u32::from_ne_bytes(*octets))
    }

    /// A text that ends at its NUL octet. Names of interfaces are bytes to the kernel; what is no UTF-8 is replaced.
    pub(in crate::sys) fn text(self, kind: u16) -> Option<String> {
        let octets = self.get(kind)?.split(|octet| *octet == 0).next()?;
        Some(String::from_utf8_lossy(octets).into_owned())
    }

    /// An address, whose family its length tells.
    pub(in crate::sys) fn ip(self, kind: u16) -> Option<IpAddr> {
        self.get(kind).and_then(ip)
    }
}

/// Four octets are an IPv4 address, sixteen an IPv6 address.
pub(in crate::sys) fn ip(octets: &[u8]) -> Option<IpAddr> {
    <[u8; 4]>::try_from(octets)
        .map(IpAddr::from)
        .or_else(|_| <[u8; 16]>::try_from(octets).map(IpAddr::from))
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// `len=8 type=4 value=1500`, `len=9 type=3 "eth0\0"` and its padding, then an attribute whose length lies.
    const LIST: &[u8] = &[
        8, 0, 4, 0, 0xdc, 0x05, 0, 0, //
        9, 0, 3, 0, b'e', b't', b'h', b'0', 0, 0, 0, 0, //
        200, 0, 5, 0, 1, 2, 3, 4,
    ];

    #[test]
    #[cfg(target_endian = "little")]
    fn values_are_found_behind_the_header_and_past_padding() {
        let message = [&[0xa5; 16], LIST].concat();
        let attributes = Attributes::behind(&message, 16);
        assert_eq!(attributes.number(4), Some(1500));
        assert_eq!(attributes.text(3).as_deref(), Some("eth0"));
    }

    #[test]
    fn a_lying_length_ends_the_list_without_an_error() {
        assert_eq!(Attributes::behind(LIST, 0).get(5), None);
        assert_eq!(Attributes::behind(LIST, 1000).get(4), None);
        assert_eq!(Attributes::behind(&[0; 64], 0).get(0), None, "length 0 must not stand still");
    }

    proptest! {
        #[test]
        fn any_octets_are_read_without_a_panic(octets: Vec<u8>, header_len in 0..40_usize, kind: u16) {
            let attributes = Attributes::behind(&octets, header_len);
            let _ = (attributes.number(kind), attributes.text(kind), attributes.ip(kind));
            prop_assert!(attributes.get(kind).is_none_or(|value| value.len() < octets.len()));
        }
    }

    #[test]
    fn a_number_may_grow_and_an_address_may_not() {
        let grown = [12, 0, 4, 0, 7, 0, 0, 0, 9, 9, 9, 9];
        assert_eq!(Attributes::behind(&grown, 0).number(4), Some(u32::from_ne_bytes([7, 0, 0, 0])));
        assert_eq!(Attributes::behind(&grown, 0).ip(4), None);
        assert_eq!(ip(&[10, 0, 0, 1]), Some(IpAddr::from([10, 0, 0, 1])));
    }
}
