//! WeCom's limits, which all functions respect together: pauses after 45009, a configured rate, fewer concurrent calls
//! after 45033.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use wecom_sandbox::{Call, Fault, Growth, SandboxOptions};

use crate::copy;
use crate::counts::Counts;
use crate::customer::Customer;
use crate::external_world::{ADMIN_KEY, ExternalWorld, config};
use crate::operator::Operator;
use crate::world::World;

const MARK: &str = "mark_tag";
const SEND: &str = "send_welcome_msg";

/// Calls that were in flight when WeCom refused one may arrive up to this many milliseconds later.
const IN_FLIGHT: u64 = 1_000;

/// Calls of `api` during the pause of `pause` milliseconds after a refusal, as milliseconds after the refusal.
fn in_pause(world: &World, api: &str, pause: u64) -> Vec<u64> {
    let calls = world.wecom.calls_of(api);
    let refused = calls.iter().filter(|call| call.errcode == 45009);
    let after = refused.flat_map(|refused| {
        let after = |call: &Arc<Call>| call.at_ms.checked_sub(refused.at_ms);
        calls.iter().filter_map(after).collect::<Vec<_>>()
    });
    let in_pause = |ms: &u64| (IN_FLIGHT..pause).contains(ms);
    after.filter(in_pause).collect()
}

/// Advances the clock until the stored pause of `api` is over.
async fn wait_for_pause(world: &World, pk: &str, api: &str) {
    let get = world
        .dynamodb()
        .get_item()
        .table_name(scrm_local::stack::DATA_TABLE);
    let key = |text: &str| aws_sdk_dynamodb::types::AttributeValue::S(text.to_owned());
    let got = get.key("pk", key(pk)).key("sk", key("guard")).send().await;
    let guard = got.unwrap().item;
    let guard = guard.and_then(|item| item["guard"].as_s().ok().cloned());
    let guard: Value = serde_json::from_str(&guard.unwrap()).unwrap();
    let until = guard["pauses"][api]["until"].as_i64().unwrap();
    let left = u64::try_from(until - world.time.second()).unwrap();
    world.time_passes(Duration::from_secs(left));
}

fn guard_of(world: &World) -> String {
    format!("{}#quota", world.corp.id())
}

