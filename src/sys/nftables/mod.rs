//! A rule of nf_tables that keeps the kernel's own TCP resets away from chosen addresses and ports, spoken to the kernel directly.
//!
//! Who opens a connection by hand has no socket that the kernel knows of, so that it answers what comes back with a reset. The rule
//! drops those at the output hook. What this program sends by raw sockets passes the same hook: it is marked (`SO_MARK`), and
//! let through.
//!
//! The table is *owned* (`NFT_TABLE_F_OWNER`, Linux 5.12): the kernel deletes it when the netlink socket is closed, and so
//! however the program ends.

mod encode;
pub mod keeper;
mod rule;
pub mod trace;

use std::io;
use std::net::IpAddr;

use netlink_packet_core::NLMSG_ERROR;
use netlink_sys::{Socket, SocketAddr};

use self::encode::{Batch, Message};
use super::netlink::NetlinkError;
use super::netlink::message::Messages;

/// Keeps resets away for as long as it lives.
#[derive(Debug)]
pub struct ResetGuard {
    socket: Socket,
    sequence: u32,
    name: String,
}

/// The mark of packets that are let through: "raws".
pub const MARK: u32 = 0x7261_7773;

impl ResetGuard {
    /// Makes the table, with a rule that drops nothing yet.
    ///
    /// # Errors
    /// When CAP_NET_ADMIN is missing, or the kernel has no nf_tables, or one that does not know tables with an owner.
    pub fn open() -> Result<Self, NetlinkError> {
        let (socket, port) = open().map_err(|source| NetlinkError::Open { source })?;
        // No other socket of this network namespace has the number.
        let mut guard = Self { socket, sequence: 0, name: format!("rawsock-{port}") };
        let messages = rule::table(&guard.name, MARK);
        guard.commit("make an nftables table that drops the kernel's resets", messages)?;
        Ok(guard)
    }

    /// The name of the table, of family `inet`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Keeps resets from this address and port away, too.
    ///
    /// # Errors
    /// When the kernel does not take it.
    pub fn keep_away(&mut self, address: IpAddr, port: u16) -> Result<(), NetlinkError> {
        let message = rule::element(&self.name, address, port);
        self.commit(&format!("keep the kernel's resets from {address} port {port} away"), vec![message])
    }

    /// Keeps none away any more.
    ///
    /// # Errors
    /// When the kernel does not take it.
    pub fn forget(&mut self) -> Result<(), NetlinkError> {
        let messages = rule::no_elements(&self.name);
        self.commit("let the kernel's resets out again", messages)
    }

    fn commit(&mut self, call: &str, messages: Vec<Message>) -> Result<(), NetlinkError> {
        commit(&self.socket, &mut self.sequence, call, messages)
    }
}

/// A socket that owns the tables which are made through it, and its number, which no other socket of this network namespace has.
fn open() -> io::Result<(Socket, u32)> {
    let mut socket = Socket::new(NETLINK_NETFILTER)?;
    let own = socket.bind_auto()?;
    // Port 0 is the kernel (netlink(7)).
    socket.connect(&SocketAddr::new(0, 0))?;
    Ok((socket, own.port_number()))
}

/// Sends messages as one transaction, and waits for what the kernel says of each.
fn commit(
    socket: &Socket,
    sequence: &mut u32,
    call: &str,
    messages: Vec<Message>,
) -> Result<(), NetlinkError> {
    let failed = |source| NetlinkError::Exchange { call: call.to_owned(), source };
    let first = sequence.wrapping_add(1);
    let batch = Batch::of(messages, first);
    let last = first.wrapping_add(batch.count).wrapping_sub(1);
    *sequence = last.wrapping_add(1);
    socket.send(&batch.octets, 0).map_err(failed)?;
    // The beginning is answered only where something is wrong with it.
    let mut missing = batch.count.saturating_sub(1);
    while missing > 0 {
        let (answer, _) = socket.recv_from_full().map_err(failed)?;
        for (sequence, code) in answers(&answer) {
            if sequence < first || sequence > last {
                continue;
            }
            if code != 0 {
                let source = io::Error::from_raw_os_error(code.saturating_neg());
                return Err(NetlinkError::Refused { call: call.to_owned(), source, detail: None });
            }
            missing = missing.saturating_sub(1);
        }
    }
    Ok(())
}

/// The numbers of the messages that a datagram answers, each with its error number (negative, or 0 for "done").
fn answers(datagram: &[u8]) -> impl Iterator<Item = (u32, i32)> {
    let errors = Messages::of(datagram).map_while(Result::ok).filter(|message| message.kind == NLMSG_ERROR);
    errors.filter_map(|message| Some((message.sequence, i32::from_ne_bytes(*message.body.first_chunk()?))))
}

/// `linux/netlink.h`.
const NETLINK_NETFILTER: isize = 12;
