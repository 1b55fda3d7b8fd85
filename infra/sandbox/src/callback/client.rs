//! The HTTP clients that call the callbacks.

use std::sync::OnceLock;

use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder};

/// A client for callbacks without TLS, and one with. Almost all are without, and reading the machine's certificates
/// takes 20 ms in a debug build, so that the one with TLS is made when a callback needs it.
pub(crate) struct Clients {
    plain: Client,
    encrypted: OnceLock<Client>,
}

impl Clients {
    pub(crate) fn new() -> reqwest::Result<Self> {
        Ok(Self {
            plain: builder().tls_certs_only([]).build()?,
            encrypted: OnceLock::new(),
        })
    }

    /// The client for a callback at this URL.
    pub(crate) fn for_url(&self, url: &str) -> reqwest::Result<&Client> {
        if url.starts_with("http://") {
            return Ok(&self.plain);
        }
        match self.encrypted.get() {
            Some(client) => Ok(client),
            None => self.encrypt(),
        }
    }

    fn encrypt(&self) -> reqwest::Result<&Client> {
        let client = builder().build().inspect_err(|error| {
            tracing::warn!(%error, "there is no HTTP client for a callback with TLS");
        })?;
        Ok(self.encrypted.get_or_init(|| client))
    }
}

fn builder() -> ClientBuilder {
    Client::builder().redirect(Policy::none()).no_proxy()
}

#[cfg(test)]
mod tests {
    use super::Clients;

    #[test]
    fn certificates_are_read_once_and_only_for_a_callback_with_tls() {
        let clients = Clients::new().expect("no certificates are needed");
        assert!(clients.for_url("http://127.0.0.1/").is_ok());
        assert!(clients.encrypted.get().is_none());
        let first = clients.for_url("https://127.0.0.1/").expect("a client");
        let second = clients.for_url("https://127.0.0.1/").expect("a client");
        assert!(std::ptr::eq(first, second));
    }
}
