//! Runs of records: many packets of a pcap file at once, as they stand in it. Whoever does the same with every packet takes them so, and
//! hands on or copies the octets of all together.

use super::description::Interface;
use super::read_pcap::Layout;
use crate::wire::frame::Frame;

/// Whole records of a pcap file, one behind the other.
#[derive(Debug, Clone, Copy)]
pub struct Run<'a> {
    pub(super) layout: Layout,
    pub(super) octets: &'a [u8],
    pub(super) packets: u64,
    pub(super) interfaces: &'a [Interface],
}

impl<'a> Run<'a> {
    /// How many packets.
    pub fn packets(&self) -> u64 {
        self.packets
    }

    /// The interfaces of the file that it was read from.
    pub fn interfaces(&self) -> &'a [Interface] {
        self.interfaces
    }

    /// The packets, in order.
    pub fn frames(&self) -> Frames<'a> {
        Frames { layout: self.layout, left: self.octets }
    }
}

/// The packets of a run.
#[derive(Debug)]
pub struct Frames<'a> {
    layout: Layout,
    left: &'a [u8],
}

impl<'a> Iterator for Frames<'a> {
    type Item = Frame<'a>;

    #[inline]
    fn next(&mut self) -> Option<Frame<'a>> {
        let (record, whole) = self.layout.whole_record(self.left)?;
        let (taken, left) = self.left.split_at_checked(whole)?;
        self.left = left;
        Some(self.layout.frame(&record, taken.get(self.layout.header_len..)?))
    }
}

/// A run of its own, in a buffer that is used again.
#[derive(Debug, Default)]
pub struct KeptRun {
    octets: Vec<u8>,
    /// None, as long as nothing is kept.
    layout: Option<Layout>,
    packets: u64,
}

impl KeptRun {
    /// Copies a run, in place of what was kept before.
    pub fn keep(&mut self, run: &Run<'_>) {
        self.octets.clear();
        self.octets.extend_from_slice(run.octets);
        (self.layout, self.packets) = (Some(run.layout), run.packets);
    }

    /// The run that is kept; it knows no interfaces any more.
    pub fn run(&self) -> Option<Run<'_>> {
        Some(Run { layout: self.layout?, octets: &self.octets, packets: self.packets, interfaces: &[] })
    }

    /// Forgets what is kept, and gives back memory beyond so many octets.
    pub fn clear(&mut self, most: usize) {
        self.octets.clear();
        self.octets.shrink_to(most);
        (self.layout, self.packets) = (None, 0);
    }
}
