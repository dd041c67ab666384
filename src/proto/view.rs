//! A layer of a packet, as a summary sees it.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use super::auto::Scope;
use super::describe::{Extent, Protocol, Stated};
use super::registry;
use super::section::Form;
use crate::wire::layers::{LayerEntry, LayerState, LayerTable};
use crate::wire::text::{Put, Text};

/// Names for addresses and ports, where lines are to have some.
pub trait Names: fmt::Debug + Send + Sync {
    /// Appends the name of a host; `false`, and nothing is appended, where it is not known, or not known yet. It may come from
    /// outside and hold anything, so it goes through what escapes ([`Text::write_str`]).
    fn put_host(&self, address: IpAddr, out: &mut Text) -> bool;
    /// Appends the name of a service, `http` for port 80 of `tcp`; `false` where it has none.
    fn put_service(&self, protocol: &'static str, port: u16, out: &mut Text) -> bool;
}

/// How lines write end points: addresses with the ports of the layer above, `10.0.0.1.49152`.
#[derive(Debug, Clone, Default)]
pub struct EndPointStyle {
    /// Names that stand in the place of numbers.
    pub names: Option<Arc<dyn Names>>,
}

impl EndPointStyle {
    /// All as numbers.
    pub const NUMBERS: &'static Self = &Self { names: None };
}

/// A layer of a packet, as a summary sees it.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    /// The packet and the layer's place in it.
    pub scope: Scope<'a>,
    /// The layer's protocol, which is asked for again and again.
    protocol: &'static Protocol,
    /// Octets of the packet on the wire, which may be more than were captured.
    pub wire_len: usize,
    /// How end points are written; `None` for addresses alone, as numbers. One pointer: a view is made for each layer that a
    /// line has.
    style: Option<&'a EndPointStyle>,
    /// Whether what names the next protocol is written too, as with the headers of the link.
    pub with_link: bool,
}

impl<'a> View<'a> {
    /// A view of the layer with this index.
    #[inline]
    pub fn new(packet: &'a [u8], table: &'a LayerTable, wire_len: usize, index: usize) -> Self {
        let scope = Scope::of_layer(packet, table, index);
        let entry = table.entries().get(index);
        let protocol = entry.map_or_else(|| registry().data(), |entry| registry().get(entry.protocol));
        Self { scope, protocol, wire_len, style: None, with_link: false }
    }

    /// A view for a line, whose end points are written so, of a layer whose entry and protocol are known already.
    #[inline]
    pub fn of_line(
        (packet, table, wire_len): (&'a [u8], &'a LayerTable, usize),
        (index, entry): (usize, &LayerEntry),
        protocol: &'static Protocol,
        (style, with_link): (&'a EndPointStyle, bool),
    ) -> Self {
        let (start, end) = (entry.start as usize, entry.header_end as usize);
        let scope = Scope { packet, table, index, start, end, field: 0 };
        Self { scope, protocol, wire_len, style: Some(style), with_link }
    }

    /// The header's octets.
    #[inline]
    pub fn header(&self) -> &'a [u8] {
        self.scope.region()
    }

    /// The layer's octets on the wire, header and payload, whether captured or not.
    pub fn layer_len(&self) -> usize {
        self.wire_end().saturating_sub(self.scope.start)
    }

    /// Octets on the wire behind the header, whether captured or not.
    pub fn payload_len(&self) -> usize {
        self.wire_end().saturating_sub(self.header_end())
    }

    /// Whether the header goes on behind the octets that are there.
    pub fn is_cut(&self) -> bool {
        self.scope.layer().is_some_and(|entry| entry.state == LayerState::Cut)
    }

    /// Where the header ends on the wire; of one that is cut its own length may be there, as in TCP.
    #[inline]
    fn header_end(&self) -> usize {
        let Scope { table, start, end, .. } = self.scope;
        if table.is_sound() {
            return end;
        }
        match self.protocol.sections.form() {
            Form::Stated(fixed, more) if self.is_cut() => {
                let head = self.header().get(..fixed);
                let len = head.and_then(more).map(|more| fixed.saturating_add(more));
                len.map_or(end, |len| start.saturating_add(len))
            }
            _ => end,
        }
    }

    /// Where the layer ends on the wire.
    #[inline]
    fn wire_end(&self) -> usize {
        let Scope { packet, table, .. } = self.scope;
        // Where all octets are there that anything says, the layer ends where its octets do.
        if table.is_sound()
            && self.wire_len <= packet.len()
            && self.protocol.reaches_its_end()
            && let Some(entry) = self.scope.layer()
        {
            return entry.end as usize;
        }
        self.stated_end()
    }

    /// Where the layer ends on the wire: as it says itself, or the nearest layer below that says something.
    fn stated_end(&self) -> usize {
        let to_own = self.scope.table.entries().get(..=self.scope.index).unwrap_or_default();
        let Some(own) = to_own.last() else { return self.wire_len };
        for entry in to_own.iter().rev().take_while(|entry| entry.quoted_by == own.quoted_by) {
            let protocol = registry().get(entry.protocol);
            if protocol.payload_len.is_none() && !matches!(protocol.extent, Extent::Stated(_)) {
                continue;
            }
            let (start, header_end) = (entry.start as usize, entry.header_end as usize);
            let header = self.scope.packet.get(start..header_end).unwrap_or_default();
            if let Some(len) = protocol.payload_len.and_then(|read| read(header)) {
                return header_end.saturating_add(usize::try_from(len).unwrap_or(usize::MAX));
            }
            let Extent::Stated(read) = protocol.extent else { continue };
            match read(header) {
                Stated::Octets(len) => {
                    return start.saturating_add(usize::try_from(len).unwrap_or(usize::MAX));
                }
                // A layer that contradicts itself reaches as far as its octets do.
                Stated::Lies => return entry.end as usize,
                Stated::Rest => {}
            }
        }
        self.wire_len
    }

