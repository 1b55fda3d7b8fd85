//! A template as JSON, with the short forms of CloudFormation's functions as they are written.

use saphyr::{LoadableYamlNode, Scalar, Yaml};
use serde_json::{Map, Value, json};

/// Reads a template. `!Ref X` becomes the text `!Ref X`, and `!If [a, b, c]` an object with the field `!If`.
pub(crate) fn read(text: &str) -> Value {
    let documents = Yaml::load_from_str(text).unwrap();
    assert_eq!(documents.len(), 1, "a template is one document");
    value(&documents[0])
}

fn value(node: &Yaml<'_>) -> Value {
    match node {
        Yaml::Value(scalar) => plain(scalar),
        Yaml::Sequence(items) => items.iter().map(value).collect(),
        Yaml::Mapping(fields) => {
            let fields = fields.iter();
            let fields = fields.map(|(name, field)| (name_of(name), value(field)));
            Value::Object(fields.collect())
        }
        Yaml::Tagged(tag, node) => {
            let tag = format!("{}{}", tag.handle, tag.suffix);
            match value(node) {
                Value::String(text) => Value::String(format!("{tag} {text}")),
                other => Value::Object(Map::from_iter([(tag, other)])),
            }
        }
        other => panic!("a template has no {other:?}"),
    }
}

fn name_of(node: &Yaml<'_>) -> String {
    match value(node) {
        Value::String(name) => name,
        other => other.to_string(),
    }
}

fn plain(scalar: &Scalar<'_>) -> Value {
    match scalar {
        Scalar::Null => Value::Null,
        Scalar::Boolean(yes) => json!(yes),
        Scalar::Integer(number) => json!(number),
        Scalar::FloatingPoint(number) => json!(number.into_inner()),
        Scalar::String(text) => json!(text),
    }
}
