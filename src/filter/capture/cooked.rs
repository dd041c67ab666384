//! Programs for Linux cooked headers (LINKTYPE_LINUX_SLL2), for sockets where these headers are not among the octets yet: what
//! they say, the kernel knows beside the packet.

use crate::wire::bpf::{self, Instruction};

/// The header before the packet.
const HEADER_LEN: u32 = 20;

/// The program with other places; `None` when there is no other place for something.
pub(super) fn translate(program: &[Instruction]) -> Option<Vec<Instruction>> {
    program.iter().map(|instruction| Some(Instruction { k: place(instruction)?, ..*instruction })).collect()
}

fn place(instruction: &Instruction) -> Option<u32> {
    let Instruction { code, k, .. } = *instruction;
    let loads = matches!(code & bpf::CLASS, bpf::LD | bpf::LDX);
    match (code & 0xe0, k) {
        _ if !loads => Some(k),
        (bpf::ABS | bpf::IND | bpf::MSH, bpf::ANCILLARY..) => Some(k),
        (bpf::ABS | bpf::IND | bpf::MSH, HEADER_LEN..) => k.checked_sub(HEADER_LEN),
        (bpf::ABS, 0) if code & 0x18 == bpf::H => Some(bpf::PROTOCOL),
        (bpf::ABS, 4) if code & 0x18 == bpf::W => Some(bpf::INTERFACE_INDEX),
        (bpf::ABS, 10) if code & 0x18 == bpf::B => Some(bpf::PACKET_TYPE),
        (bpf::ABS | bpf::IND | bpf::MSH, _) => None,
        _ => Some(k),
    }
}
