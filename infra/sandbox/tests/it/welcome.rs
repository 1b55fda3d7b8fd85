//! Welcome codes: 20 s, one use, one app; and the events that have none.

use std::time::Duration;

use serde_json::{Value, json};
use wecom_sandbox::{Body, OtherApp, Scan, Sender};

use crate::support::{World, code, world};

const SEND: &str = "externalcontact/send_welcome_msg";

/// A scan whose member has still to confirm.
fn half() -> Scan {
    Scan {
        half: true,
        ..Scan::default()
    }
}

#[tokio::test]
async fn a_code_works_once_and_the_customer_sees_the_message() {
    let world = world().await;
    let (customer, welcome_code) = world.scanned(&Scan::default()).await;
    let welcome_code = welcome_code.expect("a code");
    assert_eq!(code(&world.welcome(&welcome_code).await), 0);
    let chat = world.corp.chat(&customer.external_userid, "zhangsan");
    assert_eq!(chat.len(), 1);
    assert_eq!(chat[0].from, Sender::App("contact".to_owned()));
    assert_eq!(
        chat[0].body,
        Body::Text {
            content: "你好".to_owned()
        }
    );
    assert_eq!(
        code(&world.welcome(&welcome_code).await),
        41051,
        "the second use"
    );
    assert_eq!(
        world.corp.chat(&customer.external_userid, "zhangsan").len(),
        1
    );
}

#[tokio::test]
async fn a_code_that_is_unknown_foreign_or_too_old_is_invalid() {
    let world = world().await;
    let (_, old) = world.scanned(&Scan::default()).await;
    let (_, too_old) = world.scanned(&Scan::default()).await;
    world.manual.advance(Duration::from_secs(19));
    assert_eq!(code(&world.welcome(&old.expect("a code")).await), 0);
    world.manual.advance(Duration::from_secs(1));
    assert_eq!(code(&world.welcome(&too_old.expect("a code")).await), 41050);

    let (_, welcome_code) = world.scanned(&Scan::default()).await;
    let body = json!({"welcome_code": welcome_code, "text": {"content": "hi"}});
    assert_eq!(
        code(&world.post_as("other", SEND, body).await),
        41050,
        "another app's code"
    );
    assert_eq!(code(&world.welcome("never issued").await), 41050);
    assert_eq!(
        code(&world.post(SEND, json!({"text": {"content": "hi"}})).await),
        41049
    );
}

#[tokio::test]
async fn messages_are_checked_and_a_refused_call_leaves_the_code_unspent() {
    let world = world().await;
    let (customer, welcome_code) = world.scanned(&Scan::default()).await;
    let link = json!({"msgtype": "link", "link": {"title": "T", "url": "https://example.com"}});
    let attachment = |value: Value| json!({"attachments": [value]});
    for (message, expected) in [
        (json!({}), 40063),
        (json!({"text": {"content": ""}}), 40063),
        (json!({"text": {}}), 40063),
        (json!({"text": "hi"}), 40035),
        (json!({"text": {"content": "字".repeat(1334)}}), 40058),
        (json!({"attachments": {}}), 40063),
        (json!({"attachments": vec![link.clone(); 10]}), 41064),
        (
            attachment(json!({"msgtype": "audio", "audio": {"media_id": "x"}})),
            41065,
        ),
        (attachment(json!({"msgtype": "link"})), 40063),
        (
            attachment(json!({"msgtype": "link", "link": {"title": "T"}})),
            40063,
        ),
        (
            attachment(
                json!({"msgtype": "link", "link": {"title": "字".repeat(43), "url": "https://a"}}),
            ),
            40058,
        ),
        (
            attachment(json!({"msgtype": "image", "image": {"media_id": "unknown"}})),
            40007,
        ),
        (
            attachment(
                json!({"msgtype": "image", "image": {"pic_url": "https://elsewhere/p.png"}}),
            ),
            40035,
        ),
        (
            attachment(
                json!({"msgtype": "miniprogram", "miniprogram": {"title": "T", "appid": "wx1", "page": "/p"}}),
            ),
            40063,
        ),
        (
            json!({"text": {"content": "字".repeat(1333)}, "attachments": [link]}),
            0,
        ),
    ] {
        let mut body = message.clone();
        body["welcome_code"] = json!(welcome_code);
        let answer = world.post(SEND, body).await;
        assert_eq!(code(&answer), expected, "{message}: {answer}");
    }
    assert_eq!(
        world.corp.chat(&customer.external_userid, "zhangsan").len(),
        2,
        "text and link are two messages"
    );
}

