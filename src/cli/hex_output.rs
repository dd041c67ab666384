//! The octets of packets, as `-x`, `-X` and `-A` print them, and the field that is set off in them.

use clap::{ArgAction, Args};

use super::color;
use crate::filter::field::FieldName;
use crate::packet::check::Dissected;
use crate::proto::registry;
use crate::show::hex::{self, Mark};
use crate::show::palette::Palette;

/// What is printed of the octets.
#[derive(Debug, Clone, Args)]
pub(super) struct HexArgs {
    /// Show the octets in hex, without the headers of the link; twice: with them.
    #[arg(short, long = "hex", action = ArgAction::Count, conflicts_with_all = ["json", "toml"])]
    x: u8,
    /// Show the octets in hex and as text, without the headers of the link; twice: with them.
    #[arg(short = 'X', action = ArgAction::Count, conflicts_with_all = ["json", "toml"])]
    hex_and_text: u8,
    /// Show the octets as text, without the headers of the link; twice: with them.
    #[arg(short = 'A', action = ArgAction::Count, conflicts_with_all = ["json", "toml"])]
    ascii: u8,
    /// Set the octets of this field or protocol off in the hex: in reverse video on a terminal, else in brackets.
    #[arg(long, value_name = "NAME", value_parser = parse, conflicts_with_all = ["json", "toml", "ascii"])]
    field: Option<FieldName>,
}

impl HexArgs {
    /// Whether octets are to be shown in hex.
    pub(super) fn is_hex(&self) -> bool {
        self.x > 0 || self.hex_and_text > 0
    }

    /// Whether octets are wanted.
    pub(super) fn are_given(&self) -> bool {
        self.x > 0 || self.hex_and_text > 0 || self.ascii > 0 || self.field.is_some()
    }
}

fn parse(name: &str) -> Result<FieldName, String> {
    match FieldName::new(name) {
        Ok(field) if !field.has_octets() => {
            Err("it is computed, and stands nowhere in the octets".to_owned())
        }
        field => field.map_err(|error| error.to_string()),
    }
}

/// What is printed of the octets.
pub(super) struct Hex {
    style: HexStyle,
    /// Whether the headers of the link are among them.
    link: bool,
    field: Option<FieldName>,
    mark: Mark,
    /// The places of the field in the present packet.
    places: Vec<std::ops::Range<usize>>,
}

enum HexStyle {
    Plain,
    WithText,
    Text,
}

impl Hex {
    /// What the options say, where they say something.
    pub(super) fn new(args: &HexArgs) -> Option<Self> {
        let chosen = [
            (args.x, HexStyle::Plain),
            (args.hex_and_text, HexStyle::WithText),
            (args.ascii, HexStyle::Text),
        ];
        let chosen = chosen.into_iter().rev().find(|(count, _)| *count > 0);
        let (count, style) = chosen.or(args.field.as_ref().map(|_| (1, HexStyle::Plain)))?;
        let mark = if color::palette() == Palette::PLAIN { Mark::Brackets } else { Mark::Reverse };
        Some(Self { style, link: count > 1, field: args.field.clone(), mark, places: Vec::new() })
    }

    /// Appends the octets of a packet.
    pub(super) fn write(&mut self, out: &mut String, dissected: &Dissected<'_>) {
        self.places.clear();
        if let Some(field) = &self.field {
            field.places(dissected, &mut |octets| self.places.push(octets));
        }
        let entries = dissected.table.entries();
        let above = entries.iter().find(|entry| !registry().get(entry.protocol).is_link);
        let contents = above.map_or(0, |entry| entry.start as usize);
        // Whoever asks for a field of the link wants to see it.
        let is_in_link = self.places.iter().any(|octets| octets.start < contents);
        let start = if self.link || is_in_link { 0 } else { contents };
        let octets = dissected.octets.get(start..).unwrap_or_default();
        let is_marked = |at: usize| {
            let at = at.saturating_add(start);
            self.places.iter().any(|octets| octets.contains(&at))
        };
        match self.style {
            HexStyle::Plain => hex::dump_marked(out, octets, false, self.mark, is_marked),
            HexStyle::WithText => hex::dump_marked(out, octets, true, self.mark, is_marked),
            HexStyle::Text => hex::text(out, octets),
        }
    }
}
