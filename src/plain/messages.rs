//! Messages out of a stream: lines, or what comes without a line's end and stays alone for a moment.

use crate::sys::clock::Now;

/// Puts messages together.
#[derive(Debug)]
pub(super) struct Messages {
    /// A message whose end has not come.
    begun: Vec<u8>,
    limit: usize,
    /// When what has begun counts as a message; `None` waits for the line's end.
    due: Option<u64>,
    patience: Option<u64>,
}

/// A message is longer than is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooLong;

impl Messages {
    /// Lines, up to a limit of octets. Whoever writes none, as a program of a tutorial does, has written a message when nothing
    /// follows for `patience` nanoseconds.
    pub(super) fn new(limit: usize, patience: Option<u64>) -> Self {
        Self { begun: Vec::new(), limit, due: None, patience }
    }

    /// Takes what came, and hands each message over, with its line's end.
    pub(super) fn received(
        &mut self,
        octets: &[u8],
        now: Now,
        take: &mut dyn FnMut(&[u8]),
    ) -> Result<(), TooLong> {
        for part in octets.split_inclusive(|octet| *octet == b'\n') {
            if self.begun.len().saturating_add(part.len()) > self.limit {
                self.begun = Vec::new();
                self.due = None;
                return Err(TooLong);
            }
            match (part.ends_with(b"\n"), self.begun.is_empty()) {
                (true, true) => take(part),
                (true, false) => {
                    self.begun.extend_from_slice(part);
                    take(&self.begun);
                    self.begun.clear();
                }
                (false, _) => self.begun.extend_from_slice(part),
            }
        }
        let waits = !self.begun.is_empty();
        self.due = self.patience.filter(|_| waits).map(|patience| now.monotonic.saturating_add(patience));
        Ok(())
    }

    /// When what has begun counts as a message.
    pub(super) fn due(&self) -> Option<u64> {
        self.due
    }

    /// What has begun, if it has waited long enough, or nothing more comes.
    pub(super) fn rest(&mut self, now: Now, is_end: bool) -> Option<Vec<u8>> {
        let is_over = is_end || self.due.is_some_and(|due| due <= now.monotonic);
        if !is_over || self.begun.is_empty() {
            return None;
        }
        self.due = None;
        Some(std::mem::take(&mut self.begun))
    }
}

/// A message without the end of its line: `\n`, or `\r\n` as telnet writes it.
pub(super) fn split_end(message: &[u8]) -> (&[u8], &[u8]) {
    let text = message.strip_suffix(b"\n").unwrap_or(message);
    let text = text.strip_suffix(b"\r").unwrap_or(text);
    message.split_at_checked(text.len()).unwrap_or((message, b""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(nanos: u64) -> Now {
        Now { monotonic: nanos, wall: 0 }
    }

    #[test]
    fn what_has_no_end_counts_after_a_moment() {
        let mut messages = Messages::new(100, Some(20));
        let mut all = Vec::new();
        messages.received(b"one\ntw", at(0), &mut |message| all.push(message.to_vec())).unwrap();
        assert_eq!((all.pop().unwrap(), messages.due()), (b"one\n".to_vec(), Some(20)));
        assert_eq!(messages.rest(at(19), false), None);
        assert_eq!(messages.rest(at(20), false), Some(b"tw".to_vec()));
        assert_eq!((messages.due(), messages.rest(at(99), true)), (None, None));
    }

    #[test]
    fn a_megabyte_without_a_line_end_is_too_long() {
        let mut messages = Messages::new(65_536, None);
        let mut take = |_: &[u8]| panic!("no message");
        let mut refused = 0;
        for _ in 0..1024 {
            refused += usize::from(messages.received(&[b'x'; 1024], at(0), &mut take).is_err());
        }
        assert_eq!(refused, 1024 / 65);
        assert!(messages.begun.capacity() <= 131_072);
    }

    #[test]
    fn line_ends_are_told_apart() {
        assert_eq!(split_end(b"a\r\n"), (&b"a"[..], &b"\r\n"[..]));
        assert_eq!(split_end(b"a\n"), (&b"a"[..], &b"\n"[..]));
        assert_eq!(split_end(b"a\r"), (&b"a"[..], &b"\r"[..]));
        assert_eq!(split_end(b""), (&b""[..], &b""[..]));
    }

    proptest! {
        #[test]
        fn however_it_is_cut_the_messages_are_the_lines(text in "[a\n]{0,40}", cuts in prop::collection::vec(0usize..5, 0..30)) {
            let mut messages = Messages::new(1000, None);
            let mut all = Vec::new();
            let mut rest = text.as_bytes();
            for cut in cuts.into_iter().chain([1000]) {
                let (part, behind) = rest.split_at(cut.min(rest.len()));
                messages.received(part, at(0), &mut |message| all.push(message.to_vec())).unwrap();
                rest = behind;
            }
            all.extend(messages.rest(at(0), true));
            let lines: Vec<_> = text.as_bytes().split_inclusive(|octet| *octet == b'\n').map(<[u8]>::to_vec).collect();
            prop_assert_eq!(all, lines);
        }
    }
}
