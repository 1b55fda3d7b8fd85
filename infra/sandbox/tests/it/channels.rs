//! Contact ways and acquisition links: strict requests, and what a scan makes of them.

use serde_json::{Value, json};
use wecom_sandbox::{Scan, VerbError};

use crate::support::{code, field, world};

/// A good request, to which each case adds one fault.
fn way(change: &Value) -> Value {
    let mut body = json!({"type": 2, "scene": 2, "state": "ch", "user": ["zhangsan"]});
    for (name, value) in change.as_object().expect("an object") {
        body[name] = value.clone();
    }
    body
}

#[tokio::test]
async fn add_contact_way_checks_what_it_is_given() {
    let world = world().await;
    let long = "渠".repeat(31);
    for (change, expected) in [
        (json!({}), 0),
        (json!({"type": null}), 41037),
        (json!({"type": 3}), 41039),
        (json!({"type": "2"}), 40035),
        (json!({"scene": null}), 41038),
        (json!({"scene": 7}), 41040),
        (json!({"style": 9}), 41042),
        (json!({"user": "zhangsan"}), 40035),
        (json!({"user": [1]}), 40035),
        (json!({"user": ["zhang san"]}), 40003),
        (json!({"user": ["nobody"]}), 60111),
        (json!({"user": []}), 40063),
        (json!({"type": 1, "user": ["zhangsan", "lisi"]}), 41041),
        (json!({"type": 1, "party": [2]}), 40058),
        (json!({"user": null, "party": [2]}), 0),
        (json!({"party": [99]}), 60003),
        (json!({"party": ["2"]}), 40035),
        (json!({"remark": long}), 40058),
        (json!({"state": long}), 40058),
        (json!({"state": "渠".repeat(30)}), 0),
        (json!({"skip_verify": "true"}), 40035),
        (json!({"is_temp": true}), 48002),
        (json!({"conclusions": {}}), 40063),
    ] {
        let answer = world
            .post("externalcontact/add_contact_way", way(&change))
            .await;
        assert_eq!(code(&answer), expected, "{change}: {answer}");
    }
}

#[tokio::test]
async fn the_raw_request_is_checked_before_its_fields() {
    let world = world().await;
    let token = world.token("contact").await;
    let path = format!("externalcontact/add_contact_way?access_token={token}");
    for (body, expected) in [
        ("", 40063),
        ("[]", 40058),
        ("{", 40058),
        (
            r#"{"type":1,"scene":2,"state":"\u4e2d","user":["zhangsan"]}"#,
            40033,
        ),
        (
            r#"{"type":1,"scene":2,"state":"中","user":["zhangsan"]}"#,
            0,
        ),
    ] {
        let answer = world.post_text(&path, body.to_owned()).await;
        assert_eq!(code(&answer), expected, "{body}");
    }
    assert_eq!(
        code(&world.get_url(&path).await),
        40058,
        "GET for a POST API"
    );
    let form = world
        .http
        .post(format!("{}/cgi-bin/{path}", world.served.base_url));
    let form = form
        .header("content-type", "application/x-www-form-urlencoded")
        .body("type=1");
    let answer: Value = form
        .send()
        .await
        .expect("an answer")
        .json()
        .await
        .expect("JSON");
    assert_eq!(code(&answer), 40063, "a form");
}

#[tokio::test]
async fn an_error_is_worded_like_wecoms() {
    let world = world().await;
    let answer = world
        .post("externalcontact/get_contact_way", json!({"config_id": "x"}))
        .await;
    let text = answer["errmsg"].as_str().expect("a text");
    for part in [
        "invalid contact way config_id",
        "hint: [",
        "from ip: 127.0.0.1",
        "query?e=41044",
    ] {
        assert!(text.contains(part), "{text}");
    }
}

#[tokio::test]
async fn a_contact_way_is_read_changed_listed_and_deleted() {
    let world = world().await;
    let made = world
        .post(
            "externalcontact/add_contact_way",
            way(&json!({"remark": "展会"})),
        )
        .await;
    let config_id = json!({"config_id": made["config_id"]});
    let update = json!({"config_id": made["config_id"], "user": ["lisi"], "state": "new"});
    assert_eq!(
        code(
            &world
                .post("externalcontact/update_contact_way", update)
                .await
        ),
        0
    );
    let way = &world
        .post("externalcontact/get_contact_way", config_id.clone())
        .await["contact_way"];
    assert_eq!(
        way["user"],
        json!(["lisi"]),
        "the users replace the old ones"
    );
    assert_eq!(
        (&way["state"], &way["remark"]),
        (&json!("new"), &json!("展会"))
    );
    assert_eq!(way["qr_code"], made["qr_code"]);

    world.way("second").await;
    let first = world
        .post("externalcontact/list_contact_way", json!({"limit": 1}))
        .await;
    assert_eq!(first["contact_way"], json!([config_id]));
    let cursor = json!({"limit": 1, "cursor": first["next_cursor"]});
    let second = world.post("externalcontact/list_contact_way", cursor).await;
    assert_eq!(second["contact_way"].as_array().map(Vec::len), Some(1));
    assert_eq!(second["next_cursor"], "", "an empty cursor ends the list");
    let foreign = json!({"cursor": "bm9uc2Vuc2U"});
    assert_eq!(
        code(
            &world
                .post("externalcontact/list_contact_way", foreign)
                .await
        ),
        50100
    );

    for expected in [0, 41044] {
        let answer = world
            .post("externalcontact/del_contact_way", config_id.clone())
            .await;
        assert_eq!(code(&answer), expected);
    }
    assert_eq!(
        code(
            &world
                .post("externalcontact/get_contact_way", json!({}))
                .await
        ),
        41043
    );
}

