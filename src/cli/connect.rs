//! `rawsock connect`: a plain TCP, UDP or Unix connection, by hand.

use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::net::Ipv6Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;

use super::connect_input::{Progress, digits, with_crlf};
use super::explain::{Explain, Ours};
use super::plain_address::{Transport, to_connect, to_listen};
use super::plain_log::Log;
use super::plain_stdio::{HexDump, Input, Objects, Pieces, Source, feed_from, stdout};
use super::plain_stdout::{Stdout, Stopping};
use super::resolve::Wanted;
use super::sandbox::{Plan, SandboxArgs, folder_of, owner};
use super::serve::{Kind, end_by_signals, nanos, socket_type};
use super::{CommandResult, Outcome, duration, plain_files, plain_stdout};
use crate::plain::client::talk;
use crate::plain::event::{End, Event, Watch};
use crate::plain::file_send::Outcome as FileOutcome;
use crate::plain::files::{Files, Way};
use crate::plain::limits::Limits;
use crate::plain::pipe::{Pipe, PipeOptions};
use crate::plain::service::{Peer, Service};
use crate::plain::stop::Stop;
use crate::plain::told::{Tell, ToldSocket};
use crate::show::plain::{end_words, passed};
use crate::show::text::printable;
use crate::sys::error::{Cause, not_connected};
use crate::sys::interrupt::Interrupt;
use crate::sys::new_file;
use crate::sys::sandbox::Doing;
use crate::sys::socket::{Family, SocketOption, SocketType};
use crate::sys::socket_address::SocketAddress;
use crate::sys::unix_path;

type BoxedError = Box<dyn std::error::Error>;

/// Connect a plain TCP, UDP or Unix socket to stdin and stdout, both ways at once.
///
/// At the end of the input this side of the connection ends (a half-close), and what the other side still says is printed. What it says
/// is escaped where a terminal reads it.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    rawsock connect tcp server:7\n  \
    printf 'HEAD / HTTP/1.0\\n\\n' | rawsock connect tcp server:80 --crlf\n  \
    rawsock connect udp server:7 --hex                       lines of hex digits go out\n  \
    rawsock connect unix @name --type seqpacket --explain\n  \
    rawsock connect tcp server:7000 --send notes.txt --checked")]
pub(super) struct ConnectArgs {
    /// What carries it.
    #[arg(value_name = "tcp|udp|unix")]
    transport: Transport,
    /// Where to: HOST:PORT, or PORT of this host; a path or @NAME.
    #[arg(value_name = "ADDRESS")]
    address: String,
    /// The port, where ADDRESS is a host alone, as ncat and telnet have it.
    #[arg(value_name = "PORT")]
    port: Option<u16>,
    /// The type of a Unix socket.
    #[arg(long = "type", value_enum, value_name = "TYPE")]
    kind: Option<Kind>,
    /// IPv4 only.
    #[arg(short = '4', conflicts_with = "ipv6")]
    ipv4: bool,
    /// IPv6 only.
    #[arg(short = '6')]
    ipv6: bool,
    /// Print what comes in hex, and read hex digits.
    #[arg(long)]
    hex: bool,
    /// Lines end with CR and LF on the wire, as RFC 854 and many others have it.
    #[arg(long)]
    crlf: bool,
    /// From this address: HOST, HOST:PORT or :PORT; a path or @NAME.
    #[arg(long, value_name = "ADDRESS")]
    source: Option<String>,
    /// By this interface only (SO_BINDTODEVICE).
    #[arg(long, value_name = "NAME")]
    bind_interface: Option<String>,
    /// Ask a silent peer whether it is still there, first after so long (SO_KEEPALIVE).
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    keepalive: Option<Duration>,
    /// Send small segments at once (TCP_NODELAY).
    #[arg(long)]
    nodelay: bool,
    /// Wait so long for the connection: seconds, or with a unit.
    #[arg(short = 'W', long, value_name = "TIME", default_value = "10", value_parser = duration::parse)]
    connect_timeout: Duration,
    /// End when nothing has passed for so long. 0: never.
    #[arg(long, value_name = "TIME", default_value = "0", value_parser = duration::parse)]
    idle_timeout: Duration,
    /// After the other side has ended, go on with the input until nothing has come from it for so long. For datagrams, which have no
    /// end: after the end of the input, wait until nothing has come for so long.
    #[arg(short, long, value_name = "TIME", default_value = "1", value_parser = duration::parse)]
    wait: Duration,
    /// Send this file in place of stdin.
    #[arg(long, value_name = "FILE")]
    send: Option<PathBuf>,
    /// Write what comes into this file in place of stdout.
    #[arg(long, value_name = "FILE", conflicts_with = "hex")]
    recv: Option<PathBuf>,
    /// The other side is `rawsock serve --service file`: files go with length and SHA-256, and go on where they were broken off.
    #[arg(long)]
    checked: bool,
    /// Replace a file that is there.
    #[arg(long)]
    force: bool,
    /// With --checked: take no file of more octets.
    #[arg(long, value_name = "OCTETS", default_value_t = 4 << 30)]
    max_size: u64,
    /// Print each system call as it happens, what TCP knows, and, with CAP_NET_RAW, the packets beside them.
    #[arg(long)]
    explain: bool,
    /// Print what passed at the end, and at the beginning what the process gave up.
    #[arg(short, long)]
    verbose: bool,
    #[command(flatten)]
    sandbox: SandboxArgs,
    /// Print one JSON object a line.
    #[arg(long)]
    json: bool,
}

