//! WeCom's answer: the one place that knows `errcode`, and how answers differ from their documents.

use crate::error::Error;
use bytes::Bytes;
use reqwest::StatusCode;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// In `errmsg`, even of a success: WeCom could read a part of the request only (WeCom doc 90313).
const PARTLY_READ: &str = "Warning: wrong json format";
/// The longest `errmsg` to keep, in characters.
const MESSAGE_MAX_CHARS: usize = 500;
/// Names before which a value in an `errmsg` is a secret.
const SECRET_NAMES: [&str; 3] = ["access_token=", "corpsecret=", "welcome_code="];

/// An answer as it came.
pub(super) struct Answer {
    pub(super) api: &'static str,
    pub(super) status: StatusCode,
    pub(super) body: Bytes,
    /// What was sent and must not come back in an error.
    pub(super) secrets: Vec<String>,
}

/// What every answer begins with.
#[derive(Deserialize)]
struct Head {
    errcode: Option<Value>,
    errmsg: Option<Value>,
}

impl Answer {
    /// Reads it in two steps: whether it worked, then what it says. An answer that did not work lacks the fields of
    /// one that did.
    pub(super) fn read<T: DeserializeOwned>(self) -> Result<T, Error> {
        if self.status.is_server_error() {
            let reason = format!("HTTP {}", self.status.as_u16());
            return Err(Error::Unreachable {
                api: self.api,
                reason,
                sent: true,
            });
        }
        if let Some(answer) = self.as_documented() {
            return Ok(answer);
        }
        let value = self.json()?;
        self.check(value.get("errcode"), value.get("errmsg"))?;
        serde_json::from_value(value).map_err(|error| self.unreadable(&expected(&error)))
    }

    /// A success that is just as documented, read without building a tree of it: a page of customers has 40 kB.
    /// Whatever is amiss with it is found and reported in the other way.
    fn as_documented<T: DeserializeOwned>(&self) -> Option<T> {
        // A struct could be read from an array as well.
        self.body.trim_ascii_start().strip_prefix(b"{")?;
        let head: Head = serde_json::from_slice(&self.body).ok()?;
        self.check(head.errcode.as_ref(), head.errmsg.as_ref())
            .ok()?;
        serde_json::from_slice(&self.body).ok()
    }

    fn check(&self, errcode: Option<&Value>, message: Option<&Value>) -> Result<(), Error> {
        let message = message.and_then(Value::as_str).unwrap_or_default();
        match errcode.map_or(Some(0), code) {
            Some(0) if message.contains(PARTLY_READ) => {
                Err(self.unreadable("WeCom could read a part of the request only"))
            }
            Some(0) if self.status.is_success() => Ok(()),
            Some(0) => Err(self.unreadable("success without the status of one")),
            Some(code) => Err(Error::Api {
                api: self.api,
                code: code.into(),
                message: self.scrub(message),
            }),
            None => Err(self.unreadable("errcode is not a number")),
        }
    }

    /// The answer as an object. WeCom has been seen to send raw control characters inside strings, so what does not
    /// parse is tried again without them.
    fn json(&self) -> Result<Value, Error> {
        let value = serde_json::from_slice(&self.body).or_else(|error| {
            if !self.body.iter().any(u8::is_ascii_control) {
                return Err(error);
            }
            let blanked = |byte: &u8| if byte.is_ascii_control() { b' ' } else { *byte };
            serde_json::from_slice(&self.body.iter().map(blanked).collect::<Vec<_>>())
        });
        match value {
            Ok(value @ Value::Object(_)) => Ok(without_nulls(value)),
            Ok(_) => Err(self.unreadable("not a JSON object")),
            Err(error) => Err(self.unreadable(&format!(
                "not JSON at line {} column {}",
                error.line(),
                error.column()
            ))),
        }
    }

    fn unreadable(&self, reason: &str) -> Error {
        let reason = match self.status {
            StatusCode::OK => reason.to_owned(),
            status => format!("{reason} (HTTP {})", status.as_u16()),
        };
        Error::Unreadable {
            api: self.api,
            reason,
        }
    }

    /// The message without what was sent in secret, and without anything that looks like it.
    fn scrub(&self, message: &str) -> String {
        let mut text: String = message
            .chars()
            .filter(|c| !c.is_control())
            .take(MESSAGE_MAX_CHARS)
            .collect();
        for secret in self.secrets.iter().filter(|secret| !secret.is_empty()) {
            text = text.replace(secret, "[redacted]");
        }
        SECRET_NAMES
            .iter()
            .fold(text, |text, name| hide_value(&text, name))
    }
}

