//! Memory that is shared with the kernel (mmap(2)).

use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::ptr::NonNull;
use std::sync::atomic::AtomicU32;

/// A shared mapping of a descriptor, unmapped when dropped.
#[derive(Debug)]
pub(super) struct Mapping {
    start: NonNull<u8>,
    len: usize,
}

// SAFETY: the mapping is owned, and nothing in it belongs to a thread.
unsafe impl Send for Mapping {}

impl Mapping {
    /// Maps `len` octets of what `fd` offers.
    pub(super) fn new(fd: &impl AsFd, len: usize) -> io::Result<Self> {
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: a new mapping at an address of the kernel's choice touches no memory that is in use.
        let start = unsafe {
            libc::mmap(std::ptr::null_mut(), len, protection, libc::MAP_SHARED, fd.as_fd().as_raw_fd(), 0)
        };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let start = NonNull::new(start.cast::<u8>()).ok_or_else(io::Error::last_os_error)?;
        Ok(Self { start, len })
    }

    /// A word that both sides read and write; `None` when it does not lie in the mapping.
    pub(super) fn word(&self, at: usize) -> Option<&AtomicU32> {
        let ends = at.checked_add(4)?;
        if ends > self.len || !at.is_multiple_of(4) {
            return None;
        }
        // SAFETY: the word lies in the mapping, which lives as long as `self`, and is aligned, since mappings are
        // aligned to pages; it is only ever used as an atomic.
        Some(unsafe { AtomicU32::from_ptr(self.start.as_ptr().add(at).cast()) })
    }

    /// Octets of the mapping; none where they do not lie in it.
    ///
    /// # Safety
    /// The kernel must not write there as long as the octets are used.
    pub(super) unsafe fn octets(&self, at: usize, len: usize) -> &[u8] {
        match at.checked_add(len) {
            // SAFETY: the octets lie in the mapping; the caller promises that nobody writes them.
            Some(end) if end <= self.len => unsafe {
                std::slice::from_raw_parts(self.start.as_ptr().add(at), len)
            },
            _ => &[],
        }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: it is our own mapping, and no reference into it outlives `self`.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.len) };
    }
}
