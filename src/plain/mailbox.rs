//! What others have for a session: a bounded queue that any thread may fill.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::service::Waker;

/// A lock that a panic elsewhere does not close: what it guards is whole after each change.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A mailbox. When more comes than it takes, it is shut: the reader is too slow, and what it has not read is counted.
pub(super) struct Mailbox {
    held: Mutex<Held>,
    limit: usize,
    waker: Arc<dyn Waker>,
}

#[derive(Default)]
struct Held {
    messages: VecDeque<Arc<[u8]>>,
    octets: usize,
    missed: u64,
}

impl Mailbox {
    pub(super) fn new(limit: usize, waker: Arc<dyn Waker>) -> Self {
        Self { held: Mutex::default(), limit, waker }
    }

    /// Puts a message in.
    pub(super) fn put(&self, message: &Arc<[u8]>) {
        let wake = {
            let mut held = lock(&self.held);
            let octets = held.octets.saturating_add(message.len());
            if held.missed > 0 || octets > self.limit {
                held.missed = held.missed.saturating_add(1);
                held.missed == 1
            } else {
                held.octets = octets;
                held.messages.push_back(Arc::clone(message));
                held.messages.len() == 1
            }
        };
        if wake {
            self.waker.wake();
        }
    }

    /// Takes the oldest message out.
    pub(super) fn take(&self) -> Option<Arc<[u8]>> {
        let mut held = lock(&self.held);
        let message = held.messages.pop_front()?;
        held.octets = held.octets.saturating_sub(message.len());
        Some(message)
    }

    /// How many messages found no room. From the first on, none does.
    pub(super) fn missed(&self) -> u64 {
        lock(&self.held).missed
    }

    /// Octets that there is room for.
    pub(super) fn room(&self) -> usize {
        self.limit.saturating_sub(lock(&self.held).octets)
    }

    /// Has the session look.
    pub(super) fn wake(&self) {
        self.waker.wake();
    }
}
