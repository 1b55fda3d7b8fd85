//! Customer groups: what the APIs return and which events they cause.

use serde_json::{Value, json};
use wecom_sandbox::{EventId, GroupStatus, Growth, JoinScene, MemberSetup, QuitScene, VerbError};

use crate::support::{World, code, field, world};

const LIST: &str = "externalcontact/groupchat/list";
const GET: &str = "externalcontact/groupchat/get";

async fn get(world: &World, chat_id: &str) -> Value {
    world
        .post(GET, json!({"chat_id": chat_id, "need_name": 1}))
        .await
}

/// The one event of a happening.
fn xml(world: &World, events: &[EventId]) -> String {
    assert_eq!(events.len(), 1, "one app has a callback");
    world.sandbox.event(events[0]).expect("it is known").xml
}

#[tokio::test]
async fn members_come_and_go_under_versions_that_chain() {
    let world = world().await;
    let corp = &world.corp;
    let begun = corp
        .group_begins("zhangsan", "客户一群")
        .expect("he is there");
    let chat_id = &begun.chat_id;
    let created = xml(&world, &begun.events);
    for (name, expected) in [
        ("Event", "change_external_chat"),
        ("ChangeType", "create"),
        ("ChatId", chat_id),
    ] {
        assert_eq!(field(&created, name).as_deref(), Some(expected));
    }
    assert!(chat_id.starts_with("wr"));

    let one = corp.stranger("小雨").expect("made");
    let two = corp.stranger("阿诚").expect("made");
    let version = |world: &World| world.corp.group(chat_id).expect("there").member_version;
    let first = version(&world);
    let scene = JoinScene::QrCode(Some("ch_1".to_owned()));
    let joined = corp
        .group_is_joined(chat_id, &[&one, &two], &scene)
        .expect("known");
    let event = xml(&world, &joined.events);
    let second = version(&world);
    assert_ne!(first, second);
    for element in [
        "<UpdateDetail><![CDATA[add_member]]></UpdateDetail><JoinScene>3</JoinScene><MemChangeCnt>2</MemChangeCnt>",
        &format!("<MemChangeList><Item>{one}</Item><Item>{two}</Item></MemChangeList>"),
        &format!(
            "<LastMemVer><![CDATA[{first}]]></LastMemVer><CurMemVer><![CDATA[{second}]]></CurMemVer></xml>"
        ),
    ] {
        assert!(event.contains(element), "{element} in {event}");
    }

    let left = corp
        .group_is_left(chat_id, &[&two], QuitScene::Removed)
        .expect("known");
    let event = xml(&world, &left.events);
    let third = version(&world);
    for element in [
        "<UpdateDetail><![CDATA[del_member]]></UpdateDetail><QuitScene>1</QuitScene><MemChangeCnt>1</MemChangeCnt>",
        &format!("<MemChangeList><Item>{two}</Item></MemChangeList>"),
        &format!(
            "<LastMemVer><![CDATA[{second}]]></LastMemVer><CurMemVer><![CDATA[{third}]]></CurMemVer>"
        ),
    ] {
        assert!(event.contains(element), "{element} in {event}");
    }
    world.settled().await;
    assert_eq!(world.callback.received().len(), 3);

    // Nothing changes, so there is no event.
    let again = corp.group_is_joined(chat_id, &[&one], &JoinScene::Link("zhangsan".to_owned()));
    assert!(again.expect("known").events.is_empty());
    let again = corp.group_is_left(chat_id, &[&two], QuitScene::Left);
    assert!(again.expect("known").events.is_empty());
    assert_eq!(version(&world), third);
    let owner = corp.group_is_left(chat_id, &["ZHANGSAN"], QuitScene::Left);
    assert_eq!(owner.unwrap_err(), VerbError::WrongStanding);
    let nobody = corp.group_is_joined(chat_id, &["wmX"], &scene);
    assert_eq!(nobody.unwrap_err(), VerbError::NoPerson);
}

#[tokio::test]
async fn get_shows_the_group_as_it_is() {
    let world = world().await;
    let corp = &world.corp;
    let begun = corp
        .group_begins("zhangsan", "客户一群")
        .expect("he is there");
    let chat_id = &begun.chat_id;
    let customer = corp.stranger("小雨").expect("made");
    let scene = JoinScene::QrCode(Some("ch_1".to_owned()));
    corp.group_is_joined(chat_id, &[&customer], &scene)
        .expect("known");
    let invited = JoinScene::Invited("zhangsan".to_owned());
    corp.group_is_joined(chat_id, &["lisi"], &invited)
        .expect("known");
    corp.group_has_admins(chat_id, &["LISI"])
        .expect("he is in it");
    for (change, detail) in [
        (corp.group_is_renamed(chat_id, "老客户"), "change_name"),
        (corp.group_notice_changes(chat_id, "欢迎"), "change_notice"),
        (corp.group_changes_owner(chat_id, "lisi"), "change_owner"),
    ] {
        let event = xml(&world, &change.expect("known").events);
        assert_eq!(field(&event, "UpdateDetail").as_deref(), Some(detail));
        assert!(!event.contains("MemChange"), "{event}");
    }
    let answer = get(&world, chat_id).await;
    let shown = &answer["group_chat"];
    let view = corp.group(chat_id).expect("it is there");
    for (name, expected) in [
        ("chat_id", json!(chat_id)),
        ("name", json!("老客户")),
        ("owner", json!("lisi")),
        ("notice", json!("欢迎")),
        ("create_time", json!(view.create_time)),
        ("admin_list", json!([{"userid": "lisi"}])),
        ("member_version", json!(view.member_version)),
    ] {
        assert_eq!(shown[name], expected, "{name}");
    }
    let expected: Vec<Value> = view
        .members
        .iter()
        .map(|member| {
            let mut expected = json!({
                "userid": member.id, "type": member.kind, "join_time": member.join_time,
                "join_scene": member.join_scene, "group_nickname": "", "name": member.name,
            });
            if member.kind == 2 {
                expected["unionid"] = json!(member.unionid.as_deref().expect("a WeChat user"));
                expected["state"] = json!("ch_1");
            }
            if member.id == "lisi" {
                expected["invitor"] = json!({"userid": "ZhangSan"});
            }
            expected
        })
        .collect();
    assert_eq!(shown["member_list"], json!(expected));
    let unnamed = world.post(GET, json!({"chat_id": chat_id})).await;
    assert_eq!(unnamed["group_chat"]["member_list"][0].get("name"), None);
}

