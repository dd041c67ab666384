//! JSON: a packet as one object, straight from its octets and layer table. What is written here, `craft -` and `send -`
//! read, and build to the same octets.
//!
//! ```json
//! {"number":1,"time":"1700000000.123456789","len":46,"caplen":46,"interface":"eth0","link_type":1,"layers":[
//!  {"eth":{"dst":"02:00:00:00:00:02","src":"02:00:00:00:01:02","type":2048}},
//!  {"ip":{"version":4,"hdr_len":20,"dsfield":{"dscp":0,"ecn":0},"len":32,…,"checksum":1234,"checksum.status":"good",…}},
//!  {"data":{"hex":"6869"}}],"findings":[{"layer":"ip","field":"checksum","text":"0x1234 is wrong, should be 0x4321"}]}
//! ```
//!
//! Names are those of the descriptions. A field that is made of others is an object of them; options are a list of
//! objects with one key each; octets are hex digits. Besides the fields, a layer may have
//!
//! * `NAME.text` of a domain name that goes on elsewhere in the message (`www.@12`): the whole of it;
//! * `NAME.status` of a checksum: `good`, `bad`, `partial`, `unverified`, `not present`, `illegal` (it is left out where there must be one);
//! * `quoted`: the layers of the packet that it quotes, and `quoted_trailer`: octets of the quotation behind that packet;
//! * `trailer`: octets behind its payload that are its own, such as Ethernet padding;
//! * `cut`: the header ends early, after `len` octets, of which the last ones, `rest`, are too few for a field.
//!
//! `trailer` beside `layers` is what stands behind the outermost layer. What is not known is left out: no time, no
//! `time`.
#![deny(clippy::arithmetic_side_effects)]

use std::fmt;

use super::Meta;
use super::json_fields::Fields;
use super::json_memory::Memory;
use super::json_plan::Plan;
use super::nesting::Nesting;
use super::text::{push_json_lines, push_json_string};
use super::time::seconds;
use super::value::push_read;
use crate::packet::check::{ChecksumStatus, Dissected};
use crate::packet::unbuild::{behind_quoted, next_of_chain, trailer_of};
use crate::packet::walk::{Event, Shape, Visitor, visit_layer};
use crate::proto::describe::{Auto, Field, Kind};
use crate::proto::registry;
use crate::wire::frame::Direction;
use crate::wire::layers::{LayerEntry, LayerState};
use crate::wire::text::Text;
use crate::wire::value::ValueRef;

pub use super::value::push_seconds;

/// Appends a packet as one JSON object, without a line's end.
pub fn packet(out: &mut String, meta: &Meta<'_>, dissected: &Dissected<'_>) {
    let mut text = Text::default();
    write(&mut text, meta, dissected);
    out.push_str(text.as_str());
}

/// As [`packet`]: into a buffer that allocates nothing once it has grown.
pub fn write(out: &mut Text, meta: &Meta<'_>, dissected: &Dissected<'_>) {
    Json { out, dissected, troubled: false, memory: None }.packet(meta);
}

/// Writes many packets, one after the other: faster, as it remembers what it wrote before.
#[derive(Debug, Default)]
pub struct Writer {
    memory: Memory,
}

impl Writer {
    /// Appends a packet as [`write()`] does.
    pub fn packet(&mut self, out: &mut Text, meta: &Meta<'_>, dissected: &Dissected<'_>) {
        Json { out, dissected, troubled: false, memory: Some(&mut self.memory) }.packet(meta);
    }
}

/// A packet on its way into JSON.
struct Json<'o, 'a> {
    out: &'o mut Text,
    dissected: &'a Dissected<'a>,
    /// Whether something is to be said under `findings`.
    troubled: bool,
    /// What was written before, where packets come one after the other.
    memory: Option<&'o mut Memory>,
}

