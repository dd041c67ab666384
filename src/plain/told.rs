//! A socket that tells each call, for those who want to see what the kernel is asked and what it answers.

use std::fmt::Write;
use std::io;
use std::net::Shutdown;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::sync::{Arc, Mutex};

use super::mailbox::lock;
use crate::sys::clock::Now;
use crate::sys::error::Cause;
use crate::sys::socket::{Family, Socket, SocketOption, SocketType};
use crate::sys::socket_address::SocketAddress;
use crate::sys::tcp_info::TcpInfo;

/// Whoever wants to be told. Called from all threads of a driver.
pub trait Tell: Send + Sync {
    /// A call has returned.
    fn called(&self, call: &Call);
}

/// A system call.
#[derive(Debug, Clone)]
pub struct Call {
    /// When it was made.
    pub at: Now,
    /// How long it took, in nanoseconds.
    pub took: u64,
    /// The call, in the words of its manual page: `socket(AF_INET, SOCK_STREAM)`.
    pub text: String,
    /// What it returned, or the error.
    pub result: String,
    /// The socket's own address, where it is an IP address and known.
    pub local: Option<std::net::SocketAddr>,
    /// What TCP knows after the call, and what it knew before.
    pub tcp: Option<(TcpInfo, Option<TcpInfo>)>,
}

/// A socket.
pub struct ToldSocket {
    socket: Arc<Socket>,
    tell: Option<Arc<dyn Tell>>,
    /// What TCP knew after the last call.
    known: Mutex<Option<TcpInfo>>,
}

impl ToldSocket {
    /// socket(2).
    ///
    /// # Errors
    /// As of [`Socket::open`].
    pub fn open(family: Family, kind: SocketType, tell: Option<Arc<dyn Tell>>) -> io::Result<Self> {
        let at = Now::read();
        let opened = Socket::open(family, kind);
        if let Some(tell) = &tell {
            let text = format!("socket({}, {})", family.name(), kind.name());
            let result = opened.as_ref().map(Socket::number);
            tell.called(&Call { local: None, ..Call::new(at, text, &result) });
        }
        Ok(Self { socket: Arc::new(opened?), tell, known: Mutex::default() })
    }

    /// bind(2).
    ///
    /// # Errors
    /// As of [`Socket::bind`].
    pub fn bind(&self, address: &SocketAddress) -> io::Result<()> {
        self.told(|socket| socket.bind(address), || format!("bind({}, {address})", self.number()))
    }

    /// listen(2).
    ///
    /// # Errors
    /// As of [`Socket::listen`].
    pub fn listen(&self, backlog: i32) -> io::Result<()> {
        self.told(|socket| socket.listen(backlog), || format!("listen({}, {backlog})", self.number()))
    }

    /// connect(2).
    ///
    /// # Errors
    /// As of [`Socket::connect`].
    pub fn connect(&self, address: &SocketAddress) -> io::Result<()> {
        self.told(|socket| socket.connect(address), || format!("connect({}, {address})", self.number()))
    }

    /// accept4(2).
    ///
    /// # Errors
    /// As of [`Socket::accept`].
    pub fn accept(&self) -> io::Result<(Self, SocketAddress)> {
        let at = Now::read();
        let accepted = self.socket.accept();
        if let Some(tell) = &self.tell {
            let result = accepted.as_ref().map(|(socket, from)| format!("{} from {from}", socket.number()));
            let mut call = Call::new(at, format!("accept4({})", self.number()), &result);
            call.local = self.socket.local().ip();
            call.tcp =
                accepted.as_ref().ok().and_then(|(socket, _)| socket.tcp_info()).map(|info| (info, None));
            tell.called(&call);
        }
        let (socket, from) = accepted?;
        let known = self.tell.as_ref().and_then(|_| socket.tcp_info());
        Ok((Self { socket: Arc::new(socket), tell: self.tell.clone(), known: Mutex::new(known) }, from))
    }

    /// recv(2).
    ///
    /// # Errors
    /// As of [`Socket::receive`].
    pub fn receive(&self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.tell.is_none() {
            return self.socket.receive(buffer);
        }
        let at = Now::read();
        let received = self.socket.receive(buffer);
        let octets = received.as_ref().map_or(&[][..], |len| buffer.get(..*len).unwrap_or_default());
        self.tell(at, format!("recv({}{})", self.number(), excerpt(octets)), &received);
        received
    }

