//! The limits that are checked before a request is sent.

use wecom::api::acquisition::{AcquisitionLink, LinkRange, LinkRequest, PriorityOption};
use wecom::api::contact::{BatchGetByUser, Remark};
use wecom::api::contact_way::{
    AddContactWay, Conclusions, ContactWayType, Scene, UpdateContactWay,
};
use wecom::api::group::{ListGroups, OwnerFilter};
use wecom::api::media::{MediaKind, check_length};
use wecom::api::tag::{AddCorpTag, DelCorpTag, EditCorpTag, MarkTag, NewTag};
use wecom::api::welcome::Image;
use wecom::{FieldError, State};

/// The field that a check refuses; empty if it refuses none.
pub(crate) fn refused(result: Result<(), FieldError>) -> String {
    result
        .err()
        .map(|invalid| invalid.field)
        .unwrap_or_default()
}

pub(crate) fn way() -> AddContactWay {
    AddContactWay {
        kind: ContactWayType::Multi,
        scene: Scene::QrCode,
        user: vec!["zhangsan".into(), "lisi".into()],
        ..AddContactWay::default()
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
fn lists_of_groups_keep_the_limits() {
    let list = |owners: usize, limit| ListGroups {
        owner_filter: OwnerFilter {
            userid_list: vec!["a".into(); owners],
        },
        limit,
        ..ListGroups::default()
    };
    let blank = ListGroups {
        owner_filter: OwnerFilter {
            userid_list: vec!["a".into(), "".into()],
        },
        ..ListGroups::default()
    };
    let cases = [
        (ListGroups::default(), ""),
        (list(100, 1), ""),
        (list(0, 1000), ""),
        (list(101, 1), "owner_filter.userid_list"),
        (list(1, 0), "limit"),
        (list(1, 1001), "limit"),
        (blank, "owner_filter.userid_list[1]"),
    ];
    for (request, field) in cases {
        assert_eq!(refused(request.check()), field);
    }
}
