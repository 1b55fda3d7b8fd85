//! The parts of a tick besides refreshes: token renewal, gauges, and independence of the parts from each other.

use std::time::Duration;

use serde_json::json;
use sync::Task;
use wecom_sandbox::{Fault, MemberEdit, SandboxOptions, Scan};

use crate::external_world::ExternalWorld;
use crate::instance::{Instance, QUICK};
use crate::repairs::make_due;
use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn a_tick_renews_a_token_before_it_expires() {
    // A call renews tokens in their last five minutes, a tick in their last ten. These tokens live between the two.
    let world = World::with(SandboxOptions {
        token_ttl: Duration::from_secs(400),
        ..SandboxOptions::default()
    })
    .await;
    let channel = world.channel_with_welcome("hi").await;
    let before = world.calls("gettoken");
    let tick = world.tick().await;
    assert_eq!(tick["tokens"], 1, "{tick}");
    assert_eq!(world.calls("gettoken"), before + 1);
    world.scan(&channel).sees("hi").await;
    assert_eq!(world.calls("gettoken"), before + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tick_does_not_renew_a_token_that_is_valid_for_hours() {
    let world = World::new().await;
    let before = world.calls("gettoken");
    for _ in 0..3 {
        assert_eq!(world.tick().await["tokens"], 0);
    }
    assert_eq!(world.calls("gettoken"), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_credentials_of_one_app_stop_no_other_part_of_a_tick() {
    let external = ExternalWorld::new(&["contact", "service"]).await;
    let world = external.world().await;
    external
        .corp
        .rotate_secret("service", "reset-by-somebody")
        .unwrap();
    external.corp.revoke_tokens("contact");
    // The broken app has no stored token, so the tick requests one.
    let dynamodb = world.dynamodb();
    let expire = dynamodb
        .delete_item()
        .table_name(scrm_local::stack::DATA_TABLE)
        .key(
            "pk",
            aws_sdk_dynamodb::types::AttributeValue::S(format!("{}#app#service", world.corp.id())),
        )
        .key(
            "sk",
            aws_sdk_dynamodb::types::AttributeValue::S("token".to_owned()),
        );
    expire.send().await.unwrap();
    let customer = world.scan_as(&world.channel(json!({})).await, Scan::default());
    world.all_delivered().await;
    let tick = world
        .tick_until(|tick| tick["folded"].as_u64() > Some(0))
        .await;
    assert!(tick["tokens"]["error"].is_string(), "{tick}");
    assert_eq!(
        (&tick["due"], &tick["run"]),
        (&json!(0), &json!(null)),
        "{tick}"
    );
    assert_eq!(customer.relation().await["add_way"], 1);
    for _ in 0..5 {
        world.tick().await;
    }
    assert!(
        external.wecom.wrong_secrets() <= 3,
        "{}",
        external.wecom.wrong_secrets()
    );
    let instance = Instance::on(&external, &world, QUICK);
    assert_eq!(instance.gauges().await["apps_broken"].0, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_refresh_blocks_no_other_and_is_retried() {
    let world = World::new().await;
    let customers = [world.search("zhangsan"), world.search("lisi")];
    let group = world.corp.group_begins("wangwu", "展会群").unwrap().chat_id;
    world.all_delivered().await;
    world
        .wecom
        .faults()
        .next("groupchat/get", 3, Fault::Code(-1));
    let failed = world
        .tick_until(|tick| tick["folded"].get("error").is_some())
        .await;
    assert_eq!(failed["due"], 0, "{failed}");
    for customer in &customers {
        assert!(customer.relation().await["add_way"].is_number());
    }
    world.tick_until(|tick| tick["folded"] == 1).await;
    let stored = crate::copy::group(&world.store(), &world.corp, &group).await;
    assert_eq!(stored["owner"], "wangwu");
    // A permanent refusal is left to the reconcile.
    world.corp.group_is_renamed(&group, "新群").unwrap();
    world.all_delivered().await;
    world
        .wecom
        .faults()
        .next("groupchat/get", 1, Fault::Code(48002));
    world.tick_until(|tick| tick["folded"] == 1).await;
    assert_eq!(world.tick().await["folded"], 0);
    world.reconcile().await;
    crate::copy::groups_agree(&world.store(), &world.corp).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tick_reports_gauges_over_all_corps() {
    let external = ExternalWorld::limited(json!({"pause": 120, "per_minute": 20})).await;
    let world = external.world().await;
    let instance = Instance::on(&external, &world, QUICK);
    let gauge = |value: i64, unit: &str| Some((value, unit.to_owned()));
    let gauges = instance.gauges().await;
    let expected = [
        ("reconcile_age_hours", gauge(168, "None")),
        ("reconcile_percent", None),
        ("tags_waiting", gauge(0, "Count")),
        ("apps_broken", gauge(0, "Count")),
        ("apis_paused", gauge(0, "Count")),
    ];
    for (name, expected) in expected {
        assert_eq!(gauges.get(name), expected.as_ref(), "{name}: {gauges:?}");
    }

    let minute = Duration::from_secs(60);
    let ran = instance.invoke(Task::Reconcile, minute).await;
    assert_eq!(ran["state"], "finished", "{ran}");
    let gauges = instance.gauges().await;
    assert_eq!(gauges.get("reconcile_age_hours"), gauge(0, "None").as_ref());
    let (used, unit) = gauges["quota_used_percent"].clone();
    assert!((1..=100).contains(&used) && unit == "Percent", "{gauges:?}");

    // A second run stops in the middle of its members, and an add waits for its tags.
    let tags = world.tags(&["展会"]);
    let channel = world.channel(json!({"tag_ids": tags})).await;
    let faults = world.wecom.faults();
    faults.next("mark_tag", 1, Fault::Code(45009));
    faults.after("batch/get_by_user", 1, 1, Fault::Code(45009));
    let customer = world.scan(&channel);
    customer.is_postponed().await;
    world.all_delivered().await;
    assert_eq!(make_due(&world, "tags#").await, 1);
    // The instance reads the pauses of other functions once a second.
    world.time_passes(Duration::from_secs(2));
    let ran = instance.invoke(Task::Reconcile, minute).await;
    assert_eq!(ran["state"], "continues", "{ran}");
    let gauges = instance.gauges().await;
    let expected = [
        ("reconcile_age_hours", gauge(0, "None")),
        ("tags_waiting", gauge(1, "Count")),
        ("apis_paused", gauge(2, "Count")),
    ];
    for (name, expected) in expected {
        assert_eq!(gauges.get(name), expected.as_ref(), "{name}: {gauges:?}");
    }
    let (done, unit) = gauges["reconcile_percent"].clone();
    assert!((1..100).contains(&done) && unit == "Percent", "{gauges:?}");
    assert_eq!(
        instance.gauges().await["tags_waiting"].0,
        1,
        "it stays due while WeCom takes no calls"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_waits_and_an_add_without_an_event_are_measured() {
    let external = ExternalWorld::new(&["contact"]).await;
    let world = external.world().await;
    let instance = Instance::on(&external, &world, QUICK);
    let minute = Duration::from_secs(60);
    instance.invoke(Task::Reconcile, minute).await;
    assert_eq!(instance.gauges().await["oldest_pending_seconds"].0, 0);

    let channel = world.channel(json!({})).await;
    let unnoticed = || {
        instance
            .measured()
            .get("adds_unnoticed")
            .map(|(adds, _)| *adds)
    };
    world.without_delivery(|| world.scan(&channel));
    instance.measured();
    instance.invoke(Task::Reconcile, minute).await;
    assert_eq!(unnoticed(), None, "its event may still come");
    world.without_delivery(|| world.scan(&channel));
    world.without_delivery(|| world.scan(&channel));
    world.time_passes(Duration::from_secs(1_200));
    instance.invoke(Task::Reconcile, minute).await;
    assert_eq!(unnoticed(), Some(2));

    // An edit waits for a tick, which WeCom does not allow to read the customer.
    let customer = world.scan(&channel);
    customer.outcome("tags", "no_tags").await;
    world.all_delivered().await;
    instance.gauges().await;
    let get = "externalcontact/get";
    world.wecom.faults().next(get, 1, Fault::Code(45009));
    let edit = MemberEdit {
        remark: Some("李总".to_owned()),
        ..MemberEdit::default()
    };
    world
        .corp
        .member_edits(&customer.external_userid, &customer.userid, &edit)
        .unwrap();
    world.all_delivered().await;
    world.time_passes(Duration::from_secs(40));
    let (age, unit) = instance.gauges().await["oldest_pending_seconds"].clone();
    assert!((40..60).contains(&age) && unit == "Seconds", "{age} {unit}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_callback_url_is_checked_every_few_minutes_with_the_keys_of_the_apps() {
    let mut external = ExternalWorld::new(&["contact", "service"]).await;
    let world = external.world().await;
    let reachable = async |instance: &Instance| {
        let gauges = instance.gauges().await;
        gauges.get("callback_reachable").map(|(value, _)| *value)
    };
    let unknown = Instance::on(&external, &world, QUICK);
    assert_eq!(
        reachable(&unknown).await,
        Some(1),
        "there is no URL to check"
    );

    *external.public_url.lock().unwrap() = Some(world.stack.url.clone());
    let instance = Instance::on(&external, &world, QUICK);
    assert_eq!(reachable(&instance).await, Some(1));
    world.time_passes(Duration::from_secs(60));
    assert_eq!(
        reachable(&instance).await,
        None,
        "it was checked a minute ago"
    );

    // The callback reads the new Token when a signature does not match.
    external.rotate("contact", "token", "AnotherToken");
    world.time_passes(Duration::from_secs(300));
    assert_eq!(reachable(&instance).await, Some(1));
    assert_eq!(world.inbox().await, [], "a check stores nothing");

    // One app that the callback's configuration lacks is enough.
    let ahead = Instance::on(&external, &world, QUICK);
    assert_eq!(reachable(&ahead).await, Some(1));
    let complete = std::fs::read(external.secret()).unwrap();
    external.remove("service");
    world.time_passes(Duration::from_secs(400));
    world.scan(&world.channel(json!({})).await);
    world.all_delivered().await;
    std::fs::write(external.secret(), complete).unwrap();
    let another = Instance::on(&external, &world, QUICK);
    assert_eq!(reachable(&another).await, Some(-2));

    *external.public_url.lock().unwrap() = Some(crate::unfilled::NO_TABLES.to_owned());
    let instance = Instance::on(&external, &world, QUICK);
    assert_eq!(reachable(&instance).await, Some(0));

    // Nothing is configured, so nothing is unreachable.
    external.fill(false);
    let instance = Instance::on(&external, &world, QUICK);
    let failed = instance
        .try_invoke(Task::Tick, Duration::from_secs(30))
        .await;
    failed.unwrap_err();
    assert_eq!(instance.measured()["callback_reachable"].0, 1);
}
