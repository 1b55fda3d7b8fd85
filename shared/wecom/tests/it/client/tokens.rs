//! The rules of the token, by counting what WeCom is asked.

use super::sandbox::{Reply, Sandbox, code, token};
use super::stores::{Failing, Hanging, Taken};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use wecom::client::Broken;
use wecom::{
    AppName, Client, CorpId, Error, MemoryTokenStore, StoredToken, TokenKey, TokenStore, UserId,
};

const API: &str = "user/get";

fn key() -> TokenKey {
    TokenKey {
        corp: CorpId::new("ww1"),
        app: AppName::new("contact"),
    }
}

/// The second at which each test begins; none calls this after it has moved the clock by a second.
fn now() -> i64 {
    clock::START.as_second()
}

fn stored(token: &str, seconds: i64, broken: Option<Broken>) -> StoredToken {
    StoredToken {
        token: token.into(),
        expires_at: now() + seconds,
        broken,
    }
}

async fn store_with(token: StoredToken) -> Arc<MemoryTokenStore> {
    let store = Arc::new(MemoryTokenStore::default());
    store.save(&key(), &token).await.unwrap();
    store
}

async fn call(client: &Client) -> Result<(), Error> {
    client.get_user(&UserId::new("li")).await.map(drop)
}

async fn calls_at_once(client: &Client, count: usize) -> Vec<Result<(), Error>> {
    let mut calls = JoinSet::new();
    for _ in 0..count {
        let client = client.clone();
        calls.spawn(async move { call(&client).await });
    }
    calls.join_all().await
}

#[tokio::test]
async fn fifty_calls_at_once_fetch_one_token() {
    let wecom = Sandbox::start().await;
    for result in calls_at_once(&wecom.client(), 50).await {
        result.unwrap();
    }
    assert_eq!((wecom.count("gettoken"), wecom.count(API)), (1, 50));
    assert_eq!(
        wecom.seen("gettoken")[0].query,
        "corpsecret=s3cr3t-of-the-app&corpid=ww1"
    );
    assert!(
        wecom
            .seen(API)
            .iter()
            .all(|seen| seen.query == "access_token=TOKEN%2F1&userid=li")
    );
}

#[tokio::test]
async fn processes_share_the_token_through_the_store() {
    let (wecom, store) = (
        Sandbox::start().await,
        Arc::new(MemoryTokenStore::default()),
    );
    for _ in 0..3 {
        call(&wecom.builder().tokens(store.clone()).build().unwrap())
            .await
            .unwrap();
    }
    assert_eq!(wecom.count("gettoken"), 1);
}

#[tokio::test]
async fn a_refused_token_is_replaced_once_and_the_call_repeated_once() {
    for refusal in [40014, 42001] {
        let wecom = Sandbox::start().await;
        wecom.next(API, code(refusal));
        call(&wecom.client()).await.unwrap();
        assert_eq!((wecom.count("gettoken"), wecom.count(API)), (2, 2));
        assert!(
            wecom.seen(API)[1]
                .query
                .starts_with("access_token=TOKEN%2F2")
        );
    }
}

#[tokio::test]
async fn fifty_calls_with_one_refused_token_fetch_one_new_one() {
    let wecom = Sandbox::start().await;
    wecom.always(API, Reply::Refuse("TOKEN%2F1"));
    for result in calls_at_once(&wecom.client(), 50).await {
        result.unwrap();
    }
    assert_eq!(wecom.count("gettoken"), 2);
}

/// Everybody waits for one fetch, and everybody gets its result: not that the token is bad.
#[tokio::test]
async fn fifty_calls_with_one_refused_token_hear_why_there_is_no_new_one() {
    for failure in [40001, -1] {
        let wecom = Sandbox::start().await;
        let client = wecom.client();
        call(&client).await.unwrap();
        wecom.always(API, code(40014));
        wecom.always("gettoken", code(failure));
        for result in calls_at_once(&client, 50).await {
            assert_eq!(result.unwrap_err().code(), Some(failure.into()));
        }
        assert_eq!(wecom.count("gettoken"), 2);
    }
}

#[tokio::test]
async fn a_token_that_another_process_replaced_is_taken_from_the_store() {
    let wecom = Sandbox::start().await;
    let store = store_with(stored("OLD", 7200, None)).await;
    wecom.always(API, Reply::Refuse("OLD"));
    let client = wecom.builder().tokens(store.clone()).build().unwrap();
    client
        .refresh_token_if_due(Duration::from_secs(60))
        .await
        .unwrap();
    store
        .save(&key(), &stored("NEW", 7200, None))
        .await
        .unwrap();
    call(&client).await.unwrap();
    assert_eq!((wecom.count("gettoken"), wecom.count(API)), (0, 2));
}

