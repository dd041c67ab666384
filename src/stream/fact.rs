//! What only those can tell of a packet who saw the packets before it, by Wireshark's names.

use crate::packet::expert::{Group, Severity};
use crate::wire::frame::Frame;

/// Something that is known of a layer from the packets before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "`FACTS` says what each is")]
pub enum Fact {
    TcpStream,
    UdpStream,
    TcpTimeRelative,
    TcpTimeDelta,
    UdpTimeRelative,
    UdpTimeDelta,
    Completeness,
    RelativeSeq,
    NextSeq,
    RelativeAck,
    WindowSize,
    WindowScale,
    Analysis,
    AcksFrame,
    AckRtt,
    InitialRtt,
    BytesInFlight,
    PushBytesSent,
    Flags,
    ReusedPorts,
    LostSegment,
    Retransmission,
    FastRetransmission,
    SpuriousRetransmission,
    OutOfOrder,
    AckLostSegment,
    WindowUpdate,
    WindowFull,
    KeepAlive,
    KeepAliveAck,
    ZeroWindowProbe,
    ZeroWindow,
    ZeroWindowProbeAck,
    DuplicateAck,
    DuplicateAckNum,
    DuplicateAckFrame,
    RtoFrame,
    Rto,
    ConnectionSyn,
    ConnectionSynAck,
    ConnectionFin,
    FinActive,
    FinPassive,
    ConnectionReset,
    FastOpenSyn,
    FastOpenAck,
    FastOpenIgnored,
}

/// What kind of value a fact has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FactKind {
    /// A number.
    Number,
    /// The number of a frame.
    Frame,
    /// It is there or not; where it is, it is 1.
    Flag,
    /// Nanoseconds.
    Span,
}

/// What is to be known of a fact.
#[derive(Debug, Clone, Copy)]
pub struct FactDescription {
    /// Which one.
    pub fact: Fact,
    /// Its whole name: `tcp.stream`.
    pub name: &'static str,
    /// The protocol in whose layers it is.
    pub protocol: &'static str,
    /// What its values are.
    pub kind: FactKind,
    /// What must be done to know it.
    pub need: Need,
    /// Its name for people.
    pub title: &'static str,
    /// How grave it is, and what kind of thing, where it is something that was found.
    pub gravity: Option<(Severity, Group)>,
}

impl FactDescription {
    /// Its name without the protocol's: `stream`.
    pub fn field(&self) -> &'static str {
        let rest = self.name.strip_prefix(self.protocol).unwrap_or_default();
        rest.strip_prefix('.').unwrap_or(rest)
    }
}

/// How much of the packets before must be known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Need {
    /// Nothing.
    #[default]
    Nothing,
    /// Which conversation each belongs to, and when its others came.
    Conversations,
    /// What TCP's sequence and acknowledgment numbers have come to.
    Analysis,
}

impl Fact {
    /// What is to be known of it.
    pub fn description(self) -> &'static FactDescription {
        // The table has all facts in their order, which a test holds.
        FACTS.get(self as usize).unwrap_or(&NOTHING)
    }

    /// The fact with this name.
    pub fn by_name(name: &str) -> Option<Self> {
        FACTS.iter().find(|known| known.name == name).map(|known| known.fact)
    }

    /// The facts of a protocol.
    pub fn of_protocol(protocol: &str) -> impl Iterator<Item = &'static FactDescription> {
        FACTS.iter().filter(move |known| known.protocol == protocol)
    }
}

/// The facts of one packet: each with the layer that it is of, as an index into the table, and its value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts(Vec<(usize, Fact, i64)>);

impl Facts {
    /// Forgets all.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Adds one; layers come in order, and the facts of a layer as they are shown.
    pub(super) fn add(&mut self, layer: usize, fact: Fact, value: i64) {
        self.0.push((layer, fact, value));
    }

    /// Adds one that is there or not.
    pub(super) fn flag(&mut self, layer: usize, fact: Fact) {
        self.add(layer, fact, 1);
    }