impl Json<'_, '_> {
    fn packet(mut self, meta: &Meta<'_>) {
        let dissected = self.dissected;
        self.meta(meta);
        self.out.put(",\"layers\":");
        self.chain(Some(0).filter(|_| !dissected.table.entries().is_empty()));
        let outermost_end = dissected.table.entries().first().map_or(0, |entry| entry.end as usize);
        self.octets("trailer", dissected.octets.get(outermost_end..).unwrap_or_default());
        self.out.put(",\"findings\":[");
        self.findings();
        self.out.put("]");
        if let Some(facts) = meta.facts {
            self.key("facts");
            super::facts::json(self.out, facts);
        }
        self.out.put("}");
    }

    fn meta(&mut self, meta: &Meta<'_>) {
        self.out.put("{\"number\":").put(meta.number);
        if let Some(time) = meta.time {
            self.out.put(",\"time\":\"");
            seconds(self.out, time);
            self.out.put("\"");
        }
        self.out.put(",\"len\":").put(self.dissected.wire_len);
        self.out.put(",\"caplen\":").put(self.dissected.octets.len());
        if let Some(interface) = meta.interface {
            self.key("interface");
            push_json_string(self.out, interface);
        }
        match meta.direction {
            Direction::Unknown => {}
            Direction::Inbound => self.text("direction", "in"),
            Direction::Outbound => self.text("direction", "out"),
        }
        if let Some(comments) = meta.comment {
            self.key("comment");
            push_json_lines(self.out, comments.iter());
        }
        if let Some(link_type) = meta.link_type {
            self.out.put(",\"link_type\":").put(link_type.0);
        }
    }

    /// The list of the layers of one chain. Quoted packets recurse, as deep as the layer table is long.
    fn chain(&mut self, first: Option<usize>) {
        self.out.push('[');
        let mut next = first;
        while let Some(index) = next {
            self.layer(index);
            next = next_of_chain(self.dissected.table, index);
        }
        self.out.push(']');
    }

    fn layer(&mut self, index: usize) {
        let Dissected { octets, table, .. } = *self.dissected;
        let Some(entry) = table.entries().get(index) else { return };
        let protocol = registry().get(entry.protocol);
        if !table.is_sound() {
            self.dissected.layer_findings(index, &mut |_| self.troubled = true);
        }
        self.comma('[');
        let plan = Plan::of(entry.protocol);
        match plan.and_then(|plan| plan.open.as_ref()) {
            Some(open) => self.out.put(open),
            None => self.out.put("{\"").put(protocol.name).put("\":{"),
        };
        let header = octets.get(entry.start as usize..entry.header_end as usize).unwrap_or_default();
        let is_written = match plan.filter(|_| entry.state == LayerState::Whole) {
            Some(plan) => self.plain(plan, (index, entry), header),
            None => false,
        };
        if !is_written {
            let mut layer = Layer { json: self, index, entry, plan, nesting: Nesting::default() };
            visit_layer(octets, entry, protocol, &mut layer);
        }
        self.octets("trailer", trailer_of(octets, table, index));
        self.out.put("}}");
    }

    /// Writes a header that has nothing but what every one of its protocol has, as most have: what a walk would tell of it, without
    /// one. `false`, where it has more.
    #[inline]
    fn plain(&mut self, plan: &Plan, (index, entry): (usize, &LayerEntry), header: &[u8]) -> bool {
        if let Some((fields, after, is_remembered)) = plan.plain(header.len()) {
            match (&mut self.memory, is_remembered) {
                (Some(memory), true) => {
                    let key = (entry.protocol, header);
                    memory.headers.put(self.out, key, |out| fields.write(out, header, &mut [], |_, _, _| ""));
                }
                _ => self.fields(fields, (index, entry), 0, (header, entry.start as usize)),
            }
            self.out.put(after);
            return true;
        }
        let Some(before) = plan.all_octets() else { return false };
        self.out.put(before).hex(header);
        self.out.put("\"");
        true
    }

