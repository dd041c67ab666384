//! Memory that is shared with the kernel (mmap(2)).

use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::ptr::NonNull;
use std::sync::atomic::AtomicU32;

/// A mapping, unmapped when dropped.
#[derive(Debug)]
pub(super) struct Mapping {
    start: NonNull<u8>,
    len: usize,
}

// SAFETY: the mapping is owned, and nothing in it belongs to a thread.
unsafe impl Send for Mapping {}

impl Mapping {
    /// Maps `len` octets of what `fd` offers at an offset.
    pub(super) fn of(fd: &impl AsFd, len: usize, offset: libc::off_t) -> io::Result<Self> {
        Self::map(len, libc::MAP_SHARED, fd.as_fd().as_raw_fd(), offset)
    }

    /// Memory of our own, zeroed and aligned to pages.
    pub(super) fn of_memory(len: usize) -> io::Result<Self> {
        Self::map(len, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, -1, 0)
    }

    fn map(len: usize, flags: libc::c_int, fd: libc::c_int, offset: libc::off_t) -> io::Result<Self> {
        // SAFETY: a new mapping at an address of the kernel's choice touches no memory that is in use.
        let start = unsafe {
            libc::mmap(std::ptr::null_mut(), len, libc::PROT_READ | libc::PROT_WRITE, flags, fd, offset)
        };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let start = NonNull::new(start.cast::<u8>()).ok_or_else(io::Error::last_os_error)?;
        Ok(Self { start, len })
    }

    /// Where it begins, for the kernel.
    pub(super) fn address(&self) -> u64 {
        self.start.as_ptr().expose_provenance() as u64
    }

    /// A place in it, of something that is so long and so aligned; `None` when it does not lie in the mapping.
    pub(super) fn place(&self, at: usize, len: usize, align: usize) -> Option<NonNull<u8>> {
        let is_inside = at.is_multiple_of(align) && at.checked_add(len).is_some_and(|end| end <= self.len);
        // SAFETY: the place lies in the mapping.
        is_inside.then(|| unsafe { self.start.add(at) })
    }

    /// A word that both sides read and write; `None` when it does not lie in the mapping.
    pub(super) fn word(&self, at: usize) -> Option<&AtomicU32> {
        let place = self.place(at, 4, 4)?;
        // SAFETY: the word lies in the mapping, which lives as long as `self`, and is aligned, since mappings are
        // aligned to pages; it is only ever used as an atomic.
        Some(unsafe { AtomicU32::from_ptr(place.as_ptr().cast()) })
    }

    /// Octets of the mapping; none where they do not lie in it.
    ///
    /// # Safety
    /// The kernel must not write there as long as the octets are used.
    pub(super) unsafe fn octets(&self, at: usize, len: usize) -> &[u8] {
        match self.place(at, len, 1) {
            // SAFETY: the octets lie in the mapping; the caller promises that nobody writes them.
            Some(place) => unsafe { std::slice::from_raw_parts(place.as_ptr(), len) },
            None => &[],
        }
    }

    /// Writes octets; `false` when they do not lie in it. The kernel reads them only when they are handed over.
    pub(super) fn write(&mut self, at: usize, octets: &[u8]) -> bool {
        match self.place(at, octets.len(), 1) {
            Some(place) => {
                // SAFETY: the octets lie in the mapping, of which `self` is borrowed exclusively, and so not in `octets`.
                unsafe { std::ptr::copy_nonoverlapping(octets.as_ptr(), place.as_ptr(), octets.len()) };
                true
            }
            None => false,
        }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: it is our own mapping, and no reference into it outlives `self`.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.len) };
    }
}