    /// The facts of a layer, in the order in which they are shown.
    pub fn of_layer(&self, layer: usize) -> impl Iterator<Item = (Fact, i64)> {
        self.0.iter().filter(move |known| known.0 == layer).map(|known| (known.1, known.2))
    }

    /// The value of a fact of a layer.
    pub fn get(&self, layer: usize, fact: Fact) -> Option<i64> {
        self.of_layer(layer).find(|known| known.0 == fact).map(|known| known.1)
    }

    /// All of them with their layers.
    pub fn iter(&self) -> impl Iterator<Item = (usize, Fact, i64)> {
        self.0.iter().copied()
    }
}

/// Which packet of the capture this is, and when it came.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Moment {
    /// Its number, from 1.
    pub number: u64,
    /// Nanoseconds since 1970; `None` where the capture has no time.
    pub time: Option<i64>,
}

impl Moment {
    /// That of a frame with this number.
    pub fn of(number: u64, frame: &Frame<'_>) -> Self {
        Self { number, time: frame.time }
    }
}

const fn known(
    fact: Fact,
    name: &'static str,
    kind: FactKind,
    need: Need,
    title: &'static str,
) -> FactDescription {
    let protocol = if let [b'u', ..] = name.as_bytes() { "udp" } else { "tcp" };
    FactDescription { fact, name, protocol, kind, need, title, gravity: None }
}

/// Something that was found of sequences.
const fn found(
    fact: Fact,
    name: &'static str,
    severity: Severity,
    need: Need,
    title: &'static str,
) -> FactDescription {
    FactDescription {
        gravity: Some((severity, Group::Sequence)),
        ..known(fact, name, FactKind::Flag, need, title)
    }
}

/// What stands for a fact that the table has not.
const NOTHING: FactDescription = known(Fact::TcpStream, "", FactKind::Number, Need::Nothing, "");

