//! AF_XDP sockets that send: frames go from memory of our own to the driver, past queues and taps. In copy mode, which every
//! driver has, and without a program, which only receiving takes.

use std::io;
use std::mem;
use std::ops::Range;
use std::os::fd::{AsRawFd, OwnedFd};

use socket2::{Domain, Socket, Type};

use super::error::SysError;
use super::mapping::Mapping;
use super::xdp_ring::Ring;
use crate::wire::packet_batch::PacketBatch;

/// Sends frames out of one queue of one interface.
#[derive(Debug)]
pub struct XdpSocket {
    socket: OwnedFd,
    /// The frames, each in a piece of its own.
    frames: Mapping,
    sending: Ring<libc::xdp_desc>,
    completed: Ring<u64>,
    /// Pieces that the kernel does not have.
    free: Vec<u64>,
    /// Entries of `sending` that were taken, and those that were not yet: the packets that come first in the next call.
    taken: u32,
    pending: usize,
    /// Octets of the largest frame, but for a VLAN tag.
    most: usize,
    lost: u64,
}

impl XdpSocket {
    /// A socket on a queue of the interface with this index, whose packets have `mtu` octets at most.
    ///
    /// # Errors
    /// When CAP_NET_RAW is missing, the kernel has no AF_XDP, there is no such queue, somebody else has it, or the interface takes
    /// larger frames than a piece holds.
    pub fn of_interface(interface: u32, name: &str, mtu: u32, queue: u32) -> Result<Self, SysError> {
        let failed = || SysError::of("open", format!("an AF_XDP socket on {name}"));
        let most = mtu as usize + ETHERNET_LEN;
        if most + VLAN_LEN > PIECE {
            let why =
                "its MTU is larger than the frames of AF_XDP, 2,048 octets; the engine `sendmmsg` takes them";
            return Err(failed()(io::Error::other(why)));
        }
        Self::open(interface, most, queue).map_err(failed())
    }

    fn open(interface: u32, most: usize, queue: u32) -> io::Result<Self> {
        let socket = Socket::new(Domain::from(libc::AF_XDP), Type::RAW, None)?;
        let frames = Mapping::of_memory(PIECE * PIECES as usize)?;
        let area = libc::xdp_umem_reg {
            addr: frames.address(),
            len: (PIECE * PIECES as usize) as u64,
            chunk_size: PIECE as u32,
            headroom: 0,
            flags: 0,
            tx_metadata_len: 0,
        };
        // SAFETY: it is the structure that XDP_UMEM_REG takes, and the memory that it names lives as long as the socket.
        unsafe { set(&socket, libc::XDP_UMEM_REG, &area)? };
        // Binding asks for a fill ring too, which stays empty.
        for ring in [libc::XDP_UMEM_FILL_RING, libc::XDP_UMEM_COMPLETION_RING, libc::XDP_TX_RING] {
            // SAFETY: these options take an int.
            unsafe { set(&socket, ring, &PIECES)? };
        }
        let offsets = offsets(&socket)?;
        let sending = Ring::of_socket(&socket, PIECES, libc::XDP_PGOFF_TX_RING, &offsets.tx)?;
        let page = libc::off_t::try_from(libc::XDP_UMEM_PGOFF_COMPLETION_RING).unwrap_or(0);
        let completed = Ring::of_socket(&socket, PIECES, page, &offsets.cr)?;
        bind_soon(&socket, interface, queue)?;
        let free = (0..u64::from(PIECES)).map(|piece| piece * PIECE as u64).collect();
        let taken = sending.consumed();
        Ok(Self { socket: socket.into(), frames, sending, completed, free, taken, pending: 0, most, lost: 0 })
    }

    /// Sends the frames of `batch` at `places`. Returns how many the driver took, at least one; never waits. Those that it did not
    /// take must be the first of the next call.
    ///
    /// # Errors
    /// Why it took none; `WouldBlock` means that there is no room now.
    pub fn send(&mut self, batch: &PacketBatch, places: Range<usize>) -> io::Result<usize> {
        self.reclaim();
        let mut refused = None;
        let mut next = self.sending.produced();
        for place in places.skip(self.pending) {
            let frame = batch.get(place);
            if let Err(error) = self.check(frame) {
                refused = Some(error);
                break;
            }
            let Some(piece) = self.free.pop() else { break };
            if !self.frames.write(usize::try_from(piece).unwrap_or(usize::MAX), frame) {
                break;
            }
            let len = u32::try_from(frame.len()).unwrap_or(0);
            self.sending.write(next, libc::xdp_desc { addr: piece, len, options: 0 });
            next = next.wrapping_add(1);
            self.pending += 1;
        }
        self.sending.produce_to(next);
        if self.pending == 0 {
            return Err(refused.unwrap_or_else(|| io::Error::from(io::ErrorKind::WouldBlock)));
        }
        let stopped = self.hand_over(next);
        let taken = self.sending.consumed();
        let count = taken.wrapping_sub(self.taken) as usize;
        self.taken = taken;
        self.pending = self.pending.saturating_sub(count);
        match (count, stopped) {
            (0, Some(error)) => Err(error),
            (0, None) => Err(io::Error::from(io::ErrorKind::WouldBlock)),
            (count, _) => Ok(count),
        }
    }

