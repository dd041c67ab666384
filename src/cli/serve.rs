//! `rawsock serve`: plain TCP, UDP and Unix servers.

use std::io;
use std::net::Ipv4Addr;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use clap::{Args, ValueEnum};
use jiff::tz::TimeZone;

use super::explain::{Explain, Ours};
use super::plain_address::{Transport, to_listen};
use super::plain_log::Log;
use super::plain_stdio::{Input, Pieces, Source, feed_from, stdout};
use super::resolve::Wanted;
use super::sandbox::{Plan, SandboxArgs, folder_of, owner};
use super::{CommandResult, Outcome, duration, plain_files};
use crate::plain::chargen::Chargen;
use crate::plain::chat::Chat;
use crate::plain::discard::Discard;
use crate::plain::echo::Echo;
use crate::plain::event::{Event, Watch};
use crate::plain::files::{Files, Way};
use crate::plain::limits::Limits;
use crate::plain::listener::Listener;
use crate::plain::pipe::{Pipe, PipeOptions};
use crate::plain::serve::{Io, Server};
use crate::plain::service::Service;
use crate::plain::stop::Stop;
use crate::plain::time::Time;
use crate::plain::told::{Tell, ToldSocket};
use crate::sys::error::SysError;
use crate::sys::interrupt::Interrupt;
use crate::sys::poll;
use crate::sys::sandbox::Doing;
use crate::sys::socket::{Family, SocketOption, SocketType, raise_descriptor_limit};
use crate::sys::socket_address::SocketAddress;
use crate::sys::unix_path::{self, Bound};

/// Serve plain TCP, UDP or Unix sockets: echo, time, discard, chargen, chat, files or stdin and stdout.
///
/// Listens on the loopback address unless one is given. Ends in order by Ctrl-C or SIGTERM: what has come is answered first.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    rawsock serve tcp 7000                                    echo; `telnet 127.0.0.1 7000` talks to it\n  \
    rawsock serve tcp 7000 --service chat --io threads\n  \
    rawsock serve udp '*:7000' --service time                 on all addresses\n  \
    rawsock serve unix /tmp/s --type seqpacket --explain      each system call as it happens\n  \
    rawsock serve tcp 7000 --service file --into folder       takes what `rawsock connect --send FILE --checked` brings")]
pub(super) struct ServeArgs {
    /// What carries it.
    #[arg(value_name = "tcp|udp|unix")]
    transport: Transport,
    /// Where to listen: PORT, HOST:PORT or *:PORT for all addresses; a path or @NAME. Port 0 has the kernel choose one.
    #[arg(value_name = "ADDRESS")]
    address: String,
    /// What to do with what comes.
    #[arg(long, value_enum, default_value_t = ServiceName::Echo)]
    service: ServiceName,
    /// How sockets are waited for: docs/IO-MODELS.md compares them.
    #[arg(long, value_enum, default_value_t = Model::Epoll)]
    io: Model,
    /// The type of a Unix socket.
    #[arg(long = "type", value_enum, value_name = "TYPE")]
    kind: Option<Kind>,
    /// IPv4 only.
    #[arg(short = '4', conflicts_with = "ipv6")]
    ipv4: bool,
    /// IPv6 only.
    #[arg(short = '6')]
    ipv6: bool,
    /// For `--service file`: the file that whoever comes gets.
    #[arg(long, value_name = "FILE", conflicts_with = "into")]
    offer: Option<PathBuf>,
    /// For `--service file`: the folder into which files go.
    #[arg(long, value_name = "FOLDER")]
    into: Option<PathBuf>,
    /// Files that come replace those of the same name; a Unix socket that nobody listens at any more is removed.
    #[arg(long)]
    force: bool,
    /// For `--service pipe`: when whoever has it has gone, wait for the next one.
    #[arg(short, long)]
    keep_open: bool,
    /// Print each system call as it happens, what TCP knows, and, with CAP_NET_RAW, the packets beside them, in place of who comes
    /// and goes.
    #[arg(long)]
    explain: bool,
    #[command(flatten)]
    limits: LimitArgs,
    /// Print nothing of connections.
    #[arg(short)]
    quiet: bool,
    /// Print one JSON object a line.
    #[arg(long)]
    json: bool,
    /// Say what the process gave up before it takes what others send.
    #[arg(short, long)]
    verbose: bool,
    #[command(flatten)]
    sandbox: SandboxArgs,
}

