//! What a schema says of layers, fields, options and items, from their descriptions.

use super::schema_json::Json;
use crate::packet::encode::counted;
use crate::packet::walk::{CUT, DATA, LENGTH, RAW, UNKNOWN};
use crate::proto::data;
use crate::proto::describe::{
    Body, Field, Items, Kind, Protocol, Record, Records, Section, Shorthand, Style,
};

/// A layer's table.
pub(super) fn layer(protocol: &'static Protocol) -> Json {
    let description = match protocol.reference {
        "" => protocol.title.to_owned(),
        reference => format!("{}: {reference}", protocol.title),
    };
    let mut own = vec![
        ("trailer".to_owned(), Json::of("octets").described("Octets behind its payload that are its own")),
        (CUT.to_owned(), Json::of("cut")),
    ];
    if protocol.name == data::NAME {
        own.extend(ways());
        let table = Json::table(own).and("not", Json::any_of(two_ways()));
        return Json::any_of([Json::typed("string"), table, Json::object([("const", Json::Bool(true))])])
            .described(&description);
    }
    if protocol.sections.iter().any(|section| matches!(section.body, Body::Quoted(_))) {
        own.push(("quoted_bytes".to_owned(), number(u64::from(u16::MAX), 1)));
        own.push(("quoted_trailer".to_owned(), Json::of("octets")));
    }
    let mut names = names(&protocol.sections, protocol);
    names.extend(
        protocol
            .shorthands
            .iter()
            .filter_map(|shorthand| short(shorthand, protocol, &names))
            .collect::<Vec<_>>(),
    );
    names.extend(own);
    let table = nested(&names);
    // What `--json` says about a field stands beside it, and is read over.
    let computed = Json::object([("\\.(status|text)$", Json::Bool(true))]);
    Json::any_of([table.and("patternProperties", computed), Json::object([("const", Json::Bool(true))])])
        .described(&description)
}

/// What the names of sections take. The forms of a header may have the same name.
fn names(sections: &'static [Section], protocol: &'static Protocol) -> Vec<(String, Json)> {
    let mut names: Vec<(String, Json)> = Vec::new();
    let mut add = |name: &str, schema: Json| match names.iter_mut().find(|(known, _)| known == name) {
        Some((_, known)) if *known == schema => {}
        Some((_, known)) => *known = Json::any_of([known.clone(), schema]),
        None => names.push((name.to_owned(), schema)),
    };
    for section in sections {
        match &section.body {
            Body::Fields { fields, .. } => {
                for described in fields {
                    let schema = field(described, fields, protocol);
                    add(described.name, schema.clone());
                    if let Some(also) = described.also {
                        add(also.name, schema);
                    }
                }
            }
            Body::Octets { field, .. } => add(field.name, Json::of("octets").described(field.title)),
            Body::Text { field, .. } => add(field.name, Json::typed("string").described(field.title)),
            Body::Zeros { field } => add(field.name, number(u64::from(u8::MAX), 1).described(field.title)),
            Body::Items(list) => add(list.name, items(list, protocol).described(list.title)),
            Body::Records(list) => add(list.name, records(list, protocol).described(list.title)),
            Body::Quoted(quoted) => add(quoted.name, Json::of("layers").described(quoted.title)),
        }
    }
    names
}

/// What a word for something of another name takes.
fn short(
    shorthand: &Shorthand,
    protocol: &'static Protocol,
    known: &[(String, Json)],
) -> Option<(String, Json)> {
    let Some(item) = shorthand.item else {
        let schema = known.iter().find(|(name, _)| name == shorthand.of).map(|(_, schema)| schema.clone());
        return Some((shorthand.name.to_owned(), schema?));
    };
    let list = protocol.sections.iter().find_map(|section| match &section.body {
        Body::Items(items) if items.name == shorthand.of => Some(items),
        _ => None,
    })?;
    let mut fields = names(&list.item, protocol);
    let renamed = item.names.iter().filter_map(|(short, name)| {
        let (_, schema) = fields.iter().find(|(known, _)| known == name)?;
        Some(((*short).to_owned(), schema.clone()))
    });
    fields.extend(renamed.collect::<Vec<_>>());
    Some((shorthand.name.to_owned(), nested(&fields)))
}

/// A table of these names, of which those with dots may also be tables in tables.
fn nested(names: &[(String, Json)]) -> Json {
    let mut properties: Vec<(String, Json)> = names.to_vec();
    let mut outer: Vec<&str> =
        names.iter().filter_map(|(name, _)| name.split_once('.')).map(|(outer, _)| outer).collect();
    outer.sort_unstable();
    outer.dedup();
    for outer in outer {
        let inner: Vec<(String, Json)> = names
            .iter()
            .filter_map(|(name, schema)| {
                let rest = name.strip_prefix(outer)?.strip_prefix('.')?;
                Some((rest.to_owned(), schema.clone()))
            })
            .collect();
        let table = nested(&inner);
        match properties.iter_mut().find(|(name, _)| name == outer) {
            Some((_, known)) => *known = Json::any_of([known.clone(), table]),
            None => properties.push((outer.to_owned(), table)),
        }
    }
    Json::table(properties)
}

