//! An HTTP request as the event that API Gateway sends to a function (API Gateway developer guide, "Create AWS Lambda
//! proxy integrations for HTTP APIs", payload format 2.0).

use std::borrow::Cow;
use std::net::SocketAddr;

use axum::http::header::{CONNECTION, CONTENT_TYPE, COOKIE, HOST, TRANSFER_ENCODING, USER_AGENT};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::invoke::epoch_millis;

/// The media types, besides `text/*`, whose bodies are passed as text. All others are passed in base64, forms included.
const TEXT_TYPES: [&str; 3] = [
    "application/json",
    "application/javascript",
    "application/xml",
];

/// Headers that belong to one connection and go no further.
const HOP_BY_HOP: [HeaderName; 2] = [CONNECTION, TRANSFER_ENCODING];

/// The event for a request that came in at `now`, on the route `ANY {prefix}{proxy+}`.
pub(super) fn from_request(
    head: &Parts,
    body: &[u8],
    from: SocketAddr,
    prefix: &str,
    request_id: &str,
    now: Timestamp,
) -> Value {
    let path = head.uri.path();
    let route = format!("ANY {prefix}{{proxy+}}");
    let (text, is_base64) = encode(body, &head.headers);
    let mut event = json!({
        "version": "2.0",
        "routeKey": route,
        "rawPath": path,
        // As received: a function decodes "%2B" itself, and must not find "+" instead.
        "rawQueryString": head.uri.query().unwrap_or_default(),
        "headers": headers(head, from),
        "pathParameters": {"proxy": path.strip_prefix(prefix).unwrap_or_default()},
        "requestContext": context(head, from, route.as_str(), request_id, now),
        "isBase64Encoded": is_base64,
    });
    if !body.is_empty() {
        event["body"] = json!(text);
    }
    let cookies = cookies(&head.headers);
    if !cookies.is_empty() {
        event["cookies"] = json!(cookies);
    }
    event
}

fn context(head: &Parts, from: SocketAddr, route: &str, request_id: &str, now: Timestamp) -> Value {
    let host = header(&head.headers, &HOST);
    json!({
        "accountId": "000000000000",
        "apiId": "local",
        "domainName": host,
        "domainPrefix": host.split('.').next(),
        "http": {
            "method": head.method.as_str(),
            "path": head.uri.path(),
            "protocol": format!("{:?}", head.version),
            "sourceIp": from.ip().to_string(),
            "userAgent": header(&head.headers, &USER_AGENT),
        },
        "requestId": request_id,
        "routeKey": route,
        "stage": "$default",
        "time": now.strftime("%d/%b/%Y:%H:%M:%S +0000").to_string(),
        "timeEpoch": epoch_millis(now),
    })
}

/// All headers but the cookies, names in lower case, repeated ones joined with commas.
fn headers(head: &Parts, from: SocketAddr) -> Map<String, Value> {
    let mut joined: Map<String, Value> = head
        .headers
        .keys()
        .filter(|name| **name != COOKIE && !HOP_BY_HOP.contains(name))
        .map(|name| (name.as_str().to_owned(), json!(header(&head.headers, name))))
        .collect();
    let mut forwarded = header(&head.headers, &HeaderName::from_static("x-forwarded-for"));
    if !forwarded.is_empty() {
        forwarded.push_str(", ");
    }
    forwarded.push_str(&from.ip().to_string());
    joined.insert("x-forwarded-for".to_owned(), json!(forwarded));
    joined.insert("x-forwarded-proto".to_owned(), json!("http"));
    joined
}

/// One entry for each cookie, without its separator.
fn cookies(headers: &HeaderMap) -> Vec<String> {
    headers
        .get_all(COOKIE)
        .iter()
        .flat_map(|value| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            value
                .split(';')
                .map(|cookie| cookie.trim().to_owned())
                .collect::<Vec<_>>()
        })
        .filter(|cookie| !cookie.is_empty())
        .collect()
}

fn header(headers: &HeaderMap, name: &HeaderName) -> String {
    let values: Vec<Cow<'_, str>> = headers
        .get_all(name)
        .iter()
        .map(|value| String::from_utf8_lossy(value.as_bytes()))
        .collect();
    values.join(",")
}

/// The body as a JSON string can hold it, and whether that is base64.
fn encode<'a>(body: &'a [u8], headers: &HeaderMap) -> (Cow<'a, str>, bool) {
    match std::str::from_utf8(body) {
        Ok(text) if body.is_empty() || is_text(&header(headers, &CONTENT_TYPE)) => {
            (Cow::Borrowed(text), false)
        }
        _ => (Cow::Owned(STANDARD.encode(body)), true),
    }
}

fn is_text(content_type: &str) -> bool {
    let media_type = content_type
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    media_type.starts_with("text/")
        || TEXT_TYPES.contains(&media_type.as_str())
        || media_type.ends_with("+json")
        || media_type.ends_with("+xml")
}
