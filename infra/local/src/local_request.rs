//! Whether an HTTP request comes from this machine: from a program here, and neither through a proxy nor from a web
//! page.
//!
//! A reverse proxy on the same machine connects from 127.0.0.1 as well, and so does a browser here that shows a page
//! from elsewhere. What they add to a request is the only difference. Nothing else is taken from these headers: whoever
//! sends a request can write into them what they like.

use std::net::SocketAddr;

use axum::http::header::{FORWARDED, HOST, ORIGIN, VIA};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, Uri};

/// Headers that proxies add (RFC 7239, RFC 9110 section 7.6.3, and those without a standard).
const ADDED_BY_PROXIES: [HeaderName; 6] = [
    FORWARDED,
    VIA,
    HeaderName::from_static("x-forwarded-for"),
    HeaderName::from_static("x-forwarded-host"),
    HeaderName::from_static("x-forwarded-proto"),
    HeaderName::from_static("x-real-ip"),
];

/// Whether the connection is from this machine, no proxy forwarded the request, it is addressed to this machine by the
/// `Host` header, and no page of another site sent it.
pub(crate) fn is_local(peer: SocketAddr, headers: &HeaderMap) -> bool {
    let forwarded = ADDED_BY_PROXIES
        .iter()
        .any(|name| headers.contains_key(name));
    let addressed = headers.get(HOST).is_some_and(|host| {
        let host = host.to_str().ok().and_then(|host| host.parse().ok());
        host.is_some_and(|host: Authority| is_local_host(host.host()))
    });
    // Browsers send it with each request that is not a plain GET; "null" is a page without an address.
    let from_a_page = headers.get(ORIGIN).is_some_and(|origin| {
        let origin = origin.to_str().ok().and_then(|origin| origin.parse().ok());
        !origin.is_some_and(|origin: Uri| origin.host().is_some_and(is_local_host))
    });
    peer.ip().is_loopback() && addressed && !forwarded && !from_a_page
}

fn is_local_host(host: &str) -> bool {
    matches!(host, "127.0.0.1" | "[::1]") || host.eq_ignore_ascii_case("localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_local_with(peer: [u8; 4], headers: &[(&'static str, &'static str)]) -> bool {
        let headers = headers.iter().map(|(name, value)| {
            (
                HeaderName::from_static(name),
                value.parse().expect("a header value"),
            )
        });
        is_local((peer, 50_000).into(), &headers.collect())
    }

    #[test]
    fn programs_on_this_machine_are_local() {
        for host in [
            "127.0.0.1:9080",
            "localhost:9080",
            "LocalHost",
            "[::1]:9080",
        ] {
            assert!(is_local_with([127, 0, 0, 1], &[("host", host)]), "{host}");
        }
        let page_from_here = [("host", "localhost"), ("origin", "http://127.0.0.1:9080")];
        assert!(is_local_with([127, 0, 0, 1], &page_from_here));
    }

    #[test]
    fn other_machines_proxies_and_pages_are_not() {
        let here = ("host", "127.0.0.1:9080");
        assert!(!is_local_with([192, 0, 2, 1], &[here]));
        assert!(!is_local_with([127, 0, 0, 1], &[]));
        for host in ["scrm.example.com", "127.0.0.1.example.com", "a@b@c", ""] {
            assert!(!is_local_with([127, 0, 0, 1], &[("host", host)]), "{host}");
        }
        for added in [
            ("forwarded", "for=127.0.0.1"),
            ("via", "1.1 proxy"),
            ("x-forwarded-for", "127.0.0.1"),
            ("x-forwarded-host", "localhost"),
            ("x-forwarded-proto", "https"),
            ("x-real-ip", "127.0.0.1"),
            ("origin", "https://example.com"),
            ("origin", "null"),
        ] {
            assert!(!is_local_with([127, 0, 0, 1], &[here, added]), "{added:?}");
        }
    }
}
