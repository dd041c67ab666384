//! The request by hand, and what its reply must be.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::exchange::engine::{MILLISECOND, Nanos};
use crate::packet::build::{BuildError, Built, build};
use crate::packet::{Layer, Node, Packet};
use crate::proto::{data, registry};
use crate::wire::value::Value;

use super::route::RouteQuery;
use super::tag::{Mark, Tag};

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Query {
    /// To send the same back (RFC 792, RFC 4443 §4.1).
    Echo,
    /// What time it is there (RFC 792).
    Timestamp,
    /// How an interface of the node is (RFC 8335).
    ExtendedEcho(AskedInterface),
}

/// Which interface of another node is asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AskedInterface {
    /// By its name.
    Name(String),
    /// By its index.
    Index(u32),
    /// By an address of its own.
    Address(IpAddr),
}

/// What all requests of a run have in common.
#[derive(Debug, Clone)]
pub struct RequestPlan {
    /// What is asked.
    pub query: Query,
    /// Octets of payload; an echo's only.
    pub size: usize,
    /// What fills the payload, again and again; empty for a run of counting octets, as `ping` sends, behind the run's tag.
    pub pattern: Vec<u8>,
    /// Time to live or hop limit; left out, 64, and 1 to multicast addresses.
    pub ttl: Option<u8>,
    /// The whole former type-of-service octet: DSCP and ECN, or the traffic class.
    pub tos: u8,
    /// Whether routers may cut it: IPv4's DF bit is clear.
    pub may_fragment: bool,
    /// Fields of the IP header that somebody wrote, in place of all others.
    pub header: Vec<(String, Node)>,
    /// What routers are to write into an IPv4 header.
    pub route: Option<RouteQuery>,
    /// Identifier.
    pub ident: u16,
    /// Says whose payloads are whose.
    pub tag: Tag,
    /// How many nanoseconds the calendar is ahead of the monotonic clock: time stamps are told since midnight.
    pub calendar: i64,
}

/// A request of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request {
    /// Which.
    pub mark: Mark,
    /// When it was made.
    pub at: Nanos,
}

impl RequestPlan {
    /// Whether payloads carry the run's tag: with a pattern they are all the user's own.
    pub fn is_tagged(&self) -> bool {
        self.query == Query::Echo && self.pattern.is_empty()
    }

    /// How many requests there are until their numbers in the header begin anew.
    pub fn window(&self) -> u64 {
        match self.query {
            // RFC 8335 §2 has 8 bits.
            Query::ExtendedEcho(_) => 1 << 8,
            Query::Echo | Query::Timestamp => 1 << 16,
        }
    }

    /// Octets behind the first eight of ICMP, and of options in an IPv4 header, of a request from `source` to `destination`; `None`
    /// where it cannot be built.
    pub fn sizes(&self, source: IpAddr, destination: IpAddr) -> Option<(usize, usize)> {
        if self.query == Query::Echo && self.header.is_empty() && self.route.is_none() {
            return Some((self.size, 0));
        }
        let octets =
            self.build(source, destination, Request { mark: Mark { target: 0, seq: 0 }, at: 0 }).ok()?.octets;
        let (header, options) = match octets.first()? >> 4 {
            4 => {
                let header = usize::from(octets.first()? & 0xf).checked_mul(4)?;
                (header, header.checked_sub(20)?)
            }
            _ => (40, 0),
        };
        Some((octets.len().checked_sub(header)?.checked_sub(8)?, options))
    }

    /// What stands behind identifier and sequence number.
    pub fn payload(&self, request: Request) -> Vec<u8> {
        match self.query {
            Query::Echo => {
                let mut payload: Vec<u8> = match self.pattern.is_empty() {
                    true => (0..self.size).map(|at| (at & 0xff) as u8).collect(),
                    false => self.pattern.iter().copied().cycle().take(self.size).collect(),
                };
                if self.is_tagged() {
                    self.tag.write(request.mark, &mut payload);
                }
                payload
            }
            Query::Timestamp => self.since_midnight(request.at).to_be_bytes().to_vec(),
            Query::ExtendedEcho(_) => Vec::new(),
        }
    }

