//! Any octets as a script: what happens next is read off their front.

/// Octets that are left.
pub struct Script<'i>(pub &'i [u8]);

impl<'i> Script<'i> {
    /// The next octet; `None` at the end.
    pub fn octet(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    /// The next two octets as a number; what is not there is zero.
    pub fn number(&mut self) -> u16 {
        u16::from_be_bytes([self.octet().unwrap_or(0), self.octet().unwrap_or(0)])
    }

    /// As many octets as the next one says, or as are left.
    pub fn piece(&mut self) -> &'i [u8] {
        let len = usize::from(self.octet().unwrap_or(0)).min(self.0.len());
        let (piece, rest) = self.0.split_at(len);
        self.0 = rest;
        piece
    }

    /// Octets that are changed as the next ones say: how many changes, each with place and value, and where the end is cut.
    pub fn change(&mut self, octets: &mut Vec<u8>) {
        let count = self.octet().unwrap_or(0) % 8;
        for _ in 0..count {
            let (at, value) = (usize::from(self.octet().unwrap_or(0)), self.octet().unwrap_or(0));
            if let Some(octet) = octets.get_mut(at) {
                *octet ^= value;
            }
        }
        if count > 4 {
            octets.truncate(usize::from(self.octet().unwrap_or(0)));
        }
    }
}
