//! Several files as one, in the order of their packets' times.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::block::{Block, Item};
use super::description::Interface;
use super::read_error::ReadError;
use super::reader::CaptureReader;
use super::run::Run;
use crate::wire::frame::Frame;

/// Files that are read together: of the packets that come next in each of them, the earliest is the next of all, and of
/// several with the same time that of the file that was named first. Packets without a time come at once. What one file has
/// out of order stays so: nothing is kept but one packet of each file.
///
/// Blocks without a packet come when they are met, so before the next packet of their file.
pub struct Merge {
    readers: Vec<CaptureReader>,
    /// The files whose next packet is known, by its time.
    ready: BinaryHeap<Reverse<(Option<i64>, usize)>>,
    /// The files that must be asked for what they have next; the last is asked first.
    waiting: Vec<usize>,
    now: Option<usize>,
}

impl Merge {
    /// Merges files. They are numbered in this order.
    pub fn new(readers: Vec<CaptureReader>) -> Self {
        let waiting = (0..readers.len()).rev().collect();
        Self { readers, ready: BinaryHeap::new(), waiting, now: None }
    }

    /// Goes to the next packet or block; `false` at the end of all files.
    ///
    /// # Errors
    /// When a file is damaged or cut: its number, and what is wrong. The next call goes on with what can be read, of this
    /// file too when the error [goes on](ReadError::goes_on).
    #[inline]
    pub fn advance(&mut self) -> Result<bool, (usize, ReadError)> {
        // One file alone waits for no other.
        if let [only] = self.readers.as_mut_slice() {
            self.now = None;
            let is_there = only.advance().map_err(|error| (0, error))?;
            self.now = is_there.then_some(0);
            return Ok(is_there);
        }
        self.advance_of_several()
    }

    /// The packets that come next, as of [`CaptureReader::run`], where one file is read alone.
    pub fn run(&mut self, most: usize) -> Option<Run<'_>> {
        match self.readers.as_mut_slice() {
            [only] => {
                self.now = None;
                only.run(most)
            }
            _ => None,
        }
    }

    fn advance_of_several(&mut self) -> Result<bool, (usize, ReadError)> {
        self.waiting.extend(self.now.take());
        while let Some(number) = self.waiting.pop() {
            let Some(reader) = self.readers.get_mut(number) else { continue };
            match reader.advance() {
                Ok(false) => {}
                Ok(true) => match self.time(number) {
                    Some(time) => self.ready.push(Reverse((time, number))),
                    None => {
                        self.now = Some(number);
                        return Ok(true);
                    }
                },
                Err(error) => {
                    if error.goes_on() {
                        self.waiting.push(number);
                    }
                    return Err((number, error));
                }
            }
        }
        self.now = self.ready.pop().map(|Reverse((_, number))| number);
        Ok(self.now.is_some())
    }

    /// How many files there are.
    pub fn len(&self) -> usize {
        self.readers.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.readers.is_empty()
    }

    /// Does something with the packet that was gone to, if it is one, and with its file's number: as
    /// [`current`](Self::current), but nothing is moved, which would take longer than reading does.
    #[inline]
    pub fn with_packet<R>(&self, work: impl FnOnce(usize, &Frame<'_>) -> R) -> Option<R> {
        let number = self.now?;
        self.readers.get(number)?.with_packet(|frame| work(number, frame))
    }

    /// The block that was gone to, with or without a packet; pcap has none.
    pub fn block(&self) -> Option<Block<'_>> {
        self.readers.get(self.now?)?.block()
    }

    /// The interfaces that were described so far by the file that was gone to.
    pub fn interfaces(&self) -> &[Interface] {
        self.now.and_then(|number| self.readers.get(number)).map_or(&[], CaptureReader::interfaces)
    }

    /// What was gone to: the file's number, the packet or block, and the interfaces that the file described so far.
    pub fn current(&self) -> Option<(usize, Item<'_>, &[Interface])> {
        let number = self.now?;
        let reader = self.readers.get(number)?;
        Some((number, reader.item()?, reader.interfaces()))
    }

    /// The interfaces that a file described so far.
    pub fn interfaces_of(&self, source: usize) -> &[Interface] {
        self.readers.get(source).map_or(&[], CaptureReader::interfaces)
    }

    /// The time of the packet that a file has next; `None` when it need not wait for others: a block without a packet.
    fn time(&self, number: usize) -> Option<Option<i64>> {
        self.readers.get(number)?.packet().map(|frame| frame.time)
    }
}
