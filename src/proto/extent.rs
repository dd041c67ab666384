//! How far layers reach.

/// How far a layer reaches, in octets from its first.
#[derive(Debug, Clone, Copy)]
pub enum Extent {
    /// As far as what carries it.
    Rest,
    /// To the end of its header: what follows belongs to the layer below.
    Header,
    /// As its own length field says, which the function reads from the header's octets.
    Stated(fn(&[u8]) -> Stated),
}

/// What a length field says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stated {
    /// So many octets, header included.
    Octets(u64),
    /// Nothing: the layer reaches as far as what carries it (zero in segments that hardware will cut).
    Rest,
    /// Less than the header itself takes: the layer's contents cannot be told.
    Lies,
}