#[tokio::test]
async fn a_second_refusal_is_final_and_does_not_loop() {
    let wecom = Sandbox::start().await;
    wecom.always(API, code(40014));
    let client = wecom.client();
    for _ in 0..10 {
        assert_eq!(call(&client).await.unwrap_err().code(), Some(40014.into()));
    }
    // The first token, three replacements, and one more try with each of those.
    assert_eq!((wecom.count("gettoken"), wecom.count(API)), (4, 13));
}

#[tokio::test]
async fn a_refused_secret_is_not_tried_again() {
    for refusal in [40001, 40013, 40091, 45031, 50003, 60031] {
        let (wecom, store) = (
            Sandbox::start().await,
            Arc::new(MemoryTokenStore::default()),
        );
        wecom.always("gettoken", code(refusal));
        let client = wecom.builder().tokens(store.clone()).build().unwrap();
        assert!(
            matches!(call(&client).await, Err(Error::Api { code, .. }) if code.get() == refusal)
        );
        for result in calls_at_once(&client, 20).await {
            assert!(matches!(result, Err(Error::Broken { code, .. }) if code.get() == refusal));
        }
        let state = client.token_state().await.unwrap();
        assert_eq!(
            (state.expires_at, state.broken.unwrap().code),
            (None, refusal.into())
        );

        let restarted = wecom.builder().tokens(store.clone()).build().unwrap();
        assert!(matches!(call(&restarted).await, Err(Error::Broken { .. })));
        assert_eq!((wecom.count("gettoken"), wecom.count(API)), (1, 0));

        // A new secret starts afresh, and what was known about the old one is gone.
        wecom.always("gettoken", token("NEW", 7200));
        let rotated = wecom
            .builder_with_secret("another")
            .tokens(store)
            .build()
            .unwrap();
        call(&rotated).await.unwrap();
        assert_eq!(rotated.token_state().await.unwrap().broken, None);
        assert_eq!(wecom.count("gettoken"), 2);
    }
}

#[tokio::test]
async fn a_refused_secret_is_probed_after_an_hour() {
    let (wecom, store) = (
        Sandbox::start().await,
        Arc::new(MemoryTokenStore::default()),
    );
    wecom.next("gettoken", code(40001));
    call(&wecom.builder().tokens(store.clone()).build().unwrap())
        .await
        .unwrap_err();
    let known = store.load(&key()).await.unwrap().unwrap().broken.unwrap();
    let hour_ago = Broken {
        probed_at: now() - 3601,
        since: now() - 7200,
        ..known.clone()
    };
    store
        .save(&key(), &stored("", 0, Some(hour_ago.clone())))
        .await
        .unwrap();

    // Still refused: since when is kept, and the next hour begins.
    wecom.next("gettoken", code(40001));
    let client = wecom.builder().tokens(store.clone()).build().unwrap();
    call(&client).await.unwrap_err();
    let again = client.token_state().await.unwrap().broken.unwrap();
    assert_eq!(again.since, hour_ago.since);
    assert!(again.probed_at >= known.probed_at);
    assert_eq!(wecom.count("gettoken"), 2);

    store
        .save(&key(), &stored("", 0, Some(hour_ago)))
        .await
        .unwrap();
    call(&wecom.builder().tokens(store.clone()).build().unwrap())
        .await
        .unwrap();
    assert_eq!(store.load(&key()).await.unwrap().unwrap().broken, None);
}

#[tokio::test]
async fn a_good_token_outlives_its_secret() {
    let wecom = Sandbox::start().await;
    wecom.always("gettoken", code(40001));
    let store = store_with(stored("GOOD", 500, None)).await;
    let client = wecom.builder().tokens(store).build().unwrap();
    client
        .refresh_token_if_due(Duration::from_secs(600))
        .await
        .unwrap_err();
    call(&client).await.unwrap();
    let state = client.token_state().await.unwrap();
    assert!(state.expires_at.is_some() && state.broken.is_some());
    assert_eq!(wecom.count("gettoken"), 1);
}

#[tokio::test]
async fn a_passing_failure_is_everybodys_answer_and_no_storm() {
    let wecom = Sandbox::start().await;
    wecom.next("gettoken", code(45009));
    let client = wecom.client();
    for result in calls_at_once(&client, 20).await {
        assert_eq!(result.unwrap_err().code(), Some(45009.into()));
    }
    assert_eq!(wecom.count("gettoken"), 1);
    assert_eq!(client.token_state().await.unwrap().broken, None);
}

