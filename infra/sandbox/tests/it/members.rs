//! Members come, change and go, and each app sees the part of the corp that is in its range.

use serde_json::{Value, json};
use wecom_sandbox::{MemberSetup, MemberStatus, Scan, SetupError, VerbError};

use crate::support::{World, code, world};

const BATCH: &str = "externalcontact/batch/get_by_user";

async fn follow_users(world: &World) -> Value {
    let answer = world.get("externalcontact/get_follow_user_list", "").await;
    answer["follow_user"].clone()
}

async fn rows(world: &World, userids: Value) -> Result<usize, i64> {
    let answer = world.post(BATCH, json!({"userid_list": userids})).await;
    let rows = answer["external_contact_list"].as_array();
    rows.map(Vec::len).ok_or_else(|| code(&answer))
}

#[tokio::test]
async fn the_address_book_shows_what_became_of_a_member() {
    let world = world().await;
    let corp = &world.corp;
    let setup = MemberSetup {
        alias: "Z6".to_owned(),
        ..MemberSetup::new("ZhaoLiu", "赵六")
    };
    corp.member_joins(setup.clone()).expect("he is new");
    assert!(matches!(
        corp.member_joins(setup),
        Err(SetupError::DuplicateMember(_))
    ));
    corp.member_is_renamed("zhaoliu", "赵六六").expect("there");
    corp.member_moves("zhaoliu", &[2, 3])
        .expect("both are there");
    corp.member_gets_position("zhaoliu", "经理").expect("there");
    corp.member_takes_alias("zhaoliu", "Zhao").expect("there");
    corp.member_gets_status("zhaoliu", MemberStatus::Disabled)
        .expect("there");
    let shown = world.get("user/get", "userid=zhaoliu").await;
    for (name, expected) in [
        ("userid", json!("ZhaoLiu")),
        ("name", json!("赵六六")),
        ("department", json!([2, 3])),
        ("main_department", json!(2)),
        ("position", json!("经理")),
        ("alias", json!("Zhao")),
        ("status", json!(2)),
    ] {
        assert_eq!(shown[name], expected, "{name}");
    }
    let moved = corp.member_moves("zhaoliu", &[9]);
    assert_eq!(moved.unwrap_err(), VerbError::NoDepartment);
    assert!(world.sandbox.events().is_empty(), "there is no event");
}

#[tokio::test]
async fn who_leaves_takes_the_relations_along() {
    let world = world().await;
    let corp = &world.corp;
    let happening = corp.add_by_search("lisi", &Scan::default()).expect("there");
    let id = happening.external_userid;
    let shared = Scan {
        customer: Some(id.clone()),
        ..Scan::default()
    };
    corp.add_by_search("wangwu", &shared).expect("there");
    corp.member_leaves("LISI").expect("there");
    assert_eq!(follow_users(&world).await, json!(["wangwu", "ZhangSan"]));
    for (api, query) in [
        ("user/get", "userid=lisi"),
        ("externalcontact/list", "userid=lisi"),
    ] {
        assert_eq!(code(&world.get(api, query).await), 60111, "{api}");
    }
    assert_eq!(rows(&world, json!(["lisi", "wangwu"])).await, Err(60111));
    let detail = world
        .get("externalcontact/get", &format!("external_userid={id}"))
        .await;
    let follow = detail["follow_user"].as_array().expect("rows");
    assert_eq!(follow.len(), 1);
    assert_eq!(follow[0]["userid"], "wangwu");

    // Somebody else may get the userid, but not the customers.
    corp.member_joins(MemberSetup::new("lisi", "李四"))
        .expect("he is new");
    assert_eq!(rows(&world, json!(["lisi"])).await, Ok(0));
    let back = corp.add_by_search("lisi", &shared).expect("there");
    assert_eq!(back.events.len(), 1);
    assert_eq!(rows(&world, json!(["lisi"])).await, Ok(1));
}

