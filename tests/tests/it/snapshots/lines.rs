//! The metric lines of each function: one of each form, as CloudWatch reads it.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use wecom_sandbox::Scan;

use super::{matches_snapshot, replaced};
use crate::crashing::FaultPoint;
use crate::external_world::ExternalWorld;
use crate::split_stack::{Records, SplitStack};
use crate::sync_scene::{Process, TUNING};

/// The names of what a line measures, with their dimensions.
fn form(line: &Value) -> String {
    let directives = line["_aws"]["CloudWatchMetrics"].as_array().unwrap();
    let of = |directive: &Value| {
        let metrics = directive["Metrics"].as_array().unwrap().iter();
        let names: Vec<&str> = metrics
            .filter_map(|metric| metric["Name"].as_str())
            .collect();
        let dimensions = directive["Dimensions"][0].as_array().unwrap().iter();
        let dimensions: Vec<&str> = dimensions.filter_map(Value::as_str).collect();
        format!("{} by {}", names.join(", "), dimensions.join(", "))
    };
    directives.iter().map(of).collect::<Vec<_>>().join("; ")
}

#[tokio::test(flavor = "multi_thread")]
async fn each_function_writes_the_metric_lines_of_its_snapshot() {
    let mut external = ExternalWorld::new(&["contact"]).await;
    let channel = {
        let world = external.world().await;
        let tags = world.tags(&["展会"]);
        let fields = json!({"welcome": {"text": "hi"}, "tag_ids": tags});
        world.channel(fields).await
    };
    {
        let split = SplitStack::new(&external).await;
        let fault_point = FaultPoint::none();
        let mut welcome = split.welcome(&fault_point, Records::New).await;
        let mut tagging = split.tagging(&fault_point, Records::New).await;
        external.corp.scan(&channel.id, &Scan::default()).unwrap();
        external.all_delivered().await;
        welcome.has_received(1).await;
        tagging.has_received(1).await;
        let platform = split.platform("sync");
        let process = Process::new(&platform, &external.time, "p1", TUNING, &fault_point);
        let ran = process.reconcile().await;
        assert_eq!(
            ran["corps"]
                .as_object()
                .map(|corps| corps.len())
                .unwrap_or(1),
            1,
            "{ran}"
        );
        process.tick().await;
    }
    // A callback that is signed with another token has no event.
    external.rotate("contact", "token", "anotherToken");
    {
        let _apart = SplitStack::new(&external).await;
        external
            .corp
            .add_by_search("zhangsan", &Scan::default())
            .unwrap();
        external.all_delivered().await;
    }

    let mut by_function: BTreeMap<String, BTreeMap<String, Value>> = BTreeMap::new();
    for line in external.lines() {
        let function = line["function"].as_str().unwrap().to_owned();
        let forms = by_function.entry(function).or_default();
        forms.entry(form(&line)).or_insert_with(|| replaced(&line));
    }
    let functions: Vec<&str> = by_function.keys().map(String::as_str).collect();
    assert_eq!(functions, ["callback", "sync", "tagging", "welcome"]);
    for (function, forms) in &by_function {
        matches_snapshot(&format!("metrics_{function}"), &json!(forms));
    }
}
