//! `-j` and `-J`: whose clock the times of packets are of, with tcpdump's letters and names (pcap-tstamp(7)).

use std::fmt::Write as _;

use clap::ValueEnum;

use super::capture_device::Device;
use super::{CommandResult, Outcome, output};
use crate::show::text::printable;
use crate::sys::error::SysError;
use crate::sys::ring::Source;
use crate::sys::time_stamp::StampSource;

/// A type of time stamps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(super) enum Stamps {
    /// The kernel's, when it gets the packet.
    #[default]
    Host,
    /// The adapter's, in the system's time.
    Adapter,
    /// The adapter's, by a clock of its own.
    #[value(name = "adapter_unsynced")]
    AdapterUnsynced,
}

impl Stamps {
    fn source(self) -> StampSource {
        match self {
            Self::Host => StampSource::Host,
            Self::Adapter => StampSource::Adapter,
            Self::AdapterUnsynced => StampSource::AdapterUnsynced,
        }
    }
}

/// Its name, and what tcpdump says of it.
fn words(source: StampSource) -> (&'static str, &'static str) {
    match source {
        StampSource::Host => ("host", "Host"),
        StampSource::Adapter => ("adapter", "Adapter"),
        StampSource::AdapterUnsynced => ("adapter_unsynced", "Adapter, not synced with system time"),
    }
}

/// Lists what each device has.
///
/// # Errors
/// When there is no such interface.
pub(super) fn list(devices: &[Device]) -> CommandResult {
    let mut text = String::new();
    for device in devices {
        let _ = writeln!(text, "Time stamp types for {} (use option -j to set):", printable(&device.name));
        for (name, description) in offered(device)?.into_iter().map(words) {
            let _ = writeln!(text, "  {name} ({description})");
        }
    }
    output::print(&text)?;
    Ok(Outcome::Done)
}

/// The stamps that are wanted, when all devices have them.
///
/// # Errors
/// When one has not.
pub(super) fn choose(wanted: Stamps, devices: &[Device]) -> Result<StampSource, Box<dyn std::error::Error>> {
    let source = wanted.source();
    for device in devices {
        let offered = offered(device)?;
        if !offered.contains(&source) {
            let names: Vec<_> = offered.into_iter().map(|source| words(source).0).collect();
            let (device, wanted, has) = (printable(&device.name), words(source).0, names.join(", "));
            return Err(format!("{device} has no time stamps of the type {wanted}; it has: {has}").into());
        }
    }
    Ok(source)
}

/// What a device has; adapters are told one by one, so that all together have the host's alone.
fn offered(device: &Device) -> Result<Vec<StampSource>, SysError> {
    if device.source == Source::ALL {
        return Ok(vec![StampSource::Host]);
    }
    StampSource::of_interface(&device.name)
}
