//! A conversation that is followed: as text, in hex, as JSON, or as it is.
#![deny(clippy::arithmetic_side_effects)]

use std::fmt::Write as _;
use std::net::IpAddr;

use anstyle::{AnsiColor, Style};

use super::json_object::JsonObject;
use super::text::is_printable;
use crate::stream::follow::{Content, Piece, Side};
use crate::stream::{End, Transport};

/// How it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Text; what is none is escaped.
    Text,
    /// Octets in hex with their text, those of the server further right.
    Hex,
    /// One JSON object a line.
    Json,
}

/// Writes pieces, one after the other.
#[derive(Debug, Clone)]
pub struct Writer {
    form: Form,
    /// Client's and server's colours.
    colours: [Style; 2],
    /// Whose line of text is open.
    open: Option<Side>,
}

impl Writer {
    /// A writer; `is_coloured` tells whether the sides have colours.
    pub fn new(form: Form, is_coloured: bool) -> Self {
        let colours = match is_coloured {
            true => [AnsiColor::Red.on_default(), AnsiColor::Blue.on_default()],
            false => [Style::new(); 2],
        };
        Self { form, colours, open: None }
    }

    /// Appends who talks.
    pub fn head(&self, out: &mut String, transport: Transport, number: u64, client: End, server: End) {
        let name = if transport == Transport::Tcp { "tcp" } else { "udp" };
        if self.form == Form::Json {
            let object = JsonObject::new().text("event", "conversation").text("transport", name);
            let object = object.number("stream", number).text("client", &end(client));
            out.push_str(&object.text("server", &end(server)).end());
            return out.push('\n');
        }
        // Writing into a `String` cannot fail.
        let [from, to] = self.colours;
        let _ = writeln!(out, "{name}.stream {number}");
        let _ = writeln!(out, "{from}> {}{from:#}", end(client));
        let _ = writeln!(out, "{to}< {}{to:#}\n", end(server));
    }

    /// Appends a piece.
    pub fn piece(&mut self, out: &mut String, piece: &Piece<'_>) {
        match self.form {
            Form::Text => self.text(out, piece),
            Form::Hex => self.hex(out, piece),
            Form::Json => json(out, piece),
        }
    }

    /// Ends what is open.
    pub fn finish(&mut self, out: &mut String) {
        if let Some(side) = self.open.take() {
            let style = self.style(side);
            let _ = writeln!(out, "{style:#}");
        }
    }

    fn style(&self, side: Side) -> Style {
        let [client, server] = self.colours;
        if side == Side::Client { client } else { server }
    }

    fn text(&mut self, out: &mut String, piece: &Piece<'_>) {
        if self.open != Some(piece.side) {
            self.finish(out);
        }
        match piece.content {
            Content::Missing(count) => {
                self.finish(out);
                self.begin(out, piece.side);
                let _ = write!(out, "[{count} bytes missing]");
                self.finish(out);
            }
            Content::Octets(octets) => {
                for line in octets.split_inclusive(|octet| *octet == b'\n') {
                    if self.open.is_none() {
                        self.begin(out, piece.side);
                    }
                    let (text, is_ended) = match line {
                        [text @ .., b'\r', b'\n'] | [text @ .., b'\n'] => (text, true),
                        text => (text, false),
                    };
                    push_text(out, text);
                    if is_ended {
                        self.finish(out);
                    }
                }
            }
        }
    }

    fn begin(&mut self, out: &mut String, side: Side) {
        let style = self.style(side);
        let _ = write!(out, "{style}{} ", if side == Side::Client { '>' } else { '<' });
        self.open = Some(side);
    }

    fn hex(&mut self, out: &mut String, piece: &Piece<'_>) {
        let style = self.style(piece.side);
        let margin = if piece.side == Side::Client { "" } else { "    " };
        let octets = match piece.content {
            Content::Octets(octets) => octets,
            Content::Missing(count) => {
                let _ = writeln!(out, "{style}{margin}[{count} bytes missing]{style:#}");
                return;
            }
        };
        let mut offset = piece.offset;
        for row in octets.chunks(ROW) {
            let _ = write!(out, "{style}{margin}{offset:08x} ");
            for at in 0..ROW {
                let gap = if at == ROW / 2 { " " } else { "" };
                let _ = match row.get(at) {
                    Some(octet) => write!(out, "{gap} {octet:02x}"),
                    None => write!(out, "{gap}   "),
                };
            }
            out.push_str("  ");
            out.extend(
                row.iter().map(|octet| if matches!(octet, 0x20..0x7f) { char::from(*octet) } else { '.' }),
            );
            let _ = writeln!(out, "{style:#}");
            offset = offset.saturating_add(u64::try_from(row.len()).unwrap_or(u64::MAX));
        }
    }
}

fn json(out: &mut String, piece: &Piece<'_>) {
    let event = if matches!(piece.content, Content::Octets(_)) { "octets" } else { "missing" };
    let side = if piece.side == Side::Client { "client" } else { "server" };
    let mut object = JsonObject::new().text("event", event).text("side", side);
    object = object.number("number", piece.moment.number);
    if let Some(time) = piece.moment.time {
        let mut text = String::new();
        super::json::push_seconds(&mut text, time);
        object = object.text("time", &text);
    }
    object = object.number("offset", piece.offset);
    object = match piece.content {
        Content::Octets(octets) => {
            let len = u64::try_from(octets.len()).unwrap_or(u64::MAX);
            object.number("len", len).text("hex", &hex::encode(octets))
        }
        Content::Missing(count) => object.number("len", count),
    };
    out.push_str(&object.end());
    out.push('\n');
}

/// An address and a port: `10.0.0.1:80`, `[fe80::1]:80`.
fn end((address, port): End) -> String {
    match address {
        IpAddr::V4(address) => format!("{address}:{port}"),
        IpAddr::V6(address) => format!("[{address}]:{port}"),
    }
}

/// Appends text; what is none, or moves a cursor, as `\x1b`.
fn push_text(out: &mut String, octets: &[u8]) {
    for chunk in octets.utf8_chunks() {
        for character in chunk.valid().chars() {
            if is_printable(character) {
                out.push(character);
            } else {
                for octet in character.encode_utf8(&mut [0; 4]).bytes() {
                    let _ = write!(out, "\\x{octet:02x}");
                }
            }
        }
        for octet in chunk.invalid() {
            let _ = write!(out, "\\x{octet:02x}");
        }
    }
}

/// Octets in a row.
const ROW: usize = 16;
