//! Corp tags: made, changed and applied.

use serde_json::json;
use wecom_sandbox::{EventId, MemberEdit, Scan, VerbError};

use crate::support::{code, field, world};

const ADD: &str = "externalcontact/add_corp_tag";
const LIST: &str = "externalcontact/get_corp_tag_list";
const MARK: &str = "externalcontact/mark_tag";

#[tokio::test]
async fn requests_about_tags_are_checked() {
    let world = world().await;
    let console = world
        .corp
        .console_creates_tags("后台", &["甲"])
        .expect("made");
    let own = world
        .post(
            ADD,
            json!({"group_name": "来源", "tag": [{"name": "展会"}, {"name": "官网"}]}),
        )
        .await;
    let (group_id, tag_id) = (
        &own["tag_group"]["group_id"],
        &own["tag_group"]["tag"][0]["id"],
    );
    for (api, body, expected) in [
        ("add_corp_tag", json!({"group_name": "g", "tag": []}), 40063),
        (
            "add_corp_tag",
            json!({"group_name": "g", "tag": [{"name": "字".repeat(31)}]}),
            40072,
        ),
        (
            "add_corp_tag",
            json!({"group_name": "g", "tag": [{"name": "t", "order": -1}]}),
            40035,
        ),
        ("add_corp_tag", json!({"tag": [{"name": "t"}]}), 40063),
        (
            "add_corp_tag",
            json!({"group_id": "", "group_name": "g", "tag": [{"name": "t"}]}),
            40068,
        ),
        (
            "add_corp_tag",
            json!({"group_id": console.group_id, "tag": [{"name": "t"}]}),
            81011,
        ),
        (
            "edit_corp_tag",
            json!({"id": tag_id, "name": "官网"}),
            40071,
        ),
        (
            "edit_corp_tag",
            json!({"id": console.tag_ids[0], "name": "x"}),
            81011,
        ),
        ("edit_corp_tag", json!({"id": "etX", "name": "x"}), 40068),
        ("del_corp_tag", json!({}), 40063),
        (
            "del_corp_tag",
            json!({"tag_id": [console.tag_ids[0]]}),
            81011,
        ),
        (
            "edit_corp_tag",
            json!({"id": group_id, "name": "渠道来源", "order": 4_294_967_295_u32}),
            0,
        ),
    ] {
        let answer = world
            .post(&format!("externalcontact/{api}"), body.clone())
            .await;
        assert_eq!(code(&answer), expected, "{api} {body}: {answer}");
    }
}

#[tokio::test]
async fn groups_merge_by_name_and_end_with_their_last_tag() {
    let world = world().await;
    let first = world
        .post(
            ADD,
            json!({"group_name": "来源", "tag": [{"name": "展会"}]}),
        )
        .await;
    let second = world
        .post(
            ADD,
            json!({"group_name": "来源", "tag": [{"name": "展会"}, {"name": "官网"}]}),
        )
        .await;
    assert_eq!(
        first["tag_group"]["group_id"],
        second["tag_group"]["group_id"]
    );
    let tags = second["tag_group"]["tag"].as_array().expect("tags");
    assert_eq!(tags.len(), 2, "the same name is the same tag");
    let ids: Vec<_> = tags.iter().map(|tag| tag["id"].clone()).collect();
    let delete = world
        .post("externalcontact/del_corp_tag", json!({"tag_id": ids}))
        .await;
    assert_eq!(code(&delete), 0);
    assert_eq!(world.post(LIST, json!({})).await["tag_group"], json!([]));
    let asked = world.post(LIST, json!({"tag_id": [ids[0]]})).await;
    assert_eq!(asked["tag_group"][0]["deleted"], json!(true));
    assert_eq!(asked["tag_group"][0]["tag"][0]["deleted"], json!(true));
}

#[tokio::test]
async fn tags_are_put_on_one_relation() {
    let world = world().await;
    let group = world
        .corp
        .console_creates_tags("来源", &["展会", "官网"])
        .expect("made");
    let (customer, _) = world.scanned(&Scan::default()).await;
    let id = &customer.external_userid;
    let mark = |change: serde_json::Value| {
        let mut body = json!({"userid": "zhangsan", "external_userid": id});
        for (name, value) in change.as_object().expect("an object") {
            body[name] = value.clone();
        }
        body
    };
    let [fair, site] = [&group.tag_ids[0], &group.tag_ids[1]];
    for (change, expected, names) in [
        (json!({"add_tag": [fair, site]}), 0, vec!["官网", "展会"]),
        (json!({"remove_tag": [fair]}), 0, vec!["官网"]),
        (json!({}), 40063, vec!["官网"]),
        (
            json!({"add_tag": [], "remove_tag": []}),
            40063,
            vec!["官网"],
        ),
        (json!({"add_tag": [fair, "etX"]}), 40068, vec!["官网"]),
        (json!({"add_tag": [group.group_id]}), 40068, vec!["官网"]),
        (json!({"add_tag": [""]}), 40068, vec!["官网"]),
        (json!({"add_tag": vec![fair; 1001]}), 41111, vec!["官网"]),
        (json!({"add_tag": "etX"}), 40035, vec!["官网"]),
    ] {
        let answer = world.post(MARK, mark(change.clone())).await;
        assert_eq!(code(&answer), expected, "{change}");
        let tags = world.corp.tags(id, "zhangsan");
        let mut shown: Vec<_> = tags.iter().map(|tag| tag.name.as_str()).collect();
        shown.sort_unstable_by_key(|name| *name == "展会");
        assert_eq!(shown, names, "after {change}");
    }
    world.corp.console_deletes_tag(site).expect("it is there");
    assert!(
        world.corp.tags(id, "zhangsan").is_empty(),
        "a deleted tag is on nobody"
    );
}

