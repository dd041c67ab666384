//! `--threads`: several rings share what comes to a device, each is emptied by a thread of its own, and what they bring is
//! merged by time. At the end all rings stop letting packets in, and then are drained, each by its thread.

use std::error::Error;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread::JoinHandle;

use super::capture_intake::Taken;
use super::capture_merge::Merge;
use crate::sys::bell::Bell;
use crate::sys::clock;
use crate::sys::error::SysError;
use crate::sys::poll;
use crate::sys::ring::Ring;
use crate::wire::frame::Frame;
use crate::wire::frame_ring::FrameRing;

/// The threads of a device.
pub(super) struct Crew {
    hands: Vec<Hand>,
    merge: Merge,
    /// Rings when something was brought.
    brought: Arc<Bell>,
    /// Rings when all is over.
    stop: Arc<Bell>,
}

/// One thread, and what goes to and fro.
struct Hand {
    thread: JoinHandle<Result<Taken, SysError>>,
    full: Receiver<FrameRing>,
    empty: Sender<FrameRing>,
}

impl Crew {
    /// Starts a thread for each ring. Of each ring as much as `memory` octets may be on the way at a time.
    ///
    /// # Errors
    /// When the system has no threads, descriptors or memory left.
    pub(super) fn start(rings: Vec<Ring>, memory: usize) -> Result<Self, Box<dyn Error>> {
        let most = (memory / BATCH_LEN).max(LEAST_BATCHES);
        let merge = Merge::new(rings.len(), WAIT, most.saturating_sub(1));
        let (brought, stop) = (Arc::new(Bell::new()?), Arc::new(Bell::new()?));
        let mut hands = Vec::new();
        for (ring, number) in rings.into_iter().zip(0_u32..) {
            let (full, from_full) = channel();
            let (empty, from_empty) = channel();
            let batch = FrameRing::new(BATCH_LEN)?;
            let (brought, stop) = (brought.clone(), stop.clone());
            let worker = Worker { batch, full, empty: from_empty, brought, left: most.saturating_sub(1) };
            let thread = std::thread::Builder::new()
                .name(format!("ring {number}"))
                .spawn(move || worker.run(ring, &stop))?;
            hands.push(Hand { thread, full: from_full, empty });
        }
        Ok(Self { hands, merge, brought, stop })
    }

    /// Shows what has come and is in order.
    pub(super) fn receive(&mut self, show: &mut dyn FnMut(&Frame<'_>)) {
        self.brought.silence();
        self.collect();
        self.show(false, show);
    }

    /// Whether a thread has ended although nothing told it to: it could not go on.
    pub(super) fn is_broken(&self) -> bool {
        self.hands.iter().any(|hand| hand.thread.is_finished())
    }

    /// Nanoseconds until something is to be shown although nothing more comes.
    pub(super) fn left(&self) -> Option<u64> {
        self.merge.left(clock::monotonic())
    }

    /// Ends the capture: nothing more is let in, and what was let in before is shown.
    ///
    /// # Errors
    /// When a thread could not do its work.
    pub(super) fn finish(mut self, show: &mut dyn FnMut(&Frame<'_>)) -> Result<Taken, Box<dyn Error>> {
        self.stop.ring();
        while !self.hands.iter().all(|hand| hand.thread.is_finished()) {
            poll::wait(&[self.brought.as_fd()], &[], Some(LOOK))?;
            self.receive(show);
        }
        self.collect();
        self.show(true, show);
        let mut all = Taken::default();
        for hand in self.hands {
            all = all.and(hand.thread.join().map_err(|_| "a thread of the capture has failed")??);
        }
        Ok(all)
    }

    fn collect(&mut self) {
        let now = clock::monotonic();
        for (number, hand) in self.hands.iter().enumerate() {
            while let Ok(batch) = hand.full.try_recv() {
                self.merge.add(number, batch, now);
            }
        }
    }

    fn show(&mut self, all: bool, show: &mut dyn FnMut(&Frame<'_>)) {
        let hands = &self.hands;
        self.merge.show(clock::monotonic(), all, show, &mut |number, batch| {
            // A thread that has ended needs none.
            let _ = hands.get(number).map(|hand| hand.empty.send(batch));
        });
    }
}

impl AsFd for Crew {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.brought.as_fd()
    }
}

/// What a thread works with.
struct Worker {
    batch: FrameRing,
    full: Sender<FrameRing>,
    empty: Receiver<FrameRing>,
    brought: Arc<Bell>,
    /// Batches that it may still make.
    left: usize,
}

impl Worker {
    fn run(mut self, mut ring: Ring, stop: &Bell) -> Result<Taken, SysError> {
        let result = self.work(&mut ring, stop);
        self.hand_over();
        self.brought.ring();
        result.and_then(|()| Taken::of(&mut ring))
    }

    fn work(&mut self, ring: &mut Ring, stop: &Bell) -> Result<(), SysError> {
        loop {
            let ready = poll::wait(&[stop.as_fd(), ring.as_fd()], &[], None)
                .map_err(SysError::of("wait for", "a receive ring"))?;
            if ready.first().is_some_and(|ready| ready.any()) {
                return ring.finish(&mut |frame| self.put(frame));
            }
            ring.receive(&mut |frame| self.put(frame));
            self.hand_over();
            // It says that the interface went down, which others say; asking takes it off.
            let _ = ring.take_error();
        }
    }

    fn put(&mut self, frame: &Frame<'_>) {
        if !self.batch.push(frame, [0, 0]) {
            self.hand_over();
            // The largest packet fits into a batch that is empty.
            self.batch.push(frame, [0, 0]);
        }
    }

    /// Gives away what there is, and gets an empty batch; where there are none, it waits for one.
    fn hand_over(&mut self) {
        if self.batch.is_empty() {
            return;
        }
        let next = match self.empty.try_recv() {
            Ok(batch) => Some(batch),
            Err(TryRecvError::Empty) if self.left > 0 => {
                self.left = self.left.saturating_sub(1);
                FrameRing::new(BATCH_LEN).ok()
            }
            Err(_) => None,
        };
        let full = match next {
            Some(next) => std::mem::replace(&mut self.batch, next),
            None => std::mem::replace(&mut self.batch, FrameRing::none()),
        };
        // Nobody is there to take it only when the capture has failed.
        let _ = self.full.send(full);
        self.brought.ring();
        if self.batch.capacity() == 0
            && let Ok(batch) = self.empty.recv()
        {
            self.batch = batch;
        }
    }
}

/// Octets of a batch: more than the largest packet.
const BATCH_LEN: usize = 512 << 10;
const LEAST_BATCHES: usize = 8;
/// Nanoseconds that packets wait for those of other rings: a block that is not full is handed over after 20 ms, by a timer that
/// may be late.
const WAIT: u64 = 50_000_000;
/// Nanoseconds between looks whether threads have ended.
const LOOK: u64 = 10_000_000;
