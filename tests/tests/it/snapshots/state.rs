//! The calls about the sync and the apps.

use serde_json::Value;
use wecom_sandbox::Fault;

use super::compare;
use crate::world::{APP, World};

#[tokio::test(flavor = "multi_thread")]
async fn the_sync_shows_the_run_under_way_and_the_last_one() {
    let world = World::new().await;
    let none = world.operator.get("sync").await.unwrap();
    compare("sync_none", "GET sync", None, none);

    let customer = world.search("zhangsan");
    customer.outcome("tags", "no_channel").await;
    customer.outcome("welcome", "no_template").await;
    let ran = world.reconcile().await;
    assert_eq!(ran["state"], "finished", "{ran}");
    let finished = world.operator.get("sync").await.unwrap();
    compare("sync_finished", "GET sync", None, finished);

    let faults = world.wecom.faults();
    faults.next("groupchat/list", 1, Fault::Code(45009));
    let ran = world.reconcile().await;
    assert_eq!(ran["state"], "continues", "{ran}");
    let running = world.operator.get("sync").await.unwrap();
    compare("sync_running", "GET sync", None, running);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_shows_its_token_and_why_it_is_broken() {
    let world = World::new().await;
    let apps = world.operator.get("apps").await.unwrap();
    compare("apps", "GET apps", None, apps);

    let secret = "a-secret-that-the-configuration-does-not-have";
    world.corp.rotate_secret(APP, secret).unwrap();
    let customer = world.search("zhangsan");
    customer.outcome("tags", "no_channel").await;
    let is_broken = |apps: &Value| apps["apps"][0]["token"] == "broken";
    world.eventually("a broken app", "apps", is_broken).await;
    let apps = world.operator.get("apps").await.unwrap();
    compare("apps_broken", "GET apps", None, apps);
}
