//! `read --follow`: what the two sides of one conversation said.

use std::io::{self, BufWriter, IsTerminal, StdoutLock, Write};
use std::net::{IpAddr, SocketAddr};

use clap::{Args, ValueEnum};

use super::color;
use super::output::{Output, of_stdout};
use crate::packet::check::Dissected;
use crate::packet::dissect::dissect;
use crate::show::follow::{Form, Writer};
use crate::show::palette::Palette;
use crate::stream::follow::{Content, Follower, Piece, Side, Wanted};
use crate::stream::{End, Moment, Transport};
use crate::wire::frame::Frame;
use crate::wire::layers::LayerTable;

/// Which conversation is followed, and how.
#[derive(Debug, Clone, Args)]
pub(super) struct FollowArgs {
    /// Print what the two sides of a conversation said, in order, instead of packets: `tcp:3`, `udp:0` (the numbers are
    /// Wireshark's tcp.stream and udp.stream), or `tcp:10.0.0.1:1025,10.0.0.2:80`. Fragments are put together. With -x in
    /// hex, with --json as objects.
    #[arg(
        long,
        value_name = "WHICH",
        value_parser = wanted,
        conflicts_with_all = ["count_only", "statistics", "write", "fields", "toml", "v", "display_filter", "resolve"]
    )]
    follow: Option<Wanted>,
    /// Write the octets that were said as they are, and nothing else; for a file or a pipe.
    #[arg(long, requires = "follow", conflicts_with_all = ["json", "x"])]
    raw: bool,
    /// Follow one side only.
    #[arg(long, value_name = "SIDE", requires = "follow")]
    side: Option<Which>,
}

/// A side that is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Which {
    /// Who sent the first packet of the conversation.
    Client,
    /// The other one.
    Server,
}

/// Why nothing was followed.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotFollowed {
    #[error(
        "octets as they are would go to the terminal; put them into a file or a pipe, or leave `--raw` out"
    )]
    Terminal,
    #[error("`--follow` takes all packets of its conversation; leave the filter out")]
    Filter,
    #[error("there is no such conversation; `rawsock read -v` and `--fields tcp.stream` tell their numbers")]
    None,
}

impl FollowArgs {
    /// Whether a conversation is followed.
    pub(super) fn is_given(&self) -> bool {
        self.follow.is_some()
    }

    /// What is wanted, if something is.
    ///
    /// # Errors
    /// When it cannot go where it would go.
    pub(super) fn start(&self, is_json: bool, is_hex: bool) -> Result<Option<Following>, NotFollowed> {
        let Some(wanted) = self.follow else { return Ok(None) };
        if self.raw && io::stdout().is_terminal() {
            return Err(NotFollowed::Terminal);
        }
        let form = match (is_json, is_hex) {
            (true, _) => Form::Json,
            (false, true) => Form::Hex,
            (false, false) => Form::Text,
        };
        let printed = match self.raw {
            true => Printed::Raw(BufWriter::new(io::stdout().lock())),
            false => {
                let writer = Writer::new(form, color::palette() != Palette::PLAIN);
                Printed::Shown { writer, text: String::new(), output: Output::new(), has_head: false }
            }
        };
        Ok(Some(Following {
            follower: Follower::new(wanted),
            side: self.side,
            printed,
            table: LayerTable::default(),
            last: Moment { number: 0, time: None },
        }))
    }
}

/// A conversation that is followed.
pub(super) struct Following {
    follower: Follower,
    side: Option<Which>,
    printed: Printed,
    /// Emptied and filled again for each packet.
    table: LayerTable,
    last: Moment,
}

enum Printed {
    Shown {
        writer: Writer,
        /// What is not yet behind the head.
        text: String,
        output: Output,
        has_head: bool,
    },
    Raw(BufWriter<StdoutLock<'static>>),
}

impl Following {
    /// Takes the next packet; `false` when nobody reads what is printed any more.
    ///
    /// # Errors
    /// When stdout cannot be written.
    pub(super) fn packet(&mut self, number: u64, frame: &Frame<'_>) -> io::Result<bool> {
        dissect(frame.data, frame.link_type, &mut self.table);
        let wire_len = usize::try_from(frame.len).unwrap_or(usize::MAX).max(frame.data.len());
        let packet = Dissected { octets: frame.data, table: &self.table, wire_len };
        self.last = Moment::of(number, frame);
        let (printed, side) = (&mut self.printed, self.side);
        let mut result = Ok(());
        self.follower.packet(self.last, &packet, &mut |piece| {
            if result.is_ok() {
                result = printed.piece(side, &piece);
            }
        });
        result?;
        self.flush(false)
    }

