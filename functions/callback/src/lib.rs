//! Receives WeCom's callbacks: verify, decrypt, store, answer, and nothing else.
//!
//! WeCom waits one second for a verification and five for an event, and delivers an event three times at
//! most (WeCom doc 90930). So this function makes no call but the write that keeps the event; everything
//! that follows starts from that write. What cannot be stored is answered with 503, and WeCom delivers it again.

use std::borrow::Cow;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use clock::Clock;
use domain::event::{InboxEvent, Stored};
use domain::ports::StoreEvent;
use lambda_http::http::Method;
use lambda_http::{Body, Request, RequestExt, Response};
use platform::config::Config;
use platform::metrics::{Group, Metrics, Unit};
use platform::secret::ConfigSource;
use platform::start::Base;
use platform::store::Store;
use serde_json::Value;
use tracing::Instrument as _;
use wecom::{AppName, CallbackCrypto, CorpId, Envelope, Fields, Message, OpenError, Signature};

use crate::query::Query;
use crate::refusal::Refusal;

mod query;
mod refusal;

/// Bytes of a body that are read. WeCom's events are far smaller; a larger body is not WeCom's.
const BODY_LIMIT: usize = 64 * 1024;

/// The function with what it needs.
pub struct Callback<S> {
    config: Arc<ConfigSource>,
    store: S,
    metrics: Metrics,
    clock: Clock,
}

/// An event that is in the inbox now.
struct Kept {
    event: InboxEvent,
    stored: Stored,
}

/// Where a request was sent.
struct Address {
    corp: CorpId,
    app: AppName,
}

impl Callback<Store> {
    /// The function as it is deployed, over these adapters.
    #[must_use]
    pub fn on(base: Base) -> Self {
        Self {
            config: base.config,
            store: base.store,
            metrics: base.metrics,
            clock: base.clock,
        }
    }

    /// Reads the configuration and opens the connection to the inbox, side by side, so that no event waits for them. It
    /// never fails: what is missing shows again with the first request.
    pub async fn warm_up(&self) {
        let (_config, ()) = tokio::join!(self.config.current(), self.store.open_inbox());
    }
}

impl<S: StoreEvent + Sync> Callback<S> {
    /// Answers one request.
    ///
    /// # Errors
    /// None: every refusal is an answer.
    pub async fn handle(&self, request: Request) -> Result<Response<Body>, Infallible> {
        let span = tracing::error_span!(
            "request",
            http.method = %request.method(),
            http.path = request.raw_http_path(),
        );
        Ok(self.answer_and_report(&request).instrument(span).await)
    }

    async fn answer_and_report(&self, request: &Request) -> Response<Body> {
        let started = self.clock.instant();
        let (answer, kept) = match self.answer(request).await {
            Ok((answer, kept)) => (answer, kept),
            Err(refusal) => (refused(&refusal), None),
        };
        self.report(
            self.clock.since(started),
            answer.status().as_str(),
            kept.as_ref(),
        );
        answer
    }

    /// The answer, and the event that was stored for it.
    async fn answer(&self, request: &Request) -> Result<(Response<Body>, Option<Kept>), Refusal> {
        let address = Address::of(request.raw_http_path()).ok_or(Refusal::UnknownApp)?;
        let config = self.config.current().await?;
        // Unknown corp or app: 404 before looking at the request.
        address.crypto(&config)?;
        let query = Query::parse(request.uri().query().unwrap_or_default());
        match *request.method() {
            Method::GET => {
                let echo = query.required("echostr")?;
                // A form decoder on the way has made blanks of `+`, and base64 has no blanks.
                let echo = echo.replace(' ', "+");
                let plaintext = self.open(&config, &address, &query, &echo).await?;
                let plaintext = String::from_utf8(plaintext)
                    .map_err(|_| Refusal::Unopened(OpenError::NotUtf8))?;
                Ok((refusal::text(200, plaintext), None))
            }
            Method::POST => {
                let encrypted = envelope(request.body())?.encrypt;
                let plaintext = self.open(&config, &address, &query, &encrypted).await?;
                let kept = self.store(address, &plaintext).await?;
                Ok((refusal::text(200, String::new()), Some(kept)))
            }
            _ => Err(Refusal::Method),
        }
    }

