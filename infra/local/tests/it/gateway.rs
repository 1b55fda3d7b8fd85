//! Requests through the front door to functions that are plain `lambda_http` services.

use std::time::Duration;

use clock::{ManualClock, START, Wait};
use lambda_http::{Body, Request, RequestExt, Response};
use lambda_runtime::Diagnostic;
use reqwest::header::SET_COOKIE;
use reqwest::{Client, RequestBuilder};
use scrm_local::gateway::{BODY_LIMIT, Routes, serve};
use scrm_local::invoke::{Function, PAYLOAD_LIMIT};
use scrm_local::operator::http_client;
use scrm_local::start::Listeners;
use serde_json::{Value, json};
use tower::service_fn;

use crate::patience::until;

type Answer = Result<Response<Body>, Diagnostic>;

/// The time-outs of the functions.
const PATIENT: Duration = Duration::from_secs(20);
const HASTY: Duration = Duration::from_secs(1);

/// A front door with `/echo`, `/act` and, with a short time-out, `/hasty`.
struct FrontDoor {
    url: String,
    http: Client,
    clock: ManualClock,
}

impl FrontDoor {
    async fn open() -> Self {
        let listeners = Listeners::bind(0).await.unwrap();
        let url = listeners.gateway.url.clone();
        let clock = ManualClock::new();
        let act = |name, timeout| Function::http(name, timeout, clock.clock(), service_fn(act));
        let echo = Function::http("echo", PATIENT, clock.clock(), service_fn(echo));
        let routes = Routes::new()
            .route("/echo", echo)
            .route("/act", act("act", PATIENT))
            .route("/hasty", act("hasty", HASTY));
        let forever = std::future::pending();
        let socket = listeners.gateway.socket;
        tokio::spawn(serve(socket, routes.into_router(), forever));
        Self {
            url,
            http: http_client(),
            clock,
        }
    }

    fn get(&self, path: &str) -> RequestBuilder {
        self.http.get(format!("{}{path}", self.url))
    }

    fn post(&self, path: &str) -> RequestBuilder {
        self.http.post(format!("{}{path}", self.url))
    }
}

/// Answers with what the function saw of the request.
async fn echo(request: Request) -> Answer {
    let context = serde_json::to_value(request.request_context()).unwrap();
    let headers: Value = request
        .headers()
        .iter()
        .map(|(name, value)| (name.to_string(), json!(value.to_str().unwrap())))
        .collect::<serde_json::Map<_, _>>()
        .into();
    let seen = json!({
        "method": request.method().as_str(),
        "path": request.raw_http_path(),
        "query": request.uri().query(),
        "sig": request.query_string_parameters().first("sig"),
        "proxy": request.path_parameters().first("proxy"),
        "headers": headers,
        "context": context,
        "deadline": request.lambda_context().deadline,
        "text": matches!(request.body(), Body::Text(_)),
        "body": request.body().as_ref(),
    });
    Ok(Response::new(Body::Text(seen.to_string())))
}

/// Does what the end of the path says.
async fn act(request: Request) -> Answer {
    let name = request
        .path_parameters()
        .first("proxy")
        .unwrap_or_default()
        .to_owned();
    match name.as_str() {
        "binary" => Ok(Response::builder()
            .header("content-type", "image/png")
            .body(Body::Binary(vec![0, 159, 146, 150]))
            .unwrap()),
        "status" => Ok(Response::builder()
            .status(403)
            .header("content-type", "application/json")
            .header("set-cookie", "a=1; Path=/")
            .header("set-cookie", "b=2")
            .body(Body::Text("{}".to_owned()))
            .unwrap()),
        "empty" => Ok(Response::new(Body::Empty)),
        "error" => Err(Diagnostic::from("refused")),
        "panic" => panic!("a panic that the test asked for"),
        "hang" => std::future::pending().await,
        "large" => Ok(Response::new(Body::Text("x".repeat(PAYLOAD_LIMIT + 1)))),
        _ => Ok(Response::new(Body::Text(name))),
    }
}

