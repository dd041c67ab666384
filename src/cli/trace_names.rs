//! Names of the hosts of a trace, where they are wanted.

use std::net::IpAddr;
use std::thread;
use std::time::{Duration, Instant};

use super::names::{GRACE, NameTable};
use crate::proto::view::Names;
use crate::wire::text::Text;

/// The names that are known.
pub(super) struct HostNames {
    names: Option<NameTable>,
    json: bool,
}

impl HostNames {
    /// Names, or none.
    pub(super) fn new(are_wanted: bool, json: bool) -> Self {
        Self { names: are_wanted.then(|| NameTable::new(Duration::ZERO)), json }
    }

    /// Has all names looked for, and waits for them as long as a line of a trace does.
    pub(super) fn wait_for(&self, addresses: &[IpAddr]) {
        let Some(names) = &self.names else { return };
        let until = Instant::now() + GRACE;
        let is_unknown = |address: &&IpAddr| !names.put_host(**address, &mut Text::default());
        // Each is asked for, also behind one that is not known.
        while addresses.iter().filter(is_unknown).count() > 0 && Instant::now() < until {
            thread::sleep(LOOK_AGAIN);
        }
    }

    /// The name of an address; in lines, where names are wanted and it has none, the address.
    pub(super) fn of(&self, address: IpAddr) -> Option<String> {
        let mut text = Text::default();
        match self.names.as_ref()?.put_host(address, &mut text) {
            true => Some(text.as_str().to_owned()),
            false => (!self.json).then(|| address.to_string()),
        }
    }
}

/// How long to wait before names are looked for again.
const LOOK_AGAIN: Duration = Duration::from_millis(5);
