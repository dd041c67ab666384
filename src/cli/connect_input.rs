//! What `connect` sends: lines with other ends, hex digits, a file that tells how far it is.

use std::fs::File;
use std::io::{self, Read};
use std::sync::Arc;

use super::plain_log::Log;
use crate::plain::event::{Event, Watch as _};

/// A line that ends with CR and LF.
pub(super) fn with_crlf(mut line: Vec<u8>) -> Vec<u8> {
    if line.ends_with(b"\n") && !line.ends_with(b"\r\n") {
        line.pop();
        line.extend_from_slice(b"\r\n");
    }
    line
}

/// The octets of a line of hex digits.
pub(super) fn digits(line: &[u8]) -> Result<Vec<u8>, String> {
    let is_separator = |octet: &u8| octet.is_ascii_whitespace() || matches!(octet, b':' | b'-' | b'_');
    let digits: Vec<u8> = line.iter().copied().filter(|octet| !is_separator(octet)).collect();
    hex::decode(&digits).map_err(|_| "a line takes pairs of hex digits, such as 48 69 0a".to_owned())
}

/// A file that tells how much of it has been read.
pub(super) struct Progress {
    file: File,
    name: String,
    done: u64,
    total: u64,
    log: Arc<Log>,
}

impl Progress {
    /// A file of so many octets.
    pub(super) fn of(file: File, name: String, total: u64, log: Arc<Log>) -> Self {
        Self { file, name, done: 0, total, log }
    }
}

impl Read for Progress {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = self.file.read(buffer)?;
        self.done = self.done.saturating_add(u64::try_from(len).unwrap_or(0));
        let (done, total) = (self.done, self.total.max(self.done));
        self.log.event(&Event::Progress { peer: "", file: &self.name, done, total });
        Ok(len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_made_of_hex_digits_and_of_lines_crlf() {
        assert_eq!(digits(b"48:69 0a\n"), Ok(b"Hi\n".to_vec()));
        assert!(digits(b"4").is_err() && digits(b"zz").is_err());
        assert_eq!(with_crlf(b"a\n".to_vec()), b"a\r\n");
        assert_eq!(with_crlf(b"a\r\n".to_vec()), b"a\r\n");
        assert_eq!(with_crlf(b"a".to_vec()), b"a");
    }
}
