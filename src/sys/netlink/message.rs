//! The messages of a datagram (netlink(7)): a header that says how long the message is, its body, and padding to a multiple of four
//! octets. Families of netlink differ in what stands in the body.

use netlink_packet_core::{DecodeError, NetlinkBuffer};

/// One message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sys) struct Message<'a> {
    /// Its type.
    pub(in crate::sys) kind: u16,
    /// Its flags, `NLM_F_*`.
    pub(in crate::sys) flags: u16,
    /// The number of the request that it answers.
    pub(in crate::sys) sequence: u32,
    /// What stands behind its header.
    pub(in crate::sys) body: &'a [u8],
}

/// The messages of a datagram. A length that lies is told, and ends them.
#[derive(Debug, Clone)]
pub(in crate::sys) struct Messages<'a>(&'a [u8]);

impl<'a> Messages<'a> {
    /// Those of this datagram.
    pub(in crate::sys) fn of(datagram: &'a [u8]) -> Self {
        Self(datagram)
    }
}

impl<'a> Iterator for Messages<'a> {
    type Item = Result<Message<'a>, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        let datagram = std::mem::take(&mut self.0);
        if datagram.is_empty() {
            return None;
        }
        let header = match NetlinkBuffer::new_checked(datagram) {
            Ok(header) => header,
            Err(error) => return Some(Err(error)),
        };
        let len = header.length() as usize;
        let body = datagram.get(HEADER_LEN..len).unwrap_or_default();
        self.0 = datagram.get(len.next_multiple_of(4)..).unwrap_or_default();
        let (kind, flags) = (header.message_type(), header.flags());
        Some(Ok(Message { kind, flags, sequence: header.sequence_number(), body }))
    }
}

/// `sizeof(struct nlmsghdr)`.
pub(in crate::sys) const HEADER_LEN: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    fn message(len: u32, body: &[u8]) -> Vec<u8> {
        let mut octets = len.to_ne_bytes().to_vec();
        octets.extend([7u16, 2].map(u16::to_ne_bytes).concat());
        octets.extend([9u32, 1].map(u32::to_ne_bytes).concat());
        octets.extend(body);
        octets.resize(octets.len().next_multiple_of(4), 0);
        octets
    }

    #[test]
    fn messages_follow_each_other_past_their_padding() {
        let datagram = [message(17, b"a"), message(16, b""), message(20, b"bcde")].concat();
        let bodies = Messages::of(&datagram).map(|message| message.unwrap().body);
        assert_eq!(bodies.collect::<Vec<_>>(), [&b"a"[..], b"", b"bcde"]);
        let first = Messages::of(&datagram).next().unwrap().unwrap();
        assert_eq!((first.kind, first.flags, first.sequence), (7, 2, 9));
        // The last one of a datagram may be without its padding.
        assert_eq!(Messages::of(&message(17, b"a")[..17]).count(), 1);
    }

    #[test]
    fn a_length_that_lies_is_told_and_ends_them() {
        for len in [0, 4, 15, 21, u32::MAX] {
            let datagram = [message(16, b""), message(len, b"")].concat();
            let told: Vec<bool> = Messages::of(&datagram).map(|message| message.is_ok()).collect();
            assert_eq!(told, [true, false], "{len}");
        }
    }
}