async fn post(path: &str, content_type: &str, body: Vec<u8>) -> Value {
    let front_door = FrontDoor::open().await;
    let request = front_door.post(path).header("content-type", content_type);
    let answer = request.body(body).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    serde_json::from_str(&answer.text().await.unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_sees_the_request_as_api_gateway_passes_it() {
    let path = "/echo/ww1/contact?sig=a%2Bb%2Fc%3D&x=1";
    let seen = post(path, "text/xml", b"<xml/>".to_vec()).await;
    assert_eq!(seen["method"], "POST");
    assert_eq!(seen["path"], "/echo/ww1/contact");
    assert_eq!(seen["query"], "sig=a%2Bb%2Fc%3D&x=1");
    assert_eq!(seen["sig"], "a+b/c=");
    assert_eq!(seen["proxy"], "ww1/contact");
    assert_eq!(seen["body"], json!(b"<xml/>"));
    let now = START.as_millisecond();
    assert_eq!(seen["deadline"], now + 20_000);
    let context = &seen["context"];
    assert_eq!(context["stage"], "$default");
    assert_eq!(context["routeKey"], "ANY /echo/{proxy+}");
    assert_eq!(context["http"]["sourceIp"], "127.0.0.1");
    assert_eq!(context["http"]["method"], "POST");
    assert_eq!(context["timeEpoch"], now);
    assert_eq!(context["time"], "16/Jun/2100:04:00:00 +0000");
    assert_eq!(seen["headers"]["x-forwarded-for"], "127.0.0.1");
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_arrive_byte_for_byte_whatever_their_type() {
    let binary = vec![0_u8, 255, 254, 10, 13, 0];
    for (content_type, body, text) in [
        ("application/json", b"{\"a\": \"\\u00e9\"}".to_vec(), true),
        (
            "application/soap+xml; charset=utf-8",
            b"<a/>".to_vec(),
            true,
        ),
        ("text/plain", binary.clone(), false),
        ("application/octet-stream", binary, false),
        ("application/x-www-form-urlencoded", b"a=b".to_vec(), false),
    ] {
        let seen = post("/echo/x", content_type, body.clone()).await;
        assert_eq!(seen["body"], json!(body), "{content_type}");
        assert_eq!(seen["text"], text, "{content_type}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn cookies_and_repeated_headers_are_joined() {
    let front_door = FrontDoor::open().await;
    let request = front_door
        .get("/echo/x")
        .header("cookie", "a=1; b=2")
        .header("x-tag", "one")
        .header("x-tag", "two");
    let seen: Value =
        serde_json::from_str(&request.send().await.unwrap().text().await.unwrap()).unwrap();
    assert_eq!(seen["headers"]["cookie"], "a=1; b=2");
    assert_eq!(seen["headers"]["x-tag"], "one,two");
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_come_back_as_the_function_gave_them() {
    let front_door = FrontDoor::open().await;
    let get = async |path: &str| front_door.get(path).send().await.unwrap();
    let status = get("/act/status").await;
    assert_eq!(status.status(), 403);
    assert_eq!(status.headers()["content-type"], "application/json");
    let cookies: Vec<_> = status.headers().get_all(SET_COOKIE).iter().collect();
    assert_eq!(cookies, ["a=1; Path=/", "b=2"]);
    assert_eq!(status.headers()["apigw-requestid"].len(), 36);
    assert_eq!(status.text().await.unwrap(), "{}");
    let binary = get("/act/binary").await;
    assert_eq!(binary.bytes().await.unwrap().as_ref(), [0, 159, 146, 150]);
    let empty = get("/act/empty").await;
    assert_eq!(
        (empty.status().as_u16(), empty.text().await.unwrap()),
        (200, String::new())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_are_answered_as_api_gateway_answers_them() {
    let front_door = FrontDoor::open().await;
    for (path, status, message) in [
        ("/act/error", 500, "Internal Server Error"),
        ("/act/panic", 500, "Internal Server Error"),
        ("/act/large", 500, "Internal Server Error"),
        ("/act", 404, "Not Found"),
        ("/act/", 404, "Not Found"),
        ("/action/x", 404, "Not Found"),
        ("/", 404, "Not Found"),
    ] {
        let answer = front_door.get(path).send().await.unwrap();
        assert_eq!(answer.status(), status, "{path}");
        assert_eq!(
            answer.text().await.unwrap(),
            json!({ "message": message }).to_string(),
            "{path}"
        );
    }
    // The route still works.
    let fine = front_door.get("/act/fine").send().await.unwrap();
    assert_eq!(fine.text().await.unwrap(), "fine");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_that_times_out_is_an_internal_error() {
    let front_door = FrontDoor::open().await;
    let hung = front_door.get("/hasty/hang").send();
    let time_out = async {
        // Those of the function and of the gateway.
        let clock = &front_door.clock;
        until("both deadlines run", || clock.waiting(Wait::Deadline) == 2).await;
        clock.advance(HASTY);
    };
    let (answer, ()) = tokio::join!(hung, time_out);
    let answer = answer.unwrap();
    assert_eq!(answer.status(), 500);
    assert_eq!(
        answer.text().await.unwrap(),
        r#"{"message":"Internal Server Error"}"#
    );
    let fine = front_door.get("/hasty/fine").send().await.unwrap();
    assert_eq!(fine.text().await.unwrap(), "fine");
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_over_the_limits_of_gateway_and_function_are_refused() {
    let front_door = FrontDoor::open().await;
    for (bytes, status) in [
        (1_000_000, 200),
        (PAYLOAD_LIMIT, 413),
        (BODY_LIMIT + 1, 413),
    ] {
        let request = front_door
            .post("/act/fine")
            .header("content-type", "text/plain");
        let answer = request.body("x".repeat(bytes)).send().await.unwrap();
        assert_eq!(answer.status(), status, "{bytes} bytes");
    }
}
