//! The rows that version 0.1.0 stores, of every kind: `tests/fixtures/stored_rows` has them as DynamoDB writes items in
//! JSON. Every release has to read them, and what it writes over them has to be readable for the release before.
//!
//! The rows were taken from a local stack after scans, edits, losses, refused tags, a reconcile and a paused API.
//! Tokens were replaced, and expiry moved to 2103. Three relations and a group were added by hand for states that need
//! days or an older release: an inferred end, an end without its start, an instant without microseconds.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use domain::channel::ChannelId;
use domain::due::Due;
use domain::event::EventId;
use domain::instant::UnixSeconds;
use domain::ports::{
    BalanceStore, ChannelStore, CountStore, DueStore, EventStore, GroupStore, MemberStore,
    ReadApps, ReadQuota, RelationStore, RunStore, TagStore,
};
use domain::relation::RelationKey;
use domain::sync::{Chunk, RunId};
use jiff::Timestamp;
use platform::store::relation_of_item;
use scrm_local::config::DEMO_CORP;
use scrm_local::functions::admin_function;
use scrm_local::invoke::Function;
use scrm_local::tables::{DATA_TABLE, INBOX_TABLE};
use serde_json::{Value, json};
use wecom::{AppName, ChatId, ExternalUserId, TagId, UserId};

use crate::external_world::ADMIN_KEY;
use crate::snapshots::matches_snapshot;
use crate::sync_scene::{Scene, corp_id};
use crate::unfilled::{invoke, request};

type Item = HashMap<String, AttributeValue>;

/// The rows of a table.
fn fixture(table: &str) -> Vec<Item> {
    let text = match table {
        INBOX_TABLE => include_str!("../../fixtures/stored_rows/inbox.json"),
        _ => include_str!("../../fixtures/stored_rows/data.json"),
    };
    let rows: Vec<BTreeMap<String, Value>> = serde_json::from_str(text).unwrap();
    let item = |row: BTreeMap<String, Value>| {
        let attributes = row.into_iter();
        attributes
            .map(|(name, value)| (name, attribute(&value)))
            .collect()
    };
    rows.into_iter().map(item).collect()
}

/// An attribute in DynamoDB's JSON, such as `{"S": "text"}`.
fn attribute(value: &Value) -> AttributeValue {
    let (kind, value) = value.as_object().unwrap().iter().next().unwrap();
    match (kind.as_str(), value) {
        ("S", Value::String(text)) => AttributeValue::S(text.clone()),
        ("N", Value::String(number)) => AttributeValue::N(number.clone()),
        ("B", Value::String(bytes)) => {
            AttributeValue::B(Blob::new(BASE64_STANDARD.decode(bytes).unwrap()))
        }
        ("BOOL", Value::Bool(value)) => AttributeValue::Bool(*value),
        ("L", Value::Array(items)) => AttributeValue::L(items.iter().map(attribute).collect()),
        other => panic!("an attribute of an unknown type: {other:?}"),
    }
}

/// Tables with these rows and nothing else.
async fn scene() -> Scene {
    let scene = Scene::new().await;
    for table in [INBOX_TABLE, DATA_TABLE] {
        for row in fixture(table) {
            let put = scene.dynamodb().put_item().table_name(table);
            put.set_item(Some(row)).send().await.unwrap();
        }
    }
    scene
}

fn text<'a>(row: &'a Item, attribute: &str) -> &'a str {
    row.get(attribute).map_or("", |value| value.as_s().unwrap())
}