#[tokio::test]
async fn a_dissolved_group_is_remembered_by_get_alone() {
    let world = world().await;
    let begun = world.corp.group_begins("lisi", "一群").expect("there");
    let gone = world
        .corp
        .group_is_dissolved(&begun.chat_id)
        .expect("there");
    let event = xml(&world, &gone.events);
    assert_eq!(field(&event, "ChangeType").as_deref(), Some("dismiss"));
    assert_eq!(code(&get(&world, &begun.chat_id).await), 49008);
    assert_eq!(code(&get(&world, "wrX").await), 40050);
    let list = world.post(LIST, json!({"limit": 10})).await;
    assert_eq!(list["group_chat_list"], json!([]));
    assert!(world.corp.groups().is_empty());
    let again = world.corp.group_is_dissolved(&begun.chat_id);
    assert_eq!(again.unwrap_err(), VerbError::NoGroup);
}

#[tokio::test]
async fn the_group_of_who_left_is_found_by_its_owner_and_inherited() {
    let world = world().await;
    let corp = &world.corp;
    let chat_id = corp.group_begins("lisi", "一群").expect("there").chat_id;
    corp.member_leaves("lisi").expect("there");
    let all = world.post(LIST, json!({"limit": 10})).await;
    assert_eq!(all["group_chat_list"], json!([]));
    let by_owner = json!({"limit": 10, "owner_filter": {"userid_list": ["LiSi"]}});
    let found = world.post(LIST, by_owner).await;
    let row = json!([{"chat_id": chat_id, "status": 1}]);
    assert_eq!(found["group_chat_list"], row);
    assert_eq!(get(&world, &chat_id).await["group_chat"]["owner"], "lisi");

    let changed = corp.group_changes_owner(&chat_id, "wangwu").expect("there");
    assert_eq!(changed.events.len(), 2, "he was not in it before");
    assert_eq!(
        corp.group(&chat_id).expect("there").status,
        GroupStatus::Inherited
    );
    let all = world
        .post(LIST, json!({"limit": 10, "status_filter": 3}))
        .await;
    assert_eq!(
        all["group_chat_list"],
        json!([{"chat_id": chat_id, "status": 3}])
    );
}

#[tokio::test]
async fn the_list_is_paged_filtered_and_checked() {
    let world = world().await;
    let mut expected = Vec::new();
    for owner in ["zhangsan", "lisi", "lisi", "wangwu", "lisi"] {
        let begun = world.corp.group_begins(owner, "群").expect("there");
        expected.extend((owner == "lisi").then_some(begun.chat_id));
    }
    expected.sort();
    let mut cursor = String::new();
    let mut found = Vec::new();
    loop {
        let filter = json!({"userid_list": ["LISI"]});
        let body = json!({"limit": 2, "cursor": cursor, "owner_filter": filter});
        let page = world.post(LIST, body).await;
        let rows = page["group_chat_list"].as_array().expect("rows");
        found.extend(
            rows.iter()
                .map(|row| row["chat_id"].as_str().map(str::to_owned)),
        );
        cursor = page["next_cursor"].as_str().expect("a cursor").to_owned();
        if cursor.is_empty() {
            break;
        }
    }
    assert_eq!(found, expected.into_iter().map(Some).collect::<Vec<_>>());
    for (body, expected) in [
        (json!({}), 40058),
        (json!({"limit": 0}), 40058),
        (json!({"limit": 1001}), 40058),
        (json!({"limit": 1000}), 0),
        (json!({"limit": 10, "status_filter": 4}), 40058),
        (json!({"limit": 10, "cursor": "x"}), 50100),
        (
            json!({"limit": 10, "owner_filter": {"userid_list": vec!["lisi"; 101]}}),
            40032,
        ),
        (
            json!({"limit": 10, "owner_filter": {"userid_list": ["l i"]}}),
            40003,
        ),
    ] {
        let answer = world.post(LIST, body.clone()).await;
        assert_eq!(code(&answer), expected, "{body}");
    }
}

#[tokio::test]
async fn a_large_corp_must_be_asked_owner_by_owner() {
    let world = world().await;
    let growth = Growth {
        members: 997,
        ..Growth::default()
    };
    world.corp.grow(&growth).expect("it grows");
    let all = json!({"limit": 10});
    assert_eq!(code(&world.post(LIST, all.clone()).await), 0);
    world
        .corp
        .member_joins(MemberSetup::new("onemore", "甲"))
        .expect("new");
    assert_eq!(code(&world.post(LIST, all).await), 81017);
    let by_owner = json!({"limit": 10, "owner_filter": {"userid_list": ["lisi"]}});
    assert_eq!(code(&world.post(LIST, by_owner).await), 0);
}
