//! Names that a capture has for addresses: the name resolution blocks of pcapng (draft-ietf-opsawg-pcapng, section 4.5).

use std::net::IpAddr;

use super::block::Block;

/// The block's type.
const NAME_RESOLUTION_BLOCK: u32 = 4;
/// The records of a block: an address, and names that each end with a zero.
const END: u16 = 0;
const IPV4: u16 = 1;
const IPV6: u16 = 2;

impl<'a> Block<'a> {
    /// The addresses that the block has names for, each with the first of its names; none, when it is no such block. What
    /// follows a record that contradicts itself is not read. Names are as they stand in the file: escape them before they are
    /// printed.
    pub fn names(&self) -> impl Iterator<Item = (IpAddr, &'a [u8])> {
        let mut at = if self.kind() == NAME_RESOLUTION_BLOCK { Some(0usize) } else { None };
        let block = *self;
        std::iter::from_fn(move || {
            loop {
                let start = at?;
                let (kind, len) = (block.half(start), usize::from(block.half(start.checked_add(2)?)));
                let value = block.body().get(start.checked_add(4)?..)?.get(..len);
                if kind == END || value.is_none() {
                    at = None;
                    return None;
                }
                at = len.checked_next_multiple_of(4).and_then(|len| start.checked_add(len)?.checked_add(4));
                if let Some(named) = named(kind, value.unwrap_or_default()) {
                    return Some(named);
                }
            }
        })
    }
}

fn named(kind: u16, value: &[u8]) -> Option<(IpAddr, &[u8])> {
    let (address, names) = match kind {
        IPV4 => value.split_first_chunk::<4>().map(|(address, names)| (IpAddr::from(*address), names))?,
        IPV6 => value.split_first_chunk::<16>().map(|(address, names)| (IpAddr::from(*address), names))?,
        _ => return None,
    };
    let name = names.split(|octet| *octet == 0).next().filter(|name| !name.is_empty())?;
    Some((address, name))
}

#[cfg(test)]
mod tests {
    use pcap_file::Endianness;
    use proptest::prelude::*;

    use super::*;

    fn names(kind: u32, body: &[u8]) -> Vec<(String, String)> {
        let octets = [&[0; 8][..], body, &[0; 4]].concat();
        let block = Block { kind, octets: &octets, order: Endianness::Big, interface: None };
        block
            .names()
            .map(|(address, name)| (address.to_string(), String::from_utf8_lossy(name).into_owned()))
            .collect()
    }

    #[test]
    fn the_first_name_of_each_address() {
        let body = [
            &b"\0\x01\0\x0a\x0a\0\0\x01a\0bc\0\0\0\0"[..],
            b"\0\x63\0\x02??\0\0",
            b"\0\x02\0\x14\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01six\0",
            b"\0\x01\0\x05\x0a\0\0\x02\0\0\0\0",
            b"\0\0\0\0",
        ]
        .concat();
        let wanted = [("10.0.0.1", "a"), ("2001:db8::1", "six")].map(|(a, b)| (a.to_owned(), b.to_owned()));
        assert_eq!(names(4, &body), wanted);
        assert_eq!(names(5, &body), []);
        assert_eq!(names(4, b"\0\x01\xff\xff\x0a\0\0\x01a\0"), []);
    }

    proptest! {
        #[test]
        fn any_block_comes_to_an_end(body: Vec<u8>) {
            prop_assert!(names(4, &body).len() <= body.len() / 8);
        }
    }
}
