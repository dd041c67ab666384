//! What becomes of a process that makes a system call that it gave up: it says which one, and dies of SIGSYS.

use std::io;
use std::ptr;

use super::system_calls;

/// What the kernel says with SIGSYS (`_sigsys` in include/uapi/asm-generic/siginfo.h).
#[repr(C)]
struct Forbidden {
    signal: i32,
    errno: i32,
    code: i32,
    #[cfg(target_pointer_width = "64")]
    _padding: i32,
    address: *mut libc::c_void,
    call: i32,
    architecture: u32,
}

/// Has forbidden calls named from now on. The handler is used up by the first one.
pub(super) fn name_the_call() -> io::Result<()> {
    // SAFETY: sigaction is plain data, for which all zeros are valid.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = tell_and_die as *const () as usize;
    action.sa_flags = libc::SA_SIGINFO | libc::SA_RESETHAND;
    // SAFETY: the handler makes async-signal-safe calls only (signal-safety(7)), and has the signature that SA_SIGINFO asks for.
    match unsafe { libc::sigaction(libc::SIGSYS, &raw const action, ptr::null_mut()) } {
        0 => let_through(),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Lets the signal through in this thread, and in those that it starts: whoever started the program may have held it back, and of a
/// signal that is held back a process dies without its handler (`force_sig_info_to_task` in kernel/signal.c).
fn let_through() -> io::Result<()> {
    // SAFETY: the set is plain data, made valid by sigemptyset before anything reads it, and lives for all the calls; SIGSYS is a signal.
    let error = unsafe {
        let mut set = std::mem::zeroed::<libc::sigset_t>();
        libc::sigemptyset(&raw mut set);
        libc::sigaddset(&raw mut set, libc::SIGSYS);
        libc::pthread_sigmask(libc::SIG_UNBLOCK, &raw const set, ptr::null_mut())
    };
    match error {
        0 => Ok(()),
        error => Err(io::Error::from_raw_os_error(error)),
    }
}

extern "C" fn tell_and_die(_signal: i32, info: *mut libc::siginfo_t, _context: *mut libc::c_void) {
    // SAFETY: with SA_SIGINFO the kernel gives a siginfo_t that lives until the handler returns; for SIGSYS it is laid out so.
    let number = unsafe { (*info.cast::<Forbidden>()).call };
    let mut digits = [0u8; 12];
    let parts: [&[u8]; 5] = [
        b"\nrawsock: sandbox: the system call ",
        decimal(number, &mut digits),
        b" ",
        system_calls::name_of(number.into()).as_bytes(),
        b" is not among those that this command needs, and ends it: a mistake of rawsock, or of somebody who got in; --no-sandbox tells which\n",
    ];
    for part in parts {
        // SAFETY: write(2) reads as many octets as the slice has.
        unsafe { libc::write(2, part.as_ptr().cast(), part.len()) };
    }
    // The signal has its usual effect again, and this call, which nobody is allowed, raises it: the process dies of it even where the
    // signal is blocked (`force_sig_info` in kernel/signal.c).
    // SAFETY: personality(0xffffffff) only asks.
    unsafe { libc::syscall(libc::SYS_personality, 0xffff_ffff_u32) };
    // SAFETY: _exit(2) ends the process, should it still be there.
    unsafe { libc::_exit(159) }
}

/// The digits of a number, without memory of the heap.
fn decimal(number: i32, digits: &mut [u8; 12]) -> &[u8] {
    let mut rest = number.unsigned_abs();
    let mut first = digits.len();
    for (place, digit) in digits.iter_mut().enumerate().rev() {
        *digit = b'0'.wrapping_add((rest % 10) as u8);
        (rest, first) = (rest / 10, place);
        if rest == 0 {
            break;
        }
    }
    digits.get(first..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_their_digits() {
        for number in [0, 7, 59, 435, i32::MAX] {
            assert_eq!(decimal(number, &mut [0; 12]), number.to_string().as_bytes());
        }
    }

    #[test]
    fn the_kernels_words_are_where_the_structure_has_them() {
        let forbidden = std::mem::MaybeUninit::<Forbidden>::zeroed();
        assert!(std::mem::size_of_val(&forbidden) <= std::mem::size_of::<libc::siginfo_t>());
        assert_eq!(std::mem::offset_of!(Forbidden, address), 4 * std::mem::size_of::<usize>().min(4));
    }
}
