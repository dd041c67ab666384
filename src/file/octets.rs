//! Numbers out of octets whose byte order the file tells. What is not there reads as 0: those who ask know the length.

use pcap_file::Endianness;

/// 16 bits at `at`.
pub(super) fn half(octets: &[u8], at: usize, order: Endianness) -> u16 {
    let octets = octets.get(at..).and_then(<[u8]>::first_chunk).copied().unwrap_or_default();
    if order.is_little() { u16::from_le_bytes(octets) } else { u16::from_be_bytes(octets) }
}

/// 32 bits at `at`.
pub(super) fn word(octets: &[u8], at: usize, order: Endianness) -> u32 {
    let octets = octets.get(at..).and_then(<[u8]>::first_chunk).copied().unwrap_or_default();
    if order.is_little() { u32::from_le_bytes(octets) } else { u32::from_be_bytes(octets) }
}

/// 64 bits at the beginning.
pub(super) fn wide(octets: &[u8], order: Endianness) -> u64 {
    let octets = octets.first_chunk().copied().unwrap_or_default();
    if order.is_little() { u64::from_le_bytes(octets) } else { u64::from_be_bytes(octets) }
}

/// A time as pcapng splits it: the high 32 bits at `at`, the low ones behind.
pub(super) fn time(octets: &[u8], at: usize, order: Endianness) -> u64 {
    u64::from(word(octets, at, order)) << 32 | u64::from(word(octets, at.saturating_add(4), order))
}
