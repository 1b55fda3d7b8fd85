//! Every method: the verb, path, query and body that WeCom documents.

use super::sandbox::Sandbox;
use super::{address_book, groups};
use serde_json::{Value, json};
use std::pin::Pin;
use wecom::api::acquisition::{LinkRange, LinkRequest};
use wecom::api::contact::{BatchGetByUser, Remark};
use wecom::api::contact_way::{
    AddContactWay, ContactWayType, ListContactWay, Scene, UpdateContactWay,
};
use wecom::api::group::ListGroups;
use wecom::api::media::MediaKind;
use wecom::api::tag::{AddCorpTag, DelCorpTag, EditCorpTag, MarkTag, NewTag, TagFilter};
use wecom::{
    Client, ConfigId, Error, ExternalUserId, LinkId, Text, UserId, WelcomeCode, WelcomeMessage,
};

pub(super) type Called<'a> = Pin<Box<dyn Future<Output = Result<(), Error>> + Send + 'a>>;
pub(super) type Method = for<'a> fn(&'a Client) -> Called<'a>;
/// Method, API, query after the token, and body; no body is a GET.
pub(super) type Documented = (Method, &'static str, &'static str, Option<Value>);

/// A call whose answer is looked at elsewhere.
macro_rules! called {
    ($client:ident => $call:expr) => {{
        fn call($client: &Client) -> $crate::client::calls::Called<'_> {
            Box::pin(async move { $call.await.map(drop) })
        }
        call as $crate::client::calls::Method
    }};
}
pub(super) use called;

pub(super) fn li() -> UserId {
    UserId::new("Li")
}

fn customer() -> ExternalUserId {
    ExternalUserId::new("wm1")
}

fn mark() -> MarkTag {
    MarkTag {
        user_id: li(),
        external_user_id: customer(),
        add_tag: vec!["et1".into()],
        remove_tag: vec!["et2".into()],
    }
}

pub(super) fn way() -> AddContactWay {
    AddContactWay {
        kind: ContactWayType::Single,
        scene: Scene::QrCode,
        user: vec![li()],
        state: Some("ch1".into()),
        ..AddContactWay::default()
    }
}

pub(super) fn link() -> LinkRequest {
    LinkRequest {
        link_name: Some("expo".into()),
        range: Some(LinkRange {
            user_list: vec![li()],
            ..LinkRange::default()
        }),
        ..LinkRequest::default()
    }
}

fn remark() -> Remark {
    Remark {
        user_id: li(),
        external_user_id: customer(),
        remark: Some("r".into()),
        remark_mobiles: vec![String::new()],
        ..Remark::default()
    }
}

pub(super) fn new_tags() -> AddCorpTag {
    AddCorpTag {
        group_name: Some("g".into()),
        tag: vec![NewTag {
            name: "t".into(),
            order: Some(4_294_967_295),
        }],
        ..AddCorpTag::default()
    }
}