    /// Frames that were taken since the last call, and thrown away by the driver.
    pub fn take_lost(&mut self) -> u64 {
        mem::take(&mut self.lost)
    }

    /// Has the kernel send what is in the ring, some frames with each call.
    fn hand_over(&mut self, until: u32) -> Option<io::Error> {
        let mut before = self.sending.consumed();
        loop {
            // SAFETY: without octets and without an address the call reads no memory of ours.
            let done = unsafe {
                let nothing = std::ptr::null();
                libc::sendto(self.socket.as_raw_fd(), nothing, 0, libc::MSG_DONTWAIT, nothing.cast(), 0)
            };
            let error = (done < 0).then(io::Error::last_os_error);
            match error.as_ref().and_then(io::Error::raw_os_error) {
                // NET_XMIT_DROP of the driver (`__xsk_generic_xmit` in net/xdp/xsk.c): one was taken, and is gone.
                Some(libc::EBUSY) => self.lost += 1,
                None | Some(libc::EAGAIN | libc::ENOBUFS | libc::EINTR) => {}
                Some(_) => return error,
            }
            let now = self.sending.consumed();
            if now == until || (now == before && done >= 0) {
                return None;
            }
            if now == before {
                return error.filter(|error| error.raw_os_error() != Some(libc::EBUSY));
            }
            before = now;
        }
    }

    /// Takes back the pieces whose frames have left.
    fn reclaim(&mut self) {
        let (mut next, end) = (self.completed.consumed(), self.completed.produced());
        while next != end {
            self.free.push(self.completed.read(next));
            next = next.wrapping_add(1);
        }
        self.completed.consume_to(next);
    }

    /// What a packet socket refuses, too.
    fn check(&self, frame: &[u8]) -> io::Result<()> {
        let has_tag = frame.get(12..14) == Some(&[0x81, 0x00]);
        let most = self.most + if has_tag { VLAN_LEN } else { 0 };
        match frame.len() {
            len if len > most => Err(io::Error::from_raw_os_error(libc::EMSGSIZE)),
            len if len < ETHERNET_LEN => Err(io::Error::from_raw_os_error(libc::EINVAL)),
            _ => Ok(()),
        }
    }
}

/// Where the parts of the rings lie.
fn offsets(socket: &Socket) -> io::Result<libc::xdp_mmap_offsets> {
    // SAFETY: xdp_mmap_offsets is plain data, for which all zeros are valid.
    let mut offsets: libc::xdp_mmap_offsets = unsafe { mem::zeroed() };
    let mut len = libc::socklen_t::try_from(size_of_val(&offsets)).unwrap_or(0);
    let (fd, to) = (socket.as_raw_fd(), (&raw mut offsets).cast());
    // SAFETY: it is the structure that XDP_MMAP_OFFSETS gives, and `len` is its size.
    let done = unsafe { libc::getsockopt(fd, libc::SOL_XDP, libc::XDP_MMAP_OFFSETS, to, &raw mut len) };
    if done == 0 { Ok(offsets) } else { Err(io::Error::last_os_error()) }
}

/// Binds, waiting a little for a queue that is in use: the kernel gives back those of a program that has ended behind its end
/// (`xp_put_pool` in net/xdp/xsk_buff_pool.c).
fn bind_soon(socket: &Socket, interface: u32, queue: u32) -> io::Result<()> {
    for _ in 0..TRIES {
        match bind(socket, interface, queue) {
            Err(error) if error.raw_os_error() == Some(libc::EBUSY) => std::thread::sleep(REST),
            other => return other,
        }
    }
    bind(socket, interface, queue)
}

fn bind(socket: &Socket, interface: u32, queue: u32) -> io::Result<()> {
    let address = libc::sockaddr_xdp {
        sxdp_family: u16::try_from(libc::AF_XDP).unwrap_or_default(),
        sxdp_flags: libc::XDP_COPY,
        sxdp_ifindex: interface,
        sxdp_queue_id: queue,
        sxdp_shared_umem_fd: 0,
    };
    let len = libc::socklen_t::try_from(size_of_val(&address)).unwrap_or(0);
    // SAFETY: `address` is a sockaddr_xdp of `len` octets.
    let done = unsafe { libc::bind(socket.as_raw_fd(), (&raw const address).cast(), len) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Sets an option of AF_XDP.
///
/// # Safety
/// `value` must be what the option takes, and what it points to be valid.
unsafe fn set<T>(socket: &Socket, name: i32, value: &T) -> io::Result<()> {
    let len = libc::socklen_t::try_from(size_of::<T>()).unwrap_or(0);
    // SAFETY: `value` is readable for its own size; the caller promises the rest.
    let done = unsafe {
        libc::setsockopt(socket.as_raw_fd(), libc::SOL_XDP, name, std::ptr::from_ref(value).cast(), len)
    };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Octets of a piece, the least that the kernel takes (XDP_UMEM_MIN_CHUNK_SIZE in net/xdp/xdp_umem.c), and how many there are: 4 MiB,
/// half of what an ordinary user may lock.
const PIECE: usize = 2048;
const PIECES: u32 = 2048;
/// How often a queue in use is tried, and how long it is in between.
const TRIES: u32 = 20;
const REST: std::time::Duration = std::time::Duration::from_millis(10);
const ETHERNET_LEN: usize = 14;
const VLAN_LEN: usize = 4;
