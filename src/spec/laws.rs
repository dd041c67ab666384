//! What holds for all specs: what is written as one is read as the same packet, and no text is a panic.

use proptest::prelude::*;

use super::*;
use crate::filter::field::About;
use crate::packet::check::Dissected;
use crate::packet::dissect::dissect;
use crate::packet::laws::packets;
use crate::packet::unbuild::{Keep, unbuild, unbuild_shortest};
use crate::proto::describe::{Body, Kind, Section};
use crate::proto::registry;
use crate::wire::frame::LinkType;
use crate::wire::layers::LayerTable;

fn read_text(text: &str, syntax: Syntax) -> Result<Spec, SpecError> {
    read(&Source::new("spec", text), syntax, &|path| Err(std::io::Error::other(path.to_owned())))
}

/// The octets of a spec of one packet.
fn octets_of(text: &str, syntax: Syntax) -> Vec<u8> {
    let spec = read_text(text, syntax).unwrap_or_else(|error| panic!("{}{text}", error.render(false)));
    let [template] = spec.templates.as_slice() else { panic!("one packet: {text}") };
    let mut packet = template.packets(0).next().unwrap();
    spec.build(template, &mut packet).unwrap_or_else(|error| panic!("{}{text}", error.render(false))).octets
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn a_captured_packet_as_toml_or_as_an_expression_is_the_same_packet(
        octets in packets(),
        link in prop::sample::select(vec![1u32, 0, 108, 113, 276, 101, 228, 229, 147]),
        shortest: bool,
    ) {
        let mut table = LayerTable::default();
        dissect(&octets, LinkType(link), &mut table);
        let packet = if shortest { unbuild_shortest(&octets, &table) } else { unbuild(&octets, &table, Keep::All) };
        let mut toml = String::new();
        write_toml(&packet, &mut toml);
        prop_assert_eq!(hex::encode(octets_of(&toml, Syntax::Toml)), hex::encode(&octets), "{}", toml);
        let mut expression = String::new();
        write_expression(&packet, &mut expression);
        let again = octets_of(&expression, Syntax::Expression);
        prop_assert_eq!(hex::encode(again), hex::encode(&octets), "{}", expression);
    }

    #[test]
    fn any_text_is_a_spec_or_a_mistake(text in text_like_a_spec()) {
        for syntax in [Syntax::Toml, Syntax::Json, Syntax::Expression, Syntax::of(&text)] {
            match read_text(&text, syntax) {
                Ok(spec) => for template in &spec.templates {
                    for mut packet in template.packets(7).take(3) {
                        if let Err(error) = spec.build(template, &mut packet) {
                            error.render(false);
                        }
                    }
                    for crafted in spec.packets(&mut Random::new(7), None).take(3) {
                        if let Err(error) = spec.leaving(crafted) {
                            error.render(false);
                        }
                    }
                },
                Err(error) => {
                    prop_assert!(!error.diagnostics.is_empty());
                    error.render(true);
                }
            }
        }
    }
}

/// Each field and option of the registry can be written, and no field has the name of a key that all layers have.
#[test]
fn every_name_of_the_registry_is_read() {
    for protocol in registry().protocols() {
        for section in protocol.sections.iter() {
            for (name, value) in writable(section) {
                assert!(
                    !["trailer", "cut", "quoted_bytes", "quoted_trailer"].contains(&name.as_str()),
                    "{name}"
                );
                let text = format!("{{\"layers\":[{{\"{}\":{{\"{name}\":{value}}}}}]}}", protocol.name);
                read_text(&text, Syntax::Json).unwrap_or_else(|error| panic!("{}", error.render(false)));
            }
        }
    }
}

/// Whatever is computed can be told by how far it is beside that, and nothing else can.
#[test]
fn every_computed_field_takes_more_or_less() {
    let mut computed = 0;
    for protocol in registry().protocols() {
        for section in protocol.sections.iter() {
            let Body::Fields { fields, .. } = &section.body else { continue };
            for field in fields.iter().filter(|field| field.kind == Kind::Uint) {
                let is_computed = field.is_computed();
                let is_counted = crate::packet::encode::counted(&protocol.sections)
                    .any(|counted| counted.field == field.name);
                let text = format!(
                    "{{\"layers\":[{{\"{}\":{{\"{}\":\"auto+{}\"}}}}]}}",
                    protocol.name, field.name, field.scale
                );
                let read = read_text(&text, Syntax::Json);
                assert_eq!(read.is_ok(), is_computed || is_counted, "{text}");
                computed += usize::from(is_computed);
            }
        }
    }
    assert!(computed > 20, "{computed}");
}