#[tokio::test]
async fn a_store_that_is_down_costs_no_call_and_no_storm() {
    for hangs in [false, true] {
        let wecom = Sandbox::start().await;
        let store: Arc<dyn TokenStore> = match hangs {
            true => Arc::new(Hanging(wecom.clock.clone())),
            false => Arc::new(Failing),
        };
        let client = wecom.builder().tokens(store).build().unwrap();
        let (clock, began) = (wecom.clock.clock(), wecom.clock.clock().instant());
        for result in calls_at_once(&client, 20).await {
            result.unwrap();
        }
        let waited = clock.since(began);
        assert!(waited < Duration::from_secs(3), "{waited:?}");
        assert_eq!(hangs, waited >= Duration::from_secs(1), "{waited:?}");
        call(&client).await.unwrap();
        assert_eq!((wecom.count("gettoken"), wecom.count(API)), (1, 21));
    }
}

#[tokio::test]
async fn nobody_waits_longer_than_a_second_for_another_process() {
    let wecom = Sandbox::start().await;
    let client = wecom
        .builder()
        .tokens(Arc::new(Taken::default()))
        .build()
        .unwrap();
    let (clock, began) = (wecom.clock.clock(), wecom.clock.clock().instant());
    let time_passes = async {
        loop {
            wecom.end_pause(1).await;
        }
    };
    tokio::select! {
        called = call(&client) => called.unwrap(),
        () = time_passes => {}
    }
    let waited = clock.since(began);
    assert!(
        waited >= Duration::from_secs(1) && waited < Duration::from_millis(1_200),
        "{waited:?}"
    );
    assert_eq!(wecom.count("gettoken"), 1);
}

#[tokio::test]
async fn the_token_of_another_process_is_taken_as_soon_as_it_is_there() {
    let (wecom, store) = (Sandbox::start().await, Arc::new(Taken::default()));
    let client = wecom.builder().tokens(store.clone()).build().unwrap();
    let (called, saved) = tokio::join!(call(&client), async {
        // After the client's first look and before its second.
        let saved = store.0.save(&key(), &stored("THEIRS", 7200, None)).await;
        wecom.end_pause(1).await;
        saved
    });
    called.and(saved).unwrap();
    assert_eq!(wecom.count("gettoken"), 0);
    assert!(wecom.seen(API)[0].query.starts_with("access_token=THEIRS"));
}

#[tokio::test]
async fn nobody_waits_while_the_old_token_is_good() {
    let wecom = Sandbox::start().await;
    wecom.next("gettoken", Reply::Hang);
    let store = store_with(stored("OLD", 100, None)).await;
    let client = wecom.builder().tokens(store).build().unwrap();
    for _ in 0..10 {
        call(&client).await.unwrap();
    }
    wecom.until("gettoken", 1).await;
    assert_eq!((wecom.count("gettoken"), wecom.count(API)), (1, 10));
}

#[tokio::test]
async fn a_refresh_ahead_that_another_process_does_is_left_to_it() {
    let (wecom, store) = (Sandbox::start().await, Arc::new(Taken::default()));
    store
        .0
        .save(&key(), &stored("OLD", 100, None))
        .await
        .unwrap();
    let client = wecom.builder().tokens(store).build().unwrap();
    call(&client).await.unwrap();
    let (clock, began) = (wecom.clock.clock(), wecom.clock.clock().instant());
    assert!(
        !client
            .refresh_token_if_due(Duration::from_secs(600))
            .await
            .unwrap()
    );
    assert!(clock.since(began) < Duration::from_millis(900));
    assert_eq!(wecom.count("gettoken"), 0);
}

#[tokio::test]
async fn a_scheduler_refreshes_what_is_due_and_nothing_else() {
    let wecom = Sandbox::start().await;
    let store = store_with(stored("OLD", 400, None)).await;
    let client = wecom.builder().tokens(store.clone()).build().unwrap();
    let due = |minutes: u64| client.refresh_token_if_due(Duration::from_secs(minutes * 60));
    assert!(!due(5).await.unwrap());
    assert!(due(10).await.unwrap());
    assert!(!due(10).await.unwrap());
    assert_eq!(wecom.count("gettoken"), 1);
    let kept = store.load(&key()).await.unwrap().unwrap();
    assert!(kept.expires_at > now() + 7000);
    assert_eq!(
        client.token_state().await.unwrap().expires_at,
        Some(kept.expires_at)
    );
}

#[tokio::test]
async fn warming_up_fetches_the_token_before_the_first_customer() {
    let wecom = Sandbox::start().await;
    let client = wecom.client();
    client.warm_up().await.unwrap();
    call(&client).await.unwrap();
    assert_eq!(
        (wecom.count("gettoken"), wecom.count("get_api_domain_ip")),
        (1, 1)
    );
}

#[tokio::test]
async fn state_says_when_the_store_is_down() {
    let wecom = Sandbox::start().await;
    let client = wecom.builder().tokens(Arc::new(Failing)).build().unwrap();
    assert_eq!(
        client.token_state().await,
        Err(Error::TokenStore("down".into()))
    );
}
