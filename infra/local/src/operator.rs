//! An operator at the admin API, over HTTP like any other.

use reqwest::{Client, Method, RequestBuilder};
use serde_json::Value;

/// Calls the admin API about one corp.
#[derive(Clone)]
pub struct Operator {
    http: Client,
    base: String,
    key: String,
}

/// Sends the sync what its schedules send.
#[derive(Clone)]
pub struct Schedules {
    http: Client,
    base: String,
}

/// A client for the front door, or for anything else that is served over plain HTTP. Clones share its connections.
///
/// It trusts no certificate authority: to read those of the machine takes long, and plain HTTP needs none. Proxies of
/// the environment are not used.
#[must_use]
pub fn http_client() -> Client {
    let built = Client::builder().no_proxy().tls_certs_only([]).build();
    // This fails only where no client can be made at all. The default one panics then, as `Client::new` does.
    built.unwrap_or_default()
}

impl Schedules {
    /// Sends it through `front_door`, with a client of its own.
    #[must_use]
    pub fn new(front_door: &str) -> Self {
        Self::with_client(http_client(), front_door)
    }

    /// Sends it through `front_door` with a client that others may have clones of.
    #[must_use]
    pub fn with_client(http: Client, front_door: &str) -> Self {
        Self {
            http,
            base: format!("{front_door}/schedule"),
        }
    }

    /// `tick` or `reconcile`, and what the function answers.
    ///
    /// # Errors
    /// If no answer came, or one that is not JSON.
    pub async fn send(&self, task: &str) -> Result<Answer, String> {
        let request = self.http.post(format!("{}/{task}", self.base));
        answer(request).await
    }
}

/// A status and the JSON that came with it; null for an empty body.
pub type Answer = (u16, Value);

impl Operator {
    /// Calls the API behind `front_door`, which is plain HTTP, about `corp`, with an admin key and a client of its own.
    #[must_use]
    pub fn new(front_door: &str, corp: &str, key: &str) -> Self {
        Self::with_client(http_client(), front_door, corp, key)
    }

    /// The same with a client that others may have clones of, such as [`http_client`].
    #[must_use]
    pub fn with_client(http: Client, front_door: &str, corp: &str, key: &str) -> Self {
        let base = format!("{front_door}/admin/corps/{corp}");
        Self {
            http,
            base,
            key: key.to_owned(),
        }
    }

    /// `GET path`.
    ///
    /// # Errors
    /// If no answer came, or one that is not JSON.
    pub async fn get(&self, path: &str) -> Result<Answer, String> {
        self.call(Method::GET, path, None).await
    }

    /// `POST path` with a body.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub async fn post(&self, path: &str, body: &Value) -> Result<Answer, String> {
        self.call(Method::POST, path, Some(body)).await
    }

    /// `PUT path` with a body.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub async fn put(&self, path: &str, body: &Value) -> Result<Answer, String> {
        self.call(Method::PUT, path, Some(body)).await
    }

    /// `PATCH path` with a body.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub async fn patch(&self, path: &str, body: &Value) -> Result<Answer, String> {
        self.call(Method::PATCH, path, Some(body)).await
    }

    /// `DELETE path`.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub async fn delete(&self, path: &str) -> Result<Answer, String> {
        self.call(Method::DELETE, path, None).await
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Answer, String> {
        let mut request = self
            .http
            .request(method, format!("{}/{path}", self.base))
            .bearer_auth(&self.key);
        if let Some(body) = body {
            request = request
                .header("content-type", "application/json")
                .body(body.to_string());
        }
        answer(request).await
    }
}

async fn answer(request: RequestBuilder) -> Result<Answer, String> {
    let said = |error: reqwest::Error| error.without_url().to_string();
    let answer = request.send().await.map_err(said)?;
    let status = answer.status().as_u16();
    let text = answer.text().await.map_err(said)?;
    if text.is_empty() {
        return Ok((status, Value::Null));
    }
    let value = serde_json::from_str(&text)
        .map_err(|_| format!("the answer is not JSON (status {status})"))?;
    Ok((status, value))
}
