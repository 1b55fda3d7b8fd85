//! Walks the JSON of the secret and collects every fault on the way.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::field::FieldError;
use jiff::tz::TimeZone;
use secrecy::SecretString;
use serde_json::{Map, Value};
use wecom::{AppName, CallbackCrypto, CorpId};

use super::{App, Config, ConfigError, Corp, Credentials, KeyDigest, Needs};
use crate::data_keys::DataKeys;
use crate::governor::CorpLimits;

/// Characters of an admin key: 32 random characters cannot be guessed.
const ADMIN_KEY_CHARS: usize = 32;
/// An EncodingAESKey of the right form, with which a Token is checked by itself.
const WELL_FORMED_KEY: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
/// A Token of the right form, with which an EncodingAESKey is checked by itself.
const WELL_FORMED_TOKEN: &str = "A";
/// Where WeCom's customers are.
const DEFAULT_TIMEZONE: &str = "Asia/Shanghai";

/// The text without the byte order mark that editors on Windows write in front of it.
pub(super) fn without_mark(json: &str) -> &str {
    json.trim_start_matches('\u{feff}')
}

pub(super) fn config(json: &str, needs: Needs) -> Result<Config, ConfigError> {
    let json = without_mark(json);
    let mut faults = Faults::default();
    let config = match serde_json::from_str::<Value>(json) {
        Ok(Value::Object(object)) => root(&object, needs, &mut faults),
        Ok(_) => faults.none(
            "",
            "is not a JSON object: {\"admin_keys\": […], \"corps\": […]}",
        ),
        Err(_) if json.trim().is_empty() => faults.none(
            "",
            "is empty: fill it with {\"admin_keys\": […], \"corps\": […]}",
        ),
        Err(error) => {
            // serde_json's own message may quote the text, which holds secrets.
            let at = format!(
                "is not JSON (line {}, column {})",
                error.line(),
                error.column()
            );
            faults.none("", at)
        }
    };
    match config {
        Some(config) if faults.0.is_empty() => Ok(config),
        _ => Err(ConfigError(faults.0)),
    }
}

/// The faults found so far.
#[derive(Default)]
struct Faults(Vec<FieldError>);

impl Faults {
    fn none<T>(&mut self, field: &str, message: impl Into<String>) -> Option<T> {
        let field = if field.is_empty() { "secret" } else { field };
        self.0.push(FieldError::new(field, message));
        None
    }

    fn unknown(&mut self, object: &Map<String, Value>, path: &str, known: &[&str]) {
        for field in object
            .keys()
            .filter(|field| !known.contains(&field.as_str()))
        {
            self.none::<()>(
                &join(path, field),
                format!("is not a known field, use {}", known.join(", ")),
            );
        }
    }

    fn text<'a>(
        &mut self,
        object: &'a Map<String, Value>,
        path: &str,
        field: &str,
    ) -> Option<&'a str> {
        match object.get(field) {
            // A value that was pasted with a blank or a line break is meant without it.
            Some(Value::String(text)) if !text.trim().is_empty() => Some(text.trim()),
            Some(Value::String(_)) => self.none(&join(path, field), "is empty"),
            Some(_) => self.none(&join(path, field), "is not a string"),
            None => self.none(&join(path, field), "is missing"),
        }
    }
}

fn join(path: &str, field: &str) -> String {
    if path.is_empty() {
        field.to_owned()
    } else {
        format!("{path}.{field}")
    }
}

fn root(object: &Map<String, Value>, needs: Needs, faults: &mut Faults) -> Option<Config> {
    faults.unknown(object, "", &["admin_keys", "data_keys", "corps"]);
    let admin_keys = if needs == Needs::Everything || object.contains_key("admin_keys") {
        admin_keys(object, faults)
    } else {
        Some(Vec::new())
    };
    let data_keys = object
        .get("data_keys")
        .map(|keys| DataKeys::read(keys, "data_keys"));
    let data_keys = data_keys.transpose().unwrap_or_else(|found| {
        faults.0.extend(found);
        None
    });
    let corps = corps(object, needs, faults);
    Some(Config {
        admin_keys: admin_keys?,
        data_keys: data_keys.map(Arc::new),
        corps: corps?,
    })
}

