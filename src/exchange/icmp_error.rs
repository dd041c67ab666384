//! Which of the ICMP messages that quote a packet end the question that it was.

/// Whether an ICMP message of this type says that the packet that it quotes did not arrive: destination unreachable, time exceeded,
/// parameter problem (RFC 792; RFC 4443 §3, where packet too big is among them). A redirect tells of a better way and a source
/// quench to be slower: the packet itself went on, and its answer may yet come.
pub(super) fn ends_question(is_v6: bool, kind: u8) -> bool {
    matches!((is_v6, kind), (false, 3 | 11 | 12) | (true, 1..=4))
}
