//! What the payload of a request begins with: whose it is, which it is, and a tag that only this run can make. A stranger who
//! guesses identifier and sequence number does not guess the tag.

use std::hash::{BuildHasher, Hasher, RandomState};

/// Makes the heads of a run's payloads.
#[derive(Debug, Clone)]
pub struct Tag {
    /// Tells this run's payloads from another's.
    pub token: [u8; 4],
    /// The keys of the tag (SipHash, by the standard library).
    pub keys: RandomState,
}

/// Which request a payload belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Mark {
    /// The number of the target.
    pub target: u32,
    /// The number of the request, of which the header has room for the low 16 bits only.
    pub seq: u64,
}

/// Octets of the head: token, target, number, tag; numbers in network order.
pub const HEAD_LEN: usize = 24;
const TAG_LEN: usize = 8;
/// Where the tag stands.
const TAG_AT: usize = HEAD_LEN - TAG_LEN;

impl Tag {
    /// The head of a request's payload.
    fn head(&self, mark: Mark) -> [u8; HEAD_LEN] {
        let mut head = [0; HEAD_LEN];
        let (said, tag) = head.split_at_mut(TAG_AT);
        let fields = self.token.into_iter().chain(mark.target.to_be_bytes()).chain(mark.seq.to_be_bytes());
        said.iter_mut().zip(fields).for_each(|(to, from)| *to = from);
        let mut hasher = self.keys.build_hasher();
        hasher.write(said);
        tag.copy_from_slice(&hasher.finish().to_be_bytes());
        head
    }

    /// Writes into the beginning of a payload: the head, or where there is no room for it, as much of the tag as there is.
    pub fn write(&self, mark: Mark, payload: &mut [u8]) {
        let head = self.head(mark);
        match payload.first_chunk_mut() {
            Some(whole) => *whole = head,
            None => payload.iter_mut().zip(head.into_iter().skip(TAG_AT)).for_each(|(to, from)| *to = from),
        }
    }

    /// Which request of this run a payload says that it belongs to, where it has room to say so and the tag is right.
    pub fn read(&self, payload: &[u8]) -> Option<Mark> {
        let (head, _) = payload.split_first_chunk::<HEAD_LEN>()?;
        let (token, rest) = head.split_first_chunk::<4>()?;
        let (target, rest) = rest.split_first_chunk::<4>()?;
        let (seq, _) = rest.split_first_chunk::<8>()?;
        let mark = Mark { target: u32::from_be_bytes(*target), seq: u64::from_be_bytes(*seq) };
        (*token == self.token && *head == self.head(mark)).then_some(mark)
    }

    /// The octets of a payload of this length in which the tag stands.
    pub fn place(len: usize) -> std::ops::Range<usize> {
        if len < HEAD_LEN { 0..len.min(TAG_LEN) } else { TAG_AT..HEAD_LEN }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_tells_its_request_and_no_other_run_makes_it() {
        let tag = Tag { token: [1, 2, 3, 4], keys: RandomState::new() };
        let mark = Mark { target: 7, seq: 65_537 };
        let mut payload = [0xaa; 30];
        tag.write(mark, &mut payload);
        assert_eq!(tag.read(&payload), Some(mark));
        assert_eq!(payload[24..], [0xaa; 6]);
        for at in 0..HEAD_LEN {
            let mut other = payload;
            other[at] ^= 1;
            assert_eq!(tag.read(&other), None, "octet {at}");
        }
        let stranger = Tag { token: tag.token, keys: RandomState::new() };
        assert_eq!(stranger.read(&payload), None);
    }

    #[test]
    fn small_payloads_have_what_fits_of_the_tag() {
        let tag = Tag { token: [0; 4], keys: RandomState::new() };
        for len in 0..HEAD_LEN {
            let (mut first, mut second) = (vec![0; len], vec![0; len]);
            tag.write(Mark { target: 0, seq: 1 }, &mut first);
            tag.write(Mark { target: 0, seq: 2 }, &mut second);
            assert_eq!(first[..Tag::place(len).end].len(), len.min(8));
            assert!(len < 4 || first != second, "{len}");
            assert!(first.iter().skip(8).all(|octet| *octet == 0));
        }
    }
}