/// What a field takes.
fn field(field: &'static Field, fields: &'static [Field], protocol: &'static Protocol) -> Json {
    let is_counted = counted(&protocol.sections).any(|counted| counted.field == field.name);
    let is_computed = field.is_computed() || is_counted;
    let text = match field.title {
        "" => String::new(),
        title if is_computed => format!("{title}; computed when left out"),
        title => title.to_owned(),
    };
    let simple = |name: &str| Json::of(name).described(&text);
    let mut choices = match field.kind {
        Kind::Mac => return simple("mac"),
        Kind::Ipv4 => return simple("ipv4"),
        Kind::Ipv6 => return simple("ipv6"),
        Kind::Octets => return octets_of(field.span.octets().len()).described(&text),
        Kind::Name | Kind::Text => return Json::typed("string").described(&text),
        Kind::Bool => return simple("bit"),
        Kind::Uint | Kind::Group => one_number(field),
    };
    if field.kind == Kind::Group {
        choices.extend(letters(field, fields));
    }
    let items = Json::any_of(choices.clone());
    choices.push(Json::list_of(items, 1));
    if is_computed {
        choices.push(Json::of("beside"));
    }
    Json::any_of(choices).described(&text)
}

/// What stands for one number, or for several in a text.
fn one_number(field: &Field) -> Vec<Json> {
    let mut choices = vec![whole(field.max(), field.scale), Json::of("numbers")];
    if !field.values.is_empty() {
        let mut names: Vec<&str> = field.values.iter().map(|(_, name)| *name).collect();
        names.sort_unstable();
        names.dedup();
        choices.push(Json::object([("enum", Json::list(names.iter().map(|name| Json::text(*name))))]));
        let any_case: Vec<String> = names.iter().map(|name| in_any_case(name)).collect();
        choices.push(Json::pattern(format!("^({})$", any_case.join("|"))));
    }
    choices
}

/// A group as letters or names of its bits.
fn letters(group: &Field, fields: &'static [Field]) -> Option<Json> {
    let names = fields.iter().filter(|part| group.holds(part) && part.kind == Kind::Bool);
    let mut words: Vec<String> = names.map(|part| in_any_case(part.last_name())).collect();
    if words.is_empty() {
        return None;
    }
    let word = words.join("|");
    words = vec![format!("({word})([+|, ]+({word}))*")];
    if !group.letters.is_empty() {
        let letters: String = group.letters.chars().filter(char::is_ascii_alphanumeric).collect();
        words.push(format!("[{}{}]*", letters.to_uppercase(), letters.to_lowercase()));
    }
    Some(Json::pattern(format!("^({})$", words.join("|"))))
}

/// A number from 0 to `max`, with what may stand for one.
pub(super) fn number(max: u64, unit: u64) -> Json {
    let one = Json::any_of([whole(max, unit), Json::of("numbers")]);
    Json::any_of([one.clone(), Json::list_of(one, 1)])
}

fn whole(max: u64, unit: u64) -> Json {
    let whole = Json::typed("integer").and("minimum", Json::Number(0)).and("maximum", Json::Number(max));
    if unit > 1 { whole.and("multipleOf", Json::Number(unit)) } else { whole }
}

/// A pattern for a name in which case does not count.
fn in_any_case(name: &str) -> String {
    let mut pattern = String::new();
    for letter in name.chars() {
        if letter.is_ascii_alphabetic() {
            pattern.extend(['[', letter.to_ascii_uppercase(), letter.to_ascii_lowercase(), ']']);
        } else {
            if !letter.is_alphanumeric() && letter.is_ascii() && !matches!(letter, ' ' | '_' | '-') {
                pattern.push('\\');
            }
            pattern.push(letter);
        }
    }
    pattern
}

/// The ways in which octets are told.
fn ways() -> Vec<(String, Json)> {
    let ways = [
        ("hex", Json::of("hex")),
        ("text", Json::typed("string")),
        ("file", Json::typed("string")),
        ("zeros", Json::of("count")),
        ("pattern", Json::of("count")),
        ("random", Json::of("count")),
        ("from", Json::of("told")),
    ];
    ways.map(|(name, schema)| (name.to_owned(), schema)).into()
}