/// All facts.
pub const FACTS: &[FactDescription] = {
    use Fact::*;
    use FactKind::{Flag, Frame, Number, Span};
    use Need::{Analysis as A, Conversations as C};
    use Severity::{Chat, Note, Warning};
    &[
        known(TcpStream, "tcp.stream", Number, C, "Stream index"),
        known(UdpStream, "udp.stream", Number, C, "Stream index"),
        known(TcpTimeRelative, "tcp.time_relative", Span, C, "Time since first frame in this TCP stream"),
        known(TcpTimeDelta, "tcp.time_delta", Span, C, "Time since previous frame in this TCP stream"),
        known(UdpTimeRelative, "udp.time_relative", Span, C, "Time since first frame"),
        known(UdpTimeDelta, "udp.time_delta", Span, C, "Time since previous frame"),
        known(Completeness, "tcp.completeness", Number, A, "Conversation completeness"),
        known(RelativeSeq, "tcp.seq_rel", Number, A, "Sequence number, relative"),
        known(NextSeq, "tcp.nxtseq", Number, A, "Next sequence number, relative"),
        known(RelativeAck, "tcp.ack_rel", Number, A, "Acknowledgment number, relative"),
        known(WindowSize, "tcp.window_size", Number, A, "Calculated window size"),
        known(WindowScale, "tcp.window_size_scalefactor", Number, A, "Window size scaling factor"),
        known(Analysis, "tcp.analysis", Flag, A, "SEQ/ACK analysis"),
        known(AcksFrame, "tcp.analysis.acks_frame", Frame, A, "This is an ACK to the segment in frame"),
        known(AckRtt, "tcp.analysis.ack_rtt", Span, A, "The RTT to ACK the segment was"),
        known(InitialRtt, "tcp.analysis.initial_rtt", Span, A, "iRTT"),
        known(BytesInFlight, "tcp.analysis.bytes_in_flight", Number, A, "Bytes in flight"),
        known(PushBytesSent, "tcp.analysis.push_bytes_sent", Number, A, "Bytes sent since last PSH flag"),
        known(Flags, "tcp.analysis.flags", Flag, A, "TCP Analysis Flags"),
        found(ReusedPorts, "tcp.analysis.reused_ports", Note, A, "TCP Port numbers reused"),
        found(LostSegment, "tcp.analysis.lost_segment", Warning, A, "TCP Previous segment not captured"),
        found(Retransmission, "tcp.analysis.retransmission", Note, A, "TCP Retransmission"),
        found(FastRetransmission, "tcp.analysis.fast_retransmission", Note, A, "TCP Fast Retransmission"),
        found(
            SpuriousRetransmission,
            "tcp.analysis.spurious_retransmission",
            Note,
            A,
            "TCP Spurious Retransmission",
        ),
        found(OutOfOrder, "tcp.analysis.out_of_order", Warning, A, "TCP Out-Of-Order"),
        found(AckLostSegment, "tcp.analysis.ack_lost_segment", Warning, A, "TCP ACKed unseen segment"),
        found(WindowUpdate, "tcp.analysis.window_update", Chat, A, "TCP Window Update"),
        found(WindowFull, "tcp.analysis.window_full", Warning, A, "TCP Window Full"),
        found(KeepAlive, "tcp.analysis.keep_alive", Note, A, "TCP Keep-Alive"),
        found(KeepAliveAck, "tcp.analysis.keep_alive_ack", Note, A, "TCP Keep-Alive ACK"),
        found(ZeroWindowProbe, "tcp.analysis.zero_window_probe", Note, A, "TCP ZeroWindowProbe"),
        found(ZeroWindow, "tcp.analysis.zero_window", Warning, A, "TCP ZeroWindow"),
        found(ZeroWindowProbeAck, "tcp.analysis.zero_window_probe_ack", Note, A, "TCP ZeroWindowProbeAck"),
        found(DuplicateAck, "tcp.analysis.duplicate_ack", Note, A, "TCP Dup ACK"),
        known(DuplicateAckNum, "tcp.analysis.duplicate_ack_num", Number, A, "Duplicate ACK #"),
        known(
            DuplicateAckFrame,
            "tcp.analysis.duplicate_ack_frame",
            Frame,
            A,
            "Duplicate to the ACK in frame",
        ),
        known(RtoFrame, "tcp.analysis.rto_frame", Frame, A, "RTO based on delta from frame"),
        known(Rto, "tcp.analysis.rto", Span, A, "The RTO for this segment was"),
        found(ConnectionSyn, "tcp.connection.syn", Chat, A, "Connection establish request (SYN)"),
        found(
            ConnectionSynAck,
            "tcp.connection.synack",
            Chat,
            A,
            "Connection establish acknowledge (SYN+ACK)",
        ),
        found(ConnectionFin, "tcp.connection.fin", Chat, A, "Connection finish (FIN)"),
        found(FinActive, "tcp.connection.fin_active", Note, A, "Connection closed by this side first"),
        found(FinPassive, "tcp.connection.fin_passive", Note, A, "Connection closed by this side too"),
        found(ConnectionReset, "tcp.connection.rst", Warning, A, "Connection reset (RST)"),
        found(FastOpenSyn, "tcp.analysis.tfo_syn", Note, A, "TCP Fast Open: SYN with a cookie"),
        found(FastOpenAck, "tcp.analysis.tfo_ack", Note, A, "TCP Fast Open: data of the SYN accepted"),
        found(FastOpenIgnored, "tcp.analysis.tfo_ignored", Note, A, "TCP Fast Open: data of the SYN ignored"),
    ]
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_all_facts_in_their_order() {
        for (at, known) in FACTS.iter().enumerate() {
            assert_eq!(known.fact as usize, at, "{}", known.name);
            assert_eq!(Fact::by_name(known.name), Some(known.fact));
            assert_eq!(known.fact.description().name, known.name);
        }
        assert_eq!(FACTS.len(), Fact::FastOpenIgnored as usize + 1);
    }
}
