//! Memory that AF_XDP shares with the kernel: the area of the frames, and rings of what is handed over (AF_XDP in the kernel's
//! documentation, Documentation/networking/af_xdp.rst).

use std::io;
use std::marker::PhantomData;
use std::os::fd::{AsFd, AsRawFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering};

/// A mapping, unmapped when dropped.
#[derive(Debug)]
pub(super) struct Area {
    start: NonNull<u8>,
    len: usize,
}

// SAFETY: the mapping is owned, and nothing in it belongs to a thread.
unsafe impl Send for Area {}

impl Area {
    /// Memory of our own, zeroed and aligned to pages.
    pub(super) fn of_memory(len: usize) -> io::Result<Self> {
        Self::map(len, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, -1, 0)
    }

    /// What a descriptor offers at an offset.
    pub(super) fn of_descriptor(fd: &impl AsFd, len: usize, offset: libc::off_t) -> io::Result<Self> {
        Self::map(len, libc::MAP_SHARED | libc::MAP_POPULATE, fd.as_fd().as_raw_fd(), offset)
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

    /// Writes octets; `false` when they do not lie in it. The kernel reads them only when they are handed over.
    pub(super) fn write(&mut self, at: usize, octets: &[u8]) -> bool {
        match at.checked_add(octets.len()) {
            Some(end) if end <= self.len => {
                // SAFETY: the octets lie in the mapping, of which `self` is borrowed exclusively, and so not in `octets`.
                unsafe {
                    std::ptr::copy_nonoverlapping(octets.as_ptr(), self.start.as_ptr().add(at), octets.len());
                }
                true
            }
            _ => false,
        }
    }

    fn word(&self, at: usize) -> io::Result<NonNull<AtomicU32>> {
        let is_inside = at.is_multiple_of(4) && at.checked_add(4).is_some_and(|end| end <= self.len);
        if !is_inside {
            return Err(io::Error::from(io::ErrorKind::InvalidData));
        }
        // SAFETY: the word lies in the mapping.
        Ok(unsafe { self.start.add(at) }.cast())
    }
}

impl Drop for Area {
    fn drop(&mut self) {
        // SAFETY: it is our own mapping, and no reference into it outlives `self`.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.len) };
    }
}

/// A ring of entries, which one side produces and the other consumes.
#[derive(Debug)]
pub(super) struct Ring<T> {
    area: Area,
    producer: NonNull<AtomicU32>,
    consumer: NonNull<AtomicU32>,
    entries: NonNull<T>,
    mask: u32,
    kind: PhantomData<T>,
}

// SAFETY: the pointers lead into its own mapping, and nothing in it belongs to a thread.
unsafe impl<T: Send> Send for Ring<T> {}

impl<T: Copy> Ring<T> {
    /// The ring of `size` entries, a power of two, that a socket offers at `page`, laid out as the kernel says.
    pub(super) fn of_socket(
        fd: &impl AsFd,
        size: u32,
        page: libc::off_t,
        layout: &libc::xdp_ring_offset,
    ) -> io::Result<Self> {
        let wrong = || io::Error::from(io::ErrorKind::InvalidData);
        let offset = |at: u64| usize::try_from(at).map_err(|_| wrong());
        let entries_at = offset(layout.desc)?;
        let len = entries_at.checked_add(size as usize * size_of::<T>()).ok_or_else(wrong)?;
        let area = Area::of_descriptor(fd, len, page)?;
        let (producer, consumer) =
            (area.word(offset(layout.producer)?)?, area.word(offset(layout.consumer)?)?);
        if !entries_at.is_multiple_of(align_of::<T>()) || !size.is_power_of_two() {
            return Err(wrong());
        }
        // SAFETY: the entries lie in the mapping, whose length was made for them.
        let entries = unsafe { area.start.add(entries_at) }.cast();
        Ok(Self { area, producer, consumer, entries, mask: size - 1, kind: PhantomData })
    }

    /// How many entries were produced so far, modulo 2^32.
    pub(super) fn produced(&self) -> u32 {
        debug_assert!(self.area.len > 0);
        // SAFETY: the word lies in the mapping, which lives as long as `self`, and is only ever used as an atomic.
        unsafe { self.producer.as_ref() }.load(Ordering::Acquire)
    }

    /// How many entries were consumed so far, modulo 2^32.
    pub(super) fn consumed(&self) -> u32 {
        // SAFETY: as above.
        unsafe { self.consumer.as_ref() }.load(Ordering::Acquire)
    }

    /// Says how many we produced.
    pub(super) fn produce_to(&mut self, count: u32) {
        // SAFETY: as above.
        unsafe { self.producer.as_ref() }.store(count, Ordering::Release);
    }

    /// Says how many we consumed.
    pub(super) fn consume_to(&mut self, count: u32) {
        // SAFETY: as above.
        unsafe { self.consumer.as_ref() }.store(count, Ordering::Release);
    }

    /// Writes an entry, which is the kernel's only once it was produced.
    pub(super) fn write(&mut self, number: u32, entry: T) {
        // SAFETY: the mask keeps it among the entries of the mapping; the kernel does not read what is not produced.
        unsafe { self.entries.add((number & self.mask) as usize).write(entry) };
    }

    /// Reads an entry that was produced and not yet consumed.
    pub(super) fn read(&self, number: u32) -> T {
        // SAFETY: the mask keeps it among the entries of the mapping, whose octets are valid for the kernel's structures; the
        // kernel does not write what is produced.
        unsafe { self.entries.add((number & self.mask) as usize).read() }
    }
}