/// Why it cannot be done.
#[derive(Debug, thiserror::Error)]
enum ConnectError {
    #[error("{0} has a port already: {1} cannot be one, too")]
    TwoPorts(String, u16),
    #[error("a Unix socket has a path or a name, and no port")]
    NoPort,
    #[error("--nodelay and --keepalive are for tcp")]
    OfTcp,
    #[error("--checked takes --send FILE or --recv FILE, and one of them")]
    OneFile,
    #[error("--checked takes tcp, or unix with --type stream: datagrams would have to be put in order")]
    FileOverDatagrams,
    #[error("open {path}: {}", Cause(source), path = .path.display())]
    Open { path: PathBuf, source: io::Error },
    #[error("create {path}: there is a file already, and it stays (--force replaces it)", path = .0.display())]
    Exists(PathBuf),
}

impl ConnectArgs {
    /// Where to, in one word.
    fn target(&self) -> Result<String, ConnectError> {
        let (address, Some(port)) = (&self.address, self.port) else { return Ok(self.address.clone()) };
        let is_bracketed = address.starts_with('[') && address.ends_with(']');
        // A link-local address has its interface behind it.
        match address.split('%').next().unwrap_or_default().parse::<Ipv6Addr>() {
            _ if self.transport == Transport::Unix => Err(ConnectError::NoPort),
            Ok(_) => Ok(format!("[{address}]:{port}")),
            Err(_) if address.contains(':') && !is_bracketed => {
                Err(ConnectError::TwoPorts(address.clone(), port))
            }
            Err(_) => Ok(format!("{address}:{port}")),
        }
    }
}