    fn head(&mut self) {
        let Printed::Shown { writer, text, output, has_head } = &mut self.printed else { return };
        if let (false, Some((number, client, server))) = (*has_head, self.follower.found()) {
            let mut head = String::new();
            writer.head(&mut head, self.follower.transport(), number, client, server);
            output.text.push_str(&head);
            *has_head = true;
        }
        output.text.push_str(text);
        text.clear();
    }

    fn flush(&mut self, is_end: bool) -> io::Result<bool> {
        self.head();
        match &mut self.printed {
            Printed::Shown { output, .. } => {
                if is_end {
                    output.flush()?
                } else {
                    output.flush_if_full()?
                }
                Ok(output.is_open())
            }
            Printed::Raw(out) => match if is_end { out.flush() } else { Ok(()) } {
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
                other => other.map(|()| true).map_err(of_stdout),
            },
        }
    }

    /// Ends it.
    ///
    /// # Errors
    /// When stdout cannot be written, or there was no such conversation.
    pub(super) fn finish(mut self) -> Result<(), Box<dyn std::error::Error>> {
        let (printed, side) = (&mut self.printed, self.side);
        let mut result = Ok(());
        self.follower.finish(self.last, &mut |piece| {
            if result.is_ok() {
                result = printed.piece(side, &piece);
            }
        });
        result?;
        if let Printed::Shown { writer, text, .. } = printed {
            writer.finish(text);
        }
        self.flush(true)?;
        match self.follower.found() {
            Some(_) => Ok(()),
            None => Err(NotFollowed::None.into()),
        }
    }
}

impl Printed {
    fn piece(&mut self, side: Option<Which>, piece: &Piece<'_>) -> io::Result<()> {
        let is_out = match side {
            None => false,
            Some(Which::Client) => piece.side != Side::Client,
            Some(Which::Server) => piece.side != Side::Server,
        };
        match (self, piece.content) {
            _ if is_out => Ok(()),
            (Self::Shown { writer, text, .. }, _) => {
                writer.piece(text, piece);
                Ok(())
            }
            (Self::Raw(out), Content::Octets(octets)) => match out.write_all(octets) {
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
                other => other.map_err(of_stdout),
            },
            (Self::Raw(_), Content::Missing(count)) => {
                let side = if piece.side == Side::Client { "client" } else { "server" };
                anstream::eprintln!("rawsock: {count} bytes missing at octet {} of the {side}", piece.offset);
                Ok(())
            }
        }
    }
}

/// Reads `tcp:3`, `udp:10.0.0.1:53,10.0.0.2:1025`.
fn wanted(text: &str) -> Result<Wanted, String> {
    let expected = "expected tcp:NUMBER, udp:NUMBER, or tcp:ADDRESS:PORT,ADDRESS:PORT";
    let (transport, which) = text.split_once(':').ok_or(expected)?;
    let transport = match transport {
        "tcp" => Transport::Tcp,
        "udp" => Transport::Udp,
        _ => return Err(expected.to_owned()),
    };
    match which.split_once(',') {
        Some((one, other)) => Ok(Wanted::Ends(transport, end(one)?, end(other)?)),
        None => {
            which.parse().map(|number| Wanted::Number(transport, number)).map_err(|_| expected.to_owned())
        }
    }
}

/// `10.0.0.1:80`, `[fe80::1]:80`, and as tshark writes it `fe80::1:80`.
fn end(text: &str) -> Result<End, String> {
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Ok((address.ip(), address.port()));
    }
    let parsed = text.rsplit_once(':').and_then(|(address, port)| {
        let address: IpAddr = address.parse().ok()?;
        Some((address, port.parse().ok()?))
    });
    parsed.ok_or_else(|| format!("`{text}` is no address with a port: 10.0.0.1:80, [fe80::1]:80"))
}
