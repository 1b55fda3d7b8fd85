//! Requests as JSON, and the limits that are checked before they are sent.

use serde_json::{Value, json};
use wecom::api::acquisition::{AcquisitionLink, LinkRange, LinkRequest, PriorityOption};
use wecom::api::contact::{BatchGetByUser, ExternalContactDetail, Relation, Remark};
use wecom::api::contact_way::{
    AddContactWay, Conclusions, ContactWayType, Scene, UpdateContactWay,
};
use wecom::api::media::{MediaKind, check_length};
use wecom::api::tag::{AddCorpTag, DelCorpTag, EditCorpTag, MarkTag, NewTag, TagGroup};
use wecom::api::welcome::{File, Image, Link, MiniProgram};
use wecom::{Attachment, Invalid, State, Text, WelcomeMessage};

/// The field that a check refuses; empty if it refuses none.
fn refused(result: Result<(), Invalid>) -> String {
    result
        .err()
        .map(|invalid| invalid.field)
        .unwrap_or_default()
}

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

fn way() -> AddContactWay {
    AddContactWay {
        kind: ContactWayType::Multi,
        scene: Scene::QrCode,
        user: vec!["zhangsan".into(), "lisi".into()],
        ..AddContactWay::default()
    }
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
fn contact_ways_keep_the_limits() {
    let cases = [
        (way(), ""),
        (
            AddContactWay {
                user: vec![],
                ..way()
            },
            "user",
        ),
        (
            AddContactWay {
                user: vec![],
                party: vec![2],
                ..way()
            },
            "",
        ),
        (
            AddContactWay {
                kind: ContactWayType::Single,
                ..way()
            },
            "user",
        ),
        (
            AddContactWay {
                kind: ContactWayType::Single,
                user: vec!["a".into()],
                party: vec![2],
                ..way()
            },
            "party",
        ),
        (
            AddContactWay {
                user: vec!["".into()],
                ..way()
            },
            "user[0]",
        ),
        (
            AddContactWay {
                user: vec!["a".into(); 101],
                ..way()
            },
            "user",
        ),
        (
            AddContactWay {
                state: Some("你".repeat(30).into()),
                ..way()
            },
            "",
        ),
        (
            AddContactWay {
                state: Some("s".repeat(31).into()),
                ..way()
            },
            "state",
        ),
        (
            AddContactWay {
                remark: Some("s".repeat(31)),
                ..way()
            },
            "remark",
        ),
        (
            AddContactWay {
                expires_in: Some(1_209_601),
                ..way()
            },
            "expires_in",
        ),
        (
            AddContactWay {
                chat_expires_in: Some(1_209_601),
                ..way()
            },
            "chat_expires_in",
        ),
        (
            AddContactWay {
                conclusions: Some(Conclusions {
                    image: Some(Image::default()),
                    ..Conclusions::default()
                }),
                ..way()
            },
            "conclusions.image",
        ),
    ];
    for (request, field) in cases {
        assert_eq!(refused(request.check()), field);
    }
    let update = UpdateContactWay {
        config_id: "c".into(),
        ..UpdateContactWay::default()
    };
    assert_eq!(refused(update.check()), "");
    assert_eq!(refused(UpdateContactWay::default().check()), "config_id");
    let long = UpdateContactWay {
        state: Some("s".repeat(31).into()),
        ..update
    };
    assert_eq!(refused(long.check()), "state");
}

#[test]
fn acquisition_links_keep_the_limits() {
    let range = |users: usize| {
        Some(LinkRange {
            user_list: vec!["a".into(); users],
            ..LinkRange::default()
        })
    };
    let link = |name: String, users| LinkRequest {
        link_name: Some(name),
        range: range(users),
        ..Default::default()
    };
    assert_eq!(refused(link("l".repeat(30), 500).check()), "");
    assert_eq!(refused(link("l".repeat(31), 1).check()), "link_name");
    assert_eq!(refused(link(String::new(), 1).check()), "link_name");
    assert_eq!(refused(link("l".into(), 0).check()), "range");
    assert_eq!(refused(link("l".into(), 501).check()), "range.user_list");
    assert_eq!(
        refused(
            LinkRequest {
                link_name: Some("l".into()),
                ..Default::default()
            }
            .check()
        ),
        "range"
    );
    assert_eq!(refused(LinkRequest::default().check_changes()), "");
    let first = PriorityOption {
        priority_userid_list: vec!["a".into(); 1001],
        ..Default::default()
    };
    let listed = LinkRequest {
        priority_option: Some(first),
        ..LinkRequest::default()
    };
    assert_eq!(
        refused(listed.check_changes()),
        "priority_option.priority_userid_list"
    );

    let made = AcquisitionLink {
        url: "https://work.weixin.qq.com/ca/x".into(),
        ..Default::default()
    };
    let url = made.with_channel(&State::new("a b&你")).unwrap();
    assert_eq!(
        url,
        "https://work.weixin.qq.com/ca/x?customer_channel=a%20b%26%E4%BD%A0"
    );
    let long = made.with_channel(&"你".repeat(22).into());
    assert_eq!(refused(long.map(drop)), "customer_channel");
}

#[test]
fn tags_remarks_and_batches_keep_the_limits() {
    let mark = |add: usize, remove: usize| MarkTag {
        user_id: "a".into(),
        external_user_id: "wm1".into(),
        add_tag: vec!["et1".into(); add],
        remove_tag: vec!["et2".into(); remove],
    };
    let remark = |text: &str| Remark {
        user_id: "a".into(),
        external_user_id: "wm1".into(),
        remark: Some(text.into()),
        ..Remark::default()
    };
    let add = |group: &str, names: &[&str]| AddCorpTag {
        group_name: Some(group.into()),
        tag: names
            .iter()
            .map(|name| NewTag {
                name: (*name).into(),
                order: None,
            })
            .collect(),
        ..AddCorpTag::default()
    };
    let batch = |users: usize, limit| BatchGetByUser {
        userid_list: vec!["a".into(); users],
        limit: Some(limit),
        cursor: None,
    };
    let blank = MarkTag {
        add_tag: vec!["".into()],
        ..mark(0, 0)
    };
    let edit = |id: &str, name: String| EditCorpTag {
        id: id.into(),
        name: Some(name),
        ..Default::default()
    };
    let cases = [
        (mark(1, 0).check(), ""),
        (mark(0, 0).check(), "add_tag"),
        (mark(1001, 0).check(), "add_tag"),
        (mark(0, 1001).check(), "remove_tag"),
        (blank.check(), "add_tag[0]"),
        (
            MarkTag {
                user_id: "".into(),
                ..mark(1, 0)
            }
            .check(),
            "userid",
        ),
        (remark(&"你".repeat(20)).check(), ""),
        (remark(&"你".repeat(21)).check(), "remark"),
        (remark("").check(), "remark"),
        (
            Remark {
                remark_mobiles: vec![String::new()],
                ..remark("")
            }
            .check(),
            "",
        ),
        (
            Remark {
                description: Some("d".repeat(151)),
                ..remark("r")
            }
            .check(),
            "description",
        ),
        (add("g", &["t"]).check(), ""),
        (add("", &["t"]).check(), "group_name"),
        (add("g", &[]).check(), "tag"),
        (add("g", &["t", ""]).check(), "tag[1].name"),
        (add("g", &[&"t".repeat(31)]).check(), "tag[0].name"),
        (edit("et1", "n".repeat(31)).check(), "name"),
        (edit("", "n".into()).check(), "id"),
        (DelCorpTag::default().check(), "tag_id"),
        (
            DelCorpTag {
                group_id: vec!["".into()],
                ..Default::default()
            }
            .check(),
            "group_id[0]",
        ),
        (batch(100, 100).check(), ""),
        (batch(0, 100).check(), "userid_list"),
        (batch(101, 100).check(), "userid_list"),
        (batch(1, 101).check(), "limit"),
        (check_length(5, MediaKind::File.max_bytes()), "media"),
        (check_length(6, MediaKind::File.max_bytes()), ""),
        (
            check_length(2_097_153, MediaKind::Voice.max_bytes()),
            "media",
        ),
    ];
    for (result, field) in cases {
        assert_eq!(refused(result), field);
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
