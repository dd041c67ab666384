//! What a hand-built SYN looks like: this kernel's own, one without options, or one that somebody wrote; and each of them with
//! one thing changed.

use std::net::IpAddr;

use crate::exchange::layer::{in_v6, layer};
use crate::exchange::trace::fields::number;
use crate::packet::dissect::dissect;
use crate::packet::unbuild::{Keep, unbuild};
use crate::packet::{Layer, Node};
use crate::proto::registry;
use crate::wire::frame::LinkType;
use crate::wire::layers::LayerTable;
use crate::wire::value::Value;

/// The shape of a SYN: everything but addresses, ports and numbers, which each probe has of its own.
#[derive(Debug, Clone)]
pub struct SynShape {
    /// What it is called.
    pub name: String,
    /// The network layer; `None` for the one of the kernel's SYNs.
    pub(super) ip: Option<Layer>,
    pub(super) tcp: Layer,
    /// What stands behind the TCP header.
    rest: Vec<Layer>,
}

/// Why something is no shape.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ShapeError {
    /// There is no TCP in it.
    #[error("there is no TCP layer in it: `tcp(flags=S, options=[{{mss=1400}}])` is one")]
    NoTcp,
    /// Something stands before IP.
    #[error("it begins with {0}: a shape begins with `ip`, `ipv6` or `tcp`")]
    Outermost(&'static str),
    /// It goes somewhere else.
    #[error(
        "`{field}={written}` contradicts the target {target}, which says where SYNs go: leave `dst` and `dstport` out of the shape"
    )]
    OtherTarget {
        /// `dst` or `dstport`.
        field: &'static str,
        /// What it says.
        written: String,
        /// What the target says.
        target: String,
    },
}

/// Which shape SYNs have.
#[derive(Debug, Clone)]
pub enum Shape {
    /// That of the kernel's own to the same target.
    Kernel,
    /// No options in a small window.
    Minimal,
    /// As somebody wrote it.
    Written {
        /// What it is called.
        name: String,
        /// Its layers.
        layers: Vec<Layer>,
    },
    /// Just this one.
    Fixed(Box<SynShape>),
}

impl Shape {
    /// The shape to a target, to which the kernel's would be `kernel`.
    ///
    /// # Errors
    /// When what somebody wrote is none.
    pub fn of(&self, kernel: SynShape) -> Result<SynShape, ShapeError> {
        match self {
            Self::Kernel => Ok(kernel),
            Self::Minimal => Ok(SynShape::minimal(&kernel)),
            Self::Written { name, layers } => SynShape::written(name, layers.clone(), &kernel),
            Self::Fixed(shape) => Ok(shape.as_ref().clone()),
        }
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        match self {
            Self::Kernel => "kernel",
            Self::Minimal => "minimal",
            Self::Written { name, .. } => name,
            Self::Fixed(shape) => &shape.name,
        }
    }

    /// Checks that it says nothing else of where SYNs go than their target, as far as that is known.
    ///
    /// # Errors
    /// When it has another address or another port.
    pub fn check_target(&self, address: Option<IpAddr>, port: u16) -> Result<(), ShapeError> {
        let layers = match self {
            Self::Kernel | Self::Minimal => return Ok(()),
            Self::Written { layers, .. } => layers.iter().take(2).collect::<Vec<_>>(),
            Self::Fixed(shape) => shape.ip.iter().chain([&shape.tcp]).collect(),
        };
        for layer in layers {
            let (field, target) = match (layer.protocol.name, address) {
                ("tcp", _) => ("dstport", Value::Uint(port.into())),
                ("ip" | "ipv6", Some(IpAddr::V4(address))) => ("dst", Value::Ipv4(address)),
                ("ip" | "ipv6", Some(IpAddr::V6(address))) => ("dst", Value::Ipv6(address)),
                _ => continue,
            };
            if let Some(Node::Value(written)) = layer.get(field)
                && *written != target
            {
                let (written, target) = (written.to_string(), target.to_string());
                return Err(ShapeError::OtherTarget { field, written, target });
            }
        }
        Ok(())
    }
}

/// What a probe's SYN has of its own.
#[derive(Debug, Clone, Copy)]
pub(super) struct Own {
    pub(super) source: IpAddr,
    pub(super) destination: IpAddr,
    pub(super) ports: (u16, u16),
    pub(super) seq: u32,
    /// Random bits, for what is random in the kernel's SYNs.
    pub(super) fresh: u64,
}

