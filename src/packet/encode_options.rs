//! Writing options: type, length, body.

use super::build::{Beside, BuildError};
use super::encode::{Encoder, Written, full_name};
use super::walk::{DATA, LENGTH, RAW, UNKNOWN};
use super::{Node, find};
use crate::proto::describe::{Body, Record, Records};
use crate::wire::value::Value;

impl<'a> Encoder<'a, '_> {
    /// Appends a list of options, and pads it.
    pub(super) fn records(
        &mut self,
        records: &'static Records,
        list: &'a [Node],
        path: &str,
    ) -> Result<(), BuildError> {
        let path = full_name(path, records.name);
        let start = self.out.len();
        for node in list {
            let Node::Table(entry) = node else { return Err(BuildError::Option { name: path }) };
            let [(name, content)] = entry.as_slice() else { return Err(BuildError::Option { name: path }) };
            match (name.as_str(), content) {
                (RAW, Node::Value(Value::Octets(raw))) => self.out.extend_from_slice(raw),
                (UNKNOWN, Node::Table(parts)) => self.unknown(records, parts, &path)?,
                _ => match records.records.iter().find(|record| record.name == name) {
                    Some(record) => self.record(records, record, content, &path)?,
                    None => return Err(BuildError::UnknownOption { name: full_name(&path, name) }),
                },
            }
        }
        let padding = records.dialect.padding_of(self.out.len().saturating_sub(start));
        self.out.extend_from_slice(&padding);
        Ok(())
    }

    fn record(
        &mut self,
        records: &'static Records,
        record: &'static Record,
        content: &'a Node,
        path: &str,
    ) -> Result<(), BuildError> {
        self.out.push(record.code);
        if records.dialect.singles.contains(&record.code) {
            return Ok(());
        }
        let length_at = self.out.len();
        self.out.push(0);
        let path = full_name(path, record.name);
        match (content, record.sections.first().map(|section| &section.body)) {
            (Node::Table(fields), _) => self.structure(&record.sections, Written(fields), &path)?,
            (Node::List(list), Some(Body::Items(items))) => {
                list.iter().try_for_each(|node| self.item(items, node, &path))?;
            }
            (value @ Node::Value(_), Some(body)) => self.single(body, value, &path)?,
            _ => return Err(self.mismatch(&path, "", "no value")),
        }
        self.finish_record(records, length_at, None);
        Ok(())
    }

    /// An option whose one field stands for it.
    fn single(&mut self, body: &'static Body, value: &'a Node, path: &str) -> Result<(), BuildError> {
        let Node::Value(content) = value else { return Ok(()) };
        match (body, content) {
            (Body::Octets { .. }, Value::Octets(octets)) => self.out.extend_from_slice(octets),
            (Body::Text { .. }, Value::Text(text)) => self.out.extend_from_slice(text),
            (Body::Zeros { .. }, Value::Uint(count)) => {
                let count = usize::try_from(*count).unwrap_or(usize::MAX).min(usize::from(u8::MAX));
                self.out.resize(self.out.len().saturating_add(count), 0);
            }
            (Body::Fields { fields, len }, _) => {
                let at = self.out.len();
                self.out.resize(at.saturating_add(*len), 0);
                let Some(field) = fields.iter().find(|field| !field.hidden_when_zero) else { return Ok(()) };
                self.put(field, at, content.as_ref(), path)?;
            }
            _ => return Err(self.mismatch(path, "", "another kind of value")),
        }
        Ok(())
    }

    fn unknown(
        &mut self,
        records: &'static Records,
        parts: &'a [(String, Node)],
        path: &str,
    ) -> Result<(), BuildError> {
        let octet = |name: &str| match find(parts, name) {
            Some(Node::Value(Value::Uint(number))) => u8::try_from(*number).ok(),
            _ => None,
        };
        let path = full_name(path, UNKNOWN);
        let name = records.dialect.code_name;
        let Some(code) = octet(name) else {
            return Err(self.mismatch(&path, name, "a number from 0 to 255"));
        };
        let length = octet(LENGTH);
        let by = if let Some(Node::Auto(by)) = find(parts, LENGTH) { Some(*by) } else { None };
        if length.is_none() && by.is_none() && find(parts, LENGTH).is_some() {
            return Err(self.mismatch(&path, LENGTH, "a number from 0 to 255"));
        }
        self.out.push(code);
        let length_at = self.out.len();
        self.out.push(0);
        match find(parts, DATA) {
            Some(Node::Value(Value::Octets(data))) => self.out.extend_from_slice(data),
            None => {}
            Some(_) => return Err(self.mismatch(&path, DATA, "octets")),
        }
        self.finish_record(records, length_at, length);
        if let (Some(by), Some(octet)) = (by, self.out.get_mut(length_at)) {
            let beside = Beside { computed: u64::from(*octet), by, max: u64::from(u8::MAX), unit: 1 };
            *octet = u8::try_from(beside.number(|| full_name(&path, LENGTH))?).unwrap_or(u8::MAX);
        }
        Ok(())
    }

    /// Pads a record's body and writes its length octet, or the one that was asked for.
    fn finish_record(&mut self, records: &'static Records, length_at: usize, length: Option<u8>) {
        let body_at = length_at.saturating_add(1);
        let body_len = self.out.len().saturating_sub(body_at);
        if length.is_none() {
            let padding = records.dialect.body_padding(body_len);
            self.out.resize(self.out.len().saturating_add(padding), 0);
        }
        let body_len = self.out.len().saturating_sub(body_at);
        let computed = records.dialect.length_octet(body_len);
        if let Some(says) = length.filter(|length| *length != computed) {
            self.note("unknown.length", u64::from(says), u64::from(computed), false);
        }
        if let Some(octet) = self.out.get_mut(length_at) {
            *octet = length.unwrap_or(computed);
        }
    }
}
