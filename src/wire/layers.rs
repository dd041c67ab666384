//! The layer table: where each layer of a packet begins and ends. Building makes it, dissecting makes it, and printing,
//! matching and saving read it.

/// More layers than this in one packet are left as data: a limit so that no packet, however crafted, makes the
/// dissector run long or the table allocate.
pub const MAX_LAYERS: usize = 32;

/// A protocol's place in the registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct ProtocolId(pub u8);

/// One layer: offsets are octets from the packet's first octet, and always `start <= header_end <= end <= captured`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LayerEntry {
    /// Which protocol.
    pub protocol: ProtocolId,
    /// First octet of the header.
    pub start: u32,
    /// First octet behind the header.
    pub header_end: u32,
    /// First octet behind the layer: header and payload, as its own length field or the layer below limits it.
    pub end: u32,
    /// How complete the layer is.
    pub state: LayerState,
    /// The layer whose header quotes this one (ICMP errors), as an index into the table.
    pub quoted_by: Option<u8>,
}

/// How complete a layer's header is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LayerState {
    /// The whole header is there.
    #[default]
    Whole,
    /// The header goes on behind the octets that are there.
    Cut,
    /// A length in the header contradicts itself; what follows the fixed part is kept as data.
    Malformed,
}

/// The layers of one packet, outermost first, layers quoted inside an ICMP error behind the layer that quotes them.
/// A fixed array: dissecting a packet allocates nothing.
#[derive(Debug, Clone)]
pub struct LayerTable {
    entries: [LayerEntry; MAX_LAYERS],
    len: usize,
    ends_early: bool,
    is_sound: bool,
}

impl Default for LayerTable {
    fn default() -> Self {
        Self { entries: [LayerEntry::default(); MAX_LAYERS], len: 0, ends_early: false, is_sound: false }
    }
}

impl LayerTable {
    /// Forgets all layers, to be filled again.
    pub fn clear(&mut self) {
        self.len = 0;
        self.ends_early = false;
        self.is_sound = false;
    }

    /// Says whether each layer is whole and has all octets that it says it has.
    pub fn found_sound(&mut self, is_sound: bool) {
        self.is_sound = is_sound && !self.ends_early;
    }

    /// Whether each layer is known to be whole and to have all octets that it says it has: nothing is wrong with any length then.
    /// Of layers that were built nobody knows.
    #[inline]
    pub fn is_sound(&self) -> bool {
        self.is_sound
    }

    /// Says that the packet has more layers than there is room for: the last one is the octets of all the others.
    pub fn end_early(&mut self) {
        self.ends_early = true;
    }

    /// Whether the packet has more layers than these.
    pub fn ends_early(&self) -> bool {
        self.ends_early
    }

    /// Adds a layer; `false` when the table is full.
    #[inline]
    pub fn push(&mut self, entry: LayerEntry) -> bool {
        match self.entries.get_mut(self.len) {
            Some(slot) => {
                *slot = entry;
                self.len = self.len.saturating_add(1);
                self.is_sound = false;
                true
            }
            None => false,
        }
    }

    /// How many more layers fit.
    pub fn room(&self) -> usize {
        MAX_LAYERS.saturating_sub(self.len)
    }

    /// All layers.
    #[inline]
    pub fn entries(&self) -> &[LayerEntry] {
        self.entries.get(..self.len).unwrap_or_default()
    }

    /// All layers, to be corrected by the builder.
    pub fn entries_mut(&mut self) -> &mut [LayerEntry] {
        self.is_sound = false;
        self.entries.get_mut(..self.len).unwrap_or_default()
    }

    /// The layer that `index` carries: the next one of the same chain (a quoted packet is a chain of its own).
    #[inline]
    pub fn child(&self, index: usize) -> Option<(usize, &LayerEntry)> {
        let quoted_by = self.entries().get(index)?.quoted_by;
        let next = index.checked_add(1)?;
        self.entries().get(next).filter(|entry| entry.quoted_by == quoted_by).map(|entry| (next, entry))
    }

    /// The layers below `index` in its chain, nearest first: what carries it.
    pub fn below(&self, index: usize) -> impl Iterator<Item = (usize, &LayerEntry)> {
        let quoted_by = self.entries().get(index).and_then(|entry| entry.quoted_by);
        let lower = self.entries().get(..index).unwrap_or_default();
        lower.iter().enumerate().rev().take_while(move |(_, entry)| entry.quoted_by == quoted_by)
    }

    /// The first layer of the packet that `index` quotes.
    pub fn quoted(&self, index: usize) -> Option<usize> {
        let quoting = u8::try_from(index).ok()?;
        self.entries().iter().position(|entry| entry.quoted_by == Some(quoting))
    }
}
