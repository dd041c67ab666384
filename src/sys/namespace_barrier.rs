//! Why this machine lets ordinary users make no user namespaces, and the command that changes it.

use std::fmt;
use std::io;

/// What forbids user namespaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Barrier {
    /// Debian's switch, `kernel.unprivileged_userns_clone`, is off.
    DebianSwitch,
    /// Ubuntu's switch, `kernel.apparmor_restrict_unprivileged_userns`, is on.
    AppArmor,
    /// `user.max_user_namespaces` is 0.
    NoneAllowed,
    /// As many as are allowed exist, or they are nested 32 deep.
    Full,
    /// The kernel was built without them.
    NotBuilt,
    /// None of the above: a container's system-call filter, or a chroot(2).
    Container,
}

impl Barrier {
    /// Finds what made the kernel answer with this error, by the settings that `read` fetches.
    pub(super) fn find(error: &io::Error, read: impl Fn(&str) -> Option<String>) -> Self {
        let is = |path: &str, value: &str| read(path).is_some_and(|text| text.trim() == value);
        if is(DEBIAN_SWITCH, "0") {
            Self::DebianSwitch
        } else if is(MAX_USER, "0") {
            Self::NoneAllowed
        } else if read(MAX_USER).is_none() {
            Self::NotBuilt
        } else if matches!(error.raw_os_error(), Some(libc::ENOSPC | libc::EUSERS)) {
            Self::Full
        } else if is(APPARMOR_SWITCH, "1") {
            Self::AppArmor
        } else {
            Self::Container
        }
    }
}

impl Barrier {
    /// What stands in the way.
    pub fn reason(self) -> &'static str {
        match self {
            Self::DebianSwitch => "kernel.unprivileged_userns_clone is 0",
            Self::AppArmor => "kernel.apparmor_restrict_unprivileged_userns is 1",
            Self::NoneAllowed => "user.max_user_namespaces is 0",
            Self::Full => {
                "as many as user.max_user_namespaces allows exist already, or they are nested too deep"
            }
            Self::NotBuilt => "this kernel was built without them (CONFIG_USER_NS)",
            Self::Container => {
                "no setting forbids them, so it is a container's system-call filter or a chroot"
            }
        }
    }

    /// The command that takes it away, or the nearest thing to one.
    pub fn remedy(self) -> &'static str {
        match self {
            Self::DebianSwitch => "sudo sysctl kernel.unprivileged_userns_clone=1",
            Self::AppArmor => "sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0",
            Self::NoneAllowed | Self::Full => "sudo sysctl user.max_user_namespaces=100000",
            Self::NotBuilt => "sudo rawsock lab",
            Self::Container => "docker run --privileged",
        }
    }
}

impl fmt::Display for Barrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: try `{}`", self.reason(), self.remedy())
    }
}

const DEBIAN_SWITCH: &str = "/proc/sys/kernel/unprivileged_userns_clone";
const APPARMOR_SWITCH: &str = "/proc/sys/kernel/apparmor_restrict_unprivileged_userns";
const MAX_USER: &str = "/proc/sys/user/max_user_namespaces";

#[cfg(test)]
mod tests {
    use super::*;

    fn found(errno: i32, settings: &[(&str, &str)]) -> Barrier {
        let read = |path: &str| {
            settings.iter().find(|(name, _)| *name == path).map(|(_, value)| format!("{value}\n"))
        };
        Barrier::find(&io::Error::from_raw_os_error(errno), read)
    }

    #[test]
    fn each_setting_is_found_and_its_remedy_named() {
        let normal = (MAX_USER, "60000");
        let cases = [
            (libc::EPERM, vec![normal, (DEBIAN_SWITCH, "0")], Barrier::DebianSwitch),
            (libc::EPERM, vec![normal, (APPARMOR_SWITCH, "1")], Barrier::AppArmor),
            (libc::ENOSPC, vec![(MAX_USER, "0")], Barrier::NoneAllowed),
            (libc::ENOSPC, vec![normal, (APPARMOR_SWITCH, "1")], Barrier::Full),
            (libc::EINVAL, vec![], Barrier::NotBuilt),
            (libc::EPERM, vec![normal, (DEBIAN_SWITCH, "1"), (APPARMOR_SWITCH, "0")], Barrier::Container),
        ];
        for (errno, settings, expected) in cases {
            assert_eq!(found(errno, &settings), expected, "{errno} {settings:?}");
        }
        assert_eq!(
            Barrier::DebianSwitch.to_string(),
            "kernel.unprivileged_userns_clone is 0: try `sudo sysctl kernel.unprivileged_userns_clone=1`"
        );
    }
}