/// What peers may have.
#[derive(Debug, Args)]
struct LimitArgs {
    /// Connections at a time, or addresses that write datagrams. Further ones wait.
    #[arg(long, value_name = "N", default_value_t = 4096, value_parser = clap::value_parser!(u32).range(1..))]
    max_connections: u32,
    /// Octets a second that are read from one connection; the rest waits. 0: as fast as it goes. Left out: 65536 for chat, else 0.
    #[arg(long, value_name = "OCTETS")]
    max_rate: Option<u64>,
    /// A connection on which nothing passes for so long ends: seconds, or with a unit. 0: never.
    #[arg(long, value_name = "TIME", default_value = "600", value_parser = duration::parse)]
    idle_timeout: Duration,
    /// A connection that takes nothing of what waits for it for so long ends.
    #[arg(long, value_name = "TIME", default_value = "30", value_parser = duration::parse)]
    stall_timeout: Duration,
    /// Octets of one message, or line, of `time` and `chat`.
    #[arg(long, value_name = "OCTETS", default_value_t = 65536, value_parser = clap::value_parser!(u32).range(1..))]
    max_message: u32,
    /// Octets that are read from one connection altogether, or from an address that writes datagrams until it is silent for
    /// --idle-timeout; of a file, its size. 0: any. Left out: 4 GiB for files, else 0.
    #[arg(long, value_name = "OCTETS")]
    max_size: Option<u64>,
    /// Octets that wait for one peer; in a chat, whoever reads so slowly that there would be more is told, and dropped.
    #[arg(long, value_name = "OCTETS", default_value_t = 262_144, value_parser = clap::value_parser!(u32).range(1024..))]
    max_queue: u32,
    /// When it is asked to end, connections have so long.
    #[arg(long, value_name = "TIME", default_value = "5", value_parser = duration::parse)]
    drain_time: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ServiceName {
    /// What comes goes back (RFC 862).
    Echo,
    /// Each message comes back behind date and time.
    Time,
    /// What comes is thrown away (RFC 863).
    Discard,
    /// Printable characters, for as long as somebody reads (RFC 864).
    Chargen,
    /// Each line goes to all others.
    Chat,
    /// A file goes out, or files come in, with length and SHA-256.
    File,
    /// Stdin and stdout, for one peer at a time.
    Pipe,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Model {
    /// A thread for each connection.
    Threads,
    /// One thread that asks all sockets in turn.
    Nonblocking,
    /// One thread that the kernel tells which sockets are ready.
    Epoll,
    /// Tasks, by tokio.
    Async,
}

/// The type of a Unix socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Kind {
    /// A connection of octets.
    Stream,
    /// Datagrams.
    #[value(name = "dgram")]
    Datagram,
    /// A connection of messages.
    #[value(name = "seqpacket")]
    SeqPacket,
}

/// Why it cannot be served.
#[derive(Debug, thiserror::Error)]
enum ServeError {
    #[error("--service file takes --offer FILE or --into FOLDER")]
    NoFile,
    #[error("--offer and --into are for --service file")]
    FileWithoutService,
    #[error("--keep-open is for --service pipe: the other services go on by themselves")]
    KeepWithoutPipe,
    #[error("a file goes over tcp, or over unix with --type stream: datagrams would have to be put in order")]
    FileOverDatagrams,
    #[error("--type is for unix: tcp is a stream, and udp datagrams")]
    TypeWithoutUnix,
    #[cfg(not(feature = "async"))]
    #[error("--io async was left out when this rawsock was built: `cargo build --features async`")]
    NoAsync,
}

/// Runs the command.
///
/// # Errors
/// When nobody can listen there, or a file cannot be opened.
pub(super) fn run(args: &ServeArgs) -> CommandResult {
    let kind = socket_type(args.transport, args.kind)?;
    let io = args.io.of()?;
    if args.service == ServiceName::File && kind != SocketType::Stream {
        return Err(ServeError::FileOverDatagrams.into());
    }
    if args.service != ServiceName::File && (args.offer.is_some() || args.into.is_some()) {
        return Err(ServeError::FileWithoutService.into());
    }
    if args.keep_open && args.service != ServiceName::Pipe {
        return Err(ServeError::KeepWithoutPipe.into());
    }
    let wanted = Wanted::of(args.ipv4, args.ipv6, None, "")?;
    let address = to_listen(args.transport, &args.address, wanted)?;
    raise_descriptor_limit()?;
    let log = Arc::new(Log::new(args.json, args.quiet || args.explain, args.service == ServiceName::Pipe));
    let (stop, interrupt) = (Stop::new()?, Interrupt::catch()?);
    let (service, input) = service(args, &stop, &log)?;
    let mut explain = Explain::new(args.explain, args.transport);
    let tell = explain.as_ref().map(Explain::tell);
    let (socket, bound) = bind(args, &address, kind, wanted, tell)?;
    if kind != SocketType::Datagram {
        socket.listen(BACKLOG).map_err(|error| cannot_listen(&address, &error))?;
    }
    let server = Server {
        service,
        limits: args.limits(),
        watch: Arc::clone(&log) as Arc<dyn Watch>,
        stop: stop.clone(),
    };
    let local = socket.socket().local();
    let port = local.ip().map_or(0, |local| local.port());
    explain.iter().for_each(|explain| explain.tap(&local, Ours::From(port)));
    args.kept(&address).enter(args.sandbox, args.verbose)?;
    end_by_signals(interrupt, &stop)?;
    explain.iter_mut().try_for_each(|explain| explain.start(&log))?;
    input.into_iter().for_each(|begin| begin());
    log.event(&Event::Listening { address: &local });
    let served = if kind == SocketType::Datagram {
        let served = server.serve_datagrams(&socket, io);
        drop(socket);
        served
    } else {
        server.serve(Listener::of(socket, kind)?, io)
    };
    drop(bound);
    explain.into_iter().for_each(Explain::finish);
    served?;
    Ok(if log.has_failed() { Outcome::Failed } else { Outcome::Done })
}

/// Connections that wait to be taken: as many as the system allows (net.core.somaxconn).
const BACKLOG: i32 = 4096;

/// The type that goes with a transport.
///
/// # Errors
/// When another one is asked for than TCP and UDP have.
pub(super) fn socket_type(
    transport: Transport,
    kind: Option<Kind>,
) -> Result<SocketType, Box<dyn std::error::Error>> {
    Ok(match (transport, kind) {
        (Transport::Tcp | Transport::Udp, Some(_)) => return Err(ServeError::TypeWithoutUnix.into()),
        (Transport::Tcp, None) | (Transport::Unix, None | Some(Kind::Stream)) => SocketType::Stream,
        (Transport::Udp, None) | (Transport::Unix, Some(Kind::Datagram)) => SocketType::Datagram,
        (Transport::Unix, Some(Kind::SeqPacket)) => SocketType::SeqPacket,
    })
}

impl Model {
    fn of(self) -> Result<Io, ServeError> {
        match self {
            Self::Threads => Ok(Io::Threads),
            Self::Nonblocking => Ok(Io::Nonblocking),
            Self::Epoll => Ok(Io::Epoll),
            #[cfg(feature = "async")]
            Self::Async => Ok(Io::Async),
            #[cfg(not(feature = "async"))]
            Self::Async => Err(ServeError::NoAsync),
        }
    }
}

impl ServeArgs {
    /// What a server does from then on: it takes connections, puts files into one folder, and removes the name of its socket.
    fn kept(&self, address: &SocketAddress) -> Plan {
        let socket = match address {
            SocketAddress::Path(path) => Some(folder_of(path)),
            _ => None,
        };
        Plan::default()
            .does(&[Doing::Traffic, Doing::Accept, Doing::Threads])
            .tells_local_time()
            .writes(self.into.iter().cloned().chain(socket))
    }

