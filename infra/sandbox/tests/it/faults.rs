//! Faults by command, the limits, and what is noted of a call.

use std::time::Duration;

use serde_json::{Value, json};
use wecom_sandbox::{Fault, SandboxOptions, Scan};

use crate::support::{World, code, eventually, world, world_with};

const API: &str = "externalcontact/get_follow_user_list";

/// A call whose answer may be anything.
async fn raw(world: &World) -> Result<(u16, String), reqwest::Error> {
    let token = world.token("contact").await;
    let url = format!(
        "{}/cgi-bin/{API}?access_token={token}",
        world.served.base_url
    );
    let answer = world.http.get(url).send().await?;
    let status = answer.status().as_u16();
    Ok((status, answer.text().await?))
}

#[tokio::test]
async fn the_next_calls_meet_their_faults_in_order() {
    let world = world().await;
    world
        .sandbox
        .faults()
        .next("get_follow_user_list", 2, Fault::Code(45009));
    world.sandbox.faults().next(API, 1, Fault::Http(502));
    for _ in 0..2 {
        assert_eq!(code(&world.get(API, "").await), 45009);
    }
    assert_eq!(raw(&world).await.expect("an answer").0, 502);
    assert_eq!(world.sandbox.faults().waiting(), 0);
    assert_eq!(code(&world.get(API, "").await), 0);
    world.sandbox.faults().next_any(1, Fault::Code(-1));
    assert_eq!(code(&world.get_token("secret of contact").await), -1);
    world.sandbox.faults().next_any(1, Fault::Code(-1));
    world.sandbox.faults().clear();
    assert_eq!(code(&world.get_token("secret of contact").await), 0);
}

#[tokio::test]
async fn a_dropped_connection_hides_whether_the_call_took_effect() {
    for after_effect in [true, false] {
        let world = world().await;
        let (customer, welcome_code) = world.scanned(&Scan::default()).await;
        let token = world.token("contact").await;
        world.sandbox.faults().next(
            "send_welcome_msg",
            1,
            Fault::DropConnection { after_effect },
        );
        let path = format!("externalcontact/send_welcome_msg?access_token={token}");
        let url = format!("{}/cgi-bin/{path}", world.served.base_url);
        let body = json!({"welcome_code": welcome_code, "text": {"content": "hi"}}).to_string();
        let answer = world.http.post(url).body(body.clone()).send().await;
        let read = match answer {
            Ok(answer) => answer.bytes().await.map(|_| ()),
            Err(error) => Err(error),
        };
        assert!(read.is_err(), "the connection is gone");
        assert_eq!(world.sandbox.calls_of("send_welcome_msg")[0].status, None);
        let chat = world.corp.chat(&customer.external_userid, "zhangsan");
        assert_eq!(chat.len(), usize::from(after_effect));
        let again = world.post_text(&path, body).await;
        assert_eq!(code(&again), if after_effect { 41051 } else { 0 });
    }
}

#[tokio::test]
async fn a_slow_call_takes_effect_and_hinders_no_other() {
    let world = world().await;
    let meanwhile = async {
        assert_eq!(code(&world.get(API, "").await), 0);
        assert_eq!(
            world.sandbox.calls_of(API).len(),
            1,
            "the slow one is still under way"
        );
    };
    let (slow, ()) = world.during(API, world.get(API, ""), meanwhile).await;
    assert_eq!(code(&slow), 0);
    let (quick, slow) = (
        &world.sandbox.calls_of(API)[0],
        &world.sandbox.calls_of(API)[1],
    );
    assert!(quick.duration < Duration::from_secs(1));
    assert!(slow.duration >= Duration::from_secs(1));
}

#[tokio::test]
async fn too_many_calls_at_once_are_refused_and_the_peak_is_known() {
    let world = world_with(SandboxOptions {
        calls_in_flight: 1,
        ..SandboxOptions::default()
    })
    .await;
    let (first, second) = (world.get(API, ""), world.get(API, ""));
    let (first, second) = world.during(API, first, second).await;
    assert_eq!((code(&first), code(&second)), (0, 45033));
    assert_eq!(world.sandbox.peak_in_flight("get_follow_user_list"), 1);
    assert_eq!(
        code(&world.get(API, "").await),
        0,
        "the place is free again"
    );
}

#[tokio::test]
async fn too_many_calls_in_a_window_block_the_api() {
    let world = world_with(SandboxOptions {
        calls_per_window: 3,
        ..SandboxOptions::default()
    })
    .await;
    let token = world.token("contact").await;
    let path = format!("{API}?access_token={token}");
    for expected in [0, 0, 0, 45009, 45009] {
        assert_eq!(code(&world.get_url(&path).await), expected);
    }
    let other = world
        .get_url(&format!("externalcontact/get?access_token={token}"))
        .await;
    assert_eq!(code(&other), 41035, "another API is not blocked");
}

#[tokio::test]
async fn unknown_paths_and_unknown_fields_are_noted() {
    let world = world().await;
    let url = format!(
        "{}/cgi-bin/externalcontact/no_such_api?access_token=x",
        world.served.base_url
    );
    let answer = world
        .http
        .post(url)
        .body("{}")
        .send()
        .await
        .expect("an answer");
    assert_eq!(answer.status().as_u16(), 404);
    assert_eq!(
        world.sandbox.unexpected()[0].api,
        "externalcontact/no_such_api"
    );

    world
        .post(
            "externalcontact/get_corp_tag_list",
            json!({"tags": ["etX"]}),
        )
        .await;
    let call = &world.sandbox.calls_of("get_corp_tag_list")[0];
    assert_eq!(call.warnings, ["unknown field tags"]);
    assert_eq!(
        (call.corp.as_deref(), call.app.as_deref()),
        (Some("ww0000000000000001"), Some("contact"))
    );
    assert_eq!(call.answer["tag_group"], Value::Array(Vec::new()));
    assert_eq!(world.sandbox.unexpected().len(), 1);
}

#[tokio::test]
async fn a_call_goes_on_when_its_caller_hangs_up() {
    let world = world().await;
    let delay = Duration::from_secs(1);
    world.sandbox.faults().next(API, 1, Fault::Slow(delay));
    let hung_up = tokio::select! {
        _ = world.get(API, "") => false,
        () = world.until_delayed() => true,
    };
    assert!(hung_up, "the call was under way when it was given up");
    assert!(world.sandbox.calls_of(API).is_empty());
    world.manual.advance(delay);
    let is_done = || world.sandbox.calls_of(API).len() == 1;
    eventually("the call ends all the same", is_done).await;
}