    /// Writes the fields of a section, whose octets begin at `at` of the packet.
    #[inline]
    fn fields(
        &mut self,
        fields: &Fields,
        (index, entry): (usize, &LayerEntry),
        section: usize,
        (octets, at): (&[u8], usize),
    ) {
        let Self { out, dissected, troubled, memory } = self;
        let within = entry.start as usize..entry.header_end as usize;
        let pairs = memory.as_mut().map(|memory| memory.of(entry.protocol, section, fields.pairs));
        fields.write(out, octets, pairs.unwrap_or_default(), |field, value, place| {
            let place = at.saturating_add(place.start)..at.saturating_add(place.end);
            let status = dissected.checksum_status(index, field, value, &place, &within);
            *troubled |= is_trouble(status);
            status.word()
        });
    }

    fn event(&mut self, index: usize, event: &Event<'_>, nesting: &mut Nesting) {
        match event {
            Event::Field { field, .. } if field.kind == Kind::Group => {}
            Event::Field { field, value, octets, within } => {
                let number = if let ValueRef::Uint(number) = value { *number } else { 0 };
                let inside = nesting.innermost();
                let name = if inside == Shape::Group { field.last_name() } else { field.name_for(number) };
                self.begin(name, inside);
                self.value(*value);
                if let ValueRef::Name(name) = value
                    && inside == Shape::Table
                    && name.is_compressed()
                {
                    self.whole_name(field, *value);
                }
                if matches!(field.auto, Some(Auto::Checksum(..))) {
                    let status = self.dissected.checksum_status(index, field, number, octets, within);
                    self.status(field, status, inside);
                } else if self.dissected.problem(index, event).is_some() {
                    self.troubled = true;
                }
            }
            Event::Open { name, shape, .. } => {
                self.begin(name, nesting.innermost());
                match shape {
                    Shape::Table | Shape::Group => self.out.push('{'),
                    Shape::List => self.out.push('['),
                    Shape::Single => {}
                }
                nesting.open(*shape);
            }
            Event::Close => match nesting.close() {
                Shape::Table | Shape::Group => self.out.push('}'),
                Shape::List => self.out.push(']'),
                // A value that is not there: an option without a body.
                Shape::Single if matches!(self.out.last(), Some(b':' | b'[' | b',')) => {
                    self.out.push_str("{}")
                }
                Shape::Single => {}
            },
            Event::Loose { name, value, .. } => {
                self.begin(name, nesting.innermost());
                self.value(*value);
                self.troubled |= self.dissected.problem(index, event).is_some();
            }
            Event::Quoted { name, octets } => {
                self.key(name);
                self.chain(self.dissected.table.quoted(index));
                let behind = behind_quoted(self.dissected.octets, self.dissected.table, index, octets);
                self.octets("quoted_trailer", behind);
            }
            Event::Cut { len, rest, .. } => self.cut(*len, rest),
        }
    }

    /// Where a header ends before its time, and what octets of it make no whole field.
    fn cut(&mut self, len: usize, rest: &[u8]) {
        self.key("cut");
        self.out.push('{');
        self.number("len", u64::try_from(len).unwrap_or(u64::MAX));
        self.key("rest");
        self.value(ValueRef::Octets(rest));
        self.out.push('}');
    }

    /// A name of which parts stand elsewhere in the packet, as it goes on there.
    fn whole_name(&mut self, field: &Field, name: ValueRef<'_>) {
        self.comma('{');
        self.out.push('"');
        self.out.push_str(field.name);
        self.out.push_str(".text\":");
        let mut text = String::new();
        push_read(&mut text, name);
        push_json_string(self.out, &text);
    }

    fn status(&mut self, field: &Field, status: ChecksumStatus, inside: Shape) {
        self.troubled |= is_trouble(status);
        if inside == Shape::Table {
            self.comma('{');
            self.out.push('"');
            self.out.push_str(field.name);
            self.out.push_str(".status\":\"");
            self.out.push_str(status.word());
            self.out.push('"');
        }
    }

    /// The findings; packets mostly have none, and those are not walked a second time.
    fn findings(&mut self) {
        if self.troubled {
            let dissected = self.dissected;
            dissected.findings(&mut |finding| {
                let entry = dissected.table.entries().get(finding.layer);
                self.comma('[');
                self.out.push('{');
                self.text("layer", entry.map_or("", |entry| registry().get(entry.protocol).name));
                if !finding.field.is_empty() {
                    self.text("field", finding.field);
                }
                self.key("text");
                let _: fmt::Result = write!(self.out, "\"{}\"", finding.problem);
                self.out.push('}');
            });
        }
    }

