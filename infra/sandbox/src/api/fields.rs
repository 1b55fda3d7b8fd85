//! Reading the fields of a request as strictly as WeCom does.

use serde_json::{Map, Value};

use super::Refusal;

/// A JSON object, or the query of a GET, whose values are all strings.
#[derive(Clone, Copy)]
pub(crate) struct Fields<'a>(pub(crate) &'a Map<String, Value>);

type Read<T> = Result<T, Refusal>;

impl<'a> Fields<'a> {
    /// A field that is there; `null` counts as absent.
    fn value(self, name: &str) -> Option<&'a Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    pub(crate) fn has(self, name: &str) -> bool {
        self.value(name).is_some()
    }

    pub(crate) fn text(self, name: &str) -> Read<Option<&'a str>> {
        let text = |value: &'a Value| value.as_str().ok_or(Refusal(40035));
        self.value(name).map(text).transpose()
    }

    /// A text that must be there and not empty, else the answer is `missing`.
    pub(crate) fn required(self, name: &str, missing: i64) -> Read<&'a str> {
        let text = self.text(name)?.filter(|text| !text.is_empty());
        text.ok_or(Refusal(missing))
    }

    /// A text of at most so many characters; absent is empty.
    pub(crate) fn max_chars(self, name: &str, limit: usize) -> Read<&'a str> {
        let text = self.text(name)?.unwrap_or_default();
        if text.chars().count() > limit {
            return Err(Refusal(40058));
        }
        Ok(text)
    }

    /// A text of at most so many bytes of UTF-8; absent is empty.
    pub(crate) fn max_bytes(self, name: &str, limit: usize) -> Read<&'a str> {
        let text = self.text(name)?.unwrap_or_default();
        if text.len() > limit {
            return Err(Refusal(40058));
        }
        Ok(text)
    }

    /// An integer; in the query of a GET it is the digits.
    pub(crate) fn integer(self, name: &str) -> Read<Option<i64>> {
        let integer = |value: &Value| value.as_i64().ok_or(Refusal(40035));
        self.value(name).map(integer).transpose()
    }

    /// An integer of the query.
    pub(crate) fn digits(self, name: &str) -> Read<Option<u32>> {
        let digits = |text: &str| text.parse().map_err(|_| Refusal(40035));
        self.text(name)?
            .filter(|text| !text.is_empty())
            .map(digits)
            .transpose()
    }

    pub(crate) fn flag(self, name: &str, default: bool) -> Read<bool> {
        let flag = |value: &Value| value.as_bool().ok_or(Refusal(40035));
        self.value(name).map_or(Ok(default), flag)
    }

    pub(crate) fn array(self, name: &str) -> Read<Option<&'a Vec<Value>>> {
        let array = |value: &'a Value| value.as_array().ok_or(Refusal(40035));
        self.value(name).map(array).transpose()
    }

    /// A list of texts; absent is empty.
    pub(crate) fn texts(self, name: &str) -> Read<Vec<String>> {
        let items = self.array(name)?.into_iter().flatten();
        let texts = items.map(|item| item.as_str().map(str::to_owned).ok_or(Refusal(40035)));
        texts.collect()
    }

    /// A list of department ids; absent is empty.
    pub(crate) fn department_ids(self, name: &str) -> Read<Vec<u32>> {
        let items = self.array(name)?.into_iter().flatten();
        let ids = items.map(|item| {
            let id = item.as_u64().ok_or(Refusal(40035))?;
            u32::try_from(id).map_err(|_| Refusal(60123))
        });
        ids.collect()
    }

    pub(crate) fn object(self, name: &str) -> Read<Option<Fields<'a>>> {
        let object = |value: &'a Value| value.as_object().map(Fields).ok_or(Refusal(40035));
        self.value(name).map(object).transpose()
    }
}

/// Reads a JSON body: an object without `\u` escapes and without empty objects inside.
pub(crate) fn parse_body(body: &[u8]) -> Read<Map<String, Value>> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Err(Refusal(40063));
    }
    if has_unicode_escape(body) {
        return Err(Refusal(40033));
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(fields)) if fields.values().any(holds_empty_object) => Err(Refusal(40063)),
        Ok(Value::Object(fields)) => Ok(fields),
        _ => Err(Refusal(40058)),
    }
}

/// A backslash that is itself escaped starts no escape.
fn has_unicode_escape(body: &[u8]) -> bool {
    let mut bytes = body.iter();
    while let Some(byte) = bytes.next() {
        if *byte == b'\\' && bytes.next() == Some(&b'u') {
            return true;
        }
    }
    false
}

fn holds_empty_object(value: &Value) -> bool {
    match value {
        Value::Object(fields) => fields.is_empty() || fields.values().any(holds_empty_object),
        Value::Array(items) => items.iter().any(holds_empty_object),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::parse_body;

    #[test]
    fn a_body_is_a_plain_object() {
        for (body, expected) in [
            (r#"{"a":"中文"}"#, 0),
            (r#"{"a":"\\u4e2d is no escape"}"#, 0),
            (r#"{"a":"line\nbreak"}"#, 0),
            (r#"{}"#, 0),
            (r#"{"a":"\u4e2d"}"#, 40033),
            (r#"{"a":"\\\u4e2d"}"#, 40033),
            (r#"{"a":{}}"#, 40063),
            (r#"{"a":[{"b":{}}]}"#, 40063),
            (" ", 40063),
            ("a=b", 40058),
            ("[]", 40058),
            (r#"{"a":1"#, 40058),
        ] {
            let code = parse_body(body.as_bytes()).map_or_else(|refusal| refusal.0, |_| 0);
            assert_eq!(code, expected, "{body}");
        }
    }
}
