//! What becomes of the packets that `craft` builds: they are printed, and saved in a capture file.

use std::error::Error;
use std::io;
use std::path::Path;

use jiff::tz::TimeZone;

use super::capture_file::write_options;
use super::color;
use super::output::Output;
use crate::file::{CaptureWriter, Interface, WriteError};
use crate::packet::build::Built;
use crate::packet::check::Dissected;
use crate::packet::dissect::{dissect, dissect_as};
use crate::packet::{Packet, link_type_of};
use crate::proto::{data, registry};
use crate::show::time::{self, Clock};
use crate::show::value::push_hex;
use crate::show::{Meta, json, scapy, source_text, tree};
use crate::spec::{Template, write_expression, write_toml};
use crate::sys::clock;
use crate::wire::frame::{Frame, LinkType};
use crate::wire::layers::LayerTable;

/// What a packet is printed as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Its layers and fields.
    Tree,
    /// A line of hexadecimal digits.
    Hex,
    /// A line of JSON.
    Json,
    /// A spec.
    Toml,
    /// A one-line expression.
    Expression,
    /// Python text for scapy.
    Scapy,
    /// An array of C.
    C,
    /// A constant of Rust.
    Rust,
    /// Rows of hex, for text2pcap and xxd.
    HexDump,
    /// Not at all.
    Nothing,
}

/// Prints packets, one after the other.
pub(super) struct Printer {
    output: Output,
    /// What is printed of a packet, before it goes there.
    text: String,
    form: Form,
    clock: Clock,
    number: u64,
    /// Emptied and filled again for each packet.
    table: LayerTable,
}

impl Printer {
    pub(super) fn new(form: Form) -> Self {
        Self {
            output: Output::new(),
            text: String::new(),
            form,
            clock: Clock::new(time::Style::None, time::Precision::default(), TimeZone::UTC),
            number: 0,
            table: LayerTable::default(),
        }
    }

    /// Whether anybody still reads what is printed.
    pub(super) fn is_open(&self) -> bool {
        self.output.is_open()
    }

    /// Prints a packet, sooner or later.
    ///
    /// # Errors
    /// When stdout cannot be written.
    pub(super) fn packet(&mut self, packet: &Packet, built: &Built) -> io::Result<()> {
        self.number = self.number.saturating_add(1);
        let text = &mut self.text;
        match self.form {
            Form::Scapy if self.number == 1 => scapy::begin(text),
            Form::Tree | Form::Toml | Form::C | Form::Rust | Form::HexDump if self.number > 1 => {
                text.push('\n')
            }
            _ => {}
        }
        match self.form {
            Form::Nothing => {}
            Form::Toml => write_toml(packet, text),
            Form::Expression => {
                write_expression(packet, text);
                text.push('\n');
            }
            Form::Hex => {
                push_hex(text, &built.octets);
                text.push('\n');
            }
            Form::HexDump => source_text::hexdump(text, &built.octets),
            Form::Tree | Form::Json | Form::Scapy | Form::C | Form::Rust => self.dissected(built),
        }
        let text = &mut self.text;
        self.output.text.push_str(text);
        text.clear();
        self.output.flush_if_full()
    }

    /// Appends a form that shows what whoever receives the packet will see: a length that lies changes which layers there
    /// are.
    fn dissected(&mut self, built: &Built) {
        let outermost = built.table.entries().first().map(|entry| registry().get(entry.protocol));
        dissect_as(&built.octets, outermost.unwrap_or(registry().data()), &mut self.table);
        let (octets, wire_len) = (built.octets.as_slice(), built.octets.len());
        let dissected = Dissected { octets, table: &self.table, wire_len };
        let meta = Meta::built(self.number, outermost.and_then(link_type_of));
        let text = &mut self.text;
        match self.form {
            Form::Json => {
                json::packet(text, &meta, &dissected);
                text.push('\n');
            }
            Form::Scapy => scapy::packet(text, octets, &self.table),
            Form::C => source_text::c(text, self.number, octets, &self.table),
            Form::Rust => source_text::rust(text, self.number, octets, &self.table),
            _ => {
                let style = tree::Style { palette: color::palette(), detail: false };
                tree::packet(text, &meta, &dissected, &mut self.clock, style);
            }
        }
    }

    /// Prints what a text has even without a packet: an empty list.
    pub(super) fn end(&mut self) {
        if self.form == Form::Scapy && self.number == 0 {
            scapy::begin(&mut self.text);
            self.output.text.push_str(&self.text);
            self.text.clear();
        }
    }

    /// Prints what has come together.
    ///
    /// # Errors
    /// When stdout cannot be written.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }
}

/// Captures have no packets that begin with this layer: it would be read as another.
#[derive(Debug, thiserror::Error)]
#[error(
    "a packet in a capture begins with a link or with IP, and not with `{layer}`: put `eth`, `ip` or `ipv6` in front of it"
)]
pub(super) struct NoLinkType {
    layer: &'static str,
}

/// The capture file that packets are saved in: an interface for each link type. It is made when the first packet is there,
/// so that a spec with a mistake overwrites nothing.
pub(super) struct Saved<'p> {
    path: &'p Path,
    writer: Option<CaptureWriter>,
    link_types: Vec<LinkType>,
    table: LayerTable,
}

impl<'p> Saved<'p> {
    pub(super) fn new(path: &'p Path) -> Self {
        Self { path, writer: None, link_types: Vec::new(), table: LayerTable::default() }
    }

    /// Saves a packet, with the time and link type that its spec tells; else as of now, and by its outermost layer.
    ///
    /// # Errors
    /// When captures have no packets that begin so, or the file cannot be made or written.
    pub(super) fn packet(&mut self, template: &Template, built: &Built) -> Result<(), Box<dyn Error>> {
        let link_type = self.link_type(template, built)?;
        let known =
            (0..).zip(&self.link_types).find_map(|(number, known)| (*known == link_type).then_some(number));
        let writer = match &mut self.writer {
            Some(writer) => writer,
            none => none.insert(CaptureWriter::create(self.path, write_options())?),
        };
        let interface = match known {
            Some(interface) => interface,
            None => {
                self.link_types.push(link_type);
                writer.add_interface(&Interface::of(link_type))?
            }
        };
        let frame = Frame {
            time: Some(template.time.unwrap_or_else(clock::wall)),
            interface,
            comment: template.comment.as_deref().map(Into::into),
            ..Frame::new(&built.octets, link_type)
        };
        Ok(writer.write(&frame)?)
    }

    /// The spec's link type, if packets of that type begin with the layer that this one begins with: whoever edits a
    /// captured packet may have taken its outermost layer away.
    fn link_type(&mut self, template: &Template, built: &Built) -> Result<LinkType, NoLinkType> {
        let outermost = |table: &LayerTable| table.entries().first().map(|entry| entry.protocol);
        let begins_with = outermost(&built.table);
        let protocol = begins_with.map_or(registry().data(), |protocol| registry().get(protocol));
        if let Some(said) = template.link_type {
            dissect(&built.octets, said, &mut self.table);
            // Mere octets may be anything.
            if outermost(&self.table) == begins_with || protocol.name == data::NAME {
                return Ok(said);
            }
        }
        link_type_of(protocol).ok_or(NoLinkType { layer: protocol.name })
    }

    /// Ends the file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn finish(self) -> Result<(), WriteError> {
        self.writer.map_or(Ok(()), CaptureWriter::finish)
    }
}