fn admin_keys(object: &Map<String, Value>, faults: &mut Faults) -> Option<Vec<KeyDigest>> {
    let Some(Value::Array(keys)) = object.get("admin_keys") else {
        return faults.none("admin_keys", "is missing or not a list of strings");
    };
    if keys.is_empty() {
        return faults.none("admin_keys", "is empty: nobody could use the admin API");
    }
    let mut digests = Vec::new();
    for (at, key) in keys.iter().enumerate() {
        let field = format!("admin_keys[{at}]");
        match key.as_str() {
            Some(key) if key.chars().count() >= ADMIN_KEY_CHARS => digests.push(KeyDigest::of(key)),
            Some(key) => {
                let length = key.chars().count();
                faults.none::<()>(
                    &field,
                    format!("has {length} characters, at least {ADMIN_KEY_CHARS} are needed"),
                );
            }
            None => {
                faults.none::<()>(&field, "is not a string");
            }
        }
    }
    Some(digests)
}

fn corps(
    object: &Map<String, Value>,
    needs: Needs,
    faults: &mut Faults,
) -> Option<BTreeMap<CorpId, Corp>> {
    let Some(Value::Array(list)) = object.get("corps") else {
        return faults.none("corps", "is missing or not a list of objects");
    };
    if list.is_empty() {
        return faults.none("corps", "is empty: name at least one corp");
    }
    let mut corps = BTreeMap::new();
    for (at, value) in list.iter().enumerate() {
        let path = format!("corps[{at}]");
        let Some(corp) = corp(value, &path, needs, faults) else {
            continue;
        };
        if corps.contains_key(&corp.id) {
            faults.none::<()>(&join(&path, "corp_id"), "is named twice");
        }
        corps.insert(corp.id.clone(), corp);
    }
    Some(corps)
}

fn corp(value: &Value, path: &str, needs: Needs, faults: &mut Faults) -> Option<Corp> {
    let Value::Object(object) = value else {
        return faults.none(path, "is not an object");
    };
    faults.unknown(object, path, &["corp_id", "timezone", "limits", "apps"]);
    let id = corp_id(object, path, faults);
    let timezone = timezone(object, path, faults);
    let limits = limits(object, &join(path, "limits"), faults);
    let apps = apps(object, path, (id.as_ref(), needs), faults);
    Some(Corp {
        id: id?,
        timezone: timezone?,
        limits: limits?,
        apps: apps?,
    })
}

fn corp_id(object: &Map<String, Value>, path: &str, faults: &mut Faults) -> Option<CorpId> {
    let text = faults.text(object, path, "corp_id")?;
    if !is_name(text) {
        return faults.none(
            &join(path, "corp_id"),
            "is not a corp id: letters, digits, '-' and '_' only",
        );
    }
    Some(CorpId::from(text))
}

fn timezone(object: &Map<String, Value>, path: &str, faults: &mut Faults) -> Option<TimeZone> {
    let name = if object.contains_key("timezone") {
        faults.text(object, path, "timezone")?
    } else {
        DEFAULT_TIMEZONE
    };
    TimeZone::get(name).ok().or_else(|| {
        faults.none(
            &join(path, "timezone"),
            "is not an IANA time zone such as Asia/Shanghai",
        )
    })
}

/// WeCom may change its limits at any time (doc 90312), so the part that the bundle takes can be set per corp.
fn limits(object: &Map<String, Value>, path: &str, faults: &mut Faults) -> Option<CorpLimits> {
    let mut limits = CorpLimits::default();
    let object = match object.get("limits") {
        None => return Some(limits),
        Some(Value::Object(object)) => object,
        Some(_) => return faults.none(path, "is not an object"),
    };
    faults.unknown(
        object,
        path,
        &[
            "per_minute",
            "per_hour",
            "welcomes_per_minute",
            "welcomes_per_hour",
            "in_flight",
            "pause",
        ],
    );
    let mut number = |field: &str, most: u32| match object.get(field).map(Value::as_u64) {
        None => Some(None),
        Some(Some(number)) if (1..=u64::from(most)).contains(&number) => {
            Some(u32::try_from(number).ok())
        }
        Some(_) => faults.none(
            &join(path, field),
            format!("is not a whole number from 1 to {most}"),
        ),
    };
    let (minute, hour) = (number("per_minute", 10_000), number("per_hour", 150_000));
    let welcomes = (
        number("welcomes_per_minute", 10_000),
        number("welcomes_per_hour", 150_000),
    );
    let (in_flight, pause) = (number("in_flight", 100), number("pause", 3_600));
    if let Some(number) = minute? {
        limits.rate.per_minute = number;
    }
    if let Some(number) = hour? {
        limits.rate.per_hour = number;
    }
    if let Some(number) = welcomes.0? {
        limits.welcomes.per_minute = number;
    }
    if let Some(number) = welcomes.1? {
        limits.welcomes.per_hour = number;
    }
    if let Some(number) = pause? {
        limits.rate.pause = i64::from(number);
    }
    limits.in_flight = in_flight?.and_then(|number| usize::try_from(number).ok());
    Some(limits)
}

