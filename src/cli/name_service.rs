//! How this host looks up names of hosts (nsswitch.conf(5)): by files and DNS alone, which the C library does by itself, or by modules
//! and daemons, too, for which a process that reads what strangers sent has to be let do more.

use std::fs;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::path::Path;
use std::sync::OnceLock;

use crate::sys::name_info;
use crate::sys::name_keeper::NameKeeper;

/// What looking up takes beyond files and DNS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NameService {
    /// Code is loaded.
    pub(super) has_modules: bool,
    /// Daemons of this host are asked.
    pub(super) has_daemons: bool,
}

impl NameService {
    /// That of this host.
    pub(super) fn of_host() -> Self {
        let settings = fs::read_to_string("/etc/nsswitch.conf").unwrap_or_default();
        let has_cache = NSCD.iter().any(|socket| Path::new(socket).exists());
        Self::of(&settings, name_info::is_built_in(), has_cache)
    }

    /// Without a line for hosts there are files and DNS.
    fn of(settings: &str, is_built_in: bool, has_cache: bool) -> Self {
        let lines = settings.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
        let hosts = lines.filter_map(|line| line.strip_prefix("hosts:")).next_back().unwrap_or_default();
        // What is to be done after each stands in brackets, which may have spaces in them.
        let mut is_action = false;
        let mut services = hosts.split_whitespace().filter(|word| {
            let is_service = !is_action && !word.starts_with('[');
            is_action = !word.ends_with(']') && (is_action || word.starts_with('['));
            is_service
        });
        let others: Vec<&str> = services.by_ref().filter(|name| !["files", "dns"].contains(name)).collect();
        Self {
            has_modules: !is_built_in || !others.is_empty(),
            has_daemons: has_cache || others.iter().any(|name| *name != "myhostname"),
        }
    }

    /// Whether files and DNS are all.
    pub(super) fn is_plain(self) -> bool {
        !self.has_modules && !self.has_daemons
    }
}

/// Has names looked up by a process of its own from now on.
pub(super) fn is_kept_by(keeper: NameKeeper) {
    // There is one at most: a process enters once.
    let _ = KEEPER.set(keeper);
}

static KEEPER: OnceLock<NameKeeper> = OnceLock::new();

/// The name of an address; `None` when it has none, or nobody answers. It may take many seconds.
pub(super) fn name_of(address: IpAddr) -> Option<String> {
    KEEPER.get().map_or_else(|| name_info::name_of(address), |keeper| keeper.name_of(address))
}

/// The addresses of a name, with port 0. It may take many seconds.
///
/// # Errors
/// What the system's resolver says.
pub(super) fn addresses_of(name: &str) -> io::Result<Vec<SocketAddr>> {
    match KEEPER.get() {
        Some(keeper) => keeper.addresses_of(name),
        None => Ok((name, 0).to_socket_addrs()?.collect()),
    }
}

/// Where the cache of nscd(8) listens.
const NSCD: [&str; 2] = ["/run/nscd/socket", "/var/run/nscd/socket"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_asked_beyond_files_and_dns_takes_more() {
        let of = |settings: &str| {
            let NameService { has_modules, has_daemons } = NameService::of(settings, true, false);
            (has_modules, has_daemons)
        };
        assert_eq!(of("passwd: files sss\nhosts:  files dns # mdns\nnetworks: files\n"), (false, false));
        assert_eq!(of(""), (false, false));
        assert_eq!(of("hosts: files [ NOTFOUND=return mdns ] dns [!UNAVAIL=return]"), (false, false));
        assert_eq!(of("hosts: files myhostname dns"), (true, false));
        assert_eq!(of("hosts: files mdns4_minimal [NOTFOUND=return] dns"), (true, true));
        assert_eq!(of("hosts: mymachines resolve [!UNAVAIL=return] files dns"), (true, true));
        let old = NameService::of("hosts: files dns", false, true);
        assert_eq!(old, NameService { has_modules: true, has_daemons: true });
    }
}