    /// Verifies and decrypts. When the signature does not fit, the secret may have been rotated: it is read
    /// again, and the signature gets one more try.
    async fn open(
        &self,
        config: &Arc<Config>,
        address: &Address,
        query: &Query,
        encrypted: &str,
    ) -> Result<Vec<u8>, Refusal> {
        let signature = Signature {
            msg_signature: query.required("msg_signature")?,
            timestamp: query.required("timestamp")?,
            nonce: query.required("nonce")?,
        };
        let open = |crypto: &CallbackCrypto| {
            let opened = crypto.open_bytes(&signature, encrypted);
            opened.map_err(Refusal::Unopened)
        };
        let opened = open(address.crypto(config)?);
        if matches!(opened, Err(Refusal::Unopened(OpenError::SignatureMismatch)))
            && let Some(reread) = self.config.reread(config).await
        {
            return open(address.crypto(&reread)?);
        }
        opened
    }

    /// Stores what was signed and encrypted with our keys, whatever it contains: of a text that is not valid, what can
    /// be read of it.
    async fn store(&self, address: Address, plaintext: &[u8]) -> Result<Kept, Refusal> {
        let text = String::from_utf8_lossy(plaintext);
        let message = Message::parse(&text);
        let is_valid = message.is_ok() && matches!(text, Cow::Borrowed(_));
        let message = message.unwrap_or_else(|_| Message::from_fields(readable(&text)));
        let event = InboxEvent::receive(address.corp, address.app, message, self.clock.now());
        let stored = self.store.store_event(&event).await?;
        if !is_valid {
            tracing::warn!(
                event = "callback.malformed",
                event.id = %event.id,
                corp.id = %event.corp,
                app.name = %event.app,
                "an event is not valid UTF-8 or XML; what can be read of it is stored"
            );
        }
        Ok(Kept { event, stored })
    }

    /// Writes one line with the time that a request took, and its event.
    fn report(&self, took: Duration, status: &str, kept: Option<&Kept>) {
        let took = i64::try_from(took.as_millis()).unwrap_or(i64::MAX);
        let answered = Group {
            dimensions: &[("status", status)],
            measured: &[("callback_ms", Unit::Milliseconds, took)],
            totalled: false,
        };
        let Some(Kept { event, stored }) = kept else {
            self.metrics.write(&[answered], &[]);
            return;
        };
        let known = if *stored == Stored::Duplicate {
            "true"
        } else {
            "false"
        };
        let counted = Group {
            dimensions: &[("event", event.event.name()), ("known", known)],
            measured: &[("events", Unit::Count, 1)],
            totalled: false,
        };
        let fields = [
            ("event.id", Value::from(event.id.as_str())),
            (
                "event.age_s",
                Value::from(event.received_at.seconds().seconds_since(event.created_at)),
            ),
            ("corp.id", Value::from(event.corp.as_str())),
            ("app.name", Value::from(event.app.as_str())),
        ];
        self.metrics.write(&[counted, answered], &fields);
    }
}

/// The answer to a request that is refused, after logging why.
fn refused(refusal: &Refusal) -> Response<Body> {
    let status = refusal.status();
    if status >= 500 {
        tracing::error!(
            event = "callback.failed",
            http.status = status,
            refusal.cause = %refusal,
            "a callback was not stored; WeCom delivers it again"
        );
    } else {
        tracing::warn!(
            event = "callback.refused",
            http.status = status,
            refusal.cause = %refusal,
            "a callback was refused"
        );
    }
    refusal.response()
}

impl Address {
    /// Reads `/callback/{corp_id}/{app}`, also with a slash at the end: reverse proxies and people append one.
    fn of(path: &str) -> Option<Self> {
        let path = path.strip_prefix("/callback/")?;
        let (corp, app) = path.strip_suffix('/').unwrap_or(path).split_once('/')?;
        let valid = !corp.is_empty() && !app.is_empty() && !app.contains('/');
        valid.then(|| Self {
            corp: CorpId::from(corp),
            app: AppName::from(app),
        })
    }

    /// What opens the callbacks of this address, if anybody takes them.
    fn crypto<'a>(&self, config: &'a Config) -> Result<&'a CallbackCrypto, Refusal> {
        let corp = config.corp(self.corp.as_str());
        let app = corp.and_then(|corp| corp.app(self.app.as_str()));
        let crypto = app.and_then(|app| app.callback.as_ref());
        crypto.ok_or(Refusal::UnknownApp)
    }
}

/// The fields of a text that is not well-formed, as far as they can be read; else the text as one field.
fn readable(text: &str) -> Fields {
    let fields = Fields::parse_lenient(text);
    if fields.iter().next().is_some() {
        fields
    } else {
        Fields::from_iter([("Raw", text)])
    }
}

fn envelope(body: &Body) -> Result<Envelope, Refusal> {
    let bytes: &[u8] = body;
    if bytes.len() > BODY_LIMIT {
        return Err(Refusal::TooLarge);
    }
    Envelope::parse(bytes).map_err(|_| Refusal::NoEnvelope)
}
