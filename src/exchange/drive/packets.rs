//! The sockets of send: raw IP sockets for packets that begin with an IP header, a packet socket for frames, and a tap that
//! sees what leaves and what comes.

use std::os::fd::{AsFd, BorrowedFd};

use crate::exchange::drive::Wire;
use crate::exchange::drive::numbers::Numbers;
use crate::exchange::drive::tap::Tap;
use crate::exchange::drive::tun::TunEnd;
use crate::exchange::engine::{Departure, Incoming, Outgoing, SendError, Stage};
use crate::sys::clock::{self, Now};
use crate::sys::error::SysError;
use crate::sys::error::errno::{EINVAL, ENOBUFS};
use crate::sys::ip_socket::{Family, HeaderIncluded};
use crate::sys::packet_socket::FrameSender;
use crate::sys::time_stamp::{Departures, PassageStage};
use crate::wire::frame::{Direction, Frame, LinkType};

/// The sockets of send.
#[derive(Debug)]
pub struct PacketWire {
    v4: Option<HeaderIncluded>,
    v6: Option<HeaderIncluded>,
    link: Option<FrameSender>,
    /// Which stamp is about which packet: of IPv4, IPv6 and frames.
    numbers: [Numbers; 3],
    /// Stamps that were read and not told yet.
    departed: Vec<(usize, Departure)>,
    tap: Option<Tap>,
    tun: Option<TunEnd>,
    /// Packets that passed unseen before it began anew.
    unseen_before: u64,
}

/// Which sockets are needed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Needs {
    /// A raw IPv4 socket.
    pub v4: bool,
    /// A raw IPv6 socket.
    pub v6: bool,
    /// A packet socket.
    pub link: bool,
}

impl PacketWire {
    /// Opens the sockets; `interface` is the name of the one that packets must leave by. The tap, when given, delivers what
    /// comes.
    ///
    /// # Errors
    /// When CAP_NET_RAW is missing, or there is no such interface.
    pub fn open(needs: Needs, interface: Option<&str>, tap: Option<Tap>) -> Result<Self, SysError> {
        let raw = |family| {
            let socket = HeaderIncluded::open(family)?;
            if let Some(name) = interface {
                socket.bind_to_interface(name)?;
            }
            Ok(socket)
        };
        let v4 = needs.v4.then(|| raw(Family::V4)).transpose()?;
        let v6 = needs.v6.then(|| raw(Family::V6)).transpose()?;
        let link = needs.link.then(FrameSender::open).transpose()?;
        if tap.is_some() {
            // Where the kernel has none, what the tap sees is told.
            let _ =
                v4.iter().chain(&v6).try_for_each(|socket| socket.stamp_departures(Departures::default()));
            let _ = link.iter().try_for_each(|socket| socket.stamp_departures(Departures::default()));
        }
        Ok(Self {
            v4,
            v6,
            link,
            numbers: Default::default(),
            departed: Vec::new(),
            tap,
            tun: None,
            unseen_before: 0,
        })
    }

    /// In place of sockets, a TUN interface: what is sent comes in there, and what goes out there comes here.
    pub fn of_tun(tun: TunEnd) -> Self {
        Self {
            v4: None,
            v6: None,
            link: None,
            numbers: Default::default(),
            departed: Vec::new(),
            tap: None,
            tun: Some(tun),
            unseen_before: 0,
        }
    }
}

impl PacketWire {
    fn number(&mut self, which: usize, tag: usize, before: i64) {
        if let Some(numbers) = self.numbers.get_mut(which) {
            numbers.sent(tag, before);
        }
    }

    /// Has the kernel number the packets of a socket from 0 again, once the stamps of those before are read.
    fn number_anew(&mut self, which: usize) {
        if self.tap.is_none() {
            return;
        }
        self.read_departures(which);
        let departures = Departures::default();
        let _ = match which {
            0 => self.v4.as_ref().map(|socket| socket.number_anew(departures)),
            1 => self.v6.as_ref().map(|socket| socket.number_anew(departures)),
            _ => self.link.as_ref().map(|socket| socket.number_anew(departures)),
        };
        if let Some(numbers) = self.numbers.get_mut(which) {
            numbers.start_anew();
        }
    }

    fn read_departures(&mut self, which: usize) {
        if self.tap.is_none() {
            return;
        }
        let Some(numbers) = self.numbers.get(which) else { return };
        for _ in 0..MOST_AT_ONCE {
            let next = match which {
                0 => self.v4.as_ref().map(HeaderIncluded::departure),
                1 => self.v6.as_ref().map(HeaderIncluded::departure),
                _ => self.link.as_ref().map(FrameSender::departure),
            };
            let Some(Ok(Some(passage))) = next else { return };
            if let (Some(tag), PassageStage::Driver) = (numbers.tag(&passage), passage.stage) {
                let at = Now::read().monotonic_of(passage.at);
                self.departed.push((tag, Departure { stage: Stage::Driver, at, wall: passage.at }));
            }
        }
    }

    /// Marks what goes by raw sockets, so that rules of nftables can tell it; frames pass these by.
    ///
    /// # Errors
    /// When the right is missing.
    pub fn mark(&self, mark: u32) -> Result<(), SysError> {
        self.v4.iter().chain(&self.v6).try_for_each(|socket| socket.set_mark(mark))
    }