/// `errcode` as a number, or as text in old samples.
fn code(value: &Value) -> Option<i64> {
    value
        .as_i64()
        .or_else(|| value.as_str()?.trim().parse().ok())
}

/// Null means absent in WeCom's answers.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(members) => members
            .into_iter()
            .filter(|(_, member)| !member.is_null())
            .map(|(name, member)| (name, without_nulls(member)))
            .collect(),
        Value::Array(items) => items
            .into_iter()
            .filter(|item| !item.is_null())
            .map(without_nulls)
            .collect(),
        other => other,
    }
}

/// What serde expected. The rest of its message quotes the value that it found.
fn expected(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let expected = text
        .rsplit_once(", expected ")
        .map_or("another shape", |(_, expected)| expected);
    format!("a field is not as documented, expected {expected}")
}

/// Cuts out the word after each `name`.
fn hide_value(text: &str, name: &str) -> String {
    let mut parts = text.split(name);
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |hidden, part| {
        let rest = part.trim_start_matches(|c: char| !c.is_whitespace() && !"&,;\"'".contains(c));
        hidden + name + "[redacted]" + rest
    })
}

#[cfg(test)]
mod tests {
    use super::Answer;
    use crate::api::user::User;
    use crate::error::{Error, ErrorCode};
    use reqwest::StatusCode;

    fn read(status: u16, body: &str) -> Result<User, Error> {
        let answer = Answer {
            api: "user/get",
            status: StatusCode::from_u16(status).unwrap(),
            body: body.as_bytes().to_vec().into(),
            secrets: vec!["TOKEN/1".to_owned()],
        };
        answer.read()
    }

    #[test]
    fn success_is_errcode_0_or_none() {
        for body in [
            r#"{"errcode":0,"errmsg":"ok","userid":"li"}"#,
            r#"{"userid":"li"}"#,
            r#"{"errcode":"0","userid":"li","name":null,"department":[null]}"#,
            "{\"userid\":\"li\",\"position\":\"a\nb\u{1}\"}",
        ] {
            assert_eq!(read(200, body).expect(body).user_id.as_str(), "li");
        }
    }

    #[test]
    fn everything_else_is_an_error_of_its_kind() {
        let unreadable = |error: &Error| matches!(error, Error::Unreadable { .. });
        let unreachable = |error: &Error| matches!(error, Error::Unreachable { sent: true, .. });
        let api = |error: &Error| error.is(ErrorCode::USERID_NOT_FOUND);
        type Check<'a> = &'a dyn Fn(&Error) -> bool;
        let cases: &[(u16, &str, Check<'_>)] = &[
            (
                200,
                r#"{"errcode":60111,"errmsg":"userid not found"}"#,
                &api,
            ),
            (200, r#"{"errcode":"60111"}"#, &api),
            (404, r#"{"errcode":60111}"#, &api),
            (
                200,
                r#"{"errcode":0,"errmsg":"ok. Warning: wrong json format. "}"#,
                &unreadable,
            ),
            (200, r#"{"errcode":[]}"#, &unreadable),
            (200, r#"{"userid":{"name":"Zhang San"}}"#, &unreadable),
            (200, r#"{"status":"Zhang San"}"#, &unreadable),
            (200, "<html>", &unreadable),
            (200, "", &unreadable),
            (200, "[]", &unreadable),
            (302, "{}", &unreadable),
            (404, "not found", &unreadable),
            (502, r#"{"errcode":0}"#, &unreachable),
        ];
        for (status, body, expected) in cases {
            let error = read(*status, body).expect_err(body);
            assert!(expected(&error), "{status} {body}: {error:?}");
            assert!(!error.to_string().contains("Zhang"), "{error}");
        }
    }

    #[test]
    fn messages_keep_the_hint_and_lose_the_secrets() {
        let body = concat!(
            r#"{"errcode":40014,"errmsg":"invalid access_token TOKEN/1, access_token=abc&x, "#,
            r#"hint: [1], from ip: 1.2.3.4"}"#,
        );
        let error = read(200, body).unwrap_err().to_string();
        assert!(error.ends_with(
            "invalid access_token [redacted], access_token=[redacted]&x, hint: [1], from ip: 1.2.3.4"
        ));
    }
}