#[tokio::test]
async fn without_the_function_customers_are_no_customers() {
    let world = world().await;
    let corp = &world.corp;
    let happening = corp.add_by_search("lisi", &Scan::default()).expect("there");
    let detail = format!("external_userid={}", happening.external_userid);
    for (function, list, detailed, count) in [(false, 84061, 40096, 0), (true, 0, 0, 1)] {
        corp.member_gets_function("lisi", function).expect("there");
        let listed = world.get("externalcontact/list", "userid=lisi").await;
        assert_eq!(code(&listed), list);
        let get = world.get("externalcontact/get", &detail).await;
        assert_eq!(code(&get), detailed);
        assert_eq!(rows(&world, json!(["lisi"])).await, Ok(count));
        let users = follow_users(&world).await;
        let is_there = users.as_array().expect("a list").contains(&json!("lisi"));
        assert_eq!(is_there, function);
        assert_eq!(code(&world.get("user/get", "userid=lisi").await), 0);
    }
}

#[tokio::test]
async fn an_app_sees_everybody_until_it_is_given_a_range() {
    let world = world().await;
    let agent = world.get("agent/get", "agentid=1000002").await;
    assert_eq!(agent["allow_partys"], json!({"partyid": [1]}));
    assert_eq!(agent["allow_userinfos"], json!({"user": []}));

    let corp = &world.corp;
    for member in ["zhangsan", "lisi", "wangwu"] {
        corp.add_by_search(member, &Scan::default()).expect("there");
    }
    // lisi is in department 2, ZhangSan in 3 below it, wangwu in the root.
    corp.app_sees("contact", &["WangWu"], &[3]).expect("there");
    let agent = world.get("agent/get", "agentid=1000002").await;
    assert_eq!(agent["allow_partys"], json!({"partyid": [3]}));
    assert_eq!(
        agent["allow_userinfos"],
        json!({"user": [{"userid": "wangwu"}]})
    );
    assert_eq!(follow_users(&world).await, json!(["wangwu", "ZhangSan"]));
    for (api, query, expected) in [
        ("user/get", "userid=zhangsan", 0),
        ("user/get", "userid=wangwu", 0),
        ("user/get", "userid=lisi", 60011),
        ("user/get", "userid=nobody", 60111),
        ("externalcontact/list", "userid=wangwu", 0),
        ("externalcontact/list", "userid=lisi", 60011),
        ("user/simplelist", "department_id=3", 0),
        ("user/simplelist", "department_id=1", 60011),
        ("user/simplelist", "department_id=9", 60003),
        ("department/list", "id=2", 60011),
        ("department/simplelist", "id=3", 0),
    ] {
        let answer = world.get(api, query).await;
        assert_eq!(code(&answer), expected, "{api} {query}");
    }
    let departments = world.get("department/list", "").await;
    let departments = departments["department"]
        .as_array()
        .expect("a list")
        .clone();
    assert_eq!(departments.len(), 1);
    assert_eq!(departments[0]["id"], 3);
    assert_eq!(rows(&world, json!(["wangwu", "zhangsan"])).await, Ok(2));
    assert_eq!(rows(&world, json!(["wangwu", "lisi"])).await, Err(60011));
    assert_eq!(rows(&world, json!(["wangwu", "nobody"])).await, Err(60111));
    let truth = corp.truth();
    assert_eq!((truth.members.len(), truth.relations.len()), (2, 2));
    assert_eq!(corp.truth_for("other").relations.len(), 3);
    let unseen = corp.add_by_search("lisi", &Scan::default()).expect("there");
    assert!(
        unseen.events.is_empty(),
        "an app gets events about the members that it sees"
    );
    let detail = format!("external_userid={}", unseen.external_userid);
    assert_eq!(
        code(&world.get("externalcontact/get", &detail).await),
        40096
    );

    corp.app_sees_everybody("contact").expect("there");
    assert_eq!(corp.truth().relations.len(), 4);
    let nobody = corp.app_sees("contact", &["nobody"], &[]);
    assert_eq!(nobody.unwrap_err(), VerbError::NoMember);
}
