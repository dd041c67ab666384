//! Users by their names, as the system knows them: getpwnam(3).

use std::ffi::CString;
use std::io;
use std::mem::MaybeUninit;
use std::ptr;

use super::sandbox::Caller;

/// Room for what is known of a user, in octets, before there is more of it.
const ROOM: usize = 1024;
/// No user has more.
const MOST: usize = 1 << 20;

/// The user of this name, with its group; `None` when there is none.
///
/// # Errors
/// When what knows of users cannot be asked.
pub fn user_named(name: &str) -> io::Result<Option<Caller>> {
    let Ok(name) = CString::new(name) else { return Ok(None) };
    let mut room: Vec<libc::c_char> = vec![0; ROOM];
    loop {
        let mut entry = MaybeUninit::<libc::passwd>::uninit();
        let mut found = ptr::null_mut();
        // SAFETY: all pointers are to what they say, the room has the length that is told, and the name ends with a zero.
        let code = unsafe {
            libc::getpwnam_r(name.as_ptr(), entry.as_mut_ptr(), room.as_mut_ptr(), room.len(), &raw mut found)
        };
        match code {
            libc::ERANGE if room.len() < MOST => room.resize(room.len().saturating_mul(2), 0),
            // Some sources of users say in their own ways that there is none (getpwnam(3), errors).
            0 | libc::ENOENT | libc::ESRCH if found.is_null() => return Ok(None),
            0 => {
                // SAFETY: it was found, so that the entry is filled in.
                let entry = unsafe { entry.assume_init_ref() };
                return Ok(Some(Caller { user: entry.pw_uid, group: entry.pw_gid }));
            }
            code => return Err(io::Error::from_raw_os_error(code)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_has_the_first_number() {
        assert_eq!(user_named("root").unwrap(), Some(Caller { user: 0, group: 0 }));
        assert_eq!(user_named("nobody of this name").unwrap(), None);
        assert_eq!(user_named("ro\0ot").unwrap(), None);
    }
}
