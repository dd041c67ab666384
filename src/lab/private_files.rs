//! Files of `/etc` that are different inside the lab: names that resolve to its hosts.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::sys::mount;

use super::topology::DEAD_ENDS;
use super::{Host, LabError, Plan};

/// Puts the lab's own files in the place of the machine's, in the present mount namespace only.
///
/// # Errors
/// When there is no such file to put them in the place of, or nothing may be mounted.
pub fn put_in_place(plan: &Plan, host: Host) -> Result<(), LabError> {
    // A file system in memory, for as long as it takes to bind its files elsewhere: they stay when it goes. Every
    // machine has this directory, and only this mount namespace sees what is mounted on it.
    let workshop = Path::new("/tmp");
    mount::mount_memory(workshop)?;
    let placed = place(plan, host, workshop);
    mount::unmount_lazily(workshop)?;
    placed
}

fn place(plan: &Plan, host: Host, workshop: &Path) -> Result<(), LabError> {
    let replace = |name: &str, text: String| -> Result<(), LabError> {
        let new = workshop.join(name);
        fs::write(&new, text).map_err(|source| LabError::File { path: new.clone(), source })?;
        Ok(mount::bind(&new, &Path::new("/etc").join(name))?)
    };
    replace("hosts", hosts_file(plan, host))?;
    // Name services that run outside of the lab do not know its names (nsswitch.conf(5)).
    if let Ok(services) = fs::read_to_string("/etc/nsswitch.conf") {
        replace("nsswitch.conf", files_first(&services))?;
    }
    Ok(())
}

/// `/etc/hosts` as it is on one host: each name has an IPv4 and an IPv6 address, by which that host reaches it.
fn hosts_file(plan: &Plan, seen_from: Host) -> String {
    let mut text = String::from("127.0.0.1 localhost\n::1 localhost\n");
    for host in plan.hosts {
        if let Some(interface) = plan.seen_from(*host, seen_from) {
            let _ = write!(text, "{} {host}\n{} {host}\n", interface.v4, interface.v6);
        }
    }
    for dead_end in &DEAD_ENDS {
        let _ = write!(text, "{} {name}\n{} {name}\n", dead_end.v4, dead_end.v6, name = dead_end.name);
    }
    text
}

/// The machine's `nsswitch.conf` with names of hosts looked up in `/etc/hosts` first.
fn files_first(services: &str) -> String {
    let line = |line: &str| match line.trim_start().starts_with("hosts:") {
        true => "hosts: files dns\n".to_owned(),
        false => format!("{line}\n"),
    };
    services.lines().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::super::plan;
    use super::*;

    #[test]
    fn every_name_has_an_address_of_each_family() {
        let text = hosts_file(&plan::SHORT, Host::Client);
        for name in ["client", "router", "server", "silent", "forbidden"] {
            let addresses = text.lines().filter(|line| line.split(' ').nth(1) == Some(name)).count();
            assert_eq!(addresses, 2, "{name} in\n{text}");
        }
        assert!(text.contains("10.77.1.1 router\nfd77:1::1 router\n"));
        assert!(hosts_file(&plan::SHORT, Host::Server).contains("10.77.2.1 router\nfd77:2::1 router\n"));
    }

    #[test]
    fn only_the_line_about_hosts_changes() {
        let services = "passwd: files systemd\nhosts: mymachines resolve [!UNAVAIL=return] files\n# end";
        assert_eq!(files_first(services), "passwd: files systemd\nhosts: files dns\n# end\n");
    }
}
