//! A JSON Schema (2020-12) of spec files, from the descriptions of all protocols: editors complete and check specs by it.
//!
//! It knows names, kinds and sizes. What depends on other fields, or on files, is for whoever reads the spec to tell.

use super::schema_fields::{layer, number, octets};
use super::schema_json::Json;
use crate::proto::registry;

/// The schema's text.
pub fn schema() -> String {
    let spec = Json::object([
        ("$schema", Json::text("https://json-schema.org/draft/2020-12/schema")),
        ("title", Json::text("A spec of rawsock")),
        ("anyOf", Json::list([Json::of("spec"), Json::of("packet"), Json::list_of(Json::of("packet"), 1)])),
        ("$defs", Json::Object(definitions())),
    ]);
    let mut out = String::new();
    spec.write(&mut out, 0);
    out.push('\n');
    out
}

fn definitions() -> Vec<(String, Json)> {
    let mut definitions: Vec<(String, Json)> =
        values().into_iter().map(|(name, schema)| (name.to_owned(), schema)).collect();
    definitions.push(("spec".to_owned(), spec()));
    definitions.push(("packet".to_owned(), packet()));
    definitions.push(("expect".to_owned(), expect()));
    definitions.push(("scenario".to_owned(), scenario()));
    definitions.push(("layers".to_owned(), layers()));
    definitions.push(("send".to_owned(), send()));
    let protocols = registry().protocols();
    definitions.extend(protocols.map(|protocol| (definition(protocol.name), layer(protocol))));
    definitions
}

fn definition(layer: &str) -> String {
    format!("layer.{layer}")
}

/// Texts and numbers that stand for values.
fn values() -> Vec<(&'static str, Json)> {
    let variable = || Json::of("variable");
    let with_list = |pattern: &str| {
        let one =
            Json::any_of([Json::pattern(format!(r"^\s*({pattern})\s*$")), variable(), Json::of("told")]);
        Json::any_of([one.clone(), Json::list_of(one, 1)])
    };
    let span = |one: &str| format!(r"{one}\s*\.\.\s*{one}(\s*/\s*{NUMBER})?");
    let several = |one: &str, network: &str| {
        let span = span(one);
        format!(r"{one}|{span}|{network}random(\s*\(\s*({network}{span})\s*\))?|auto")
    };
    let numbers = format!(r"{NUMBER}|{0}|random(\s*\(\s*{0}\s*\))?|auto", span(NUMBER));
    let told = || Json::of("told");
    let bit = Json::any_of([
        Json::typed("boolean"),
        Json::object([("enum", Json::list([Json::Number(0), Json::Number(1)]))]),
        Json::pattern(r"^\s*(true|false|0|1|0\s*\.\.\s*1|random|auto)\s*$"),
        variable(),
        told(),
    ]);
    let cut =
        vec![("len".to_owned(), number(u64::from(u16::MAX), 1)), ("rest".to_owned(), Json::of("octets"))];
    vec![
        ("variable", Json::pattern(r"\$").described("A variable, or a text with variables in it")),
        (
            "told",
            Json::pattern(r"[A-Za-z_][A-Za-z0-9_]*\.[a-z]")
                .described("Told by packets that came or were sent before: reply.tcp.seq + 1"),
        ),
        ("numbers", Json::any_of([Json::pattern(format!(r"^\s*({numbers})\s*$")), variable(), told()])),
        (
            "beside",
            Json::pattern(r"^\s*auto\s*[+-]\s*[0-9][0-9_]*\s*$")
                .described("So much more or less than what is computed"),
        ),
        ("count", number(262_144, 1)),
        ("bit", Json::any_of([bit.clone(), Json::list_of(bit, 1)])),
        ("mac", with_list(&several(MAC, ""))),
        ("ipv4", with_list(&several(IPV4, &format!(r"{IPV4}/([0-9]|[12][0-9]|3[0-2])|")))),
        ("ipv6", with_list(&several(IPV6, &format!(r"{IPV6}/([0-9]|[1-9][0-9]|1[01][0-9]|12[0-8])|")))),
        (
            "hex",
            Json::any_of([
                Json::pattern(r"^(0x)?([\s:_-]*[0-9a-fA-F][\s:_-]*[0-9a-fA-F])*[\s:_-]*$"),
                Json::object([("const", Json::text("auto"))]),
                variable(),
            ]),
        ),
        ("octets", octets()),
        ("cut", Json::table(cut)),
        (
            "duration",
            Json::any_of([Json::pattern(r"^\s*[0-9]"), variable()])
                .described("A number with its unit: 20ms, 1s"),
        ),
    ]
}

