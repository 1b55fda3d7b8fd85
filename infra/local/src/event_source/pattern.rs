//! Filter patterns of event source mappings: the part of the `EventBridge` pattern language that compares with exact
//! values and asks whether a field exists.

use std::collections::BTreeMap;
use std::str::FromStr;

use serde_json::{Map, Value};
use thiserror::Error;

/// A filter pattern (Lambda developer guide, "Filter rule syntax"). All fields of an object must match; of a list, one
/// entry.
///
/// An entry is a string, number, boolean or null, or `{"exists": true}` or `{"exists": false}`, which hold for leaves
/// only, as in `EventBridge`. Prefixes, ranges and the rest of the language are refused.
#[derive(Debug, Clone, PartialEq)]
pub struct Pattern(Node);

#[derive(Debug, Clone, PartialEq)]
enum Node {
    Fields(BTreeMap<String, Node>),
    AnyOf(Vec<Rule>),
}

#[derive(Debug, Clone, PartialEq)]
enum Rule {
    Equals(Value),
    Exists(bool),
}

/// A pattern that cannot be read.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum PatternError {
    /// The text is not JSON, or not an object.
    #[error("a filter pattern is a JSON object")]
    NotAnObject,
    /// A field has neither an object nor a list of alternatives.
    #[error("{field}: expected an object or a list that is not empty")]
    NoAlternatives {
        /// The path of the field, with dots.
        field: String,
    },
    /// An operator other than `exists`, or one with an argument that is not a boolean.
    #[error("{field}: only exact values and exists are supported")]
    Unsupported {
        /// The path of the field, with dots.
        field: String,
    },
}

impl FromStr for Pattern {
    type Err = PatternError;

    /// Reads the JSON of `FilterCriteria.Filters[].Pattern`.
    fn from_str(text: &str) -> Result<Self, PatternError> {
        match serde_json::from_str(text) {
            Ok(Value::Object(fields)) => Node::fields(fields, "").map(Pattern),
            _ => Err(PatternError::NotAnObject),
        }
    }
}

impl Pattern {
    /// Whether the record, in the shape that Lambda delivers, matches.
    #[must_use]
    pub fn matches(&self, record: &Value) -> bool {
        self.0.matches(Some(record))
    }
}

impl Node {
    fn fields(fields: Map<String, Value>, path: &str) -> Result<Self, PatternError> {
        let node = |(name, value): (String, Value)| {
            let field = if path.is_empty() {
                name.clone()
            } else {
                format!("{path}.{name}")
            };
            Ok((name, Self::new(value, field)?))
        };
        fields
            .into_iter()
            .map(node)
            .collect::<Result<_, _>>()
            .map(Node::Fields)
    }

    fn new(value: Value, field: String) -> Result<Self, PatternError> {
        match value {
            Value::Object(fields) => Self::fields(fields, &field),
            Value::Array(rules) if !rules.is_empty() => {
                let rules = rules.into_iter().map(|rule| Rule::new(rule, &field));
                rules.collect::<Result<_, _>>().map(Node::AnyOf)
            }
            _ => Err(PatternError::NoAlternatives { field }),
        }
    }

    fn matches(&self, value: Option<&Value>) -> bool {
        match self {
            Self::Fields(fields) => fields
                .iter()
                .all(|(name, node)| node.matches(value.and_then(|value| value.get(name)))),
            Self::AnyOf(rules) => rules.iter().any(|rule| rule.matches(value)),
        }
    }
}

impl Rule {
    fn new(rule: Value, field: &str) -> Result<Self, PatternError> {
        let unsupported = || PatternError::Unsupported {
            field: field.to_owned(),
        };
        match &rule {
            Value::Array(_) => Err(unsupported()),
            Value::Object(operator) => match (operator.len(), operator.get("exists")) {
                (1, Some(Value::Bool(exists))) => Ok(Self::Exists(*exists)),
                _ => Err(unsupported()),
            },
            _ => Ok(Self::Equals(rule)),
        }
    }