    /// What comes before a value that stands inside `inside`.
    fn begin(&mut self, name: &str, inside: Shape) {
        match inside {
            Shape::Table | Shape::Group => self.key(name),
            Shape::List => self.comma('['),
            Shape::Single => {}
        }
    }

    /// A key: names come from descriptions, and need no escaping.
    fn key(&mut self, name: &str) {
        self.out.put(if self.out.last() == Some(b'{') { "\"" } else { ",\"" });
        self.out.push_str(name);
        self.out.put("\":");
    }

    /// A comma, unless the object or list has just been opened with `open`.
    fn comma(&mut self, open: char) {
        if self.out.last() != u8::try_from(open).ok() {
            self.out.push(',');
        }
    }

    fn number(&mut self, name: &str, number: u64) {
        self.key(name);
        self.out.uint(number);
    }

    /// A text of our own, which needs no escaping.
    fn text(&mut self, name: &str, text: &str) {
        self.key(name);
        self.out.push('"');
        self.out.push_str(text);
        self.out.push('"');
    }

    fn octets(&mut self, name: &str, octets: &[u8]) {
        if !octets.is_empty() {
            self.key(name);
            self.out.push('"');
            self.out.hex(octets);
            self.out.push('"');
        }
    }

    fn value(&mut self, value: ValueRef<'_>) {
        match value {
            ValueRef::Uint(_) | ValueRef::Bool(_) => {
                self.out.put(value);
            }
            ValueRef::Name(_) | ValueRef::Text(_) => push_json_string(self.out, &value.to_string()),
            _ => {
                self.out.put("\"").put(value).put("\"");
            }
        }
    }
}

fn is_trouble(status: ChecksumStatus) -> bool {
    matches!(status, ChecksumStatus::Bad { .. } | ChecksumStatus::Illegal)
}

/// A layer on its way into JSON.
struct Layer<'j, 'o, 'a> {
    json: &'j mut Json<'o, 'a>,
    index: usize,
    entry: &'a LayerEntry,
    plan: Option<&'static Plan>,
    nesting: Nesting,
}

