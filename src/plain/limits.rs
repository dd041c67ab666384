//! What one peer, and all of them together, may have.

/// A second, in nanoseconds.
pub(super) const SECOND: u64 = 1_000_000_000;

/// The limits of a server. Times are nanoseconds; `None` is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connections at a time, or addresses that datagrams come from. Further ones wait until one ends.
    pub connections: usize,
    /// Octets a second that are read from one connection.
    pub rate: Option<u64>,
    /// A connection on which nothing passes for so long ends.
    pub idle: Option<u64>,
    /// A connection that takes nothing of what waits for it for so long ends.
    pub stall: u64,
    /// Octets of one message: of a line, where a service reads lines.
    pub message: usize,
    /// Octets that are read from one connection altogether.
    pub total: Option<u64>,
    /// Octets that wait for one peer.
    pub queue: usize,
    /// How long connections have to end, once the server is asked to.
    pub drain: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 4096,
            rate: None,
            idle: Some(600 * SECOND),
            stall: 30 * SECOND,
            message: 64 * 1024,
            total: None,
            queue: 256 * 1024,
            drain: 5 * SECOND,
        }
    }
}

/// A bucket of octets that fills at a rate: it holds what comes in a second, and is full at first.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bucket {
    rate: u64,
    /// When it would be empty, on the monotonic clock: a time before now by as much as is in it.
    empty_at: u64,
}

impl Bucket {
    pub(super) fn new(rate: u64, now: u64) -> Self {
        Self { rate: rate.max(1), empty_at: now.saturating_sub(SECOND) }
    }

    /// Takes octets out, which may leave it owing.
    pub(super) fn take(&mut self, octets: u64, now: u64) {
        let cost = u128::from(octets).saturating_mul(u128::from(SECOND)) / u128::from(self.rate);
        let cost = u64::try_from(cost).unwrap_or(u64::MAX);
        self.empty_at = self.empty_at.max(now.saturating_sub(SECOND)).saturating_add(cost);
    }

    /// When there is something in it.
    pub(super) fn ready_at(&self) -> u64 {
        self.empty_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_lets_through_what_its_rate_says() {
        let mut now = 100 * SECOND;
        let mut bucket = Bucket::new(1000, now);
        let mut taken = 0;
        while now < 110 * SECOND {
            bucket.take(700, now);
            taken += 700;
            now = now.max(bucket.ready_at());
        }
        // Ten seconds' worth, and what it held at first.
        assert!((10_300..=11_700).contains(&taken), "{taken}");
    }
}