async fn answer(admin: &Function, path: &str) -> Value {
    let mut call = request("GET", &format!("/admin/corps/{DEMO_CORP}/{path}"));
    call["headers"]["authorization"] = json!(format!("Bearer {ADMIN_KEY}"));
    let (status, body) = invoke(admin, &call).await.unwrap();
    assert_eq!(status, 200, "{path}: {body}");
    serde_json::from_str(&body).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_admin_api_shows_the_rows_of_version_0_1_0() {
    let scene = scene().await;
    let admin = admin_function(scene.platform_of("admin"));
    let mut answers = BTreeMap::new();
    let mut paths: BTreeSet<String> = ["channels", "welcome", "sync", "apps"]
        .map(str::to_owned)
        .into();
    for row in fixture(INBOX_TABLE) {
        paths.insert(format!("events/{}", text(&row, "id")));
    }
    for row in fixture(DATA_TABLE) {
        if let Some((_, customer)) = text(&row, "pk").split_once("#contact#") {
            paths.insert(format!("contacts/{customer}"));
        }
    }
    assert!(paths.len() > 25, "{paths:?}");
    for path in paths {
        let shown = answer(&admin, &path).await;
        answers.insert(path, shown);
    }
    matches_snapshot("stored_rows_of_0_1_0", &json!(answers));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sync_reads_the_rows_of_version_0_1_0() {
    let scene = scene().await;
    let (store, corp) = (scene.store(), corp_id());
    let members = store.members(&corp).await.unwrap();
    assert_eq!(members.len(), 3);
    let lisi = store.member(&corp, &UserId::from("LiSi")).await.unwrap();
    assert_eq!(
        lisi.as_ref().map(|member| member.name.expose()),
        Some("李四")
    );
    assert_eq!(store.departments(&corp).await.unwrap().len(), 1);
    let tags = store.tag_groups(&corp).await.unwrap();
    assert_eq!(tags.iter().flat_map(|group| &group.tag).count(), 2);
    let group = store.group(&corp, &ChatId::from("wrGROUP1")).await.unwrap();
    assert_eq!(group.map(|group| group.chat.member_list.len()), Some(1));
    let balance = store.balance(&corp).await.unwrap();
    assert_eq!(balance.map(|balance| balance.quota.balance), Some(1_000));

    let (running, last) = store.runs(&corp).await.unwrap();
    assert_eq!(
        (running, last.as_ref().map(|run| run.relations)),
        (None, Some(6))
    );
    let run: RunId = last.unwrap().id;
    let chunks = store.chunks(&corp, &run).await.unwrap();
    let [
        Chunk {
            done: true,
            members,
            ..
        },
    ] = chunks.as_slice()
    else {
        panic!("{chunks:?}");
    };
    assert_eq!(members.len(), 3);
    let pages = store.pages(&corp, &run, &chunks[0]).await.unwrap();
    assert_eq!(
        pages.iter().map(|page| page.seen.len()).sum::<usize>(),
        6 * 8
    );

    let (guard, _) = store.quota(&corp).await.unwrap();
    assert_eq!(guard.paused(UnixSeconds(1_795_821_900)), 1);
    let app = AppName::from("contact");
    let state = scene.platform.wecom.app_state(&corp, &app).await;
    assert!(matches!(
        state.unwrap(),
        domain::app::AppState::Valid { .. }
    ));
    let due = store
        .due(&corp, UnixSeconds(1_800_000_000), None, 50)
        .await
        .unwrap();
    assert!(matches!(due.0.as_slice(), [Due::Channel(_), ..]), "{due:?}");
    let channel = ChannelId::parse("chf6q2kjwsm19db").unwrap();
    let stored = store.channel(&corp, &channel).await.unwrap().unwrap();
    assert!(
        stored
            .spec
            .schedule
            .is_some_and(|schedule| schedule.has_limits())
    );
    let day = jiff::civil::date(2026, 11, 28);
    assert_eq!(
        store
            .adds_on(&corp, &channel, day)
            .await
            .unwrap()
            .values()
            .sum::<u64>(),
        2
    );
    let days = store.days(&corp, &channel, day, day).await.unwrap();
    assert_eq!(
        days.get(&day).map(|day| (day.added, day.welcomed)),
        Some((2, 2))
    );
    for row in fixture(INBOX_TABLE) {
        let id = EventId::parse(text(&row, "id")).unwrap();
        let event = store.event(&id).await.unwrap().unwrap();
        assert_ne!(event.event.name(), "unknown", "{id}");
    }
}

/// What a release writes over a row differs from that row in what it changed, and in nothing else: no field that an
/// earlier release reads is lost or renamed.
#[tokio::test(flavor = "multi_thread")]
async fn a_relation_of_version_0_1_0_keeps_its_fields_when_it_is_rewritten() {
    let scene = scene().await;
    let (store, corp) = (scene.store(), corp_id());
    let at: Timestamp = "2026-11-29T00:00:00Z".parse().unwrap();
    let mut rewritten = 0;
    for before in fixture(DATA_TABLE) {
        if !before.contains_key("relation") {
            continue;
        }
        let relation = relation_of_item(before.clone()).unwrap();
        store
            .add_tags(&corp, &relation, &[TagId::from("et-new")], at)
            .await
            .unwrap();
        let key = ["pk", "sk"].map(|name| (name.to_owned(), before[name].clone()));
        let get = scene.dynamodb().get_item().table_name(DATA_TABLE);
        let got = get.set_key(Some(key.into())).send().await.unwrap();
        let after = got.item.unwrap();
        let unchanged = |row: &Item| {
            let mut row = row.clone();
            let mut json: Value = serde_json::from_str(text(&row, "relation")).unwrap();
            let fields = json.as_object_mut().unwrap();
            for changed in ["tag_ids", "marked", "observed_at", "observed_us"] {
                fields.remove(changed);
            }
            // An earlier release reads the channel from the state if it is the same.
            if fields.get("channel_id").is_some() && fields.get("channel_id") == fields.get("state")
            {
                fields.remove("channel_id");
            }
            row.remove("version");
            row.remove("relation");
            (row, json)
        };
        assert_eq!(unchanged(&after), unchanged(&before));
        let json: Value = serde_json::from_str(text(&after, "relation")).unwrap();
        assert!(
            json["tag_ids"]
                .as_array()
                .unwrap()
                .contains(&json!("et-new"))
        );
        assert_eq!(json["observed_at"], at.as_second());
        rewritten += 1;
    }
    assert_eq!(rewritten, 11);
    let inferred = RelationKey::new(
        UserId::from("lisi"),
        ExternalUserId::from("wmINFERREDxxxxxxxxxxxxxxxxxxxxxx"),
    );
    let stored = store.relation(&corp, &inferred).await.unwrap().unwrap();
    assert!(stored.lifecycle.end_is_inferred());
}