    /// The layer's protocol.
    #[inline]
    pub fn protocol(&self) -> &'static Protocol {
        self.protocol
    }

    /// The layer that this one carries.
    pub fn above(&self) -> Option<Self> {
        let (index, _) = self.scope.table.child(self.scope.index)?;
        Some(Self::new(self.scope.packet, self.scope.table, self.wire_len, index))
    }

    /// The first layer of the packet that this one quotes.
    pub fn quoted(&self) -> Option<Self> {
        let index = self.scope.table.quoted(self.scope.index)?;
        Some(Self::new(self.scope.packet, self.scope.table, self.wire_len, index))
    }

    /// The protocol and the header of this layer, or of the nearest one that it carries, that has ports.
    pub fn transport(&self) -> Option<(&'static Protocol, &'a [u8])> {
        let Scope { packet, table, index, .. } = self.scope;
        let mut chain = table.entries().get(index..)?.iter();
        let mut entry = chain.next()?;
        let mut protocol = self.protocol;
        while protocol.ports.is_none() {
            entry = chain.next().filter(|above| above.quoted_by == entry.quoted_by)?;
            protocol = registry().get(entry.protocol);
            // What pairs replies by itself, such as IP inside a tunnel, has end points of its own.
            if protocol.ports.is_none() && protocol.identity.is_some() {
                return None;
            }
        }
        Some((protocol, packet.get(entry.start as usize..entry.header_end as usize).unwrap_or_default()))
    }

    /// Source and destination port of the transport layer.
    #[inline]
    pub fn ports(&self) -> Option<(u16, u16)> {
        // Nearly always it is the next layer that has them.
        if self.protocol.ports.is_none()
            && let Some((_, entry)) = self.scope.table.child(self.scope.index)
            && let Some(read) = registry().get(entry.protocol).ports
        {
            return read(self.scope.packet.get(entry.start as usize..entry.header_end as usize)?);
        }
        let (protocol, header) = self.transport()?;
        (protocol.ports?)(header)
    }

    /// Names, where they are wanted.
    #[inline]
    fn names(&self) -> Option<&'a Arc<dyn Names>> {
        self.style?.names.as_ref()
    }

    /// An address as lines write it: by its name, where names are wanted and it has one.
    #[inline]
    pub fn named(&self, address: impl Into<IpAddr>) -> Named<'a> {
        Named(self.names(), address.into())
    }

    /// A port of the transport protocol with this name, by the name of its service, as [`named`](Self::named).
    #[inline]
    pub fn named_port(&self, protocol: &'static str, port: u16) -> NamedPort<'a> {
        NamedPort(self.names(), protocol, port)
    }

    /// Writes `source > destination`, with the ports of the layer above where they are wanted.
    pub fn end_points<A: Put + Into<IpAddr>>(
        &self,
        out: &mut Text,
        source: A,
        destination: A,
    ) -> fmt::Result {
        let ports = self.style.and_then(|_| self.ports());
        if self.names().is_some() {
            self.named_end_points(out, ports, source.into(), destination.into());
            return Ok(());
        }
        match ports {
            Some((from, to)) => {
                out.put(source).put(".").put(from).put(" > ").put(destination).put(".").put(to);
            }
            None => {
                out.put(source).put(" > ").put(destination);
            }
        }
        Ok(())
    }

    /// Apart, so that lines of numbers do not carry it along.
    #[cold]
    fn named_end_points(
        &self,
        out: &mut Text,
        ports: Option<(u16, u16)>,
        source: IpAddr,
        destination: IpAddr,
    ) {
        let (source, destination) = (self.named(source), self.named(destination));
        match ports {
            Some((from, to)) => {
                let protocol = self.transport().map_or("", |(protocol, _)| protocol.name);
                out.put(source).put(".").put(self.named_port(protocol, from));
                out.put(" > ").put(destination).put(".").put(self.named_port(protocol, to));
            }
            None => {
                out.put(source).put(" > ").put(destination);
            }
        }
    }
}

/// An address, by its name where it has one.
#[derive(Debug, Clone, Copy)]
pub struct Named<'n>(Option<&'n Arc<dyn Names>>, IpAddr);

impl Put for Named<'_> {
    fn put(self, out: &mut Text) {
        let Self(names, address) = self;
        if names.is_some_and(|names| names.put_host(address, out)) {
            return;
        }
        match address {
            IpAddr::V4(address) => address.put(out),
            IpAddr::V6(address) => address.put(out),
        }
    }
}

impl fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        displayed(*self, f)
    }
}

/// A port, by the name of its service where it has one.
#[derive(Debug, Clone, Copy)]
pub struct NamedPort<'n>(Option<&'n Arc<dyn Names>>, &'static str, u16);

impl Put for NamedPort<'_> {
    fn put(self, out: &mut Text) {
        let Self(names, protocol, port) = self;
        if !names.is_some_and(|names| names.put_service(protocol, port, out)) {
            port.put(out);
        }
    }
}

impl fmt::Display for NamedPort<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        displayed(*self, f)
    }
}

fn displayed(what: impl Put, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut text = Text::default();
    text.put(what);
    f.write_str(text.as_str())
}
