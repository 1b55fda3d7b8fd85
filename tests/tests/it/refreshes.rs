//! Refreshes by ticks: the object of an event is read from WeCom, once for any number of events.

use std::time::Duration;

use platform::start::Platform;
use serde_json::json;
use wecom_sandbox::{Fault, JoinScene, MemberEdit, QuitScene, Scan};

use crate::copy;
use crate::counts::Counts;
use crate::crashing::FaultPoint;
use crate::external_world::ExternalWorld;
use crate::sync_scene::{Process, TUNING};
use crate::world::{World, later};

/// Longer than the time that an event has to settle before a tick handles it.
const SETTLE: Duration = Duration::from_secs(4);

/// Waits for the settling time, and checks that one tick handles exactly this many events.
async fn refresh(world: &World, events: u64) {
    world.all_delivered().await;
    world.time_passes(SETTLE);
    let tick = world.tick().await;
    assert_eq!(tick["folded"], events, "{tick}");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_edits_of_a_customer_are_refreshed_with_one_call() {
    let world = World::new().await;
    let tags = world.tags(&["展会", "上海"]);
    let customer = world.search("zhangsan");
    let again = Scan {
        customer: Some(customer.external_userid.clone()),
        ..Scan::default()
    };
    world.corp.add_by_search("lisi", &again).unwrap();
    // With the same second and the same content they would be one event.
    for number in 0..10 {
        let edit = MemberEdit {
            remark: Some(format!("李总 {number}")),
            add_tags: tags.clone(),
            ..MemberEdit::default()
        };
        let edited = world.without_delivery(|| {
            let edited = world
                .corp
                .member_edits(&customer.external_userid, "zhangsan", &edit);
            edited.unwrap()
        });
        world.deliver(&later(&world.message(edited.events[0]), 100 + number));
    }
    let get = "externalcontact/get";
    world.all_delivered().await;
    for member in ["zhangsan", "lisi"] {
        let external_userid = customer.external_userid.clone();
        let path = format!("contacts/{external_userid}");
        let is_read = |contact: &serde_json::Value| {
            let mut relations = contact["relations"].as_array().unwrap().iter();
            relations
                .any(|relation| relation["userid"] == member && !relation["createtime"].is_null())
        };
        world.eventually("the add is read", &path, is_read).await;
    }
    let calls = world.calls(get);
    // Ten edits, and a group of two tags; the customers of the adds were read when they came.
    refresh(&world, 13).await;
    assert_eq!(world.calls(get) - calls, 1);
    assert_eq!(world.calls("get_corp_tag_list"), 1);
    copy::tags_agree(&world.store(), &world.corp).await;
    copy::relations_agree(&world.store(), &world.corp).await;
    let relation = customer.relation().await;
    assert_eq!(relation["remark"], "李总 9", "{relation}");
    let mut ids = tags.clone();
    ids.sort();
    assert_eq!(relation["tag_ids"], json!(ids));

    // A tag that a person removes stays removed.
    let edit = MemberEdit {
        remove_tags: vec![tags[0].clone()],
        ..MemberEdit::default()
    };
    world
        .corp
        .member_edits(&customer.external_userid, "zhangsan", &edit)
        .unwrap();
    refresh(&world, 1).await;
    assert_eq!(customer.relation().await["tag_ids"], json!([tags[1]]));
    // An event is handled only once.
    assert_eq!(world.tick().await["folded"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_unreadable_during_tagging_is_read_by_the_next_tick() {
    const GET: &str = "externalcontact/get";
    let world = World::new().await;
    let tags = world.tags(&["展会"]);
    let channel = world.channel(json!({"tag_ids": tags})).await;
    refresh(&world, 2).await;
    world.wecom.faults().next(GET, 1, Fault::Code(48002));
    let customer = world.scan(&channel);
    customer.outcome("tags", "tagged").await;
    let relation = customer.relation().await;
    assert_eq!(relation["tag_ids"], json!(tags), "{relation}");
    assert!(relation["createtime"].is_null(), "{relation}");
    world.counts_are(&channel, Counts::added(1)).await;

    refresh(&world, 1).await;
    let relation = customer.relation().await;
    assert!(!relation["createtime"].is_null(), "{relation}");
    copy::relations_agree(&world.store(), &world.corp).await;
    world.counts_are(&channel, Counts::added(1)).await;
    // A customer who was read during tagging needs no refresh.
    world.scan(&channel).outcome("tags", "tagged").await;
    let calls = world.calls(GET);
    world.time_passes(SETTLE);
    assert_eq!(world.tick().await["folded"], 0);
    assert_eq!(world.calls(GET), calls);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_keeps_the_statuses_lost_and_removed() {
    let world = World::new().await;
    let (lost, removed) = (world.search("zhangsan"), world.search("lisi"));
    for customer in [&lost, &removed] {
        customer.relation_is("active").await;
    }
    lost.leaves();
    removed.is_removed();
    lost.relation_is("lost").await;
    removed.relation_is("removed").await;
    refresh(&world, 2).await;
    world.reconcile().await;
    assert_eq!(lost.relation().await["status"], "lost");
    assert_eq!(removed.relation().await["status"], "removed");
    // A customer who comes back is active again.
    let again = Scan {
        customer: Some(removed.external_userid.clone()),
        ..Scan::default()
    };
    world.without_delivery(|| world.corp.add_by_search("lisi", &again).unwrap());
    world.reconcile().await;
    assert_eq!(removed.relation().await["status"], "active");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_corp_tag_list_follows_changes_in_the_console() {
    let world = World::new().await;
    let group = world
        .corp
        .console_creates_tags("来源", &["展会", "上海", "北京"])
        .unwrap();
    let [fair, shanghai, beijing] = group.tag_ids.as_slice() else {
        panic!("three tags");
    };
    let store = world.store();
    refresh(&world, 4).await;
    copy::tags_agree(&store, &world.corp).await;
    world.corp.console_renames_tag(fair, "展会 2026").unwrap();
    world
        .corp
        .console_renames_tag(&group.group_id, "渠道")
        .unwrap();
    let calls = world.calls("get_corp_tag_list");
    refresh(&world, 2).await;
    assert_eq!(world.calls("get_corp_tag_list") - calls, 1);
    copy::tags_agree(&store, &world.corp).await;
    let order = [beijing.as_str(), fair, shanghai];
    world
        .corp
        .console_orders_tags(Some(&group.group_id), &order)
        .unwrap();
    refresh(&world, 1).await;
    copy::tags_agree(&store, &world.corp).await;
    world.corp.console_deletes_tag(shanghai).unwrap();
    refresh(&world, 1).await;
    copy::tags_agree(&store, &world.corp).await;
    world.corp.console_deletes_tag(&group.group_id).unwrap();
    refresh(&world, 1).await;
    copy::tags_agree(&store, &world.corp).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_is_read_only_if_its_events_lack_detail() {
    const GET: &str = "groupchat/get";
    let world = World::new().await;
    let store = world.store();
    let customers = ["wm1", "wm2", "wm3"].map(|name| world.corp.stranger(name).unwrap());
    let [one, two, three] = customers.each_ref().map(String::as_str);
    let group = world
        .corp
        .group_begins("zhangsan", "展会群")
        .unwrap()
        .chat_id;
    refresh(&world, 1).await;
    copy::groups_agree(&store, &world.corp).await;
    let scene = JoinScene::Invited("zhangsan".to_owned());
    world
        .corp
        .group_is_joined(&group, &[one, two, three, "lisi"], &scene)
        .unwrap();
    refresh(&world, 1).await;
    copy::groups_agree(&store, &world.corp).await;
    let calls = world.calls(GET);
    assert_eq!(calls, 2, "once for the new group, once for the new members");

    // The event names the members who left, and the version shows that no event is missing.
    world
        .corp
        .group_is_left(&group, &[one], QuitScene::Left)
        .unwrap();
    refresh(&world, 1).await;
    copy::groups_agree(&store, &world.corp).await;
    world
        .corp
        .group_is_left(&group, &[two], QuitScene::Removed)
        .unwrap();
    refresh(&world, 1).await;
    copy::groups_agree(&store, &world.corp).await;
    assert_eq!(world.calls(GET), calls, "two departures need no call");

    // The version of the next event shows that an event was lost.
    world.without_delivery(|| world.corp.group_is_joined(&group, &[one], &scene).unwrap());
    world
        .corp
        .group_is_left(&group, &[three], QuitScene::Left)
        .unwrap();
    refresh(&world, 1).await;
    copy::groups_agree(&store, &world.corp).await;
    assert_eq!(world.calls(GET), calls + 1);

    world.corp.group_is_renamed(&group, "展会群 2026").unwrap();
    world.corp.group_notice_changes(&group, "欢迎").unwrap();
    refresh(&world, 2).await;
    copy::groups_agree(&store, &world.corp).await;
    assert_eq!(world.calls(GET), calls + 2, "two changes, one call");
    world.corp.group_is_dissolved(&group).unwrap();
    refresh(&world, 1).await;
    copy::groups_agree(&store, &world.corp).await;
    let stored = copy::group(&store, &world.corp, &group).await;
    assert_eq!(stored["name"], "展会群 2026", "the last state is kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_link_balance_is_read_after_a_balance_event() {
    let world = World::new().await;
    let link = json!({"kind": "acquisition_link", "users": ["zhangsan"]});
    let channel = world.channel(link).await;
    world.corp.quota_is_bought(100, 1_900_000_000).unwrap();
    world.reconcile().await;
    let balance = async || {
        let sync = world.get("sync").await;
        sync["acquisition"]["balance"]
            .as_i64()
            .unwrap_or_else(|| panic!("{sync}"))
    };
    let before = balance().await;
    world
        .corp
        .quota_is_used(u64::try_from(before).unwrap() - 10)
        .unwrap();
    refresh(&world, 1).await;
    assert_eq!(balance().await, 10);
    world.corp.quota_is_used(10).unwrap();
    refresh(&world, 1).await;
    assert_eq!(balance().await, 0);
    world.corp.quota_is_bought(50, 1_900_000_000).unwrap();
    refresh(&world, 1).await;
    assert_eq!(balance().await, 50);

    // A link that an administrator deletes in the console is removed from the channels.
    let path = format!("channels/{}", channel.id);
    let link = world.get(&path).await["link_id"].take();
    let link = link.as_str().unwrap();
    world.corp.link_is_unavailable(link).unwrap();
    refresh(&world, 1).await;
    let is_listed = async || {
        let channels = world.get("channels").await;
        let mut channels = channels["channels"].as_array().unwrap().iter();
        channels.any(|listed| listed["id"] == channel.id.as_str())
    };
    assert!(is_listed().await, "it may become available again");
    world.corp.console_deletes_link(link).unwrap();
    refresh(&world, 1).await;
    assert!(!is_listed().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn events_stay_pending_while_the_configuration_lacks_their_app() {
    let mut external = ExternalWorld::new(&["contact", "service"]).await;
    let world = external.world().await;
    let customer = world.search("zhangsan");
    customer.relation_is("active").await;
    let edit = MemberEdit {
        remark: Some("李总".to_owned()),
        ..MemberEdit::default()
    };
    world
        .corp
        .member_edits(&customer.external_userid, "zhangsan", &edit)
        .unwrap();
    world.all_delivered().await;
    // Longer than after any other error.
    world.time_passes(Duration::from_secs(3 * 86_400));
    let complete = external.platform(&world.stack.dynamodb_url, "sync");
    complete.config.current().await.unwrap();
    external.remove("contact");
    let lacking = Platform {
        wecom: external.platform(&world.stack.dynamodb_url, "sync").wecom,
        ..complete.clone()
    };
    let none = FaultPoint::none();
    let [lacking, complete] = [&lacking, &complete]
        .map(|platform| Process::new(platform, &world.time, "sync", TUNING, &none));
    for _ in 0..2 {
        let tick = lacking.tick().await;
        let error = tick["folded"]["error"].as_str().unwrap_or_default();
        assert!(
            error.contains("is not in the configuration secret"),
            "{tick}"
        );
    }
    let given_up = |line: &serde_json::Value| line.get("folds_given_up").is_some();
    assert!(!external.lines().iter().any(given_up));
    let tick = complete.tick().await;
    assert!(
        tick["folded"].as_u64().is_some_and(|events| events > 0),
        "{tick}"
    );
    assert_eq!(customer.relation().await["remark"], "李总");
}
