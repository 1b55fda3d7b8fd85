//! A decrypted message as an ordered list of (path, value): nothing is lost, whatever WeCom adds later.

mod flat;
mod json;
mod lenient;
mod xml;

use aws_lc_rs::digest::{SHA256, digest};
use serde::{Deserialize, Serialize, Serializer};
use std::collections::BTreeSet;
use std::fmt;

/// How deep elements may nest. WeCom's messages stay under 5; a limit keeps hostile input linear.
const MAX_DEPTH: usize = 16;
/// Room for the scope and the lengths of about 25 fields, so that the digest of a usual event takes one allocation.
const DIGEST_CAPACITY: usize = 512;

/// The leaves of a message in document order. A path joins element names with `/` and leaves out the root:
/// `("ChangeType", "add_external_contact")`, and `("MemChangeList/Item", "wm1")` once per item.
///
/// In serde it is a list of pairs. `Debug` shows the paths only, as values are names, texts and welcome codes.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "Vec<(String, String)>")]
pub struct Fields {
    /// Each path with its value behind it, one pair after the other: two allocations for a message instead of two for
    /// each field.
    text: String,
    /// Where in it each path ends, and its value.
    ends: Vec<(usize, usize)>,
}

/// Why a text has no fields. Positions are bytes; the text itself is never quoted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FieldsError {
    /// Not well-formed XML with one root element.
    #[error("not well-formed XML near byte {0}")]
    Xml(u64),
    /// Not a JSON object.
    #[error("not a JSON object, line {line} column {column}")]
    Json {
        /// Line, from 1; 0 if unknown.
        line: usize,
        /// Column, from 1; 0 if unknown.
        column: usize,
    },
    /// A document type declaration. WeCom sends none, and it is how entity attacks start.
    #[error("a document type declaration is refused")]
    DocumentType,
    /// Elements nest deeper than 16.
    #[error("elements nest deeper than 16")]
    TooDeep,
}

impl Fields {
    /// Reads XML or, if the first character is `{`, JSON. A byte order mark and white space around it do not matter.
    ///
    /// # Errors
    /// As [`Fields::parse_xml`] and [`Fields::parse_json`].
    pub fn parse(text: &str) -> Result<Self, FieldsError> {
        let text = text.trim_start_matches('\u{feff}').trim();
        if text.starts_with('{') {
            Self::parse_json(text)
        } else {
            Self::parse_xml(text)
        }
    }

    /// Reads XML. The root's name does not matter. White space between elements is dropped, CDATA and text are the
    /// same, an empty element is an empty value. Attributes, of which WeCom has none, are ignored.
    ///
    /// # Errors
    /// [`FieldsError::Xml`], [`FieldsError::DocumentType`] or [`FieldsError::TooDeep`].
    pub fn parse_xml(text: &str) -> Result<Self, FieldsError> {
        flat::parse(text).map_or_else(|| xml::parse(text), Ok)
    }

    /// Reads a JSON object. Items of an array repeat the array's path; `null` is left out; numbers and booleans become
    /// their text.
    ///
    /// # Errors
    /// [`FieldsError::Json`] or [`FieldsError::TooDeep`].
    pub fn parse_json(text: &str) -> Result<Self, FieldsError> {
        json::parse(text).map(Self::from)
    }

    /// Reads of a text that is not well-formed XML what can be read: each element without children that is closed, even
    /// if a `&` or `<` is not escaped, a reference is unknown, or the end is missing. Of a text that is no XML at all
    /// that is nothing.
    ///
    /// # Examples
    /// ```
    /// use wecom::Fields;
    ///
    /// let text = "<xml><State>R&D</State><UserID>zhangsan</UserID><Rem";
    /// assert!(Fields::parse(text).is_err());
    /// let fields = Fields::parse_lenient(text);
    /// assert_eq!(fields.get("State"), Some("R&D"));
    /// assert_eq!(fields.get("UserID"), Some("zhangsan"));
    /// ```
    pub fn parse_lenient(text: &str) -> Self {
        lenient::parse(text)
    }

    /// The first value at the path.
    pub fn get(&self, path: &str) -> Option<&str> {
        self.all(path).next()
    }

    /// All values at the path, in document order.
    pub fn all<'a>(&'a self, path: &str) -> impl Iterator<Item = &'a str> {
        self.iter()
            .filter(move |(at, _)| *at == path)
            .map(|(_, value)| value)
    }

    /// All pairs in document order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let mut start = 0;
        self.ends.iter().map(move |&(middle, end)| {
            let pair = (&self.text[start..middle], &self.text[middle..end]);
            start = end;
            pair
        })
    }

    fn push(&mut self, path: &str, value: &str) {
        self.text.push_str(path);
        let middle = self.text.len();
        self.text.push_str(value);
        self.ends.push((middle, self.text.len()));
    }

    /// A SHA-256 that is equal exactly when the scope and the fields are: the paths sorted, the order of repeated
    /// paths kept, paths in `except` left out. It does not depend on the order of elements, CDATA against text, or
    /// white space between elements.
    ///
    /// This is the key against repeated deliveries. `FromUserName + CreateTime`, which WeCom doc 90238 proposes, takes
    /// two customers who come in the same second for one.
    pub fn digest(&self, scope: &[&str], except: &[&str]) -> [u8; 32] {
        let mut pairs: Vec<_> = self
            .iter()
            .filter(|(path, _)| !except.contains(path))
            .collect();
        // A stable sort, so that repeated paths stay in order.
        pairs.sort_by_key(|(path, _)| *path);
        let values = pairs.iter().flat_map(|(path, value)| [*path, *value]);
        let mut bytes = Vec::with_capacity(DIGEST_CAPACITY + self.text.len());
        bytes.extend_from_slice(&(scope.len() as u64).to_be_bytes());
        for part in scope.iter().copied().chain(values) {
            // The length in front keeps ("ab", "c") and ("a", "bc") apart.
            bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
            bytes.extend_from_slice(part.as_bytes());
        }
        let mut hash = [0; 32];
        hash.copy_from_slice(digest(&SHA256, &bytes).as_ref());
        hash
    }
}

