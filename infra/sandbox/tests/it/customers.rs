//! Relations: how they stand, what the APIs show of them, and which events they cause.

use serde_json::json;
use wecom_sandbox::{Happening, MemberEdit, Scan, VerbError};

use crate::support::{World, code, field, world};

type Verb = fn(&World, &str) -> Result<Happening, VerbError>;

/// The code of `mark_tag`, `remark` and `get` for `ZhangSan`'s customer.
async fn codes(world: &World, customer: &str, tag: &str) -> [i64; 3] {
    let pair = json!({"userid": "zhangsan", "external_userid": customer});
    let with = |name: &str, value| {
        let mut body = pair.clone();
        body[name] = value;
        body
    };
    [
        code(
            &world
                .post("externalcontact/mark_tag", with("add_tag", json!([tag])))
                .await,
        ),
        code(
            &world
                .post("externalcontact/remark", with("remark", json!("r")))
                .await,
        ),
        code(
            &world
                .get(
                    "externalcontact/get",
                    &format!("external_userid={customer}"),
                )
                .await,
        ),
    ]
}

#[tokio::test]
async fn what_the_apis_answer_follows_the_standing() {
    let world = world().await;
    let tag = &world
        .corp
        .console_creates_tags("来源", &["展会"])
        .expect("made")
        .tag_ids[0];
    let half = Scan {
        half: true,
        ..Scan::default()
    };
    let (customer, _) = world.scanned(&half).await;
    let id = customer.external_userid;
    assert_eq!(codes(&world, &id, tag).await, [84061; 3], "half");
    let steps: [(&str, Verb, &str, i64); 5] = [
        (
            "confirmed",
            |world, id| world.corp.member_confirms(id, "zhangsan"),
            "add_external_contact",
            0,
        ),
        (
            "left",
            |world, id| world.corp.customer_leaves(id, "zhangsan"),
            "del_follow_user",
            0,
        ),
        ("back", come_back, "add_external_contact", 0),
        (
            "removed",
            |world, id| world.corp.member_removes(id, "zhangsan"),
            "del_external_contact",
            84061,
        ),
        ("back again", come_back, "add_external_contact", 0),
    ];
    for (step, verb, change, expected) in steps {
        let happening = verb(&world, &id).expect("it can happen");
        let event = world.sandbox.event(happening.events[0]).expect("an event");
        assert_eq!(
            field(&event.xml, "ChangeType").as_deref(),
            Some(change),
            "{step}"
        );
        assert_eq!(codes(&world, &id, tag).await, [expected; 3], "{step}");
    }
    let confirm = world.corp.member_confirms(&id, "zhangsan");
    assert_eq!(confirm.unwrap_err(), VerbError::WrongStanding);
}

fn come_back(world: &World, customer: &str) -> Result<Happening, VerbError> {
    let known = Scan {
        customer: Some(customer.to_owned()),
        ..Scan::default()
    };
    world.corp.add_by_search("zhangsan", &known)
}

#[tokio::test]
async fn a_friend_who_scans_again_causes_no_event() {
    let world = world().await;
    let (customer, _) = world.scanned(&Scan::default()).await;
    let again = come_back(&world, &customer.external_userid).expect("nothing is wrong");
    assert!(again.events.is_empty());
}

#[tokio::test]
async fn get_and_batch_get_show_the_same_in_their_own_shapes() {
    let world = world().await;
    let group = world
        .corp
        .console_creates_tags("来源", &["展会"])
        .expect("made");
    let (customer, _) = world.scanned(&Scan::default()).await;
    let id = customer.external_userid;
    let edit = MemberEdit {
        remark: Some("老客户".to_owned()),
        add_tags: group.tag_ids.clone(),
        ..MemberEdit::default()
    };
    let edited = world
        .corp
        .member_edits(&id, "zhangsan", &edit)
        .expect("in contact");
    let event = world.sandbox.event(edited.events[0]).expect("an event");
    assert_eq!(event.kind, "change_external_contact/edit_external_contact");

    let get = world
        .get("externalcontact/get", &format!("external_userid={id}"))
        .await;
    let follow = &get["follow_user"][0];
    assert_eq!(
        (&follow["userid"], &follow["state"]),
        (&json!("ZhangSan"), &json!("ch_1"))
    );
    assert_eq!(
        (&follow["remark"], &follow["add_way"]),
        (&json!("老客户"), &json!(1))
    );
    let tag =
        json!({"group_name": "来源", "tag_name": "展会", "tag_id": group.tag_ids[0], "type": 1});
    assert_eq!(follow["tags"], json!([tag]));
    assert_eq!(get["external_contact"]["external_userid"], json!(id));

    let body = json!({"userid_list": ["zhangsan", "lisi"]});
    let batch = world.post("externalcontact/batch/get_by_user", body).await;
    let row = &batch["external_contact_list"][0];
    assert_eq!(row["follow_info"]["tag_id"], json!(group.tag_ids));
    assert_eq!(row["external_contact"], get["external_contact"]);
}

