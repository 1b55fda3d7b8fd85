//! Restarts of the local stack with `--data`: the bundle and the sandbox go on from where they were.

use std::time::Duration;

use scrm_local::stack::{StackOptions, Wecom};
use serde_json::json;
use wecom_sandbox::SandboxOptions;

use crate::world::World;

async fn start(data: &std::path::Path) -> World {
    World::start(|clock| StackOptions {
        port: 0,
        data: Some(data.to_owned()),
        config: None,
        wecom: Wecom::Sandbox(SandboxOptions::default()),
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
    // The same seed gives ids that the first run has not given.
    assert_ne!(new.external_userid, external_userid);
    second.numbers(&channel, [2, 0, 2, 0]).await;

    // Who was there before can leave now.
    second
        .corp
        .customer_leaves(&external_userid, &userid)
        .unwrap();
    second.numbers(&channel, [2, 1, 2, 0]).await;
    second.stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_stack_has_saved_changes_older_than_a_second() {
    let data = tempfile::tempdir().unwrap();
    let first = start(data.path()).await;
    let channel = first.channel_that_says("hi").await;
    let file = data.path().join("sandbox.json");
    let saved = || std::fs::read_to_string(&file).unwrap();
    first
        .eventually("the channel is saved", "channels", |_| {
            first.time_passes(Duration::from_secs(1));
            saved().contains(&channel.id)
        })
        .await;
    // Dropped, it stops like a process that is killed.
    drop(first);

    let second = start(data.path()).await;
    second.scan(&channel).sees("hi").await;
    second.stack.stop().await;
}