    /// Milliseconds since midnight UT.
    pub fn since_midnight(&self, at: Nanos) -> u32 {
        let wall = i64::try_from(at).unwrap_or(i64::MAX).saturating_add(self.calendar);
        let day = 86_400_000i64;
        let millis = wall.div_euclid(i64::try_from(MILLISECOND).unwrap_or(1)).rem_euclid(day);
        u32::try_from(millis).unwrap_or(0)
    }

    /// The request from `source` to `destination`, IP header included.
    ///
    /// # Errors
    /// When the payload is larger than the length fields can say, or a field of the header is none.
    pub fn build(&self, source: IpAddr, destination: IpAddr, request: Request) -> Result<Built, BuildError> {
        build(&self.packet(source, destination, request))
    }

    /// The same before it is built.
    pub(super) fn packet(&self, source: IpAddr, destination: IpAddr, request: Request) -> Packet {
        let layers = match (source, destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                let mut ip = self.ipv4(source, destination, request.mark.seq);
                let time = self.since_midnight(request.at);
                ip.fields.extend(self.route.map(|route| route.field(source, time)));
                vec![self.written(ip), self.icmp(request, "icmp", "ident", "seq")]
            }
            (source, destination) => {
                let ip = self.ipv6(to_v6(source), to_v6(destination));
                let icmp = self.icmp(request, "icmpv6", "echo.identifier", "echo.sequence_number");
                vec![self.written(ip), icmp]
            }
        };
        let payload = match self.query {
            Query::Echo => Some(self.payload(request)),
            Query::Timestamp | Query::ExtendedEcho(_) => None,
        };
        let data = |octets| Layer::new(registry().data()).with(data::HEX, Value::Octets(octets));
        Packet { layers: layers.into_iter().chain(payload.map(data)).collect(), trailer: Vec::new() }
    }

    fn icmp(&self, request: Request, name: &str, ident: &str, seq: &str) -> Layer {
        let number = |n: u32| Value::Uint(u64::from(n));
        // The field has 16 bits: it wraps around, the payload does not.
        let wire_seq = (request.mark.seq % self.window()) as u32;
        let is_v6 = name == "icmpv6";
        let icmp = Layer::new(registry().by_name(name).unwrap_or(registry().data()));
        let own = number(self.ident.into());
        match &self.query {
            Query::Echo => {
                let kind = if is_v6 { 128 } else { 8 };
                icmp.with("type", number(kind)).with(ident, own).with(seq, number(wire_seq))
            }
            Query::Timestamp => icmp
                .with("type", number(13))
                .with(ident, own)
                .with(seq, number(wire_seq))
                .with("originate_timestamp", number(self.since_midnight(request.at))),
            Query::ExtendedEcho(interface) => {
                let kind = if is_v6 { 160 } else { 42 };
                let mut icmp = icmp
                    .with("type", number(kind))
                    .with(ident, own)
                    .with("ext.echo.seq", number(wire_seq))
                    .with("ext.echo.req.local", Value::Bool(true));
                icmp.fields.push(("ext.objects".to_owned(), Node::List(vec![interface.object()])));
                icmp
            }
        }
    }

    /// The identification of an IPv4 header: not zero, or the kernel would choose one (raw(7)).
    pub(super) fn ip_id(&self, seq: u64) -> u64 {
        u64::from(self.ident).wrapping_add(seq) % 0xffff + 1
    }

    /// The time to live of a request: where nothing was said, what leaves for many hosts stays on the link (RFC 1112 §6.1, and the kernel's
    /// own IP_MULTICAST_TTL and IPV6_MULTICAST_HOPS).
    fn ttl_to(&self, destination: IpAddr) -> u64 {
        let usual = if destination.is_multicast() { 1 } else { TTL };
        u64::from(self.ttl.unwrap_or(usual))
    }

    fn ipv4(&self, source: Ipv4Addr, destination: Ipv4Addr, seq: u64) -> Layer {
        let id = self.ip_id(seq);
        Layer::new(registry().by_name("ip").unwrap_or(registry().data()))
            .with("dsfield", Value::Uint(u64::from(self.tos)))
            .with("id", Value::Uint(id))
            .with("flags.df", Value::Bool(!self.may_fragment))
            .with("ttl", Value::Uint(self.ttl_to(destination.into())))
            .with("src", Value::Ipv4(source))
            .with("dst", Value::Ipv4(destination))
    }

    fn ipv6(&self, source: Ipv6Addr, destination: Ipv6Addr) -> Layer {
        Layer::new(registry().by_name("ipv6").unwrap_or(registry().data()))
            .with("tclass", Value::Uint(u64::from(self.tos)))
            .with("hlim", Value::Uint(self.ttl_to(destination.into())))
            .with("src", Value::Ipv6(source))
            .with("dst", Value::Ipv6(destination))
    }

    /// The header with what somebody wrote in place of ours; `dsfield.dscp` takes the place of the whole `dsfield`.
    fn written(&self, mut ip: Layer) -> Layer {
        let group = |name: &str| name.split('.').next().unwrap_or_default().to_owned();
        ip.fields.retain(|(ours, _)| !self.header.iter().any(|(theirs, _)| group(theirs) == group(ours)));
        ip.fields.extend(self.header.iter().cloned());
        ip
    }

    /// What is wrong with the octets behind a reply's sequence number.
    pub fn judge(&self, request: Request, payload: &[u8]) -> Verdict {
        // An extended echo's reply has none.
        if matches!(self.query, Query::ExtendedEcho(_)) {
            return Verdict::Whole;
        }
        let sent = self.payload(request);
        let came = match self.query {
            // The two stamps behind are the other side's.
            Query::Timestamp => payload.get(..sent.len()).unwrap_or(payload),
            _ => payload,
        };
        if sent == came {
            return Verdict::Whole;
        }
        let differs = |at: &usize| sent.get(*at) != came.get(*at);
        let Some(first) = (0..sent.len().max(came.len())).find(differs) else { return Verdict::Whole };
        let tag = Tag::place(sent.len());
        if self.is_tagged() && came.len() >= tag.end && tag.clone().any(|at| differs(&at)) {
            return Verdict::Forged;
        }
        match (sent.get(first).copied(), came.get(first).copied()) {
            (Some(sent), Some(came)) => Verdict::Octet { at: first, sent, came },
            _ => Verdict::Length { sent: sent.len(), came: came.len() },
        }
    }
}

