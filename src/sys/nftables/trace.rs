//! Which rule of nf_tables takes what comes from a port of this host: a rule of ours has the kernel tell what becomes of such packets (`meta
//! nftrace set 1`), in all tables, and a socket hears it (the group NFNLGRP_NFTRACE, `linux/netfilter/nf_tables.h`).

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

use netlink_sys::{Socket, SocketAddr};

use super::{NETLINK_NETFILTER, commit, open, rule};
use crate::sys::netlink::NetlinkError;
use crate::sys::netlink::attributes::Attributes;
use crate::sys::netlink::message::Messages;

/// Hears what becomes of segments that come from one port, for as long as it lives. Later it needs no right.
#[derive(Debug)]
pub struct RuleTrace {
    /// Owns the table with our rule.
    _owner: Socket,
    listener: Socket,
}

/// What took a packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taker {
    /// The table's family in nft's words: `ip`, `inet`.
    pub family: &'static str,
    /// The table.
    pub table: String,
    /// The chain.
    pub chain: String,
    /// The rule's number in the table; `None` where it is the chain's policy.
    pub handle: Option<u64>,
}

impl RuleTrace {
    /// Begins to listen.
    ///
    /// # Errors
    /// When CAP_NET_ADMIN is missing, or the kernel has no nf_tables, or one that does not know tables with an owner.
    pub fn open(port: u16) -> Result<Self, NetlinkError> {
        let listen = || -> io::Result<Socket> {
            let mut socket = Socket::new(NETLINK_NETFILTER)?;
            socket.bind_auto()?;
            socket.add_membership(NFNLGRP_NFTRACE)?;
            socket.set_non_blocking(true)?;
            // Only what the kernel itself says counts (netlink(7): port 0).
            socket.connect(&SocketAddr::new(0, 0))?;
            Ok(socket)
        };
        let listener = listen().map_err(|source| NetlinkError::Open { source })?;
        let (owner, number) = open().map_err(|source| NetlinkError::Open { source })?;
        let messages = rule::tracing(&format!("rawsock-trace-{number}"), port);
        commit(&owner, &mut 0, "make an nftables table that traces packets", messages)?;
        Ok(Self { _owner: owner, listener })
    }

    /// What took packets since the last call.
    pub fn takers(&self) -> Vec<Taker> {
        let mut takers = Vec::new();
        // More than a few packets are not traced.
        for _ in 0..MOST_DATAGRAMS {
            let datagram = match self.listener.recv_from_full() {
                Ok((datagram, _)) => datagram,
                // Others had more traced than there was room for, which is told once.
                Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => continue,
                Err(_) => break,
            };
            read(&datagram, &mut takers);
        }
        takers
    }

    /// What to wait on for news.
    pub fn as_fd(&self) -> BorrowedFd<'_> {
        // SAFETY: the socket owns the descriptor, and lives as long as what is borrowed here.
        unsafe { BorrowedFd::borrow_raw(self.listener.as_raw_fd()) }
    }
}

/// The messages of a datagram that say that a packet was dropped.
fn read(datagram: &[u8], takers: &mut Vec<Taker>) {
    let messages = Messages::of(datagram).map_while(Result::ok).filter(|message| message.kind == TRACE);
    takers.extend(messages.filter_map(|message| taker(message.body)));
}

/// `struct nfgenmsg`, of which the first octet is the family, and attributes behind it.
fn taker(body: &[u8]) -> Option<Taker> {
    let family = FAMILIES.iter().find(|(number, _)| body.first() == Some(number)).map(|(_, name)| *name)?;
    let all = Attributes::behind(body, 4);
    // nf_tables' numbers are in network order.
    let number = |attributes: Attributes<'_>, kind| attributes.number(kind).map(u32::from_be);
    let handle = all.get(NFTA_TRACE_RULE_HANDLE).and_then(|octets| octets.first_chunk());
    let drops = match number(all, NFTA_TRACE_TYPE)? {
        NFT_TRACETYPE_POLICY => number(all, NFTA_TRACE_POLICY)? == NF_DROP,
        NFT_TRACETYPE_RULE => number(all.nested(NFTA_TRACE_VERDICT)?, NFTA_VERDICT_CODE)? == NF_DROP,
        _ => false,
    };
    let (table, chain) = (all.text(NFTA_TRACE_TABLE)?, all.text(NFTA_TRACE_CHAIN)?);
    let handle = handle.map(|octets| u64::from_be_bytes(*octets));
    drops.then_some(Taker { family, table, chain, handle })
}

const MOST_DATAGRAMS: usize = 256;
/// `linux/netfilter/nfnetlink.h`: the subsystem of nf_tables, and its message.
const TRACE: u16 = (10 << 8) | 17;
const NFNLGRP_NFTRACE: u32 = 9;
/// `linux/netfilter.h`.
const FAMILIES: [(u8, &str); 6] =
    [(1, "inet"), (2, "ip"), (3, "arp"), (5, "netdev"), (7, "bridge"), (10, "ip6")];
const NFTA_TRACE_TABLE: u16 = 1;
const NFTA_TRACE_CHAIN: u16 = 2;
const NFTA_TRACE_RULE_HANDLE: u16 = 3;
const NFTA_TRACE_TYPE: u16 = 4;
const NFTA_TRACE_VERDICT: u16 = 5;
const NFTA_TRACE_POLICY: u16 = 16;
const NFTA_VERDICT_CODE: u16 = 1;
const NFT_TRACETYPE_POLICY: u32 = 1;
const NFT_TRACETYPE_RULE: u32 = 3;
const NF_DROP: u32 = 0;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever comes, it ends.
        #[test]
        fn any_octets_are_read(octets in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut takers = Vec::new();
            read(&octets, &mut takers);
            prop_assert!(takers.len() <= 200 / 16);
            let _ = taker(&octets);
        }
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn a_rule_that_drops_is_told_and_one_that_lets_pass_is_not() {
        // A message as `nft monitor trace` gets it, put together by hand from the kernel's header.
        let message = |code: u32| {
            let attribute = |kind: u16, value: &[u8]| {
                let mut octets = (value.len() as u16 + 4).to_ne_bytes().to_vec();
                octets.extend(kind.to_ne_bytes());
                octets.extend(value);
                octets.resize(octets.len().next_multiple_of(4), 0);
                octets
            };
            let verdict = attribute(1, &code.to_be_bytes());
            let body = [
                vec![1, 0, 0, 0],
                attribute(1, b"filter\0"),
                attribute(2, b"output\0"),
                attribute(3, &7u64.to_be_bytes()),
                attribute(4, &3u32.to_be_bytes()),
                // NLA_F_NESTED
                attribute(5 | 1 << 15, &verdict),
            ]
            .concat();
            let mut octets = (body.len() as u32 + 16).to_ne_bytes().to_vec();
            octets.extend(TRACE.to_ne_bytes());
            octets.extend([0; 10]);
            octets.extend(body);
            let mut takers = Vec::new();
            read(&octets, &mut takers);
            takers
        };
        let (table, chain) = ("filter".to_owned(), "output".to_owned());
        assert_eq!(message(NF_DROP), [Taker { family: "inet", table, chain, handle: Some(7) }]);
        assert_eq!(message(1), []);
    }
}