    /// Packets that passed and were not seen, for want of room: an answer may have been among them.
    ///
    /// # Errors
    /// When the kernel does not tell.
    pub fn unseen(&mut self) -> Result<u64, SysError> {
        let before = self.unseen_before;
        self.tap.as_mut().map_or(Ok(0), |tap| Ok(tap.dropped()?.saturating_sub(before)))
    }

    /// Hears nothing until it begins.
    ///
    /// # Errors
    /// When the kernel does not take the filter that lets nothing in.
    pub fn rest(&mut self) -> Result<(), SysError> {
        self.tap.as_mut().map_or(Ok(()), Tap::rest)
    }

    /// Begins anew, for packets that have nothing to do with those before: hears what comes from now on.
    ///
    /// # Errors
    /// When its interface is gone, or down.
    pub fn begin(&mut self) -> Result<(), SysError> {
        (0..self.numbers.len()).for_each(|which| self.number_anew(which));
        self.departed.clear();
        if let Some(tun) = &mut self.tun {
            tun.receive(&mut |_| {});
        }
        if let Some(tap) = &mut self.tap {
            tap.begin()?;
            self.unseen_before = tap.dropped()?;
        }
        Ok(())
    }

    /// Delivers what passed until now, also what the kernel has not handed over yet.
    ///
    /// # Errors
    /// When the tap cannot be closed.
    pub fn finish(&mut self, deliver: &mut dyn FnMut(Incoming<'_>)) -> Result<(), SysError> {
        if let Some(tun) = &mut self.tun {
            tun.receive(deliver);
            return Ok(());
        }
        let Some(tap) = &mut self.tap else { return Ok(()) };
        tap.finish(&mut |frame| deliver(incoming(frame)))
    }
}

impl Wire for PacketWire {
    fn send(&mut self, outgoing: &Outgoing) -> Result<(), SendError> {
        if let Some(tun) = &mut self.tun {
            return tun.send(&outgoing.octets).map_err(SendError::of);
        }
        let Outgoing { octets, destination, interface, link_type, .. } = outgoing;
        let before = clock::wall();
        let which = match (destination, *link_type) {
            (Some(destination), LinkType::IPV4 | LinkType::RAW | LinkType::IPV6) => {
                usize::from(!destination.is_ipv4())
            }
            _ => LINK,
        };
        let send = || match (destination, *link_type) {
            (Some(destination), LinkType::IPV4 | LinkType::RAW | LinkType::IPV6) => {
                let socket = if destination.is_ipv4() { &self.v4 } else { &self.v6 };
                let socket = socket.as_ref().ok_or("no raw socket was opened for its family")?;
                Ok::<_, &str>(socket.send(octets, *destination, *interface))
            }
            _ => {
                let link = self.link.as_ref().ok_or("no packet socket was opened for it")?;
                Ok(link.send(*interface, octets))
            }
        };
        let mut sent = send().map_err(SendError::of)?;
        let mut is_refused = false;
        // A full queue slows down, and loses nothing; one that stays full is told.
        for _ in 0..QUEUE_TRIES {
            match &sent {
                Err(error) if error.source.raw_os_error() == Some(ENOBUFS) => {
                    is_refused = true;
                    std::thread::sleep(QUEUE_REST);
                    sent = send().map_err(SendError::of)?;
                }
                _ => break,
            }
        }
        match (&sent, is_refused) {
            (Ok(()), false) => self.number(which, outgoing.tag, before),
            // Whether such a packet has a number depends on how far it came.
            _ => self.number_anew(which),
        }
        sent.map_err(|error| match error.source.raw_os_error() {
            Some(EINVAL) if destination.is_some() => SendError {
                words: format!("{error}: the kernel sends no IP packet whose header it cannot make sense of; `--via link` does"),
                errno: Some(EINVAL),
            },
            _ => error.into(),
        })
    }

    fn stamps(&mut self, tell: &mut dyn FnMut(usize, Departure)) {
        (0..self.numbers.len()).for_each(|which| self.read_departures(which));
        self.departed.drain(..).for_each(|(tag, departure)| tell(tag, departure));
    }

    fn descriptors(&self) -> Vec<BorrowedFd<'_>> {
        self.tap.iter().map(AsFd::as_fd).chain(self.tun.iter().map(AsFd::as_fd)).collect()
    }

    fn receive(&mut self, deliver: &mut dyn FnMut(Incoming<'_>)) {
        if let Some(tun) = &mut self.tun {
            return tun.receive(deliver);
        }
        let Some(tap) = &mut self.tap else { return };
        tap.receive(&mut |frame| deliver(incoming(frame)));
    }
}

/// Stamps that are read before others have their turn.
const MOST_AT_ONCE: usize = 4096;
/// The place of the packet socket's numbers; before it are those of the raw sockets.
const LINK: usize = 2;

pub(super) fn incoming<'f>(frame: &Frame<'f>) -> Incoming<'f> {
    let now = Now::read();
    let wall = frame.time.unwrap_or(now.wall);
    Incoming {
        octets: frame.data,
        link_type: frame.link_type,
        at: now.monotonic_of(wall),
        wall,
        outgoing: frame.direction == Direction::Outbound,
        len: frame.len as usize,
        interface: frame.interface,
        read: None,
    }
}

/// How long it is between two tries at a full queue, and how many there are: a second's worth.
const QUEUE_REST: std::time::Duration = std::time::Duration::from_micros(200);
const QUEUE_TRIES: u32 = 5000;
