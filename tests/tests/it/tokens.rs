//! Access tokens: fetched once for all functions, replaced when WeCom reports them invalid, and not requested
//! repeatedly when it refuses the secret.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::ports::RefreshTokens;
use futures::future::join_all;
use platform::layout::Key;
use scrm_local::stack::DATA_TABLE;
use serde_json::{Value, json};
use wecom::{AppName, CorpId};
use wecom_sandbox::{Corp, SandboxOptions};

use crate::counts::Counts;
use crate::external_world::{ExternalWorld, config};
use crate::split_stack::SplitStack;
use crate::world::{APP, Channel, World};

/// The functions that call WeCom: each has tokens in memory, and all share those in the data table.
const FUNCTIONS: u32 = 3;

/// Defect of WxJava#1494, silenceper/wechat#706, iYque: a token is fetched on each call until the address is banned.
#[tokio::test(flavor = "multi_thread")]
async fn fifty_concurrent_customers_fetch_one_token() {
    let world = World::new().await;
    let channel = tagging_channel(&world).await;
    assert_eq!(
        world.calls("gettoken"),
        1,
        "one for all functions, before the first customer"
    );

    // All of them find the token invalid, and one fetches the next.
    world.corp.revoke_tokens(APP);
    let customers: Vec<_> = (0..50).map(|_| world.scan(&channel)).collect();
    for customer in &customers {
        customer.outcome("welcome", "sent").await;
        customer.outcome("tags", "tagged").await;
    }
    assert_eq!(world.calls("gettoken"), 2);
    world
        .counts_are(&channel, Counts::added(50).welcomed(50))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_instances_starting_at_once_fetch_one_token() {
    let external = ExternalWorld::new(&["contact"]).await;
    let split = SplitStack::new(&external).await;
    let instances: Vec<_> = (0..50).map(|_| split.platform("welcome").wecom).collect();
    let warm = join_all(instances.iter().map(|instance| instance.warm_up()));
    external.time.drive(warm).await;
    assert_eq!(external.wecom.calls_of("get_api_domain_ip").len(), 50);
    assert_eq!(external.wecom.calls_of("gettoken").len(), 1);
}

/// Defect of wecom-sdk#22: an expired token is reported as 40014 and not refreshed.
#[tokio::test(flavor = "multi_thread")]
async fn an_invalid_token_is_replaced_within_the_call() {
    let invalidations: [(i64, Invalidate); 2] = [
        (40014, |corp| corp.revoke_tokens(APP)),
        (42001, |corp| corp.expire_tokens(APP)),
    ];
    for (code, invalidate) in invalidations {
        let world = World::new().await;
        let channel = tagging_channel(&world).await;
        invalidate(&world.corp);
        let customer = world.scan(&channel);
        let outcome = customer.outcome("welcome", "sent").await;
        assert_eq!(
            outcome["attempts"], 1,
            "the client replaces the token within the attempt"
        );
        assert!(outcome["latency_ms"].as_u64().unwrap() < 5_000, "{outcome}");
        customer.outcome("tags", "tagged").await;
        let refused = world
            .wecom
            .calls()
            .iter()
            .filter(|call| call.errcode == code)
            .count();
        assert!(
            (1..=3).contains(&refused),
            "welcome, tagging and admin (which reads the profile) are each refused at most once"
        );
        assert_eq!(world.calls("gettoken"), 2, "{code}");
    }
}

/// Defect of wecomchan#62, #64: the cause of errors with a wrong secret is hard to find.
#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_secret_is_reported_and_not_retried_repeatedly() {
    let world = World::new().await;
    let channel = tagging_channel(&world).await;
    world
        .corp
        .rotate_secret(APP, "a-secret-that-the-bundle-does-not-have")
        .unwrap();
    for _ in 0..20 {
        let customer = world.scan(&channel);
        for kind in ["welcome", "tags"] {
            let outcome = customer.outcome(kind, "failed").await;
            assert_eq!(outcome["errcode"], 40001, "{kind}");
        }
    }
    assert!(
        (1..=FUNCTIONS).contains(&world.wecom.wrong_secrets()),
        "{}",
        world.wecom.wrong_secrets()
    );
    assert!(!world.wecom.ip_banned());
    let apps = world.get("apps").await;
    let app = &apps["apps"][0];
    assert_eq!(
        (&app["app"], &app["token"], &app["errcode"]),
        (&json!(APP), &json!("broken"), &json!(40001))
    );
    assert!(app["since"].as_i64().unwrap() > 1_700_000_000);
    world
        .counts_are(&channel, Counts::added(20).welcome_failed(20))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_is_rotated_everywhere_affects_no_customer() {
    let mut external = ExternalWorld::new(&["contact"]).await;
    let world = external.world().await;
    let channel = tagging_channel(&world).await;
    external.rotate(APP, "secret", "the-next-secret");
    external.corp.rotate_secret(APP, "the-next-secret").unwrap();
    let customers: Vec<_> = (0..20).map(|_| world.scan(&channel)).collect();
    for customer in &customers {
        customer.outcome("welcome", "sent").await;
        customer.outcome("tags", "tagged").await;
    }
    assert!(
        world.wecom.wrong_secrets() <= FUNCTIONS,
        "{}",
        world.wecom.wrong_secrets()
    );
    world
        .counts_are(&channel, Counts::added(20).welcomed(20))
        .await;
}

/// A refused secret makes the functions read the configuration again, but at most once a minute.
#[tokio::test(flavor = "multi_thread")]
async fn an_app_recovers_within_two_minutes_after_its_secret_is_fixed() {
    let mut external = ExternalWorld::new(&["contact"]).await;
    let world = external.world().await;
    let channel = tagging_channel(&world).await;
    external.corp.rotate_secret(APP, "the-next-secret").unwrap();
    let first = world.scan(&channel);
    first.outcome("welcome", "failed").await;
    first.outcome("tags", "failed").await;
    external.rotate(APP, "secret", "the-next-secret");

    let mut seconds = 0;
    loop {
        let customer = world.scan(&channel);
        let has_outcome =
            |contact: &Value| contact["timeline"][0]["welcome"]["outcome"] != "pending";
        let contact = world
            .eventually("an outcome", &customer.path(), has_outcome)
            .await;
        if contact["timeline"][0]["welcome"]["outcome"] == "sent" {
            break;
        }
        seconds += 10;
        assert!(seconds <= 120, "{contact}");
        world.time_passes(Duration::from_secs(10));
    }
    world.scan(&channel).outcome("tags", "tagged").await;
    assert!(
        world.wecom.wrong_secrets() <= FUNCTIONS,
        "{}",
        world.wecom.wrong_secrets()
    );
}

/// Defect of WxJava#1494: a cache mixes the tokens of apps.
#[tokio::test(flavor = "multi_thread")]
async fn apps_of_one_corp_never_mix_their_tokens() {
    let external = ExternalWorld::new(&["contact", "service"]).await;
    let world = external.world().await;
    let channel = tagging_channel(&world).await;
    for round in 1..=2 {
        let customers: Vec<_> = (0..10).map(|_| world.scan(&channel)).collect();
        for customer in &customers {
            // Each app gets its own event, and one of the two is first.
            let answers = |contact: &Value| {
                let entries = contact["timeline"].as_array().cloned().unwrap_or_default();
                let outcome = |entry: &Value| {
                    entry["welcome"]["outcome"]
                        .as_str()
                        .unwrap_or_default()
                        .to_owned()
                };
                entries.iter().map(outcome).collect::<BTreeSet<_>>()
            };
            let both = BTreeSet::from(["sent", "already_welcomed"].map(str::to_owned));
            world
                .eventually("one of two welcomes", &customer.path(), |contact| {
                    answers(contact) == both
                })
                .await;
        }
        let fetched = |app: &str| {
            let calls = world.wecom.calls_of("gettoken");
            calls
                .iter()
                .filter(|call| call.app.as_deref() == Some(app))
                .count()
        };
        assert_eq!((fetched("contact"), fetched("service")), (round, 1));
        external.corp.revoke_tokens("contact");
    }
    let welcomes = world.wecom.calls_of("send_welcome_msg");
    assert!(
        welcomes.iter().all(|call| call.errcode != 41050),
        "a code was used by the other app"
    );
}

/// Defect of WxJava#3888: callers wait 60 to 180 s for a token lock.
#[tokio::test(flavor = "multi_thread")]
async fn no_instance_waits_longer_than_a_second_for_a_token_lease() {
    let world = World::new().await;
    let channel = tagging_channel(&world).await;
    let hour_ahead = world.time.second() + 3600;
    let dynamodb = world.dynamodb();
    let lease = dynamodb.update_item().table_name(DATA_TABLE);
    let lease = lease
        .key(
            "pk",
            AttributeValue::S(format!("{}#app#{APP}", world.corp.id())),
        )
        .key("sk", AttributeValue::S("token".to_owned()))
        .condition_expression("attribute_exists(pk)")
        .update_expression("SET leased_until = :until")
        .expression_attribute_values(":until", AttributeValue::N(hour_ahead.to_string()));
    lease.send().await.unwrap();
    world.corp.revoke_tokens(APP);

    let customer = world.scan(&channel);
    let outcome = customer.outcome("welcome", "sent").await;
    let latency = outcome["latency_ms"].as_u64().unwrap();
    assert!((1_000..8_000).contains(&latency), "{outcome}");
    customer.outcome("tags", "tagged").await;
    let requests = world.calls("gettoken");
    // Once at the start; then at most once each by welcome, tagging and admin, which reads the profile.
    assert!((2..=1 + 3).contains(&requests), "{requests} requests");
}

/// Invalidates the tokens of a corp.
type Invalidate = fn(&Corp);

/// A channel whose customers need a call of both functions.
async fn tagging_channel(world: &World) -> Channel {
    let tags = world.tags(&["展会"]);
    world
        .channel(json!({"welcome": {"text": "hi"}, "tag_ids": tags}))
        .await
}

/// The item with the token of the app.
async fn token_item(world: &World) -> HashMap<String, AttributeValue> {
    let key = Key::token(&CorpId::from(world.corp.id()), &AppName::from(APP));
    let get = world.dynamodb().get_item().table_name(DATA_TABLE);
    let get = get
        .key("pk", AttributeValue::S(key.pk))
        .key("sk", AttributeValue::S(key.sk));
    let got = get.consistent_read(true).send().await;
    got.unwrap().item.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_sealed_at_rest_and_one_of_a_function_without_data_keys_is_read() {
    // The local stack makes data keys for itself, and the other functions have none.
    let mut config = config(&["contact"]);
    config.as_object_mut().unwrap().remove("data_keys");
    let external = ExternalWorld::with(config, SandboxOptions::default()).await;
    let world = external.world().await;
    let channel = world.channel_with_welcome("hi").await;
    let item = token_item(&world).await;
    assert!(!item.contains_key("token"), "{:?}", item.keys());
    assert!(item["sealed"].as_s().unwrap().starts_with("1.local."));
    world.scan(&channel).sees("hi").await;
    assert_eq!(world.tick().await["tokens"], 0);
    assert_eq!(world.calls("gettoken"), 1, "every function opens it");

    // A function without data keys, as the release before, sees no token, and fetches one.
    let without = external.platform(&world.stack.dynamodb_url, "sync").wecom;
    let (corp, app) = (CorpId::from(world.corp.id()), AppName::from(APP));
    let refreshed = without.refresh_token(&corp, &app, Duration::ZERO);
    assert!(world.time.drive(refreshed).await.unwrap());
    assert_eq!(world.calls("gettoken"), 2);
    let item = token_item(&world).await;
    assert!(
        item.contains_key("token") && !item.contains_key("sealed"),
        "{:?}",
        item.keys()
    );

    // The others read it, and seal the next one.
    assert_eq!(world.tick().await["tokens"], 0);
    world.scan(&channel).sees("hi").await;
    assert_eq!(world.calls("gettoken"), 2);
    world.corp.revoke_tokens(APP);
    world.scan(&channel).sees("hi").await;
    assert_eq!(world.calls("gettoken"), 3);
    let item = token_item(&world).await;
    assert!(
        item.contains_key("sealed") && !item.contains_key("token"),
        "{:?}",
        item.keys()
    );
}
