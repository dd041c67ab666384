//! Capture filters: the pcap-filter language (pcap-filter(7)), compiled to classic BPF.
//!
//! A text is cut into tokens (`lexer`), read into a tree (`parser`), made into conditions on octets (`generator` and the files
//! of what it can test), these into a graph (`blocks`) that is made shorter (`optimize`) and laid out as a program (`encode`).
//! The kernel runs the program on a live capture; on files it is run here.
//!
//! ```
//! use rawsock::filter::capture::{BuiltIn, CaptureFilter, Target};
//! use rawsock::wire::frame::{Frame, LinkType};
//!
//! let target = Target::file(LinkType::RAW, &BuiltIn);
//! let filter = CaptureFilter::compile("icmp[icmptype] = icmp-echo", &target)?;
//! let echo = hex::decode("4500001c00000000400166de7f0000017f0000010800f7ff00000000").unwrap();
//! assert!(filter.matches(&Frame::new(&echo, LinkType::RAW)));
//! assert!(CaptureFilter::compile("icmp[icmptype = 8", &target).is_err());
//! # Ok::<(), rawsock::filter::capture::CaptureFilterError>(())
//! ```

mod addresses;
mod arithmetic;
mod blocks;
mod chain;
mod code;
mod cooked;
mod encapsulations;
mod encode;
mod generator;
pub(crate) mod interpret;
mod lexer;
mod link;
mod listing;
mod mistake;
mod names;
mod optimize;
mod parse_arithmetic;
mod parser;
mod ports;
mod protocols;
mod syntax;

use std::fmt;

pub use self::generator::Target;
pub use self::mistake::Mistake;
pub use self::names::{BuiltIn, Names, Transport};
use crate::diagnostic::{Diagnostic, Source, SourceError};
use crate::wire::bpf::{self, Instruction};
use crate::wire::frame::{Frame, LinkType};

/// A filter that cannot be used.
pub type CaptureFilterError = SourceError<Mistake>;

/// A filter, compiled for one link type.
#[derive(Debug, Clone, PartialEq)]
pub struct CaptureFilter {
    program: Vec<Instruction>,
}

impl<'n> Target<'n> {
    /// For packets that are read from a file. Files do not say their network's mask: `ip broadcast`
    /// is 255.255.255.255 and 0.0.0.0.
    pub fn file(link_type: LinkType, names: &'n dyn Names) -> Self {
        Self { link_type, is_live: false, netmask: Some(0), snap_len: 262_144, names }
    }
}

fn wrong(text: &str, diagnostic: Diagnostic<Mistake>) -> CaptureFilterError {
    SourceError { source: Source::new("<filter>", text), diagnostics: vec![diagnostic] }
}

impl CaptureFilter {
    /// Looks for those mistakes of an expression that are some whatever packets begin with.
    ///
    /// # Errors
    /// The first mistake, with its place.
    pub fn check(text: &str) -> Result<(), CaptureFilterError> {
        let tokens = lexer::tokens(text).map_err(|mistake| wrong(text, mistake))?;
        parser::parse(&tokens).map(drop).map_err(|mistake| wrong(text, mistake))
    }

    /// Compiles an expression; an empty one takes every packet.
    ///
    /// # Errors
    /// The first mistake, with its place.
    pub fn compile(text: &str, target: &Target<'_>) -> Result<Self, CaptureFilterError> {
        let wrong = |diagnostic| wrong(text, diagnostic);
        let tokens = lexer::tokens(text).map_err(wrong)?;
        let Some(expression) = parser::parse(&tokens).map_err(wrong)? else {
            return Ok(Self { program: vec![Instruction::take(target.snap_len)] });
        };
        let (code, start) = generator::generate(&expression, *target).map_err(wrong)?;
        let mut graph = blocks::graph(&code, start, target.snap_len);
        optimize::optimize(&mut graph);
        let program = encode::encode(&graph);
        program
            .map(|program| Self { program })
            .map_err(|mistake| wrong(Diagnostic { at: 0..text.len(), mistake }))
    }

    /// The program, for the kernel.
    pub fn program(&self) -> &[Instruction] {
        &self.program
    }

    /// The program for a socket that gives packets without their link-layer header, and says beside them what
    /// [`LinkType::LINUX_SLL2`] says in its header; `None` when it looks at more of that header.
    pub fn program_for_cooked_socket(&self) -> Option<Vec<Instruction>> {
        cooked::translate(&self.program)
    }

    /// Whether it takes a packet, which must have the link type that it was compiled for.
    pub fn matches(&self, frame: &Frame<'_>) -> bool {
        interpret::run(&self.program, frame) > 0
    }

    /// Whether there is no packet that it takes.
    pub fn matches_nothing(&self) -> bool {
        self.program.iter().all(|instruction| instruction.code & bpf::CLASS != bpf::RET || instruction.k == 0)
    }

    /// The program as tcpdump's `-d` shows it.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write_assembly(&self, out: &mut impl fmt::Write) -> fmt::Result {
        listing::assembly(&self.program, out)
    }

    /// The program as tcpdump's `-dd` shows it: a C array.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write_array(&self, out: &mut impl fmt::Write) -> fmt::Result {
        listing::array(&self.program, out)
    }

    /// The program as tcpdump's `-ddd` shows it: decimal numbers.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write_decimal(&self, out: &mut impl fmt::Write) -> fmt::Result {
        listing::decimal(&self.program, out)
    }
}
