//! The list of events against one recorded sample each, in `tests/samples`.

use std::fs;
use std::path::PathBuf;
use wecom::event::{AddedExternalContact, CommaSeparated, FieldList, TagType, UpdatedExternalChat};
use wecom::{Event, ExternalUserId, Fields, Message, State, UserId, WelcomeCode};

/// Fields of the envelope and of other events, which a sample may have without its event naming them.
const ENVELOPE: &[&str] = &[
    "ToUserName",
    "FromUserName",
    "CreateTime",
    "MsgType",
    "Event",
    "ChangeType",
    "AgentID",
    "SuiteId",
    "AuthCorpId",
    "InfoType",
    "TimeStamp",
];

/// Attributes that a company defines itself stay in the fields of the message.
const OWN_ATTRIBUTES: &str = "ExtAttr/";

fn sample(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/samples/{name}.xml"));
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn parse(name: &str) -> Message {
    Message::parse(&sample(name)).expect(name)
}

fn paths(list: &FieldList) -> impl Iterator<Item = &'static str> {
    list.fields.iter().map(|(path, _)| *path)
}

#[test]
fn every_event_has_its_sample_and_every_sample_its_event() {
    let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/samples");
    let mut samples: Vec<_> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| {
            entry
                .unwrap()
                .path()
                .file_stem()
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned()
        })
        .collect();
    samples.sort_unstable();
    let mut names: Vec<_> = Event::field_lists().iter().map(|list| list.name).collect();
    names.sort_unstable();
    assert_eq!(samples, names);
    for name in names {
        assert_eq!(parse(name).event.name(), name);
    }
}

#[test]
fn every_field_of_the_list_is_in_the_sample_and_the_other_way_round() {
    for list in Event::field_lists() {
        let fields = parse(list.name).fields;
        for path in paths(list) {
            assert!(
                fields.get(path).is_some(),
                "{}: no {path} in the sample",
                list.name
            );
        }
        for (path, _) in fields.iter() {
            let known = ENVELOPE.contains(&path)
                || path.starts_with(OWN_ATTRIBUTES)
                || paths(list).any(|listed| listed == path);
            assert!(known, "{}: {path} is in the sample only", list.name);
        }
    }
}

#[test]
fn every_value_is_typed_or_private() {
    for list in Event::field_lists() {
        let message = parse(list.name);
        let shown = format!("{:?}", message.event);
        let hidden = shown.matches("[private]").count() + shown.matches("[redacted]").count();
        // `tag` is shown by the name of its variant.
        let seen =
            |value: &str| value == "tag" || value.split(',').all(|part| shown.contains(part));
        let values = paths(list).flat_map(|path| message.fields.all(path));
        assert_eq!(
            values.filter(|value| !seen(value)).count(),
            hidden,
            "{shown}"
        );
    }
}

#[test]
fn an_event_without_a_required_field_is_unknown_and_complete() {
    for list in Event::field_lists() {
        let fields = parse(list.name).fields;
        for (path, required) in list.fields {
            let without: Fields = fields
                .iter()
                .filter(|(at, _)| at != path)
                .map(|(at, value)| (at.to_owned(), value.to_owned()))
                .collect();
            let message = Message::from_fields(without.clone());
            let name = if *required { "unknown" } else { list.name };
            assert_eq!(message.event.name(), name, "{} without {path}", list.name);
            assert_eq!(message.fields, without);
        }
    }
}

#[test]
fn no_two_rows_are_the_same() {
    let lists = Event::field_lists();
    for (at, list) in lists.iter().enumerate() {
        for other in &lists[at + 1..] {
            assert_ne!(list.name, other.name);
            assert_ne!((list.kind, list.change), (other.kind, other.change));
        }
    }
}

#[test]
fn an_add_is_read_in_full() {
    let message = parse("add_external_contact");
    let expected = AddedExternalContact {
        user_id: UserId::new("zhangsan"),
        external_user_id: ExternalUserId::new("wmAAAAAAAAAAAAAAAAAA"),
        state: Some(State::new("ch_001")),
        welcome_code: Some(WelcomeCode::new("WELCOMECODE")),
    };
    assert_eq!(message.event.state(), expected.state.as_ref());
    assert_eq!(message.event.welcome_code(), expected.welcome_code.as_ref());
    assert_eq!(message.event, Event::AddedExternalContact(expected));
    assert_eq!(message.create_time(), Some(1_700_000_000));
    assert_eq!(message.to_user_name(), Some("ww0000000000000001"));
    assert!(!format!("{message:?}").contains("WELCOMECODE"));
}

