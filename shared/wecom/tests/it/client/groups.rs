//! Customer groups: what is sent, and what the answers become.

use super::calls::{Documented, called, li};
use super::sandbox::{Reply, Sandbox, code};
use serde_json::json;
use wecom::api::group::{
    GroupMemberType, GroupStatusFilter, GroupStatusKind, ListGroups, OwnerFilter,
};
use wecom::{ChatId, Class, Client};

fn of_li() -> ListGroups {
    ListGroups {
        status_filter: Some(GroupStatusFilter::OwnerLeft),
        owner_filter: OwnerFilter {
            userid_list: vec![li()],
        },
        cursor: Some("n".into()),
        limit: 10,
    }
}

pub(super) fn documented() -> Vec<Documented> {
    vec![
        (
            called!(c => c.list_groups(&ListGroups::default())),
            "externalcontact/groupchat/list",
            "",
            Some(json!({"limit": 1000})),
        ),
        (
            called!(c => c.list_groups(&of_li())),
            "externalcontact/groupchat/list",
            "",
            Some(
                json!({"status_filter": 1, "owner_filter": {"userid_list": ["Li"]}, "cursor": "n", "limit": 10}),
            ),
        ),
        (
            called!(c => c.get_group(&ChatId::new("wr1"), false)),
            "externalcontact/groupchat/get",
            "",
            Some(json!({"chat_id": "wr1", "need_name": 0})),
        ),
        (
            called!(c => c.get_group(&ChatId::new("wr1"), true)),
            "externalcontact/groupchat/get",
            "",
            Some(json!({"chat_id": "wr1", "need_name": 1})),
        ),
    ]
}

#[tokio::test]
async fn groups_are_listed_by_page() {
    let wecom = Sandbox::start().await;
    let api = "externalcontact/groupchat/list";
    wecom.next(
        api,
        Reply::Json(
            json!({"group_chat_list": [{"chat_id": "wr1", "status": 0}, {"chat_id": "wr2", "status": 1}],
                   "next_cursor": "n"}),
        ),
    );
    wecom.next(api, Reply::Json(json!({"group_chat_list": null})));
    wecom.next(api, code(81017));
    let client = wecom.client();
    let page = client.list_groups(&ListGroups::default()).await.unwrap();
    let rows: Vec<_> = page
        .items
        .iter()
        .map(|row| (row.chat_id.as_str(), row.status))
        .collect();
    assert_eq!(
        rows,
        [
            ("wr1", GroupStatusKind::Normal),
            ("wr2", GroupStatusKind::OwnerLeft)
        ]
    );
    assert_eq!(page.next_cursor.as_deref(), Some("n"));
    let page = client.list_groups(&ListGroups::default()).await.unwrap();
    assert_eq!((page.items.len(), page.next_cursor), (0, None));
    let error = client
        .list_groups(&ListGroups::default())
        .await
        .unwrap_err();
    assert_eq!(error.class(), Class::Configuration);
}

#[tokio::test]
async fn a_group_comes_with_everybody_in_it() {
    let wecom = Sandbox::start().await;
    let api = "externalcontact/groupchat/get";
    wecom.next(
        api,
        Reply::Json(json!({"group_chat": {
            "chat_id": "wr1", "name": "", "owner": "Li", "create_time": "17", "notice": null, "member_list": [
                {"userid": "Li", "type": 1, "join_time": 17, "join_scene": 1, "invitor": null},
                {"userid": "wm1", "type": 9, "join_scene": 9, "state": "ch1"}],
            "admin_list": null, "member_version": "v1"}})),
    );
    wecom.next(api, code(49008));
    let client = wecom.client();
    let group = client.get_group(&ChatId::new("wr1"), true).await.unwrap();
    assert_eq!((group.owner, group.create_time), (li(), 17));
    assert_eq!((&*group.member_version, group.admin_list.len()), ("v1", 0));
    let [member, other] = group.member_list.try_into().unwrap();
    assert_eq!(
        (&*member.userid, member.kind, member.invitor),
        ("Li", GroupMemberType::Member, None)
    );
    assert_eq!(
        (other.kind, other.state.as_str()),
        (GroupMemberType::Other(9), "ch1")
    );

    // A group that was dissolved is news of the business, not a fault.
    let gone = client.get_group(&ChatId::new("wr1"), false).await;
    assert_eq!(gone.unwrap_err().class(), Class::Outcome);
}
