//! A frame: the octets of one packet, and what the capture knows about them.

use super::comments::Comments;

/// Link types, as registered for pcap files (<https://www.tcpdump.org/linktypes.html>), 16 bits in pcapng.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkType(pub u32);

impl LinkType {
    /// BSD loopback: a 4-octet address family in the byte order of the machine that captured.
    pub const NULL: Self = Self(0);
    /// Ethernet II and 802.3.
    pub const ETHERNET: Self = Self(1);
    /// Raw IP, version by the first nibble.
    pub const RAW: Self = Self(101);
    /// OpenBSD loopback: a 4-octet address family in network byte order.
    pub const LOOP: Self = Self(108);
    /// Linux cooked capture, version 1.
    pub const LINUX_SLL: Self = Self(113);
    /// Raw IPv4.
    pub const IPV4: Self = Self(228);
    /// Raw IPv6.
    pub const IPV6: Self = Self(229);
    /// Linux cooked capture, version 2.
    pub const LINUX_SLL2: Self = Self(276);
}

/// Which way a frame went, seen from the capturing host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Direction {
    /// Not known (the file does not say).
    #[default]
    Unknown,
    /// Received by this host.
    Inbound,
    /// Sent by this host.
    Outbound,
}

/// One captured frame. The octets are borrowed from the ring, the file buffer or the builder.
#[derive(Debug, Clone, Copy)]
pub struct Frame<'a> {
    /// The captured octets.
    pub data: &'a [u8],
    /// Length on the wire in octets; larger than `data.len()` where the snapshot length cut the frame. A file may say that it
    /// is smaller, which cannot be.
    pub len: u32,
    /// Nanoseconds since 1970-01-01 UTC; `None` where the file holds no time (pcapng simple packet blocks). Reaches from the
    /// years 1677 to 2262; what lies outside stands at these ends.
    pub time: Option<i64>,
    /// What the octets begin with.
    pub link_type: LinkType,
    /// Which interface of the capture, counted from 0 over the whole file.
    pub interface: u32,
    /// The first interface of its section, counted likewise: 0 but in pcapng files of several sections.
    pub section_start: u32,
    /// Which way it went.
    pub direction: Direction,
    /// What somebody noted about it; pcapng keeps that, pcap cannot.
    pub comment: Option<Comments<'a>>,
}

impl<'a> Frame<'a> {
    /// A whole frame without a time, as a builder makes it.
    pub fn new(data: &'a [u8], link_type: LinkType) -> Self {
        let len = u32::try_from(data.len()).unwrap_or(u32::MAX);
        Self {
            data,
            len,
            time: None,
            link_type,
            interface: 0,
            section_start: 0,
            direction: Direction::Unknown,
            comment: None,
        }
    }

    /// The number that the file has for its interface: each section of pcapng counts from 0 (draft-ietf-opsawg-pcapng, section 4.2).
    pub fn interface_id(&self) -> u32 {
        self.interface.saturating_sub(self.section_start)
    }
}

/// A frame that is kept: it owns its octets and its comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnedFrame {
    /// See [`Frame::data`].
    pub data: Vec<u8>,
    /// See [`Frame::len`].
    pub len: u32,
    /// See [`Frame::time`].
    pub time: Option<i64>,
    /// See [`Frame::link_type`].
    pub link_type: LinkType,
    /// See [`Frame::interface`].
    pub interface: u32,
    /// See [`Frame::section_start`].
    pub section_start: u32,
    /// See [`Frame::direction`].
    pub direction: Direction,
    /// See [`Frame::comment`]; as [`Comments::kept`] has them.
    pub comment: Option<String>,
}

impl From<&Frame<'_>> for OwnedFrame {
    fn from(frame: &Frame<'_>) -> Self {
        let Frame { data, len, time, link_type, interface, section_start, direction, comment } = *frame;
        let (data, comment) = (data.to_vec(), comment.map(|comments| comments.kept()));
        Self { data, len, time, link_type, interface, section_start, direction, comment }
    }
}

impl OwnedFrame {
    /// The frame.
    pub fn borrowed(&self) -> Frame<'_> {
        let Self { len, time, link_type, interface, section_start, direction, .. } = *self;
        let comment = self.comment.as_deref().map(Comments::from);
        Frame { data: &self.data, len, time, link_type, interface, section_start, direction, comment }
    }
}
