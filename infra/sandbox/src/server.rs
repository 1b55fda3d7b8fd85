//! The router, and a server of its own for tests.

use std::io;
use std::net::SocketAddr;

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::Request;
use axum::routing::any;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::{Sandbox, api, phone};

/// A sandbox that is being served; dropping it ends the serving.
#[derive(Debug)]
pub struct Served {
    /// What `WECOM_API_BASE` is to be: `http://127.0.0.1:PORT`, without a slash at the end.
    pub base_url: String,
    task: JoinHandle<()>,
}

/// Serves a sandbox at the root of a server of its own. Port 0 takes a free one.
///
/// # Errors
///
/// When the address cannot be bound.
pub async fn serve_on(sandbox: &Sandbox, address: SocketAddr) -> io::Result<Served> {
    let listener = TcpListener::bind(address).await?;
    let base_url = format!("http://{}", listener.local_addr()?);
    let router = sandbox.router();
    let task = tokio::spawn(async move {
        // Serving ends with the task and has no other end.
        let _ = axum::serve(listener, router).await;
    });
    Ok(Served { base_url, task })
}

impl Drop for Served {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub(crate) fn router(sandbox: Sandbox) -> Router {
    let call =
        |State(sandbox): State<Sandbox>, request: Request<Body>| api::serve(sandbox, request);
    phone::routes()
        .route("/cgi-bin/{*path}", any(call))
        .fallback(call)
        .layer(DefaultBodyLimit::disable())
        .with_state(sandbox)
}
