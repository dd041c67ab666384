//! Which protocols carry which, and how much of each there is.

use crate::proto::registry;
use crate::wire::layers::{LayerTable, ProtocolId};

use super::Traffic;

/// A tree of protocols: in each branch those that were seen behind the one before.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hierarchy {
    /// What stands outermost.
    pub roots: Vec<Node>,
}

/// A protocol behind others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Its name.
    pub protocol: &'static str,
    id: ProtocolId,
    /// Packets that have it here; octets are those of the whole packets.
    pub traffic: Traffic,
    /// What it carries.
    pub children: Vec<Node>,
}

impl Hierarchy {
    /// Takes a packet. What an ICMP error quotes was not sent in it, and data are no protocol.
    pub(super) fn packet(&mut self, table: &LayerTable, len: u64) {
        let mut nodes = &mut self.roots;
        let mut below = None;
        for entry in table.entries().iter().take_while(|entry| entry.quoted_by.is_none()) {
            let protocol = registry().get(entry.protocol);
            if protocol.id == registry().data().id {
                return;
            }
            let is_part = protocol.is_part_of(below.replace(protocol.id));
            if is_part {
                continue;
            }
            let index = nodes.iter().position(|node| node.id == protocol.id).unwrap_or_else(|| {
                nodes.push(Node {
                    protocol: protocol.name,
                    id: protocol.id,
                    traffic: Traffic::default(),
                    children: Vec::new(),
                });
                nodes.len().saturating_sub(1)
            });
            let Some(node) = nodes.get_mut(index) else { return };
            node.traffic.add(len);
            nodes = &mut node.children;
        }
    }
}