/// The names of a section, each with a value that it takes.
fn writable(section: &'static Section) -> Vec<(String, String)> {
    let value = |kind: Kind, octets: usize| match kind {
        Kind::Uint | Kind::Group => "\"0..0\"".to_owned(),
        Kind::Bool => "[true, false]".to_owned(),
        Kind::Mac => "\"02:00:00:00:00:01..02:00:00:00:00:02\"".to_owned(),
        Kind::Ipv4 => "\"10.0.0.0/8\"".to_owned(),
        Kind::Ipv6 => "\"random\"".to_owned(),
        Kind::Octets => format!("{{\"zeros\":{octets}}}"),
        Kind::Name | Kind::Text => "\"a.example\"".to_owned(),
    };
    let list = |name: &str, items: &str| vec![(name.to_owned(), format!("[{items}]"))];
    match &section.body {
        Body::Fields { fields, .. } => {
            let also = fields
                .iter()
                .filter_map(|field| field.also)
                .map(|also| (also.name.to_owned(), "1".to_owned()));
            let values = fields
                .iter()
                .map(|field| (field.name.to_owned(), value(field.kind, field.span.octets().len())));
            values.chain(also).collect()
        }
        Body::Octets { field, .. } => vec![(field.name.to_owned(), "\"00ff\"".to_owned())],
        Body::Zeros { field } => vec![(field.name.to_owned(), "2".to_owned())],
        Body::Text { field, .. } => vec![(field.name.to_owned(), value(field.kind, 0))],
        Body::Items(items) => list(items.name, "{\"raw\":\"00\"}"),
        Body::Quoted(quoted) => list(quoted.name, "{\"ip\":{}}"),
        Body::Records(records) => {
            let bare = records.records.iter().map(|record| format!("\"{}\"", record.name));
            let tables = records.records.iter().map(|record| {
                let fields = record.sections.iter().flat_map(writable).filter(|(name, _)| !name.is_empty());
                let fields: Vec<String> = fields.map(|(name, value)| format!("\"{name}\":{value}")).collect();
                format!("{{\"{}\":{{{}}}}}", record.name, fields.join(","))
            });
            list(records.name, &bare.chain(tables).collect::<Vec<_>>().join(","))
        }
    }
}

/// Specs with words of them swapped, and noise.
fn text_like_a_spec() -> impl Strategy<Value = String> {
    let words = prop::sample::select(WORDS);
    let changed = (
        prop::sample::select(SPECS),
        proptest::collection::vec((any::<prop::sample::Index>(), words.clone()), 0..4),
    )
        .prop_map(|(spec, changes)| {
            let mut spec = spec.to_owned();
            for (at, word) in changes {
                let mut at = at.index(spec.len() + 1);
                while !spec.is_char_boundary(at) {
                    at -= 1;
                }
                spec.insert_str(at, word);
            }
            spec
        });
    let of_words = proptest::collection::vec(words, 0..12).prop_map(|words| words.concat());
    prop_oneof![4 => changed, 1 => of_words, 1 => "\\PC{0,60}"]
}