/// What a reply's payload is, beside what was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The same.
    Whole,
    /// An octet of it is not what was sent.
    Octet {
        /// Its place in the payload, from 0.
        at: usize,
        /// What was sent there.
        sent: u8,
        /// What came.
        came: u8,
    },
    /// It is shorter or longer.
    Length {
        /// Octets that were sent.
        sent: usize,
        /// Octets that came.
        came: usize,
    },
    /// The tag is not this run's: who made it has not seen the request.
    Forged,
}

impl AskedInterface {
    /// The interface identification object (RFC 8335 §2.1).
    fn object(&self) -> Node {
        let (ctype, octets) = match self {
            Self::Name(name) => {
                let mut octets = name.as_bytes().to_vec();
                octets.resize(octets.len().next_multiple_of(4), 0);
                (1, octets)
            }
            Self::Index(index) => (2, index.to_be_bytes().to_vec()),
            // IANA address family numbers: 1 and 2. Length and a reserved octet stand between.
            Self::Address(IpAddr::V4(address)) => (3, [&[0, 1, 4, 0][..], &address.octets()].concat()),
            Self::Address(IpAddr::V6(address)) => (3, [&[0, 2, 16, 0][..], &address.octets()].concat()),
        };
        let field = |name: &str, value| (name.to_owned(), Node::Value(value));
        Node::Table(vec![
            field("class", Value::Uint(3)),
            field("ctype", Value::Uint(ctype)),
            field("data", Value::Octets(octets)),
        ])
    }
}

fn to_v6(address: IpAddr) -> Ipv6Addr {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    }
}