fn apps(
    object: &Map<String, Value>,
    path: &str,
    of: (Option<&CorpId>, Needs),
    faults: &mut Faults,
) -> Option<BTreeMap<AppName, App>> {
    let field = join(path, "apps");
    let Some(Value::Object(named)) = object.get("apps") else {
        return faults.none(&field, "is missing or not an object of apps by name");
    };
    if named.is_empty() {
        return faults.none(
            &field,
            "is empty: name at least one app, such as \"contact\"",
        );
    }
    let parsed = named
        .iter()
        .filter_map(|(name, value)| app(name, value, &field, of, faults));
    Some(parsed.map(|app| (app.name.clone(), app)).collect())
}

fn app(
    name: &str,
    value: &Value,
    path: &str,
    (corp, needs): (Option<&CorpId>, Needs),
    faults: &mut Faults,
) -> Option<App> {
    let path = join(path, name);
    if !is_name(name) {
        faults.none::<()>(
            &path,
            "is not an app name: letters, digits, '-' and '_' only, for it is part of a URL",
        );
    }
    let Value::Object(object) = value else {
        return faults.none(&path, "is not an object");
    };
    faults.unknown(
        object,
        &path,
        &["agent_id", "secret", "token", "encoding_aes_key"],
    );
    let credentials = credentials(object, &path, needs, faults);
    let callback = callback(object, &path, corp, faults);
    Some(App {
        name: AppName::from(name),
        credentials: credentials?,
        callback: callback?,
    })
}

/// An app without both of them is for a function that makes no calls.
fn credentials(
    object: &Map<String, Value>,
    path: &str,
    needs: Needs,
    faults: &mut Faults,
) -> Option<Option<Credentials>> {
    let is_given = object.contains_key("agent_id") || object.contains_key("secret");
    if needs == Needs::Callbacks && !is_given {
        return Some(None);
    }
    let agent_id = object.get("agent_id").and_then(Value::as_u64);
    if agent_id.is_none() {
        faults.none::<()>(&join(path, "agent_id"), "is missing or not a whole number");
    }
    let secret = faults.text(object, path, "secret").map(SecretString::from);
    Some(Some(Credentials {
        agent_id: agent_id?,
        secret: secret?,
    }))
}

/// Token and key belong together: an app has both, or takes no callbacks and has neither.
fn callback(
    object: &Map<String, Value>,
    path: &str,
    corp: Option<&CorpId>,
    faults: &mut Faults,
) -> Option<Option<CallbackCrypto>> {
    if !object.contains_key("token") && !object.contains_key("encoding_aes_key") {
        return Some(None);
    }
    let token = faults.text(object, path, "token");
    let key = faults.text(object, path, "encoding_aes_key");
    // `CallbackCrypto::new` returns the first fault only, so each value is checked with a valid other one.
    for (field, token, key) in [
        ("token", token, Some(WELL_FORMED_KEY)),
        ("encoding_aes_key", Some(WELL_FORMED_TOKEN), key),
    ] {
        if let Some((token, key)) = token.zip(key)
            && let Err(error) = CallbackCrypto::new(token, key, "")
        {
            faults.none::<()>(&join(path, field), error.to_string());
        }
    }
    // What is wrong is already reported.
    Some(Some(
        CallbackCrypto::new(token?, key?, corp?.as_str()).ok()?,
    ))
}

fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 64
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
}