    fn matches(&self, value: Option<&Value>) -> bool {
        // A list in a record, such as a string set, matches if one of its members does.
        let leaves = match value {
            None | Some(Value::Object(_)) => &[],
            Some(Value::Array(members)) => members.as_slice(),
            Some(leaf) => std::slice::from_ref(leaf),
        };
        match self {
            Self::Equals(expected) => leaves.contains(expected),
            Self::Exists(exists) => leaves.is_empty() != *exists,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn patterns_match_as_in_event_bridge() {
        let record = json!({
            "eventName": "INSERT",
            "dynamodb": {"NewImage": {
                "kind": {"S": "external_contact_added"},
                "code": {"S": "c"},
                "flag": {"BOOL": true},
                "none": {"NULL": true},
                "many": {"SS": ["a", "b"]},
            }},
        });
        for (pattern, expected) in [
            (r#"{}"#, true),
            (r#"{"eventName": ["INSERT"]}"#, true),
            (r#"{"eventName": ["MODIFY", "INSERT"]}"#, true),
            (r#"{"eventName": ["MODIFY"]}"#, false),
            (r#"{"eventName": ["insert"]}"#, false),
            (r#"{"eventName": [null]}"#, false),
            (
                r#"{"dynamodb": {"NewImage": {"code": {"S": [{"exists": true}]}}}}"#,
                true,
            ),
            (
                r#"{"dynamodb": {"NewImage": {"code": {"S": [{"exists": false}]}}}}"#,
                false,
            ),
            (
                r#"{"dynamodb": {"NewImage": {"state": {"S": [{"exists": false}]}}}}"#,
                true,
            ),
            (
                r#"{"dynamodb": {"NewImage": {"state": {"S": [{"exists": true}]}}}}"#,
                false,
            ),
            (
                r#"{"dynamodb": {"NewImage": {"code": [{"exists": true}]}}}"#,
                false,
            ),
            (
                r#"{"dynamodb": {"OldImage": {"code": {"S": [{"exists": false}]}}}}"#,
                true,
            ),
            (
                r#"{"dynamodb": {"NewImage": {"flag": {"BOOL": [true]}}}}"#,
                true,
            ),
            (
                r#"{"dynamodb": {"NewImage": {"flag": {"BOOL": ["true"]}}}}"#,
                false,
            ),
            (
                r#"{"dynamodb": {"NewImage": {"many": {"SS": ["b"]}}}}"#,
                true,
            ),
            (
                r#"{"dynamodb": {"NewImage": {"many": {"SS": ["c"]}}}}"#,
                false,
            ),
            (
                r#"{"eventName": ["INSERT"], "eventSource": ["aws:sqs"]}"#,
                false,
            ),
            (r#"{"eventName": [{"exists": false}, "INSERT"]}"#, true),
        ] {
            let parsed: Pattern = pattern.parse().unwrap();
            assert_eq!(parsed.matches(&record), expected, "{pattern}");
        }
    }

    #[test]
    fn what_is_not_supported_is_refused_with_its_field() {
        for (pattern, expected) in [
            ("", "a filter pattern is a JSON object"),
            ("[]", "a filter pattern is a JSON object"),
            (
                r#"{"eventName": "INSERT"}"#,
                "eventName: expected an object or a list that is not empty",
            ),
            (
                r#"{"a": {"b": []}}"#,
                "a.b: expected an object or a list that is not empty",
            ),
            (
                r#"{"a": {"b": [{"prefix": "x"}]}}"#,
                "a.b: only exact values and exists are supported",
            ),
            (
                r#"{"a": [{"exists": "yes"}]}"#,
                "a: only exact values and exists are supported",
            ),
            (
                r#"{"a": [["x"]]}"#,
                "a: only exact values and exists are supported",
            ),
        ] {
            assert_eq!(
                pattern.parse::<Pattern>().unwrap_err().to_string(),
                expected
            );
        }
    }
}
