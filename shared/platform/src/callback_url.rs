//! The callback's public URL, called as WeCom's console calls it when the URL is saved.
//!
//! One such call covers all that is between WeCom and the function: DNS, certificate, HTTP API, its permission to
//! invoke the function, the function, and the Token and EncodingAESKey that it reads.

use std::time::Duration;

use clock::Clock;
use reqwest::{Client, Response, Url};
use wecom::{AppName, CallbackCrypto, CorpId};

/// How long the URL may take to answer. WeCom itself waits one second for a verification (WeCom doc 90930), which a
/// function that has just been started may exceed.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Bytes of an answer that are read. The right answer is shorter.
const ANSWER_LIMIT: usize = 4096;

/// Calls the callback's URL.
#[derive(Debug, Clone)]
pub struct CallbackUrl {
    http: Client,
    base: Option<String>,
    clock: Clock,
}

/// What a call of the callback's URL found. Later ones got further.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reached {
    /// No answer: DNS, certificate, connection, or more than five seconds.
    Nothing,
    /// An answer that the function did not write: the HTTP API is throttled, misses its route or its permission, or the
    /// function failed; or something else is at this address.
    Api {
        /// The HTTP status.
        status: u16,
    },
    /// The function refused. 404: it has no such app. 403: it has another Token. 400: another EncodingAESKey or corp.
    /// 503: it cannot read its configuration.
    Refusal {
        /// The HTTP status.
        status: u16,
    },
    /// Status 200, but not the text that was encrypted.
    OtherText,
    /// The right answer.
    Function,
}

impl Reached {
    /// The value of the metric `callback_reachable`: 1 for the right answer, else 0, −1, −2 or −3 for how far the call
    /// got.
    #[must_use]
    pub const fn value(self) -> i64 {
        match self {
            Self::Function => 1,
            Self::Nothing => 0,
            Self::Api { .. } => -1,
            Self::Refusal { .. } => -2,
            Self::OtherText => -3,
        }
    }

    /// The word of the log for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Function => "function",
            Self::Nothing => "nothing",
            Self::Api { .. } => "api",
            Self::Refusal { .. } => "refusal",
            Self::OtherText => "other_text",
        }
    }

    /// The HTTP status of an answer that was not the right one.
    #[must_use]
    pub const fn status(self) -> Option<u16> {
        match self {
            Self::Api { status } | Self::Refusal { status } => Some(status),
            Self::Function | Self::Nothing | Self::OtherText => None,
        }
    }
}

impl CallbackUrl {
    /// Calls below `base`, such as `https://scrm.example.com`, with `http`. Without a base there is nothing to check.
    pub fn new(http: Client, base: Option<String>, clock: Clock) -> Self {
        Self { http, base, clock }
    }

    /// Asks for the URL verification of an app, encrypted and signed with the keys of `crypto`. `None` if the public
    /// URL is not known.
    pub async fn verify(
        &self,
        corp: &CorpId,
        app: &AppName,
        crypto: &CallbackCrypto,
    ) -> Option<Reached> {
        let base = self.base.as_deref()?;
        let seconds = self.clock.now().as_second().to_string();
        let echo = format!("wecom-scrm checks its callback URL at {seconds}");
        let Ok(sealed) = crypto.seal(&echo, &seconds, &seconds) else {
            return Some(Reached::Nothing);
        };
        let query = [
            ("msg_signature", sealed.msg_signature.as_str()),
            ("timestamp", &sealed.timestamp),
            ("nonce", &sealed.nonce),
            ("echostr", &sealed.encrypt),
        ];
        let url = format!("{base}/callback/{corp}/{app}");
        let Ok(url) = Url::parse_with_params(&url, query) else {
            return Some(Reached::Nothing);
        };
        let asked = self.clock.timeout(TIMEOUT, self.ask(url, &echo)).await;
        Some(asked.ok().flatten().unwrap_or(Reached::Nothing))
    }

    /// What the answer is; `None` if there is none.
    async fn ask(&self, url: Url, echo: &str) -> Option<Reached> {
        let answer = self.http.get(url).send().await.ok()?;
        let status = answer.status().as_u16();
        let text = beginning(answer).await?;
        Some(match status {
            200 if text == echo.as_bytes() => Reached::Function,
            200 => Reached::OtherText,
            status if is_refusal(&text) => Reached::Refusal { status },
            status => Reached::Api { status },
        })
    }
}

async fn beginning(mut answer: Response) -> Option<Vec<u8>> {
    let mut text = Vec::new();
    while text.len() < ANSWER_LIMIT
        && let Some(chunk) = answer.chunk().await.ok()?
    {
        text.extend_from_slice(&chunk);
    }
    Some(text)
}

/// Whether a body is that of a refusal by the function: `{"error": "<code>"}`. The HTTP API's own have a `message`.
fn is_refusal(text: &[u8]) -> bool {
    let json = serde_json::from_slice::<serde_json::Value>(text);
    json.is_ok_and(|json| json["error"].is_string())
}

#[cfg(test)]
mod tests {
    use clock::ManualClock;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    const KEY: &str = "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C";

    /// Verifies against a server that gives this answer to one request.
    async fn verify(status: &str, body: &str) -> Option<Reached> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let length = body.len();
        let answer = format!(
            "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
        );
        let served = tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut request = [0; 4096];
            let length = socket.read(&mut request).await.unwrap();
            socket.write_all(answer.as_bytes()).await.unwrap();
            String::from_utf8(request[..length].to_vec()).unwrap()
        });
        let reached = verify_at(Some(base)).await;
        let request = served.await.unwrap();
        assert!(
            request.starts_with("GET /callback/ww1/contact?msg_signature="),
            "{request}"
        );
        reached
    }

    async fn verify_at(base: Option<String>) -> Option<Reached> {
        let crypto = CallbackCrypto::new("token", KEY, "ww1").unwrap();
        let http = crate::http::client().unwrap();
        let url = CallbackUrl::new(http, base, ManualClock::new().clock());
        url.verify(&CorpId::from("ww1"), &AppName::from("contact"), &crypto)
            .await
    }

    #[tokio::test]
    async fn each_step_that_fails_has_a_value_of_its_own() {
        let cases = [
            (
                "503 Service Unavailable",
                r#"{"message":"Service Unavailable"}"#,
                Reached::Api { status: 503 },
                -1,
            ),
            (
                "404 Not Found",
                r#"{"message":"Not Found"}"#,
                Reached::Api { status: 404 },
                -1,
            ),
            (
                "429 Too Many Requests",
                "",
                Reached::Api { status: 429 },
                -1,
            ),
            (
                "404 Not Found",
                r#"{"error":"unknown_app"}"#,
                Reached::Refusal { status: 404 },
                -2,
            ),
            (
                "403 Forbidden",
                r#"{"error":"bad_signature"}"#,
                Reached::Refusal { status: 403 },
                -2,
            ),
            ("200 OK", "welcome to nginx", Reached::OtherText, -3),
        ];
        for (status, body, expected, value) in cases {
            assert_eq!(
                verify(status, body).await,
                Some(expected),
                "{status} {body}"
            );
            assert_eq!(expected.value(), value);
        }
        assert_eq!(Reached::Function.value(), 1);
    }

    #[tokio::test]
    async fn without_a_server_nothing_is_reached_and_without_a_url_nothing_is_checked() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        drop(listener);
        assert_eq!(verify_at(Some(base)).await, Some(Reached::Nothing));
        assert_eq!(
            verify_at(Some("no url".to_owned())).await,
            Some(Reached::Nothing)
        );
        assert_eq!(verify_at(None).await, None);
    }
}
