//! Any octets as a pcap file: those of [`capture_file`](super::capture_file).

use super::capture_file;

/// The six ways in which pcap begins: microseconds, nanoseconds, and Alexey Kuznetzov's longer records; each in both byte orders.
const MAGICS: [u32; 6] = [0xa1b2_c3d4, 0xd4c3_b2a1, 0xa1b2_3c4d, 0x4d3c_b2a1, 0xa1b2_cd34, 0x34cd_b2a1];

/// Holds it; the first octet says how the file begins, what stands behind it follows.
pub fn check(input: &[u8]) {
    let Some((first, rest)) = input.split_first() else { return };
    let magic = MAGICS[usize::from(*first) % MAGICS.len()];
    capture_file::check([&magic.to_be_bytes(), rest].concat());
}