#[tokio::test]
async fn pages_of_batch_get_hold_every_relation_once() {
    let world = world().await;
    for member in ["lisi", "wangwu", "lisi", "zhangsan", "lisi"] {
        world
            .corp
            .add_by_search(member, &Scan::default())
            .expect("a member");
    }
    let mut rows = Vec::new();
    let mut cursor = json!("");
    loop {
        let body =
            json!({"userid_list": ["wangwu", "lisi", "zhangsan"], "limit": 2, "cursor": cursor});
        let page = world.post("externalcontact/batch/get_by_user", body).await;
        let page_rows = page["external_contact_list"].as_array().expect("rows");
        assert!(page_rows.len() <= 2);
        rows.extend(
            page_rows
                .iter()
                .map(|row| row["external_contact"]["external_userid"].to_string()),
        );
        cursor = page["next_cursor"].clone();
        if cursor == "" {
            break;
        }
    }
    assert_eq!(rows.len(), 5);
    rows.sort();
    rows.dedup();
    assert_eq!(rows.len(), 5, "each of them another");
}

#[tokio::test]
async fn requests_about_customers_are_checked() {
    let world = world().await;
    let (customer, _) = world.scanned(&Scan::default()).await;
    let id = customer.external_userid;
    for (api, body, expected) in [
        (
            "remark",
            json!({"userid": "zhangsan", "external_userid": id}),
            40063,
        ),
        (
            "remark",
            json!({"userid": "zhangsan", "external_userid": id, "remark": "字".repeat(21)}),
            40058,
        ),
        (
            "remark",
            json!({"userid": "zhangsan", "external_userid": id, "description": "字".repeat(151)}),
            40058,
        ),
        (
            "remark",
            json!({"userid": "zhangsan", "external_userid": id, "remark_mobiles": "138"}),
            40035,
        ),
        (
            "remark",
            json!({"userid": "lisi", "external_userid": id, "remark": "r"}),
            84061,
        ),
        (
            "remark",
            json!({"userid": "nobody", "external_userid": id, "remark": "r"}),
            60111,
        ),
        (
            "remark",
            json!({"userid": "zhangsan", "external_userid": "wmX", "remark": "r"}),
            40096,
        ),
        (
            "remark",
            json!({"userid": "zhangsan", "remark": "r"}),
            41035,
        ),
        (
            "remark",
            json!({"external_userid": id, "remark": "r"}),
            41009,
        ),
        ("batch/get_by_user", json!({}), 40063),
        (
            "batch/get_by_user",
            json!({"userid_list": vec!["lisi"; 101]}),
            40032,
        ),
        (
            "batch/get_by_user",
            json!({"userid_list": ["lisi"], "limit": 101}),
            40058,
        ),
        (
            "batch/get_by_user",
            json!({"userid_list": ["lisi"], "cursor": "x"}),
            50100,
        ),
    ] {
        let answer = world
            .post(&format!("externalcontact/{api}"), body.clone())
            .await;
        assert_eq!(code(&answer), expected, "{api} {body}");
    }
    for (api, query, expected) in [
        ("externalcontact/list", "userid=zhangsan", 0),
        // A member without customers.
        ("externalcontact/list", "userid=lisi", 84061),
        ("externalcontact/list", "", 41009),
        ("externalcontact/get", "", 41035),
        ("externalcontact/get", "external_userid=wmX", 40096),
        ("externalcontact/get_follow_user_list", "", 0),
        ("user/get", "userid=LISI", 0),
        ("user/get", "userid=nobody", 60111),
        ("agent/get", "agentid=1000002", 0),
        ("agent/get", "agentid=1000003", 301_002),
    ] {
        assert_eq!(
            code(&world.get(api, query).await),
            expected,
            "{api} {query}"
        );
    }
}

#[tokio::test]
async fn a_remark_is_written_and_read_under_two_names() {
    let world = world().await;
    let (customer, _) = world.scanned(&Scan::default()).await;
    let id = customer.external_userid;
    let pair = json!({"userid": "zhangsan", "external_userid": id});
    for (fields, company, mobiles) in [
        (
            json!({"remark_company": "甲公司", "remark_mobiles": ["13800000001"]}),
            json!("甲公司"),
            json!(["13800000001"]),
        ),
        // One empty text clears the numbers, and what is not given stays.
        (
            json!({"remark_mobiles": [""]}),
            json!("甲公司"),
            json!(null),
        ),
    ] {
        let mut body = pair.clone();
        for (name, value) in fields.as_object().expect("an object") {
            body[name] = value.clone();
        }
        assert_eq!(code(&world.post("externalcontact/remark", body).await), 0);
        let get = world
            .get("externalcontact/get", &format!("external_userid={id}"))
            .await;
        let follow = &get["follow_user"][0];
        assert_eq!(
            (&follow["remark_corp_name"], &follow["remark_mobiles"]),
            (&company, &mobiles)
        );
    }
}
