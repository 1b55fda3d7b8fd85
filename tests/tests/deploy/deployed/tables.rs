//! Compares the deployed tables with the layout that the functions use.

use std::collections::BTreeSet;

use platform::layout::{DATA, INBOX, Index, Table};
use serde_json::{Value, json};

use super::same;
use crate::aws::Aws;
use crate::bundle::{Outputs, STACK};
use crate::command::Outcome;

pub(super) async fn compare(aws: &Aws, outputs: &Outputs) -> Outcome<()> {
    let command =
        format!("cloudformation get-template --template-stage Processed --stack-name {STACK}");
    let template = aws.ask(&command).await?;
    let resources = &template["TemplateBody"]["Resources"];
    for (id, name, layout) in [
        ("InboxTable", &outputs.inbox_table, INBOX),
        ("DataTable", &outputs.data_table, DATA),
    ] {
        let described = aws
            .ask(&format!("dynamodb describe-table --table-name {name}"))
            .await?;
        compare_table(&layout, &described["Table"])?;
        compare_template(&layout, &resources[id])?;
    }
    Ok(())
}

/// Compares keys, indexes, stream and billing with the created table.
fn compare_table(layout: &Table, table: &Value) -> Outcome<()> {
    same("key", &key(layout.hash, layout.range), &table["KeySchema"])?;
    let index = |index: &Index| {
        let projection = if index.keys_only { "KEYS_ONLY" } else { "ALL" };
        json!([index.name, key(index.hash, Some(index.range)), projection]).to_string()
    };
    let wanted: BTreeSet<String> = layout.indexes.iter().map(index).collect();
    let indexes = table["GlobalSecondaryIndexes"].as_array();
    let found: BTreeSet<String> = indexes
        .into_iter()
        .flatten()
        .map(|index| {
            let projection = &index["Projection"]["ProjectionType"];
            json!([index["IndexName"], index["KeySchema"], projection]).to_string()
        })
        .collect();
    same("indexes", &json!(wanted), &json!(found))?;
    let wanted = json!([
        layout.stream.then_some("NEW_IMAGE"),
        true,
        "PAY_PER_REQUEST"
    ]);
    let found = json!([
        table["StreamSpecification"]["StreamViewType"],
        table["DeletionProtectionEnabled"],
        table["BillingModeSummary"]["BillingMode"],
    ]);
    same("stream, protection, billing", &wanted, &found)
}

/// Compares the settings that the emulator ignores with the template.
fn compare_template(layout: &Table, resource: &Value) -> Outcome<()> {
    let properties = &resource["Properties"];
    let found = json!([
        properties["TimeToLiveSpecification"],
        properties["PointInTimeRecoverySpecification"],
        properties["SSESpecification"],
        resource["DeletionPolicy"],
        resource["UpdateReplacePolicy"],
    ]);
    let wanted = json!([
        {"AttributeName": layout.ttl, "Enabled": true},
        {"PointInTimeRecoveryEnabled": true},
        {"SSEEnabled": true},
        "Retain",
        "Retain",
    ]);
    same("expiry, backups, encryption, policies", &wanted, &found)
}

fn key(hash: &str, range: Option<&str>) -> Value {
    let range = range.map(|range| json!({"AttributeName": range, "KeyType": "RANGE"}));
    let hash = json!({"AttributeName": hash, "KeyType": "HASH"});
    Value::from_iter(std::iter::once(hash).chain(range))
}
