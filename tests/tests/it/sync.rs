//! The scheduled sync: what a reconcile brings, what a tick folds in, and how it is told.

use bundle_tests::sandbox::Scan;
use serde_json::json;

use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn a_reconcile_learns_a_corp_that_no_event_has_told_of() {
    let world = World::new().await;
    let customer = world.untold(|| world.search("zhangsan"));
    let ran = world.reconcile().await;
    assert_eq!(ran["state"], "finished", "{ran}");
    let contact = world.get(&customer.path()).await;
    assert_eq!(contact["relations"][0]["status"], "active");
    assert_eq!(contact["relations"][0]["userid"], "zhangsan");
    let sync = world.get("sync").await;
    assert_eq!(sync["running"], json!(null));
    assert_eq!(sync["last"]["id"], ran["run_id"]);
    assert_eq!(sync["last"]["error"], json!(null), "{sync}");
    let writes = sync["last"]["writes"].as_u64().unwrap();
    assert!(writes > 0, "{sync}");
    world.reconcile().await;
    let again = world.get("sync").await;
    assert_eq!(again["last"]["writes"], 0, "{again}");
    world.ends();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tick_folds_an_edit_in() {
    let world = World::new().await;
    let customer = world.scan_as(&world.channel_that_says("hi").await, Scan::default());
    customer.sees("hi").await;
    world.all_delivered().await;
    let told = world
        .tick_until(|tick| tick["folded"].as_u64() > Some(0))
        .await;
    assert_eq!(told["run"], json!(null), "{told}");
    let relation = customer.relation().await;
    assert_eq!(relation["add_way"], 1, "{relation}");
    world.ends();
}
