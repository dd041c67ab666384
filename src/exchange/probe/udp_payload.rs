//! What a UDP service answers: for each well-known port a real request of its protocol. Those that rawsock knows as layers are
//! built of them; of the others the octets stand here, with where they are specified.

use std::net::IpAddr;

use crate::packet::build::build;
use crate::packet::{Layer, Node, Packet};
use crate::proto::registry;
use crate::wire::value::Value;

/// What a request has of its own.
#[derive(Debug, Clone, Copy)]
pub struct Asker {
    /// Where it comes from, which DHCP tells in the message.
    pub source: Option<IpAddr>,
    /// Random bits for its number.
    pub fresh: u64,
}

/// A service with a request of its own.
struct Service {
    port: u16,
    name: &'static str,
    request: fn(&Asker) -> Option<Vec<u8>>,
}

/// The services that have a request of their own: port and name.
pub fn services() -> impl Iterator<Item = (u16, &'static str)> {
    SERVICES.iter().map(|service| (service.port, service.name))
}

/// The request for a port, with the service's name; for all other ports some text, which an echo service answers.
pub fn of_port(port: u16, asker: &Asker) -> (&'static str, Vec<u8>) {
    let known = SERVICES.iter().find(|service| service.port == port);
    let request = known.and_then(|service| Some((service.name, (service.request)(asker)?)));
    request.unwrap_or(("text", TEXT.to_vec()))
}

/// For ports of no service that is known here.
const TEXT: &[u8] = b"rawsock probe\n";

const SERVICES: &[Service] = &[
    Service { port: 53, name: "dns", request: dns },
    Service { port: 67, name: "dhcp", request: dhcp },
    Service { port: 111, name: "portmap", request: |asker| Some(portmap(asker)) },
    Service { port: 123, name: "ntp", request: ntp },
    Service { port: 137, name: "nbns", request: |asker| Some(nbns(asker)) },
    Service { port: 161, name: "snmp", request: |asker| Some(snmp(asker)) },
    Service { port: 389, name: "cldap", request: |_| Some(CLDAP.to_vec()) },
    Service { port: 443, name: "quic", request: |asker| Some(quic(asker)) },
    Service { port: 520, name: "rip", request: |_| Some(RIP.to_vec()) },
    Service { port: 623, name: "rmcp", request: |_| Some(RMCP_PING.to_vec()) },
    Service { port: 1194, name: "openvpn", request: |asker| Some(openvpn(asker)) },
    Service { port: 1900, name: "ssdp", request: |_| Some(SSDP.to_vec()) },
    Service { port: 2152, name: "gtp", request: |_| Some(GTP_ECHO.to_vec()) },
    Service { port: 3478, name: "stun", request: |asker| Some(stun(asker)) },
    Service { port: 3702, name: "ws-discovery", request: |asker| Some(ws_discovery(asker)) },
    Service { port: 5060, name: "sip", request: |asker| Some(sip(asker)) },
    Service { port: 5349, name: "stun", request: |asker| Some(stun(asker)) },
    Service { port: 5353, name: "mdns", request: mdns },
    Service { port: 5355, name: "llmnr", request: llmnr },
    Service { port: 5683, name: "coap", request: |asker| Some(coap(asker)) },
    Service { port: 11_211, name: "memcached", request: |_| Some(MEMCACHED_VERSION.to_vec()) },
];

/// Which name servers there are for the root: every resolver and every server has something to say to it.
fn dns(asker: &Asker) -> Option<Vec<u8>> {
    question("dns", number(asker), ".", 2, &[])
}

/// Which services there are (RFC 6763 §9), to be answered to the asker alone (RFC 6762 §5.4).
fn mdns(asker: &Asker) -> Option<Vec<u8>> {
    question("mdns", number(asker), "_services._dns-sd._udp.local", 12, &[("qu", 1)])
}

