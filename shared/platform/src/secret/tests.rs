//! When the secret is read, what is kept of it, and what is said when there is none.

use clock::{Clock, ManualClock};
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::http::tests::aws_at;

/// A secret that counts its readings and answers what `texts` says, the last one for ever.
struct Scripted {
    texts: Vec<&'static str>,
    readings: Arc<AtomicUsize>,
}

impl LoadSecret for Scripted {
    fn load(&self) -> BoxFuture<'_, Result<String, SecretError>> {
        let at = self
            .readings
            .fetch_add(1, Ordering::SeqCst)
            .min(self.texts.len() - 1);
        Box::pin(async move { Ok(self.texts[at].to_owned()) })
    }
}

const GOOD: &str = r#"{"admin_keys":["0123456789abcdef0123456789abcdef"],
    "corps":[{"corp_id":"ww1","apps":{"contact":{"agent_id":1,"secret":"s"}}}]}"#;
const ROTATED: &str = r#"{"admin_keys":["0123456789abcdef0123456789abcdef"],
    "corps":[{"corp_id":"ww2","apps":{"contact":{"agent_id":1,"secret":"s"}}}]}"#;

fn source(texts: Vec<&'static str>) -> (ConfigSource, Arc<AtomicUsize>) {
    source_at(texts, ManualClock::new().clock())
}

fn source_at(texts: Vec<&'static str>, clock: Clock) -> (ConfigSource, Arc<AtomicUsize>) {
    let readings = Arc::new(AtomicUsize::new(0));
    let secret = Scripted {
        texts,
        readings: Arc::clone(&readings),
    };
    (
        ConfigSource::new(Box::new(secret), Needs::Everything, clock),
        readings,
    )
}