impl SynShape {
    /// The shape of a SYN that was seen: an IP packet. `None` when it is none.
    pub fn of_octets(name: &str, octets: &[u8]) -> Option<Self> {
        let mut table = LayerTable::default();
        dissect(octets, LinkType::RAW, &mut table);
        let (ip, tcp) = (*table.entries().first()?, *table.entries().get(1)?);
        let named = |protocol| registry().get(protocol).name;
        if named(tcp.protocol) != "tcp" {
            return None;
        }
        let of_ip = |name: &str| number(octets, &ip, name);
        let uint = Value::Uint;
        let shape_of_ip = match named(ip.protocol) {
            "ip" => {
                let layer = layer("ip")
                    .with("dsfield", uint(of_ip("dsfield")?))
                    .with("flags.df", Value::Bool(of_ip("flags.df")? == 1));
                // A zero would be filled by the kernel (raw(7)), which is as random.
                layer.with("ttl", uint(of_ip("ttl")?))
            }
            "ipv6" => {
                let layer =
                    layer("ipv6").with("tclass", uint(of_ip("tclass")?)).with("hlim", uint(of_ip("hlim")?));
                // Labels are random where there are any (net.ipv6.auto_flowlabels).
                if of_ip("flow")? == 0 { layer.with("flow", uint(0)) } else { layer }
            }
            _ => return None,
        };
        let of_tcp = |name: &str| number(octets, &tcp, name);
        let mut header = layer("tcp")
            .with("flags", uint(of_tcp("flags")?))
            .with("window_size_value", uint(of_tcp("window_size_value")?));
        let packet = unbuild(octets, &table, Keep::Chosen);
        let options = packet.layers.get(1).and_then(|layer| layer.get("options")).cloned();
        header.fields.push(("options".to_owned(), options.unwrap_or(Node::List(Vec::new()))));
        Some(Self { name: name.to_owned(), ip: Some(shape_of_ip), tcp: header, rest: Vec::new() })
    }

    /// This kernel's SYN with another maximum segment size.
    #[must_use]
    pub fn with_mss(mut self, mss: u16) -> Self {
        self.for_options(&mut |name, node| {
            if name == "mss" {
                *node = Node::Value(Value::Uint(mss.into()));
            }
        });
        self
    }

    /// A SYN without options in a window of 1024 octets, as scanners send it; its IP header is that of `kernel`.
    pub fn minimal(kernel: &Self) -> Self {
        let mut tcp = layer("tcp").with("window_size_value", Value::Uint(MINIMAL_WINDOW.into()));
        tcp.fields.push(("options".to_owned(), Node::List(Vec::new())));
        Self { name: "minimal".to_owned(), ip: kernel.ip.clone(), tcp, rest: Vec::new() }
    }

    /// A shape as somebody wrote it: what is left out is as in `kernel`'s IP header, and TCP's defaults.
    ///
    /// # Errors
    /// When there is no TCP in it.
    pub fn written(name: &str, layers: Vec<Layer>, kernel: &Self) -> Result<Self, ShapeError> {
        let mut layers = layers.into_iter();
        let first = layers.next().ok_or(ShapeError::NoTcp)?;
        let (ip, tcp) = match first.protocol.name {
            "ip" | "ipv6" => (Some(first), layers.next().ok_or(ShapeError::NoTcp)?),
            "tcp" => (kernel.ip.clone(), first),
            other => return Err(ShapeError::Outermost(other)),
        };
        if tcp.protocol.name != "tcp" {
            return Err(ShapeError::NoTcp);
        }
        Ok(Self { name: name.to_owned(), ip, tcp, rest: layers.collect() })
    }

    /// Whether it has ports or a number of its own.
    pub(super) fn is_written(&self) -> bool {
        ["srcport", "dstport", "seq"].iter().any(|name| self.tcp.get(name).is_some())
    }

    /// The window of its header.
    pub fn window(&self) -> u16 {
        match self.tcp.get("window_size_value") {
            Some(Node::Value(Value::Uint(window))) => u16::try_from(*window).unwrap_or(u16::MAX),
            _ => DEFAULT_WINDOW,
        }
    }

    /// The maximum segment size that it offers.
    pub fn mss(&self) -> Option<u16> {
        let mut mss = None;
        self.clone().for_options(&mut |name, node| {
            if let (true, Node::Value(Value::Uint(value))) = (name == "mss", &*node) {
                mss = u16::try_from(*value).ok();
            }
        });
        mss
    }

