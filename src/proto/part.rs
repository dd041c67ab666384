//! Layers that are parts of others.

/// Whether layers of a protocol are parts of what carries them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// They stand for themselves.
    Never,
    /// They always are.
    Always,
    /// They are where that is of the same protocol.
    OfSame,
}
