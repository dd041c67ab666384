//! What a packet is printed as: line, tree, columns, JSON, spec, and its octets below.

use super::hex_output::Hex;
use crate::file::Run;
use crate::packet::check::Dissected;
use crate::packet::dissect::dissect;
use crate::packet::unbuild::unbuild_shortest;
use crate::show::columns::Columns;
use crate::show::line::Lines;
use crate::show::time::Clock;
use crate::show::{Meta, facts, json, line, tree};
use crate::spec::write_toml;
use crate::stream::{Facts, Need};
use crate::wire::frame::Frame;
use crate::wire::layers::LayerTable;
use crate::wire::text::Text;

/// What a packet is printed as.
pub(super) enum Form {
    Nothing,
    Line(Lines),
    Tree(Clock, tree::Style),
    Json(json::Writer),
    Toml,
    Columns(Columns),
}

/// Makes the text of packets, one after the other.
pub(super) struct Formatter {
    pub(super) form: Form,
    pub(super) hex: Option<Hex>,
    is_first: bool,
    /// Whether lines and JSON tell what the packets before tell.
    analysis: bool,
    /// Emptied and filled again for each packet.
    table: LayerTable,
    text: String,
}

impl Formatter {
    pub(super) fn new(form: Form, hex: Option<Hex>) -> Self {
        Self { form, hex, is_first: true, analysis: false, table: LayerTable::default(), text: String::new() }
    }

    /// The same, with what the packets before tell in lines and JSON, if wanted.
    pub(super) fn with_analysis(self, analysis: bool) -> Self {
        Self { analysis, ..self }
    }

    /// Says whether lines name the interface.
    pub(super) fn name_interfaces(&mut self, wanted: bool) {
        if let Form::Line(lines) = &mut self.form {
            lines.interfaces = wanted;
        }
    }

    /// Whether lines name the interface.
    pub(super) fn names_interfaces(&self) -> bool {
        matches!(&self.form, Form::Line(lines) if lines.interfaces)
    }

    /// Goes on to the next packet of the capture, whether or not it is shown.
    #[inline]
    pub(super) fn see(&mut self, time: Option<i64>) {
        if let Form::Columns(columns) = &mut self.form {
            columns.see(time);
        }
    }

    /// What must be known of the packets before.
    pub(super) fn need(&self) -> Need {
        match &self.form {
            Form::Tree(..) => Need::Analysis,
            Form::Line(_) | Form::Json(_) if self.analysis => Need::Analysis,
            Form::Columns(columns) => columns.need(),
            Form::Nothing | Form::Line(_) | Form::Json(_) | Form::Toml => Need::Nothing,
        }
    }

    /// Another one that makes the same of each packet; `None` where that depends on the packets before.
    pub(super) fn fork(&self) -> Option<Self> {
        let form = match &self.form {
            _ if self.hex.is_some() || self.analysis => return None,
            Form::Json(_) => Form::Json(json::Writer::default()),
            // Names depend on what came before them, and on what was answered since.
            Form::Line(lines) if !lines.clock.counts_from_others() && lines.style.names.is_none() => {
                Form::Line(lines.clone())
            }
            _ => return None,
        };
        Some(Self::new(form, None))
    }

    /// Appends the text of packets that stand one behind the other, of which the first has this number.
    pub(super) fn run(&mut self, out: &mut Text, first: u64, run: &Run<'_>) {
        self.name_interfaces(false);
        for (number, frame) in (first..).zip(run.frames()) {
            self.see(frame.time);
            self.packet(out, number, &frame, None, None);
        }
    }

    /// Appends the text of a packet, of which the packets before tell these facts.
    pub(super) fn packet(
        &mut self,
        out: &mut Text,
        number: u64,
        frame: &Frame<'_>,
        interface: Option<&str>,
        facts: Option<&Facts>,
    ) {
        dissect(frame.data, frame.link_type, &mut self.table);
        let wire_len = usize::try_from(frame.len).unwrap_or(usize::MAX).max(frame.data.len());
        let dissected = Dissected { octets: frame.data, table: &self.table, wire_len };
        let meta = Meta { facts, ..Meta::captured(number, frame, interface) };
        let text = &mut self.text;
        match &mut self.form {
            Form::Nothing => return,
            Form::Line(lines) => {
                lines.packet(out, &meta, &dissected);
                facts.filter(|_| self.analysis).into_iter().for_each(|facts| facts::marks(out, facts));
                out.push('\n');
            }
            Form::Json(writer) => {
                let facts = facts.filter(|_| self.analysis);
                writer.packet(out, &Meta { facts, ..meta }, &dissected);
                out.push('\n');
            }
            Form::Tree(clock, style) => {
                if !self.is_first {
                    text.push('\n');
                }
                tree::packet(text, &meta, &dissected, clock, *style);
            }
            Form::Columns(columns) => columns.packet(text, &meta, &dissected),
            Form::Toml => {
                if !self.is_first {
                    text.push('\n');
                }
                text.push_str("# ");
                line::summary(text, &dissected, true);
                text.push('\n');
                write_toml(&unbuild_shortest(frame.data, &self.table), text);
            }
        }
        self.is_first = false;
        if let Some(hex) = &mut self.hex {
            hex.write(text, &dissected);
        }
        if !text.is_empty() {
            out.push_str(text);
            text.clear();
        }
    }
}
