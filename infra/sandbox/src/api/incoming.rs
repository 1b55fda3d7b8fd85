//! One HTTP request to the API, read whole before anything is decided.

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{FromRequest, Multipart, OriginalUri};
use axum::http::header::{CONTENT_TYPE, HOST};
use axum::http::{Method, Request, request};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};

/// The largest body that WeCom takes: a file of 20 MB and its wrapping (WeCom doc 90253).
const BODY_LIMIT: usize = 21 * 1024 * 1024;

/// Never kept: whoever reads the journal must not find them.
const CREDENTIALS: [&str; 2] = ["access_token", "corpsecret"];

pub(crate) struct Incoming {
    pub(crate) method: Method,
    /// The path below `/cgi-bin/`; the whole path if it is another.
    pub(crate) path: String,
    pub(crate) query: Map<String, Value>,
    pub(crate) body: Bytes,
    pub(crate) upload: Option<Upload>,
    /// A body of form fields, which WeCom takes for an empty one.
    pub(crate) is_form: bool,
    /// Where this sandbox is mounted, as the caller sees it: `http://127.0.0.1:9080/sandbox`.
    pub(crate) base: String,
}

/// The file part of a multipart body.
pub(crate) struct Upload {
    pub(crate) part: String,
    pub(crate) file_name: Option<String>,
    pub(crate) bytes: Bytes,
}

impl Incoming {
    pub(crate) async fn read(request: Request<Body>) -> Self {
        let (parts, body) = request.into_parts();
        // A body that breaks off or is too large is no body.
        let body = to_bytes(body, BODY_LIMIT).await.unwrap_or_default();
        let content_type = parts.headers.get(CONTENT_TYPE);
        let content_type = content_type
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        let is_form = content_type.starts_with("application/x-www-form-urlencoded");
        let is_multipart = content_type.starts_with("multipart/form-data");
        let (base, path) = split_path(&parts);
        let mut incoming = Self {
            method: parts.method.clone(),
            path,
            query: parse_query(parts.uri.query().unwrap_or_default()),
            body: body.clone(),
            upload: None,
            is_form,
            base,
        };
        if is_multipart {
            incoming.upload = read_upload(Request::from_parts(parts, Body::from(body))).await;
        }
        incoming
    }

    /// What the journal keeps of the request.
    pub(crate) fn record(&self) -> Value {
        let mut query = self.query.clone();
        for credential in CREDENTIALS {
            query.remove(credential);
        }
        if let Some(upload) = &self.upload {
            query.insert("filename".to_owned(), json!(upload.file_name));
            query.insert("size".to_owned(), json!(upload.bytes.len()));
        } else if self.method == Method::POST {
            let text = || json!(String::from_utf8_lossy(&self.body));
            return serde_json::from_slice(&self.body).unwrap_or_else(|_| text());
        }
        Value::Object(query)
    }
}

/// The mount point with scheme and host, and the path below `/cgi-bin/` or else the whole path.
fn split_path(parts: &request::Parts) -> (String, String) {
    let original = parts
        .extensions
        .get::<OriginalUri>()
        .map(|uri| uri.0.path());
    let whole = original.unwrap_or_else(|| parts.uri.path());
    let host = parts
        .headers
        .get(HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or("127.0.0.1");
    let (mount, path) = whole.split_once("/cgi-bin/").unwrap_or(("", whole));
    (format!("http://{host}{mount}"), path.to_owned())
}

fn parse_query(query: &str) -> Map<String, Value> {
    let decode = |text: &str| {
        let text = text.replace('+', " ");
        percent_decode_str(&text).decode_utf8_lossy().into_owned()
    };
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs
        .map(|(name, value)| (decode(name), Value::String(decode(value))))
        .collect()
}

async fn read_upload(request: Request<Body>) -> Option<Upload> {
    let mut parts = Multipart::from_request(request, &()).await.ok()?;
    let part = parts.next_field().await.ok()??;
    Some(Upload {
        part: part.name().unwrap_or_default().to_owned(),
        file_name: part.file_name().map(str::to_owned),
        bytes: part.bytes().await.ok()?,
    })
}