#[tokio::test]
async fn the_full_add_after_a_half_has_a_code_only_if_the_first_was_not_used() {
    for is_used in [true, false] {
        let world = world().await;
        let (customer, first) = world.scanned(&half()).await;
        if is_used {
            assert_eq!(code(&world.welcome(&first.expect("a code")).await), 0);
        }
        let confirmed = world
            .corp
            .member_confirms(&customer.external_userid, "zhangsan")
            .expect("it was half");
        let second = world.welcome_code(&confirmed).await;
        assert_eq!(second.is_some(), !is_used, "used: {is_used}");
    }
}

#[tokio::test]
async fn who_is_welcomed_otherwise_brings_no_code() {
    let world = world().await;
    world
        .corp
        .console_welcome("zhangsan", Some("来自后台"))
        .expect("a member");
    let (customer, welcome_code) = world.scanned(&Scan::default()).await;
    assert_eq!(welcome_code, None);
    assert_eq!(
        world.corp.chat(&customer.external_userid, "zhangsan")[0].from,
        Sender::Console
    );
    world
        .corp
        .console_welcome("zhangsan", None)
        .expect("a member");

    let wecom_user = Scan {
        wecom_user: true,
        ..Scan::default()
    };
    assert_eq!(
        world.scanned(&wecom_user).await.1,
        None,
        "a user of another company's WeCom"
    );
    assert!(world.scanned(&Scan::default()).await.1.is_some());
}

#[tokio::test]
async fn who_has_written_is_welcomed_no_more() {
    let world = world().await;
    let (customer, welcome_code) = world.scanned(&Scan::default()).await;
    world
        .corp
        .customer_writes(&customer.external_userid, "zhangsan", "在吗")
        .expect("in contact");
    assert_eq!(
        code(&world.welcome(&welcome_code.expect("a code")).await),
        41051
    );
}

/// Another app's welcome is under way for a time; this app sends `later`, and gets the code `expected`.
async fn check_rival(other: OtherApp, later: Duration, expected: i64) -> (World, String) {
    let world = world().await;
    world.corp.other_app_welcomes(Some(other));
    let (customer, welcome_code) = world.scanned(&Scan::default()).await;
    world.manual.advance(later);
    let answer = world
        .welcome(&welcome_code.expect("each app has a code"))
        .await;
    assert_eq!(code(&answer), expected, "{other:?}");
    (world, customer.external_userid)
}

#[tokio::test]
async fn another_app_is_sending_or_was_first_or_failed() {
    let other = |sends_for, delivers| OtherApp {
        sends_for,
        delivers,
    };
    let (at_once, soon) = (Duration::ZERO, Duration::from_secs(9));
    let a_while = Duration::from_secs(10);
    for later in [at_once, soon] {
        check_rival(other(a_while, true), later, 41096).await;
        check_rival(other(a_while, false), later, 41096).await;
    }
    for sends_for in [at_once, a_while] {
        let (world, customer) = check_rival(other(sends_for, true), sends_for, 41051).await;
        assert_eq!(
            world.corp.chat(&customer, "zhangsan")[0].from,
            Sender::OtherApp
        );
        check_rival(other(sends_for, false), sends_for, 0).await;
    }
}

#[tokio::test]
async fn two_calls_at_once_are_one_welcome() {
    let world = world().await;
    let (customer, welcome_code) = world.scanned(&Scan::default()).await;
    let welcome_code = welcome_code.expect("a code");
    let (first, second) = (world.welcome(&welcome_code), world.welcome(&welcome_code));
    let (first, second) = world.during("send_welcome_msg", first, second).await;
    assert_eq!((code(&first), code(&second)), (0, 41096));
    let chat = world.corp.chat(&customer.external_userid, "zhangsan");
    assert_eq!(chat.len(), 1);
}