/// Whose address the asker's is (RFC 4795 §2.1.1 allows questions to one host).
fn llmnr(asker: &Asker) -> Option<Vec<u8>> {
    question("llmnr", number(asker), "1.0.0.127.in-addr.arpa", 12, &[])
}

fn question(layer: &str, id: u16, name: &str, kind: u64, further: &[(&str, u64)]) -> Option<Vec<u8>> {
    let uint = |number: u64| Node::Value(Value::Uint(number));
    let mut parts =
        vec![("name".to_owned(), Node::Value(Value::Name(on_wire(name)))), ("type".to_owned(), uint(kind))];
    parts.extend(further.iter().map(|(name, bit)| ((*name).to_owned(), Node::Value(Value::Bool(*bit == 1)))));
    let mut message = Layer::new(registry().by_name(layer)?).with("id", Value::Uint(id.into()));
    message.fields.push(("qry".to_owned(), Node::List(vec![Node::Table(parts)])));
    alone(message)
}

/// A name as labels, each behind its length (RFC 1035 §3.1).
fn on_wire(name: &str) -> Vec<u8> {
    let labels = name.split('.').filter(|label| !label.is_empty());
    let labels =
        labels.flat_map(|label| [&[u8::try_from(label.len()).unwrap_or(0)][..], label.as_bytes()].concat());
    labels.chain([0]).collect()
}

/// A client's request of version 4 (RFC 5905 §7.3).
fn ntp(asker: &Asker) -> Option<Vec<u8>> {
    let message = Layer::new(registry().by_name("ntp")?)
        // A server sends this back; it need not be the time (draft-ietf-ntp-data-minimization).
        .with("xmt.seconds", Value::Uint(asker.fresh >> 32))
        .with("xmt.fraction", Value::Uint(asker.fresh & 0xffff_ffff));
    alone(message)
}

/// A client that has an address asks for the other settings (RFC 2131 §3.4); of IPv4 only.
fn dhcp(asker: &Asker) -> Option<Vec<u8>> {
    let Some(IpAddr::V4(source)) = asker.source else { return None };
    let mut message = Layer::new(registry().by_name("dhcp")?)
        .with("id", Value::Uint(asker.fresh & 0xffff_ffff))
        .with("ip.client", Value::Ipv4(source));
    let inform = Node::Table(vec![("dhcp".to_owned(), Node::Value(Value::Uint(DHCP_INFORM)))]);
    let end = Node::Table(vec![("end".to_owned(), Node::Table(Vec::new()))]);
    message.fields.push(("options".to_owned(), Node::List(vec![inform, end])));
    alone(message)
}

const DHCP_INFORM: u64 = 8;

fn alone(layer: Layer) -> Option<Vec<u8>> {
    Some(build(&Packet { layers: vec![layer], trailer: Vec::new() }).ok()?.octets)
}

/// The description of the system (sysDescr.0) for the community `public`: SNMPv2c in BER (RFC 3416 §3, RFC 1213).
fn snmp(asker: &Asker) -> Vec<u8> {
    let head = b"\x30\x29\x02\x01\x01\x04\x06public\xa0\x1c\x02\x04";
    let tail = b"\x02\x01\x00\x02\x01\x00\x30\x0e\x30\x0c\x06\x08\x2b\x06\x01\x02\x01\x01\x01\x00\x05\x00";
    // A positive number of four octets.
    let id = (asker.fresh as u32 & 0x3fff_ffff) | 0x4000_0000;
    [&head[..], &id.to_be_bytes(), tail].concat()
}

/// A binding request (RFC 8489 §5).
fn stun(asker: &Asker) -> Vec<u8> {
    let transaction = [&asker.fresh.to_be_bytes()[..], b"raws"].concat();
    [&b"\x00\x01\x00\x00\x21\x12\xa4\x42"[..], &transaction].concat()
}

