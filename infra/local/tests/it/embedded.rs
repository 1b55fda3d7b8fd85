//! The embedded DynamoDB through the AWS SDK.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use scrm_local::stack::aws_config;

use crate::inbox::Inbox;

fn client(endpoint: &str) -> Client {
    Client::new(&aws_config(endpoint).unwrap())
}

async fn put(client: &Client, name: &str) {
    client
        .put_item()
        .table_name("inbox")
        .item("pk", AttributeValue::S(name.to_owned()))
        .item("sk", AttributeValue::S("event".to_owned()))
        .item("name", AttributeValue::S(name.to_owned()))
        .send()
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_http_api_and_the_handle_write_at_once() {
    let inbox = Inbox::new().await;
    let client = client(inbox.embedded.endpoint());
    let database = inbox.database().clone();
    let through_handle = tokio::task::spawn_blocking(move || {
        for number in 0..100 {
            let item =
                serde_json::json!({"pk": {"S": format!("handle{number}")}, "sk": {"S": "event"}});
            let request = serde_json::json!({"TableName": "inbox", "Item": item});
            database
                .put_item(serde_json::from_value(request).unwrap())
                .unwrap();
        }
    });
    let through_http = (0..100).map(|number| {
        let client = &client;
        async move { put(client, &format!("http{number}")).await }
    });
    futures::future::join_all(through_http).await;
    through_handle.await.unwrap();
    let scan = client.scan().table_name("inbox").send().await.unwrap();
    assert_eq!(scan.count(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_are_made_and_dropped_while_changes_are_watched() {
    let inbox = Inbox::new().await;
    for _ in 0..300 {
        inbox.create("passing", true);
        let request = serde_json::json!({"TableName": "passing"});
        let request = serde_json::from_value(request).unwrap();
        inbox.database().delete_table(request).unwrap();
    }
}
