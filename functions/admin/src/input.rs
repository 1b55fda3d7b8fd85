//! What a request brings: path, parameters, body; read with errors that name the place.

use std::collections::HashMap;

use domain::field::FieldError;
use lambda_http::{Request, RequestExt};
use percent_encoding::percent_decode_str;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::refusal::Refusal;

/// Bytes of a body that are read. A welcome with fifty variants of 4,000 bytes fits.
const BODY_LIMIT: usize = 512 * 1024;

/// A request, read.
#[derive(Debug)]
pub(crate) struct Input {
    pub(crate) path: Vec<String>,
    parameters: HashMap<String, String>,
    body: Vec<u8>,
}

impl Input {
    pub(crate) fn of(request: &Request) -> Result<Self, Refusal> {
        let body: &[u8] = request.body();
        if body.len() > BODY_LIMIT {
            return Err(Refusal::Body(format!(
                "has {} bytes, at most {BODY_LIMIT} are read",
                body.len()
            )));
        }
        let segments = request.raw_http_path().trim_matches('/').split('/');
        let path = segments
            .map(|segment| decode(segment).ok_or(Refusal::NoSuchCall))
            .collect::<Result<_, _>>()?;
        let query = request.uri().query().unwrap_or_default();
        let pairs = query.split('&').filter_map(|pair| {
            let (name, value) = pair.split_once('=')?;
            Some((decode(name)?, decode(value)?))
        });
        Ok(Self {
            path,
            parameters: pairs.collect(),
            body: body.to_vec(),
        })
    }

    /// A parameter; an empty one counts as not given.
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// A parameter in a form of its own.
    pub(crate) fn parsed<T: std::str::FromStr>(
        &self,
        name: &str,
        form: &str,
    ) -> Result<Option<T>, Refusal> {
        let wrong = || Refusal::Query(FieldError::new(name, format!("is not {form}")));
        self.parameter(name)
            .map(|value| value.parse().map_err(|_| wrong()))
            .transpose()
    }

    /// The size of a page.
    pub(crate) fn limit(&self, default: i32, most: i32) -> Result<i32, Refusal> {
        let limit = self.parsed("limit", "a whole number")?.unwrap_or(default);
        if (1..=most).contains(&limit) {
            return Ok(limit);
        }
        Err(Refusal::Query(FieldError::new(
            "limit",
            format!("is not from 1 to {most}"),
        )))
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> Result<Value, Refusal> {
        serde_json::from_slice(&self.body).map_err(|error| {
            Refusal::Body(format!(
                "is not JSON (line {}, column {})",
                error.line(),
                error.column()
            ))
        })
    }
}

/// Reads a value, naming the field that does not fit.
pub(crate) fn read<T: DeserializeOwned>(value: Value) -> Result<T, FieldError> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let path = error.path().to_string();
        let field = if path == "." { String::new() } else { path };
        let message = error.into_inner().to_string();
        // serde names a missing or unknown field in its message only.
        let named = message
            .split('`')
            .nth(1)
            .filter(|_| message.starts_with("missing field"));
        match named {
            Some(name) => FieldError::new(name, "is missing").prefixed(&field),
            None => FieldError::new(field, message),
        }
    })
}

fn decode(text: &str) -> Option<String> {
    percent_decode_str(text)
        .decode_utf8()
        .ok()
        .map(std::borrow::Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use domain::channel::ChannelSpec;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_field_that_does_not_fit_is_named() {
        for (value, field) in [
            (json!({"users": ["a"]}), "name"),
            (json!({"name": "n", "users": "a"}), "users"),
            (json!({"name": "n", "users": [1]}), "users[0]"),
            (json!({"name": "n", "user": ["a"]}), "user"),
            (json!({"name": "n", "users": ["a"], "kind": "qr"}), "kind"),
            (
                json!({"name": "n", "users": ["a"], "welcome": {"text": 1}}),
                "welcome.text",
            ),
            (json!([]), ""),
        ] {
            let fault = read::<ChannelSpec>(value.clone()).expect_err(&value.to_string());
            assert_eq!(fault.field, field, "{value}: {fault}");
        }
    }
}