const SPECS: &[&str] = &[
    "ip(dst=10.77.2.2, ttl=1..30, flags.df)/tcp(dstport=[80, 443], options=[mss=1460, sack_perm])/\"hi\"",
    "icmp(type=3, quoted=ip(dst=10.0.0.0/30)/udp(srcport=random(1..9)), quoted_bytes=28)",
    "layers = [{ ip = { ttl = \"1..3/2\", flags = { df = true } } }, { data = { random = 10 } }]\ncount = 3",
    "ip()/udp()/dns(qry=[{name=a.@12, type=AAAA}], answers=[{name='.', ttl=1..3, a=1.2.3.4}, {type=TXT, txt=[b]}])",
    "vars = { a = \"1..3\", b = \"x${a}\" }\ndefaults.ip.ttl = \"$a\"\nlayers = [{ ip = { id = \"$a\" } }, \"${ip.len} $b\"]",
    "ip()/udp()/data(zeros=100), fragment={size=40, overlap=8, order=random}, corrupt={bits=3, layer=ip}, fuzz=[udp, ip.ttl]",
    "[[packet]]\nlayers = [\"x\"]\n[send]\nrate = \"50k/s\"\nvia = \"link\"",
    "{\"layers\":[{\"arp\":{\"src.hw_mac\":\"02:00:00:00:00:01\"}},{\"data\":{\"hex\":\"00ff\"}}],\"len\":1}",
    "[{\"layers\":[{\"igmp\":{\"type\":34,\"records\":[{\"record_type\":1,\"sources\":[\"1.2.3.4\"]}]}}]}]",
];
const WORDS: &[&str] = &[
    "$a",
    "${a}",
    "${ip.src}",
    "$$",
    "vars",
    "defaults",
    "include",
    "repeat",
    "fragment",
    "corrupt",
    "fuzz",
    "bits",
    "size",
    "auto+1",
    "ip",
    "udp",
    "(",
    ")",
    "/",
    "=",
    ",",
    "[",
    "]",
    "{",
    "}",
    "\"",
    "'",
    "\\",
    "..",
    "1",
    "30",
    "0x",
    "-",
    "random",
    "auto",
    "é",
    "\u{1b}",
    "\n",
    " ",
    "true",
    "options",
    "raw",
    "unknown",
    "type",
    "data",
    "quoted",
    "cut",
    "trailer",
    "len",
    "340282366920938463463374607431768211455",
    "::",
    "/0",
    "/129",
    "1.2.3.4",
    "02:00:00:00:00:01",
    "null",
    "1.5",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Whatever comes as an answer, what follows is built, or what cannot be told is.
    #[test]
    fn any_answer_makes_packets_or_is_told(sent in packets(), reply in prop_oneof![packets(), prop::collection::vec(any::<u8>(), 0..120)]) {
        let spec = ANY_ANSWER_SPEC.get_or_init(|| {
            read_text(ANY_ANSWER, Syntax::Toml).unwrap_or_else(|error| panic!("{}", error.render(false)))
        });
        let dissected = |octets: &[u8]| {
            let mut table = LayerTable::default();
            dissect(octets, LinkType::RAW, &mut table);
            table
        };
        let (sent_table, reply_table) = (dissected(&sent), dissected(&reply));
        let known = [Some(Dissected { octets: &reply, table: &reply_table, wire_len: reply.len() })];
        let sent = Some(Dissected { octets: &sent, table: &sent_table, wire_len: sent.len() });
        let about = About { sent, known: &known, ..About::default() };
        for template in &spec.templates[0].then {
            match template.told(&Round::default(), &mut Random::new(1), &about) {
                Ok(crafted) => for crafted in crafted {
                    if let Err(error) = spec.leaving(crafted) {
                        error.render(false);
                    }
                },
                Err(untold) => prop_assert!(untold.to_string().contains('.')),
            }
        }
    }
}

static ANY_ANSWER_SPEC: std::sync::OnceLock<Spec> = std::sync::OnceLock::new();

/// Fields of all kinds that an answer tells.
const ANY_ANSWER: &str = r#"
[[packet]]
layers = [{ ip = {} }, { tcp = { flags = "S" } }]

[[packet.then]]
layers = [{ ip = { ttl = "reply.ip.ttl - 300", src = "reply.ip.dst", flags = { df = "reply.ip.len" } } }, { tcp = { seq = "reply.tcp.ack", flags = "reply.tcp.flags & 0x17" } }]

[[packet.then]]
layers = [{ ipv6 = { src = "reply.ipv6.dst", flow = "reply.ip[0:8]" } }, { udp = { srcport = "sent.udp.dstport * 65537" } }]

[[packet.then]]
layers = [{ eth = { src = "reply.ip[0:6]" } }, { ip = {} }, { tcp = { options = [{ timestamp = { tsval = "reply.tcp.options.timestamp.tsval", tsecr = "reply.ip.id / (reply.ip.ttl - 64)" } }] } }, { data = { from = "reply.ip" } }]

[[packet.then]]
layers = [{ ip = {} }, { udp = {} }, { dns = { qry = [{ name = "${reply.dns.qry.name}" }] } }]

[[packet.then]]
layers = [{ ip = {} }, { udp = {} }, { data = { text = "${reply.ip.src} ${reply.dns.qry.name} ${sent.ip.id} ${ip.id}" } }]
"#;
