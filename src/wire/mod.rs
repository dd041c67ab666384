//! Bits without protocols: spans, values and their texts, the layer table, the record walker, checksums.
//!
//! Nothing here does I/O, and nothing here may panic on any octets.
#![deny(clippy::arithmetic_side_effects)]

pub mod big_endian;
pub mod bpf;
pub mod checksum;
pub mod comments;
pub mod crc32c;
mod digits;
pub mod domain_name;
pub mod frame;
pub mod frame_ring;
pub mod keyed_hash;
pub mod layers;
pub mod packet_batch;
pub mod record;
mod short;
pub mod span;
pub mod text;
pub mod value;
