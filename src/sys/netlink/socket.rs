//! One netlink socket: a request goes out, the answers to it come back.

use std::io;

use netlink_packet_core::{
    NLM_F_ACK, NLM_F_ACK_TLVS, NLM_F_CAPPED, NLM_F_DUMP, NLM_F_REQUEST, NLMSG_DONE, NLMSG_ERROR,
    NetlinkHeader, NetlinkMessage, NetlinkPayload,
};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};

use super::attributes::Attributes;
use super::error::NetlinkError;
use super::message::{HEADER_LEN, Messages};

/// A socket to the routing part of the kernel, in the network namespace in which it was opened.
///
/// ```
/// let mut netlink = rawsock::sys::netlink::Netlink::open()?;
/// assert!(netlink.links()?.iter().any(|link| link.is_loopback()));
/// # Ok::<(), rawsock::sys::netlink::NetlinkError>(())
/// ```
#[derive(Debug)]
pub struct Netlink {
    socket: Socket,
    sequence: u32,
}

impl Netlink {
    /// Opens a socket in the present network namespace. Reading needs no privilege.
    ///
    /// # Errors
    /// [`NetlinkError::Open`] when the system has no descriptors or no netlink to give.
    pub fn open() -> Result<Self, NetlinkError> {
        let open = || -> io::Result<Socket> {
            let mut socket = Socket::new(NETLINK_ROUTE)?;
            socket.bind_auto()?;
            // Port 0 is the kernel (netlink(7)).
            socket.connect(&SocketAddr::new(0, 0))?;
            // The kernel's own sentence about a refusal, with the request left out of the answer (netlink(7)).
            // Kernels before 4.12 do without.
            let _ = socket.set_cap_ack(true).and_then(|()| socket.set_ext_ack(true));
            Ok(socket)
        };
        open().map(|socket| Self { socket, sequence: 0 }).map_err(|source| NetlinkError::Open { source })
    }

    /// Asks for everything of a kind, and gives each answer's octets (behind the netlink header) to `each`.
    pub(super) fn dump(
        &mut self,
        call: &str,
        request: RouteNetlinkMessage,
        each: impl FnMut(&[u8]),
    ) -> Result<(), NetlinkError> {
        self.exchange(call, request, NLM_F_REQUEST | NLM_F_DUMP, each)
    }

    /// Asks for one thing. The answers come before the acknowledgement that ends them.
    pub(super) fn ask(
        &mut self,
        call: &str,
        request: RouteNetlinkMessage,
        each: impl FnMut(&[u8]),
    ) -> Result<(), NetlinkError> {
        self.exchange(call, request, NLM_F_REQUEST | NLM_F_ACK, each)
    }

    /// Changes something; `flags` say whether it may be there already (`NLM_F_CREATE`, `NLM_F_EXCL`).
    pub(super) fn change(
        &mut self,
        call: &str,
        request: RouteNetlinkMessage,
        flags: u16,
    ) -> Result<(), NetlinkError> {
        self.exchange(call, request, NLM_F_REQUEST | NLM_F_ACK | flags, |_| ())
    }

    fn exchange(
        &mut self,
        call: &str,
        request: RouteNetlinkMessage,
        flags: u16,
        mut each: impl FnMut(&[u8]),
    ) -> Result<(), NetlinkError> {
        let failed = |source| NetlinkError::Exchange { call: call.to_owned(), source };
        self.sequence = self.sequence.wrapping_add(1);
        let octets = encode(request, flags, self.sequence);
        retry(|| self.socket.send(&octets, 0)).map_err(failed)?;
        loop {
            let (answer, _) = retry(|| self.socket.recv_from_full()).map_err(failed)?;
            let garbled = |reason: String| NetlinkError::Garbled { call: call.to_owned(), reason };
            if let Some(end) = read_answer(self.sequence, &answer, &mut each).map_err(garbled)? {
                return match end {
                    End::Complete => Ok(()),
                    End::Refused { source, detail } => {
                        Err(NetlinkError::Refused { call: call.to_owned(), source, detail })
                    }
                };
            }
        }
    }
}

/// Reads one datagram of answers to the request with this number; `Some` when the last of them was in it.
pub(super) fn read_answer(
    sequence: u32,
    answer: &[u8],
    each: &mut impl FnMut(&[u8]),
) -> Result<Option<End>, String> {
    for message in Messages::of(answer) {
        let message = message.map_err(|error| error.to_string())?;
        // Answers to an earlier request, left over when that one was given up half way, are none of ours.
        if message.sequence == sequence {
            match message.kind {
                NLMSG_DONE | NLMSG_ERROR => return Ok(Some(End::read(message.flags, message.body))),
                _ => each(message.body),
            }
        }
    }
    Ok(None)
}

/// How a row of answers ended.
#[derive(Debug)]
pub(super) enum End {
    Complete,
    Refused { source: io::Error, detail: Option<String> },
}

impl End {
    /// `NLMSG_ERROR`: error number (negative, or 0 for "done"), the request's header, then attributes if a flag says
    /// so. `NLMSG_DONE`: an error number or nothing (netlink(7)).
    fn read(flags: u16, payload: &[u8]) -> Self {
        let code = payload.first_chunk().map_or(0, |octets| i32::from_ne_bytes(*octets));
        if code == 0 {
            return Self::Complete;
        }
        let has_attributes = flags & NLM_F_CAPPED != 0 && flags & NLM_F_ACK_TLVS != 0;
        let attributes = has_attributes.then(|| Attributes::behind(payload, 4 + HEADER_LEN));
        let detail = attributes.and_then(|list| list.text(NLMSGERR_ATTR_MSG)).filter(|text| !text.is_empty());
        Self::Refused { source: io::Error::from_raw_os_error(code.saturating_neg()), detail }
    }
}

fn encode(request: RouteNetlinkMessage, flags: u16, sequence: u32) -> Vec<u8> {
    let mut header = NetlinkHeader::default();
    header.flags = flags;
    header.sequence_number = sequence;
    let mut message = NetlinkMessage::new(header, NetlinkPayload::from(request));
    message.finalize();
    let mut octets = vec![0; message.buffer_len()];
    message.serialize(&mut octets);
    octets
}

/// A signal may interrupt a call; the request is still under way (signal(7)).
fn retry<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}

/// The kernel's sentence about a refusal (`linux/netlink.h`).
const NLMSGERR_ATTR_MSG: u16 = 1;
