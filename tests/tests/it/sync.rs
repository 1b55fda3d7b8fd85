//! The scheduled sync: what a reconcile copies, how a run is reported, and what the scheduled tasks answer.

use domain::relation::Status;
use scrm_local::operator::http_client;
use serde_json::{Value, json};
use wecom_sandbox::{Fault, Growth, JoinScene, MemberEdit, MemberSetup, SandboxOptions, Scan};

use crate::copy;
use crate::external_world::{ADMIN_KEY, ExternalWorld, config};
use crate::operator::Operator;
use crate::world::World;

/// Fills a corp with data without any event, and returns the tags that some of its customers have.
fn fill_corp(world: &World) -> Vec<String> {
    let tags = world.tags(&["展会", "上海", "老客户"]);
    let mut manager = MemberSetup::new("Zhao.Liu", "赵六");
    manager.alias = "Zhao".to_owned();
    manager.position = "店长".to_owned();
    world.corp.member_joins(manager).unwrap();
    world
        .corp
        .grow(&Growth {
            members: 30,
            relations: 600,
            groups: 12,
            states: vec!["other-tool-7".to_owned()],
            seed: 7,
        })
        .unwrap();
    tags
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_reconcile_copies_the_corp_and_the_second_writes_nothing() {
    let world = World::new().await;
    fill_corp(&world);
    let ran = world.reconcile().await;
    assert_eq!(ran["state"], "finished", "{ran}");
    copy::agrees(&world).await;

    let sync = world.get("sync").await;
    assert_eq!(sync["running"], json!(null));
    let last = &sync["last"];
    assert_eq!(
        (&last["id"], &last["task"], &last["error"]),
        (&ran["run_id"], &json!("reconcile"), &json!(null)),
        "{last}"
    );
    assert!(
        last["finished_at"].as_i64() >= last["started_at"].as_i64(),
        "{last}"
    );
    assert_eq!(last["done"], last["total"], "{last}");
    assert_eq!(
        (&last["relations"], &last["lost"]),
        (&json!(600), &json!(0))
    );
    assert!(last["writes"].as_u64() >= Some(600), "{last}");
    assert!(last["per_minute"].as_u64() > Some(0), "{last}");
    let by_api = last["quota"].as_object().unwrap();
    let sum: u64 = by_api.values().filter_map(Value::as_u64).sum();
    assert_eq!(last["calls"].as_u64(), Some(sum), "{last}");
    for api in [
        "user/get",
        "externalcontact/batch/get_by_user",
        "externalcontact/groupchat/get",
    ] {
        let count = u64::try_from(world.calls(api)).unwrap();
        assert_eq!(by_api[api].as_u64(), Some(count), "{api}");
    }

    world.reconcile().await;
    let again = world.get("sync").await;
    assert_eq!(
        (&again["last"]["writes"], &again["last"]["lost"]),
        (&json!(0), &json!(0)),
        "{again}"
    );
    assert_ne!(again["last"]["id"], ran["run_id"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reconcile_writes_only_rows_that_changed() {
    let world = World::new().await;
    let tags = fill_corp(&world);
    world.reconcile().await;
    let known = world.search("zhangsan");
    world.all_delivered().await;
    world.reconcile().await;
    let groups = world.corp.groups();
    let changed = world.without_delivery(|| {
        let removed = world.corp.truth().relations[0].clone();
        let (member, customer) = (&removed.userid, &removed.external_userid);
        world.corp.member_removes(customer, member).unwrap();
        let edit = MemberEdit {
            remark: Some("李总".to_owned()),
            add_tags: vec![tags[0].clone()],
            ..MemberEdit::default()
        };
        world
            .corp
            .member_edits(&known.external_userid, "zhangsan", &edit)
            .unwrap();
        world.corp.console_renames_tag(&tags[1], "北京").unwrap();
        world
            .corp
            .group_is_renamed(&groups[0].chat_id, "新群")
            .unwrap();
        world.corp.group_is_dissolved(&groups[1].chat_id).unwrap();
        world.corp.member_is_renamed("lisi", "李思").unwrap();
        world.corp.member_leaves("wangwu").unwrap();
        removed
    });
    world.reconcile().await;
    copy::agrees(&world).await;
    let last = world.get("sync").await["last"].take();
    assert_eq!(last["lost"], 1, "{last}");
    let pair = (changed.userid.as_str(), changed.external_userid.as_str());
    let lost = copy::relation(&world.store(), &world.corp, pair).await;
    assert_eq!(lost.status(), Status::Lost);
    assert!(lost.lifecycle.end_is_inferred());
    // The loss, the edit, the group of tags, two groups, two members.
    assert_eq!(last["writes"], 7, "{last}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relation_shows_everything_that_wecom_returns() {
    let world = World::new().await;
    let tags = world.tags(&["展会"]);
    let channel = world.channel(json!({})).await;
    let customer = world.without_delivery(|| world.scan(&channel));
    world.without_delivery(|| {
        let edit = MemberEdit {
            remark: Some("李总".to_owned()),
            description: Some("展会上认识".to_owned()),
            add_tags: tags.clone(),
            ..MemberEdit::default()
        };
        world
            .corp
            .member_edits(&customer.external_userid, "zhangsan", &edit)
            .unwrap();
    });
    world.reconcile().await;
    let truth = world.corp.truth();
    let relation = customer.relation().await;
    for (field, value) in [
        ("status", json!("active")),
        ("state", json!(channel.id)),
        ("channel_id", json!(channel.id)),
        ("add_way", json!(1)),
        ("createtime", json!(truth.relations[0].createtime)),
        ("added_at", json!(truth.relations[0].createtime)),
        ("remark", json!("李总")),
        ("description", json!("展会上认识")),
        ("tag_ids", json!(tags)),
        ("oper_userid", json!(truth.relations[0].oper_userid)),
    ] {
        assert_eq!(relation[field], value, "{field} of {relation}");
    }
    let contact = world.get(&customer.path()).await;
    assert_eq!(contact["tags"], json!(tags));

    let unionid = truth.customers[0].unionid.as_deref().unwrap();
    let found = world.get(&format!("contacts?unionid={unionid}")).await;
    assert_eq!(found["external_userids"], json!([customer.external_userid]));
    let unknown = world.get("contacts?unionid=nobody").await;
    assert_eq!(unknown["external_userids"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_reports_its_progress_and_is_not_started_twice() {
    let world = World::new().await;
    fill_corp(&world);
    world
        .wecom
        .set_latency(std::time::Duration::from_millis(40));
    let watch = async {
        let sync = world
            .eventually("a run with progress", "sync", |sync| {
                sync["running"]["total"].as_u64() >= Some(30)
            })
            .await;
        let running = &sync["running"];
        assert_eq!(running["finished_at"], json!(null), "{running}");
        assert_eq!(running["phase"], "customers", "{running}");
        assert!(running.get("seconds_left").is_some(), "{running}");
        // Neither another reconcile nor a tick resumes it in the meantime: its calls end only after both have answered.
        let _held = world.time.hold();
        let second = world.reconcile().await;
        assert_eq!(
            (&second["run_id"], &second["state"]),
            (&running["id"], &json!("continues"))
        );
        let tick = world.tick().await;
        assert_eq!(tick["run"]["state"], "continues", "{tick}");
    };
    let (ran, ()) = tokio::join!(world.reconcile(), watch);
    assert_eq!(ran["state"], "finished", "{ran}");
    // Each member was read once.
    assert_eq!(world.calls("user/get"), world.corp.truth().members.len());
    copy::agrees(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_corps_of_one_deployment_are_reconciled_independently() {
    let (mut two, other) = (config(&["contact"]), "wwother0000000001");
    let mut second = two["corps"][0].clone();
    second["corp_id"] = json!(other);
    second["apps"]["contact"]["secret"] = json!("secret-of-the-other");
    two["corps"].as_array_mut().unwrap().push(second);
    let external = ExternalWorld::with(two, SandboxOptions::default()).await;
    let world = external.world().await;
    let theirs = external.wecom.corp(other).unwrap();
    for (corp, seed) in [(&world.corp, 1), (&theirs, 2)] {
        let growth = Growth {
            relations: 90,
            groups: 3,
            seed,
            ..Growth::default()
        };
        corp.grow(&growth).unwrap();
    }
    let ran = world.reconcile().await;
    assert_eq!(ran["state"], "finished", "{ran}");
    copy::agrees_of(&world.store(), &world.corp).await;
    copy::agrees_of(&world.store(), &theirs).await;
    let operator = Operator::new(&world.stack.url, other, ADMIN_KEY, &world.time);
    let (_, sync) = operator.get("sync").await.unwrap();
    assert_eq!(sync["last"]["relations"], 90, "{sync}");

    // Errors of one corp do not affect the other.
    theirs
        .rotate_secret("contact", "reset-by-somebody")
        .unwrap();
    let customer = world.without_delivery(|| world.search("lisi"));
    let tick = world.schedule("tick").await;
    assert!(tick["corps"][other].is_object() && tick["corps"][world.corp.id()].is_object());
    world.reconcile().await;
    assert_eq!(customer.relation().await["status"], "active");
    let (_, sync) = operator.get("sync").await.unwrap();
    assert!(sync["last"]["error"].is_string(), "{sync}");
    copy::agrees_of(&world.store(), &world.corp).await;
    let left = copy::active(&world.store(), &theirs).await;
    assert_eq!(
        left.len(),
        90,
        "no loss is inferred for a corp that cannot be read"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn scheduled_tasks_report_what_they_did() {
    let world = World::new().await;
    let ran = world.reconcile().await;
    assert!(ran["run_id"].is_string(), "{ran}");
    assert_eq!(ran["state"], "finished");
    let tick = world.tick().await;
    for part in ["tokens", "due", "folded", "run", "calls"] {
        assert!(tick.get(part).is_some(), "{part} of {tick}");
    }
    let client = http_client();
    for (method, path, status) in [
        (reqwest::Method::GET, "tick", 405),
        (reqwest::Method::GET, "reconcile", 405),
        (reqwest::Method::POST, "nonsense", 404),
    ] {
        let url = format!("{}/schedule/{path}", world.stack.url);
        let answer = client.request(method, url).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), status, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_with_missing_permissions_reads_the_rest_and_reports_it() {
    let world = World::new().await;
    let customer = world.without_delivery(|| world.search("zhangsan"));
    let group = world.without_delivery(|| world.corp.group_begins("zhangsan", "展会群").unwrap());
    let join = [customer.external_userid.as_str()];
    world.without_delivery(|| {
        let scene = JoinScene::Invited("zhangsan".to_owned());
        world
            .corp
            .group_is_joined(&group.chat_id, &join, &scene)
            .unwrap()
    });
    world
        .wecom
        .faults()
        .next("department/list", 1, Fault::Code(60011));
    world
        .wecom
        .faults()
        .next("groupchat/list", 1, Fault::Code(48002));
    let ran = world.reconcile().await;
    assert_eq!(ran["state"], "finished", "{ran}");
    assert_eq!(customer.relation().await["status"], "active");
    let last = world.get("sync").await["last"].take();
    assert_eq!(last["error"], json!(null), "{last}");
    assert_eq!(last["skipped"].as_array().unwrap().len(), 2, "{last}");
    world.reconcile().await;
    copy::agrees(&world).await;
    assert_eq!(world.get("sync").await["last"]["skipped"], json!(null));
    // A scan afterwards still works.
    world.scan_as(&world.channel(json!({})).await, Scan::default());
}

/// Such a code is neither a missing permission nor about the one member who was read.
#[tokio::test(flavor = "multi_thread")]
async fn a_code_about_the_whole_company_fails_the_run_and_nothing_is_skipped() {
    let world = World::new().await;
    world.without_delivery(|| world.search("zhangsan"));
    for api in [
        "get_corp_tag_list",
        "department/list",
        "user/get",
        "groupchat/list",
    ] {
        world.wecom.faults().next(api, 1, Fault::Code(90510));
        let ran = world.reconcile().await;
        assert_eq!(ran["state"], "finished", "{api}: {ran}");
        let last = world.get("sync").await["last"].take();
        let error = last["error"].as_str().unwrap_or_default();
        assert!(error.contains("90510"), "{api}: {last}");
        assert_eq!(last["skipped"], json!(null), "{api}: {last}");
    }
    world.reconcile().await;
    let last = world.get("sync").await["last"].take();
    assert_eq!(last["error"], json!(null), "{last}");
    copy::agrees(&world).await;
}