    fn limits(&self) -> Limits {
        let given = &self.limits;
        let size = |octets: u32| usize::try_from(octets).unwrap_or(usize::MAX);
        let rate = given.max_rate.unwrap_or(if self.service == ServiceName::Chat { CHAT_RATE } else { 0 });
        let total = given.max_size.unwrap_or(0);
        Limits {
            connections: size(given.max_connections),
            rate: Some(rate).filter(|rate| *rate > 0),
            idle: Some(nanos(given.idle_timeout)).filter(|idle| *idle > 0),
            stall: nanos(given.stall_timeout).max(1),
            message: size(given.max_message),
            // A file says its size before it comes, with some words around it.
            total: Some(total).filter(|total| *total > 0 && self.service != ServiceName::File),
            queue: size(given.max_queue),
            drain: nanos(given.drain_time),
        }
    }
}

/// As many octets a second as nobody types, and as no terminal shows.
const CHAT_RATE: u64 = 65_536;

pub(super) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Asks a server to end when the first signal comes.
pub(super) fn end_by_signals(interrupt: Interrupt, stop: &Stop) -> Result<(), SysError> {
    let stop = stop.clone();
    let wait = move || {
        while !interrupt.came() {
            if poll::wait(&[interrupt.as_fd()], &[], None).is_err() {
                return;
            }
        }
        stop.ask();
    };
    let thread = std::thread::Builder::new().name("signals".to_owned()).spawn(wait);
    thread.map_err(SysError::of("start", "a thread for signals"))?;
    Ok(())
}

/// A service, and the input that it reads when it begins.
type Served = (Arc<dyn Service>, Option<Input>);

fn service(args: &ServeArgs, stop: &Stop, log: &Arc<Log>) -> Result<Served, Box<dyn std::error::Error>> {
    let limits = args.limits();
    let mut input = None;
    let service: Arc<dyn Service> = match args.service {
        ServiceName::Echo => Arc::new(Echo),
        ServiceName::Discard => Arc::new(Discard),
        ServiceName::Chargen => Arc::new(Chargen),
        ServiceName::Time => Arc::new(Time { zone: TimeZone::system(), limit: limits.message }),
        ServiceName::Chat => Arc::new(Chat::new(limits.message, limits.queue)),
        ServiceName::Pipe => {
            let ends = (!args.keep_open).then(|| stop.clone());
            let options =
                PipeOptions { stop: ends, silence: u64::MAX, after_end: AFTER_END, queue: limits.queue };
            let (pipe, feed) = Pipe::new(stdout(&Arc::new(OnceLock::from(stop.clone()))), options);
            input = Some(feed_from(Source::stdin(), feed, Arc::clone(log), Pieces::AsTheyCome, Some));
            Arc::new(pipe)
        }
        ServiceName::File => {
            let limit = args.limits.max_size.unwrap_or(FILE_LIMIT);
            let limit = if limit == 0 { u64::MAX } else { limit };
            let way = match (&args.offer, &args.into) {
                (Some(path), _) => Way::Out(plain_files::offered(path)?),
                (None, Some(folder)) => Way::In(Arc::new(plain_files::intake(folder, args.force, limit)?)),
                (None, None) => return Err(ServeError::NoFile.into()),
            };
            Arc::new(Files::new(way, Arc::clone(log) as Arc<dyn Watch>))
        }
    };
    Ok((service, input))
}

/// Nanoseconds.
const AFTER_END: u64 = 1_000_000_000;

const FILE_LIMIT: u64 = 4 << 30;

/// A socket that is bound, and what removes its path again.
fn bind(
    args: &ServeArgs,
    address: &SocketAddress,
    kind: SocketType,
    wanted: Wanted,
    tell: Option<Arc<dyn Tell>>,
) -> Result<(ToldSocket, Option<Bound>), Box<dyn std::error::Error>> {
    let mut address = address.clone();
    let mut family = Family::of(&address);
    let mut opened = ToldSocket::open(family, kind, tell.clone());
    // `*` is of both families; a kernel without IPv6 has one.
    let is_any = wanted == Wanted::Either && args.address.starts_with("*:");
    let has_no_ipv6 = |error: &io::Error| error.raw_os_error() == Some(libc::EAFNOSUPPORT);
    if is_any
        && let SocketAddress::Ip(ip) = &address
        && opened.as_ref().is_err_and(has_no_ipv6)
    {
        address = SocketAddress::Ip((Ipv4Addr::UNSPECIFIED, ip.port()).into());
        family = Family::Inet;
        opened = ToldSocket::open(family, kind, tell);
    }
    let address = &address;
    let socket = opened.map_err(|error| cannot_listen(address, &error))?;
    if let SocketAddress::Path(path) = address {
        if let Some(found) = unix_path::look(path, kind)? {
            found.make_room(path, args.force)?;
        }
        socket.bind(address).map_err(|error| cannot_listen(address, &error))?;
        let bound = Bound::of(path)?;
        owner().map(|owner| unix_path::give(path, owner)).transpose()?;
        return Ok((socket, Some(bound)));
    }
    if family != Family::Unix && kind == SocketType::Stream {
        socket.set(&SocketOption::ReuseAddress)?;
    }
    if family == Family::Inet6 {
        socket.set(&SocketOption::OnlyIpv6(!is_any))?;
    }
    socket.bind(address).map_err(|error| cannot_listen(address, &error))?;
    Ok((socket, None))
}

/// Call, object, cause and remedy.
fn cannot_listen(address: &SocketAddress, error: &io::Error) -> String {
    let cause = crate::sys::error::Cause(error);
    let remedy = match (error.kind(), address) {
        (io::ErrorKind::AddrInUse, SocketAddress::Ip(ip)) => {
            format!("; another program has the port: `ss -lp 'sport = {}'` tells which, and port 0 takes one that is free", ip.port())
        }
        (io::ErrorKind::AddrInUse, _) => "; another program has the name".to_owned(),
        (io::ErrorKind::AddrNotAvailable, _) => "; it is no address of this host: `ip addr` lists them".to_owned(),
        (io::ErrorKind::PermissionDenied, SocketAddress::Ip(ip)) if ip.port() < 1024 => {
            "; ports below net.ipv4.ip_unprivileged_port_start take CAP_NET_BIND_SERVICE: take a port from 1024 on, or sudo".to_owned()
        }
        _ => String::new(),
    };
    format!("listen on {address}: {cause}{remedy}")
}
