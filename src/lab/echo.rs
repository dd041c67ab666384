//! The server's echo service, on TCP and UDP (RFC 862): what comes is sent back.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::topology::ECHO_PORT;
use super::{Case, Host, LabError, Plan, kernel_settings};

/// Listens on all of a host's addresses, on its own port and those of a case, and answers in threads of its own from then on.
///
/// # Errors
/// [`LabError::Echo`] when the port is taken.
pub fn start(plan: &Plan, host: Host, case: Option<&Case>) -> Result<(), LabError> {
    let addresses = plan.interfaces(host).flat_map(super::topology::Interface::addresses);
    for address in addresses.filter(|address| address.is_ipv4() || kernel_settings::has_ipv6()) {
        for port in case.into_iter().flat_map(Case::echo_ports).chain([ECHO_PORT]) {
            listen(SocketAddr::new(address, port))?;
        }
    }
    Ok(())
}

fn listen(address: SocketAddr) -> Result<(), LabError> {
    let failed = |source| LabError::Echo { address, source };
    let listener = TcpListener::bind(address).map_err(failed)?;
    let socket = UdpSocket::bind(address).map_err(failed)?;
    thread::Builder::new().spawn(move || echo_streams(&listener)).map_err(failed)?;
    thread::Builder::new().spawn(move || echo_datagrams(&socket)).map_err(failed)?;
    Ok(())
}

fn echo_datagrams(socket: &UdpSocket) {
    let mut datagram = vec![0; usize::from(u16::MAX)];
    loop {
        // An error belongs to an earlier answer that could not be delivered; the next call waits again.
        let Ok((length, sender)) = socket.recv_from(&mut datagram) else { continue };
        // Two echo services that talk to each other never stop.
        if sender.port() != ECHO_PORT {
            let _ = socket.send_to(datagram.get(..length).unwrap_or_default(), sender);
        }
    }
}

fn echo_streams(listener: &TcpListener) {
    let open = Arc::new(AtomicUsize::new(0));
    for stream in listener.incoming().flatten() {
        // One too many is closed at once.
        if open.fetch_add(1, Ordering::Relaxed) >= MOST_STREAMS {
            open.fetch_sub(1, Ordering::Relaxed);
            continue;
        }
        let count = Arc::clone(&open);
        let serve = move || {
            let _ = echo_stream(&stream);
            count.fetch_sub(1, Ordering::Relaxed);
        };
        // Where the system has no thread for it, it is closed at once, too.
        if thread::Builder::new().spawn(serve).is_err() {
            open.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

fn echo_stream(stream: &TcpStream) -> io::Result<()> {
    io::copy(&mut &*stream, &mut &*stream)?;
    stream.shutdown(Shutdown::Write)
}

/// How many TCP connections are served at the same time.
const MOST_STREAMS: usize = 256;