#[tokio::test]
async fn a_group_of_the_console_is_one_event_per_tag_and_one_when_deleted() {
    let world = world().await;
    let group = world
        .corp
        .console_creates_tags("来源", &["展会", "官网"])
        .expect("made");
    assert_eq!(group.events.len(), 3);
    let deleted = world
        .corp
        .console_deletes_tag(&group.group_id)
        .expect("it is there");
    assert_eq!(deleted.len(), 1);
    world.settled().await;
    assert_eq!(world.callback.received().len(), 4);
}

#[tokio::test]
async fn two_changes_of_one_relation_at_once_are_refused() {
    let world = world().await;
    let group = world.corp.console_creates_tags("来源", &["展会"]);
    let tag = &group.expect("made").tag_ids[0];
    let (one, _) = world.scanned(&Scan::default()).await;
    let (two, _) = world.scanned(&Scan::default()).await;
    let mark = |id: &str| {
        let body = json!({"userid": "zhangsan", "external_userid": id, "add_tag": [tag]});
        world.post(MARK, body)
    };
    let first = mark(&one.external_userid);
    let meanwhile = async {
        (
            mark(&one.external_userid).await,
            mark(&two.external_userid).await,
        )
    };
    let (first, (same, other)) = world.during("mark_tag", first, meanwhile).await;
    assert_eq!((code(&first), code(&same)), (0, 45035));
    assert_eq!(code(&other), 0, "another relation is not concerned");
    let after = mark(&one.external_userid).await;
    assert_eq!(code(&after), 0, "the lock is free again");
}

#[tokio::test]
async fn the_console_adds_renames_orders_and_deletes() {
    let world = world().await;
    let corp = &world.corp;
    let group = corp.console_creates_tags("来源", &["展会"]).expect("made");
    let other = corp.console_creates_tags("等级", &["A"]).expect("made");
    let site = corp
        .console_adds_tag(&group.group_id, "官网")
        .expect("the group is there");
    let fair = &group.tag_ids[0];
    let summary = |events: &[EventId]| {
        let xml = world.sandbox.event(events[0]).expect("known").xml;
        ["ChangeType", "Id", "TagType"].map(|name| field(&xml, name))
    };
    let expected = |change: &str, id: &str, kind: Option<&str>| {
        [Some(change), Some(id), kind].map(|text| text.map(str::to_owned))
    };
    let tag = Some("tag");
    assert_eq!(summary(&site.events), expected("create", &site.id, tag));
    let renamed = corp.console_renames_tag(fair, "大展会").expect("there");
    assert_eq!(summary(&renamed), expected("update", fair, tag));
    let group_id = group.group_id.as_str();
    let order = corp.console_orders_tags(Some(group_id), &[&site.id, fair]);
    assert_eq!(
        summary(&order.expect("there")),
        expected("shuffle", group_id, None)
    );
    let order = corp.console_orders_tags(None, &[&other.group_id, group_id]);
    assert_eq!(
        summary(&order.expect("there")),
        expected("shuffle", "", None)
    );
    let list = world.post(LIST, json!({"group_id": [group_id]})).await;
    let tags = list["tag_group"][0]["tag"]
        .as_array()
        .expect("tags")
        .clone();
    let order_of = |id: &str| {
        let tag = tags.iter().find(|tag| tag["id"] == json!(id));
        tag.expect("there")["order"].as_u64()
    };
    assert!(
        order_of(&site.id) > order_of(fair),
        "the larger comes first"
    );
    assert_eq!(list["tag_group"][0]["order"], 1);
    let foreign = corp.console_orders_tags(Some(group_id), &[&other.tag_ids[0]]);
    assert_eq!(foreign.unwrap_err(), VerbError::NoTag);

    let (customer, _) = world.scanned(&Scan::default()).await;
    let edit = MemberEdit {
        add_tags: vec![fair.clone(), other.tag_ids[0].clone()],
        ..MemberEdit::default()
    };
    let id = &customer.external_userid;
    corp.member_edits(id, "zhangsan", &edit)
        .expect("in contact");
    let deleted = corp.console_deletes_tag(group_id).expect("there");
    assert_eq!(
        summary(&deleted),
        expected("delete", group_id, Some("tag_group"))
    );
    let truth = corp.truth();
    assert_eq!(truth.relations[0].tag_ids, other.tag_ids);
    assert_eq!(truth.tag_groups.len(), 1);
}
