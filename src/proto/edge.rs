//! What carries what: the numbers under which a protocol is found, and how a header tells the number of what it carries.

/// Reads a number from a header's octets; `None` when it says none.
pub type ReadNumber = fn(&[u8]) -> Option<u64>;

/// Reads a number from a header's octets and those behind the header; `None` when they say none.
pub type LookNumber = fn(&[u8], &[u8]) -> Option<u64>;

/// A protocol's number in a table: `ip.proto` 17 is UDP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edge {
    /// The table, by Wireshark's name for it.
    pub table: &'static str,
    /// The number.
    pub key: u64,
}

impl Edge {
    /// This number in this table. Of several in a table the first is what building writes.
    pub const fn new(table: &'static str, key: u64) -> Self {
        Self { table, key }
    }
}

/// The table that says what a layer carries.
#[derive(Debug, Clone, Copy)]
pub struct Next {
    /// The table, by Wireshark's name for it.
    pub table: &'static str,
    /// Reads the number from the layer's header.
    pub key: ReadNumber,
    /// A second number, for where nothing is known under the first: the other port.
    pub or: Option<ReadNumber>,
    /// Reads the number in place of `key` from the header and the octets behind it.
    pub looking: Option<LookNumber>,
}
