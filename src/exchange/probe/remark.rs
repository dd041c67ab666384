//! What a packet of the run is, in words, for whoever looks at its recording.

use crate::wire::frame::LinkType;

use super::answer::{Reading, Said, read};
use super::asked::{Asked, Key, Ticket};

impl Asked {
    /// What a packet of a hand-built probe is: the probe, its answer, what only looks like one, or what the kernel says to it.
    /// Nothing of the packets of plain sockets, which say it themselves.
    pub fn remark(&self, octets: &[u8], link_type: LinkType) -> Option<String> {
        let reading = read(octets, link_type)?;
        if let Some(ticket) =
            self.ticket(&reading.as_sent().0).filter(|ticket| reading.to == ticket.destination)
        {
            return left(&reading, ticket);
        }
        let ticket = self.ticket(&self.key_of(&reading)?)?;
        let id = ticket.id;
        if reading.is_damaged {
            return Some(format!("damaged answer to probe {id}: its checksum or a length is wrong"));
        }
        Some(match &reading.said {
            Said::Segment { segment, has_ack: true, .. } if segment.ack != ticket.seq.wrapping_add(1) => {
                format!("no answer to probe {id}: it acknowledges what was not sent")
            }
            Said::Segment { is_reset: true, .. } => format!("answer to probe {id}: closed"),
            Said::Segment { is_syn: true, .. } => format!("answer to probe {id}: open"),
            Said::Segment { .. } => return None,
            Said::Datagram { .. } => format!("answer to probe {id}: open"),
            Said::Echo { .. } => format!("answer to probe {id}: the host is there"),
            Said::Error { reason, .. } => {
                let words = reason.words().unwrap_or("an ICMP error");
                format!("error about probe {id}: {words}")
            }
        })
    }

    fn ticket(&self, key: &Key) -> Option<&Ticket> {
        self.tickets.get(key)
    }
}

/// What a packet is that leaves.
fn left(reading: &Reading<'_>, ticket: &Ticket) -> Option<String> {
    let id = ticket.id;
    Some(match &reading.said {
        Said::Segment { segment, is_reset: false, .. } if segment.seq == ticket.seq => {
            format!("probe {id}: SYN")
        }
        Said::Segment { is_reset: true, .. } => {
            format!("the kernel's reset, which takes down what probe {id} had half open")
        }
        Said::Datagram { .. } => format!("probe {id}: datagram"),
        Said::Echo { is_reply: false, .. } => format!("probe {id}: echo request"),
        _ => return None,
    })
}