    /// The names of its options, in order.
    pub fn option_names(&self) -> Vec<String> {
        match self.tcp.get("options") {
            Some(Node::List(options)) => {
                options.iter().filter_map(|node| name_of(node).map(str::to_owned)).collect()
            }
            _ => Vec::new(),
        }
    }

    pub(super) fn flags(&self) -> u64 {
        match self.tcp.get("flags") {
            Some(Node::Value(Value::Uint(flags))) => *flags,
            _ => SYN,
        }
    }

    pub(super) fn options(&mut self) -> Option<&mut Node> {
        self.tcp.fields.iter_mut().find(|(name, _)| name == "options").map(|(_, node)| node)
    }

    fn for_options(&mut self, change: &mut dyn FnMut(&str, &mut Node)) {
        let Some(Node::List(options)) = self.options() else { return };
        for option in options {
            if let Node::Table(parts) = option
                && let Some((name, node)) = parts.first_mut()
            {
                change(name, node);
            }
        }
    }

    /// The layers of a probe's SYN.
    pub(super) fn layers(&self, own: &Own) -> Vec<Layer> {
        let mut shape = self.clone();
        let [a, b, c, d, e, f, g, h] = own.fresh.to_be_bytes();
        let clock = u32::from_be_bytes([a, b, c, d]);
        shape.for_options(&mut |name, node| {
            // The kernel's stamps begin anywhere (`secure_tcp_ts_off` in net/core/secure_seq.c).
            if let ("timestamp", Node::Table(parts)) = (name, node)
                && let Some((_, value)) = parts.iter_mut().find(|(part, _)| part == "tsval")
            {
                *value = Node::Value(Value::Uint(clock.into()));
            }
        });
        let mut ip =
            shape.ip.take().unwrap_or_else(|| layer(if own.destination.is_ipv4() { "ip" } else { "ipv6" }));
        match (own.source, own.destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                fill(&mut ip, "id", Value::Uint(u16::from_be_bytes([e, f]).max(1).into()));
                fill(&mut ip, "src", Value::Ipv4(source));
                fill(&mut ip, "dst", Value::Ipv4(destination));
            }
            (source, destination) => {
                fill(&mut ip, "flow", Value::Uint(u64::from(u32::from_be_bytes([0, g & 0xf, h, f]))));
                fill(&mut ip, "src", Value::Ipv6(in_v6(source)));
                fill(&mut ip, "dst", Value::Ipv6(in_v6(destination)));
            }
        }
        fill(&mut shape.tcp, "srcport", Value::Uint(own.ports.0.into()));
        fill(&mut shape.tcp, "dstport", Value::Uint(own.ports.1.into()));
        fill(&mut shape.tcp, "seq", Value::Uint(own.seq.into()));
        let mut layers = vec![ip, shape.tcp];
        layers.extend(shape.rest);
        layers
    }
}

/// What a kernel of Linux sends as it comes, for where its own SYN cannot be seen: the defaults of its settings since 4.20, of an
/// interface with this MTU.
pub fn usual(v6: bool, mtu: usize) -> SynShape {
    let mss = mtu.saturating_sub(if v6 { 60 } else { 40 }).clamp(88, 65_495);
    // 65,535 octets in whole segments (`tcp_select_initial_window` in net/ipv4/tcp_output.c).
    let window = 65_535usize.checked_div(mss).unwrap_or(0).saturating_mul(mss).max(mss);
    let ip = if v6 {
        layer("ipv6").with("hlim", Value::Uint(64))
    } else {
        let ip = layer("ip").with("dsfield", Value::Uint(0)).with("flags.df", Value::Bool(true));
        ip.with("ttl", Value::Uint(64))
    };
    let option = |name: &str, node| Node::Table(vec![(name.to_owned(), node)]);
    let number = |number: u64| Node::Value(Value::Uint(number));
    let stamps = vec![("tsval".to_owned(), number(0)), ("tsecr".to_owned(), number(0))];
    let mut tcp = layer("tcp").with("window_size_value", Value::Uint(window.min(65_535) as u64));
    let options = vec![
        option("mss", number(mss as u64)),
        option("sack_perm", Node::Table(Vec::new())),
        option("timestamp", Node::Table(stamps)),
        option("nop", Node::Table(Vec::new())),
        option("wscale", number(7)),
    ];
    tcp.fields.push(("options".to_owned(), Node::List(options)));
    SynShape { name: "kernel".to_owned(), ip: Some(ip), tcp, rest: Vec::new() }
}