/// A NULL call of the port mapper (RFC 5531 §9, RFC 1833 §3).
fn portmap(asker: &Asker) -> Vec<u8> {
    let call = [number32(asker), 0, 2, 100_000, 2, 0, 0, 0, 0, 0];
    call.iter().flat_map(|word| word.to_be_bytes()).collect()
}

/// The node status of whoever it is (RFC 1002 §4.2.17).
fn nbns(asker: &Asker) -> Vec<u8> {
    let mut message = number(asker).to_be_bytes().to_vec();
    message.extend(
        b"\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x20CKAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\x00\x00\x21\x00\x01",
    );
    message
}

/// A version that is reserved for having the versions told (RFC 9000 §15, §17.2.1), in as many octets as a first packet needs.
fn quic(asker: &Asker) -> Vec<u8> {
    let mut packet = b"\xc0\x1a\x2a\x3a\x4a\x08".to_vec();
    packet.extend(asker.fresh.to_be_bytes());
    packet.push(8);
    packet.extend(asker.fresh.rotate_left(32).to_be_bytes());
    packet.resize(1200, 0);
    packet
}

/// A client's hard reset: the first packet of a session without `tls-auth` (OpenVPN's ssl_pkt.h).
fn openvpn(asker: &Asker) -> Vec<u8> {
    [&[0x38][..], &asker.fresh.to_be_bytes(), &[0, 0, 0, 0, 0]].concat()
}

/// What a server offers (RFC 7252 §3, RFC 6690 §4): GET /.well-known/core.
fn coap(asker: &Asker) -> Vec<u8> {
    [&[0x40, 1][..], &number(asker).to_be_bytes(), b"\xbb.well-known\x04core"].concat()
}

/// What a server can (RFC 3261 §11).
fn sip(asker: &Asker) -> Vec<u8> {
    let id = asker.fresh;
    let source = match asker.source {
        Some(IpAddr::V6(source)) => format!("[{source}]"),
        Some(source) => source.to_string(),
        None => "client.invalid".to_owned(),
    };
    let lines = [
        "OPTIONS sip:probe@invalid SIP/2.0".to_owned(),
        format!("Via: SIP/2.0/UDP {source};branch=z9hG4bK{id:016x};rport"),
        "Max-Forwards: 70".to_owned(),
        "To: <sip:probe@invalid>".to_owned(),
        format!("From: <sip:rawsock@invalid>;tag={:08x}", id as u32),
        format!("Call-ID: {id:016x}"),
        "CSeq: 1 OPTIONS".to_owned(),
        "Accept: application/sdp".to_owned(),
        "Content-Length: 0".to_owned(),
    ];
    let mut text = lines.join("\r\n");
    text.push_str("\r\n\r\n");
    text.into_bytes()
}

/// Who is there (WS-Discovery 1.1 §5.2).
fn ws_discovery(asker: &Asker) -> Vec<u8> {
    let (high, low) = (asker.fresh >> 32, asker.fresh & 0xffff_ffff);
    format!(
        "<?xml version=\"1.0\"?><e:Envelope xmlns:e=\"http://www.w3.org/2003/05/soap-envelope\" \
         xmlns:w=\"http://schemas.xmlsoap.org/ws/2004/08/addressing\" \
         xmlns:d=\"http://schemas.xmlsoap.org/ws/2005/04/discovery\"><e:Header>\
         <w:MessageID>uuid:{high:08x}-0000-4000-8000-0000{low:08x}</w:MessageID>\
         <w:To>urn:schemas-xmlsoap-org:ws:2005:04:discovery</w:To>\
         <w:Action>http://schemas.xmlsoap.org/ws/2005/04/discovery/Probe</w:Action>\
         </e:Header><e:Body><d:Probe/></e:Body></e:Envelope>"
    )
    .into_bytes()
}

fn number(asker: &Asker) -> u16 {
    (asker.fresh & 0xffff) as u16
}

fn number32(asker: &Asker) -> u32 {
    (asker.fresh & 0xffff_ffff) as u32
}