/// Runs the command.
///
/// # Errors
/// When nobody answers there, or a file cannot be opened.
pub(super) fn run(args: &ConnectArgs) -> CommandResult {
    let kind = socket_type(args.transport, args.kind)?;
    if args.transport != Transport::Tcp && (args.nodelay || args.keepalive.is_some()) {
        return Err(ConnectError::OfTcp.into());
    }
    if args.checked && args.send.is_some() == args.recv.is_some() {
        return Err(ConnectError::OneFile.into());
    }
    if args.checked && kind != SocketType::Stream {
        return Err(ConnectError::FileOverDatagrams.into());
    }
    let wanted = Wanted::of(args.ipv4, args.ipv6, None, "")?;
    let addresses = to_connect(args.transport, &args.target()?, wanted)?;
    let stopping = Stopping::default();
    let log = Arc::new(Log::new(args.json, false, !args.json));
    // Files are opened first: who cannot keep what comes asks nobody for it.
    let files = if args.checked {
        Some(Arc::new(Files::new(args.way()?, Arc::clone(&log) as Arc<dyn Watch>)))
    } else {
        None
    };
    let (service, input): (Arc<dyn Service>, Option<Input>) = match &files {
        Some(files) => (Arc::clone(files) as Arc<dyn Service>, None),
        None => args.pipe(&log, kind, &stopping).map(|(pipe, input)| (pipe, Some(input)))?,
    };
    let mut explain = Explain::new(args.explain, args.transport);
    let connected = args.connected_to_one(&addresses, kind, explain.as_ref());
    args.kept().enter(args.sandbox, args.verbose)?;
    explain.iter_mut().try_for_each(|explain| explain.start(&log))?;
    let ended = connected.and_then(|(socket, address)| {
        input.into_iter().for_each(|begin| begin());
        if args.json {
            let (local, peer) = (socket.socket().local().to_string(), address.to_string());
            let object = crate::show::json_object::JsonObject::new().text("event", "connected");
            log.write(&(object.text("local", &local).text("peer", &peer).end() + "\n"));
        }
        let stop = Stop::new()?;
        end_by_signals(Interrupt::catch()?, &stop)?;
        let stop = stopping.get_or_init(|| stop);
        let keeps_messages = kind.keeps_messages();
        let peer = Peer { id: 1, address, keeps_messages, is_datagrams: kind == SocketType::Datagram };
        let ended = talk(&socket, peer.clone(), &*service, args.limits(), stop)?;
        Ok((peer, ended))
    });
    explain.into_iter().for_each(Explain::finish);
    let (peer, (end, counts)) = ended?;
    let is_stopped = stopping.get().is_some_and(|stop| stop.asked().is_some());
    if args.json && (!is_stopped || plain_stdout::has_room()) {
        log.event(&Event::Closed { peer: &peer, end: &end, counts });
    } else if args.verbose && !args.json {
        log.write(&format!("{} {}, {}\n", peer.address, end_words(&end), passed(&counts)));
    }
    match files.and_then(|files| files.outcome()) {
        // What is wrong with a file was said already.
        Some(FileOutcome::Failed(_)) => Ok(Outcome::Failed),
        Some(FileOutcome::Done) => Ok(Outcome::Done),
        None => match outcome(&peer.address, &end)? {
            _ if log.has_failed() => Ok(Outcome::Failed),
            ended => Ok(ended),
        },
    }
}

fn outcome(address: &SocketAddress, end: &End) -> CommandResult {
    match end {
        End::ByPeer | End::ByService | End::Drained => Ok(Outcome::Done),
        End::Idle => {
            anstream::eprintln!("rawsock: {address}: nothing passed for as long as --idle-timeout says");
            Ok(Outcome::NoAnswer)
        }
        // What refuses here is our own side: where it cannot write what the other one says.
        End::Refused(why) => Err(format!("{address}: {}", printable(why)).into()),
        other => Err(format!("{address}: {}", printable(&end_words(other))).into()),
    }
}

impl ConnectArgs {
    /// What is done with a connection: octets go to and fro, and a file may be put into its place when it is whole.
    fn kept(&self) -> Plan {
        let folder = self.recv.as_deref().filter(|_| self.checked).map(folder_of);
        Plan::default().does(&[Doing::Traffic, Doing::Threads]).tells_local_time().writes(folder)
    }

    /// The way of a file that goes with its sum.
    fn way(&self) -> Result<Way, BoxedError> {
        Ok(match (&self.send, &self.recv) {
            (Some(path), _) => Way::Out(plain_files::offered(path)?),
            (None, Some(path)) => {
                let intake = plain_files::intake_as(path, self.force, self.max_size)?;
                if !self.force && path.symlink_metadata().is_ok() {
                    return Err(ConnectError::Exists(path.clone()).into());
                }
                Way::In(Arc::new(intake))
            }
            (None, None) => return Err(ConnectError::OneFile.into()),
        })
    }

