//! Memory that AF_XDP shares with the kernel: the area of the frames, and rings of what is handed over (AF_XDP in the kernel's
//! documentation, Documentation/networking/af_xdp.rst).

use std::io;
use std::marker::PhantomData;
use std::os::fd::AsFd;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering};

use super::mapping::Mapping;

/// A ring of entries, which one side produces and the other consumes.
#[derive(Debug)]
pub(super) struct Ring<T> {
    /// What the pointers lead into, which goes with them.
    _mapping: Mapping,
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
        let mapping = Mapping::of(fd, len, page)?;
        let word = |at: u64| mapping.place(offset(at)?, 4, 4).ok_or_else(wrong);
        let (producer, consumer) = (word(layout.producer)?.cast(), word(layout.consumer)?.cast());
        let entries = mapping.place(entries_at, len - entries_at, align_of::<T>()).ok_or_else(wrong)?.cast();
        if !size.is_power_of_two() {
            return Err(wrong());
        }
        Ok(Self { _mapping: mapping, producer, consumer, entries, mask: size - 1, kind: PhantomData })
    }

    /// How many entries were produced so far, modulo 2^32.
    pub(super) fn produced(&self) -> u32 {
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
