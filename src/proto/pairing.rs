//! What pairs messages: an answer with its question, a reply with what was sent.

/// Appends the octets of a header that pair a reply with its question: those of a header that was sent are equal to
/// those of its reply, and of its own copy in an ICMP error. `false` when such a header cannot stand on that side.
pub type Identity = fn(&[u8], Side, &mut Vec<u8>) -> bool;

/// Reads from a header's octets whether it asks or answers; `None` when neither, or when that is not there.
pub type ReadExchange = fn(&[u8]) -> Option<Exchange>;

/// A message that asks or answers. Between two end points, a question and its answer have the same number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exchange {
    /// It asks.
    Question(u64),
    /// It answers.
    Answer(u64),
}

/// Where a header stands, for [`Identity`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// In a packet that was sent.
    Sent,
    /// In a packet that may answer it.
    Reply,
    /// In the packet that an ICMP error quotes; the header may be cut behind its first 8 octets.
    Quoted,
}