/// What the root of the directory says of itself (RFC 4511 §4.5.1, MS-ADTS §6.3.3).
const CLDAP: &[u8] =
    b"\x30\x25\x02\x01\x01\x63\x20\x04\x00\x0a\x01\x00\x0a\x01\x00\x02\x01\x00\x02\x01\x00\x01\x01\x00\
    \x87\x0bobjectClass\x30\x00";
/// A request for the whole table (RFC 2453 §3.9.1).
const RIP: &[u8] =
    b"\x01\x02\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x10";
/// A presence ping (ASF 2.0 §3.2.4.2).
const RMCP_PING: &[u8] = b"\x06\x00\xff\x06\x00\x00\x11\xbe\x80\x00\x00\x00";
/// An echo request of GTPv1-U (3GPP TS 29.281 §7.2.1).
const GTP_ECHO: &[u8] = b"\x32\x01\x00\x04\x00\x00\x00\x00\x00\x01\x00\x00";
/// Who is there (UPnP Device Architecture 1.1 §1.3.2), asked of one host.
const SSDP: &[u8] = b"M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: \"ssdp:discover\"\r\nMX: 1\r\nST: ssdp:all\r\n\r\n";
/// The server's version, behind the header of a datagram (memcached's doc/protocol.txt, "UDP protocol").
const MEMCACHED_VERSION: &[u8] = b"\x00\x00\x00\x00\x00\x01\x00\x00version\r\n";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::check::Dissected;
    use crate::packet::dissect::dissect;
    use crate::proto::data;
    use crate::wire::frame::LinkType;
    use crate::wire::layers::LayerTable;

    const ASKER: Asker = Asker {
        source: Some(IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1))),
        fresh: 0x0123_4567_89ab_cdef,
    };

    #[test]
    fn each_service_has_a_request() {
        for (port, name) in services() {
            assert_eq!(of_port(port, &ASKER).0, name);
        }
        assert_eq!(of_port(9, &ASKER), ("text", TEXT.to_vec()));
        // DHCP for IPv4 alone.
        let v6 = Asker { source: Some("::1".parse().unwrap()), ..ASKER };
        assert_eq!(of_port(67, &v6).0, "text");
    }

    /// What rawsock knows as layers is read again without a finding.
    #[test]
    fn requests_are_right() {
        for (port, wanted) in [(53, "dns"), (67, "dhcp"), (123, "ntp"), (5353, "mdns"), (5355, "llmnr")] {
            let layer = |name: &str| Layer::new(registry().by_name(name).unwrap());
            let ip = layer("ip")
                .with("src", Value::Ipv4([10, 0, 0, 1].into()))
                .with("dst", Value::Ipv4([10, 0, 0, 2].into()));
            let udp = layer("udp").with("dstport", Value::Uint(port)).with("srcport", Value::Uint(40_000));
            let payload = of_port(u16::try_from(port).unwrap(), &ASKER).1;
            let data = Layer::new(registry().data()).with(data::HEX, Value::Octets(payload));
            let octets = build(&Packet { layers: vec![ip, udp, data], trailer: Vec::new() }).unwrap().octets;
            let mut table = LayerTable::default();
            dissect(&octets, LinkType::RAW, &mut table);
            let names: Vec<_> =
                table.entries().iter().map(|entry| registry().get(entry.protocol).name).collect();
            assert_eq!(names, ["ip", "udp", wanted]);
            let mut findings = Vec::new();
            let packet = Dissected { octets: &octets, table: &table, wire_len: octets.len() };
            packet.findings(&mut |finding| findings.push(finding));
            assert_eq!(findings, [], "{wanted}");
        }
    }

    /// Lengths within those of BER are what follows them.
    #[test]
    fn lengths_of_ber_are_right() {
        for octets in [snmp(&ASKER), CLDAP.to_vec()] {
            assert_eq!(octets.len(), usize::from(octets[1]) + 2);
        }
        assert_eq!(quic(&ASKER).len(), 1200);
    }
}