impl<'a> Visitor<'a> for Layer<'_, '_, 'a> {
    fn event(&mut self, event: Event<'a>) {
        self.json.event(self.index, &event, &mut self.nesting);
    }

    fn fields(&mut self, section: usize, octets: &'a [u8], at: usize) -> bool {
        let Some(fields) = self.plan.and_then(|plan| plan.fields(section)) else { return false };
        self.json.comma('{');
        self.json.fields(fields, (self.index, self.entry), section, (octets, at));
        true
    }

    fn octets(&mut self, section: usize, octets: &'a [u8]) -> bool {
        let Some(before) = self.plan.and_then(|plan| plan.octets(section)) else { return false };
        self.json.comma('{');
        self.json.out.put(before).hex(octets);
        self.json.out.put("\"");
        true
    }

    fn record(&mut self, section: usize, place: usize, body: &'a [u8]) -> bool {
        let plan = self.plan.and_then(|plan| plan.record(section, place));
        let Some(plan) = plan.filter(|plan| plan.len == body.len()) else { return false };
        self.json.comma('[');
        let out = &mut *self.json.out;
        out.put(&plan.before);
        if let Some(fields) = &plan.fields {
            // None of them is a checksum.
            fields.write(out, body, &mut [], |_, _, _| "");
        }
        out.put(plan.after);
        true
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::packet::dissect::dissect;
    use crate::wire::frame::LinkType;
    use crate::wire::layers::LayerTable;
    use serde_json::Value as Json;

    pub(in crate::show) fn json_of(octets: &[u8], wire_len: usize, meta: &Meta<'_>) -> String {
        let mut table = LayerTable::default();
        dissect(octets, meta.link_type.unwrap(), &mut table);
        let mut out = String::new();
        packet(&mut out, meta, &Dissected { octets, table: &table, wire_len });
        out
    }

    #[test]
    fn an_echo_request_in_an_ethernet_frame() {
        // scapy: Ether(dst="02:00:00:00:00:02", src="02:00:00:00:01:02")/IP(src="10.77.1.2", dst="10.77.2.2",
        // flags="DF", options=IPOption_RR(routers=["10.77.1.1"], pointer=8))/ICMP(id=1, seq=2)/"hi", and then the
        // first octet of the ICMP checksum 0x8f93 changed.
        let octets = hex::decode(
            "020000000002020000000102080047000026000140004001c4260a4d01020a4d02020707080a4d0101000800\
             ff93000100026869",
        )
        .unwrap();
        let meta = Meta {
            number: 7,
            time: Some(1_700_000_000_123_456_789),
            interface_id: 0,
            interface: Some("eth0\u{1b}[2J"),
            link_type: Some(LinkType::ETHERNET),
            direction: Direction::Inbound,
            comment: Some("\"so\"".into()),
            facts: None,
        };
        assert_eq!(
            json_of(&octets, 60, &meta),
            concat!(
                r#"{"number":7,"time":"1700000000.123456789","len":60,"caplen":52,"interface":"eth0\u001b[2J","#,
                r#""direction":"in","comment":"\"so\"","link_type":1,"layers":["#,
                r#"{"eth":{"dst":"02:00:00:00:00:02","src":"02:00:00:00:01:02","type":2048}},"#,
                r#"{"ip":{"version":4,"hdr_len":28,"dsfield":{"dscp":0,"ecn":0},"len":38,"id":1,"#,
                r#""flags":{"rb":false,"df":true,"mf":false},"frag_offset":0,"ttl":64,"proto":1,"#,
                r#""checksum":50214,"checksum.status":"good","src":"10.77.1.2","dst":"10.77.2.2","#,
                r#""options":[{"rr":{"ptr":8,"addresses":["10.77.1.1"]}},{"eol":{}}]}},"#,
                r#"{"icmp":{"type":8,"code":0,"checksum":65427,"checksum.status":"bad","ident":1,"seq":2}},"#,
                r#"{"data":{"hex":"6869"}}],"findings":["#,
                r#"{"layer":"icmp","field":"checksum","text":"0xff93 is wrong, should be 0x8f93"}]}"#,
            )
        );
    }

    #[test]
    fn times_before_1970_and_unknown_ones() {
        let mut out = Text::default();
        seconds(&mut out, -1_500_000_000);
        assert_eq!(out.as_str(), "-1.500000000");
        let json = json_of(b"x", 1, &Meta::built(1, LinkType(147)));
        assert_eq!(
            json,
            r#"{"number":1,"len":1,"caplen":1,"link_type":147,"layers":[{"data":{"hex":"78"}}],"findings":[]}"#
        );
    }

    #[test]
    fn a_quoted_packet_is_a_list_of_layers() {
        // scapy: IP(src="127.0.0.1", dst="127.0.0.1")/ICMP(type=3, code=1)/raw(IP(src="10.77.4.209",
        // dst="10.77.6.204")/TCP(sport=14718, dport=26142, seq=0x144988))[:28]
        let octets = hex::decode(
            "450000380001000040017cc27f0000017f000001030113c600000000450000280001000040065a990a4d04d10a4d06cc\
             397e661e00144988",
        )
        .unwrap();
        let json: Json = serde_json::from_str(&json_of(&octets, 56, &Meta::built(1, LinkType::RAW))).unwrap();
        let icmp = &json["layers"][1]["icmp"];
        assert_eq!(icmp["quoted"][0]["ip"]["dst"], "10.77.6.204");
        assert_eq!(icmp["quoted"][1]["tcp"]["seq"], 0x0014_4988);
        assert_eq!(icmp["quoted"][1]["tcp"]["cut"], serde_json::json!({"len": 8, "rest": ""}));
        assert_eq!(json["findings"], serde_json::json!([]));
    }
}
