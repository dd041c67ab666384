//! The kernel's part in telling which messages are a ping's: a raw ICMP socket gets a copy of all that the host gets.

use crate::sys::ip_socket::Family;
use crate::wire::bpf::{
    ABS, ADD, ALU, AND, B, H, IND, Instruction, JEQ, JMP, LD, LDX, LSH, MISC, MSH, TAX, X,
};

/// Lets replies with this identifier in, and errors about requests with it.
pub(super) fn of_ident(family: Family, ident: u16) -> Vec<Instruction> {
    match family {
        Family::V4 => v4(ident),
        Family::V6 => v6(ident),
    }
}

const fn load(size: u16, mode: u16, at: u32) -> Instruction {
    Instruction::new(LD | size | mode, at)
}

/// Skips so many instructions when A is this, else none.
const fn skip_if(value: u8, jt: u8) -> Instruction {
    Instruction { code: JMP | JEQ, jt, jf: 0, k: value as u32 }
}

/// Takes the message when A is the identifier, else nothing.
fn only(ident: u16) -> [Instruction; 3] {
    let jump = Instruction { code: JMP | JEQ, jt: 0, jf: 1, k: u32::from(ident) };
    [jump, Instruction::take(u32::MAX), Instruction::take(0)]
}

/// Replies (RFC 792, RFC 8335).
const REPLIES_V4: [u8; 3] = [0, 14, 43];
/// Destination unreachable, source quench, redirect, time exceeded, parameter problem (RFC 792).
const ERRORS_V4: [u8; 5] = [3, 4, 5, 11, 12];
const REPLIES_V6: [u8; 2] = [129, 161];
/// Destination unreachable, packet too big, time exceeded, parameter problem (RFC 4443).
const ERRORS_V6: [u8; 4] = [1, 2, 3, 4];
const ICMP: u8 = 1;
const ICMPV6: u8 = 58;
/// Where the identifier stands in a message, and the packet that an error quotes.
const IDENT_AT: u32 = 4;
const QUOTED_AT: u32 = 8;
/// Where the protocol stands in an IPv4 and an IPv6 header, and where the latter ends.
const PROTOCOL_AT: u32 = 9;
const NEXT_HEADER_AT: u32 = 6;
const IPV6_LEN: u32 = 40;

/// The socket's messages begin with the IP header.
fn v4(ident: u16) -> Vec<Instruction> {
    let quoted = [
        load(B, IND, QUOTED_AT + PROTOCOL_AT),
        Instruction { code: JMP | JEQ, jt: 1, jf: 0, k: u32::from(ICMP) },
        Instruction::take(0),
        // X = the beginning of the quoted message, less what stands before the quoted packet.
        load(B, IND, QUOTED_AT),
        Instruction::new(ALU | AND, 0x0f),
        Instruction::new(ALU | LSH, 2),
        Instruction::new(ALU | ADD | X, 0),
        Instruction::new(MISC | TAX, 0),
        load(H, IND, QUOTED_AT + IDENT_AT),
    ];
    let start = [Instruction::new(LDX | B | MSH, 0), load(B, IND, 0)];
    whole(&start, &REPLIES_V4, &ERRORS_V4, &[load(H, IND, IDENT_AT)], &quoted, ident)
}

/// The socket's messages begin with the message itself.
fn v6(ident: u16) -> Vec<Instruction> {
    let quoted = [
        load(B, ABS, QUOTED_AT + NEXT_HEADER_AT),
        Instruction { code: JMP | JEQ, jt: 1, jf: 0, k: u32::from(ICMPV6) },
        Instruction::take(0),
        load(H, ABS, QUOTED_AT + IPV6_LEN + IDENT_AT),
    ];
    whole(&[load(B, ABS, 0)], &REPLIES_V6, &ERRORS_V6, &[load(H, ABS, IDENT_AT)], &quoted, ident)
}

/// Loads the type by `start`; a reply's identifier by `own`, that of the request which an error quotes by `quoted`.
fn whole(
    start: &[Instruction],
    replies: &[u8],
    errors: &[u8],
    own: &[Instruction],
    quoted: &[Instruction],
    ident: u16,
) -> Vec<Instruction> {
    let only = only(ident);
    let len = |count: usize| u8::try_from(count).unwrap_or(u8::MAX);
    let mut program = start.to_vec();
    let tests = replies.len() + errors.len();
    // Behind the tests: the end for others, the part for replies, the part for errors.
    let replies_at = tests + 1;
    let errors_at = replies_at + own.len() + only.len();
    for (index, kind) in replies.iter().enumerate() {
        program.push(skip_if(*kind, len(replies_at - index - 1)));
    }
    for (index, kind) in errors.iter().enumerate() {
        program.push(skip_if(*kind, len(errors_at - replies.len() - index - 1)));
    }
    program.push(Instruction::take(0));
    program.extend(own.iter().chain(&only).chain(quoted).chain(&only));
    program
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::capture::interpret;
    use crate::wire::frame::{Frame, LinkType};

    fn takes(family: Family, packet: &[u8]) -> bool {
        interpret::run(&of_ident(family, 0x0102), &Frame::new(packet, LinkType::RAW)) > 0
    }

    #[test]
    fn own_replies_pass_and_others_do_not() {
        let v4 = |kind: u8, ident: u8| {
            let mut packet = vec![0x46; 1];
            packet.resize(24, 0);
            packet.extend([kind, 0, 0, 0, 1, ident, 0, 1]);
            packet
        };
        for kind in 0..=255 {
            assert_eq!(takes(Family::V4, &v4(kind, 2)), REPLIES_V4.contains(&kind), "{kind}");
            assert!(!takes(Family::V4, &v4(kind, 3)));
            let v6 = |ident: u8| [kind, 0, 0, 0, 1, ident, 0, 1];
            assert_eq!(takes(Family::V6, &v6(2)), REPLIES_V6.contains(&kind), "{kind}");
            assert!(!takes(Family::V6, &v6(3)));
        }
    }

    #[test]
    fn errors_about_own_requests_pass() {
        let v4 = |protocol: u8, ident: u8| {
            let mut packet = vec![0x45; 1];
            packet.resize(20, 0);
            packet.extend([11, 0, 0, 0, 0, 0, 0, 0, 0x46, 0, 0, 0, 0, 0, 0, 0, 0, protocol]);
            packet.resize(20 + 8 + 24, 0);
            packet.extend([8, 0, 0, 0, 1, ident, 0, 1]);
            packet
        };
        assert!(takes(Family::V4, &v4(1, 2)));
        assert!(!takes(Family::V4, &v4(1, 3)) && !takes(Family::V4, &v4(17, 2)));
        assert!(!takes(Family::V4, &v4(1, 2)[..57]), "cut before the identifier");
        let mut v6 = vec![3, 0, 0, 0, 0, 0, 0, 0, 0x60, 0, 0, 0, 0, 8, 58];
        v6.resize(48, 0);
        v6.extend([128, 0, 0, 0, 1, 2, 0, 1]);
        assert!(takes(Family::V6, &v6));
        v6[14] = 17;
        assert!(!takes(Family::V6, &v6));
    }
}
