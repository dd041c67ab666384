//! Randomness from the system (getrandom(2)), drawn here and passed down.

use std::io;

/// Random octets.
///
/// # Errors
/// When the system has none.
pub(super) fn octets<const N: usize>() -> io::Result<[u8; N]> {
    let mut octets = [0; N];
    let got = rustix::rand::getrandom(&mut octets, rustix::rand::GetRandomFlags::empty())?;
    // Up to 256 octets come whole (getrandom(2)).
    if got == N { Ok(octets) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

/// A random number of 16 bits.
///
/// # Errors
/// When the system has none.
pub(super) fn u16() -> io::Result<u16> {
    octets().map(u16::from_ne_bytes)
}
