//! Restarts of the local stack with `--data`: the bundle and the sandbox resume with the same state.

use std::time::Duration;

use scrm_local::stack::{StackOptions, Wecom};
use serde_json::json;
use wecom_sandbox::SandboxOptions;

use crate::counts::Counts;
use crate::world::World;

async fn start(data: &std::path::Path) -> World {
    World::start(|clock| StackOptions {
        port: 0,
        data: Some(data.to_owned()),
        config: None,
        wecom: Wecom::Sandbox(SandboxOptions::default()),
        shards: 1,
        clock,
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn channels_customers_chats_and_tags_survive_a_restart() {
    let data = tempfile::tempdir().unwrap();
    let first = start(data.path()).await;
    assert!(first.stack.is_new);
    let channel = first
        .channel(json!({"welcome": {"text": "hi"}, "tag_ids": first.tags(&["展会"])}))
        .await;
    let old = first.scan(&channel);
    old.sees("hi").await;
    old.is_tagged(&["展会"]).await;
    old.outcome("tags", "tagged").await;
    let (external_userid, userid) = (old.external_userid.clone(), old.userid.clone());
    let before = first.corp.relation(&external_userid, &userid);
    first.all_delivered().await;
    first.stack.stop().await;

    let second = start(data.path()).await;
    assert!(!second.stack.is_new);
    assert_eq!(second.corp.relation(&external_userid, &userid), before);
    assert_eq!(second.corp.chat(&external_userid, &userid).len(), 1);
    let new = second.scan(&channel);
    new.sees("hi").await;
    new.is_tagged(&["展会"]).await;
    // Despite the same seed, the second run generates new ids.
    assert_ne!(new.external_userid, external_userid);
    second
        .counts_are(&channel, Counts::added(2).welcomed(2))
        .await;

    // A customer from before the restart can leave.
    second
        .corp
        .customer_leaves(&external_userid, &userid)
        .unwrap();
    second
        .counts_are(&channel, Counts::added(2).lost(1).welcomed(2))
        .await;
    second.stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_stack_has_saved_changes_older_than_a_second() {
    let data = tempfile::tempdir().unwrap();
    let first = start(data.path()).await;
    let channel = first.channel_with_welcome("hi").await;
    let file = data.path().join("sandbox.json");
    let saved = || std::fs::read_to_string(&file).unwrap();
    first
        .eventually("the channel is saved", "channels", |_| {
            first.time_passes(Duration::from_secs(1));
            saved().contains(&channel.id)
        })
        .await;
    // Dropping it is like killing its process.
    drop(first);

    let second = start(data.path()).await;
    second.scan(&channel).sees("hi").await;
    second.stack.stop().await;
}
