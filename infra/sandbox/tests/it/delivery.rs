//! Callbacks: attempts, nonces, time-outs, and the ways in which delivery is unreliable.

use std::collections::HashSet;
use std::time::Duration;

use clock::{START, Wait};
use wecom_sandbox::{DeliveryMode, EventId, Scan, VerifyError};

use crate::support::Reaction::{Redirect, Silence, Status};
use crate::support::{PATIENCE, Reaction, World, eventually, field, world};

/// How long WeCom waits for the answer to an event.
const CALLBACK_TIMEOUT: Duration = Duration::from_secs(5);

/// Lets the time of every attempt pass that the callback does not answer.
async fn let_silence_end(world: &World, script: &[Reaction]) {
    for (earlier, reaction) in script.iter().enumerate() {
        if matches!(reaction, Silence) {
            give_up(world, earlier + 1, CALLBACK_TIMEOUT).await;
        }
    }
}

/// Lets the time pass in which the callback must answer the request of this number, and not less.
async fn give_up(world: &World, request: usize, limit: Duration) {
    let is_asked = || world.callback.asked() == request;
    eventually("the callback is asked", is_asked).await;
    let moment = Duration::from_millis(1);
    world.manual.advance(limit - moment);
    assert_eq!(world.manual.waiting(Wait::Deadline), 1);
    world.manual.advance(moment);
    assert_eq!(world.manual.waiting(Wait::Deadline), 0);
}

fn add(world: &World) -> EventId {
    world
        .corp
        .add_by_search("lisi", &Scan::default())
        .expect("a member")
        .events[0]
}

#[tokio::test]
async fn an_event_has_three_attempts_under_fresh_nonces() {
    let cases: [(&[Reaction], &[Option<u16>]); 7] = [
        (&[], &[Some(200)]),
        (&[Status(503)], &[Some(503), Some(200)]),
        (&[Silence], &[None, Some(200)]),
        (&[Redirect], &[Some(302), Some(200)]),
        (
            &[Status(204), Status(202)],
            &[Some(204), Some(202), Some(200)],
        ),
        (&[Silence, Status(404)], &[None, Some(404), Some(200)]),
        (
            &[Status(500), Silence, Status(503)],
            &[Some(500), None, Some(503)],
        ),
    ];
    for (script, expected) in cases {
        let world = world().await;
        world.callback.will(script);
        let id = add(&world);
        let_silence_end(&world, script).await;
        world.settled().await;
        let event = world.sandbox.event(id).expect("known");
        let statuses: Vec<_> = event
            .attempts
            .iter()
            .map(|attempt| attempt.status)
            .collect();
        assert_eq!(statuses, expected);
        for attempt in &event.attempts {
            let is_given_up = attempt.duration >= CALLBACK_TIMEOUT;
            assert_eq!(is_given_up, attempt.status.is_none(), "{attempt:?}");
        }
        assert_eq!(event.accepted(), expected.contains(&Some(200)));
        let received = world.callback.received();
        let nonces: HashSet<_> = received.iter().map(|one| one.nonce.clone()).collect();
        assert_eq!(
            nonces.len(),
            expected.len(),
            "each attempt has a nonce of its own"
        );
        assert!(
            received.iter().all(|one| one.xml == event.xml),
            "and the same message"
        );
    }
}

#[tokio::test]
async fn events_are_repeated_lost_and_sent_again_by_command() {
    let world = world().await;
    world.sandbox.set_delivery_mode(DeliveryMode {
        copies: 2,
        lose_every: Some(2),
        ..DeliveryMode::default()
    });
    let (kept, lost) = (add(&world), add(&world));
    world.settled().await;
    assert_eq!(
        world.callback.received().len(),
        2,
        "two copies of one event"
    );
    let lost = world.sandbox.event(lost).expect("known");
    assert!(lost.lost && lost.attempts.is_empty());
    assert!(world.sandbox.redeliver(kept));
    assert!(!world.sandbox.redeliver(EventId(99)));
    world.settled().await;
    let received = world.callback.received();
    assert_eq!(received.len(), 3);
    assert!(received.iter().all(|one| one.xml == received[0].xml));
    assert_eq!(world.sandbox.deliveries().len(), 3);
}

#[tokio::test]
async fn events_are_held_while_paused() {
    let world = world().await;
    world.sandbox.pause();
    let id = add(&world);
    assert!(world.sandbox.event(id).expect("known").held);
    assert!(world.sandbox.deliveries().is_empty());
    world.sandbox.resume();
    world.settled().await;
    assert_eq!(world.callback.received().len(), 1);
}