#[tokio::test]
async fn it_is_read_once_and_kept() {
    let (source, readings) = source(vec![GOOD]);
    for _ in 0..5 {
        assert!(source.current().await.unwrap().corp("ww1").is_some());
    }
    assert_eq!(readings.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_bad_signature_reads_it_early_but_once_a_minute() {
    let (source, readings) = source(vec![GOOD, ROTATED]);
    let old = source.current().await.unwrap();
    let new = source.reread(&old).await.unwrap();
    assert!(new.corp("ww2").is_some());
    assert!(source.reread(&new).await.is_none());
    assert!(source.current().await.unwrap().corp("ww2").is_some());
    assert_eq!(readings.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn who_comes_second_with_the_old_one_gets_the_new_one_without_a_reading() {
    let (source, readings) = source(vec![GOOD, ROTATED]);
    let old = source.current().await.unwrap();
    let (first, second) = tokio::join!(source.reread(&old), source.reread(&old));
    assert!(first.is_some() && second.is_some());
    assert_eq!(readings.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_secret_that_breaks_leaves_the_last_good_one_in_use() {
    let (source, _) = source(vec![GOOD, "{"]);
    let good = source.current().await.unwrap();
    assert!(source.reread(&good).await.is_none());
    assert!(source.current().await.unwrap().corp("ww1").is_some());
}

#[tokio::test]
async fn a_secret_that_was_never_good_is_read_again_every_few_seconds_until_it_is() {
    let manual = ManualClock::new();
    let (source, readings) = source_at(vec!["", GOOD], manual.clock());
    for _ in 0..5 {
        let error = source.current().await.unwrap_err().to_string();
        assert!(error.contains("is empty"), "{error}");
    }
    assert_eq!(readings.load(Ordering::SeqCst), 1);
    manual.advance(AGAIN);
    assert!(source.current().await.is_ok());
    assert_eq!(readings.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_secret_that_could_not_be_read_is_read_by_the_next_event() {
    struct Away;
    impl LoadSecret for Away {
        fn load(&self) -> BoxFuture<'_, Result<String, SecretError>> {
            Box::pin(async { Err(SecretError::Unavailable("time-out".to_owned())) })
        }
    }
    let source = ConfigSource::new(
        Box::new(Away),
        Needs::Everything,
        ManualClock::new().clock(),
    );
    assert!(source.current().await.is_err());
    assert!(source.known.lock().await.fault.is_none());
}

#[tokio::test]
async fn a_secret_that_nobody_has_filled_says_in_one_line_what_to_do() {
    for text in ["{}", " { }\n", "", " "] {
        let error = secrets_manager(text).await.load().await.unwrap_err();
        let line = "the configuration secret scrm/config is not filled: write the configuration and run aws \
                    secretsmanager put-secret-value --secret-id scrm/config --secret-string file://config.json";
        assert_eq!(error.to_string(), line);
        assert_eq!(format!("{error:?}"), line, "as the runtime logs it");
    }
    for text in [GOOD, "[]", "{", "null", r#"{"corps":[]}"#] {
        let read = secrets_manager(text).await.load().await;
        assert_eq!(
            read.unwrap(),
            text,
            "what is wrong with it, its parser says"
        );
    }
}

/// A Secrets Manager that answers one request with a secret of this text.
async fn secrets_manager(text: &str) -> SecretsManager {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let body = json!({"Name": "scrm/config", "SecretString": text}).to_string();
    let length = body.len();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"}") {
            request.push(stream.read_u8().await.unwrap());
        }
        let head = "HTTP/1.1 200 OK\r\ncontent-type: application/x-amz-json-1.1";
        let answer = format!("{head}\r\ncontent-length: {length}\r\n\r\n{body}");
        stream.write_all(answer.as_bytes()).await.unwrap();
    });
    let aws = aws_at(&endpoint);
    let client = aws_sdk_secretsmanager::Client::new(&aws);
    SecretsManager::new(client, "scrm/config")
}

#[tokio::test]
async fn several_secrets_are_one_configuration() {
    const APPS: &str =
        r#"{"corps":[{"corp_id":"ww1","apps":{"contact":{"agent_id":1,"secret":"s"}}}]}"#;
    const ADMIN: &str = r#"{"admin_keys":["0123456789abcdef0123456789abcdef"]}"#;
    const DOCUMENTS: [(&str, &str); 3] = [
        ("arn:apps", APPS),
        ("arn:admin", ADMIN),
        ("arn:empty", "{}"),
    ];
    let read = async |ids: &str, needs| {
        let secret = SecretsManager::new(client_of(&DOCUMENTS).await, ids);
        let source = ConfigSource::new(Box::new(secret), needs, ManualClock::new().clock());
        source.current().await
    };
    let whole = read("arn:apps, arn:admin", Needs::Everything)
        .await
        .unwrap();
    assert!(whole.is_admin_key("0123456789abcdef0123456789abcdef"));
    assert!(whole.corp("ww1").is_some());
    assert!(read("arn:apps", Needs::Calls).await.is_ok());
    let error = read("arn:apps", Needs::Everything)
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("admin_keys: is missing"), "{error}");
    let error = read("arn:apps,arn:apps", Needs::Calls)
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("corps[0].apps.contact.secret: is in arn:apps and in another secret"),
        "{error}"
    );
    let error = read("arn:apps,arn:empty", Needs::Calls).await.unwrap_err();
    assert!(matches!(error, SecretError::NotFilled { id } if id == "arn:empty"));
    let error = read("arn:apps,arn:nobody", Needs::Calls).await.unwrap_err();
    assert!(
        matches!(&error, SecretError::Unavailable(reason) if reason.starts_with("arn:nobody: ")),
        "{error}"
    );
}

/// A Secrets Manager that holds these secrets, by id.
async fn client_of(documents: &'static [(&str, &str)]) -> aws_sdk_secretsmanager::Client {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut request = Vec::new();
                while !request.ends_with(b"}") {
                    request.push(stream.read_u8().await.unwrap());
                }
                let request = String::from_utf8(request).unwrap();
                let found = documents
                    .iter()
                    .find(|(id, _)| request.contains(&format!("\"{id}\"")));
                let (status, body) = match found {
                    Some((_, text)) => ("200 OK", json!({"SecretString": text})),
                    None => (
                        "400 Bad Request",
                        json!({"__type": "ResourceNotFoundException"}),
                    ),
                };
                let (body, head) = (
                    body.to_string(),
                    "content-type: application/x-amz-json-1.1\r\nconnection: close",
                );
                let length = body.len();
                let answer = format!(
                    "HTTP/1.1 {status}\r\n{head}\r\ncontent-length: {length}\r\n\r\n{body}"
                );
                stream.write_all(answer.as_bytes()).await.unwrap();
            });
        }
    });
    aws_sdk_secretsmanager::Client::new(&aws_at(&endpoint))
}
