//! Requests as JSON, welcome messages within their limits, and answers as they come.

use serde_json::{Value, json};
use wecom::api::agent::Agent;
use wecom::api::contact::{ExternalContactDetail, Relation, Remark};
use wecom::api::contact_way::UpdateContactWay;
use wecom::api::department::Department;
use wecom::api::group::{
    GroupChat, GroupJoinScene, GroupMember, GroupMemberType, GroupStatus, GroupStatusFilter,
    GroupStatusKind, ListGroups,
};
use wecom::api::tag::{AddCorpTag, NewTag, TagGroup};
use wecom::api::welcome::{File, Image, Link, MiniProgram};
use wecom::{Attachment, Text, WelcomeMessage};

use crate::limits::{refused, way};

fn link(title: &str, desc: &str) -> Attachment {
    Attachment::Link(Link {
        title: title.into(),
        url: "https://example.com".into(),
        desc: Some(desc.into()),
        picurl: None,
    })
}

fn image(media_id: &str) -> Attachment {
    Attachment::Image(Image {
        media_id: Some(media_id.into()),
        pic_url: None,
    })
}

#[test]
fn attachments_are_written_as_the_document_shows_them() {
    let documented = json!([
        {"msgtype": "image", "image": {"media_id": "MID", "pic_url": "http://p.qpic.cn/0"}},
        {"msgtype": "link", "link": {"title": "T", "picurl": "https://p", "desc": "D", "url": "https://u"}},
        {"msgtype": "miniprogram", "miniprogram": {"title": "T", "pic_media_id": "MID", "appid": "wx1", "page": "/p"}},
        {"msgtype": "video", "video": {"media_id": "MID"}},
        {"msgtype": "file", "file": {"media_id": "MID"}},
    ]);
    let attachments: Vec<Attachment> = serde_json::from_value(documented.clone()).unwrap();
    assert_eq!(serde_json::to_value(&attachments).unwrap(), documented);
    let message = WelcomeMessage {
        text: Some(Text {
            content: "hi".into(),
        }),
        attachments,
    };
    assert_eq!(refused(message.check()), "");
    assert!(serde_json::from_value::<Attachment>(json!({"msgtype": "gif", "gif": {}})).is_err());
    assert!(serde_json::from_value::<Attachment>(json!({"msgtype": "file"})).is_err());
}

#[test]
fn what_is_not_set_is_not_sent() {
    let sent = |request: Value| request.to_string();
    assert_eq!(
        sent(serde_json::to_value(WelcomeMessage::default()).unwrap()),
        "{}"
    );
    let pictures = Image {
        media_id: Some("".into()),
        pic_url: Some("u".into()),
    };
    assert_eq!(
        sent(serde_json::to_value(pictures).unwrap()),
        r#"{"pic_url":"u"}"#
    );
    let add = AddCorpTag {
        group_id: Some("".into()),
        group_name: Some("g".into()),
        tag: vec![NewTag {
            name: "t".into(),
            order: None,
        }],
        ..AddCorpTag::default()
    };
    assert_eq!(
        serde_json::to_value(add).unwrap(),
        json!({"group_name": "g", "tag": [{"name": "t"}]})
    );
    // An empty object would be refused (40063), so there is no owner_filter without owners.
    assert_eq!(
        serde_json::to_value(ListGroups::default()).unwrap(),
        json!({"limit": 1000})
    );
    let inherited = ListGroups {
        status_filter: Some(GroupStatusFilter::Inherited),
        cursor: Some("".into()),
        limit: 10,
        ..ListGroups::default()
    };
    assert_eq!(
        serde_json::to_value(inherited).unwrap(),
        json!({"status_filter": 3, "limit": 10})
    );
    let documented = json!({"type": 2, "scene": 2, "user": ["zhangsan", "lisi"]});
    assert_eq!(serde_json::to_value(way()).unwrap(), documented);
    let emptied = UpdateContactWay {
        config_id: "c".into(),
        party: Some(vec![]),
        ..Default::default()
    };
    assert_eq!(
        serde_json::to_value(emptied).unwrap(),
        json!({"config_id": "c", "party": []})
    );
}

