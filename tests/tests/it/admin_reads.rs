//! Reads of the admin API: default welcomes, statistics, customers, events and apps.

use serde_json::{Value, json};
use wecom_sandbox::Scan;

use crate::counts::Counts;
use crate::world::{World, later};

#[tokio::test(flavor = "multi_thread")]
async fn default_welcomes_are_set_individually_and_removed_by_null() {
    let world = World::new().await;
    let put = async |body: Value| world.operator.put("welcome", &body).await.unwrap();
    assert_eq!(
        world.get("welcome").await,
        json!({"corp": null, "members": {}})
    );

    let both = json!({"corp": {"text": "corp"}, "members": {"ZhangSan": {"text": "zhang"}}});
    assert_eq!(put(both.clone()).await, (200, both.clone()));
    assert_eq!(world.get("welcome").await, both);

    let (status, answer) = put(json!({"text": "by itself"})).await;
    assert_eq!(
        (status, &answer["corp"]),
        (200, &json!({"text": "by itself"}))
    );
    assert_eq!(
        answer["members"], both["members"],
        "fields that are not named stay unchanged"
    );

    let (_, answer) = put(json!({"members": {"lisi": {"text": "li"}, "zhangsan": null}})).await;
    assert_eq!(answer["members"], json!({"lisi": {"text": "li"}}));
    let (_, answer) = put(json!({"corp": null})).await;
    assert_eq!(answer["corp"], Value::Null);

    let before = world.get("welcome").await;
    for (body, status, field) in [
        (json!({"corp": {"text": ""}}), 422, json!("corp.text")),
        (
            json!({"corp": {"text": "x"}, "members": {"lisi": {}}}),
            422,
            json!("members.lisi"),
        ),
        (
            json!({"members": {"lisi": {"txt": "x"}}}),
            422,
            json!("members.lisi.txt"),
        ),
        (
            json!({"members": {"li si": {"text": "x"}}}),
            422,
            json!("members.li si"),
        ),
        (json!({"default": {"text": "x"}}), 422, json!("default")),
        (json!({"members": ["lisi"]}), 422, json!("members")),
        (json!({"text": "{nickname}"}), 422, json!("text")),
        (json!("hello"), 400, Value::Null),
    ] {
        let (answered, answer) = put(body.clone()).await;
        assert_eq!(
            (answered, &answer["field"]),
            (status, &field),
            "{body}: {answer}"
        );
    }
    assert_eq!(
        world.get("welcome").await,
        before,
        "a refused request changes nothing"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn stats_are_grouped_by_day_in_the_corps_time_zone() {
    let world = World::new().await;
    let channel = world.channel_with_welcome("hi").await;
    let customers: Vec<_> =
        world.without_delivery(|| (0..3).map(|_| world.scan(&channel)).collect());
    let deliver = |at: usize, seconds: i64| {
        let message = world.message(customers[at].events[0]);
        world.deliver(&later(&message, seconds));
    };
    deliver(0, 0);
    deliver(1, -24 * 3600);
    deliver(2, -10 * 24 * 3600);
    world
        .counts_are(&channel, Counts::added(3).welcomed(1).welcome_failed(2))
        .await;

    let path = format!("channels/{}/stats", channel.id);
    let stats = world.get(&path).await;
    let days = stats["days"].as_array().unwrap();
    assert_eq!(days.len(), 30, "from and to have defaults");
    let (from, to) = (&days[0]["date"], &days[29]["date"]);
    assert_eq!((&stats["from"], &stats["to"]), (from, to));
    let added = |days: &[Value]| {
        days.iter()
            .map(|day| day["added"].as_u64().unwrap())
            .collect::<Vec<_>>()
    };
    let mut wanted = vec![0; 30];
    (wanted[19], wanted[28], wanted[29]) = (1, 1, 1);
    assert_eq!(added(days), wanted);
    assert_eq!(days[29]["welcomed"], 1);

    let day = |at: usize| days[at]["date"].as_str().unwrap();
    let part = world
        .get(&format!("{path}?from={}&to={}", day(19), day(28)))
        .await;
    assert_eq!(part["days"].as_array().unwrap().len(), 10);
    assert_eq!(part["total"]["added"], 2);
    let one = world.get(&format!("{path}?from={0}&to={0}", day(28))).await;
    assert_eq!(one["total"]["added"], 1);

    for (query, field) in [
        ("from=yesterday".to_owned(), "from"),
        ("to=2026-02-30".to_owned(), "to"),
        (format!("from={}&to={}", day(28), day(19)), "from"),
        ("from=2026-01-01&to=2026-12-31".to_owned(), "from"),
    ] {
        let (status, body) = world
            .operator
            .get(&format!("{path}?{query}"))
            .await
            .unwrap();
        assert_eq!(
            (status, &body["field"]),
            (400, &json!(field)),
            "{query}: {body}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timeline_is_newest_first_with_outcomes_and_reasons() {
    let world = World::new().await;
    let tags = world.tags(&["展会"]);
    let channel = world
        .channel(json!({"tag_ids": tags, "welcome": {"text": "hi"}}))
        .await;
    let customer = world.scan(&channel);
    customer.sees("hi").await;
    customer.outcome("tags", "tagged").await;
    let left = world.without_delivery(|| customer.leaves());
    world.deliver(&later(&world.message(left[0]), 5));
    customer.relation_is("lost").await;
    let again = world.without_delivery(|| {
        let scan = Scan {
            customer: Some(customer.external_userid.clone()),
            ..Scan::default()
        };
        world.corp.add_by_search("zhangsan", &scan).unwrap()
    });
    world.deliver(&later(&world.message(again.events[0]), 10));
    customer.outcome("tags", "no_channel").await;
    customer.outcome("welcome", "no_template").await;

    let contact = world.get(&customer.path()).await;
    assert_eq!(
        contact["external_userid"],
        customer.external_userid.as_str()
    );
    let timeline = contact["timeline"].as_array().unwrap();
    let names: Vec<_> = timeline
        .iter()
        .map(|entry| entry["event"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        [
            "add_external_contact",
            "del_follow_user",
            "add_external_contact"
        ]
    );
    let first = &timeline[2];
    assert_eq!(first["state"], channel.id);
    assert_eq!(first["userid"], "zhangsan");
    for kind in ["welcome", "tags"] {
        assert_eq!(first[kind]["attempts"], 1);
        assert!(first[kind]["latency_ms"].is_number() && first[kind]["at"].is_number());
    }
    assert!(timeline[1]["welcome"].is_null() && timeline[1]["tags"].is_null());
    for (kind, outcome) in [("welcome", "no_template"), ("tags", "no_channel")] {
        assert_eq!(timeline[0][kind]["outcome"], outcome);
        assert!(
            !timeline[0][kind]["reason"].as_str().unwrap().is_empty(),
            "{kind}"
        );
    }

    let newest = world.get(&format!("{}?limit=1", customer.path())).await;
    assert_eq!(newest["timeline"], json!([timeline[0]]));
    for limit in ["0", "501", "x"] {
        let path = format!("{}?limit={limit}", customer.path());
        let (status, body) = world.operator.get(&path).await.unwrap();
        assert_eq!((status, &body["field"]), (400, &json!("limit")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_shows_every_field_except_the_welcome_code() {
    let world = World::new().await;
    let channel = world.channel_with_welcome("hi").await;
    let customer = world.scan(&channel);
    let message = world.message(customer.events[0]);
    let code = message.split_once("<WelcomeCode><![CDATA[").unwrap().1;
    let code = code.split_once("]]>").unwrap().0;
    customer.outcome("welcome", "sent").await;
    customer.outcome("tags", "no_tags").await;

    let contact = world.get(&customer.path()).await;
    let entry = &contact["timeline"][0];
    let path = format!("events/{}", entry["event_id"].as_str().unwrap());
    let event = world.get(&path).await;
    for (field, value) in entry.as_object().unwrap() {
        assert_eq!(event[field], *value, "{field} equals that of the timeline");
    }
    let fields = &event["fields"];
    for (field, value) in [
        ("ToUserName", world.corp.id()),
        ("FromUserName", "sys"),
        ("MsgType", "event"),
        ("Event", "change_external_contact"),
        ("ChangeType", "add_external_contact"),
        ("UserID", "zhangsan"),
        ("ExternalUserID", &customer.external_userid),
        ("State", &channel.id),
    ] {
        assert_eq!(fields[field], value);
    }
    assert_eq!(
        fields["CreateTime"].as_str().unwrap(),
        event["created_at"].to_string()
    );
    assert_eq!(fields.as_object().unwrap().len(), 9);
    for answer in [&contact, &event] {
        let text = answer.to_string();
        assert!(!text.contains(code) && !text.contains("WelcomeCode"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn apps_show_their_token_status_at_wecom() {
    let world = World::new().await;
    let apps = world.get("apps").await["apps"].clone();
    assert_eq!(apps.as_array().unwrap().len(), 1);
    assert_eq!(apps[0]["app"], "contact");
    assert_eq!(apps[0]["takes_callbacks"], true);
    assert!(apps[0]["agent_id"].is_number());
    assert_eq!(
        apps[0]["token"], "valid",
        "the status of the token, not the token itself"
    );
    assert!(apps[0]["expires_at"].is_number());
    assert_eq!(apps[0].as_object().unwrap().len(), 5);
}
