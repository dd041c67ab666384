//! The forms of a header: which of its parts are there depends on what stands in it, as the rest of an ICMP message depends
//! on its type. The description says so by conditions, which are functions; the forms are found by trying values.
#![deny(clippy::arithmetic_side_effects)]

use std::fmt;

use crate::proto::describe::{Before, Body, Field, Kind, Len, Quoted, Section};
use crate::wire::value::Value;

/// One form of a header.
#[derive(Debug, Clone)]
pub struct Form {
    /// The parts that are there, as indexes into the description's sections.
    pub sections: Vec<usize>,
    /// When it is so: each of the lists is enough, and of a list all must hold.
    pub conditions: Vec<Vec<Condition>>,
}

/// Something that must hold for a form.
#[derive(Debug, Clone)]
pub enum Condition {
    /// The field has one of these values.
    Is(&'static Field, Vec<u64>),
    /// The field has one of so many values that they are not worth listing.
    IsAnother(&'static Field),
    /// The header has more octets than this.
    Longer(usize),
}

/// The forms of a header, that with all defaults first; just one where nothing depends on anything. Conditions of more
/// than two fields are not found: [`missing`] tells the parts that no form shows.
pub fn forms(sections: &'static [Section]) -> Vec<Form> {
    let base = Trial::with_defaults(sections);
    let mut search = Search { sections, forms: Vec::new() };
    search.add(&base, Vec::new());
    if sections.iter().all(|section| section.when.is_none()) {
        return search.forms.into_iter().map(|(form, _)| form).collect();
    }
    search.vary_base(&base);
    for (form, trial) in search.forms.clone() {
        search.vary(&trial, form.conditions.first().map_or(&[], Vec::as_slice));
    }
    search.forms.into_iter().map(|(form, _)| form).collect()
}

/// The parts that none of the forms shows.
pub fn missing(sections: &'static [Section], forms: &[Form]) -> Vec<usize> {
    (0..sections.len()).filter(|index| !forms.iter().any(|form| form.sections.contains(index))).collect()
}

/// A header to try, and how many octets would stand behind its fixed parts.
#[derive(Clone)]
struct Trial {
    header: Vec<u8>,
    room: usize,
}

impl Trial {
    /// A header of zeros with the defaults of its first part.
    fn with_defaults(sections: &'static [Section]) -> Self {
        let mut trial = Self { header: vec![0; TRIED_LEN], room: 0 };
        trial.write_defaults(sections, 0, 0);
        trial
    }

    /// The parts that are there, and the octets at which they begin.
    fn places(&self, sections: &'static [Section]) -> Vec<(usize, usize)> {
        let mut there = Vec::new();
        let mut at = 0usize;
        for (index, section) in sections.iter().enumerate() {
            let header = self.header.get(..at).unwrap_or(&self.header);
            let left = ZEROS.get(..self.room).unwrap_or_default();
            let before = Before { header, left, builds: false, wrote: &|_| false };
            if section.when.is_some_and(|holds| !holds(&before)) {
                continue;
            }
            there.push((index, at));
            let stated = |len: &Len| if let Len::Octets(read) = len { read(header).unwrap_or(0) } else { 0 };
            at = at.saturating_add(match &section.body {
                Body::Fields { len, .. } => *len,
                Body::Octets { len, .. } | Body::Quoted(Quoted { len, .. }) => stated(len),
                _ => 0,
            });
        }
        there
    }

    /// The same header with another value in a field of the section at `at`, and the defaults of the parts that come with
    /// it.
    fn with(&self, sections: &'static [Section], field: &Field, at: usize, raw: u64) -> Self {
        let mut other = self.clone();
        if let Some(section) = other.header.get_mut(at..) {
            field.span.write(section, raw);
        }
        let mut settled: Vec<usize> = self.places(sections).into_iter().map(|(index, _)| index).collect();
        while let Some((index, at)) =
            other.places(sections).into_iter().find(|(index, _)| !settled.contains(index))
        {
            other.write_defaults(sections, index, at);
            settled.push(index);
        }
        other
    }

    fn write_defaults(&mut self, sections: &'static [Section], index: usize, at: usize) {
        let Some(Section { body: Body::Fields { fields, .. }, .. }) = sections.get(index) else { return };
        for field in fields {
            if let (Some(Value::Uint(value)), Some(section)) = (&field.default, self.header.get_mut(at..)) {
                field.span.write(section, value.checked_div(field.scale).unwrap_or(0));
            }
        }
    }
}

/// More octets than the fixed parts of any header take.
const TRIED_LEN: usize = 96;

/// What is tried behind a header.
const ZEROS: &[u8] = &[0; TRIED_LEN];

struct Search {
    sections: &'static [Section],
    /// Each form with a header that has it.
    forms: Vec<(Form, Trial)>,
}

impl Search {
    /// Adds the form that `trial` has, if it is a new one.
    fn add(&mut self, trial: &Trial, conditions: Vec<Condition>) {
        let sections = self.key(trial);
        if !self.forms.iter().any(|(form, _)| form.sections == sections) {
            self.forms.push((Form { sections, conditions: vec![conditions] }, trial.clone()));
        }
    }

    fn key(&self, trial: &Trial) -> Vec<usize> {
        trial.places(self.sections).into_iter().map(|(index, _)| index).collect()
    }

    /// Finds the forms that one field's value makes. The form with all defaults needs all of the fields on which
    /// others depend, and another form may come from any of them.
    fn vary_base(&mut self, base: &Trial) {
        let defaults = self.key(base);
        for parts in self.fields(base, &[]) {
            for Part { key, trial, condition } in parts {
                match self.forms.iter_mut().find(|(form, _)| form.sections == key) {
                    Some((form, _)) if key == defaults => {
                        form.conditions.iter_mut().for_each(|all| all.push(condition.clone()));
                    }
                    Some((form, _)) => form.conditions.push(vec![condition]),
                    None => self.add(&trial, vec![condition]),
                }
            }
        }
    }

    /// Finds the forms that a second field's value makes, or a longer header.
    fn vary(&mut self, trial: &Trial, given: &[Condition]) {
        for parts in self.fields(trial, given) {
            for Part { trial: other, condition, .. } in parts {
                self.add(&other, self.narrowed(given, &other).into_iter().chain([condition]).collect());
            }
        }
        let longer = Trial { room: TRIED_LEN, ..trial.clone() };
        let own = trial.places(self.sections);
        let added = longer.places(self.sections).into_iter().find(|place| !own.contains(place));
        if let Some((_, at)) = added {
            self.add(
                &longer,
                self.narrowed(given, &longer).into_iter().chain([Condition::Longer(at)]).collect(),
            );
        }
    }

    /// The conditions with just those values with which `trial` keeps its form.
    fn narrowed(&self, given: &[Condition], trial: &Trial) -> Vec<Condition> {
        let key = self.key(trial);
        let mut narrowed = given.to_vec();
        for condition in &mut narrowed {
            let Condition::Is(field, values) = condition else { continue };
            let Some(at) = self.place_of(trial, field) else { continue };
            values.retain(|value| {
                let raw = value.checked_div(field.scale).unwrap_or(0);
                self.key(&trial.with(self.sections, field, at, raw)) == key
            });
        }
        narrowed
    }

    /// The octet at which the section begins that has the field.
    fn place_of(&self, trial: &Trial, wanted: &Field) -> Option<usize> {
        let has = |index: usize| match self.sections.get(index).map(|section| &section.body) {
            Some(Body::Fields { fields, .. }) => fields.iter().any(|field| std::ptr::eq(field, wanted)),
            _ => false,
        };
        trial.places(self.sections).into_iter().find(|(index, _)| has(*index)).map(|(_, at)| at)
    }

    /// For each field of the header on which its form depends: the forms that its values make.
    fn fields(&self, trial: &Trial, given: &[Condition]) -> Vec<Vec<Part>> {
        let mut all = Vec::new();
        for (index, at) in trial.places(self.sections) {
            let Some(Section { body: Body::Fields { fields, .. }, .. }) = self.sections.get(index) else {
                continue;
            };
            let numbers = fields.iter().filter(|field| matches!(field.kind, Kind::Uint | Kind::Bool));
            for field in numbers.filter(|field| !given.iter().any(|condition| condition.is_about(field))) {
                let parts = self.partition(trial, field, at);
                if parts.len() > 1 {
                    all.push(parts);
                }
            }
        }
        all
    }

    /// The forms that the values of a field make.
    fn partition(&self, trial: &Trial, field: &'static Field, at: usize) -> Vec<Part> {
        let mut parts: Vec<(Vec<usize>, Trial, Vec<u64>)> = Vec::new();
        for raw in tried_values(field) {
            let other = trial.with(self.sections, field, at, raw);
            let key = self.key(&other);
            let value = raw.saturating_mul(field.scale);
            match parts.iter_mut().find(|(known, ..)| *known == key) {
                Some((_, _, values)) => values.push(value),
                None => parts.push((key, other, vec![value])),
            }
        }
        let condition = |values: Vec<u64>| {
            if values.len() > LISTED_VALUES {
                Condition::IsAnother(field)
            } else {
                Condition::Is(field, values)
            }
        };
        parts
            .into_iter()
            .map(|(key, trial, values)| Part { key, trial, condition: condition(values) })
            .collect()
    }
}

/// A form that some values of a field make, and a header that has it.
struct Part {
    key: Vec<usize>,
    trial: Trial,
    condition: Condition,
}

/// More values than this are not listed.
const LISTED_VALUES: usize = 16;

/// All values of a narrow field; of a wide one the small, the largest and those that have names or are the default.
fn tried_values(field: &Field) -> Vec<u64> {
    let max = field.span.max();
    let mut values: Vec<u64> = (0..=max.min(255)).chain([max]).collect();
    values.extend(field.values.iter().map(|(value, _)| *value));
    if let Some(Value::Uint(value)) = field.default {
        values.push(value.checked_div(field.scale).unwrap_or(0));
    }
    values.retain(|value| *value <= max);
    values.sort_unstable();
    values.dedup();
    values
}

impl Condition {
    /// Whether it stands for all values that no other form names.
    pub fn is_another(&self) -> bool {
        matches!(self, Self::IsAnother(_))
    }

    fn is_about(&self, other: &Field) -> bool {
        match self {
            Self::Is(field, _) | Self::IsAnother(field) => std::ptr::eq(*field, other),
            Self::Longer(_) => false,
        }
    }
}

/// `type is 8 (echo request) or 0 (echo reply)`.
impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Is(field, values) => {
                write!(f, "{} is ", field.name)?;
                for (at, value) in values.iter().enumerate() {
                    match at {
                        0 => {}
                        _ if at.saturating_add(1) == values.len() => f.write_str(" or ")?,
                        _ => f.write_str(", ")?,
                    }
                    match field.hex {
                        true => write!(f, "0x{value:x}")?,
                        false => write!(f, "{value}")?,
                    }
                    if let Some(name) = field.value_name(*value) {
                        write!(f, " ({name})")?;
                    }
                }
                Ok(())
            }
            Self::IsAnother(field) => write!(f, "{} is another number", field.name),
            Self::Longer(octets) => write!(f, "the header is longer than {octets} octets"),
        }
    }
}