#[tokio::test]
async fn events_go_out_of_order_in_windows() {
    let world = world().await;
    world.sandbox.set_delivery_mode(DeliveryMode {
        reorder: 3,
        ..DeliveryMode::default()
    });
    let ids: Vec<_> = (0..4).map(|_| add(&world)).collect();
    let third_is_out = |ids: &[EventId], world: &World| {
        world
            .sandbox
            .event(ids[2])
            .is_some_and(|event| event.accepted())
    };
    let waited = world
        .sandbox
        .wait_for("a full window", PATIENCE, |_| third_is_out(&ids, &world))
        .await;
    waited.expect("three events fill the window");
    assert!(
        world.sandbox.event(ids[3]).expect("known").held,
        "the fourth waits for company"
    );
    world.sandbox.set_delivery_mode(DeliveryMode::default());
    world.settled().await;
    assert_eq!(world.callback.received().len(), 4);
}

#[tokio::test]
async fn everything_bears_the_time_of_the_clock() {
    let world = world().await;
    world.manual.advance(Duration::from_secs(3600));
    let now_s = u64::try_from(START.as_second()).expect("after 1970") + 3600;
    assert_eq!(
        u64::try_from(world.sandbox.clock().unix_seconds()),
        Ok(now_s)
    );
    let event = world.sandbox.event(add(&world)).expect("known");
    assert_eq!(event.at_ms / 1000, now_s);
    let create_time = format!("<CreateTime>{now_s}</CreateTime>");
    assert!(event.xml.contains(&create_time), "{}", event.xml);
    assert_eq!(world.corp.truth().relations[0].createtime, now_s);
    world.token("contact").await;
    assert_eq!(world.sandbox.calls()[0].at_ms / 1000, now_s);
}

#[tokio::test]
async fn any_message_can_be_delivered() {
    let world = world().await;
    world
        .corp
        .deliver_xml("contact", "<xml><Event>none of WeCom's</Event></xml>")
        .expect("the app is there");
    world.settled().await;
    assert_eq!(
        world.callback.received()[0].xml,
        "<xml><Event>none of WeCom's</Event></xml>"
    );
}

#[tokio::test]
async fn every_app_with_a_callback_gets_a_code_of_its_own() {
    let world = world().await;
    world
        .corp
        .set_callback_url("other", &world.callback.url)
        .expect("the app is there");
    let happening = world
        .corp
        .add_by_search("lisi", &Scan::default())
        .expect("a member");
    let codes = happening.events.iter().map(|id| {
        let event = world.sandbox.event(*id).expect("known");
        (event.app, field(&event.xml, "WelcomeCode").expect("a code"))
    });
    let codes = codes.collect::<HashSet<_>>();
    assert_eq!(codes.len(), 2);
    assert_eq!(
        codes
            .iter()
            .map(|(_, code)| code)
            .collect::<HashSet<_>>()
            .len(),
        2
    );
}

#[tokio::test]
async fn a_callback_url_is_verified_by_its_exact_answer() {
    let world = world().await;
    assert_eq!(world.corp.verify_url("contact").await, Ok(()));
    assert_eq!(
        world.corp.verify_url("other").await,
        Err(VerifyError::NoCallback)
    );
    world.callback.will_echo("\"quoted\"\n");
    assert_eq!(
        world.corp.verify_url("contact").await,
        Err(VerifyError::WrongBody)
    );
    let nowhere = world.callback.url.replace("/callback", "/nowhere");
    world
        .corp
        .set_callback_url("contact", &nowhere)
        .expect("the app is there");
    assert_eq!(
        world.corp.verify_url("contact").await,
        Err(VerifyError::Status(404))
    );
}

#[tokio::test]
async fn a_callback_url_is_not_verified_without_an_answer_within_a_second() {
    let world = world().await;
    world.callback.will(&[Silence]);
    let second = Duration::from_secs(1);
    let verified = world.corp.verify_url("contact");
    let (verified, ()) = tokio::join!(verified, give_up(&world, 1, second));
    assert_eq!(verified, Err(VerifyError::NoAnswer(second)));
    assert_eq!(world.corp.verify_url("contact").await, Ok(()));
}

#[tokio::test]
async fn a_condition_that_does_not_come_true_is_named() {
    let world = world().await;
    let waited = world
        .sandbox
        .wait_for("pigs fly", Duration::ZERO, |_| false)
        .await;
    assert!(
        waited
            .unwrap_err()
            .to_string()
            .ends_with("in vain for: pigs fly")
    );
}
