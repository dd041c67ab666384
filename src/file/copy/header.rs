//! The section header of a merged file: all that the headers of its files say, but for the program that wrote them.

use pcap_file::Endianness;

use super::swap::swap;
use crate::file::block::Block;
use crate::file::read_options::options;

/// What is kept of the headers of files that are merged.
#[derive(Debug, Default)]
pub(super) struct Heads {
    /// Options, one behind the other, in little-endian order.
    options: Vec<u8>,
    hardware_and_system: [bool; 2],
    /// How many headers there were, and how many of them in big-endian order.
    count: usize,
    big: usize,
}

impl Heads {
    /// Takes in what a file's section header says. Hardware and operating system can be said once: by the first who does.
    pub(super) fn add(&mut self, head: &Block<'_>) {
        self.count = self.count.saturating_add(1);
        self.big = self.big.saturating_add(usize::from(!head.order.is_little()));
        let mut block = head.octets().to_vec();
        if !head.order.is_little() {
            swap(&mut block, head.order);
        }
        let noted = block.get(OPTIONS_AT..block.len().saturating_sub(4)).unwrap_or_default();
        for (code, value) in options(noted, Endianness::Little) {
            let [hardware, system] = &mut self.hardware_and_system;
            let is_new = match code {
                2 => !std::mem::replace(hardware, true),
                3 => !std::mem::replace(system, true),
                APPLICATION => false,
                _ => true,
            };
            // So many comments that they would not fit in a block are no comments.
            if is_new && self.options.len() < MOST {
                push(&mut self.options, code, value);
            }
        }
    }

    /// The byte order that the merged file has: that of all `sources`, where they have the same.
    pub(super) fn order(&self, sources: usize) -> Endianness {
        if self.big == sources && self.big > 0 { Endianness::Big } else { Endianness::Little }
    }

    /// The section header.
    pub(super) fn write(&self, out: &mut Vec<u8>, application: Option<&str>, order: Endianness) {
        let start = out.len();
        for number in [SECTION, 0, MAGIC, 1, u32::MAX, u32::MAX] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        out.extend_from_slice(&self.options);
        if let Some(application) = application {
            push(out, APPLICATION, application.as_bytes());
        }
        out.extend_from_slice(&[0; 4]);
        let len = u32::try_from(out.len().saturating_sub(start).saturating_add(4)).unwrap_or(u32::MAX);
        if let Some(place) = out.get_mut(start.saturating_add(4)..start.saturating_add(8)) {
            place.copy_from_slice(&len.to_le_bytes());
        }
        out.extend_from_slice(&len.to_le_bytes());
        if !order.is_little()
            && let Some(block) = out.get_mut(start..)
        {
            swap(block, Endianness::Little);
        }
    }
}

fn push(out: &mut Vec<u8>, code: u16, value: &[u8]) {
    let Ok(len) = u16::try_from(value.len()) else { return };
    out.extend_from_slice(&code.to_le_bytes());
    out.extend_from_slice(&len.to_le_bytes());
    out.extend_from_slice(value);
    let padding = value.len().wrapping_neg() & 3;
    out.extend_from_slice([0; 3].get(..padding).unwrap_or_default());
}

const SECTION: u32 = 0x0a0d_0d0a;
const MAGIC: u32 = 0x1a2b_3c4d;
/// Behind type, length, magic, version and the section's length.
const OPTIONS_AT: usize = 24;
const APPLICATION: u16 = 4;
/// Octets of options that are kept of all files.
const MOST: usize = 1 << 20;
