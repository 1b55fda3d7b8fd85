//! What the page, and any outside driver, can make happen.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Failure, not_found};
use crate::callback::DeliveryMode;
use crate::corp::{Corp, Happening, MemberEdit, Scan, VerbError};
use crate::faults::Fault;
use crate::journal::EventId;
use crate::{Sandbox, VerifyError};

type Answer = Result<Json<Value>, Failure>;

/// `POST api/corps/{corp}/scan`: `channel` is a config id, link id, URL or state.
#[derive(Deserialize)]
pub(crate) struct ScanRequest {
    channel: String,
    #[serde(flatten)]
    scan: Scan,
}

/// `POST api/corps/{corp}/add`: without a channel.
#[derive(Deserialize)]
pub(crate) struct AddRequest {
    userid: String,
    #[serde(flatten)]
    scan: Scan,
}

/// The body of an action on a relation; which fields it takes depends on the action.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct ActRequest {
    text: String,
    #[serde(flatten)]
    edit: MemberEdit,
}

/// The body of an action on an app.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct AppRequest {
    xml: String,
    secret: String,
    url: String,
}

/// `POST api/faults`: `{"api"?, "calls", "fault": {"code": 45009}}`; without `api` it is any API. Faults: `{"code":
/// n}`, `{"slow": ms}`, `{"http": status}`,
/// `{"drop_connection": {"after_effect": bool}}`.
#[derive(Deserialize)]
pub(crate) struct FaultRequest {
    api: Option<String>,
    calls: usize,
    fault: Fault,
}

pub(crate) async fn scan(
    State(sandbox): State<Sandbox>,
    Path(corp): Path<String>,
    Json(request): Json<ScanRequest>,
) -> Answer {
    let happening = find(&sandbox, &corp)?.scan(&request.channel, &request.scan);
    answer(happening)
}

pub(crate) async fn add(
    State(sandbox): State<Sandbox>,
    Path(corp): Path<String>,
    Json(request): Json<AddRequest>,
) -> Answer {
    let happening = find(&sandbox, &corp)?.add_by_search(&request.userid, &request.scan);
    answer(happening)
}

/// `confirm`, `leave`, `remove`, `write`, `edit`.
pub(crate) async fn act(
    State(sandbox): State<Sandbox>,
    Path((corp, customer, userid, action)): Path<(String, String, String, String)>,
    Json(request): Json<ActRequest>,
) -> Answer {
    let corp = find(&sandbox, &corp)?;
    answer(match action.as_str() {
        "confirm" => corp.member_confirms(&customer, &userid),
        "leave" => corp.customer_leaves(&customer, &userid),
        "remove" => corp.member_removes(&customer, &userid),
        "write" => corp.customer_writes(&customer, &userid, &request.text),
        "edit" => corp.member_edits(&customer, &userid, &request.edit),
        _ => return Err(not_found("action")),
    })
}

/// `verify`, `deliver`, `callback`, `expire_tokens`, `rotate_secret`.
pub(crate) async fn act_on_app(
    State(sandbox): State<Sandbox>,
    Path((corp, app, action)): Path<(String, String, String)>,
    Json(request): Json<AppRequest>,
) -> Answer {
    let corp = find(&sandbox, &corp)?;
    match action.as_str() {
        "verify" => corp.verify_url(&app).await.map_err(Failure::from)?,
        "deliver" => {
            let event = corp.deliver_xml(&app, &request.xml)?;
            return Ok(Json(json!({"event": event})));
        }
        "callback" => corp.set_callback_url(&app, &request.url)?,
        "expire_tokens" => corp.expire_tokens(&app),
        "rotate_secret" => corp.rotate_secret(&app, &request.secret)?,
        _ => return Err(not_found("action")),
    }
    Ok(Json(json!({})))
}

pub(crate) async fn redeliver(State(sandbox): State<Sandbox>, Path(id): Path<u64>) -> Answer {
    if sandbox.redeliver(EventId(id)) {
        Ok(Json(json!({})))
    } else {
        Err(not_found("event"))
    }
}

/// Changes how events are delivered; answers the mode as it was.
pub(crate) async fn delivery(
    State(sandbox): State<Sandbox>,
    Json(mode): Json<DeliveryMode>,
) -> Json<Value> {
    let before = sandbox.delivery_mode();
    sandbox.set_delivery_mode(mode);
    Json(json!({"before": before}))
}

pub(crate) async fn faults(
    State(sandbox): State<Sandbox>,
    Json(request): Json<FaultRequest>,
) -> Json<Value> {
    match &request.api {
        Some(api) => sandbox.faults().next(api, request.calls, request.fault),
        None => sandbox.faults().next_any(request.calls, request.fault),
    }
    Json(json!({"waiting": sandbox.faults().waiting()}))
}

pub(crate) async fn clear_faults(State(sandbox): State<Sandbox>) -> StatusCode {
    sandbox.faults().clear();
    StatusCode::NO_CONTENT
}

fn find(sandbox: &Sandbox, corp: &str) -> Result<Corp, Failure> {
    sandbox.corp(corp).ok_or_else(|| not_found("corp"))
}

fn answer(happening: Result<Happening, VerbError>) -> Answer {
    Ok(Json(json!(happening?)))
}

impl From<VerbError> for Failure {
    fn from(error: VerbError) -> Self {
        Self(StatusCode::CONFLICT, error.to_string())
    }
}

impl From<VerifyError> for Failure {
    fn from(error: VerifyError) -> Self {
        Self(StatusCode::BAD_GATEWAY, error.to_string())
    }
}
