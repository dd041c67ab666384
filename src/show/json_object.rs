//! One JSON object on one line, written member by member (RFC 8259).

use std::fmt::Write;

use super::text::push_json_string;

/// An object that is being written.
///
/// ```
/// use rawsock::show::json_object::JsonObject;
///
/// let object = JsonObject::new().text("name", "lo").number("mtu", 65536).flag("up", true).nothing("kind");
/// assert_eq!(object.end(), r#"{"name":"lo","mtu":65536,"up":true,"kind":null}"#);
/// ```
#[derive(Debug, Clone, Default)]
pub struct JsonObject(String);

impl JsonObject {
    /// An empty object.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a string.
    #[must_use]
    pub fn text(mut self, name: &str, text: &str) -> Self {
        self.name(name);
        push_json_string(&mut self.0, text);
        self
    }

    /// Adds a string, or `null`.
    #[must_use]
    pub fn text_or_nothing(self, name: &str, text: Option<&str>) -> Self {
        match text {
            Some(text) => self.text(name, text),
            None => self.nothing(name),
        }
    }

    /// Adds a number. JavaScript and jq hold whole numbers up to 2^53 exactly.
    #[must_use]
    pub fn number(mut self, name: &str, number: u64) -> Self {
        self.name(name);
        let _ = write!(self.0, "{number}");
        self
    }

    /// Adds a number that is written already: with a sign, or a fraction.
    #[must_use]
    pub fn written(mut self, name: &str, number: impl std::fmt::Display) -> Self {
        self.name(name);
        let _ = write!(self.0, "{number}");
        self
    }

    /// Adds a list of strings.
    #[must_use]
    pub fn texts(mut self, name: &str, texts: impl IntoIterator<Item = String>) -> Self {
        self.name(name);
        self.0.push('[');
        for (at, text) in texts.into_iter().enumerate() {
            self.0.push_str(if at == 0 { "" } else { "," });
            push_json_string(&mut self.0, &text);
        }
        self.0.push(']');
        self
    }

    /// Adds `true` or `false`.
    #[must_use]
    pub fn flag(mut self, name: &str, flag: bool) -> Self {
        self.name(name);
        self.0.push_str(if flag { "true" } else { "false" });
        self
    }

    /// Adds `null`.
    #[must_use]
    pub fn nothing(mut self, name: &str) -> Self {
        self.name(name);
        self.0.push_str("null");
        self
    }

    /// Adds an object.
    #[must_use]
    pub fn object(mut self, name: &str, object: Self) -> Self {
        self.name(name);
        self.0.push_str(&object.end());
        self
    }

    /// Adds a list of objects.
    #[must_use]
    pub fn list(mut self, name: &str, objects: impl IntoIterator<Item = Self>) -> Self {
        self.name(name);
        let objects: Vec<String> = objects.into_iter().map(Self::end).collect();
        let _ = write!(self.0, "[{}]", objects.join(","));
        self
    }

    /// The object's text, without a line end.
    pub fn end(self) -> String {
        if self.0.is_empty() { "{}".to_owned() } else { self.0 + "}" }
    }

    fn name(&mut self, name: &str) {
        self.0.push(if self.0.is_empty() { '{' } else { ',' });
        push_json_string(&mut self.0, name);
        self.0.push(':');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_valid_json() {
        let inner = ["a\"\n", "b"].map(|text| JsonObject::new().text("text", text));
        let object =
            JsonObject::new().list("items", inner).list("none", []).text_or_nothing("it", None).end();
        let value: serde_json::Value = serde_json::from_str(&object).unwrap();
        let expected =
            serde_json::json!({"items": [{"text": "a\"\n"}, {"text": "b"}], "none": [], "it": null});
        assert_eq!(value, expected);
        assert_eq!(JsonObject::new().end(), "{}");
    }
}
