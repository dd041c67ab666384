//! Programs as people and other programs read them: tcpdump's `-d`, `-dd` and `-ddd`.

use std::fmt;

use crate::wire::bpf::{self, Instruction};

/// One instruction a line, with its number, in the notation of the BPF paper.
pub(super) fn assembly(program: &[Instruction], out: &mut impl fmt::Write) -> fmt::Result {
    for (number, instruction) in program.iter().enumerate() {
        let (name, operand) = words(instruction, number);
        write!(out, "({number:03}) {name:<8} {operand:<16}")?;
        if instruction.code & bpf::CLASS == bpf::JMP && instruction.code & 0xf0 != bpf::JA {
            let target = |skip: u8| number.saturating_add(1).saturating_add(usize::from(skip));
            write!(out, " jt {}\tjf {}", target(instruction.jt), target(instruction.jf))?;
        }
        writeln!(out)?;
    }
    Ok(())
}

/// A C array.
pub(super) fn array(program: &[Instruction], out: &mut impl fmt::Write) -> fmt::Result {
    for Instruction { code, jt, jf, k } in program {
        writeln!(out, "{{ 0x{code:x}, {jt}, {jf}, 0x{k:08x} }},")?;
    }
    Ok(())
}

/// Decimal numbers, behind how many instructions there are.
pub(super) fn decimal(program: &[Instruction], out: &mut impl fmt::Write) -> fmt::Result {
    writeln!(out, "{}", program.len())?;
    for Instruction { code, jt, jf, k } in program {
        writeln!(out, "{code} {jt} {jf} {k}")?;
    }
    Ok(())
}

/// The name of an instruction, and its operand.
fn words(instruction: &Instruction, number: usize) -> (&'static str, String) {
    let Instruction { code, k, .. } = *instruction;
    let x_or_number = |shown: String| if code & bpf::X == 0 { shown } else { "x".to_owned() };
    match code & bpf::CLASS {
        bpf::LD => (by_size(code), place(code, k)),
        bpf::LDX if code & 0xe0 == bpf::MSH => ("ldxb", format!("4*([{k}]&0xf)")),
        bpf::LDX => ("ldx", place(code, k)),
        bpf::ST => ("st", format!("M[{k}]")),
        bpf::STX => ("stx", format!("M[{k}]")),
        bpf::ALU => match code & 0xf0 {
            bpf::NEG => ("neg", String::new()),
            operation => {
                let name = ["add", "sub", "mul", "div", "or", "and", "lsh", "rsh", "neg", "mod", "xor"]
                    .get(usize::from(operation >> 4))
                    .copied()
                    .unwrap_or("?");
                let is_bits = matches!(operation, bpf::AND | bpf::OR | bpf::XOR);
                (name, x_or_number(if is_bits { format!("#0x{k:x}") } else { format!("#{k}") }))
            }
        },
        bpf::JMP if code & 0xf0 == bpf::JA => {
            ("ja", number.saturating_add(1).saturating_add(k as usize).to_string())
        }
        bpf::JMP => {
            let name = match code & 0xf0 {
                bpf::JEQ => "jeq",
                bpf::JGT => "jgt",
                bpf::JGE => "jge",
                _ => "jset",
            };
            (name, x_or_number(format!("#0x{k:x}")))
        }
        bpf::RET => ("ret", if code & bpf::A == 0 { format!("#{k}") } else { "a".to_owned() }),
        _ if code & bpf::TXA == 0 => ("tax", String::new()),
        _ => ("txa", String::new()),
    }
}

fn by_size(code: u16) -> &'static str {
    match (code & 0xe0, code & 0x18) {
        (bpf::ABS | bpf::IND, bpf::B) => "ldb",
        (bpf::ABS | bpf::IND, bpf::H) => "ldh",
        _ => "ld",
    }
}

fn place(code: u16, k: u32) -> String {
    match (code & 0xe0, k) {
        (bpf::IMM, _) => format!("#0x{k:x}"),
        (bpf::MEM, _) => format!("M[{k}]"),
        (bpf::LEN, _) => "#pktlen".to_owned(),
        (bpf::IND, _) => format!("[x + {k}]"),
        (_, bpf::PROTOCOL) => "[proto]".to_owned(),
        (_, bpf::PACKET_TYPE) => "[type]".to_owned(),
        (_, bpf::INTERFACE_INDEX) => "[ifidx]".to_owned(),
        (_, bpf::VLAN_TAG) => "[vlan_tci]".to_owned(),
        (_, bpf::VLAN_TAG_PRESENT) => "[vlanp]".to_owned(),
        _ => format!("[{k}]"),
    }
}
