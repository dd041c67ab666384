//! The user who called sudo, and becoming that user.

use std::fmt;
use std::fs;
use std::io;

use rustix::fs::{Gid, Uid};

use super::super::capability::{self, Capability, CapabilityError};
use super::super::error::Cause;

/// A user and its group, by their numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caller {
    /// The user.
    pub user: u32,
    /// Its group.
    pub group: u32,
}

/// Why a process could not become another user's.
#[derive(Debug, thiserror::Error)]
pub enum CallerError {
    /// The system refused a part of it.
    #[error("become user {}, group {} ({call}): {}", .caller.user, .caller.group, Cause(source))]
    Refused {
        /// Whom.
        caller: Caller,
        /// The call.
        call: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// The capabilities to keep could not be kept.
    #[error(transparent)]
    Capability(#[from] CapabilityError),
}

impl Caller {
    /// Whether the user namespace of this process knows both numbers (`uid_map` in user_namespaces(7)).
    pub fn is_known_here(self) -> bool {
        let knows = |file: &str, id: u32| {
            let map = fs::read_to_string(file).unwrap_or_default();
            map.lines().any(|line| {
                let mut numbers = line.split_whitespace().map(str::parse::<u64>);
                let (Some(Ok(first)), Some(Ok(_)), Some(Ok(count))) =
                    (numbers.next(), numbers.next(), numbers.next())
                else {
                    return false;
                };
                (first..first.saturating_add(count)).contains(&u64::from(id))
            })
        };
        knows("/proc/self/uid_map", self.user) && knows("/proc/self/gid_map", self.group)
    }

    /// Makes this thread the user's, with the user's group and no other ones. The capabilities that are to be kept stay permitted.
    pub(super) fn become_the_user(self, keeps: &[Capability]) -> Result<(), CallerError> {
        let refused = |call| {
            move |errno: rustix::io::Errno| CallerError::Refused { caller: self, call, source: errno.into() }
        };
        let (user, group) = (Uid::from_raw(self.user), Gid::from_raw(self.group));
        rustix::thread::set_keep_capabilities(!keeps.is_empty()).map_err(refused("prctl"))?;
        rustix::thread::set_thread_groups(&[]).map_err(refused("setgroups"))?;
        rustix::thread::set_thread_res_gid(group, group, group).map_err(refused("setresgid"))?;
        rustix::thread::set_thread_res_uid(user, user, user).map_err(refused("setresuid"))?;
        keeps.iter().try_for_each(|capability| capability::raise(*capability))?;
        Ok(())
    }
}

impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "user {}, group {}", self.user, self.group)
    }
}
