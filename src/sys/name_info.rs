//! The name of an address, as the system's resolver knows it: getnameinfo(3).

use std::ffi::CStr;
use std::net::IpAddr;
use std::ptr;

/// Room for the longest name that there is, with its zero (NI_MAXHOST).
const ROOM: usize = 1025;

/// The name of an address; `None` when it has none, or the resolver does not answer. It may take many seconds.
pub fn name_of(address: IpAddr) -> Option<String> {
    let mut room = [0u8; ROOM];
    let code = match address {
        IpAddr::V4(address) => {
            let socket = libc::sockaddr_in {
                sin_family: libc::AF_INET as libc::sa_family_t,
                sin_port: 0,
                sin_addr: libc::in_addr { s_addr: u32::from_ne_bytes(address.octets()) },
                sin_zero: [0; 8],
            };
            // SAFETY: a whole `sockaddr_in`, of the family that it says.
            unsafe { ask(&socket, &mut room) }
        }
        IpAddr::V6(address) => {
            let socket = libc::sockaddr_in6 {
                sin6_family: libc::AF_INET6 as libc::sa_family_t,
                sin6_port: 0,
                sin6_flowinfo: 0,
                sin6_addr: libc::in6_addr { s6_addr: address.octets() },
                sin6_scope_id: 0,
            };
            // SAFETY: a whole `sockaddr_in6`, of the family that it says.
            unsafe { ask(&socket, &mut room) }
        }
    };
    let name = CStr::from_bytes_until_nul(&room).ok().filter(|_| code == 0)?;
    Some(name.to_string_lossy().into_owned()).filter(|name| !name.is_empty())
}

/// Asks for the name of a socket address, which is not to be a number.
///
/// # Safety
/// `T` is one of the structures of socket addresses, and says its own family.
unsafe fn ask<T>(socket: &T, room: &mut [u8; ROOM]) -> libc::c_int {
    // SAFETY: both pointers are to what they say, with its length; that there is no service is allowed.
    unsafe {
        libc::getnameinfo(
            ptr::from_ref(socket).cast(),
            size_of::<T>() as libc::socklen_t,
            room.as_mut_ptr().cast(),
            ROOM as libc::socklen_t,
            ptr::null_mut(),
            0,
            libc::NI_NAMEREQD,
        )
    }
}

/// Whether the C library looks names up in files and by DNS without loading a module: GNU's does from 2.34 on, musl in any case.
#[cfg(target_env = "gnu")]
pub fn is_built_in() -> bool {
    // SAFETY: it gives a text that ends with a zero and lives as long as the program (gnu_get_libc_version(3)).
    let version = unsafe { CStr::from_ptr(libc::gnu_get_libc_version()) };
    let mut numbers =
        version.to_str().unwrap_or_default().split('.').map_while(|part| part.parse::<u32>().ok());
    (numbers.next(), numbers.next()) >= (Some(2), Some(34))
}

/// Whether the C library looks names up in files and by DNS without loading a module: GNU's does from 2.34 on, musl in any case.
#[cfg(not(target_env = "gnu"))]
pub fn is_built_in() -> bool {
    cfg!(target_env = "musl")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_host_has_a_name() {
        assert!(name_of([127, 0, 0, 1].into()).is_some_and(|name| name.contains("localhost")));
    }
}
