//! `--explain`: system calls as they happen, and, where that is allowed, the packets beside them.

use std::collections::VecDeque;
use std::error::Error;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use super::plain_address::Transport;
use super::plain_log::Log;
use super::system_names::SystemNames;
use crate::filter::capture::{CaptureFilter, Target};
use crate::packet::check::Dissected;
use crate::packet::dissect::dissect;
use crate::plain::told::{Call, Tell};
use crate::proto::view::View;
use crate::show::explain::{Diagram, Item, json};
use crate::show::line;
use crate::sys::clock::wall;
use crate::sys::ring::{Ring, RingOptions, Source};
use crate::sys::socket_address::SocketAddress;
use crate::wire::frame::{Frame, LinkType};
use crate::wire::layers::LayerTable;

/// What explains. Calls come from all threads; one thread of its own puts them in order with the packets.
pub(super) struct Explain {
    sender: Sender<Message>,
    /// Until the thread is there.
    receiver: Option<Receiver<Message>>,
    thread: Option<JoinHandle<()>>,
    transport: Transport,
}

enum Message {
    Called(Call),
    /// Packets are wanted from now on.
    Tap(Box<Ring>, Ours),
    /// Something that is to be known.
    Note(String),
}

/// Which packets are ours: those from this port, or those to it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Ours {
    From(u16),
    To(u16),
}

struct Teller(Sender<Message>);

impl Tell for Teller {
    fn called(&self, call: &Call) {
        // Whoever has ended explains no more.
        let _ = self.0.send(Message::Called(call.clone()));
    }
}

impl Explain {
    /// Takes note from now on, if that is wanted; nothing is printed before it is [started](Self::start).
    pub(super) fn new(wanted: bool, transport: Transport) -> Option<Self> {
        let (sender, receiver) = channel();
        wanted.then_some(Self { sender, receiver: Some(receiver), thread: None, transport })
    }

    /// Starts to explain.
    ///
    /// # Errors
    /// When no thread is left.
    pub(super) fn start(&mut self, log: &Arc<Log>) -> Result<(), Box<dyn Error>> {
        let Some(receiver) = self.receiver.take() else { return Ok(()) };
        let log = Arc::clone(log);
        let thread = std::thread::Builder::new().name("explain".to_owned());
        self.thread = Some(thread.spawn(move || print(&receiver, &log))?);
        Ok(())
    }

    /// What sockets are to tell.
    pub(super) fn tell(&self) -> Arc<dyn Tell> {
        Arc::new(Teller(self.sender.clone()))
    }

    /// Shows the packets with this port, too.
    pub(super) fn tap(&self, address: &SocketAddress, ours: Ours) {
        let Some(address) = address.ip() else { return };
        let transport = if self.transport == Transport::Udp { "udp" } else { "tcp" };
        let text = format!("{transport} port {}", address.port());
        let message = match open(&text) {
            Ok(ring) => Message::Tap(Box::new(ring), ours),
            Err(error) => Message::Note(format!("the packets are not shown: {error}")),
        };
        let _ = self.sender.send(message);
    }

    /// Shows what is left.
    pub(super) fn finish(self) {
        drop(self.sender);
        // A panic of that thread was told by itself.
        let _ = self.thread.map(JoinHandle::join);
    }
}

fn open(filter: &str) -> Result<Ring, Box<dyn Error>> {
    let target = Target {
        link_type: LinkType::LINUX_SLL2,
        is_live: true,
        netmask: None,
        snap_len: SNAP_LEN,
        names: &SystemNames,
    };
    let filter = CaptureFilter::compile(filter, &target)?.program_for_cooked_socket();
    let options = RingOptions {
        buffer_len: 4 << 20,
        retire_ms: 4,
        snap_len: SNAP_LEN,
        filter,
        ..RingOptions::default()
    };
    Ok(Ring::open(Source::ALL, &options)?)
}

/// As much of a packet as its line tells.
const SNAP_LEN: u32 = 512;

/// What the thread does.
fn print(receiver: &Receiver<Message>, log: &Log) {
    let mut printer = Printer {
        log,
        diagram: Diagram::default(),
        items: VecDeque::new(),
        ring: None,
        table: LayerTable::default(),
    };
    loop {
        match receiver.recv_timeout(LOOK) {
            Ok(Message::Called(call)) => printer.items.push_back(Item::Call(call)),
            Ok(Message::Tap(ring, ours)) => printer.ring = Some((ring, ours)),
            Ok(Message::Note(note)) if !log.is_json() => log.write(&format!("{note}\n")),
            Ok(Message::Note(_)) | Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        printer.look();
        printer.print(wall().saturating_sub(HOLD));
    }
    // The last packets: those of the end, and what answers them.
    std::thread::sleep(LAST);
    printer.look();
    printer.print(i64::MAX);
}

struct Printer<'l> {
    log: &'l Log,
    diagram: Diagram,
    items: VecDeque<Item>,
    ring: Option<(Box<Ring>, Ours)>,
    table: LayerTable,
}

impl Printer<'_> {
    /// Takes the packets that have come.
    fn look(&mut self) {
        if let Some((ring, ours)) = &mut self.ring {
            let (items, table, ours) = (&mut self.items, &mut self.table, *ours);
            ring.receive(&mut |frame| items.push_back(packet(frame, ours, table)));
        }
    }

    /// Prints what was over before: what comes later from elsewhere may belong before it.
    fn print(&mut self, before: i64) {
        // What passed during a call waits for its end.
        let during = self.items.iter().filter(|item| item.ends() >= before).map(Item::begins).min();
        let before = during.map_or(before, |begins| begins.min(before));
        let is_last = before == i64::MAX;
        let (ready, rest): (Vec<_>, Vec<_>) = self.items.drain(..).partition(|item| item.ends() < before);
        self.items.extend(rest);
        let mut ready = ready;
        ready.sort_by_key(Item::ends);
        let mut text = String::new();
        if self.log.is_json() {
            ready.iter().for_each(|item| text.push_str(&(json(item) + "\n")));
        } else {
            self.diagram.write(&mut text, &ready);
            if is_last {
                self.diagram.end(&mut text);
            }
        }
        if !text.is_empty() {
            self.log.write(&text);
        }
    }
}

fn packet(frame: &Frame<'_>, ours: Ours, table: &mut LayerTable) -> Item {
    dissect(frame.data, frame.link_type, table);
    let wire_len = usize::try_from(frame.len).unwrap_or(usize::MAX).max(frame.data.len());
    let dissected = Dissected { octets: frame.data, table, wire_len };
    let mut summary = String::new();
    line::summary(&mut summary, &dissected, false);
    let ports =
        (0..table.entries().len()).find_map(|index| View::new(frame.data, table, wire_len, index).ports());
    let outbound = match (ports, ours) {
        (Some((from, _)), Ours::From(port)) => from == port,
        (Some((_, to)), Ours::To(port)) => to == port,
        (None, _) => false,
    };
    Item::Packet { at: frame.time.unwrap_or_else(wall), outbound, summary }
}

/// How often the ring is looked into.
const LOOK: Duration = Duration::from_millis(5);

/// Nanoseconds for which an item is held back, so that packets and calls come in order.
const HOLD: i64 = 40_000_000;

/// How long the last packets are waited for.
const LAST: Duration = Duration::from_millis(60);