#[test]
fn welcome_messages_keep_the_limits() {
    let text = |content: String| WelcomeMessage::text(content);
    let attached = |attachment| WelcomeMessage {
        text: None,
        attachments: vec![attachment],
    };
    let cases = [
        (WelcomeMessage::default(), "text"),
        (text(" ".into()), "text.content"),
        (text("你".repeat(1333)), ""),
        (text("你".repeat(1334)), "text.content"),
        (text("a".repeat(4000)), ""),
        (text("a".repeat(4001)), "text.content"),
        (
            WelcomeMessage {
                text: None,
                attachments: vec![image("m"); 9],
            },
            "",
        ),
        (
            WelcomeMessage {
                text: None,
                attachments: vec![image("m"); 10],
            },
            "attachments",
        ),
        (attached(image("")), "attachments[0].image"),
        (attached(link(&"你".repeat(42), "")), ""),
        (
            attached(link(&"你".repeat(43), "")),
            "attachments[0].link.title",
        ),
        (attached(link("", "")), "attachments[0].link.title"),
        (
            attached(link("t", &"d".repeat(513))),
            "attachments[0].link.desc",
        ),
        (
            attached(Attachment::Link(Link {
                title: "t".into(),
                ..Link::default()
            })),
            "attachments[0].link.url",
        ),
        (
            attached(Attachment::File(File::default())),
            "attachments[0].file.media_id",
        ),
        (
            attached(Attachment::Video(File::default())),
            "attachments[0].video.media_id",
        ),
        (
            attached(Attachment::MiniProgram(MiniProgram {
                title: "t".repeat(65),
                ..MiniProgram::default()
            })),
            "attachments[0].miniprogram.title",
        ),
        (
            attached(Attachment::MiniProgram(MiniProgram {
                title: "t".into(),
                pic_media_id: "m".into(),
                appid: "wx1".into(),
                page: String::new(),
            })),
            "attachments[0].miniprogram.page",
        ),
    ];
    for (message, field) in cases {
        assert_eq!(refused(message.check()), field);
    }
}

#[test]
fn answers_take_what_comes() {
    let detail: ExternalContactDetail = serde_json::from_value(json!({
        "external_contact": {"external_userid": "wmA", "name": "nick", "type": 1, "gender": 9, "new": {}},
        "follow_user": [{"userid": "Rocky", "createtime": "1525779812", "add_way": 999, "tags": [
            {"group_name": "g", "tag_name": "t", "tag_id": "etA", "type": 1}, {"tag_name": "own", "type": 2}]}],
    }))
    .unwrap();
    let follow = &detail.follow_user[0];
    assert_eq!(follow.createtime, 1_525_779_812);
    assert_eq!(
        follow.tag_ids().map(|id| id.as_str()).collect::<Vec<_>>(),
        ["etA"]
    );
    assert_eq!(i64::from(detail.external_contact.gender), 9);
    assert!(!format!("{detail:?}").contains("nick"));

    let row: Relation =
        serde_json::from_value(json!({"follow_info": {"userid": "rocky", "tag_id": ["etB"]}}))
            .unwrap();
    assert_eq!(
        row.follow_info
            .tag_ids()
            .map(|id| id.as_str())
            .collect::<Vec<_>>(),
        ["etB"]
    );

    let group: TagGroup = serde_json::from_value(
        json!({"group_id": "et1", "order": 4_294_967_295_u32, "tag": [{"id": "et2"}]}),
    )
    .unwrap();
    assert_eq!(
        (group.order, group.tag[0].order, group.deleted),
        (4_294_967_295, 0, false)
    );
}

