//! Bits without protocols: spans, values and their texts, the layer table, the record walker, checksums.

pub mod frame;
