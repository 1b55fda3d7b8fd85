//! One HTTP exchange: how a call becomes a request, and what can happen to it on the way.

use super::UPLOAD_TIMEOUT;
use super::answer::Answer;
use crate::error::Error;
use bytes::Bytes;
use clock::{Clock, Elapsed};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use reqwest::multipart::{Form, Part};
use serde::Serialize;
use serde_json::ser::{CharEscape, CompactFormatter, Formatter, Serializer};
use std::error::Error as _;
use std::io;
use std::time::Duration;

/// What stays as it is in a query: the unreserved characters of RFC 3986.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// A call, without token.
pub(super) struct Call<'a> {
    api: &'static str,
    query: Vec<(&'static str, &'a str)>,
    body: Body,
}

enum Body {
    /// GET: WeCom answers a wrong method with misleading codes, so each API has the one of its document.
    None,
    Json(Bytes),
    File {
        part: &'static str,
        name: String,
        bytes: Bytes,
    },
}

#[derive(Clone)]
pub(super) struct Transport {
    http: reqwest::Client,
    base_url: String,
    call_timeout: Duration,
    clock: Clock,
}

impl<'a> Call<'a> {
    /// A read by GET; `api` is the path without `/cgi-bin/`.
    pub(super) fn get(api: &'static str) -> Self {
        Self {
            api,
            query: Vec::new(),
            body: Body::None,
        }
    }

    /// A call by POST with a JSON body.
    pub(super) fn post(api: &'static str, request: &impl Serialize) -> Result<Self, Error> {
        let mut bytes = Vec::new();
        let mut serializer = Serializer::with_formatter(&mut bytes, WithoutControls);
        request
            .serialize(&mut serializer)
            .map_err(|_| Error::Invalid {
                api,
                field: String::new(),
                reason: "cannot be written as JSON".to_owned(),
            })?;
        Ok(Self {
            api,
            query: Vec::new(),
            body: Body::Json(bytes.into()),
        })
    }

    /// An upload by POST, in one part of a form.
    pub(super) fn upload(api: &'static str, part: &'static str, name: &str, bytes: Bytes) -> Self {
        Self {
            api,
            query: Vec::new(),
            body: Body::File {
                part,
                name: name.to_owned(),
                bytes,
            },
        }
    }

    /// Adds a parameter to the query.
    pub(super) fn with(mut self, name: &'static str, value: &'a str) -> Self {
        self.query.push((name, value));
        self
    }
}

impl Transport {
    pub(super) fn new(
        http: reqwest::Client,
        base_url: String,
        call_timeout: Duration,
        clock: Clock,
    ) -> Self {
        Self {
            http,
            base_url,
            call_timeout,
            clock,
        }
    }

    pub(super) fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Sends the call with secret parameters, which go into the query only and out of every error.
    pub(super) async fn send(
        &self,
        call: &Call<'_>,
        secrets: &[(&'static str, &str)],
    ) -> Result<Answer, Error> {
        let failed = |error: reqwest::Error| unreachable(call.api, &error.without_url());
        let request = self.request(call, secrets).map_err(failed)?;
        let exchange = async {
            let response = request.send().await?;
            let status = response.status();
            Ok((status, response.bytes().await?))
        };
        let limit = match call.body {
            Body::File { .. } => UPLOAD_TIMEOUT,
            Body::None | Body::Json(_) => self.call_timeout,
        };
        let exchange = self.clock.timeout(limit, exchange).await;
        // A connection that is not there in time is an error of its own, well before this limit.
        let timed_out = |Elapsed| Error::Unreachable {
            api: call.api,
            reason: format!("timed out after {} ms", limit.as_millis()),
            sent: true,
        };
        let (status, body) = exchange.map_err(timed_out)?.map_err(failed)?;
        let secrets = secrets
            .iter()
            .map(|(_, secret)| (*secret).to_owned())
            .collect();
        Ok(Answer {
            api: call.api,
            status,
            body,
            secrets,
        })
    }

    fn request(
        &self,
        call: &Call<'_>,
        secrets: &[(&'static str, &str)],
    ) -> Result<reqwest::RequestBuilder, reqwest::Error> {
        let url = self.url(call, secrets);
        Ok(match &call.body {
            Body::None => self.http.get(url),
            Body::Json(bytes) => self
                .http
                .post(url)
                .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
                .body(bytes.clone()),
            Body::File { part, name, bytes } => {
                let length = bytes.len() as u64;
                let file = Part::stream_with_length(bytes.clone(), length)
                    .file_name(name.clone())
                    .mime_str("application/octet-stream")?;
                self.http.post(url).multipart(Form::new().part(*part, file))
            }
        })
    }

    fn url(&self, call: &Call<'_>, secrets: &[(&'static str, &str)]) -> String {
        let mut url = format!(
            "{}/cgi-bin/{}",
            self.base_url.trim_end_matches('/'),
            call.api
        );
        for (at, (name, value)) in secrets.iter().chain(&call.query).enumerate() {
            url.push(if at == 0 { '?' } else { '&' });
            url.push_str(name);
            url.push('=');
            url.extend(utf8_percent_encode(value, QUERY));
        }
        url
    }
}

/// An error of the HTTP client, whose own text would carry the address and with it the token.
pub(super) fn unreachable(api: &'static str, error: &reqwest::Error) -> Error {
    let sent = !error.is_connect() && !error.is_builder();
    let what = match () {
        () if error.is_builder() => "the request could not be built",
        () if error.is_connect() => "no connection",
        () if error.is_timeout() => "timed out",
        () => "the connection was lost",
    };
    Error::Unreachable {
        api,
        reason: with_root_cause(what, error),
        sent,
    }
}

/// The innermost cause says what an operator can act on: a refused connection, an unknown host, a bad certificate.
fn with_root_cause(what: &str, error: &reqwest::Error) -> String {
    let mut cause = error.source();
    while let Some(inner) = cause.and_then(|cause| cause.source()) {
        cause = Some(inner);
    }
    cause.map_or_else(|| what.to_owned(), |cause| format!("{what}: {cause}"))
}

/// JSON without the control characters that would have to be written as `\uXXXX`, which WeCom refuses
/// (`INVALID_REQUEST_CHARACTER`). Line ends and tabs have escapes of their own and stay.
struct WithoutControls;

impl Formatter for WithoutControls {
    fn write_char_escape<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        escape: CharEscape,
    ) -> io::Result<()> {
        match escape {
            CharEscape::AsciiControl(_) | CharEscape::Backspace | CharEscape::FormFeed => Ok(()),
            other => CompactFormatter.write_char_escape(writer, other),
        }
    }
}
