//! The front door: an API Gateway HTTP API with Lambda proxy integrations, payload format 2.0.
//!
//! A request becomes the JSON event that API Gateway sends (`event.rs`), the function behind its route is invoked with
//! it, and the JSON that the function answers with becomes the response (`answer.rs`).

mod answer;
mod event;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{ConnectInfo, Request};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use tokio::net::TcpListener;
use uuid::Uuid;

use crate::invoke::{Function, InvokeError};

/// The largest request body that API Gateway takes, in bytes (HTTP API quotas: 10 MB, not to be raised). A smaller one
/// may still make an event over Lambda's own [limit](crate::invoke::PAYLOAD_LIMIT), above all when it is binary and
/// grows by a third.
pub const BODY_LIMIT: usize = 10 * 1024 * 1024;

/// How long API Gateway waits for a function, whose own time-out may be longer (HTTP API quotas: maximum integration
/// time-out, 30 s).
pub const INTEGRATION_TIMEOUT: Duration = Duration::from_secs(30);

/// The routes of the API: each a path prefix and the function behind it.
#[derive(Debug, Default)]
pub struct Routes(Vec<(String, Function)>);

/// A route in API Gateway's terms.
struct Route {
    /// The path before `{proxy+}`, with its last slash.
    prefix: String,
    function: Function,
}

impl Routes {
    /// No routes.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds `ANY {prefix}/{proxy+}`: every path below the prefix, whatever the method. The prefix itself is no part of
    /// it, as in API Gateway.
    #[must_use]
    pub fn route(mut self, prefix: &str, function: Function) -> Self {
        self.0
            .push((prefix.trim_end_matches('/').to_owned(), function));
        self
    }

    /// The routes as an [`axum::Router`], to merge with other services on the same port. What matches no route is
    /// answered with 404 `{"message":"Not Found"}`.
    pub fn into_router(self) -> Router {
        let router = self
            .0
            .into_iter()
            .fold(Router::new(), |router, (prefix, function)| {
                let path = format!("{prefix}/{{*proxy}}");
                let route = Arc::new(Route {
                    prefix: prefix + "/",
                    function,
                });
                router.route(&path, any(move |from, request| proxy(route, from, request)))
            });
        router.fallback(async || message(StatusCode::NOT_FOUND, "Not Found"))
    }
}

/// Serves a router until `shutdown` resolves, and then until the running requests have ended. The routes need to know
/// where a request comes from, which plain `axum::serve` does not give them.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    shutdown: impl Future<Output = ()> + Send + 'static,
) {
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    let server = axum::serve(listener, service).with_graceful_shutdown(shutdown);
    if let Err(error) = server.await {
        tracing::error!(%error, "the front door ended with an error");
    }
}

/// The proxy integration of one route.
async fn proxy(
    route: Arc<Route>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    let request_id = Uuid::new_v4().to_string();
    let mut response = answer_to(&route, from, request, &request_id).await;
    if let Ok(id) = HeaderValue::from_str(&request_id) {
        response.headers_mut().insert("apigw-requestid", id);
    }
    response
}

async fn answer_to(
    route: &Route,
    from: SocketAddr,
    request: Request,
    request_id: &str,
) -> Response {
    let (head, body) = request.into_parts();
    let Ok(body) = to_bytes(body, BODY_LIMIT).await else {
        tracing::warn!(
            limit_bytes = BODY_LIMIT,
            "a request is larger than API Gateway takes"
        );
        return too_large();
    };
    let clock = route.function.clock();
    let event = event::from_request(&head, &body, from, &route.prefix, request_id, clock.now());
    let invocation = route.function.invoke(event.to_string().into_bytes());
    match clock.timeout(INTEGRATION_TIMEOUT, invocation).await {
        Err(_) => {
            tracing::error!(
                function.name = route.function.name(),
                timeout_ms = INTEGRATION_TIMEOUT.as_millis(),
                "a function took longer than API Gateway waits"
            );
            message(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable")
        }
        Ok(invocation) => match invocation.answer {
            Ok(answer) => answer::into_response(&answer).unwrap_or_else(|fault| {
                tracing::error!(
                    function.name = route.function.name(),
                    fault,
                    "a function's answer is no HTTP response"
                );
                internal_server_error()
            }),
            Err(InvokeError::RequestTooLarge { .. }) => too_large(),
            Err(_) => internal_server_error(),
        },
    }
}

fn internal_server_error() -> Response {
    message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
}

fn too_large() -> Response {
    message(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large")
}

/// An error of API Gateway's own.
fn message(status: StatusCode, message: &str) -> Response {
    (
        status,
        axum::Json(serde_json::json!({ "message": message })),
    )
        .into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use axum::extract::connect_info::MockConnectInfo;
    use clock::{Clock, ManualClock};
    use futures::FutureExt;
    use lambda_runtime::{Diagnostic, LambdaEvent};
    use serde_json::{Value, json};
    use tower::{ServiceExt, service_fn};

    /// What the gateway answers with, in front of a function that gives this bare answer, or none at all.
    async fn response(answer: Option<Value>, clock: Clock) -> Response {
        let service = service_fn(move |_: LambdaEvent<Value>| {
            let answer = answer.clone();
            async move {
                match answer {
                    Some(answer) => Ok::<_, Diagnostic>(answer),
                    None => std::future::pending().await,
                }
            }
        });
        let function = Function::new("bare", INTEGRATION_TIMEOUT * 2, clock, service);
        let router = Routes::new().route("/bare/", function);
        let router = router
            .into_router()
            .layer(MockConnectInfo(SocketAddr::from(([127, 0, 0, 1], 1))));
        let request = Request::get("/bare/x").body(Body::empty()).unwrap();
        router.oneshot(request).await.unwrap()
    }

    async fn status_and_body(response: Response) -> (u16, String) {
        let status = response.status().as_u16();
        let body = to_bytes(response.into_body(), BODY_LIMIT).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn a_function_slower_than_the_gateway_is_unavailable() {
        let manual = ManualClock::new();
        let mut response = Box::pin(response(None, manual.clock()));
        assert!(response.as_mut().now_or_never().is_none());
        manual.advance(INTEGRATION_TIMEOUT - Duration::from_secs(1));
        assert!(response.as_mut().now_or_never().is_none());
        manual.advance(Duration::from_secs(1));
        let response = response.as_mut().now_or_never().unwrap();
        let unavailable = r#"{"message":"Service Unavailable"}"#;
        assert_eq!(
            status_and_body(response).await,
            (503, unavailable.to_owned())
        );
    }

    #[tokio::test]
    async fn an_answer_that_is_no_response_is_an_internal_error() {
        let internal = || (500, r#"{"message":"Internal Server Error"}"#.to_owned());
        for (answer, expected) in [
            (
                json!({"statusCode": 200, "body": "aGk=", "isBase64Encoded": true, "cookies": []}),
                (200, "hi".to_owned()),
            ),
            (
                json!({"statusCode": 200, "body": "!", "isBase64Encoded": true, "cookies": []}),
                internal(),
            ),
            (json!({"statusCode": 99, "cookies": []}), internal()),
            (json!({"statusCode": 200, "cookies": ["a\nb"]}), internal()),
            (json!("text"), internal()),
        ] {
            let clock = ManualClock::new().clock();
            let response = response(Some(answer.clone()), clock).await;
            assert_eq!(status_and_body(response).await, expected, "{answer}");
        }
    }
}
