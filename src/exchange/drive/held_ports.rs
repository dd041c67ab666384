//! The ports that hand-built probes come from: held, so that nobody else gets them, and listened to by a filter in the kernel, since a
//! raw socket of TCP or UDP gets a copy of all that the host gets.

use std::collections::{BTreeMap, BTreeSet};

use crate::sys::answer_socket::HeldPort;
use crate::sys::error::SysError;
use crate::sys::ip_socket::Family;
use crate::sys::process;
use crate::wire::bpf::{ABS, B, H, IND, Instruction, JEQ, JMP, LD, LDX, MSH};

/// The ports of TCP or of UDP.
#[derive(Debug)]
pub(super) struct HeldPorts {
    is_udp: bool,
    /// Held ones, each for those probes of an end point that have its place.
    held: BTreeMap<(Family, u64), (HeldPort, u16)>,
    /// All that answers come to: those, and what somebody wrote into a packet.
    heard: BTreeMap<Family, BTreeSet<u16>>,
    most: u64,
}

impl HeldPorts {
    /// None yet. There are as many as leave descriptors for everything else.
    pub(super) fn new(is_udp: bool) -> Self {
        let most = (process::most_descriptors() / SHARE).clamp(1, MOST_PORTS);
        Self { is_udp, held: BTreeMap::new(), heard: BTreeMap::new(), most }
    }

    /// A port for a probe; those that follow each other get others, as long as there are any.
    ///
    /// # Errors
    /// When not one port is left, or no descriptor.
    pub(super) fn hold(&mut self, family: Family, place: u64) -> Result<u16, SysError> {
        let slot = place % self.most;
        if let Some((_, port)) = self.held.get(&(family, slot)) {
            return Ok(*port);
        }
        let held = HeldPort::of_all(family, self.is_udp, 0);
        match held.map(|held| (held.port(), held)) {
            Ok((Some(port), held)) => {
                self.held.insert((family, slot), (held, port));
                Ok(port)
            }
            Ok((None, _)) => Ok(0),
            Err(error) => {
                // Better one that served another probe than none.
                let mut others = self.held.range((family, 0)..=(family, u64::MAX));
                others.next().map(|(_, (_, port))| *port).ok_or(error)
            }
        }
    }

    /// Listens to a port; whether that is new.
    pub(super) fn hear(&mut self, family: Family, port: u16) -> bool {
        let heard = self.heard.entry(family).or_default();
        heard.len() < MOST_HEARD && heard.insert(port)
    }

    /// Lets in what goes to these ports. The messages of an IPv4 socket begin with the IP header, of an IPv6 socket behind it.
    pub(super) fn filter(&self, family: Family) -> Vec<Instruction> {
        let ports = self.heard.get(&family).into_iter().flatten();
        to_ports(family, ports.copied())
    }
}

/// Lets in what goes to these ports of TCP or UDP (RFC 9293 §3.1, RFC 768).
pub(super) fn to_ports(family: Family, ports: impl IntoIterator<Item = u16>) -> Vec<Instruction> {
    const DESTINATION_AT: u32 = 2;
    let mut program = match family {
        Family::V4 => {
            vec![Instruction::new(LDX | B | MSH, 0), Instruction::new(LD | H | IND, DESTINATION_AT)]
        }
        Family::V6 => vec![Instruction::new(LD | H | ABS, DESTINATION_AT)],
    };
    for port in ports {
        let is_it = Instruction { code: JMP | JEQ, jt: 0, jf: 1, k: u32::from(port) };
        program.extend([is_it, Instruction::take(u32::MAX)]);
    }
    program.push(Instruction::take(0));
    program
}

/// Ports that are held at most, for each family: the probes of an end point that follow each other come from different ones.
const MOST_PORTS: u64 = 64;
/// Of all descriptors, one in so many may be a held port's of a family.
const SHARE: u64 = 4;
/// Ports that are listened to: a program of the kernel's has 4096 instructions at most (BPF_MAXINSNS).
const MOST_HEARD: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::capture::interpret;
    use crate::wire::frame::{Frame, LinkType};

    fn takes(family: Family, ports: &[u16], packet: &[u8]) -> bool {
        let program = to_ports(family, ports.iter().copied());
        interpret::run(&program, &Frame::new(packet, LinkType::RAW)) > 0
    }

    #[test]
    fn what_goes_to_the_ports_passes_and_nothing_else() {
        for words in [5u8, 6, 15] {
            let mut packet = vec![0x40 | words];
            packet.resize(usize::from(words) * 4, 0);
            packet.extend([0, 80, 1, 2]);
            assert!(takes(Family::V4, &[9, 0x0102], &packet), "{words}");
            assert!(!takes(Family::V4, &[9, 80], &packet), "{words}");
            assert!(!takes(Family::V4, &[0x0102], &packet[..packet.len() - 1]), "cut before the port");
            assert!(!takes(Family::V4, &[], &packet), "{words}");
        }
        assert!(takes(Family::V6, &[9, 0x0102], &[0, 80, 1, 2]));
        assert!(!takes(Family::V6, &[9, 80], &[0, 80, 1, 2]));
    }

    #[test]
    fn probes_that_follow_each_other_come_from_other_ports() {
        for is_udp in [false, true] {
            let mut ports = HeldPorts::new(is_udp);
            let (first, second) = (ports.hold(Family::V4, 0).unwrap(), ports.hold(Family::V4, 1).unwrap());
            assert_ne!(first, second);
            assert_eq!(ports.hold(Family::V4, ports.most).unwrap(), first);
            assert!(ports.hear(Family::V4, first) && !ports.hear(Family::V4, first));
        }
    }
}
