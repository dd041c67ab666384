//! Capture files as commands write them: who wrote them, and whom they belong to.

use std::collections::HashMap;
use std::path::Path;

use super::sandbox::caller;
use crate::file::{CaptureWriter, Interface, Section, WriteError, WriteOptions};
use crate::sys::clock;
use crate::sys::netlink::Netlink;
use crate::sys::process::print_to_stderr;
use crate::wire::frame::{Frame, LinkType};

/// What a file that this program writes says of itself. Under sudo it belongs to the user who called it.
pub(super) fn write_options() -> WriteOptions {
    WriteOptions {
        section: Section {
            application: Some(concat!("rawsock ", env!("CARGO_PKG_VERSION")).to_owned()),
            ..Section::default()
        },
        owner: caller().map(|caller| (caller.user, caller.group)),
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

/// A file of packets that a command sends and receives: each interface stands in it under its name.
pub(super) struct LiveFile {
    writer: CaptureWriter,
    /// The names of the interfaces of this host, by index.
    names: HashMap<u32, String>,
    /// The numbers of those that are in the file.
    numbers: HashMap<(LinkType, u32), u32>,
    /// When packets are to be written out, however few they are: nanoseconds of the monotonic clock.
    due: u64,
}

/// So long packets wait in memory, in nanoseconds, if others follow: whoever is killed loses no more.
const LONGEST_WAIT: u64 = 500_000_000;

impl LiveFile {
    /// Creates it. Where it is stdout (`-`), what the command prints goes to stderr from then on.
    ///
    /// # Errors
    /// When it cannot be created, or netlink does not answer.
    pub(super) fn create(path: &Path) -> Result<Self, Box<dyn std::error::Error>> {
        let links = Netlink::open()?.links()?;
        let names = links.into_iter().map(|link| (link.index, link.name)).collect();
        let writer = CaptureWriter::create(path, live_options())?;
        if path.as_os_str() == "-" {
            print_to_stderr()?;
        }
        Ok(Self {
            writer,
            names,
            numbers: HashMap::new(),
            due: clock::monotonic().saturating_add(LONGEST_WAIT),
        })
    }

    /// Writes a packet of the interface with the index `frame.interface`.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn write(&mut self, frame: &Frame<'_>) -> Result<(), WriteError> {
        let key = (frame.link_type, frame.interface);
        let number = match self.numbers.get(&key) {
            Some(number) => *number,
            None => {
                if !self.names.contains_key(&frame.interface)
                    && let Ok(links) = Netlink::open().and_then(|mut netlink| netlink.links())
                {
                    // One that was made since.
                    self.names.extend(links.into_iter().map(|link| (link.index, link.name)));
                }
                let name = self.names.get(&frame.interface).cloned();
                let number =
                    self.writer.add_interface(&Interface { name, ..Interface::of(frame.link_type) })?;
                self.numbers.insert(key, number);
                number
            }
        };
        self.writer.write(&Frame { interface: number, ..*frame })?;
        let now = clock::monotonic();
        if now < self.due {
            return Ok(());
        }
        self.due = now.saturating_add(LONGEST_WAIT);
        self.writer.flush()
    }

    /// Ends it.
    ///
    /// # Errors
    /// When what is still in memory cannot be written.
    pub(super) fn finish(self) -> Result<(), WriteError> {
        self.writer.finish()
    }
}