#[test]
fn an_empty_state_or_code_is_none() {
    let text = sample("add_external_contact")
        .replace("<![CDATA[ch_001]]>", "<![CDATA[]]>")
        .replace(
            "<WelcomeCode><![CDATA[WELCOMECODE]]></WelcomeCode>",
            "<WelcomeCode/>",
        );
    let event = Message::parse(&text).unwrap().event;
    assert_eq!(
        (event.name(), event.state(), event.welcome_code()),
        ("add_external_contact", None, None)
    );
}

#[test]
fn a_suite_tells_the_same_event_in_another_envelope() {
    let message = Message::parse(
        "<xml><SuiteId><![CDATA[ww4asffe99e54c0f4c]]></SuiteId><AuthCorpId><![CDATA[wxf8b4f85f3a794e77]]></AuthCorpId>\
         <InfoType><![CDATA[change_external_contact]]></InfoType><TimeStamp>1403610513</TimeStamp>\
         <ChangeType><![CDATA[add_external_contact]]></ChangeType><UserID><![CDATA[zhangsan]]></UserID>\
         <ExternalUserID><![CDATA[wmAAAAAAAAAAAAAAAAAA]]></ExternalUserID><State><![CDATA[ch_001]]></State>\
         <WelcomeCode><![CDATA[WELCOMECODE]]></WelcomeCode></xml>",
    )
    .unwrap();
    assert_eq!(message.event, parse("add_external_contact").event);
    assert_eq!(message.create_time(), Some(1_403_610_513));
    assert_eq!(message.suite_id(), Some("ww4asffe99e54c0f4c"));
    assert_eq!(
        message.auth_corp_id().unwrap().as_str(),
        "wxf8b4f85f3a794e77"
    );
    assert_eq!(message.to_user_name(), None);
}

#[test]
fn lists_and_numbers_are_typed() {
    let Event::UpdatedExternalChat(UpdatedExternalChat {
        mem_change_list,
        mem_change_cnt,
        ..
    }) = parse("change_external_chat.update").event
    else {
        panic!("another event")
    };
    assert_eq!(
        (mem_change_list, mem_change_cnt),
        (vec!["wmAAAA".into(), "lisi".into()], Some(2))
    );
    let Event::UpdatedUserTag(tag) = parse("change_contact.update_tag").event else {
        panic!("another event")
    };
    assert_eq!(
        tag.add_user_items,
        CommaSeparated(vec!["zhangsan".into(), "lisi".into()])
    );
    for (word, expected) in [
        ("tag", TagType::Tag),
        ("tag_group", TagType::TagGroup),
        ("tag_tree", TagType::Other("tag_tree".into())),
    ] {
        let text = sample("change_external_tag.delete").replace("[tag]", &format!("[{word}]"));
        let Event::DeletedExternalTag(tag) = Message::parse(&text).unwrap().event else {
            panic!("another event")
        };
        assert_eq!(tag.tag_type, expected);
    }
}

#[test]
fn ids_are_found_whatever_the_event() {
    for list in Event::field_lists() {
        let message = parse(list.name);
        let has = |path: &str| list.fields.contains(&(path, true));
        let contact = has("UserID") && has("ExternalUserID");
        assert_eq!(message.event.contact().is_some(), contact, "{}", list.name);
        assert_eq!(
            message.event.chat_id().is_some(),
            has("ChatId"),
            "{}",
            list.name
        );
        assert_eq!(
            message.event.tag_id().is_some(),
            has("TagType"),
            "{}",
            list.name
        );
    }
}

#[test]
fn what_is_not_of_the_list_is_unknown() {
    for text in [
        "<xml/>",
        "<xml><MsgType>event</MsgType><Event>change_external_contact</Event><ChangeType>moved</ChangeType></xml>",
        "<xml><MsgType>event</MsgType><Event>unheard_of</Event></xml>",
        "<xml><MsgType>hologram</MsgType></xml>",
        r#"{"msgid":"1","msgtype":"text","text":{"content":"hi"}}"#,
    ] {
        assert_eq!(
            Message::parse(text).unwrap().event,
            Event::Unknown,
            "{text}"
        );
    }
}