/// Two ways at once, of which there are not to be any.
fn two_ways() -> Vec<Json> {
    let names: Vec<String> = ways().into_iter().map(|(name, _)| name).collect();
    let pairs = names.iter().enumerate().flat_map(|(place, one)| {
        let others = names.iter().skip(place.saturating_add(1));
        others.map(move |other| Json::list([Json::text(one.as_str()), Json::text(other.as_str())]))
    });
    pairs.map(|pair| Json::object([("required", pair)])).collect()
}

/// Octets: digits, or one way to tell them.
pub(super) fn octets() -> Json {
    Json::any_of([Json::of("hex"), Json::one_of_names(ways())])
}

/// So many octets.
fn octets_of(len: usize) -> Json {
    let digits = len.saturating_mul(2);
    Json::any_of([
        Json::pattern(format!(r"^(0x)?([\s:_-]*[0-9a-fA-F]){{{digits}}}[\s:_-]*$")),
        Json::object([("const", Json::text("auto"))]),
        Json::of("variable"),
        Json::one_of_names(ways()),
    ])
}

/// A list of options.
fn records(records: &'static Records, protocol: &'static Protocol) -> Json {
    let bare = records.records.iter().map(|record| Json::text(record.name));
    let mut known: Vec<(String, Json)> = records
        .records
        .iter()
        .map(|record| (record.name.to_owned(), body(record, protocol).described(record.title)))
        .collect();
    let octet = || number(u64::from(u8::MAX), 1);
    let parts = vec![
        ("type".to_owned(), octet()),
        ("kind".to_owned(), octet()),
        (DATA.to_owned(), Json::of("octets")),
        (LENGTH.to_owned(), Json::any_of([octet(), Json::of("beside")])),
    ];
    let either = ["type", "kind"].map(|name| Json::object([("required", Json::list([Json::text(name)]))]));
    known.push((UNKNOWN.to_owned(), Json::table(parts).and("anyOf", Json::list(either))));
    known.push((RAW.to_owned(), Json::of("octets")));
    let option =
        [Json::object([("enum", Json::list(bare))]), Json::one_of_names(known), Json::of("variable")];
    Json::any_of([Json::list_of(Json::any_of(option), 0), Json::of("variable")])
}

/// What an option holds: nothing, its one value, or a table of its fields.
fn body(record: &'static Record, protocol: &'static Protocol) -> Json {
    let names = names(&record.sections, protocol);
    if names.is_empty() {
        let nothing = Json::table(Vec::new());
        return Json::any_of([nothing, Json::object([("const", Json::Bool(true))])]);
    }
    let mut choices = vec![nested(&names)];
    let single = record.sections.iter().filter(|section| !is_hidden(section)).collect::<Vec<_>>();
    if let [section] = single.as_slice() {
        choices.extend(match &section.body {
            Body::Items(list) if list.name.is_empty() => Some(items(list, protocol)),
            Body::Octets { .. } => Some(Json::of("octets")),
            Body::Text { .. } => Some(Json::typed("string")),
            Body::Zeros { .. } => Some(number(u64::from(u8::MAX), 1)),
            Body::Fields { fields, .. } => {
                let mut plain = fields.iter().filter(|field| !field.hidden_when_zero);
                let first = plain.next();
                first.filter(|_| plain.next().is_none()).map(|first| field(first, fields, protocol))
            }
            _ => None,
        });
    }
    Json::any_of(choices)
}

/// Whether a section is nothing but reserved fields.
fn is_hidden(section: &Section) -> bool {
    matches!(&section.body, Body::Fields { fields, .. } if fields.iter().all(|field| field.hidden_when_zero))
}

/// A list of items.
fn items(items: &'static Items, protocol: &'static Protocol) -> Json {
    let mut table = names(&items.item, protocol);
    table.push((RAW.to_owned(), Json::of("octets")));
    table.push((CUT.to_owned(), Json::of("cut")));
    let mut choices = vec![nested(&table)];
    let mut leaves: Vec<Json> = Vec::new();
    for section in &items.item {
        match &section.body {
            Body::Fields { fields, .. } => {
                let plain = fields.iter().filter(|field| field.kind != Kind::Group);
                leaves.extend(plain.map(|leaf| field(leaf, fields, protocol)));
            }
            Body::Text { .. } => leaves.push(Json::typed("string")),
            _ => {}
        }
    }
    match items.style {
        Style::Scalar => choices.extend(leaves.into_iter().next()),
        Style::Tuple => {
            let count = u64::try_from(leaves.len()).unwrap_or(0);
            let tuple = Json::typed("array").and("prefixItems", Json::List(leaves));
            choices.push(tuple.and("minItems", Json::Number(count)).and("maxItems", Json::Number(count)));
        }
        Style::Table => {}
    }
    choices.push(Json::of("variable"));
    Json::any_of([Json::list_of(Json::any_of(choices), 0), Json::of("variable")])
}
