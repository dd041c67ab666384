//! What the kernel's TCP tells of a connection (TCP_INFO in tcp(7), `struct tcp_info` in linux/tcp.h).

use std::os::fd::{AsRawFd, BorrowedFd};

use super::tcp_state::TcpState;

/// A connection as its own end knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TcpInfo {
    /// By the names of RFC 9293, section 3.3.2.
    pub state: TcpState,
    /// Options that both ends agreed on: bits of [`TIMESTAMPS`] and the others.
    pub options: u8,
    /// The shift of windows that the other end tells.
    pub snd_wscale: u8,
    /// The shift of windows that this end tells.
    pub rcv_wscale: u8,
    /// The largest segment that is sent, without options.
    pub snd_mss: u32,
    /// Path MTU in octets.
    pub pmtu: u32,
    /// Segments that are on their way and not acknowledged.
    pub unacked: u32,
    /// The congestion window, in segments.
    pub cwnd: u32,
    /// Smoothed round-trip time in microseconds; 0 while nothing was measured.
    pub rtt_us: u32,
    /// Its variance in microseconds.
    pub rtt_var_us: u32,
    /// The largest segment that was advertised.
    pub advmss: u32,
    /// Segments that were sent again.
    pub total_retrans: u32,
}

/// Time stamps are used.
pub const TIMESTAMPS: u8 = 1;
/// Selective acknowledgments are.
pub const SACK: u8 = 2;
/// Windows are scaled.
pub const WINDOW_SCALES: u8 = 4;
/// Congestion is told explicitly.
pub const ECN: u8 = 8;

impl TcpInfo {
    /// Of a socket; `None` where it is none of TCP's.
    pub(super) fn of(socket: BorrowedFd<'_>) -> Option<Self> {
        let mut info = [0u8; INFO_LEN];
        let mut len = libc::socklen_t::try_from(INFO_LEN).ok()?;
        let fd = socket.as_raw_fd();
        // SAFETY: the pointers are to an array of `len` octets and to its length, both alive for the call.
        let done = unsafe {
            libc::getsockopt(fd, libc::IPPROTO_TCP, libc::TCP_INFO, info.as_mut_ptr().cast(), &raw mut len)
        };
        let is_whole = done == 0 && usize::try_from(len).is_ok_and(|len| len == INFO_LEN);
        is_whole.then(|| Self::read(&info))
    }

    /// The places are those of `struct tcp_info`, which only ever grows at its end.
    fn read(info: &[u8; INFO_LEN]) -> Self {
        let octet = |at: usize| info.get(at).copied().unwrap_or_default();
        let word = |at: usize| {
            let octets = info.get(at..).and_then(|rest| rest.first_chunk::<4>()).copied();
            octets.map(u32::from_ne_bytes).unwrap_or_default()
        };
        // Two bit fields of four bits in one octet, the first in the low half where the machine is little-endian.
        let scales = octet(6);
        let (low, high) = (scales & 0xf, scales >> 4);
        let (snd_wscale, rcv_wscale) = if cfg!(target_endian = "little") { (low, high) } else { (high, low) };
        Self {
            state: TcpState::of(octet(0)),
            options: octet(5),
            snd_wscale,
            rcv_wscale,
            snd_mss: word(16),
            unacked: word(24),
            pmtu: word(60),
            rtt_us: word(68),
            rtt_var_us: word(72),
            cwnd: word(80),
            advmss: word(84),
            total_retrans: word(100),
        }
    }
}

/// As much of the structure as is read, as far as `tcpi_total_retrans`: kernels before 2.6.25 had as much.
const INFO_LEN: usize = 104;

#[cfg(test)]
mod tests {
    use std::net::{Shutdown, TcpListener, TcpStream, UdpSocket};
    use std::os::fd::AsFd;

    use super::*;

    #[test]
    fn a_connection_over_loopback_tells_its_numbers() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let info = TcpInfo::of(stream.as_fd()).unwrap();
        assert!(info.rtt_us > 0 && info.rtt_us < 1_000_000, "{info:?}");
        assert_eq!(info.pmtu, 65_535.min(info.pmtu).max(1500), "{info:?}");
        assert!(info.snd_mss < info.pmtu && info.advmss >= info.snd_mss / 2, "{info:?}");
        assert!(info.cwnd >= 1 && info.snd_mss > 500, "{info:?}");
        let datagrams = UdpSocket::bind("127.0.0.1:0").unwrap();
        assert_eq!(TcpInfo::of(datagrams.as_fd()), None);
    }

    #[test]
    fn states_are_those_of_the_connection() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let state = |socket: BorrowedFd<'_>| TcpInfo::of(socket).unwrap().state;
        assert_eq!(state(listener.as_fd()), TcpState::Listen);
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (server, _) = listener.accept().unwrap();
        assert_eq!(state(client.as_fd()), TcpState::Established);
        server.shutdown(Shutdown::Write).unwrap();
        assert_eq!(state(client.as_fd()), TcpState::CloseWait);
        // The FIN may be acknowledged a moment later.
        assert!(matches!(state(server.as_fd()), TcpState::FinWait1 | TcpState::FinWait2));
    }
}
