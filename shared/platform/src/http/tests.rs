//! The AWS SDK over a real connection of the one client: what it sends and reads, and what it tries again.

use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Region};
use aws_sdk_secretsmanager::config::retry::RetryConfig;
use aws_sdk_secretsmanager::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_types::SdkConfig;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::ServerConfig;
use rustls::pki_types::PrivatePkcs8KeyDer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use super::*;

/// AWS at `endpoint`, for tests.
pub(crate) fn aws_at(endpoint: &str) -> SdkConfig {
    let credentials = Credentials::new("AKIDEXAMPLE", "secret", None, None, "test");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("ap-east-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .endpoint_url(endpoint)
        .http_client(AwsHttp::new().unwrap())
        .build()
}

/// What a server does with one connection: reads a request and answers it, or closes without a word.
#[derive(Clone, Copy)]
enum Turn {
    Answer(&'static str),
    Close,
}

const SECRET: Turn = Turn::Answer(
    "HTTP/1.1 200 OK\r\ncontent-type: application/x-amz-json-1.1\r\ncontent-length: 20\r\n\r\n{\"SecretString\":\"s\"}",
);
const REFUSED: Turn = Turn::Answer(
    "HTTP/1.1 400 Bad Request\r\nx-amzn-errortype: AccessDeniedException\r\ncontent-length: 2\r\n\r\n{}",
);

/// A server that takes a turn for each connection, and then returns the requests it read.
async fn server(turns: Vec<Turn>) -> (String, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let served = tokio::spawn(async move {
        let mut requests = Vec::new();
        for turn in turns {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"}") {
                request.push(stream.read_u8().await.unwrap());
            }
            if let Turn::Answer(answer) = turn {
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
            requests.push(String::from_utf8(request).unwrap());
        }
        requests
    });
    (url, served)
}

fn secrets_manager(aws: &SdkConfig) -> aws_sdk_secretsmanager::Client {
    let at_once = RetryConfig::standard().with_initial_backoff(Duration::from_millis(1));
    let config = aws_sdk_secretsmanager::config::Builder::from(aws).retry_config(at_once);
    aws_sdk_secretsmanager::Client::from_conf(config.build())
}

#[tokio::test]
async fn a_request_is_sent_whole_and_its_answer_read_whole() {
    let (url, served) = server(vec![SECRET]).await;
    let client = secrets_manager(&aws_at(&url));
    let secret = client.get_secret_value().secret_id("scrm").send().await;
    assert_eq!(secret.unwrap().secret_string(), Some("s"));
    let request = served.await.unwrap().remove(0);
    for part in [
        "POST / HTTP/1.1\r\n",
        "x-amz-target: secretsmanager.GetSecretValue\r\n",
        "authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/",
        "\r\n\r\n{\"SecretId\":\"scrm\"}",
    ] {
        assert!(request.contains(part), "{part} is not in {request}");
    }
}

#[tokio::test]
async fn a_refusal_says_its_code() {
    let (url, _served) = server(vec![REFUSED]).await;
    let client = secrets_manager(&aws_at(&url));
    let refused = client.get_secret_value().secret_id("scrm").send().await;
    let error = refused.unwrap_err();
    assert_eq!(error.code(), Some("AccessDeniedException"));
}

#[tokio::test]
async fn a_connection_that_breaks_is_tried_again() {
    let (url, served) = server(vec![Turn::Close, SECRET]).await;
    let client = secrets_manager(&aws_at(&url));
    let secret = client.get_secret_value().secret_id("scrm").send().await;
    assert_eq!(secret.unwrap().secret_string(), Some("s"));
    assert_eq!(served.await.unwrap().len(), 2);
}

#[tokio::test]
async fn nobody_there_is_told_as_a_failure_to_reach_aws() {
    let client = secrets_manager(&aws_at("http://127.0.0.1:1"));
    let failed = client.get_secret_value().secret_id("scrm").send().await;
    let error = failed.unwrap_err();
    assert!(
        matches!(&error, SdkError::DispatchFailure(failure) if failure.is_io()),
        "{}",
        DisplayErrorContext(&error)
    );
}

#[tokio::test]
async fn a_try_that_takes_too_long_ends() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let attempt = TimeoutConfig::builder().operation_attempt_timeout(Duration::from_millis(20));
    let aws = aws_at(&url).into_builder();
    let aws = aws.timeout_config(attempt.build()).build();
    let silent = secrets_manager(&aws)
        .get_secret_value()
        .secret_id("scrm")
        .send();
    let error = silent.await.unwrap_err();
    assert!(
        matches!(error, SdkError::TimeoutError(_)),
        "{}",
        DisplayErrorContext(&error)
    );
}

#[tokio::test]
async fn a_certificate_counts_only_if_a_trusted_root_vouches_for_it() {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivatePkcs8KeyDer::from(signing_key.serialize_der());
    let provider = Arc::new(aws_lc_rs::default_provider());
    let tls = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key.into())
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!(
        "https://localhost:{}",
        listener.local_addr().unwrap().port()
    );
    tokio::spawn(async move {
        let tls = TlsAcceptor::from(Arc::new(tls));
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = tls.accept(stream).await else {
                continue;
            };
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
            stream.write_all(answer).await.unwrap();
        }
    });
    let mut roots = RootCertStore::empty();
    roots.add(cert.der().clone()).unwrap();
    let known = AwsHttp::over(trusting(roots).unwrap());
    let request = || HttpRequest::get(&url).unwrap();
    assert!(known.call(request()).await.unwrap().status().is_success());

    let stranger = AwsHttp::new().unwrap().call(request()).await.unwrap_err();
    let chain = format!("{stranger:?}");
    assert!(chain.contains("UnknownIssuer"), "{chain}");
    let stranger = client().unwrap().get(&url).send().await.unwrap_err();
    let chain = format!("{stranger:?}");
    assert!(chain.contains("UnknownIssuer"), "{chain}");
}