    /// recvfrom(2).
    ///
    /// # Errors
    /// As of [`Socket::receive_from`].
    pub fn receive_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddress)> {
        let at = Now::read();
        let received = self.socket.receive_from(buffer);
        if self.tell.is_some() {
            let octets = received.as_ref().map_or(&[][..], |(len, _)| buffer.get(..*len).unwrap_or_default());
            let result = received.as_ref().map(|(len, from)| format!("{len} from {from}"));
            self.tell(at, format!("recvfrom({}{})", self.number(), excerpt(octets)), &result);
        }
        received
    }

    /// send(2).
    ///
    /// # Errors
    /// As of [`Socket::send`].
    pub fn send(&self, octets: &[u8]) -> io::Result<usize> {
        let text = || format!("send({}{}, {})", self.number(), excerpt(octets), octets.len());
        self.told(|socket| socket.send(octets), text)
    }

    /// sendto(2).
    ///
    /// # Errors
    /// As of [`Socket::send_to`].
    pub fn send_to(&self, octets: &[u8], to: &SocketAddress) -> io::Result<usize> {
        let text = || format!("sendto({}{}, {}, {to})", self.number(), excerpt(octets), octets.len());
        self.told(|socket| socket.send_to(octets, to), text)
    }

    /// shutdown(2).
    ///
    /// # Errors
    /// As of [`Socket::shutdown`].
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        let name = match how {
            Shutdown::Read => "SHUT_RD",
            Shutdown::Write => "SHUT_WR",
            Shutdown::Both => "SHUT_RDWR",
        };
        self.told(|socket| socket.shutdown(how), || format!("shutdown({}, {name})", self.number()))
    }

    /// setsockopt(2).
    ///
    /// # Errors
    /// As of [`Socket::set`].
    pub fn set(&self, option: &SocketOption) -> io::Result<()> {
        let text = || format!("setsockopt({}, {})", self.number(), option_words(option));
        self.told(|socket| socket.set(option), text)
    }

    /// `O_NONBLOCK`.
    ///
    /// # Errors
    /// As of [`Socket::set_nonblocking`].
    pub fn set_nonblocking(&self, on: bool) -> io::Result<()> {
        let flag = if on { "O_NONBLOCK" } else { "0" };
        let text = || format!("fcntl({}, F_SETFL, {flag})", self.number());
        self.told(|socket| socket.set_nonblocking(on), text)
    }

    /// The socket itself, for what needs no telling.
    pub fn socket(&self) -> &Arc<Socket> {
        &self.socket
    }

    fn number(&self) -> RawFd {
        self.socket.number()
    }

    fn told<T: Returned>(
        &self,
        call: impl FnOnce(&Socket) -> io::Result<T>,
        text: impl FnOnce() -> String,
    ) -> io::Result<T> {
        if self.tell.is_none() {
            return call(&self.socket);
        }
        let (at, text) = (Now::read(), text());
        let returned = call(&self.socket);
        self.tell(at, text, &returned);
        returned
    }

    fn tell<T: Returned, E: std::borrow::Borrow<io::Error>>(
        &self,
        at: Now,
        text: String,
        result: &Result<T, E>,
    ) {
        let Some(tell) = &self.tell else { return };
        let info = self.socket.tcp_info();
        let before = std::mem::replace(&mut *lock(&self.known), info);
        let local = self.socket.local().ip();
        tell.called(&Call { local, tcp: info.map(|info| (info, before)), ..Call::new(at, text, result) });
    }
}

impl Drop for ToldSocket {
    fn drop(&mut self) {
        if let Some(tell) = &self.tell {
            // What it has told TCP is known; afterwards nobody can ask any more. It is told just before.
            let before = *lock(&self.known);
            let info = self.socket.tcp_info();
            let text = format!("close({})", self.number());
            let call = Call::new(Now::read(), text, &Ok::<(), io::Error>(()));
            tell.called(&Call {
                local: self.socket.local().ip(),
                tcp: info.map(|info| (info, before)),
                ..call
            });
        }
    }
}

impl AsFd for ToldSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl AsRawFd for ToldSocket {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.number()
    }
}

impl Call {
    /// A call that was made at `at` and has returned just now.
    pub fn new<T: Returned, E: std::borrow::Borrow<io::Error>>(
        at: Now,
        text: String,
        result: &Result<T, E>,
    ) -> Self {
        let took = Now::read().monotonic.saturating_sub(at.monotonic);
        let result = match result {
            Ok(value) => value.words(),
            Err(error) => error_words(error.borrow()),
        };
        Self { at, took, text, result, local: None, tcp: None }
    }
}

/// What a call may return.
pub trait Returned {
    /// In words.
    fn words(&self) -> String;
}

impl Returned for () {
    fn words(&self) -> String {
        "0".to_owned()
    }
}

impl Returned for usize {
    fn words(&self) -> String {
        self.to_string()
    }
}

impl Returned for RawFd {
    fn words(&self) -> String {
        self.to_string()
    }
}

impl Returned for String {
    fn words(&self) -> String {
        self.clone()
    }
}

/// `-1 EAGAIN (resource temporarily unavailable)`.
fn error_words(error: &io::Error) -> String {
    let known = [
        (libc::EAGAIN, "EAGAIN"),
        (libc::EINPROGRESS, "EINPROGRESS"),
        (libc::ECONNREFUSED, "ECONNREFUSED"),
        (libc::ECONNRESET, "ECONNRESET"),
        (libc::EPIPE, "EPIPE"),
        (libc::EADDRINUSE, "EADDRINUSE"),
        (libc::EADDRNOTAVAIL, "EADDRNOTAVAIL"),
        (libc::EMFILE, "EMFILE"),
        (libc::ENFILE, "ENFILE"),
        (libc::ENOTCONN, "ENOTCONN"),
        (libc::ETIMEDOUT, "ETIMEDOUT"),
        (libc::EHOSTUNREACH, "EHOSTUNREACH"),
        (libc::ENETUNREACH, "ENETUNREACH"),
        (libc::EACCES, "EACCES"),
        (libc::EPERM, "EPERM"),
        (libc::EINTR, "EINTR"),
    ];
    let name = known.iter().find(|(number, _)| error.raw_os_error() == Some(*number)).map(|(_, name)| *name);
    let mut words = format!("-1 {}", name.unwrap_or("error"));
    // Writing into memory cannot fail.
    let _ = write!(words, " ({})", Cause(error));
    words
}