    /// Stdin or a file goes out, and what comes goes to stdout or into a file.
    fn pipe(
        &self,
        log: &Arc<Log>,
        kind: SocketType,
        stop: &Stopping,
    ) -> Result<(Arc<dyn Service>, Input), BoxedError> {
        let sink: Box<dyn Write + Send> = match &self.recv {
            Some(path) => Box::new(create(path, self.force)?),
            None if self.json => Box::new(Objects(Stdout::until(stop))),
            None if self.hex => Box::new(HexDump(Stdout::until(stop))),
            None => stdout(stop),
        };
        // Whoever sits at a terminal sees that the other side has ended.
        let after_end = if io::stdin().is_terminal() { 0 } else { nanos(self.wait) };
        let (silence, queue) = (nanos(self.wait), Limits::default().queue);
        let options = PipeOptions { stop: None, silence, after_end, queue };
        let (pipe, feed) = Pipe::new(sink, options);
        let keeps_messages = kind.keeps_messages();
        let (hex, crlf, said) = (self.hex, self.crlf, Arc::clone(log));
        let change = move |piece: Vec<u8>| {
            if !hex {
                return Some(if crlf { with_crlf(piece) } else { piece });
            }
            match digits(&piece) {
                Ok(octets) => Some(octets).filter(|octets| !octets.is_empty()),
                Err(error) => {
                    said.fail(&format!("not sent: {error}\n"));
                    None
                }
            }
        };
        let input = match &self.send {
            Some(path) => {
                let file = open(path)?;
                let total = file.metadata().map_or(0, |metadata| metadata.len());
                let name = path.display().to_string();
                let input = Progress::of(file, name.clone(), total, Arc::clone(log));
                let pieces = match keeps_messages {
                    true => Pieces::Of(MESSAGE),
                    false if self.hex || self.crlf => Pieces::Lines,
                    false => Pieces::AsTheyCome,
                };
                feed_from(Source { name, input }, feed, Arc::clone(log), pieces, change)
            }
            None => {
                let has_lines = keeps_messages || self.hex || self.crlf;
                let pieces = if has_lines { Pieces::Lines } else { Pieces::AsTheyCome };
                feed_from(Source::stdin(), feed, Arc::clone(log), pieces, change)
            }
        };
        Ok((Arc::new(pipe), input))
    }

    /// A socket that is connected to the first of some addresses where somebody answers.
    fn connected_to_one(
        &self,
        addresses: &[SocketAddress],
        kind: SocketType,
        explain: Option<&Explain>,
    ) -> Result<(ToldSocket, SocketAddress), BoxedError> {
        let mut errors = Vec::new();
        for address in addresses {
            match self.connected(address, kind, explain) {
                Ok(socket) => return Ok((socket, address.clone())),
                Err(error) => errors.push(error.to_string()),
            }
        }
        Err(errors.join("; ").into())
    }

    /// A socket that is connected.
    fn connected(
        &self,
        address: &SocketAddress,
        kind: SocketType,
        explain: Option<&Explain>,
    ) -> Result<ToldSocket, BoxedError> {
        let family = Family::of(address);
        let tell: Option<Arc<dyn Tell>> = explain.map(Explain::tell);
        let socket = ToldSocket::open(family, kind, tell)
            .map_err(|error| format!("open a socket: {}", Cause(&error)))?;
        self.set_up(&socket, address, kind)?;
        let port = address.ip().map_or(0, |ip| ip.port());
        explain.into_iter().for_each(|explain| explain.tap(address, Ours::To(port)));
        socket.connect(address).map_err(|error| cannot_connect(address, &error, self))?;
        Ok(socket)
    }

    fn set_up(
        &self,
        socket: &ToldSocket,
        address: &SocketAddress,
        kind: SocketType,
    ) -> Result<(), BoxedError> {
        let set = |option: SocketOption, what: &str| {
            socket.set(&option).map_err(|error| format!("{what}: {}", Cause(&error)))
        };
        if let Some(name) = &self.bind_interface {
            let remedy = "`rawsock interfaces` lists them";
            set(SocketOption::BindToDevice(name.clone()), &format!("bind to {name}"))
                .map_err(|error| format!("{error}; {remedy}"))?;
        }
        if kind == SocketType::Stream && self.transport == Transport::Tcp {
            self.nodelay.then(|| set(SocketOption::NoDelay, "--nodelay")).transpose()?;
            if let Some(idle) = self.keepalive {
                set(SocketOption::KeepAlive(Some(idle.max(Duration::from_secs(1)))), "--keepalive")?;
            }
        }
        // connect(2) waits no longer than this either (socket(7)).
        if !self.connect_timeout.is_zero() {
            set(SocketOption::SendTimeout(self.connect_timeout), "--connect-timeout")?;
        }
        let source = match (&self.source, address) {
            (Some(source), _) => Some(self.source_address(source, address)?),
            // Without a name of its own, nobody could answer it.
            (None, SocketAddress::Path(_) | SocketAddress::Abstract(_)) if kind == SocketType::Datagram => {
                Some(SocketAddress::Abstract(format!("rawsock-{}", std::process::id()).into_bytes()))
            }
            _ => None,
        };
        if let Some(source) = source {
            socket.bind(&source).map_err(|error| cannot_bind(&source, &error))?;
            if let (SocketAddress::Path(path), Some(owner)) = (&source, owner()) {
                unix_path::give(path, owner)?;
            }
        }
        Ok(())
    }

