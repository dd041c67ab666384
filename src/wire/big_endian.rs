//! Numbers at fixed places of octets that may be too few: for what decides on a header, where a missing octet counts as zero.

/// The octet at `at`; 0 when it is not there.
pub fn octet(octets: &[u8], at: usize) -> u8 {
    octets.get(at).copied().unwrap_or_default()
}

/// The 16-bit number at `at`, most significant octet first; 0 when it is not there.
pub fn word(octets: &[u8], at: usize) -> u16 {
    octets.get(at..).and_then(<[u8]>::first_chunk::<2>).map_or(0, |octets| u16::from_be_bytes(*octets))
}

/// The octet at `at`; `None` when it is not there: for what is shown of a packet that may be cut.
pub fn octet_at(octets: &[u8], at: usize) -> Option<u8> {
    octets.get(at).copied()
}

/// The 16-bit number at `at`, most significant octet first; `None` when it is not there.
pub fn word_at(octets: &[u8], at: usize) -> Option<u16> {
    octets.get(at..)?.first_chunk().map(|octets| u16::from_be_bytes(*octets))
}

/// The 32-bit number at `at`, most significant octet first; `None` when it is not there.
pub fn long_at(octets: &[u8], at: usize) -> Option<u32> {
    octets.get(at..)?.first_chunk().map(|octets| u32::from_be_bytes(*octets))
}