/// As with ping.
const TTL: u8 = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use std::hash::RandomState;

    fn plan(size: usize) -> RequestPlan {
        RequestPlan {
            query: Query::Echo,
            size,
            pattern: vec![],
            ttl: Some(64),
            tos: 0,
            may_fragment: false,
            header: vec![],
            route: None,
            ident: 0x1234,
            tag: Tag { token: [7; 4], keys: RandomState::new() },
            calendar: 0,
        }
    }

    fn request(seq: u64) -> Request {
        Request { mark: Mark { target: 0, seq }, at: 0 }
    }

    fn built(plan: &RequestPlan, seq: u64) -> Vec<u8> {
        plan.build([10, 0, 0, 1].into(), [10, 0, 0, 2].into(), request(seq)).unwrap().octets
    }

    #[test]
    fn a_request_is_what_etherparse_reads() {
        let octets = built(&plan(56), 65_537);
        let read = etherparse::SlicedPacket::from_ip(&octets).unwrap();
        let Some(etherparse::TransportSlice::Icmpv4(icmp)) = read.transport else { panic!("no ICMP") };
        let etherparse::Icmpv4Type::EchoRequest(echo) = icmp.icmp_type() else { panic!("no echo") };
        assert_eq!((echo.id, echo.seq), (0x1234, 1), "the sequence number wraps");
        assert_eq!(icmp.payload().len(), 56);
        assert_eq!(icmp.icmp_type().calc_checksum(icmp.payload()), icmp.checksum());
    }

    #[test]
    fn fields_that_somebody_wrote_take_the_place_of_ours() {
        let dscp = vec![
            ("dsfield.dscp".to_owned(), Node::Value(Value::Uint(46))),
            ("ttl".to_owned(), Node::Value(Value::Uint(3))),
        ];
        let octets = built(&RequestPlan { header: dscp, tos: 255, ..plan(0) }, 1);
        assert_eq!((octets[1], octets[8], octets[6]), (46 << 2, 3, 0x40));
        let may_cut = built(&RequestPlan { may_fragment: true, ..plan(0) }, 1);
        assert_eq!(may_cut[6], 0);
    }

    #[test]
    fn damage_is_told_by_its_octet_and_forgery_by_the_tag() {
        let plan = plan(30);
        let whole = plan.payload(request(3));
        assert_eq!(plan.judge(request(3), &whole), Verdict::Whole);
        let mut flipped = whole.clone();
        flipped[28] ^= 0xff;
        assert_eq!(plan.judge(request(3), &flipped), Verdict::Octet { at: 28, sent: 28, came: 28 ^ 0xff });
        assert_eq!(plan.judge(request(3), &whole[..29]), Verdict::Length { sent: 30, came: 29 });
        assert_eq!(plan.judge(request(3), &whole[..7]), Verdict::Length { sent: 30, came: 7 });
        assert_eq!(plan.judge(request(4), &whole), Verdict::Forged, "the number is part of the tag");
        let mut forged = whole;
        forged[20] ^= 1;
        assert_eq!(plan.judge(request(3), &forged), Verdict::Forged);
    }

    #[test]
    fn a_time_stamp_request_tells_the_time_since_midnight() {
        let plan =
            RequestPlan { query: Query::Timestamp, calendar: 86_400_000_000_000 * 3 + 5_000_000, ..plan(9) };
        let octets = built(&plan, 2);
        assert_eq!((octets.len(), octets[20]), (40, 13));
        assert_eq!(octets[28..32], 5u32.to_be_bytes());
        let reply = [octets[28..32].to_vec(), vec![0, 0, 0, 9, 0, 0, 0, 9]].concat();
        assert_eq!(plan.judge(request(2), &reply), Verdict::Whole);
        assert_eq!(plan.judge(request(2), &[0; 12]), Verdict::Octet { at: 3, sent: 5, came: 0 });
    }

    #[test]
    fn an_extended_echo_names_the_interface() {
        let name = AskedInterface::Name("eth0x".to_owned());
        let octets = built(&RequestPlan { query: Query::ExtendedEcho(name), ..plan(9) }, 257);
        assert_eq!(octets[20..22], [42, 0]);
        assert_eq!((octets[26], octets[27]), (1, 1), "number and L bit");
        assert_eq!(octets[32..], *b"\x00\x0c\x03\x01eth0x\0\0\0");
        let address = AskedInterface::Address([10, 0, 0, 9].into());
        let octets = built(&RequestPlan { query: Query::ExtendedEcho(address), ..plan(9) }, 1);
        assert_eq!(octets[32..], [0, 12, 3, 3, 0, 1, 4, 0, 10, 0, 0, 9]);
    }
}
