//! CRC32c, the Castagnoli polynomial, which SCTP has as its checksum (RFC 9260 appendix A).

/// The CRC of pieces of octets, one behind the other.
#[derive(Debug, Clone, Copy)]
pub struct Crc32c(u32);

impl Default for Crc32c {
    fn default() -> Self {
        Self(u32::MAX)
    }
}

impl Crc32c {
    /// Adds octets.
    pub fn update(self, octets: &[u8]) -> Self {
        let step = |crc: u32, octet: &u8| {
            let [low, ..] = crc.to_le_bytes();
            let entry = TABLE.get(usize::from(low ^ octet)).copied().unwrap_or_default();
            (crc >> 8) ^ entry
        };
        Self(octets.iter().fold(self.0, step))
    }

    /// The CRC. Its least significant octet goes first onto the wire.
    pub fn finish(self) -> u32 {
        !self.0
    }
}

/// The polynomial 0x1edc6f41, its bits in reverse.
const POLYNOMIAL: u32 = 0x82f6_3b78;

/// What eight steps of a bit make of each octet.
static TABLE: [u32; 256] = table();

#[allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "computed by the compiler, which checks"
)]
const fn table() -> [u32; 256] {
    let mut table = [0u32; 256];
    let mut octet = 0u32;
    while octet < 256 {
        let mut crc = octet;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ POLYNOMIAL } else { crc >> 1 };
            bit += 1;
        }
        table[octet as usize] = crc;
        octet += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::Crc32c;

    /// The examples of RFC 3720 appendix B.4.
    #[test]
    fn the_examples_of_iscsi() {
        let crc = |octets: &[u8]| Crc32c::default().update(octets).finish();
        let ascending: Vec<u8> = (0..32).collect();
        assert_eq!(crc(&[0; 32]), 0x8a91_36aa);
        assert_eq!(crc(&[0xff; 32]), 0x62a8_ab43);
        assert_eq!(crc(&ascending), 0x46dd_794e);
        assert_eq!(Crc32c::default().update(&ascending[..7]).update(&ascending[7..]).finish(), 0x46dd_794e);
    }
}
