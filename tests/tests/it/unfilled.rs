//! A deployment whose secret is not filled yet: every function logs one line about it, and no event is lost.

use std::cell::RefCell;
use std::io::{self, Write};
use std::sync::Once;

use callback::Callback;
use domain::contact::ContactRecord;
use domain::outcome::{TagsResult, WelcomeResult};
use domain::ports::ContactStore;
use scrm_local::config::DEMO_CORP;
use scrm_local::functions::{
    admin_function, callback_function, sync_function, tagging_function, welcome_function,
};
use scrm_local::invoke::{Function, InvokeError};
use serde_json::{Value, json};
use sync::SyncTuning;
use tracing::{Level, Metadata};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::dynamic_filter_fn;
use tracing_subscriber::layer::Context;
use tracing_subscriber::layer::SubscriberExt;
use wecom::{CorpId, ExternalUserId};
use wecom_sandbox::Scan;

use crate::crashing::FaultPoint;
use crate::external_world::ExternalWorld;
use crate::split_stack::{Records, SplitStack};

/// An address without a server: a use of the tables would show up in the log.
pub(crate) const NO_TABLES: &str = "http://127.0.0.1:9";

thread_local! {
    /// The log of this thread, if a test records it.
    static LOG: RefCell<Option<Vec<u8>>> = const { RefCell::new(None) };
}

/// Writes to the recorded log of the thread.
struct ThreadLog;

impl Write for ThreadLog {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LOG.with_borrow_mut(|log| log.as_mut().map(|log| log.extend_from_slice(bytes)));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Starts recording the log of this thread. The subscriber is global: a thread-local one would miss events whose
/// callsite was first reached by a thread without a subscriber.
fn record_log() {
    static SUBSCRIBER: Once = Once::new();
    SUBSCRIBER.call_once(|| {
        let is_recorded = |metadata: &Metadata<'_>, _: &Context<'_, _>| {
            *metadata.level() <= Level::INFO && LOG.with_borrow(Option::is_some)
        };
        let layer = tracing_subscriber::fmt::layer()
            .with_ansi(false)
            .with_writer(|| ThreadLog)
            .with_filter(dynamic_filter_fn(is_recorded));
        tracing::subscriber::set_global_default(tracing_subscriber::registry().with(layer))
            .unwrap();
    });
    LOG.set(Some(Vec::new()));
}

/// The log of this thread since the last call.
fn take_log() -> String {
    String::from_utf8(LOG.replace(Some(Vec::new())).unwrap()).unwrap()
}

/// A request as the HTTP API forwards it.
pub(crate) fn request(method: &str, path: &str) -> Value {
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
async fn every_function_logs_one_line_about_an_unfilled_secret() {
    let external = ExternalWorld::new(&["contact"]).await;
    external.fill(false);
    record_log();
    let platform = |name| external.platform(NO_TABLES, name);
    let (welcome, tagging) = (platform("welcome"), platform("tagging"));
    // The initialization of the functions meets the empty secret first, and does not report it.
    let warm = Callback::on(external.base(NO_TABLES, "callback"));
    warm.warm_up().await;
    welcome.warm_up().await;
    tagging.warm_up().await;
    assert_eq!(take_log(), "");
    let event = request("POST", &format!("/callback/{DEMO_CORP}/contact"));
    let call = request("GET", &format!("/admin/corps/{DEMO_CORP}/channels"));
    let batch = json!({"Records": []});
    let functions = [
        (
            callback_function(external.base(NO_TABLES, "callback")),
            event,
            Some((503, "not_configured")),
        ),
        (
            admin_function(platform("admin")),
            call,
            Some((502, "not_configured")),
        ),
        (welcome_function(welcome), batch.clone(), None),
        (tagging_function(tagging), batch, None),
        (
            sync_function(platform("sync"), SyncTuning::default()),
            json!({"task": "tick"}),
            None,
        ),
    ];
    for (function, event, answered) in functions {
        for _ in 0..2 {
            let answer = invoke(&function, &event).await;
            assert_eq!(
                answer.as_ref().map(|(status, body)| {
                    // The answer to a caller without a key does not contain the name of the secret.
                    assert!(!body.contains("scrm/config"), "{body}");
                    let body: Value = serde_json::from_str(body).unwrap();
                    (*status, body["error"].clone())
                }),
                answered.map(|(status, word)| (status, json!(word))),
                "{}",
                function.name()
            );
            let lines = take_log();
            assert_eq!(lines.lines().count(), 1, "{}: {lines}", function.name());
            let expected = "the configuration secret scrm/config is not filled: write the configuration and run aws \
                        secretsmanager put-secret-value --secret-id scrm/config --secret-string file://config.json";
            assert!(lines.contains(expected), "{}: {lines}", function.name());
        }
    }
}

/// Invokes the function: status and body of its HTTP answer, or `None` if it ended with the error, which Lambda counts
/// and retries.
pub(crate) async fn invoke(function: &Function, event: &Value) -> Option<(u64, String)> {
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
async fn the_stream_waits_for_the_secret_and_loses_no_customer() {
    let external = ExternalWorld::new(&["contact"]).await;
    let tags = external
        .corp
        .console_creates_tags("来源", &["展会"])
        .unwrap();
    let state = {
        let world = external.world().await;
        let fields = json!({"welcome": {"text": "hi"}, "tag_ids": tags.tag_ids});
        world.channel(fields).await.id
    };
    let split = SplitStack::new(&external).await;
    let scanned = external.corp.scan(&state, &Scan::default()).unwrap();
    external.all_delivered().await;
    external.fill(false);
    let fault_point = FaultPoint::none();
    let (mut welcome, mut tagging) = (
        split.welcome(&fault_point, Records::Unfinished).await,
        split.tagging(&fault_point, Records::Unfinished).await,
    );
    welcome.has_received(2).await;
    tagging.has_received(2).await;
    let store = split.platform("admin").store;
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
    assert_eq!(external.wecom.calls_of("mark_tag").len(), 0);

    external.fill(true);
    let poll = async || {
        let ContactRecord { welcomes, tags, .. } = record().await;
        match (&*welcomes, &*tags) {
            ([(_, welcome)], [(_, tags)]) => Ok((welcome.outcome, tags.outcome)),
            _ => Err(format!("{welcomes:?} {tags:?}")),
        }
    };
    let outcomes = external.time.until(poll).await;
    assert_eq!(outcomes, (WelcomeResult::Sent, TagsResult::Tagged));
}
