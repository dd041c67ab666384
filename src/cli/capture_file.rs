//! Capture files as commands write them: who wrote them, and whom they belong to.

use std::env;

use crate::file::{Section, WriteOptions};

/// What a file that this program writes says of itself. Under sudo it belongs to the user who called it.
pub(super) fn write_options() -> WriteOptions {
    WriteOptions {
        section: Section {
            application: Some(concat!("rawsock ", env!("CARGO_PKG_VERSION")).to_owned()),
            ..Section::default()
        },
        owner: caller(),
        ..WriteOptions::default()
    }
}

/// The same for packets that this machine sends and receives: it says which machine that is, and its system.
pub(super) fn live_options() -> WriteOptions {
    let uname = rustix::system::uname();
    let text = |words: &std::ffi::CStr| words.to_string_lossy().into_owned();
    let mut options = write_options();
    options.section.hardware = Some(text(uname.machine()));
    options.section.os = Some(format!("{} {}", text(uname.sysname()), text(uname.release())));
    options
}

/// User and group of whoever called sudo (sudo(8), environment), when it runs this as root.
fn caller() -> Option<(u32, u32)> {
    let id = |name| env::var(name).ok()?.parse().ok();
    let ids = (id("SUDO_UID")?, id("SUDO_GID")?);
    rustix::process::geteuid().is_root().then_some(ids)
}
