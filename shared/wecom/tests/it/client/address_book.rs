//! Members, departments and the range of the app: what is sent, and what the answers become.

use super::calls::{Documented, called, li};
use super::sandbox::{Reply, Sandbox, code};
use serde_json::json;
use wecom::api::department::DepartmentId;
use wecom::api::user::{UserDepartment, UserEntry};
use wecom::{Class, Client, Private, UserId};

pub(super) fn documented() -> Vec<Documented> {
    vec![
        (
            called!(c => c.get_agent(1_000_002)),
            "agent/get",
            "&agentid=1000002",
            None,
        ),
        (
            called!(c => c.list_department_ids(None)),
            "department/simplelist",
            "",
            None,
        ),
        (
            called!(c => c.list_department_ids(Some(2))),
            "department/simplelist",
            "&id=2",
            None,
        ),
        (
            called!(c => c.list_departments(None)),
            "department/list",
            "",
            None,
        ),
        (
            called!(c => c.list_departments(Some(2))),
            "department/list",
            "&id=2",
            None,
        ),
        (
            called!(c => c.get_user(&li())),
            "user/get",
            "&userid=Li",
            None,
        ),
        (
            called!(c => c.list_users(1, false)),
            "user/simplelist",
            "&department_id=1&fetch_child=0",
            None,
        ),
        (
            called!(c => c.list_users(1, true)),
            "user/simplelist",
            "&department_id=1&fetch_child=1",
            None,
        ),
        (
            called!(c => c.list_user_ids(None, None)),
            "user/list_id",
            "",
            Some(json!({})),
        ),
        (
            called!(c => c.list_user_ids(Some("n"), Some(10_000))),
            "user/list_id",
            "",
            Some(json!({"cursor": "n", "limit": 10_000})),
        ),
    ]
}

#[tokio::test]
async fn the_range_of_the_app_becomes_lists() {
    let wecom = Sandbox::start().await;
    let client = wecom.client();
    wecom.next(
        "agent/get",
        Reply::Json(json!({
            "agentid": 1_000_002, "name": "scrm", "close": 0,
            "allow_userinfos": {"user": [{"userid": "Li"}, null, {"userid": null}]},
            "allow_partys": {"partyid": [1, 2]}, "allow_tags": null,
        })),
    );
    wecom.next("agent/get", code(301_002));
    let agent = client.get_agent(1_000_002).await.unwrap();
    assert_eq!((agent.users, agent.parties), (vec![li()], vec![1, 2]));
    assert_eq!((agent.tags, agent.closed), (vec![], false));
    let error = client.get_agent(1_000_003).await.unwrap_err();
    assert_eq!(error.class(), Class::Configuration);
}

#[tokio::test]
async fn departments_come_with_and_without_names() {
    let wecom = Sandbox::start().await;
    let client = wecom.client();
    wecom.next(
        "department/simplelist",
        Reply::Json(json!({"department_id": [{"id": 2, "parentid": 1, "order": 10}, {"id": 3}]})),
    );
    let ids = client.list_department_ids(None).await.unwrap();
    let third = DepartmentId {
        id: 3,
        ..DepartmentId::default()
    };
    assert_eq!((ids[0].parentid, ids[0].order, &ids[1]), (1, 10, &third));

    wecom.next(
        "department/list",
        Reply::Json(json!({"department": [
            {"id": 2, "name": "R&D", "name_en": "RD", "department_leader": ["Li", "wang"], "parentid": 1, "order": 40},
            {"id": 3, "name": null}]})),
    );
    let departments = client.list_departments(Some(2)).await.unwrap();
    assert_eq!(
        (&*departments[0].name, &*departments[0].name_en),
        ("R&D", "RD")
    );
    assert_eq!(
        departments[0].department_leader,
        [li(), UserId::new("wang")]
    );
    assert_eq!((departments[1].id, &*departments[1].name), (3, ""));

    // Nothing in the range is an empty list.
    assert_eq!(client.list_department_ids(None).await, Ok(vec![]));
    assert_eq!(client.list_departments(None).await, Ok(vec![]));
}

#[tokio::test]
async fn members_come_by_department_or_all_at_once() {
    let wecom = Sandbox::start().await;
    let client = wecom.client();
    wecom.next(
        "user/simplelist",
        Reply::Json(json!({"userlist": [
            {"userid": "Li", "name": "Li Si", "department": [1, 2], "open_userid": "o"}, {"userid": "wang"}]})),
    );
    let users = client.list_users(1, true).await.unwrap();
    let entry = UserEntry {
        user_id: li(),
        name: Private::new("Li Si"),
        department: vec![1, 2],
    };
    assert_eq!(users[0], entry);
    assert!(users[1].name.is_empty() && users[1].department.is_empty());
    assert!(!format!("{users:?}").contains("Li Si"));

    wecom.next(
        "user/list_id",
        Reply::Json(json!({"next_cursor": "n", "dept_user": [
            {"userid": "Li", "department": 1}, {"userid": "Li", "department": 2}]})),
    );
    wecom.next("user/list_id", Reply::Json(json!({"next_cursor": ""})));
    let page = client.list_user_ids(None, None).await.unwrap();
    let row = |department| UserDepartment {
        user_id: li(),
        department,
    };
    assert_eq!(page.items, [row(1), row(2)]);
    assert_eq!(page.next_cursor.as_deref(), Some("n"));
    let page = client.list_user_ids(Some("n"), None).await.unwrap();
    assert_eq!((page.items.len(), page.next_cursor), (0, None));
}
