//! What WeCom's answers become.

use super::calls::{li, link, new_tags, way};
use super::sandbox::{Reply, Sandbox, code};
use serde_json::{Value, json};
use wecom::api::contact::BatchGetByUser;
use wecom::api::contact_way::{ContactWayType, ListContactWay};
use wecom::api::media::MediaKind;
use wecom::api::user::UserStatus;
use wecom::{ChatId, ConfigId, Error};

#[tokio::test]
async fn lists_say_where_the_next_page_starts() {
    let wecom = Sandbox::start().await;
    let api = "externalcontact/list_contact_way";
    wecom.next(
        api,
        Reply::Json(json!({"contact_way": [{"config_id": "c1"}], "next_cursor": "n"})),
    );
    wecom.next(
        api,
        Reply::Json(json!({"contact_way": null, "next_cursor": ""})),
    );
    let client = wecom.client();
    let page = client
        .list_contact_way(&ListContactWay::default())
        .await
        .unwrap();
    assert_eq!(
        (page.items, page.next_cursor.as_deref()),
        (vec![ConfigId::new("c1")], Some("n"))
    );
    let page = client
        .list_contact_way(&ListContactWay::default())
        .await
        .unwrap();
    assert_eq!((page.items.len(), page.next_cursor), (0, None));
}

#[tokio::test]
async fn a_member_without_customers_has_an_empty_list() {
    let wecom = Sandbox::start().await;
    wecom.next("externalcontact/list", code(84061));
    wecom.next("externalcontact/list", code(60111));
    let client = wecom.client();
    assert_eq!(client.list_external_contacts(&li()).await, Ok(vec![]));
    assert_eq!(
        client
            .list_external_contacts(&li())
            .await
            .unwrap_err()
            .code(),
        Some(60111.into())
    );
}

#[tokio::test]
async fn answers_become_types() {
    let wecom = Sandbox::start().await;
    let client = wecom.client();
    let answer = |api: &str, value: Value| wecom.next(api, Reply::Json(value));

    answer(
        "externalcontact/add_contact_way",
        json!({"config_id": "c1", "qr_code": "https://q"}),
    );
    let added = client.add_contact_way(&way()).await.unwrap();
    assert_eq!(
        (added.config_id.as_str(), added.qr_code.as_deref()),
        ("c1", Some("https://q"))
    );

    answer(
        "externalcontact/get_contact_way",
        json!({"contact_way": {"config_id": "c1", "type": 2, "party": [3], "conclusions": {}}}),
    );
    let way = client.get_contact_way(&ConfigId::new("c1")).await.unwrap();
    assert_eq!((way.kind, way.party), (ContactWayType::Multi, vec![3]));

    answer(
        "externalcontact/customer_acquisition/create_link",
        json!({"link": {"link_id": "l1", "create_time": "17"}}),
    );
    let made = client.create_link(&link()).await.unwrap();
    assert_eq!((made.link_id.as_str(), made.create_time), ("l1", 17));

    answer(
        "externalcontact/batch/get_by_user",
        json!({"external_contact_list": [{"external_contact": {"external_userid": "wm1"},
                                          "follow_info": {"userid": "Li"}}],
               "next_cursor": "n", "fail_info": {"unlicensed_userid_list": ["wang"]}}),
    );
    let request = BatchGetByUser {
        userid_list: vec![li()],
        ..BatchGetByUser::default()
    };
    let batch = client.batch_get_by_user(&request).await.unwrap();
    assert_eq!(batch.page.items[0].follow_info.user_id, li());
    assert_eq!(
        (batch.page.next_cursor.as_deref(), batch.unlicensed),
        (Some("n"), vec!["wang".into()])
    );

    answer(
        "externalcontact/add_corp_tag",
        json!({"tag_group": {"group_id": "g1", "tag": [{"id": "et1", "name": "t"}]}}),
    );
    let group = client.add_corp_tag(&new_tags()).await.unwrap();
    assert_eq!(
        (group.group_id.as_str(), group.tag[0].id.as_str()),
        ("g1", "et1")
    );

    answer(
        "user/get",
        json!({"userid": "Li", "name": "Li Si", "status": 4, "gender": "1"}),
    );
    let user = client.get_user(&li()).await.unwrap();
    assert_eq!(
        (user.name.expose(), user.status),
        ("Li Si", UserStatus::NotActivated)
    );

    answer(
        "externalcontact/contact_list",
        json!({"info_list": [{"is_customer": false, "chat_id": "wr1"}]}),
    );
    let served = client.contact_list(None, None).await.unwrap();
    assert_eq!(served.items[0].chat_id, ChatId::new("wr1"));

    answer("getcallbackip", json!({"ip_list": ["101.226.103.*"]}));
    assert_eq!(client.get_callback_ip().await.unwrap(), ["101.226.103.*"]);
}

#[tokio::test]
async fn uploads_are_one_part_with_a_file_name() {
    let wecom = Sandbox::start().await;
    wecom.next("media/upload", code(42001));
    wecom.next(
        "media/upload",
        Reply::Json(json!({"type": "image", "media_id": "M1", "created_at": "1380000000"})),
    );
    let client = wecom.client();
    let uploaded = client
        .upload_media(MediaKind::Image, "你好.png", b"picture".to_vec())
        .await
        .unwrap();
    assert_eq!(
        (uploaded.media_id.as_str(), uploaded.expires_at()),
        ("M1", 1_380_259_200)
    );
    // The refused token was replaced, and the file sent again in full.
    let [_, seen] = wecom.seen("media/upload").try_into().unwrap();
    assert_eq!(seen.query, "access_token=TOKEN%2F2&type=image");
    assert!(
        seen.body.contains(r#"name="media"; filename="你好.png""#),
        "{}",
        seen.body
    );
    assert!(seen.body.contains("\r\n\r\npicture\r\n"), "{}", seen.body);

    wecom.next(
        "media/uploadimg",
        Reply::Json(json!({"errcode": 0, "url": "https://p/0"})),
    );
    assert_eq!(
        client
            .upload_image("a.png", b"picture".to_vec())
            .await
            .unwrap(),
        "https://p/0"
    );
    wecom.next("media/uploadimg", Reply::Json(json!({"errcode": 0})));
    let error = client
        .upload_image("a.png", b"picture".to_vec())
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Unreadable { .. }), "{error:?}");
}
