//! Files of targets, which ping and probe take.

use std::fs;
use std::io::{self, Read};
use std::path::Path;

use crate::sys::error::Cause;

/// What stands in such a file; `-` is stdin. What is no UTF-8 is wrong in its own line only, and nothing in a remark.
///
/// # Errors
/// In words, when it cannot be read.
pub(super) fn read(path: &Path) -> Result<String, String> {
    let read = || {
        if path != Path::new("-") {
            return fs::read(path);
        }
        let mut octets = Vec::new();
        io::stdin().read_to_end(&mut octets)?;
        Ok(octets)
    };
    let octets = read().map_err(|error| format!("read {}: {}", path.display(), Cause(&error)))?;
    Ok(String::from_utf8_lossy(&octets).into_owned())
}
