//! Stdout. When its reader has gone, as `head` does, that is no error: there is just nobody left to write for.

use std::io::{self, Write};

/// Prints one text.
///
/// # Errors
/// When stdout cannot be written, other than that its reader has gone.
pub(super) fn print(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(io::Error::new(error.kind(), format!("write to stdout: {error}")))
        }
        _ => Ok(()),
    }
}