/// The families without a file of their own here.
fn documented() -> Vec<Documented> {
    let way_json = json!({"type": 1, "scene": 2, "user": ["Li"], "state": "ch1"});
    let link_json = json!({"link_name": "expo", "range": {"user_list": ["Li"]}});
    let pair = json!({"userid": "Li", "external_userid": "wm1"});
    let id = json!({"config_id": "c1"});
    let link_id = json!({"link_id": "l1"});
    vec![
        (
            called!(c => c.add_contact_way(&way())),
            "externalcontact/add_contact_way",
            "",
            Some(way_json),
        ),
        (
            called!(c => c.get_contact_way(&ConfigId::new("c1"))),
            "externalcontact/get_contact_way",
            "",
            Some(id.clone()),
        ),
        (
            called!(c => c.list_contact_way(&ListContactWay {
                limit: Some(9), cursor: Some("n".into()), ..Default::default()
            })),
            "externalcontact/list_contact_way",
            "",
            Some(json!({"limit": 9, "cursor": "n"})),
        ),
        (
            called!(c => c.update_contact_way(&UpdateContactWay {
                config_id: "c1".into(), user: Some(vec![li()]), ..Default::default()
            })),
            "externalcontact/update_contact_way",
            "",
            Some(json!({"config_id": "c1", "user": ["Li"]})),
        ),
        (
            called!(c => c.del_contact_way(&ConfigId::new("c1"))),
            "externalcontact/del_contact_way",
            "",
            Some(id),
        ),
        (
            called!(c => c.close_temp_chat(&li(), &customer())),
            "externalcontact/close_temp_chat",
            "",
            Some(pair),
        ),
        (
            called!(c => c.create_link(&link())),
            "externalcontact/customer_acquisition/create_link",
            "",
            Some(link_json),
        ),
        (
            called!(c => c.update_link(&LinkId::new("l1"), &LinkRequest {
                skip_verify: Some(false), ..Default::default()
            })),
            "externalcontact/customer_acquisition/update_link",
            "",
            Some(json!({"link_id": "l1", "skip_verify": false})),
        ),
        (
            called!(c => c.get_link(&LinkId::new("l1"))),
            "externalcontact/customer_acquisition/get",
            "",
            Some(link_id.clone()),
        ),
        (
            called!(c => c.delete_link(&LinkId::new("l1"))),
            "externalcontact/customer_acquisition/delete_link",
            "",
            Some(link_id),
        ),
        (
            called!(c => c.list_link(Some(5), None)),
            "externalcontact/customer_acquisition/list_link",
            "",
            Some(json!({"limit": 5})),
        ),
        (
            called!(c => c.link_customers(&LinkId::new("l1"), None, Some("n"))),
            "externalcontact/customer_acquisition/customer",
            "",
            Some(json!({"link_id": "l1", "cursor": "n"})),
        ),
        (
            called!(c => c.acquisition_quota()),
            "externalcontact/customer_acquisition_quota",
            "",
            None,
        ),
        (
            called!(c => c.link_statistic(&LinkId::new("l1"), 100, 200)),
            "externalcontact/customer_acquisition/statistic",
            "",
            Some(json!({"link_id": "l1", "start_time": 100, "end_time": 200})),
        ),
        (
            called!(c => c.get_chat_info(&"KEY".into())),
            "externalcontact/customer_acquisition/get_chat_info",
            "",
            Some(json!({"chat_key": "KEY"})),
        ),
        (
            called!(c => c.get_follow_user_list()),
            "externalcontact/get_follow_user_list",
            "",
            None,
        ),
        (
            called!(c => c.list_external_contacts(&li())),
            "externalcontact/list",
            "&userid=Li",
            None,
        ),
        (
            called!(c => c.get_external_contact(&customer(), None)),
            "externalcontact/get",
            "&external_userid=wm1",
            None,
        ),
        (
            called!(c => c.batch_get_by_user(&BatchGetByUser {
                userid_list: vec![li()], limit: Some(100), cursor: None
            })),
            "externalcontact/batch/get_by_user",
            "",
            Some(json!({"userid_list": ["Li"], "limit": 100})),
        ),
        (
            called!(c => c.remark(&remark())),
            "externalcontact/remark",
            "",
            Some(
                json!({"userid": "Li", "external_userid": "wm1", "remark": "r", "remark_mobiles": [""]}),
            ),
        ),
        (
            called!(c => c.contact_list(None, None)),
            "externalcontact/contact_list",
            "",
            Some(json!({})),
        ),
        (
            called!(c => c.get_corp_tag_list(&TagFilter::default())),
            "externalcontact/get_corp_tag_list",
            "",
            Some(json!({})),
        ),
        (
            called!(c => c.add_corp_tag(&new_tags())),
            "externalcontact/add_corp_tag",
            "",
            Some(json!({"group_name": "g", "tag": [{"name": "t", "order": 4_294_967_295_u32}]})),
        ),
        (
            called!(c => c.edit_corp_tag(&EditCorpTag { id: "et1".into(), order: Some(1), ..Default::default() })),
            "externalcontact/edit_corp_tag",
            "",
            Some(json!({"id": "et1", "order": 1})),
        ),
        (
            called!(c => c.del_corp_tag(&DelCorpTag { tag_id: vec!["et1".into()], ..Default::default() })),
            "externalcontact/del_corp_tag",
            "",
            Some(json!({"tag_id": ["et1"]})),
        ),
        (
            called!(c => c.mark_tag(&mark())),
            "externalcontact/mark_tag",
            "",
            Some(
                json!({"userid": "Li", "external_userid": "wm1", "add_tag": ["et1"], "remove_tag": ["et2"]}),
            ),
        ),
        (
            called!(c => c.get_api_domain_ip()),
            "get_api_domain_ip",
            "",
            None,
        ),
        (called!(c => c.get_callback_ip()), "getcallbackip", "", None),
    ]
}

