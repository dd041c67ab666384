//! One device that is captured from: its ring, its number in the file, and what has become of the interface.
//!
//! A capture gives up the right to open sockets when it begins. For an interface that goes and comes back, the socket of before is used
//! again; where several share what comes in, which binds them to their interface for good, others have been opened that hear nothing
//! until then. Not more of them than may be needed: the kernel waits for all processors when it closes one
//! (`packet_release` in net/packet/af_packet.c), which takes a hundredth of a second for each.

use std::error::Error;

use super::capture_device::Device;
use super::capture_intake::{Intake, Left, Taken};
use crate::file::Interface;
use crate::filter::capture::CaptureFilter;
use crate::sys::error::SysError;
use crate::sys::netlink::Link;
use crate::sys::packet_socket::PacketSocket;
use crate::sys::ring::{Ring, RingOptions};
use crate::wire::frame::Frame;

/// What all devices are opened with.
pub(super) struct Opening {
    pub(super) filter: String,
    pub(super) ring: RingOptions,
    /// Rings of each device, and threads that empty them.
    pub(super) threads: usize,
}

/// A device while it is captured from.
pub(super) struct Tap {
    pub(super) device: Device,
    /// Its number in the file.
    pub(super) number: u32,
    /// What the kernel cannot filter by is filtered here.
    pub(super) filter: Option<CaptureFilter>,
    /// Rings that hear already, and that nobody empties yet.
    rings: Vec<Ring>,
    /// While the interface is there.
    pub(super) intake: Option<Intake>,
    /// The ring of an interface that is gone.
    left: Left,
    /// Sockets for when it has gone and come back, and no other can be used again.
    spare: Vec<PacketSocket>,
    pub(super) is_up: bool,
    /// What was counted: by rings that are closed, and since the last look.
    pub(super) counted: Counted,
}

/// Packets of a device, by what became of them before they came here.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counted {
    /// The filter let them in; with those that were dropped.
    pub(super) received: u64,
    /// There was no room for them.
    pub(super) dropped: u64,
    /// The interface itself had no room for them.
    pub(super) dropped_by_interface: u64,
    /// Second copies of what the host sends to itself.
    pub(super) copies: u64,
    /// Stamped by the adapter, where that was asked for.
    pub(super) by_adapter: u64,
}

/// How often an interface may be gone again before it was opened.
const SPARE: usize = 2;
/// How often one may come back that several threads take from.
const SPARE_GROUPS: usize = 8;

impl Tap {
    /// Opens a device; packets come in from now on, and are taken when it is [started](Self::start).
    ///
    /// # Errors
    /// When the filter is none, or the interface cannot be opened.
    pub(super) fn open(device: Device, opening: &Opening) -> Result<Self, Box<dyn Error>> {
        let filter = device.filter(&opening.filter, opening.ring.snap_len)?;
        let threads = opening.threads.max(1);
        let count = match threads {
            _ if device.index() == 0 => 0,
            1 => SPARE,
            _ => threads.saturating_mul(SPARE_GROUPS),
        };
        let open = |count: usize| (0..count).map(|_| Ring::socket(device.source)).collect();
        let sockets: Result<Vec<PacketSocket>, SysError> = open(threads);
        let (sockets, spare) = (sockets?, open(count)?);
        Ok(Self { spare, ..Self::of(device, filter, opening, sockets)? })
    }

    fn of(
        device: Device,
        compiled: CaptureFilter,
        opening: &Opening,
        sockets: Vec<PacketSocket>,
    ) -> Result<Self, Box<dyn Error>> {
        let program = device.program(&compiled);
        let filter = program.is_none().then_some(compiled);
        let options = RingOptions { filter: program, ..opening.ring.clone() };
        opening.ring.stamps.switch_on(&device.name)?;
        let rings = Ring::of_group(sockets, device.source, &options)?;
        let (counted, spare) = (Counted::default(), Vec::new());
        Ok(Self { device, number: 0, filter, rings, intake: None, left: None, spare, is_up: true, counted })
    }

    /// Has the rings emptied, by threads where there are several.
    ///
    /// # Errors
    /// When the system has no room for a thread.
    pub(super) fn start(&mut self, opening: &Opening) -> Result<(), Box<dyn Error>> {
        self.intake = Some(Intake::of(std::mem::take(&mut self.rings), opening.ring.buffer_len)?);
        Ok(())
    }

    /// Opens an interface that has come back, perhaps as another one of the same name.
    ///
    /// # Errors
    /// As of [`Tap::open`], such as when it is gone again already, and when it has come back too often: it may be tried again.
    pub(super) fn reopen(&mut self, link: &Link, opening: &Opening) -> Result<(), Box<dyn Error>> {
        let device = Device::of(link);
        if device.source.is_cooked() != self.device.source.is_cooked() {
            return Err(
                "it is of another kind now, which takes another socket: begin the capture anew".into()
            );
        }
        let filter = device.filter(&opening.filter, opening.ring.snap_len)?;
        let sockets = self.sockets(opening.threads.max(1))?;
        let mut tap = Self::of(device, filter, opening, sockets)?;
        tap.start(opening)?;
        let (number, counted, spare) = (self.number, self.counted, std::mem::take(&mut self.spare));
        *self = Self { number, counted, spare, ..tap };
        Ok(())
    }

    /// Sockets that hear nothing yet.
    fn sockets(&mut self, count: usize) -> Result<Vec<PacketSocket>, String> {
        if let Some(socket) = self.left.take().and_then(|ring| ring.into_socket().ok()) {
            return Ok(vec![socket]);
        }
        match self.spare.len().checked_sub(count) {
            Some(rest) => Ok(self.spare.split_off(rest)),
            None => Err("the right to open further sockets was given up: begin the capture anew".to_owned()),
        }
    }

    /// What the file says of it.
    pub(super) fn interface(&self, opening: &Opening, comment: Option<String>) -> Interface {
        let filter = Some(opening.filter.clone()).filter(|filter| !filter.is_empty());
        Interface {
            name: Some(self.device.name.clone()),
            snap_len: opening.ring.snap_len,
            filter,
            comment,
            ..Interface::of(self.device.link_type())
        }
    }

    /// Closes the rings: shows what they still hold, and counts.
    ///
    /// # Errors
    /// When the kernel does not tell.
    pub(super) fn close(&mut self, show: &mut dyn FnMut(&Frame<'_>)) -> Result<(), Box<dyn Error>> {
        let Some(intake) = self.intake.take() else { return Ok(()) };
        let (Taken { statistics, copies, by_adapter }, left) = intake.finish(show)?;
        self.left = left;
        self.counted.received = self.counted.received.saturating_add(statistics.packets);
        self.counted.dropped = self.counted.dropped.saturating_add(statistics.dropped);
        self.counted.copies = self.counted.copies.saturating_add(copies);
        self.counted.by_adapter = self.counted.by_adapter.saturating_add(by_adapter);
        Ok(())
    }
}