fn option_words(option: &SocketOption) -> String {
    match option {
        SocketOption::ReuseAddress => "SO_REUSEADDR, 1".to_owned(),
        SocketOption::OnlyIpv6(only) => format!("IPV6_V6ONLY, {}", u8::from(*only)),
        SocketOption::NoDelay => "TCP_NODELAY, 1".to_owned(),
        SocketOption::KeepAlive(None) => "SO_KEEPALIVE, 1".to_owned(),
        SocketOption::KeepAlive(Some(idle)) => format!("SO_KEEPALIVE, 1; TCP_KEEPIDLE, {}", idle.as_secs()),
        SocketOption::BindToDevice(name) => format!("SO_BINDTODEVICE, \"{}\"", name.escape_default()),
        SocketOption::SendTimeout(timeout) => format!("SO_SNDTIMEO, {timeout:?}"),
        SocketOption::ReceiveTimeout(Some(timeout)) => format!("SO_RCVTIMEO, {timeout:?}"),
        SocketOption::ReceiveTimeout(None) => "SO_RCVTIMEO, 0".to_owned(),
    }
}

/// `, "the first octets"`, made printable.
fn excerpt(octets: &[u8]) -> String {
    let Some(first) = octets.get(..octets.len().min(EXCERPT)).filter(|first| !first.is_empty()) else {
        return String::new();
    };
    let more = if octets.len() > EXCERPT { "…" } else { "" };
    format!(", \"{}\"{more}", first.escape_ascii())
}

/// Octets of data that are shown.
const EXCERPT: usize = 24;

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Log(Mutex<Vec<String>>);

    impl Tell for Log {
        fn called(&self, call: &Call) {
            let tcp = call.tcp.map_or(String::new(), |(info, _)| format!(" {}", info.state.name()));
            lock(&self.0).push(format!("{} = {}{tcp}", call.text, call.result));
        }
    }

    #[test]
    fn each_call_is_told_in_the_words_of_its_manual_page() {
        let log = Arc::new(Log::default());
        let tell = || Some(Arc::clone(&log) as Arc<dyn Tell>);
        let server = ToldSocket::open(Family::Inet, SocketType::Stream, tell()).unwrap();
        server.bind(&SocketAddress::Ip("127.0.0.1:0".parse().unwrap())).unwrap();
        server.listen(5).unwrap();
        let address = server.socket().local();
        let client = ToldSocket::open(Family::Inet, SocketType::Stream, tell()).unwrap();
        client.connect(&address).unwrap();
        let (accepted, from) = server.accept().unwrap();
        client.send(b"hi\n").unwrap();
        let mut buffer = [0; 10];
        accepted.receive(&mut buffer).unwrap();
        accepted.set_nonblocking(true).unwrap();
        accepted.receive(&mut buffer).unwrap_err();
        accepted.shutdown(Shutdown::Write).unwrap();
        let (s, c, a) = (server.number(), client.number(), accepted.number());
        drop((server, client, accepted));
        let wanted = [
            format!("socket(AF_INET, SOCK_STREAM) = {s}"),
            format!("bind({s}, 127.0.0.1:0) = 0 CLOSED"),
            format!("listen({s}, 5) = 0 LISTEN"),
            format!("socket(AF_INET, SOCK_STREAM) = {c}"),
            format!("connect({c}, {address}) = 0 ESTABLISHED"),
            format!("accept4({s}) = {a} from {from} ESTABLISHED"),
            format!("send({c}, \"hi\\n\", 3) = 3 ESTABLISHED"),
            format!("recv({a}, \"hi\\n\") = 3 ESTABLISHED"),
            format!("fcntl({a}, F_SETFL, O_NONBLOCK) = 0 ESTABLISHED"),
            format!("recv({a}) = -1 EAGAIN (resource temporarily unavailable) ESTABLISHED"),
            // Whether its acknowledgment has come already is the kernel's matter.
            format!("shutdown({a}, SHUT_WR) = 0 FIN-WAIT-"),
            format!("close({s}) = 0 LISTEN"),
            format!("close({c}) = 0 CLOSE-WAIT"),
            format!("close({a}) = 0"),
        ];
        let told = lock(&log.0);
        for (told, wanted) in told.iter().zip(&wanted) {
            assert!(told.starts_with(wanted.as_str()), "{told} is not {wanted}");
        }
        assert_eq!(told.len(), wanted.len());
    }
}