/// The window of a SYN without options.
const MINIMAL_WINDOW: u16 = 1024;
/// What TCP's description has.
const DEFAULT_WINDOW: u16 = 64_240;
/// RFC 9293 §3.1, RFC 3168 §6.1, RFC 9768 §3.1.
const SYN: u64 = 2;
pub(super) const ECN_FLAGS: u64 = 0x1c0;

pub(super) fn name_of(option: &Node) -> Option<&str> {
    match option {
        Node::Table(parts) => parts.first().map(|(name, _)| name.as_str()),
        _ => None,
    }
}

/// Writes a field that nobody wrote.
fn fill(layer: &mut Layer, name: &str, value: Value) {
    if layer.get(name).is_none() {
        layer.fields.push((name.to_owned(), Node::Value(value)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::Packet;
    use crate::packet::build::build;

    fn own(fresh: u64) -> Own {
        let (source, destination) = ([10, 0, 0, 1].into(), [10, 0, 0, 2].into());
        Own { source, destination, ports: (40_000, 80), seq: 7, fresh }
    }

    fn octets(shape: &SynShape, own: &Own) -> Vec<u8> {
        build(&Packet { layers: shape.layers(own), trailer: Vec::new() }).unwrap().octets
    }

    /// A SYN of Linux 6.18 to a port of an interface with an MTU of 1500, as tcpdump showed it.
    const SEEN: &str = "4500003c49e540004006d9390a4d01020a4d0202\
                        af580007071b8ed100000000a002faf0f37f0000020405b40402080a0cb4efee000000000103030a";

    #[test]
    fn a_shape_of_a_syn_builds_it_again_but_for_what_is_its_own() {
        let seen = hex::decode(SEEN).unwrap();
        let shape = SynShape::of_octets("kernel", &seen).unwrap();
        let own = Own {
            source: [10, 77, 1, 2].into(),
            destination: [10, 77, 2, 2].into(),
            ports: (0xaf58, 7),
            seq: 0x071b_8ed1,
            fresh: 0x0cb4_efee_49e5_0000,
        };
        let built = octets(&shape, &own);
        // All but the checksum of TCP, which the card was to write.
        assert_eq!((&built[..36], &built[38..]), (&seen[..36], &seen[38..]));
        assert_eq!(shape.option_names(), ["mss", "sack_perm", "timestamp", "nop", "wscale"]);
        assert_eq!((shape.mss(), shape.window()), (Some(1460), 64_240));
        assert_eq!(octets(&usual(false, 1500), &own)[..36], seen[..36]);
    }

    #[test]
    fn what_somebody_writes_is_kept() {
        let kernel = usual(false, 1500);
        let tcp = layer("tcp").with("seq", Value::Uint(99)).with("window_size_value", Value::Uint(5));
        let written = SynShape::written("spec", vec![tcp], &kernel).unwrap();
        let built = octets(&written, &own(0));
        assert_eq!((&built[24..28], &built[34..36]), (&[0, 0, 0, 99][..], &[0, 5][..]));
        let udp = SynShape::written("spec", vec![layer("udp")], &kernel);
        assert_eq!(udp.unwrap_err(), ShapeError::Outermost("udp"));
        assert_eq!(SynShape::written("spec", vec![layer("ip")], &kernel).unwrap_err(), ShapeError::NoTcp);
    }

    #[test]
    fn a_shape_goes_where_its_target_is() {
        let ip = layer("ip").with("dst", Value::Ipv4([10, 0, 0, 2].into()));
        let tcp = layer("tcp").with("dstport", Value::Uint(80));
        let shape = Shape::Written { name: "spec".to_owned(), layers: vec![ip, tcp] };
        let (address, other) = (IpAddr::from([10, 0, 0, 2]), IpAddr::from([10, 0, 0, 3]));
        assert_eq!([Some(address), None].map(|address| shape.check_target(address, 80)), [Ok(()), Ok(())]);
        let words = |address, port| shape.check_target(address, port).unwrap_err().to_string();
        assert!(words(Some(other), 80).starts_with("`dst=10.0.0.2` contradicts the target 10.0.0.3"));
        assert!(words(None, 7).starts_with("`dstport=80` contradicts the target 7"));
        assert!(shape.check_target(Some("::1".parse().unwrap()), 80).is_err());
    }
}