    fn source_address(&self, source: &str, to: &SocketAddress) -> Result<SocketAddress, String> {
        let wanted = if to.ip().is_some_and(|to| to.is_ipv6()) { Wanted::V6 } else { Wanted::V4 };
        let is_address = source.parse::<std::net::IpAddr>().is_ok();
        match (self.transport, source) {
            (Transport::Unix, _) => to_listen(Transport::Unix, source, wanted),
            (_, source) if is_address && source.contains(':') => {
                to_listen(Transport::Tcp, &format!("[{source}]:0"), wanted)
            }
            (_, source) if let Some(port) = source.strip_prefix(':') => {
                to_listen(Transport::Tcp, &format!("*:{port}"), wanted)
            }
            (_, source) if source.contains(':') => to_listen(Transport::Tcp, source, wanted),
            (_, source) => to_listen(Transport::Tcp, &format!("{source}:0"), wanted),
        }
    }

    fn limits(&self) -> Limits {
        let idle = Some(nanos(self.idle_timeout)).filter(|idle| *idle > 0);
        // Whoever sits at a terminal ends it.
        Limits { idle, stall: u64::MAX, ..Limits::default() }
    }
}

/// As much as a packet of Ethernet carries over IPv6 and UDP.
const MESSAGE: usize = 1400;

fn cannot_bind(source: &SocketAddress, error: &io::Error) -> String {
    let remedy = match error.kind() {
        io::ErrorKind::AddrNotAvailable => "; it is no address of this host: `ip addr` lists them",
        io::ErrorKind::AddrInUse => "; it is in use already",
        _ => "",
    };
    format!("bind to {source}: {}{remedy}", Cause(error))
}

/// Call, object, cause and remedy.
fn cannot_connect(address: &SocketAddress, error: &io::Error, args: &ConnectArgs) -> String {
    let is_unix = address.ip().is_none();
    let kind = match args.kind {
        None | Some(Kind::Stream) => "stream",
        Some(Kind::Datagram) => "dgram",
        Some(Kind::SeqPacket) => "seqpacket",
    };
    let cause = match error.raw_os_error() {
        Some(libc::EINPROGRESS) => {
            format!("no answer in {} (--connect-timeout)", seconds(args.connect_timeout))
        }
        Some(libc::ECONNREFUSED) if is_unix => {
            format!("nobody listens there, at least not with --type {kind}")
        }
        Some(libc::ECONNREFUSED) => "connection refused: nobody listens there".to_owned(),
        Some(libc::ENOENT) => "there is no such socket".to_owned(),
        Some(libc::EPROTOTYPE) => {
            "it is a socket of another type: --type stream, dgram or seqpacket".to_owned()
        }
        Some(errno) if !is_unix => format!("{}{}", Cause(error), not_connected(errno)),
        _ => Cause(error).to_string(),
    };
    format!("connect to {address}: {cause}")
}

fn seconds(time: Duration) -> String {
    format!("{} s", time.as_secs_f64())
}

fn open(path: &Path) -> Result<File, ConnectError> {
    File::open(path).map_err(|source| ConnectError::Open { path: path.to_owned(), source })
}

fn create(path: &Path, force: bool) -> Result<File, ConnectError> {
    let created = match force {
        true => new_file::create(path, owner()),
        false => new_file::create_new(path, owner()),
    };
    created.map_err(|source| match source.kind() {
        io::ErrorKind::AlreadyExists => ConnectError::Exists(path.to_owned()),
        _ => ConnectError::Open { path: path.to_owned(), source },
    })
}
