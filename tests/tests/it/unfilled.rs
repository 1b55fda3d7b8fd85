//! A deployment whose secret nobody has filled: every function says so in one line, and nothing is lost.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use callback::Callback;
use domain::outcome::{TagsResult, WelcomeResult};
use domain::ports::{ContactRecord, ReadContact};
use scrm_local::config::DEMO_CORP;
use scrm_local::functions::{
    admin_function, callback_function, sync_function, tagging_function, welcome_function,
};
use scrm_local::invoke::{Function, InvokeError};
use serde_json::{Value, json};
use sync::Pace;
use wecom::{CorpId, ExternalUserId};
use wecom_sandbox::Scan;

use crate::apart::Apart;
use crate::dying::Fate;
use crate::outside::Outside;
use crate::world::PATIENCE;

/// An address of nobody: what would use the tables would be told so in the log.
const NO_TABLES: &str = "http://127.0.0.1:9";

/// What is logged on this thread.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn take(&self) -> String {
        String::from_utf8(std::mem::take(&mut *self.0.lock().unwrap())).unwrap()
    }
}

/// A request as the HTTP API hands it on.
fn request(method: &str, path: &str) -> Value {
    json!({
        "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": "",
        "headers": {"authorization": "Bearer none"}, "isBase64Encoded": false,
        "requestContext": {
            "accountId": "000000000000", "apiId": "local", "domainName": "localhost", "domainPrefix": "",
            "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": ""},
            "requestId": "1", "routeKey": "$default", "stage": "$default",
            "time": "25/Nov/2026:12:00:00 +0000", "timeEpoch": 1_795_579_200_000_i64,
        },
    })
}

#[tokio::test]
async fn every_function_says_in_one_line_that_the_secret_is_not_filled() {
    let outside = Outside::new(&["contact"]).await;
    outside.fill(false);
    let log = Log::default();
    let written = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_writer(move || written.clone())
        .finish();
    let _here = tracing::subscriber::set_default(subscriber);
    let platform = |name| outside.platform(NO_TABLES, name);
    let (callback, welcome, tagging) = (
        platform("callback"),
        platform("welcome"),
        platform("tagging"),
    );
    // What the mains do during init meets it first, and leaves it to the event.
    let ahead = Callback::new(
        Arc::clone(&callback.config),
        callback.store.clone(),
        callback.metrics.clone(),
    );
    ahead.load_config().await;
    welcome.wecom.warm_up().await;
    tagging.wecom.warm_up().await;
    assert_eq!(log.take(), "");
    let event = request("POST", &format!("/callback/{DEMO_CORP}/contact"));
    let call = request("GET", &format!("/admin/corps/{DEMO_CORP}/channels"));
    let batch = json!({"Records": []});
    let functions = [
        (
            callback_function(callback),
            event,
            Some((503, "not_configured")),
        ),
        (
            admin_function(platform("admin")),
            call,
            Some((502, "not_configured")),
        ),
        (welcome_function(&welcome), batch.clone(), None),
        (tagging_function(&tagging), batch, None),
        (
            sync_function(platform("sync"), Pace::default()),
            json!({"task": "tick"}),
            None,
        ),
    ];
    for (function, event, answered) in functions {
        for _ in 0..2 {
            let answer = meets(&function, &event).await;
            assert_eq!(
                answer.as_ref().map(|(status, body)| {
                    // Who has shown no key is not told how the secret is called.
                    assert!(!body.contains("scrm/config"), "{body}");
                    let body: Value = serde_json::from_str(body).unwrap();
                    (*status, body["error"].clone())
                }),
                answered.map(|(status, word)| (status, json!(word))),
                "{}",
                function.name()
            );
            let lines = log.take();
            assert_eq!(lines.lines().count(), 1, "{}: {lines}", function.name());
            let told = "the configuration secret scrm/config is not filled: write the configuration and run aws \
                        secretsmanager put-secret-value --secret-id scrm/config --secret-string file://config.json";
            assert!(lines.contains(told), "{}: {lines}", function.name());
        }
    }
}

/// The status and body of an HTTP answer; none if the function ended with the error, which Lambda counts and tries
/// again.
async fn meets(function: &Function, event: &Value) -> Option<(u64, String)> {
    match function.invoke(event.to_string().into_bytes()).await.answer {
        Ok(answer) => {
            let answer: Value = serde_json::from_slice(&answer).unwrap();
            let body = answer["body"].as_str().unwrap().to_owned();
            Some((answer["statusCode"].as_u64().unwrap(), body))
        }
        Err(InvokeError::Failed { .. }) => None,
        Err(other) => panic!("{other}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stream_holds_until_the_secret_is_filled_and_then_nobody_is_missed() {
    let outside = Outside::new(&["contact"]).await;
    let tags = outside
        .corp
        .console_creates_tags("来源", &["展会"])
        .unwrap();
    let state = {
        let world = outside.world().await;
        let fields = json!({"welcome": {"text": "hi"}, "tag_ids": tags.tag_ids});
        world.channel(fields).await.id
    };
    let apart = Apart::new(&outside).await;
    let scanned = outside.corp.scan(&state, &Scan::default()).unwrap();
    outside.wecom.settled(PATIENCE).await.unwrap();
    outside.fill(false);
    let fate = Fate::none();
    let (mut welcome, mut tagging) = (apart.welcome(&fate).await, apart.tagging(&fate).await);
    welcome.was_given(2).await;
    tagging.was_given(2).await;
    let store = apart.platform("admin").store;
    let (corp, customer) = (
        CorpId::from(DEMO_CORP),
        ExternalUserId::from(scanned.external_userid),
    );
    let record = async || store.contact(&corp, &customer).await.unwrap();
    let ContactRecord {
        relations,
        welcomes,
        tags,
        ..
    } = record().await;
    assert!(relations.is_empty() && welcomes.is_empty() && tags.is_empty());
    assert_eq!(outside.wecom.calls_of("mark_tag").len(), 0);

    outside.fill(true);
    let end = Instant::now() + PATIENCE;
    loop {
        let ContactRecord { welcomes, tags, .. } = record().await;
        if let ([(_, welcome)], [(_, tags)]) = (&*welcomes, &*tags) {
            assert_eq!(welcome.outcome, WelcomeResult::Sent);
            assert_eq!(tags.outcome, TagsResult::Tagged);
            return;
        }
        assert!(Instant::now() < end, "{welcomes:?} {tags:?}");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}
