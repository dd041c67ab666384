//! What `-v` of craft and send remarks on: fields that somebody wrote and that contradict the packet. They are built all the same.

use std::collections::HashSet;

use crate::packet::build::Built;
use crate::packet::contradictions::{Contradiction, contradictions};

/// Says each field once: the packets of a sweep mostly have the same to say.
#[derive(Debug, Default)]
pub(super) struct Remarks {
    told: HashSet<(&'static str, &'static str)>,
}

impl Remarks {
    /// Remarks on the packet of this number, on stderr.
    pub(super) fn packet(&mut self, number: u64, built: &Built) {
        contradictions(built, &mut |Contradiction { layer, field, says, computed, is_hex }| {
            if self.told.insert((layer, field)) {
                let (says, computed) = match is_hex {
                    true => (format!("0x{says:04x}"), format!("0x{computed:04x}")),
                    false => (says.to_string(), computed.to_string()),
                };
                anstream::eprintln!(
                    "rawsock: packet {number}: {layer}.{field} is {says}, as written; {computed} would go with the packet"
                );
            }
        });
    }
}
