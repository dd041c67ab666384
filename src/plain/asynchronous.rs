//! Tasks: each connection has code of its own again, which reads like that of a thread, and where it says `await` another task runs.
//! Below is epoll once more: tokio keeps the list, and wakes the task of a socket that is ready. A task costs what it has to
//! remember, not a stack.

use std::collections::HashMap;
use std::future::poll_fn;
use std::io;
use std::net::Shutdown;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::runtime::Builder;
use tokio::time::{sleep, timeout};

use super::connection::Connection;
use super::datagrams::Peers;
use super::event::{End, Event};
use super::listener::{Accepted, Listener, Place, RETRY};
use super::mailbox::lock;
use super::serve::{Pumped, Server, buffer, pump};
use super::service::{Peer, Waker};
use super::told::ToldSocket;
use crate::sys::async_descriptor::AsyncDescriptor;
use crate::sys::clock::{Now, monotonic};

/// The sockets of all connections, to end them from outside.
type Sockets = Mutex<HashMap<u64, Arc<ToldSocket>>>;

pub(super) fn serve(server: Server, listener: Listener) -> io::Result<()> {
    let runtime = Builder::new_current_thread().enable_io().enable_time().build()?;
    runtime.block_on(accept(Arc::new(server), listener))
}

async fn accept(server: Arc<Server>, mut listener: Listener) -> io::Result<()> {
    let sockets = Arc::new(Sockets::default());
    let open = listener.open_connections();
    {
        let stop = AsyncDescriptor::of_copy(&server.stop)?;
        let listening = AsyncDescriptor::of_copy(&listener)?;
        while server.stop.asked().is_none() {
            match listener.accept(&server) {
                Accepted::Connection(socket, peer, place) => {
                    server.watch.event(&Event::Opened { peer: &peer });
                    let (server, sockets) = (Arc::clone(&server), Arc::clone(&sockets));
                    tokio::spawn(talk(server, sockets, socket, peer, place));
                    // What has come is answered before the next one is taken.
                    tokio::task::yield_now().await;
                }
                Accepted::Nobody => any(&[&listening, &stop]).await,
                Accepted::Wait => sleep(Duration::from_nanos(RETRY)).await,
            }
        }
    }
    drop(listener);
    server.watch.event(&Event::Draining { connections: open.load(Ordering::Acquire) });
    // What has come already is read, and then the end.
    lock(&sockets).values().for_each(|socket| drop(socket.shutdown(Shutdown::Read)));
    while open.load(Ordering::Acquire) > 0 {
        sleep(Duration::from_millis(5)).await;
        if server.must_end().is_some_and(|at| at <= monotonic()) {
            lock(&sockets).values().for_each(|socket| drop(socket.shutdown(Shutdown::Both)));
        }
    }
    Ok(())
}

/// What a task does: one connection, from its beginning to its end.
async fn talk(server: Arc<Server>, sockets: Arc<Sockets>, socket: ToldSocket, peer: Peer, _place: Place) {
    let (socket, id) = (Arc::new(socket), peer.id);
    lock(&sockets).insert(id, Arc::clone(&socket));
    let mut buffer = buffer(peer.keeps_messages);
    let waker = Arc::new(TaskWaker::default());
    let session = server.service.open(&peer, waker.clone());
    let mut connection = Connection::open(peer, session, server.limits, Now::read());
    let watched =
        socket.set_nonblocking(true).and_then(|()| AsyncDescriptor::of_socket(Arc::clone(socket.socket())));
    let end = match watched {
        Err(error) => End::of(&error),
        Ok(watched) => loop {
            if let Some(at) = server.must_end() {
                connection.drain(at);
            }
            let pumped = pump(&socket, &mut connection, &mut buffer, true);
            if let Some(end) = pumped.wants.end {
                break end;
            }
            if pumped.moved || pumped.wants.is_due(monotonic()) {
                tokio::task::yield_now().await;
            } else {
                ready(&watched, &pumped, &waker).await;
            }
        },
    };
    server.closed(&connection, &end);
    lock(&sockets).remove(&id);
}

/// Waits until the connection can have what it wants, somebody wakes it, or its time has come.
async fn ready(socket: &AsyncDescriptor, pumped: &Pumped, waker: &TaskWaker) {
    let mut told = false;
    let wanted = poll_fn(|context| {
        if !std::mem::replace(&mut told, true) {
            pumped.read_blocked.then(|| socket.nothing_to_read(context));
            pumped.write_blocked.then(|| socket.no_room(context));
        }
        let woken = waker.look(context);
        let read = pumped.wants.read && socket.poll_readable(context).is_ready();
        let write = pumped.wants.write && socket.poll_writable(context).is_ready();
        if woken || read || write { Poll::Ready(()) } else { Poll::Pending }
    });
    match pumped.wants.at {
        Some(at) => drop(timeout(Duration::from_nanos(at.saturating_sub(monotonic())), wanted).await),
        None => wanted.await,
    }
}

/// Wakes a task.
#[derive(Default)]
struct TaskWaker {
    task: Mutex<Option<std::task::Waker>>,
    woken: AtomicBool,
}

impl TaskWaker {
    /// Whether it was woken since the last look; if not, it will be.
    fn look(&self, context: &Context<'_>) -> bool {
        *lock(&self.task) = Some(context.waker().clone());
        self.woken.swap(false, Ordering::AcqRel)
    }
}

impl Waker for TaskWaker {
    fn wake(&self) {
        self.woken.store(true, Ordering::Release);
        if let Some(task) = lock(&self.task).take() {
            task.wake();
        }
    }
}

/// Waits until one of these has something to read. Asking once too often does no harm: the calls that follow do not wait.
async fn any(descriptors: &[&AsyncDescriptor]) {
    poll_fn(|context| {
        let mut is_ready = false;
        for descriptor in descriptors {
            if descriptor.poll_readable(context).is_ready() {
                is_ready = true;
                descriptor.nothing_to_read(context);
            }
        }
        if is_ready { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

pub(super) fn serve_datagrams(server: &Server, socket: &ToldSocket) -> io::Result<()> {
    let runtime = Builder::new_current_thread().enable_io().enable_time().build()?;
    runtime.block_on(async {
        let mut peers = Peers::new(server)?;
        socket.set_nonblocking(true)?;
        let watched = AsyncDescriptor::of_socket(Arc::clone(socket.socket()))?;
        let (bell, stop) = (AsyncDescriptor::of_copy(peers.bell())?, AsyncDescriptor::of_copy(&server.stop)?);
        while let Some(left) = peers.answer(socket) {
            if !peers.receive(socket) && left != Some(0) {
                let sources = [&watched, &bell, &stop];
                let came = any(&sources);
                match left {
                    Some(left) => drop(timeout(Duration::from_nanos(left), came).await),
                    None => came.await,
                }
            }
        }
        Ok(())
    })
}
