//! A corp grown from a seed, and that the APIs return what its truth says.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use wecom_sandbox::{CustomerTruth, Growth, RelationTruth, SandboxOptions, Truth};

use crate::support::{World, world, world_with};

fn growth(relations: usize) -> Growth {
    Growth {
        members: 12,
        relations,
        groups: 5,
        states: vec!["ch_1".to_owned(), "ch_2".to_owned()],
        seed: 7,
    }
}

async fn grown(relations: usize) -> (World, Truth) {
    let world = world().await;
    let tags = world.corp.console_creates_tags("来源", &["展会", "官网"]);
    tags.expect("made");
    let grown = world.corp.grow(&growth(relations)).expect("it grows");
    assert_eq!((grown.members.len(), grown.groups.len()), (12, 5));
    let truth = world.corp.truth();
    assert_eq!(truth.relations.len(), relations);
    assert_eq!(truth.customers.len(), grown.customers);
    (world, truth)
}

#[tokio::test]
async fn the_same_seed_grows_the_same() {
    let (world, one) = grown(500).await;
    let (_, two) = grown(500).await;
    assert_eq!(one.relations, two.relations);
    assert_eq!(one.customers, two.customers);
    assert_eq!(one.groups, two.groups);
    assert!(world.sandbox.events().len() <= 3, "only of the tags");
    let first = &one.relations[0];
    assert!(
        world
            .corp
            .chat(&first.external_userid, &first.userid)
            .is_empty()
    );

    world.corp.grow(&growth(500)).expect("it grows again");
    let more = world.corp.truth();
    assert_eq!(more.relations.len(), 1000);
    assert_eq!(more.members.len(), 3 + 24);
}

#[tokio::test]
async fn the_spread_is_that_of_a_real_corp() {
    let (_, truth) = grown(5000).await;
    let share = |part: usize, whole: usize| part * 100 / whole;
    let relations = &truth.relations;
    let of = |is: fn(&RelationTruth) -> bool| {
        share(
            relations.iter().filter(|it| is(it)).count(),
            relations.len(),
        )
    };
    let customers = &truth.customers;
    let wecom = customers.iter().filter(|it| it.kind == 2).count();
    let shared = relations.len() - customers.len();
    for (what, found, expected) in [
        ("with a state", of(|it| it.state.is_some()), 55..65),
        ("with tags", of(|it| !it.tag_ids.is_empty()), 26..34),
        ("with a remark", of(|it| !it.remark.is_empty()), 21..29),
        (
            "begun by members",
            of(|it| it.oper_userid == it.userid),
            15..40,
        ),
        ("WeCom users", share(wecom, customers.len()), 7..13),
        ("shared", share(shared, customers.len()), 7..13),
    ] {
        assert!(expected.contains(&found), "{found} % are {what}");
    }
    let has_unionid = |it: &CustomerTruth| it.unionid.is_some() == (it.kind == 1);
    assert!(customers.iter().all(has_unionid));
    let is_past = |it: &RelationTruth| (1_700_000_000..1_763_072_000).contains(&it.createtime);
    assert!(relations.iter().all(is_past));
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// The text of a field that may be missing.
fn maybe(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn texts(value: &Value) -> Vec<String> {
    let items = value.as_array().into_iter().flatten();
    items.map(text).collect()
}

#[tokio::test]
async fn the_pages_list_what_the_corp_has() {
    let (world, truth) = grown(1000).await;
    let follow_users = world.get("externalcontact/get_follow_user_list", "").await;
    let expected = truth.members.iter().filter(|it| it.has_function);
    let mut expected: Vec<_> = expected.map(|it| it.userid.clone()).collect();
    expected.sort_by_key(|userid| userid.to_lowercase());
    assert_eq!(texts(&follow_users["follow_user"]), expected);

    let mut listed = BTreeMap::new();
    let mut cursor = json!("");
    loop {
        let userids = &follow_users["follow_user"];
        let body = json!({"userid_list": userids, "limit": 100, "cursor": cursor});
        let page = world.post("externalcontact/batch/get_by_user", body).await;
        for row in page["external_contact_list"].as_array().expect("rows") {
            let key = (
                text(&row["follow_info"]["userid"]),
                text(&row["external_contact"]["external_userid"]),
            );
            assert!(listed.insert(key, row.clone()).is_none(), "each row once");
        }
        cursor = page["next_cursor"].clone();
        if cursor == "" {
            break;
        }
    }
    assert_eq!(listed.len(), truth.relations.len());
    let customers: BTreeMap<_, _> = truth
        .customers
        .iter()
        .map(|it| (it.external_userid.as_str(), it))
        .collect();
    for relation in &truth.relations {
        let key = (relation.userid.clone(), relation.external_userid.clone());
        let follow = &listed[&key]["follow_info"];
        assert_eq!(follow["createtime"], json!(relation.createtime));
        assert_eq!(maybe(&follow["state"]), relation.state);
        assert_eq!(follow["add_way"], json!(relation.add_way));
        assert_eq!(text(&follow["remark"]), relation.remark);
        assert_eq!(text(&follow["description"]), relation.description);
        assert_eq!(texts(&follow["remark_mobiles"]), relation.remark_mobiles);
        assert_eq!(texts(&follow["tag_id"]), relation.tag_ids);
        assert_eq!(text(&follow["oper_userid"]), relation.oper_userid);
        let shown = &listed[&key]["external_contact"];
        let customer = customers[relation.external_userid.as_str()];
        assert_eq!(text(&shown["name"]), customer.name);
        assert_eq!(shown["type"], json!(customer.kind));
        assert_eq!(maybe(&shown["unionid"]), customer.unionid);
        assert_eq!(text(&shown["avatar"]), customer.avatar);
        assert_eq!(shown["gender"], json!(customer.gender));
        assert_eq!(maybe(&shown["corp_name"]), customer.corp_name);
    }
}

#[tokio::test]
async fn what_is_too_long_is_not_kept_of_a_call() {
    let world = world_with(SandboxOptions {
        journal_body: 4000,
        journal_bytes: 3500,
        ..SandboxOptions::default()
    })
    .await;
    world.corp.grow(&growth(200)).expect("it grows");
    let ask = |limit: u32| {
        let body = json!({"userid_list": ["m000001", "m000002"], "limit": limit});
        world.post("externalcontact/batch/get_by_user", body)
    };
    ask(20).await;
    for _ in 0..3 {
        ask(4).await;
    }
    let calls = world.sandbox.calls_of("batch/get_by_user");
    let abridged: Vec<_> = calls.iter().map(|call| call.abridged).collect();
    assert!(abridged[0], "too long for itself");
    assert!(
        abridged[1] && !abridged[3],
        "the newest are kept: {abridged:?}"
    );
    assert_eq!(calls[0].request, Value::Null);
    assert_eq!(calls[0].answer, json!({"errcode": 0}));
    assert_eq!(calls[3].request["limit"], 4);
    assert_eq!(world.sandbox.calls().len(), 8, "every call is counted");
}
