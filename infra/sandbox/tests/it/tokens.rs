//! Tokens and secrets.

use std::time::Duration;

use serde_json::json;
use wecom_sandbox::SandboxOptions;

use crate::support::{CORP, code, world, world_with};

#[tokio::test]
async fn a_token_is_the_same_until_it_expires_and_another_for_each_app() {
    let world = world().await;
    let first = world.get_token("secret of contact").await;
    assert_eq!(first["expires_in"].as_f64(), Some(7200.0));
    assert_eq!(
        world.token("contact").await,
        first["access_token"].as_str().expect("a token")
    );
    assert_ne!(
        world.token("other").await,
        first["access_token"].as_str().expect("a token")
    );
    world.corp.expire_tokens("contact");
    assert_ne!(
        world.token("contact").await,
        first["access_token"].as_str().expect("a token")
    );
}

#[tokio::test]
async fn a_bad_token_is_told_why() {
    let world = world().await;
    let expired = world.token("contact").await;
    world.corp.expire_tokens("contact");
    let revoked = world.token("other").await;
    world.corp.revoke_tokens("other");
    for (query, expected) in [
        (format!("access_token={expired}"), 42001),
        (format!("access_token={revoked}"), 40014),
        ("access_token=made-up".to_owned(), 40014),
        ("access_token=".to_owned(), 41001),
        (String::new(), 41001),
        (format!("access_token={}", world.token("contact").await), 0),
    ] {
        let answer = world
            .get_url(&format!("externalcontact/get_follow_user_list?{query}"))
            .await;
        assert_eq!(code(&answer), expected);
    }
}

#[tokio::test]
async fn a_token_outlives_its_time_for_nobody() {
    let world = world_with(SandboxOptions {
        token_ttl: Duration::from_secs(60),
        ..SandboxOptions::default()
    })
    .await;
    let token = world.token("contact").await;
    let path = format!("externalcontact/get_corp_tag_list?access_token={token}");
    for (seconds, left, expected) in [(0, 60.0, 0), (59, 1.0, 0), (1, 60.0, 42001)] {
        world.manual.advance(Duration::from_secs(seconds));
        let answer = world.post_text(&path, json!({}).to_string()).await;
        assert_eq!(code(&answer), expected, "{seconds} s later");
        let current = world.get_token("secret of contact").await;
        assert_eq!(current["expires_in"].as_f64(), Some(left));
        assert_eq!(current["access_token"] == token.as_str(), expected == 0);
    }
}

#[tokio::test]
async fn wrong_secrets_are_counted_towards_a_ban() {
    let world = world_with(SandboxOptions {
        wrong_secret_limit: 2,
        ..SandboxOptions::default()
    })
    .await;
    let token = world.token("contact").await;
    world
        .corp
        .rotate_secret("contact", "new secret")
        .expect("the app is there");
    let with_old_token = world
        .get_url(&format!(
            "externalcontact/get_follow_user_list?access_token={token}"
        ))
        .await;
    assert_eq!(code(&with_old_token), 40014);
    assert!(!world.sandbox.ip_banned());
    for _ in 0..2 {
        assert_eq!(code(&world.get_token("secret of contact").await), 40001);
    }
    assert!(world.sandbox.ip_banned());
    assert_eq!(code(&world.get_token("new secret").await), 0);
    for (query, expected) in [
        (String::new(), 41002),
        (format!("corpid={CORP}"), 41004),
        ("corpid=wwX&corpsecret=s".to_owned(), 40013),
    ] {
        assert_eq!(
            code(&world.get_url(&format!("gettoken?{query}")).await),
            expected,
            "{query}"
        );
    }
}

#[tokio::test]
async fn nothing_secret_is_kept_in_the_journal() {
    let world = world().await;
    let token = world.token("contact").await;
    world.get("externalcontact/get_follow_user_list", "").await;
    let calls = world.sandbox.calls();
    assert!(calls.len() >= 3);
    for call in calls {
        let text = format!("{call:?} {} {}", call.request, call.answer);
        assert!(
            !text.contains(&token) && !text.contains("secret of"),
            "{}",
            call.api
        );
    }
}
