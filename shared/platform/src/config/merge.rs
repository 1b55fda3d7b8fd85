//! Several documents become one configuration: each function reads the secrets that it needs, and none of the others.
//!
//! Objects are merged field by field, and the corps by their `corp_id`. A field that two documents have is a fault,
//! because nobody could tell which one holds.

use domain::field::FieldError;
use serde_json::{Map, Value};

use super::ConfigError;

/// A document with the id of its secret.
pub(crate) struct Document {
    /// Id of the secret, which is named in faults.
    pub(crate) id: String,
    /// Its text, which is not.
    pub(crate) text: String,
}

/// The one document, or all of them merged.
///
/// # Errors
/// Every document that is no JSON object, or every field that two of them have.
pub(crate) fn merge(mut documents: Vec<Document>) -> Result<String, ConfigError> {
    if documents.len() == 1 {
        return Ok(documents.remove(0).text);
    }
    let (mut merged, mut faults) = (Map::new(), Vec::new());
    for document in documents {
        match serde_json::from_str(super::parse::without_mark(&document.text)) {
            Ok(Value::Object(object)) => add(&mut merged, object, "", &document.id, &mut faults),
            Ok(_) => faults.push(FieldError::new(document.id, "is not a JSON object")),
            // The parser's own message may quote the text, which holds secrets.
            Err(error) => {
                let (line, column) = (error.line(), error.column());
                let message = format!("is not JSON (line {line}, column {column})");
                faults.push(FieldError::new(document.id, message));
            }
        }
    }
    if faults.is_empty() {
        Ok(Value::Object(merged).to_string())
    } else {
        Err(ConfigError(faults))
    }
}

fn add(
    merged: &mut Map<String, Value>,
    object: Map<String, Value>,
    path: &str,
    id: &str,
    faults: &mut Vec<FieldError>,
) {
    for (name, value) in object {
        let field = if path.is_empty() {
            name.clone()
        } else {
            format!("{path}.{name}")
        };
        match (merged.get_mut(&name), value) {
            (None, value) => {
                merged.insert(name, value);
            }
            (Some(Value::Object(into)), Value::Object(from)) => add(into, from, &field, id, faults),
            (Some(Value::Array(into)), Value::Array(from)) if field == "corps" => {
                add_corps(into, from, id, faults);
            }
            // It is what the corps are merged by.
            (Some(known), value) if name == "corp_id" && *known == value => {}
            _ => {
                let message = format!("is in {id} and in another secret: leave it in one of them");
                faults.push(FieldError::new(field, message));
            }
        }
    }
}

fn add_corps(into: &mut Vec<Value>, from: Vec<Value>, id: &str, faults: &mut Vec<FieldError>) {
    let id_of = |corp: &Value| corp["corp_id"].as_str().map(|id| id.trim().to_owned());
    for corp in from {
        let corp_id = id_of(&corp);
        let known = into
            .iter_mut()
            .enumerate()
            .find(|(_, known)| corp_id.is_some() && id_of(known) == corp_id);
        match (known, corp) {
            (Some((at, Value::Object(known))), Value::Object(corp)) => {
                add(known, corp, &format!("corps[{at}]"), id, faults);
            }
            (_, corp) => into.push(corp),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn merged(documents: &[(&str, Value)]) -> Result<Value, ConfigError> {
        let documents = documents.iter().map(|(id, value)| Document {
            id: (*id).to_owned(),
            text: value.to_string(),
        });
        Ok(serde_json::from_str(&merge(documents.collect())?).unwrap())
    }

    #[test]
    fn corps_and_apps_are_merged_by_their_names() {
        let callback = json!({"corps": [{"corp_id": "ww1", "apps": {"contact": {"token": "T"}}},
                                        {"corp_id": "ww2", "apps": {"contact": {"token": "U"}}}]});
        let apps = json!({"corps": [{"corp_id": "ww2", "apps": {"contact": {"secret": "V"}}},
                                    {"corp_id": "ww1", "timezone": "Asia/Shanghai",
                                     "apps": {"contact": {"secret": "S"}, "other": {"secret": "O"}}}],
                          "data_keys": {"current": "a"}});
        let admin = json!({"admin_keys": ["K"]});
        let one = merged(&[("callback", callback), ("apps", apps), ("admin", admin)]).unwrap();
        assert_eq!(
            one,
            json!({"admin_keys": ["K"], "data_keys": {"current": "a"}, "corps": [
                {"corp_id": "ww1", "timezone": "Asia/Shanghai",
                 "apps": {"contact": {"token": "T", "secret": "S"}, "other": {"secret": "O"}}},
                {"corp_id": "ww2", "apps": {"contact": {"token": "U", "secret": "V"}}}]})
        );
    }

    #[test]
    fn a_field_in_two_documents_is_a_fault_that_names_it_and_no_value() {
        let one = json!({"admin_keys": ["SECRET1"],
                         "corps": [{"corp_id": "ww1", "apps": {"a": {"token": "SECRET2"}}}]});
        let two = json!({"admin_keys": ["SECRET3"],
                         "corps": [{"corp_id": "ww1", "apps": {"a": {"token": "SECRET2", "secret": "SECRET4"}}}]});
        let error = merged(&[("one", one), ("two", two)]).unwrap_err();
        let fields: Vec<&str> = error.0.iter().map(|fault| fault.field.as_str()).collect();
        assert_eq!(fields, ["admin_keys", "corps[0].apps.a.token"]);
        let text = error.to_string();
        assert!(
            text.contains("is in two and in another secret") && !text.contains("SECRET"),
            "{text}"
        );
    }

    #[test]
    fn a_document_that_is_none_is_named_and_one_alone_is_left_as_it_is() {
        let text = |text: &str| Document {
            id: format!("secret of {} bytes", text.len()),
            text: text.to_owned(),
        };
        let error = merge(vec![text("[]"), text("{SECRET"), text("\u{feff}{}")]).unwrap_err();
        let text_of = error.to_string();
        assert!(
            text_of.contains("secret of 2 bytes: is not a JSON object"),
            "{text_of}"
        );
        assert!(
            text_of.contains("secret of 7 bytes: is not JSON (line 1"),
            "{text_of}"
        );
        assert!(
            error.0.len() == 2 && !text_of.contains("SECRET"),
            "{text_of}"
        );
        assert_eq!(merge(vec![text("anything")]).unwrap(), "anything");
    }
}
