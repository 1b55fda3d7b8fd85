//! What can happen on the way, and that no error reveals a secret.

use super::sandbox::{Reply, SECRET, Sandbox, code};
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use wecom::{Class, Client, Error, UserId, WelcomeCode, WelcomeMessage};

async fn call(client: &Client) -> Error {
    client.get_user(&UserId::new("li")).await.unwrap_err()
}

#[track_caller]
fn check_silent(error: &Error) {
    let text = format!("{error} {error:?}");
    for secret in [SECRET, "TOKEN", "127.0.0.1:", "http:"] {
        assert!(!text.contains(secret), "{text}");
    }
}

#[tokio::test]
async fn no_connection_means_not_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut wecom = Sandbox::start().await;
    wecom.url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = call(&wecom.client()).await;
    assert!(
        matches!(
            error,
            Error::Unreachable {
                sent: false,
                api: "gettoken",
                ..
            }
        ),
        "{error:?}"
    );
    assert_eq!(error.class(), Class::Retry);
    check_silent(&error);
}

#[tokio::test]
async fn an_address_that_is_none_is_an_error_and_not_a_panic() {
    let mut wecom = Sandbox::start().await;
    wecom.url = "not an address".to_owned();
    let error = call(&wecom.client()).await;
    assert!(
        matches!(error, Error::Unreachable { sent: false, .. }),
        "{error:?}"
    );
}

#[tokio::test]
async fn silence_and_broken_connections_may_have_been_received() {
    let wecom = Sandbox::start().await;
    wecom.always("user/get", Reply::Hang);
    let client = wecom
        .builder()
        .call_timeout(Duration::from_millis(300))
        .build()
        .unwrap();
    let (error, ()) = tokio::join!(call(&client), async {
        wecom.until("user/get", 1).await;
        wecom.clock.advance(Duration::from_millis(300));
    });
    assert!(
        matches!(error, Error::Unreachable { sent: true, .. }),
        "{error:?}"
    );
    assert!(error.to_string().contains("timed out"), "{error}");
    check_silent(&error);

    wecom.always("user/get", Reply::Status(502, "<html>bad gateway</html>"));
    let error = call(&client).await;
    assert!(
        matches!(error, Error::Unreachable { sent: true, .. }),
        "{error:?}"
    );
    check_silent(&error);
}

#[tokio::test]
async fn a_connection_that_is_dropped_after_the_request_may_have_been_received() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut wecom = Sandbox::start().await;
    wecom.url = format!("http://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        let (mut connection, _) = listener.accept().await.unwrap();
        connection.read(&mut [0; 1024]).await.unwrap()
    });
    let error = call(&wecom.client()).await;
    assert!(server.await.unwrap() > 0);
    assert!(
        matches!(error, Error::Unreachable { sent: true, .. }),
        "{error:?}"
    );
    check_silent(&error);
}

#[tokio::test]
async fn a_refusal_tells_the_hint_and_no_secret() {
    let wecom = Sandbox::start().await;
    wecom.always("user/get", code(60111));
    let error = call(&wecom.client()).await;
    assert_eq!(
        (error.code(), error.class()),
        (Some(60111.into()), Class::Configuration)
    );
    assert!(
        error.to_string().contains("hint: [1], from ip: 127.0.0.1"),
        "{error}"
    );
    let unknown = wecom.builder_with_secret(SECRET).build().unwrap();
    wecom.always("gettoken", code(40001));
    check_silent(&call(&unknown).await);
}

#[tokio::test]
async fn redirects_are_not_followed_with_the_token() {
    let wecom = Sandbox::start().await;
    wecom.always("user/get", Reply::Status(302, ""));
    let error = call(&wecom.client()).await;
    assert!(matches!(error, Error::Unreadable { .. }), "{error:?}");
}

#[tokio::test]
async fn a_partly_read_request_is_not_a_success() {
    let wecom = Sandbox::start().await;
    let partly = r#"{"errcode":0,"errmsg":"ok. Warning: wrong json format. "}"#;
    wecom.always(
        "externalcontact/send_welcome_msg",
        Reply::Status(200, partly),
    );
    let (code, message) = (WelcomeCode::new("CODE"), WelcomeMessage::text("hi"));
    let error = wecom
        .client()
        .send_welcome_msg(&code, &message)
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Unreadable { .. }), "{error:?}");
    assert!(!format!("{error:?}").contains("CODE"));
}

#[tokio::test]
async fn debug_of_a_client_tells_whose_it_is_and_no_secret() {
    let wecom = Sandbox::start().await;
    let client = wecom.client();
    client.warm_up().await.unwrap();
    let shown = format!("{client:?} {:?}", wecom.builder());
    assert!(
        shown.contains("ww1") && !shown.contains(SECRET) && !shown.contains("TOKEN"),
        "{shown}"
    );
}
