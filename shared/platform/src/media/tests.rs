//! Sources over a real connection: what is fetched, and what is said when it cannot be.

use clock::ManualClock;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::*;
use crate::http::{self, tests::aws_at};

/// A server that answers one request with `answer`, and then returns the head of the request.
async fn serve(answer: &'static str) -> (String, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let served = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        stream.write_all(answer.as_bytes()).await.unwrap();
        String::from_utf8(head).unwrap().to_ascii_lowercase()
    });
    (url, served)
}

fn sources(endpoint: &str) -> Sources {
    let http = http::client().unwrap();
    Sources::new(http, aws_at(endpoint), ManualClock::new().clock())
}

const PICTURE: &str = "HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\npicture";

#[tokio::test]
async fn a_url_is_fetched_without_credentials() {
    let (url, served) = serve(PICTURE).await;
    let source = Source(format!("{url}/menu.png?v=2"));
    let bytes = sources(&url).fetch(&source, 7).await.unwrap();
    assert_eq!(bytes, b"picture");
    let head = served.await.unwrap();
    assert!(head.starts_with("get /menu.png?v=2 http/1.1\r\n"), "{head}");
    assert!(!head.contains("authorization"), "{head}");
}

#[tokio::test]
async fn an_object_is_fetched_with_a_signature() {
    let (url, served) = serve(PICTURE).await;
    let source = Source("s3://bucket/dir/menu.png".to_owned());
    assert_eq!(sources(&url).fetch(&source, 100).await.unwrap(), b"picture");
    let head = served.await.unwrap();
    assert!(
        head.starts_with("get /bucket/dir/menu.png http/1.1\r\n"),
        "{head}"
    );
    assert!(
        head.contains("authorization: aws4-hmac-sha256 credential=akidexample/"),
        "{head}"
    );
    assert!(head.contains("/ap-east-1/s3/aws4_request"), "{head}");
}

#[tokio::test]
async fn what_cannot_be_had_is_said_in_a_sentence() {
    let cases = [
        (
            "HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n",
            100,
            "answers with status 403",
        ),
        (PICTURE, 6, "has more than the 6 bytes that WeCom takes"),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\npic",
            100,
            "broke off",
        ),
    ];
    for (answer, limit, says) in cases {
        let (url, served) = serve(answer).await;
        let source = Source(format!("{url}/menu.png"));
        let error = sources(&url).fetch(&source, limit).await.unwrap_err();
        assert!(error.contains(says) && error.starts_with(&url), "{error}");
        served.await.unwrap();
    }
    let nobody = Source("http://127.0.0.1:1/menu.png".to_owned());
    let error = sources("http://127.0.0.1:1")
        .fetch(&nobody, 1)
        .await
        .unwrap_err();
    assert!(
        error.contains("cannot be fetched: no connection"),
        "{error}"
    );
}
