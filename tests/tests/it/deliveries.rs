//! Deliveries: the accepted formats, deduplication of events, and that no delivery is acknowledged before its event is
//! stored.

use std::collections::BTreeSet;

use platform::layout;
use reqwest::Method;
use scrm_local::config::DEMO_CORP;
use scrm_local::stack::INBOX_TABLE;
use scrm_local::tables;
use serde_json::{Value, json};
use wecom_sandbox::{Delivery, DeliveryMode};

use crate::counts::Counts;
use crate::external_world::ExternalWorld;
use crate::postman::{Answer, Postman, TIMESTAMP, added, event};
use crate::world::{APP, World};

/// Builds the request body around a ciphertext.
type Wrap = fn(&Postman, &str) -> String;

/// Defect of LinkWeChat, MoChat, iYque, Venus: they answer 200 and then lose the event.
#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_acknowledged_only_once_it_is_stored() {
    let world = World::new().await;
    let dynamodb = world.dynamodb();
    let channel = world.channel_with_welcome("hi").await;
    dynamodb
        .delete_table()
        .table_name(INBOX_TABLE)
        .send()
        .await
        .unwrap();
    let customer = world.scan(&channel);
    world.all_delivered().await;
    let attempts = || world.wecom.event(customer.events[0]).unwrap().attempts;
    let statuses: Vec<_> = attempts().iter().map(|attempt| attempt.status).collect();
    assert_eq!(statuses, [Some(503); 3]);
    let refused = Postman::of(&world).deliver(&added("wmA")).await;
    assert_eq!(refused, Answer::refused(503, "store_unavailable"));

    tables::ensure(&dynamodb, INBOX_TABLE, &layout::INBOX)
        .await
        .unwrap();
    world.wecom.redeliver(customer.events[0]);
    world.all_delivered().await;
    assert!(attempts().last().unwrap().accepted());
    let stored = world.inbox().await;
    assert_eq!(stored.len(), 1);
    assert_eq!(stored[0].1, "add_external_contact");
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_events_are_stored_unchanged() {
    let world = World::new().await;
    let postman = Postman::of(&world);
    for (message, field, value) in [
        (event("born_in_2027", "", "wmA"), "Event", "born_in_2027"),
        (
            event("change_external_contact", "born_in_2027", "wmA"),
            "ChangeType",
            "born_in_2027",
        ),
        ("hello, bundle".to_owned(), "Raw", "hello, bundle"),
        ("<xml><Broken>".to_owned(), "Raw", "<xml><Broken>"),
    ] {
        let before: BTreeSet<_> = world.inbox().await.into_iter().collect();
        assert_eq!(
            postman.deliver(&message).await,
            Answer::stored(),
            "{message}"
        );
        let after: BTreeSet<_> = world.inbox().await.into_iter().collect();
        let (id, name) = after.difference(&before).next().unwrap();
        assert_eq!(name, "unknown", "{message}");
        let shown = world.get(&format!("events/{id}")).await;
        assert_eq!(shown["event"], "unknown", "{message}");
        assert_eq!(shown["fields"][field], value, "{shown}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_delivery_format_is_accepted() {
    let world = World::new().await;
    let postman = Postman::of(&world);
    let corp = DEMO_CORP;
    let suite = format!(
        "<xml><SuiteId>ww4asffe99e54c0f4c</SuiteId><AuthCorpId>{corp}</AuthCorpId>\
         <InfoType>change_external_contact</InfoType><TimeStamp>{TIMESTAMP}</TimeStamp>\
         <ChangeType>add_external_contact</ChangeType><UserID>zhangsan</UserID>\
         <ExternalUserID>wmSuite</ExternalUserID></xml>"
    );
    let formats: [(&str, String, &str, Wrap); 5] = [
        (
            "wmJson",
            added("wmJson"),
            "application/json",
            |_, encrypt| {
                json!({"tousername": "ww", "encrypt": encrypt, "agentid": 1_000_002}).to_string()
            },
        ),
        (
            "wmUpper",
            added("wmUpper"),
            "application/json",
            |_, encrypt| json!({"Encrypt": encrypt}).to_string(),
        ),
        // Not a text type: API Gateway forwards the body in base64.
        (
            "wmBase64",
            added("wmBase64"),
            "application/octet-stream",
            Postman::envelope,
        ),
        ("wmPlain", added("wmPlain"), "text/xml", |_, encrypt| {
            format!("\u{feff}<xml>\n <Encrypt>{encrypt}</Encrypt>\n <AgentID/></xml>\n")
        }),
        ("wmSuite", suite, "text/xml", Postman::envelope),
    ];
    for (customer, message, content_type, envelope) in formats {
        let sealed = postman.seal(&message);
        let body = envelope(&postman, &sealed.encrypt);
        let answer = postman
            .call(Method::POST, &sealed.query, content_type, body)
            .await;
        assert_eq!(answer, Answer::stored(), "{customer}");
        let is_handled =
            |contact: &Value| contact["timeline"][0]["tags"]["outcome"] == "no_channel";
        let path = format!("contacts/{customer}");
        let contact = world
            .eventually("the add to be handled", &path, is_handled)
            .await;
        assert_eq!(
            contact["timeline"][0]["event"], "add_external_contact",
            "{customer}"
        );
    }
}

/// Defect of WxJava#3002, #3445, NeuChar#137: they deduplicate by `FromUserName` and `CreateTime`.
#[tokio::test(flavor = "multi_thread")]
async fn adds_in_the_same_second_are_different_events() {
    let world = World::new().await;
    let postman = Postman::of(&world);
    for customer in ["wmA", "wmB", "wmC"] {
        assert_eq!(postman.deliver(&added(customer)).await, Answer::stored());
    }
    assert_eq!(world.inbox().await.len(), 3);
}

/// A common defect: after a slow answer WeCom delivers three times, and counters count three.
#[tokio::test(flavor = "multi_thread")]
async fn an_event_delivered_three_times_is_counted_once() {
    let world = World::new().await;
    let tags = world.tags(&["展会"]);
    let channel = world
        .channel(json!({"welcome": {"text": "hi"}, "tag_ids": tags}))
        .await;
    world.wecom.set_delivery_mode(DeliveryMode {
        copies: 3,
        ..DeliveryMode::default()
    });
    let customer = world.scan(&channel);
    world.all_delivered().await;
    let attempts = world.wecom.event(customer.events[0]).unwrap().attempts;
    assert!(attempts.len() == 3 && attempts.iter().all(Delivery::accepted));
    let nonces: BTreeSet<_> = attempts.into_iter().map(|attempt| attempt.nonce).collect();
    assert_eq!(nonces.len(), 3);

    customer.sees("hi").await;
    customer.is_tagged(&["展会"]).await;
    customer.outcome("welcome", "sent").await;
    customer.outcome("tags", "tagged").await;
    world
        .counts_are(&channel, Counts::added(1).welcomed(1))
        .await;
    let stored = world.inbox().await;
    let adds = stored
        .iter()
        .filter(|(_, name)| name == "add_external_contact");
    assert_eq!(adds.count(), 1);
    assert_eq!(
        (world.calls("send_welcome_msg"), world.calls("mark_tag")),
        (1, 1)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_event_at_two_apps_is_two_events() {
    let external = ExternalWorld::new(&["contact", "service"]).await;
    let world = external.world().await;
    for app in [0, 1] {
        let postman = Postman::to(&world, app);
        assert_eq!(postman.deliver(&added("wmA")).await, Answer::stored());
    }
    assert_eq!(world.inbox().await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotated_token_is_loaded_on_the_first_bad_signature() {
    let mut external = ExternalWorld::new(&["contact"]).await;
    let world = external.world().await;
    let old = Postman::of(&world);
    assert_eq!(old.deliver(&added("wmA")).await, Answer::stored());
    external.rotate("contact", "token", "theNextToken");
    let new = Postman::of(&world).with_token("theNextToken");
    assert_eq!(new.deliver(&added("wmB")).await, Answer::stored());
    assert_eq!(
        old.deliver(&added("wmC")).await,
        Answer::refused(403, "bad_signature")
    );
    assert_eq!(world.inbox().await.len(), 2);
}

/// Defect of OpenSCRM: it answers an unknown event with an error, so that WeCom repeats it needlessly.
#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_event_is_not_redelivered() {
    let world = World::new().await;
    let id = world
        .corp
        .deliver_xml(APP, &event("born_in_2027", "", "wmA"))
        .unwrap();
    world.all_delivered().await;
    let attempts = world.wecom.event(id).unwrap().attempts;
    assert!(attempts.len() == 1 && attempts[0].accepted());
    assert_eq!(world.inbox().await.len(), 1);
}
