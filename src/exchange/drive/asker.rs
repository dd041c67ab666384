//! Sockets that ask a link for its neighbours. They are opened while there is a right to, hear nothing until there is a question, and
//! serve for every interface.

use std::cell::RefCell;
use std::os::fd::{AsFd, BorrowedFd};
use std::rc::Rc;

use crate::exchange::drive::Wire;
use crate::exchange::drive::packets::incoming;
use crate::exchange::engine::{Incoming, Outgoing, SendError};
use crate::sys::error::SysError;
use crate::sys::netlink::Link;
use crate::sys::packet_socket::{FrameSender, PacketSocket, link_type_of};
use crate::sys::ring::{Ring, RingOptions, Source};
use crate::wire::frame::LinkType;

/// The sockets, for several who ask one after the other.
pub type SharedAsker = Rc<RefCell<Asker>>;

/// The sockets.
#[derive(Debug)]
pub struct Asker {
    sender: FrameSender,
    /// Before the first question.
    deaf: Option<PacketSocket>,
    ring: Option<Ring>,
}

impl Asker {
    /// Opens them.
    ///
    /// # Errors
    /// When CAP_NET_RAW is missing.
    pub fn open() -> Result<Self, SysError> {
        Ok(Self { sender: FrameSender::open()?, deaf: Some(PacketSocket::open(false)?), ring: None })
    }

    /// Listens at an interface from now on.
    ///
    /// # Errors
    /// When the interface is gone or down, or there is no memory.
    pub(super) fn turn_to(&mut self, link: &Link) -> Result<(), SysError> {
        let source = Source::Interface(link.index, link_type_of(link.hardware).unwrap_or(LinkType::ETHERNET));
        if let Some(ring) = &mut self.ring {
            return ring.turn_to(source);
        }
        let socket = match self.deaf.take() {
            Some(socket) => socket,
            None => PacketSocket::open(false)?,
        };
        let options = RingOptions { buffer_len: BUFFER_LEN, retire_ms: 4, ..RingOptions::default() };
        self.ring = Some(Ring::of(socket, source, &options)?);
        Ok(())
    }

    /// Hears nothing any more.
    ///
    /// # Errors
    /// When the kernel does not take the filter that lets nothing in.
    pub(super) fn turn_away(&mut self) -> Result<(), SysError> {
        self.ring.as_mut().map_or(Ok(()), Ring::turn_away)
    }
}

/// Octets: answers are few, and what else passes meanwhile may be much.
const BUFFER_LEN: usize = 4 << 20;

impl Wire for Asker {
    fn send(&mut self, outgoing: &Outgoing) -> Result<(), SendError> {
        Ok(self.sender.send(outgoing.interface, &outgoing.octets)?)
    }

    fn descriptors(&self) -> Vec<BorrowedFd<'_>> {
        self.ring.iter().map(AsFd::as_fd).collect()
    }

    fn receive(&mut self, deliver: &mut dyn FnMut(Incoming<'_>)) {
        if let Some(ring) = &mut self.ring {
            ring.receive(&mut |frame| deliver(incoming(frame)));
        }
    }
}
