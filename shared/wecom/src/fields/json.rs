//! JSON into (path, value) pairs: the AI bot's callbacks (WeCom doc 101033) and Tencent's JSON samples.

use super::{FieldsError, MAX_DEPTH};
use serde_json::Value;

pub(super) fn parse(text: &str) -> Result<Vec<(String, String)>, FieldsError> {
    let value: Value = serde_json::from_str(text).map_err(|error| FieldsError::Json {
        line: error.line(),
        column: error.column(),
    })?;
    if !value.is_object() {
        return Err(FieldsError::Json { line: 0, column: 0 });
    }
    let mut found = Vec::new();
    collect(value, String::new(), 0, &mut found)?;
    Ok(found)
}

fn collect(
    value: Value,
    path: String,
    depth: usize,
    found: &mut Vec<(String, String)>,
) -> Result<(), FieldsError> {
    if depth > MAX_DEPTH {
        return Err(FieldsError::TooDeep);
    }
    match value {
        Value::Null => {}
        Value::Bool(value) => found.push((path, value.to_string())),
        Value::Number(value) => found.push((path, value.to_string())),
        Value::String(value) => found.push((path, value)),
        Value::Array(items) => {
            for item in items {
                collect(item, path.clone(), depth + 1, found)?;
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                let path = if path.is_empty() {
                    name
                } else {
                    format!("{path}/{name}")
                };
                collect(member, path, depth + 1, found)?;
            }
        }
    }
    Ok(())
}