#[test]
fn the_range_of_an_app_is_read_out_of_its_objects() {
    let documented = json!({
        "agentid": 1_000_005, "name": "HR", "description": "For people", "close": 1,
        "allow_userinfos": {"user": [{"userid": "zhangshan"}, {"userid": "lisi"}]},
        "allow_partys": {"partyid": [1]}, "allow_tags": {"tagid": [1, 2, 3]},
    });
    let agent: Agent = serde_json::from_value(documented.clone()).unwrap();
    assert_eq!(agent.users, ["zhangshan".into(), "lisi".into()]);
    assert_eq!((agent.agent_id, agent.closed), (1_000_005, true));
    assert_eq!((&*agent.parties, &*agent.tags), (&[1][..], &[1, 2, 3][..]));
    assert_eq!(serde_json::to_value(agent).unwrap(), documented);

    let bare: Agent = serde_json::from_value(json!({
        "agentid": 7, "allow_userinfos": {"user": [{"userid": ""}, {}]}, "allow_partys": {}, "new": 1,
    }))
    .unwrap();
    let expected = Agent {
        agent_id: 7,
        ..Agent::default()
    };
    assert_eq!(bare, expected);
}

#[test]
fn groups_and_departments_take_what_comes() {
    let documented = json!({
        "chat_id": "wr1", "name": "Sales", "owner": "ZhangSan", "create_time": 1_572_505_490, "notice": "Be kind",
        "member_list": [
            {"userid": "ZhangSan", "type": 1, "unionid": "", "join_time": 1_572_505_491, "join_scene": 1,
             "invitor": {"userid": "jack"}, "group_nickname": "Boss", "name": "Zhang San", "state": ""},
            {"userid": "wm1", "type": 2, "unionid": "o1", "join_time": 1_572_505_492, "join_scene": 3,
             "group_nickname": "", "name": "Nick", "state": "klsdup3kj3s1"}],
        "admin_list": [{"userid": "sam"}], "member_version": "71217227bbd112ecfe3a49c482195cb4",
    });
    let group: GroupChat = serde_json::from_value(documented.clone()).unwrap();
    let [member, customer] = &*group.member_list else {
        panic!("{group:?}");
    };
    assert_eq!(
        (member.kind, &member.invitor),
        (GroupMemberType::Member, &Some("jack".into()))
    );
    assert_eq!(
        (customer.kind, customer.join_scene, &customer.invitor),
        (GroupMemberType::External, GroupJoinScene::QrCode, &None)
    );
    assert_eq!(group.admin_list, ["sam".into()]);
    let shown = format!("{group:?}");
    for hidden in ["Sales", "Be kind", "Boss", "Zhang San", "Nick"] {
        assert!(!shown.contains(hidden), "{shown}");
    }
    assert_eq!(serde_json::to_value(group).unwrap(), documented);

    for (json, joined) in [
        (json!({"join_time": "17", "invitor": {}}), 17),
        (json!({"invitor": {"userid": ""}, "new": {}}), 0),
        (json!({"invitor": null}), 0),
    ] {
        let member: GroupMember = serde_json::from_value(json).unwrap();
        assert_eq!((member.join_time, member.invitor), (joined, None));
    }

    for (number, kind) in [
        (0, GroupStatusKind::Normal),
        (1, GroupStatusKind::OwnerLeft),
        (2, GroupStatusKind::BeingInherited),
        (3, GroupStatusKind::Inherited),
        (4, GroupStatusKind::Other(4)),
    ] {
        let row: GroupStatus =
            serde_json::from_value(json!({"chat_id": "wr1", "status": number})).unwrap();
        assert_eq!(row.status, kind);
    }

    let department: Department = serde_json::from_value(
        json!({"id": 2, "name": "R&D", "parentid": 1, "order": 4_294_967_295_u32}),
    )
    .unwrap();
    assert_eq!(
        (department.order, department.department_leader.len()),
        (4_294_967_295, 0)
    );
}

#[test]
fn debug_hides_what_people_wrote() {
    let message = WelcomeMessage {
        text: Some(Text {
            content: "Dear Zhang".into(),
        }),
        attachments: vec![link("Zhang's page", "for Zhang")],
    };
    let remark = Remark {
        remark: Some("Zhang".into()),
        remark_mobiles: vec!["138".into()],
        ..Default::default()
    };
    let shown = format!("{message:?} {remark:?}");
    assert!(
        !shown.contains("Zhang") && !shown.contains("138"),
        "{shown}"
    );
}
