//! XML of the query protocol and of S3's errors.

use base64::{Engine, engine::general_purpose::STANDARD};
use quick_xml::escape::escape;

use super::value::Value;

/// A growing document; all text is escaped.
#[derive(Debug, Default)]
pub struct Xml {
    text: String,
}

impl Xml {
    /// A document with the XML declaration, as S3 sends it.
    pub fn with_declaration() -> Self {
        Self { text: "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_owned() }
    }

    /// Opens an element; `attributes` is empty or begins with a space.
    pub fn open(&mut self, name: &str, attributes: &str) -> &mut Self {
        self.text.push('<');
        self.text.push_str(name);
        self.text.push_str(attributes);
        self.text.push('>');
        self
    }

    /// Closes an element.
    pub fn close(&mut self, name: &str) -> &mut Self {
        self.text.push_str("</");
        self.text.push_str(name);
        self.text.push('>');
        self
    }

    /// An element with text.
    pub fn leaf(&mut self, name: &str, content: &str) -> &mut Self {
        self.open(name, "");
        self.push_text(content);
        self.close(name)
    }

    /// A member with everything below it; nothing for null.
    pub fn member(&mut self, name: &str, value: &Value) -> &mut Self {
        if *value == Value::Null {
            return self;
        }
        self.open(name, "");
        self.content(value);
        self.close(name)
    }

    /// What is between the tags of a value.
    pub fn content(&mut self, value: &Value) {
        match value {
            Value::Null => {}
            Value::Bool(truth) => self.push_text(if *truth { "true" } else { "false" }),
            Value::Int(number) => self.push_text(&number.to_string()),
            Value::Float(number) => self.push_text(&float(*number)),
            Value::Text(text) => self.push_text(text),
            Value::Blob(bytes) => self.push_text(&STANDARD.encode(bytes)),
            Value::Time(time) => self.push_text(&time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()),
            Value::List(items) => {
                for item in items {
                    self.member("member", item);
                }
            }
            Value::Struct(members) => {
                for (name, value) in members {
                    self.member(name, value);
                }
            }
            Value::Map(entries) => {
                for (key, value) in entries {
                    self.open("entry", "").leaf("key", key).member("value", value).close("entry");
                }
            }
        }
    }

    /// The document.
    pub fn finish(self) -> Vec<u8> {
        self.text.into_bytes()
    }

    fn push_text(&mut self, text: &str) {
        for part in escape(text).chars() {
            match part {
                // XML 1.0 has no way to write these at all.
                '\u{0}'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => {
                    self.text.push('\u{fffd}');
                }
                other => self.text.push(other),
            }
        }
    }
}

fn float(number: f64) -> String {
    if number.is_nan() {
        "NaN".to_owned()
    } else if number.is_infinite() {
        if number > 0.0 { "Infinity".to_owned() } else { "-Infinity".to_owned() }
    } else {
        // `{:?}` keeps a decimal point on whole numbers, as Java's Double does.
        format!("{number:?}")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn lists_maps_and_text_take_the_query_form() {
        let mut xml = Xml::default();
        xml.member(
            "R",
            &Value::structure([
                ("Names", Value::list(["a<b", "c\r"])),
                ("Attributes", Value::Map(vec![("k".into(), "v".into())])),
                ("Gone", Value::Null),
                ("Sum", Value::Float(2.0)),
            ]),
        );
        assert_eq!(
            String::from_utf8(xml.finish()).unwrap(),
            "<R><Names><member>a&lt;b</member><member>c&#13;</member></Names>\
             <Attributes><entry><key>k</key><value>v</value></entry></Attributes><Sum>2.0</Sum></R>"
        );
    }
}
