//! The states of a connection of TCP.

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
    pub(super) fn of(number: u8) -> Self {
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