impl<P: AsRef<str>, V: AsRef<str>> FromIterator<(P, V)> for Fields {
    fn from_iter<I: IntoIterator<Item = (P, V)>>(pairs: I) -> Self {
        let mut fields = Self::default();
        for (path, value) in pairs {
            fields.push(path.as_ref(), value.as_ref());
        }
        fields
    }
}

impl From<Vec<(String, String)>> for Fields {
    fn from(pairs: Vec<(String, String)>) -> Self {
        pairs.into_iter().collect()
    }
}

impl Serialize for Fields {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let paths: BTreeSet<_> = self.iter().map(|(path, _)| path).collect();
        f.debug_tuple("Fields").field(&paths).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::{Fields, FieldsError};

    fn pairs(text: &str) -> Vec<(String, String)> {
        let fields = Fields::parse(text).unwrap();
        let owned = fields.iter().map(|(p, v)| (p.to_owned(), v.to_owned()));
        owned.collect()
    }

    #[track_caller]
    fn check(text: &str, expect: &[(&str, &str)]) {
        let expect: Vec<_> = expect
            .iter()
            .map(|(p, v)| (p.to_string(), v.to_string()))
            .collect();
        assert_eq!(pairs(text), expect);
    }

    #[test]
    fn xml_and_json_become_paths() {
        check(
            "\u{feff} <xml><A>1</A>\n <B><![CDATA[<x>]]></B></xml>\n",
            &[("A", "1"), ("B", "<x>")],
        );
        check(
            "<xml><L><I>a</I><I>b</I></L><E/><F></F></xml>",
            &[("L/I", "a"), ("L/I", "b"), ("E", ""), ("F", "")],
        );
        check("<xml><A>a&amp;b&#x4f60;&lt;</A></xml>", &[("A", "a&b你<")]);
        check(
            "<xml><A> <![CDATA[ x ]]>\n</A><B>  </B></xml>",
            &[("A", " x "), ("B", "  ")],
        );
        check(
            "<?xml version=\"1.0\"?><!-- c --><xml><A>t<C>c</C>u</A></xml>",
            &[("A/C", "c"), ("A", "tu")],
        );
        check("<xml></xml>", &[]);
        check(
            r#"{"a":1,"b":{"c":"x","d":null},"e":["p","q",{"f":true}]}"#,
            &[
                ("a", "1"),
                ("b/c", "x"),
                ("e", "p"),
                ("e", "q"),
                ("e/f", "true"),
            ],
        );
    }

    #[test]
    fn what_is_no_message_is_refused() {
        let deep = format!("<xml>{}{}</xml>", "<a>".repeat(20), "</a>".repeat(20));
        let deep_json = format!("{}1{}", "{\"a\":".repeat(20), "}".repeat(20));
        type Check = fn(FieldsError) -> bool;
        let cases: &[(&str, Check)] = &[
            ("", |e| matches!(e, FieldsError::Xml(_))),
            ("hello", |e| matches!(e, FieldsError::Xml(_))),
            ("<xml><A>", |e| matches!(e, FieldsError::Xml(_))),
            ("<xml></A></xml>", |e| matches!(e, FieldsError::Xml(_))),
            ("<xml/><xml/>", |e| matches!(e, FieldsError::Xml(_))),
            ("<xml></xml>tail", |e| matches!(e, FieldsError::Xml(_))),
            ("<xml><A>&nbsp;</A></xml>", |e| {
                matches!(e, FieldsError::Xml(_))
            }),
            ("<xml><A>&#0;</A></xml>", |e| {
                matches!(e, FieldsError::Xml(_))
            }),
            ("<!DOCTYPE x [<!ENTITY a \"b\">]><xml/>", |e| {
                e == FieldsError::DocumentType
            }),
            (&deep, |e| e == FieldsError::TooDeep),
            (&deep_json, |e| e == FieldsError::TooDeep),
            ("{\"a\":", |e| {
                matches!(e, FieldsError::Json { line: 1, .. })
            }),
            ("{\"a\":1} x", |e| matches!(e, FieldsError::Json { .. })),
        ];
        for (text, expected) in cases {
            let error = Fields::parse(text).expect_err(text);
            assert!(expected(error), "{text}: {error:?}");
        }
    }

    #[test]
    fn debug_shows_no_values() {
        let shown = format!(
            "{:?}",
            Fields::parse("<xml><Name>Zhang</Name></xml>").unwrap()
        );
        assert_eq!(shown, r#"Fields({"Name"})"#);
    }

    #[test]
    fn serde_is_a_list_of_pairs() {
        let fields = Fields::parse("<xml><A>1</A></xml>").unwrap();
        let json = serde_json::to_string(&fields).unwrap();
        assert_eq!(json, r#"[["A","1"]]"#);
        assert_eq!(serde_json::from_str::<Fields>(&json).unwrap(), fields);
    }
}