#[tokio::test]
async fn every_method_sends_what_is_documented() {
    let wecom = Sandbox::start().await;
    let client = wecom.client();
    let families = [
        documented(),
        address_book::documented(),
        groups::documented(),
    ];
    for (method, api, query, body) in families.into_iter().flatten() {
        let before = wecom.count(api);
        method(&client).await.expect(api);
        let [seen] = wecom.seen(api).split_off(before).try_into().expect(api);
        assert_eq!(
            seen.query,
            format!("access_token=TOKEN%2F1{query}"),
            "{api}"
        );
        assert_eq!(
            seen.method.as_str(),
            if body.is_some() { "POST" } else { "GET" },
            "{api}"
        );
        let sent =
            (!seen.body.is_empty()).then(|| serde_json::from_str::<Value>(&seen.body).unwrap());
        assert_eq!(sent, body, "{api}");
    }
}

#[tokio::test]
async fn a_request_beyond_the_limits_is_not_sent() {
    let wecom = Sandbox::start().await;
    let client = wecom.client();
    let wrong = [
        client.mark_tag(&MarkTag::default()).await.unwrap_err(),
        client
            .add_contact_way(&AddContactWay::default())
            .await
            .map(drop)
            .unwrap_err(),
        client
            .send_welcome_msg(&WelcomeCode::new("C"), &WelcomeMessage::default())
            .await
            .unwrap_err(),
        client
            .create_link(&LinkRequest::default())
            .await
            .map(drop)
            .unwrap_err(),
        client
            .list_groups(&ListGroups {
                limit: 1001,
                ..ListGroups::default()
            })
            .await
            .map(drop)
            .unwrap_err(),
        client
            .list_user_ids(None, Some(10_001))
            .await
            .map(drop)
            .unwrap_err(),
        client
            .list_user_ids(None, Some(0))
            .await
            .map(drop)
            .unwrap_err(),
        client
            .link_statistic(&LinkId::new("l1"), 0, 2_592_001)
            .await
            .map(drop)
            .unwrap_err(),
        client
            .upload_media(MediaKind::Image, "a.png", vec![0; 5])
            .await
            .map(drop)
            .unwrap_err(),
        client
            .upload_image("a.png", vec![0; 2_097_153])
            .await
            .map(drop)
            .unwrap_err(),
    ];
    for error in wrong {
        assert!(matches!(error, Error::Invalid { .. }), "{error:?}");
    }
    assert_eq!(wecom.count("gettoken"), 0);
}

#[tokio::test]
async fn a_welcome_message_is_sent_without_control_characters() {
    let wecom = Sandbox::start().await;
    let content = "Hi\u{0}\u{8} \"李\"\n\t\u{1f}you".to_owned();
    let message = WelcomeMessage {
        text: Some(Text { content }),
        attachments: vec![],
    };
    wecom
        .client()
        .send_welcome_msg(&WelcomeCode::new("CODE"), &message)
        .await
        .unwrap();
    let sent = &wecom.seen("externalcontact/send_welcome_msg")[0].body;
    assert_eq!(
        sent,
        r#"{"welcome_code":"CODE","text":{"content":"Hi \"李\"\n\tyou"}}"#
    );
}