#[tokio::test(flavor = "multi_thread")]
async fn tagging_and_sync_do_not_call_a_paused_api() {
    let external = ExternalWorld::limited(json!({"pause": 4})).await;
    let world = external.world().await;
    let tags = world.tags(&["展会"]);
    let channel = world.channel(json!({"tag_ids": tags})).await;
    let missed = world.without_delivery(|| world.scan(&channel));
    world.wecom.faults().next(MARK, 1, Fault::Code(45009));
    let customers: Vec<_> = (0..6).map(|_| world.scan(&channel)).collect();
    world
        .until("WeCom refuses", |wecom| !wecom.calls_of(MARK).is_empty())
        .await;
    // The reconcile finds a customer without tags, and does not call the paused API either.
    let ran = world.reconcile().await;
    assert_eq!(ran["state"], "finished", "{ran}");
    for customer in &customers {
        customer.has_outcome_of_tags().await;
    }
    world.time_passes(Duration::from_secs(61));
    world.tick().await;
    for customer in &customers {
        customer.is_tagged(&["展会"]).await;
        customer.outcome("tags", "tagged").await;
    }
    assert_eq!(in_pause(&world, MARK, 4_000), [0; 0]);
    world.reconcile().await;
    missed.is_tagged(&["展会"]).await;
    world.counts_are(&channel, Counts::added(7)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_welcome_fails_and_a_paused_name_is_left_out() {
    let external = ExternalWorld::limited(json!({"pause": 3})).await;
    let world = external.world().await;
    let channel = world.channel_with_welcome("hi").await;
    let named = world.channel_with_welcome("你好，{customer}").await;
    world.wecom.faults().next(SEND, 1, Fault::Code(45009));
    let first = world.scan(&channel);
    let outcome = first.outcome("welcome", "failed").await;
    assert_eq!(
        (&outcome["errcode"], &outcome["attempts"]),
        (&json!(45009), &json!(1))
    );
    let second = world.scan(&channel);
    let outcome = second.outcome("welcome", "failed").await;
    assert_eq!(outcome["errcode"], 45009, "{outcome}");
    assert_eq!(world.calls(SEND), 1, "a paused API is not called");
    wait_for_pause(
        &world,
        &guard_of(&world),
        "externalcontact/send_welcome_msg",
    )
    .await;
    world.scan(&channel).sees("hi").await;

    // The name needs a call of another API, which is paused now.
    let get = "externalcontact/get";
    world.wecom.faults().next(get, 1, Fault::Code(45009));
    let welcomed = async |customer: &Customer<'_>| {
        let is_welcomed = |_: &_| !customer.texts().is_empty();
        world.until("a welcome", is_welcomed).await;
        customer.texts().remove(0)
    };
    let first = world.scan(&named);
    welcomed(&first).await;
    // Tagging calls the same API, and sees within a second a pause that another process has begun.
    first.outcome("tags", "no_tags").await;
    world.time_passes(Duration::from_millis(1_200));
    let calls = world.calls(get);
    let text = welcomed(&world.scan(&named)).await;
    assert_eq!(world.calls(get), calls);
    assert!(text.starts_with("你好"), "{text}");
    wait_for_pause(&world, &guard_of(&world), get).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_45009_lengthens_the_pause() {
    let external = ExternalWorld::limited(json!({"pause": 1})).await;
    let world = external.world().await;
    let tags = world.tags(&["展会"]);
    let channel = world.channel(json!({"tag_ids": tags})).await;
    world.wecom.faults().next(MARK, 2, Fault::Code(45009));
    for refused in 1..=2 {
        world.scan(&channel).is_postponed().await;
        assert_eq!(world.calls(MARK), refused);
        world.time_passes(Duration::from_millis(2_000));
    }
    let _held = world.time.hold();
    // The second pause lasts a minute, sixty times the first, and no function calls.
    let customer = world.scan(&channel);
    world.all_delivered().await;
    world.reconcile().await;
    assert_eq!(customer.relation().await["status"], "active");
    let calls = world.wecom.calls_of(MARK);
    assert_eq!(calls.len(), 2, "two calls in all");
    let waited = calls[1].at_ms - calls[0].at_ms;
    assert!(waited >= 1_000, "{waited}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reconcile_resumes_after_a_pause_in_the_middle() {
    let external = ExternalWorld::limited(json!({"pause": 2})).await;
    let world = external.world().await;
    world
        .corp
        .grow(&Growth {
            relations: 500,
            groups: 5,
            ..Growth::default()
        })
        .unwrap();
    for (api, skip) in [
        ("batch/get_by_user", 2),
        ("user/get", 1),
        ("groupchat/get", 2),
    ] {
        world.wecom.faults().after(api, skip, 1, Fault::Code(45009));
    }
    let mut ran = world.reconcile().await;
    let id = ran["run_id"].clone();
    let mut paused_runs = 0;
    while ran["state"] == "continues" {
        assert_eq!(ran["run_id"], id);
        let sync = world.get("sync").await;
        let running = &sync["running"];
        assert_eq!(running["id"], id, "{sync}");
        paused_runs += u32::from(running["blocked_on"].is_string());
        assert_eq!(running["held_up"], running["blocked_on"], "{sync}");
        assert_eq!(running["lost"], 0);
        ran = world
            .tick_until(|tick| tick["run"]["state"].is_string())
            .await["run"]
            .take();
        world.time_passes(Duration::from_millis(100));
    }
    assert_eq!(ran, json!({"run_id": id, "state": "finished"}));
    assert!(paused_runs >= 3, "{paused_runs}");
    for api in ["batch/get_by_user", "user/get", "groupchat/get"] {
        assert_eq!(in_pause(&world, api, 2_000), [0; 0], "{api}");
    }
    copy::agrees(&world).await;
    let last = world.get("sync").await["last"].take();
    assert_eq!(
        (&last["error"], &last.get("blocked_on")),
        (&json!(null), &None),
        "{last}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn all_functions_together_keep_within_a_configured_rate() {
    const RATE: usize = 20;
    let external = ExternalWorld::limited(json!({"per_minute": RATE})).await;
    let world = external.world().await;
    let tags = world.tags(&["展会"]);
    let channel = world.channel(json!({"tag_ids": tags})).await;
    let mut customers =
        world.without_delivery(|| (0..15).map(|_| world.scan(&channel)).collect::<Vec<_>>());
    customers.extend((0..15).map(|_| world.scan(&channel)));
    let calls_per_minute = |api: &str| {
        let mut minutes = BTreeMap::new();
        for call in world.wecom.calls_of(api) {
            *minutes.entry(call.at_ms / 60_000).or_insert(0) += 1;
        }
        minutes.into_values().collect::<Vec<usize>>()
    };
    let mut seconds = 0;
    loop {
        world.tick().await;
        world.reconcile().await;
        let is_tagged = |customer: &&Customer<'_>| {
            !world
                .corp
                .tags(&customer.external_userid, &customer.userid)
                .is_empty()
        };
        if customers.iter().all(|customer| is_tagged(&customer)) {
            break;
        }
        seconds += 5;
        assert!(seconds < 300, "{:?}", calls_per_minute(MARK));
        world.time_passes(Duration::from_secs(5));
    }
    for api in [
        MARK,
        "externalcontact/get",
        "user/get",
        "batch/get_by_user",
        "get_follow_user_list",
    ] {
        // At most one call per minute may be counted in one minute and arrive in the next.
        let minutes = calls_per_minute(api);
        assert!(
            minutes.iter().all(|calls| *calls <= RATE + 1),
            "{api}: {minutes:?}"
        );
    }
    assert!(
        calls_per_minute(MARK).len() > 1,
        "30 customers do not fit in a minute"
    );
    assert!(world.wecom.calls().iter().all(|call| call.errcode != 45009));
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrency_is_lowered_after_45033_and_the_run_completes() {
    let mut config_with_limit = config(&["contact"]);
    config_with_limit["corps"][0]["limits"] = json!({"in_flight": 40});
    let external = ExternalWorld::with(
        config_with_limit,
        SandboxOptions {
            latency: Duration::from_millis(20),
            calls_in_flight: 3,
            ..SandboxOptions::default()
        },
    )
    .await;
    let world = external.world().await;
    let growth = Growth {
        members: 120,
        relations: 240,
        ..Growth::default()
    };
    world.corp.grow(&growth).unwrap();
    let mut ran = world.reconcile().await;
    while ran["state"] == "continues" {
        ran = world.tick().await["run"].take();
    }
    let calls = world.wecom.calls_of("user/get");
    let refused = calls.iter().filter(|call| call.errcode == 45033).count();
    assert!(
        refused > 0 && refused < calls.len() / 2,
        "{refused} of {}",
        calls.len()
    );
    copy::agrees(&world).await;
    let last = world.get("sync").await["last"].take();
    assert_eq!(last["error"], json!(null), "{last}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_corps_do_not_pause_each_other() {
    let (mut two, other) = (config(&["contact"]), "wwother0000000001");
    let mut second = two["corps"][0].clone();
    second["corp_id"] = json!(other);
    second["apps"]["contact"]["secret"] = json!("secret-of-the-other");
    two["corps"].as_array_mut().unwrap().push(second);
    let external = ExternalWorld::with(two, SandboxOptions::default()).await;
    let world = external.world().await;
    let operator = Operator::new(&world.stack.url, other, ADMIN_KEY, &world.time);
    let channel = world.channel_with_welcome("hi").await;
    let body = json!({"name": "展会", "users": ["lisi"], "welcome": {"text": "hello"}});
    let theirs = operator.creates_channel(&body).await.is(201);
    world.wecom.faults().next(SEND, 1, Fault::Code(45009));
    world.scan(&channel).outcome("welcome", "failed").await;
    world.scan(&channel).outcome("welcome", "failed").await;
    assert_eq!(world.calls(SEND), 1);
    let their_corp = external.wecom.corp(other).unwrap();
    let state = theirs["id"].as_str().unwrap();
    let scanned = their_corp
        .scan(state, &wecom_sandbox::Scan::default())
        .unwrap();
    world
        .until("their customer is welcomed", |_| {
            !their_corp
                .chat(&scanned.external_userid, &scanned.userid)
                .is_empty()
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_above_the_quota_of_welcomes_is_served_as_far_as_it_allows() {
    let external = ExternalWorld::limited(json!({"welcomes_per_minute": 60})).await;
    let world = external.world().await;
    let channel = world.channel_with_welcome("hi").await;
    let customers: Vec<_> = (0..40).map(|_| world.scan(&channel)).collect();
    let is_done = |contact: &Value| {
        let outcome = &contact["timeline"][0]["welcome"]["outcome"];
        outcome.as_str().is_some_and(|word| word != "pending")
    };
    let (mut sent, mut failed) = (0, 0);
    for customer in &customers {
        let contact = world
            .eventually("an outcome", &customer.path(), is_done)
            .await;
        let welcome = &contact["timeline"][0]["welcome"];
        if welcome["outcome"] == "sent" {
            sent += 1;
            continue;
        }
        // No call was made for it.
        let why = (
            &welcome["outcome"],
            &welcome["errcode"],
            &welcome["attempts"],
        );
        assert_eq!(
            why,
            (&json!("failed"), &json!(45009), &json!(0)),
            "{welcome}"
        );
        assert!(welcome["reason"].is_string(), "{welcome}");
        failed += 1;
    }
    // A slot a second, as long as a call is still in time.
    assert!(
        (17..=20).contains(&sent) && sent + failed == 40,
        "{sent} and {failed}"
    );
    assert_eq!(world.calls(SEND), sent);
    assert!(
        world
            .wecom
            .calls_of(SEND)
            .iter()
            .all(|call| call.errcode == 0)
    );
}
