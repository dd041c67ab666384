//! What a protocol's header has: the drawing of its forms, and each field with its name, kind, default and named values.
//! All of it comes from the description.
#![deny(clippy::arithmetic_side_effects)]

use super::field_entries::{Entries, Entry};
use super::forms::{Form, forms, missing};
use super::header;
use super::text::push_json_string;
use crate::filter::field::frame_fields;
use crate::proto::describe::{Protocol, Section, ShortItem, Shorthand};
use crate::proto::registry;
use crate::stream::Fact;

/// Appends a line for each protocol: name, title, reference.
pub fn list(out: &mut String) {
    let protocols = registry().protocols();
    let width = |text: fn(&Protocol) -> &str| {
        protocols.clone().map(|protocol| text(protocol).len()).max().unwrap_or(0)
    };
    let (names, titles) = (width(|protocol| protocol.name), width(|protocol| protocol.title));
    for protocol in protocols {
        let line = format!("{:names$}  {:titles$}  {}", protocol.name, protocol.title, protocol.reference);
        out.push_str(line.trim_end());
        out.push('\n');
    }
}

/// Appends all about a protocol: title, header, fields, options.
pub fn protocol(out: &mut String, protocol: &'static Protocol) {
    let reference =
        if protocol.reference.is_empty() { String::new() } else { format!(", {}", protocol.reference) };
    out.push_str(&format!("{} ({}){reference}\n\n", protocol.title, protocol.name));
    drawings(out, &protocol.sections);
    Entries::of(protocol).write(out, |_| true);
    if !protocol.shorthands.is_empty() {
        let words: Vec<(&'static str, String)> =
            protocol.shorthands.iter().map(|word| (word.name, meaning(word))).collect();
        out.push_str("\n  In specs also:\n");
        write_further(out, &words);
    }
    let further = further_names(protocol);
    if !further.is_empty() {
        out.push_str("\n  In filters also:\n");
        write_further(out, &further);
    }
}

/// What a word of specs stands for.
fn meaning(word: &Shorthand) -> String {
    let Some(ShortItem { has: (name, number), names }) = word.item else { return word.of.to_owned() };
    let names = names.iter().map(|(short, name)| format!(", {short} for {name}"));
    format!("one of {} with {name} {number}{}", word.of, names.collect::<String>())
}

/// Names that filters alone know, and what they mean.
fn further_names(protocol: &'static Protocol) -> Vec<(&'static str, String)> {
    let whole = |part: &&str| match *part {
        "" => protocol.name.to_owned(),
        part => format!("{}.{part}", protocol.name),
    };
    let aliases = protocol.aliases.iter().map(|alias| {
        let meant: Vec<String> = alias.of.iter().map(whole).collect();
        (alias.name, format!("{}{}", meant.join(", "), if alias.as_text { ", as text" } else { "" }))
    });
    let derived = protocol.derived.iter().map(|derived| (derived.name, "computed".to_owned()));
    let facts = Fact::of_protocol(protocol.name)
        .map(|known| (known.name, format!("{}, from the packets before", known.title)));
    aliases.chain(derived).chain(facts).collect()
}

fn write_further(out: &mut String, names: &[(&'static str, String)]) {
    let width = names.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    for (name, meaning) in names {
        out.push_str(&format!("  {name:width$}  {meaning}\n"));
    }
}

/// Appends what `name` is, a field of `frame` or `frame` itself, which filters and columns alone know; `false` when it is neither.
pub fn frame(out: &mut String, name: &str) -> bool {
    let fields = frame_fields().filter(|(known, _)| name == "frame" || *known == name);
    let fields: Vec<_> = fields.map(|(known, title)| (known, title.to_owned())).collect();
    write_further(out, &fields);
    !fields.is_empty()
}

/// Appends what `name`, a full name such as `ip.ttl`, or a group or option with all that belongs to it, is; `false` when
/// the protocol has no such field. What filters alone know is told too.
pub fn field(out: &mut String, protocol: &'static Protocol, name: &str) -> bool {
    let is_wanted = |entry: &Entry| {
        entry.name == name || entry.name.strip_prefix(name).is_some_and(|rest| rest.starts_with('.'))
    };
    let entries = Entries::of(protocol);
    let is_there = entries.iter().any(is_wanted);
    if is_there {
        entries.write(out, is_wanted);
    }
    let further = further_names(protocol).into_iter().filter(|(known, _)| *known == name);
    let further: Vec<_> = further.collect();
    write_further(out, &further);
    is_there || !further.is_empty()
}

/// Appends a protocol with all its fields as one JSON line.
pub fn json(out: &mut String, protocol: &'static Protocol) {
    for (key, text) in [
        ("{\"name\":", protocol.name),
        (",\"title\":", protocol.title),
        (",\"reference\":", protocol.reference),
    ] {
        out.push_str(key);
        push_json_string(out, text);
    }
    out.push_str(",\"fields\":");
    Entries::of(protocol).write_json(out);
    out.push_str("}\n");
}

/// All full names of a protocol's fields and options.
pub fn names(protocol: &'static Protocol) -> Vec<String> {
    Entries::of(protocol).iter().map(|entry| entry.name.clone()).collect()
}

/// The names of a protocol that filters alone know.
pub fn filter_names(protocol: &'static Protocol) -> impl Iterator<Item = String> {
    further_names(protocol).into_iter().map(|(name, _)| name.to_owned())
}

/// The drawings of a header's forms.
fn drawings(out: &mut String, sections: &'static [Section]) {
    let forms = forms(sections);
    let drawn = drawn(sections, &forms);
    header::ruler(out);
    for (drawing, when) in &drawn {
        if drawn.len() > 1 && !when.is_empty() {
            out.push_str(&format!("\n  When {}:\n", when.join(",\n  or when ")));
        }
        out.push_str(drawing);
    }
    let further: Vec<&'static Section> =
        missing(sections, &forms).into_iter().filter_map(|index| sections.get(index)).collect();
    if !further.is_empty() {
        out.push_str("\n  Further parts, where other fields announce them:\n");
        header::draw(out, &further);
    }
    out.push('\n');
}

/// Each drawing with what it needs. Forms that look alike are drawn once; those of all other values come last.
fn drawn(sections: &'static [Section], forms: &[Form]) -> Vec<(String, Vec<String>)> {
    let mut drawn: Vec<(String, Vec<String>, bool)> = Vec::new();
    for form in forms {
        let parts: Vec<_> = form.sections.iter().filter_map(|index| sections.get(*index)).collect();
        let mut drawing = String::new();
        header::draw(&mut drawing, &parts);
        let words = |all: &Vec<super::forms::Condition>| {
            all.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and ")
        };
        let when: Vec<String> = form.conditions.iter().map(words).filter(|words| !words.is_empty()).collect();
        let is_simple = form.conditions.iter().all(|all| all.len() <= 1);
        let is_rest = form.conditions.iter().flatten().all(|condition| condition.is_another());
        match drawn.iter_mut().find(|(known, ..)| *known == drawing) {
            // A narrower case of a form that is drawn already.
            Some(_) if !is_simple => {}
            Some((_, known, _)) => known.extend(when),
            None => drawn.push((drawing, when, is_rest)),
        }
    }
    drawn.sort_by_key(|(_, when, is_rest)| *is_rest && !when.is_empty());
    drawn.into_iter().map(|(drawing, when, _)| (drawing, when)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text_of(name: &str) -> String {
        let mut out = String::new();
        protocol(&mut out, registry().by_name(name).unwrap());
        out
    }

    #[test]
    fn what_a_capture_knows_of_a_packet_has_names_too() {
        let mut out = String::new();
        assert!(frame(&mut out, "frame.len") && !frame(&mut out, "frame.lem") && !frame(&mut out, "ip.ttl"));
        assert_eq!(out, "  frame.len  Octets that it had on the wire\n");
        assert!(frame(&mut out, "frame") && out.contains("frame.interface_name"));
    }

    #[test]
    fn ethernet_as_rfcs_draw_and_people_read_it() {
        assert!(text_of("eth").starts_with(
            "\
Ethernet II (eth), IEEE 802.3, RFC 894

   0                   1                   2                   3
   0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
  |                              dst                              |
  +                               +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
  |                               |                               |
  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+                               +
  |                              src                              |
  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
  |             type              |
  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+

  eth.dst   MAC address  Destination; ff:ff:ff:ff:ff:ff unless written
  eth.src   MAC address  Source
  eth.type  16 bits      Type; computed, else 0x88b5; `len` for values below 0x600
                         0x800 IPv4, 0x806 ARP,"
        ));
    }

    #[test]
    fn forms_are_drawn_with_what_they_need() {
        let igmp = text_of("igmp");
        let forms: Vec<&str> = igmp.lines().filter(|line| line.starts_with("  When")).collect();
        assert_eq!(
            forms,
            [
                "  When type is 17 (membership query), 18 (version 1 membership report), 22 (version 2 membership report) or 23 (leave group):",
                "  When type is 34 (version 3 membership report):",
                "  When type is 17 (membership query) and the header is longer than 8 octets:",
                "  When type is another number:",
            ]
        );
        assert!(
            igmp.contains("  |reserve|s| qrv |     qqic      |            num_src            |\n"),
            "{igmp}"
        );
        let icmp = text_of("icmp");
        assert!(icmp.contains("  When type is 3 (destination unreachable) and code is 4:\n"), "{icmp}");
        assert!(icmp.contains("  Further parts, where other fields announce them:\n"), "{icmp}");
    }

    #[test]
    fn every_part_of_every_header_is_drawn() {
        for protocol in registry().protocols() {
            let text = text_of(protocol.name);
            for section in protocol.sections.iter() {
                let names: Vec<&str> = match &section.body {
                    crate::proto::describe::Body::Items(items) => vec![items.name],
                    crate::proto::describe::Body::Records(records) => vec![records.name],
                    crate::proto::describe::Body::Quoted(quoted) => vec![quoted.name],
                    _ => Vec::new(),
                };
                for name in names {
                    assert!(text.contains(&format!(":{name:^63}:")), "{}.{name} in {text}", protocol.name);
                }
            }
        }
    }

    #[test]
    fn a_field_alone_and_a_group_with_its_parts() {
        let ip = registry().by_name("ip").unwrap();
        let mut out = String::new();
        assert!(field(&mut out, ip, "ip.ttl"));
        assert!(field(&mut out, ip, "ip.flags"));
        assert!(!field(&mut out, ip, "ip.fla"));
        assert_eq!(
            out,
            "  ip.ttl  8 bits  Time to live; 64 unless written\n\
             \u{20} ip.flags       3 bits, group  Flags\n\
             \u{20}   ip.flags.rb  1 bit          Reserved bit\n\
             \u{20}   ip.flags.df  1 bit          Don't fragment\n\
             \u{20}   ip.flags.mf  1 bit          More fragments\n"
        );
    }

    #[test]
    fn json_has_every_field_of_the_registry() {
        for protocol in registry().protocols() {
            let mut out = String::new();
            json(&mut out, protocol);
            let parsed: serde_json::Value = serde_json::from_str(&out).unwrap();
            let listed = parsed["fields"].as_array().unwrap().len();
            assert_eq!(listed, names(protocol).len(), "{}", protocol.name);
            assert!(listed > 0 && parsed["name"] == protocol.name);
        }
    }
}