/// What stands beside packets.
fn beside_packets() -> Vec<(String, Json)> {
    let layers = registry().protocols().filter(|protocol| protocol.name != crate::proto::data::NAME);
    let defaults =
        layers.map(|protocol| (protocol.name.to_owned(), Json::of(&definition(protocol.name)))).collect();
    let files = Json::any_of([Json::typed("string"), Json::list_of(Json::typed("string"), 0)]);
    let vars = Json::typed("object")
        .and("propertyNames", Json::object([("pattern", Json::text("^[A-Za-z_][A-Za-z0-9_]*$"))]));
    [
        ("send", Json::of("send").described("How the packets are sent")),
        ("vars", vars.described("Variables: what `$name` stands for")),
        ("defaults", Json::table(defaults).described("Fields of layers that do not write them")),
        ("$schema", Json::typed("string")),
        ("include", files.described("Other specs, whose packets go before these")),
    ]
    .map(|(name, schema)| (name.to_owned(), schema))
    .into()
}

fn spec() -> Json {
    let mut names = beside_packets();
    names.push(("packet".to_owned(), packets("The packets, in order")));
    let scenarios = Json::any_of([Json::of("scenario"), Json::list_of(Json::of("scenario"), 0)]);
    names.push(("scenario".to_owned(), scenarios.described("Tests, step by step")));
    Json::table(names)
}

/// A scenario.
fn scenario() -> Json {
    let text = || Json::typed("string");
    let name = text().and("pattern", Json::text("^[A-Za-z_][A-Za-z0-9_]*$"));
    let sent = Json::any_of([Json::of("layers").and("minItems", Json::Number(1)), Json::of("packet")]);
    let step = Json::table(vec![
        ("name".to_owned(), name.described("By which later steps tell what it sent and what came")),
        ("description".to_owned(), text()),
        ("wait".to_owned(), Json::of("duration").described("How long it waits before anything else")),
        ("send".to_owned(), sent.described("What it sends: layers, or a packet")),
        ("expect".to_owned(), Json::of("expect").described("What must come then, and what must not")),
        (
            "within".to_owned(),
            Json::of("duration").described("For how long, where an expectation does not say"),
        ),
    ]);
    let step = step.and("anyOf", Json::list(["send", "expect", "wait"].map(requires)));
    let steps = Json::list_of(step, 1);
    let table = Json::table(vec![
        ("name".to_owned(), text()),
        ("description".to_owned(), text()),
        ("steps".to_owned(), steps.described("One behind the other, up to the first that is not met")),
    ]);
    table.and("required", Json::list([Json::text("steps")]))
}

/// A packet, or a list of them.
fn packets(description: &str) -> Json {
    Json::any_of([Json::of("packet"), Json::list_of(Json::of("packet"), 0)]).described(description)
}

/// What is expected: one thing, or several.
fn expect() -> Json {
    let expected = Json::any_of([
        Json::typed("string"),
        Json::table(vec![
            ("match".to_owned(), Json::typed("string").described("What must come back")),
            ("none".to_owned(), Json::typed("string").described("What must not come back")),
            ("within".to_owned(), Json::of("duration")),
        ])
        .and("oneOf", Json::list(["match", "none"].map(requires))),
    ]);
    Json::any_of([expected.clone(), Json::list_of(expected, 0)])
}

fn packet() -> Json {
    let names = Json::any_of([Json::typed("string"), Json::list_of(Json::typed("string"), 0)]);
    let own = [
        (
            "layers",
            Json::of("layers").and("minItems", Json::Number(1)).described("The layers, outermost first"),
        ),
        ("trailer", Json::of("octets").described("Octets behind the outermost layer")),
        ("name", Json::typed("string")),
        ("comment", Json::typed("string").described("Saved in pcapng files")),
        ("within", Json::of("duration").described("How long its answer is awaited")),
        ("reply", Json::typed("string").described("Which answers count, as a field filter")),
        ("expect", Json::of("expect")),
        ("count", number(u64::MAX, 1).described("How many packets it stands for in a round")),
        ("repeat", number(u64::MAX, 1).described("How many times each of them goes out")),
        ("fragment", fragment()),
        ("corrupt", corrupt()),
        ("fuzz", names.described("Fields and layers that take any value")),
        ("then", packets("The packets that go when its answer comes")),
    ];
    let mut names: Vec<(String, Json)> = own.map(|(name, schema)| (name.to_owned(), schema)).into();
    names.extend(beside_packets());
    Json::table(names).and("required", Json::list([Json::text("layers")]))
}