#[tokio::test]
async fn a_channel_is_scanned_by_id_state_or_picture() {
    let world = world().await;
    let made = world
        .post(
            "externalcontact/add_contact_way",
            way(&json!({"state": "expo"})),
        )
        .await;
    let names = [
        "expo",
        made["config_id"].as_str().unwrap(),
        made["qr_code"].as_str().unwrap(),
    ];
    for name in names {
        let happening = world
            .corp
            .scan(name, &Scan::default())
            .expect("the channel is there");
        assert_eq!(happening.userid, "ZhangSan", "spelt as in the address book");
        let xml = world
            .sandbox
            .event(happening.events[0])
            .expect("an event")
            .xml;
        assert_eq!(field(&xml, "State").as_deref(), Some("expo"));
        assert_eq!(
            field(&xml, "ChangeType").as_deref(),
            Some("add_external_contact")
        );
        assert_eq!(
            field(&xml, "ExternalUserID"),
            Some(happening.external_userid)
        );
    }
    let missing = world.corp.scan("nowhere", &Scan::default());
    assert_eq!(missing.unwrap_err(), VerbError::NoChannel);
    world.settled().await;
    assert_eq!(world.callback.received().len(), names.len());
}

#[tokio::test]
async fn a_link_carries_its_customer_channel_and_belongs_to_its_app() {
    const PATH: &str = "externalcontact/customer_acquisition";
    let world = world().await;
    let body = json!({"link_name": "朋友圈", "range": {"user_list": ["lisi"]}});
    let made = world.post(&format!("{PATH}/create_link"), body).await;
    let link_id = made["link"]["link_id"].as_str().expect("a link");
    let url = made["link"]["url"].as_str().expect("a url");

    let scanned = format!("{url}?customer_channel=ad_7");
    let customer = world
        .corp
        .scan(&scanned, &Scan::default())
        .expect("the link is there");
    let xml = world
        .sandbox
        .event(customer.events[0])
        .expect("an event")
        .xml;
    assert_eq!(field(&xml, "State").as_deref(), Some("ad_7"));
    let wrote = world
        .corp
        .customer_writes(&customer.external_userid, "lisi", "在吗")
        .expect("in contact");
    let xml = world.sandbox.event(wrote.events[0]).expect("an event").xml;
    assert_eq!(field(&xml, "LinkId").as_deref(), Some(link_id));
    let second = world
        .corp
        .customer_writes(&customer.external_userid, "lisi", "你好")
        .expect("in contact");
    assert!(
        second.events.is_empty(),
        "only the first message is an event"
    );

    let came = world
        .post(&format!("{PATH}/customer"), json!({"link_id": link_id}))
        .await;
    let row = &came["customer_list"][0];
    assert_eq!(
        (&row["state"], &row["chat_status"]),
        (&json!("ad_7"), &json!(1))
    );
    for (app, expected) in [("contact", json!([link_id])), ("other", json!([]))] {
        let list = world
            .post_as(app, &format!("{PATH}/list_link"), json!({}))
            .await;
        assert_eq!(list["link_id_list"], expected, "{app}");
    }
    for (body, expected) in [
        (json!({"range": {"user_list": ["lisi"]}}), 40063),
        (
            json!({"link_name": "x".repeat(31), "range": {"user_list": ["lisi"]}}),
            40058,
        ),
        (json!({"link_name": "x"}), 40063),
        (
            json!({"link_name": "x", "range": {"user_list": ["nobody"]}}),
            60111,
        ),
        (json!({"link_name": "x", "range": {}}), 40063),
    ] {
        let answer = world
            .post(&format!("{PATH}/create_link"), body.clone())
            .await;
        assert_eq!(code(&answer), expected, "{body}");
    }
}

#[tokio::test]
async fn departments_give_their_members() {
    let world = world().await;
    world
        .post(
            "externalcontact/add_contact_way",
            way(&json!({"state": "all", "user": [], "party": [2]})),
        )
        .await;
    let scan = |member: &str| Scan {
        member: Some(member.to_owned()),
        ..Scan::default()
    };
    // ZhangSan is in a department below.
    for (member, expected) in [
        ("zhangsan", None),
        ("lisi", None),
        ("wangwu", Some(VerbError::NotInChannel)),
    ] {
        assert_eq!(
            world.corp.scan("all", &scan(member)).err(),
            expected,
            "{member}"
        );
    }
    let all = world.get("department/list", "").await;
    assert_eq!(all["department"].as_array().map(Vec::len), Some(3));
    let below = world.get("department/simplelist", "id=2").await;
    assert_eq!(
        below["department_id"][1],
        json!({"id": 3, "parentid": 2, "order": 0})
    );
    for (query, expected) in [("department_id=2", 1), ("department_id=2&fetch_child=1", 2)] {
        let users = world.get("user/simplelist", query).await;
        assert_eq!(
            users["userlist"].as_array().map(Vec::len),
            Some(expected),
            "{query}"
        );
    }
}
