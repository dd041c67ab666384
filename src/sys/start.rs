//! The start of the program, in place of the standard library's.
//!
//! Before `main` the standard library reads `/proc/self/maps` to know where the stack ends, and has a stack ready for a handler that
//! says in words that the first one is full: a tenth of the time of a ping to a near host. Nothing here recurses over what comes from
//! outside; the kernel guards the stack all the same, and ends the program by SIGSEGV.

use std::ffi::{CStr, OsStr, OsString, c_char, c_int};
use std::os::fd::BorrowedFd;
use std::os::unix::ffi::OsStrExt;
use std::panic;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags, open};

/// Makes a function `fn(Vec<OsString>) -> u8`, from the words of the command line to the exit code, the whole program. It stands in
/// a crate with `#![no_main]`.
#[macro_export]
macro_rules! program {
    ($run:path) => {
        /// Where the C library begins.
        ///
        /// # Safety
        /// Only the C library may call it.
        #[allow(unsafe_code)]
        // SAFETY: no other function of this program has this name, and this is what the C library expects of it (ISO C, 5.1.2.2.1).
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn main(
            count: ::std::ffi::c_int,
            words: *const *const ::std::ffi::c_char,
        ) -> ::std::ffi::c_int {
            // SAFETY: these are the arguments that the C library gave to `main`.
            unsafe { $crate::sys::start::start(count, words, $run) }
        }
    };
}

/// Runs the program, and ends it.
///
/// # Safety
/// `count` and `words` are those that the C library gives to `main`.
#[doc(hidden)]
pub unsafe fn start(count: c_int, words: *const *const c_char, run: fn(Vec<OsString>) -> u8) -> c_int {
    open_standard_descriptors();
    // A reader that goes away is an error of writing (EPIPE), which is told as any other. Programs that are run from here get the
    // default back: `std::process::Command` sees to it.
    // SAFETY: ignoring a signal runs no code of ours (signal(7)).
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_IGN) };
    let count = usize::try_from(count).unwrap_or(0);
    let word = |at| {
        // SAFETY: `main` has so many words, each a string that ends with a zero and lives as long as the program.
        let word = unsafe { CStr::from_ptr(*words.add(at)) };
        OsStr::from_bytes(word.to_bytes()).to_owned()
    };
    let words = (0..count).map(word).collect();
    // What unwound ran the destructors already; it must not go on into the C library.
    let code = panic::catch_unwind(move || run(words)).unwrap_or(PANICKED);
    // This way what standard output still holds is written.
    std::process::exit(code.into())
}

/// The exit code of a panic, as of any Rust program.
const PANICKED: u8 = 101;

/// Opens standard input, output and error where they are closed: a socket or a file of ours that got one of their numbers would be
/// written to by whoever prints. Where even that fails, the program ends.
fn open_standard_descriptors() {
    let asked = |number| {
        // SAFETY: whether it is open is just what is asked; nothing else is done with it.
        PollFd::from_borrowed_fd(unsafe { BorrowedFd::borrow_raw(number) }, PollFlags::empty())
    };
    let mut standard = [0, 1, 2].map(asked);
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    if poll(&mut standard, Some(&at_once)).is_err() {
        return;
    }
    let closed = standard.iter().filter(|descriptor| descriptor.revents().contains(PollFlags::NVAL));
    for _ in closed {
        // Each gets the lowest number that is free, which is one of theirs.
        match open("/dev/null", OFlags::RDWR, Mode::empty()) {
            Ok(null) => std::mem::forget(null),
            Err(_) => std::process::abort(),
        }
    }
}
