//! The phone page and the JSON behind it, which outside programs may drive as well.
//!
//! All URLs of the page are relative, so that it works wherever the sandbox is mounted: in the local stack below
//! `/sandbox/`, where nothing protects it. Bodies and answers are JSON; what is not found, or not possible, is answered
//! with `{"error"}`.
//!
//! | call | does |
//! | --- | --- |
//! | `GET api/corps`, `api/corps/{corp}` | the corps; one corp with its newest 40 channels and customers, and counts |
//! | `POST api/corps/{corp}/scan` `{"channel", …}` | a customer scans; `channel` is a config id, link id, URL or state; the other fields are those of [`Scan`](crate::Scan), all optional |
//! | `POST api/corps/{corp}/add` `{"userid", …}` | a customer adds the member without a channel |
//! | `GET api/corps/{corp}/customers/{external_userid}/{userid}` | one relation with its chat |
//! | `POST …/{userid}/{action}` | `confirm`, `leave`, `remove`, `write` `{"text"}`, `edit` with the fields of [`MemberEdit`](crate::MemberEdit) |
//! | `POST api/corps/{corp}/apps/{app}/{action}` | `verify`, `deliver` `{"xml"}`, `callback` `{"url"}`, `expire_tokens`, `rotate_secret` `{"secret"}` |
//! | `GET api/events?after=&limit=`, `POST api/events/{id}/redeliver` | events with their deliveries, oldest first; deliver one again |
//! | `GET api/calls?after=&limit=`, `api/unexpected` | calls that reached the API; those of unknown paths |
//! | `POST api/delivery` | how events are delivered, a [`DeliveryMode`](crate::DeliveryMode) as a whole; answers the mode before |
//! | `POST`, `DELETE api/faults` | `{"api"?, "calls", "fault"}`: the next calls of an API fail ([`Fault`](crate::Fault)); forgets all faults |

mod control;
mod overview;

use axum::extract::{OriginalUri, Path, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderName, StatusCode, Uri};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use qrcode::QrCode;
use qrcode::render::svg;
use serde_json::json;

use super::Sandbox;

const PAGE: &str = include_str!("phone/index.html");
const STYLE: &str = include_str!("phone/phone.css");
const SCRIPT: &str = include_str!("phone/phone.js");

/// The routes of the page, relative to the mount point.
pub(crate) fn routes() -> Router<Sandbox> {
    Router::new()
        .route("/", get(page))
        .route("/phone.css", get(|| async { text("text/css", STYLE) }))
        .route(
            "/phone.js",
            get(|| async { text("text/javascript", SCRIPT) }),
        )
        .route("/qr/{id}", get(qr_code))
        .route("/ca/{id}", get(open_link))
        .route("/media/{id}", get(media))
        .route("/api/corps", get(overview::corps))
        .route("/api/corps/{corp}", get(overview::corp))
        .route(
            "/api/corps/{corp}/customers/{external_userid}/{userid}",
            get(overview::customer),
        )
        .route(
            "/api/corps/{corp}/customers/{external_userid}/{userid}/{action}",
            post(control::act),
        )
        .route("/api/corps/{corp}/scan", post(control::scan))
        .route("/api/corps/{corp}/add", post(control::add))
        .route(
            "/api/corps/{corp}/apps/{app}/{action}",
            post(control::act_on_app),
        )
        .route("/api/events", get(overview::events))
        .route("/api/events/{id}/redeliver", post(control::redeliver))
        .route("/api/calls", get(overview::calls))
        .route("/api/unexpected", get(overview::unexpected))
        .route("/api/delivery", post(control::delivery))
        .route(
            "/api/faults",
            post(control::faults).delete(control::clear_faults),
        )
}

/// What an answer of `/api/` is when it is not the thing itself: a status and one stable word.
pub(crate) struct Failure(pub(crate) StatusCode, pub(crate) String);

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        (self.0, Json(json!({"error": self.1}))).into_response()
    }
}

/// 404 for a thing that is named in the path.
pub(crate) fn not_found(what: &str) -> Failure {
    Failure(StatusCode::NOT_FOUND, format!("no such {what}"))
}

/// Relative URLs need the slash at the end of the mount point.
async fn page(OriginalUri(uri): OriginalUri) -> Response {
    let path = uri.path();
    if path.ends_with('/') {
        return text("text/html; charset=utf-8", PAGE);
    }
    let query = uri
        .query()
        .map(|query| format!("?{query}"))
        .unwrap_or_default();
    Redirect::temporary(&format!("{path}/{query}")).into_response()
}

fn text(content_type: &'static str, body: &'static str) -> Response {
    let headers: [(HeaderName, &str); 2] =
        [(CONTENT_TYPE, content_type), (CACHE_CONTROL, "no-cache")];
    (headers, body).into_response()
}

/// The picture of a channel's code, whose content is the channel's URL.
async fn qr_code(
    State(sandbox): State<Sandbox>,
    Path(id): Path<String>,
) -> Result<Response, Failure> {
    let url = sandbox.read(|state| {
        let mut corps = state.corps.values();
        corps.find_map(|corp| corp.channel(&id).map(|channel| channel.url().to_owned()))
    });
    let url = url.ok_or_else(|| not_found("channel"))?;
    let too_long = |_| {
        Failure(
            StatusCode::UNPROCESSABLE_ENTITY,
            "the URL is too long for a code".to_owned(),
        )
    };
    let code = QrCode::new(url).map_err(too_long)?;
    let picture = code
        .render::<svg::Color<'_>>()
        .min_dimensions(240, 240)
        .build();
    Ok(([(CONTENT_TYPE, "image/svg+xml")], picture).into_response())
}

/// An acquisition link leads to the page, where the customer opens it.
async fn open_link(uri: Uri, Path(id): Path<String>) -> Redirect {
    let query = uri
        .query()
        .map(|query| format!("&{query}"))
        .unwrap_or_default();
    Redirect::temporary(&format!("../?open={id}{query}"))
}

/// Pictures of the chat: temporary media and those of `uploadimg`.
async fn media(
    State(sandbox): State<Sandbox>,
    Path(id): Path<String>,
) -> Result<Response, Failure> {
    let media = sandbox.read(|state| {
        let mut corps = state.corps.values();
        corps.find_map(|corp| {
            corp.media
                .get(&id)
                .or_else(|| corp.pictures.get(&id))
                .cloned()
        })
    });
    let media = media.ok_or_else(|| not_found("media"))?;
    Ok(([(CONTENT_TYPE, media.content_type())], media.bytes).into_response())
}
