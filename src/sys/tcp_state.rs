//! What TCP knows of a connection: its state, round trips, window and retransmissions (`TCP_INFO` in tcp(7)).

use std::os::fd::{AsRawFd, BorrowedFd};

/// What the kernel tells of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TcpInfo {
    /// By the names of RFC 9293, section 3.3.2.
    pub state: TcpState,
    /// The smoothed round-trip time in microseconds; 0 while nothing was measured.
    pub rtt_us: u32,
    /// How much it varies, in microseconds.
    pub rtt_var_us: u32,
    /// The congestion window, in segments.
    pub cwnd: u32,
    /// The largest segment that is sent, in octets.
    pub snd_mss: u32,
    /// Segments that are on their way and not acknowledged.
    pub unacked: u32,
    /// Segments that were sent again, since the connection began.
    pub total_retrans: u32,
}

impl TcpInfo {
    /// Of a socket; `None` where it is none of TCP's.
    pub(super) fn of(socket: BorrowedFd<'_>) -> Option<Self> {
        let mut octets = [0u8; LEN];
        let mut len = libc::socklen_t::try_from(LEN).ok()?;
        // SAFETY: the kernel writes at most `len` octets to `octets`, which live through the call, and sets `len`.
        let done = unsafe {
            libc::getsockopt(
                socket.as_raw_fd(),
                libc::IPPROTO_TCP,
                libc::TCP_INFO,
                octets.as_mut_ptr().cast(),
                &raw mut len,
            )
        };
        let word = |at: usize| {
            let octets = octets.get(at..).and_then(|rest| rest.first_chunk());
            octets.map_or(0, |octets| u32::from_ne_bytes(*octets))
        };
        let is_whole = done == 0 && usize::try_from(len).is_ok_and(|len| len == LEN);
        // The places are those of `struct tcp_info` in linux/tcp.h, which only ever grows at its end.
        is_whole.then(|| Self {
            state: TcpState::of(octets.first().copied().unwrap_or(0)),
            snd_mss: word(16),
            unacked: word(24),
            rtt_us: word(68),
            rtt_var_us: word(72),
            cwnd: word(80),
            total_retrans: word(100),
        })
    }
}

/// As far as `tcpi_total_retrans`, the last word that is read.
const LEN: usize = 104;

/// The state of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TcpState {
    /// A state that this list does not have.
    Unknown,
    /// Both sides may send.
    Established,
    /// A SYN was sent.
    SynSent,
    /// A SYN came, and its answer was sent.
    SynReceived,
    /// This side has ended, the other one has not acknowledged that.
    FinWait1,
    /// This side has ended.
    FinWait2,
    /// Both have ended; what may still be on its way is waited for.
    TimeWait,
    /// There is no connection.
    Closed,
    /// The other side has ended.
    CloseWait,
    /// The other side has ended first, then this one, and the acknowledgment is awaited.
    LastAck,
    /// Connections are waited for.
    Listen,
    /// Both have ended at the same time.
    Closing,
}

impl TcpState {
    /// By the kernel's number (net/tcp_states.h).
    fn of(number: u8) -> Self {
        match number {
            1 => Self::Established,
            2 => Self::SynSent,
            3 | 12 => Self::SynReceived,
            4 => Self::FinWait1,
            5 => Self::FinWait2,
            6 => Self::TimeWait,
            7 => Self::Closed,
            8 => Self::CloseWait,
            9 => Self::LastAck,
            10 => Self::Listen,
            11 => Self::Closing,
            _ => Self::Unknown,
        }
    }

    /// Its name in RFC 9293.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unknown => "UNKNOWN",
            Self::Established => "ESTABLISHED",
            Self::SynSent => "SYN-SENT",
            Self::SynReceived => "SYN-RECEIVED",
            Self::FinWait1 => "FIN-WAIT-1",
            Self::FinWait2 => "FIN-WAIT-2",
            Self::TimeWait => "TIME-WAIT",
            Self::Closed => "CLOSED",
            Self::CloseWait => "CLOSE-WAIT",
            Self::LastAck => "LAST-ACK",
            Self::Listen => "LISTEN",
            Self::Closing => "CLOSING",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{Shutdown, TcpListener, TcpStream, UdpSocket};
    use std::os::fd::AsFd;

    #[test]
    fn states_are_those_of_the_connection() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let state = |socket: BorrowedFd<'_>| TcpInfo::of(socket).unwrap().state;
        assert_eq!(state(listener.as_fd()), TcpState::Listen);
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (server, _) = listener.accept().unwrap();
        let info = TcpInfo::of(client.as_fd()).unwrap();
        assert_eq!(info.state, TcpState::Established);
        assert!(info.cwnd >= 1 && info.snd_mss > 500 && info.rtt_us > 0, "{info:?}");
        server.shutdown(Shutdown::Write).unwrap();
        assert_eq!(state(client.as_fd()), TcpState::CloseWait);
        // The FIN may be acknowledged a moment later.
        assert!(matches!(state(server.as_fd()), TcpState::FinWait1 | TcpState::FinWait2));
    }

    #[test]
    fn udp_has_none() {
        assert_eq!(TcpInfo::of(UdpSocket::bind("127.0.0.1:0").unwrap().as_fd()), None);
    }
}