fn requires(name: &str) -> Json {
    Json::object([("required", Json::list([Json::text(name)]))])
}

fn fragment() -> Json {
    let octets = number(u64::from(u16::MAX), 1);
    let orders = ["forward", "reverse", "random"].map(Json::text);
    let table = Json::table(vec![
        ("size".to_owned(), octets.described("The most octets of a fragment, from its IP header on")),
        (
            "overlap".to_owned(),
            number(u64::from(u16::MAX), 8).described("Octets that the fragment before has too"),
        ),
        (
            "order".to_owned(),
            Json::any_of([Json::object([("enum", Json::list(orders))]), Json::of("variable")]),
        ),
    ]);
    table.and("required", Json::list([Json::text("size")])).described("The packet goes out in fragments")
}

fn corrupt() -> Json {
    let table = Json::table(vec![
        ("bits".to_owned(), number(4096, 1).described("How many bits are turned over")),
        ("layer".to_owned(), Json::typed("string").described("In this layer and what it carries")),
    ]);
    table.described("Bits are turned over in what leaves")
}

/// A list of layers: tables with one name each, or texts.
fn layers() -> Json {
    let known = registry().protocols();
    let known = known.map(|protocol| (protocol.name.to_owned(), Json::of(&definition(protocol.name))));
    let text = Json::typed("string").described("A payload");
    Json::list_of(Json::any_of([Json::one_of_names(known.collect()), text]), 0)
}

fn send() -> Json {
    let rate =
        Json::any_of([Json::pattern(r"^\s*[0-9.]+\s*[kM]?\s*/\s*(ms|s|m|h)\s*$"), Json::of("variable")]);
    let vias = Json::object([("enum", Json::list(["ip", "link", "tun"].map(Json::text)))]);
    let own = [
        ("interval", Json::of("duration").described("Time from one packet to the next")),
        ("rate", rate.described("Packets in a time: 50k/s")),
        ("count", number(u64::MAX, 1).described("How many packets in all")),
        ("repeat", number(u64::MAX, 1).described("How many times everything goes out")),
        ("burst", number(1_000_000, 1).described("How many packets at once")),
        ("jitter", Json::of("duration").described("By how much a packet may be late at random")),
        ("interface", Json::typed("string").described("The interface to send on")),
        (
            "via",
            Json::any_of([vias, Json::of("variable")])
                .described("A raw IP socket, every bit as written, or a host of its own"),
        ),
    ];
    let table = Json::table(own.map(|(name, schema)| (name.to_owned(), schema)).into());
    // One says how fast.
    table.and("not", Json::object([("required", Json::list([Json::text("interval"), Json::text("rate")]))]))
}

const NUMBER: &str = "(0[xX][0-9a-fA-F][0-9a-fA-F_]*|0[bB][01][01_]*|[0-9][0-9_]*)";
const MAC: &str = "([0-9a-fA-F]{1,2}([:-][0-9a-fA-F]{1,2}){5})";
const IPV4: &str = r"((25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])(\.(25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])){3})";
const IPV6: &str = "([0-9a-fA-F:]*:[0-9a-fA-F:]*[0-9a-fA-F.:]*)";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_described_has_its_place() {
        let text = schema();
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        let known = json["$defs"].as_object().unwrap();
        let references = text.split("\"#/$defs/").skip(1).filter_map(|rest| rest.split('"').next());
        let mut count = 0;
        for name in references {
            assert!(known.contains_key(name), "{name}");
            count += 1;
        }
        assert!(count > 200, "{count}");
        for protocol in registry().protocols() {
            assert!(json["$defs"]["layers"]["items"]["anyOf"][0]["properties"][protocol.name].is_object());
        }
    }
}
