//! What `capture` captures from: interfaces, found by name, and the filter in front of each.

use std::error::Error;

use super::system_names::SystemNames;
use crate::filter::capture::{CaptureFilter, Target};
use crate::sys::netlink::{Link, Netlink, NetlinkError};
use crate::sys::ring::Source;
use crate::wire::bpf::Instruction;
use crate::wire::frame::LinkType;

/// An interface, or all of them.
#[derive(Debug)]
pub(super) struct Device {
    pub(super) name: String,
    pub(super) source: Source,
    /// Packets that the interface itself has dropped so far.
    pub(super) dropped: u64,
}

impl Device {
    /// The device of this name; left out, the first interface that is up and no loopback.
    pub(super) fn find(name: Option<&str>) -> Result<Self, Box<dyn Error>> {
        if name == Some("any") {
            return Ok(Self { name: "any".to_owned(), source: Source::ALL, dropped: 0 });
        }
        let mut netlink = Netlink::open()?;
        let link = match name {
            Some(name) => named(&mut netlink, name)?,
            None => netlink
                .links()?
                .into_iter()
                .find(|link| link.is_up() && !link.is_loopback())
                .ok_or("no interface is up but loopback: name one with `-i`, such as `-i lo`")?,
        };
        if !link.is_up() {
            let name = link.name;
            return Err(format!("interface {name} is down; `ip link set {name} up` brings it up").into());
        }
        Ok(Self::of(&link))
    }

    /// The device of an interface.
    pub(super) fn of(link: &Link) -> Self {
        Self { name: link.name.clone(), source: Source::of(link), dropped: link.dropped }
    }

    /// What its packets begin with.
    pub(super) fn link_type(&self) -> LinkType {
        self.source.link_type()
    }

    /// Its index; 0 for all.
    pub(super) fn index(&self) -> u32 {
        self.source.index()
    }

    /// A filter for what this device gives.
    pub(super) fn filter(&self, text: &str, snap_len: u32) -> Result<CaptureFilter, Box<dyn Error>> {
        let (link_type, netmask) = (self.link_type(), self.netmask()?);
        let target = Target { link_type, is_live: true, netmask, snap_len, names: &SystemNames };
        let filter = CaptureFilter::compile(text, &target)?;
        if filter.matches_nothing() {
            return Err(format!(
                "`{text}` takes no packet of link type {}, so that nothing would ever come",
                link_type.0
            )
            .into());
        }
        Ok(filter)
    }

    /// The program for the kernel; `None` when only we can run it.
    pub(super) fn program(&self, filter: &CaptureFilter) -> Option<Vec<Instruction>> {
        match self.source {
            Source::Interface(..) => Some(filter.program().to_vec()),
            Source::Cooked(_) => filter.program_for_cooked_socket(),
        }
    }

    /// The mask of the interface's first IPv4 network.
    fn netmask(&self) -> Result<Option<u32>, NetlinkError> {
        let index = self.index();
        if index == 0 {
            return Ok(None);
        }
        let addresses = Netlink::open()?.addresses()?;
        let first = addresses.iter().find(|address| address.index == index && address.address.is_ipv4());
        let mask = |bits: u8| u32::MAX.checked_shl(32_u32.saturating_sub(u32::from(bits))).unwrap_or(0);
        Ok(first.map(|first| mask(first.prefix_bits)))
    }
}

/// The interface of this name, or with this number, as `-D` lists them.
fn named(netlink: &mut Netlink, name: &str) -> Result<Link, NetlinkError> {
    let found = netlink.link(name);
    match (&found, name.parse()) {
        (Err(NetlinkError::NoSuchInterface { .. }), Ok(index)) => netlink.link_by_index(index).or(found),
        _ => found,
    }
}

/// Whether an interface has this name.
pub(super) fn is_interface(name: &str) -> bool {
    Netlink::open().and_then(|mut netlink| netlink.link(name)).is_ok()
}
