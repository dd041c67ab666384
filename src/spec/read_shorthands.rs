//! Words that a protocol's description has for what goes by other names.

use super::read_layers::Structure;
use super::reader::Reader;
use super::tree::{Entry, Shape};
use crate::packet::Node;
use crate::proto::describe::{Body, Items, Protocol, ShortItem, Shorthand};
use crate::wire::value::Value;

impl Reader<'_> {
    /// Reads the fields of a header. What stands for one item comes behind the list that it belongs to, wherever it is written.
    pub(super) fn header<'t, 's: 't>(
        &mut self,
        structure: &mut Structure<'_>,
        protocol: &'static Protocol,
        entries: Vec<&'t Entry<'s>>,
    ) {
        let shorthand = |entry: &Entry<'_>| protocol.shorthands.iter().find(|known| known.name == entry.key);
        let (short, plain): (Vec<_>, Vec<_>) =
            entries.into_iter().partition(|entry| shorthand(entry).is_some());
        self.table(structure, "", plain.into_iter());
        for entry in short {
            match shorthand(entry) {
                Some(Shorthand { of, item: Some(item), .. }) => self.short_item(structure, of, item, entry),
                Some(Shorthand { of, item: None, .. }) => self.entry(structure, of, entry),
                None => {}
            }
        }
    }

    /// Reads an item that has a word of its own.
    fn short_item(&mut self, structure: &mut Structure<'_>, list: &str, item: &ShortItem, entry: &Entry<'_>) {
        let Some(items) = items(structure, list) else { return };
        let path = format!("{}.{}", structure.path, entry.key);
        let Shape::Table(entries) = &entry.value.shape else {
            return self.wrong_kind(&entry.value, &path, "a table of fields");
        };
        let mut read = Structure::new(&items.item, &path);
        for inner in entries {
            let name = item
                .names
                .iter()
                .find(|(short, _)| *short == inner.key)
                .map_or(inner.key.as_ref(), |(_, name)| name);
            self.entry(&mut read, name, inner);
        }
        let (name, number) = item.has;
        if !read.fields.iter().any(|(known, _)| known == name) {
            read.fields.insert(0, (name.to_owned(), Node::Value(Value::Uint(number))));
        }
        let item = Node::Table(read.fields);
        match structure.fields.iter_mut().find(|(known, _)| known == list) {
            Some(_) if structure.is_lenient => {}
            Some((_, Node::List(nodes))) => nodes.push(item),
            Some(_) => {}
            None => structure.add(list, Node::List(vec![item]), entry.value.at.clone()),
        }
    }
}

/// The list of this name.
fn items(structure: &Structure<'_>, name: &str) -> Option<&'static Items> {
    structure.sections.iter().find_map(|section| match &section.body {
        Body::Items(items) if items.name == name => Some(items),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use crate::packet::Node;
    use crate::spec::{Source, Spec, SpecError, Syntax, read};
    use crate::wire::value::Value;

    fn spec(text: &str) -> Result<Spec, SpecError> {
        read(&Source::new("spec", text), Syntax::Expression, &|_| Err(std::io::Error::other("none")))
    }

    /// The numbers of the records' fields.
    fn records(text: &str) -> Vec<Vec<(String, Option<Value>)>> {
        let spec = spec(text).unwrap();
        let Some(Node::List(records)) = spec.templates[0].packet.layers[0].get("additionals") else {
            panic!("{text}");
        };
        let value = |node: &Node| match node {
            Node::Value(value) => Some(value.clone()),
            _ => None,
        };
        let fields = |node: &Node| match node {
            Node::Table(fields) => fields.iter().map(|(name, node)| (name.clone(), value(node))).collect(),
            _ => panic!("{node:?}"),
        };
        records.iter().map(fields).collect()
    }

    #[test]
    fn an_item_with_a_word_of_its_own_comes_behind_the_others() {
        let found = records("dns(opt={do=true, udp_payload_size=512}, additionals=[{name=a.example}])");
        assert_eq!(found.len(), 2);
        assert!(found[1].contains(&("type".to_owned(), Some(Value::Uint(41)))));
        assert!(found[1].contains(&("z.do".to_owned(), Some(Value::Bool(true)))));
        let lies = records("dns(opt={type=1})");
        assert_eq!(lies, [[("type".to_owned(), Some(Value::Uint(1)))]], "what is written counts");
    }

    #[test]
    fn mistakes_in_it_are_told() {
        let told = |text: &str| spec(text).unwrap_err().render(false);
        assert!(
            told("dns(opt={dou=true})").contains("dns.opt has no field `dou`"),
            "{}",
            told("dns(opt={dou=true})")
        );
        assert!(told("dns(opt=7)").contains("dns.opt"), "{}", told("dns(opt=7)"));
        assert!(told("dns(qry=[], queries=[])").contains("dns.qry"), "{}", told("dns(qry=[], queries=[])"));
    }
}
