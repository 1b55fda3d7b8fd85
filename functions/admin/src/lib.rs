//! The admin API for operators, their tools and the console: `/admin/corps/{corp_id}/…`, JSON, with an admin
//! key as bearer token.
//!
//! Every call is one function in the file of its noun. Errors are `{"error", "message", "field"?}`; see
//! `refusal.rs` for which status means what.

use std::convert::Infallible;
use std::sync::Arc;

use clock::Clock;
use domain::ports::{
    AddressBookApi, BalanceStore, ChannelStore, ContactStore, CountStore, CustomerApi, EventStore,
    MediaApi, ProvisionChannel, ReadApps, RunStore, TagApi, WelcomeStore,
};
use jiff::tz::TimeZone;
use lambda_http::http::Method;
use lambda_http::{Body, Request, RequestExt, Response};
use platform::config::Config;
use platform::secret::ConfigSource;
use platform::start::Platform;
use platform::wecom_api::WecomApi;
use serde_json::Value;
use tracing::Instrument as _;
use wecom::{AppName, CorpId};

use crate::input::Input;
use crate::refusal::Refusal;

mod apps;
mod channels;
mod contacts;
mod duty;
mod events;
mod input;
mod media;
mod refusal;
mod remote;
mod stats;
mod sync;
mod view;
mod welcomes;

domain::port_set! {
    /// What the API asks of its store.
    pub trait Store: BalanceStore, ChannelStore, ContactStore, CountStore, EventStore, RunStore, WelcomeStore
}

domain::port_set! {
    /// What the API asks of WeCom.
    pub trait Wecom: AddressBookApi, CustomerApi, MediaApi, ProvisionChannel, ReadApps, TagApi
}

/// The function with what it needs.
pub struct Admin<S, W> {
    config: Arc<ConfigSource>,
    store: S,
    wecom: W,
    clock: Clock,
}

/// The corp that a call is about.
struct Scope {
    corp: CorpId,
    /// The app that makes what is made.
    app: AppName,
    timezone: TimeZone,
}

/// A status and the JSON to go with it.
type Answer = Result<(u16, Value), Refusal>;

impl Admin<platform::store::Store, WecomApi> {
    /// The function as it is deployed, over these adapters.
    #[must_use]
    pub fn on(platform: Platform) -> Self {
        Self {
            config: platform.config,
            store: platform.store,
            wecom: platform.wecom,
            clock: platform.clock,
        }
    }
}

impl<S: Store, W: Wecom> Admin<S, W> {
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
        let answer = async {
            self.answer(&request).await.unwrap_or_else(|refusal| {
                refusal.log();
                (refusal.status(), refusal.body())
            })
        };
        let (status, body) = answer.instrument(span).await;
        Ok(json(status, &body))
    }

    async fn answer(&self, request: &Request) -> Answer {
        let config = self.config.current().await?;
        authorize(&config, request)?;
        let input = Input::of(request)?;
        let path: Vec<&str> = input.path.iter().map(String::as_str).collect();
        let ["admin", "corps", corp, call @ ..] = path.as_slice() else {
            return Err(Refusal::NoSuchCall);
        };
        let scope = scope(&config, corp)?;
        match (request.method(), call) {
            (&Method::POST, ["channels"]) => self.create_channel(&scope, &input).await,
            (&Method::GET, ["channels"]) => self.list_channels(&scope, &input).await,
            (&Method::GET, ["channels", id]) => self.read_channel(&scope, id).await,
            (&Method::PATCH, ["channels", id]) => self.change_channel(&scope, id, &input).await,
            (&Method::DELETE, ["channels", id]) => self.delete_channel(&scope, id).await,
            (&Method::GET, ["channels", id, "stats"]) => {
                self.channel_stats(&scope, id, &input).await
            }
            (&Method::GET, ["welcome"]) => self.read_welcomes(&scope).await,
            (&Method::PUT, ["welcome"]) => self.put_welcomes(&scope, &input).await,
            (&Method::GET, ["contacts"]) => self.find_contacts(&scope, &input).await,
            (&Method::GET, ["contacts", id]) => self.read_contact(&scope, id, &input).await,
            (&Method::GET, ["events", id]) => self.read_event(&scope, id).await,
            (&Method::GET, ["sync"]) => self.read_sync(&scope).await,
            (&Method::GET, ["apps"]) => self.read_apps(&config, &scope).await,
            _ => Err(Refusal::NoSuchCall),
        }
    }
}

/// Lets only the holders of an admin key in. Who has none learns nothing, not even which corps there are.
fn authorize(config: &Config, request: &Request) -> Result<(), Refusal> {
    let header = request
        .headers()
        .get("authorization")
        .and_then(|value| value.to_str().ok());
    let (scheme, key) = header
        .and_then(|header| header.split_once(' '))
        .ok_or(Refusal::Unauthorized)?;
    let known = scheme.eq_ignore_ascii_case("bearer") && config.is_admin_key(key.trim());
    if known {
        Ok(())
    } else {
        Err(Refusal::Unauthorized)
    }
}

fn scope(config: &Config, corp: &str) -> Result<Scope, Refusal> {
    let corp = config.corp(corp).ok_or(Refusal::NotFound("corp"))?;
    let app = corp.main_app().ok_or(Refusal::NotFound("app"))?;
    Ok(Scope {
        corp: corp.id.clone(),
        app: app.name.clone(),
        timezone: corp.timezone.clone(),
    })
}

fn json(status: u16, body: &Value) -> Response<Body> {
    let text = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = lambda_http::http::StatusCode::from_u16(status).unwrap_or_default();
    let headers = response.headers_mut();
    headers.insert(
        "content-type",
        lambda_http::http::HeaderValue::from_static("application/json"),
    );
    headers.insert(
        "cache-control",
        lambda_http::http::HeaderValue::from_static("no-store"),
    );
    response
}
