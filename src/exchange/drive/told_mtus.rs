//! What routers said of the largest packets that paths take (RFC 1191, RFC 8201).

use std::collections::HashMap;
use std::net::IpAddr;

use crate::exchange::ping::path_mtu;
use crate::wire::frame::LinkType;

/// MTUs of paths, in octets, by where they lead.
#[derive(Debug, Default)]
pub(super) struct ToldMtus(HashMap<IpAddr, usize>);

impl ToldMtus {
    /// Takes what a message from a router says, if it says such a thing. It begins with its IP header.
    pub(super) fn learn(&mut self, octets: &[u8]) {
        if let Some((target, mtu)) = path_mtu(octets, LinkType::RAW)
            && let Ok(mtu) = usize::try_from(mtu)
            && (self.0.len() < MOST || self.0.contains_key(&target))
        {
            self.0.insert(target, mtu.max(LEAST));
        }
    }

    /// What a path takes of which the first link takes so much.
    pub(super) fn of(&self, target: IpAddr, largest: usize) -> usize {
        self.0.get(&target).map_or(largest, |told| largest.min(*told))
    }
}

/// Paths whose MTU is remembered.
const MOST: usize = 4096;
/// Less no router may ask for (RFC 791 §3.2).
const LEAST: usize = 68;
