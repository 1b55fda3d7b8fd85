//! Limits and latency that change while the sandbox runs, and faults at a chosen call.

use std::time::Duration;

use clock::Wait;
use wecom_sandbox::{Fault, RateLimits, SandboxOptions};

use crate::support::{World, code, world, world_with};

const API: &str = "externalcontact/get_follow_user_list";

async fn codes(world: &World, calls: usize) -> Vec<i64> {
    let path = format!("{API}?access_token={}", world.token("contact").await);
    let mut codes = Vec::new();
    for _ in 0..calls {
        codes.push(code(&world.get_url(&path).await));
    }
    codes
}

#[tokio::test]
async fn a_fault_waits_for_its_call() {
    let world = world().await;
    let faults = world.sandbox.faults();
    faults.after(API, 2, 1, Fault::Code(45033));
    faults.after(API, 1, 2, Fault::Code(-1));
    assert_eq!(faults.waiting(), 3);
    assert_eq!(codes(&world, 7).await, [0, 0, 45033, 0, -1, -1, 0]);
    // A call that is let through may still meet a fault of any API.
    faults.after(API, 1, 1, Fault::Code(45033));
    let path = format!("{API}?access_token={}", world.token("contact").await);
    faults.next_any(1, Fault::Code(-1));
    for expected in [-1, 45033, 0] {
        assert_eq!(code(&world.get_url(&path).await), expected);
    }
}

#[tokio::test]
async fn an_excess_of_the_hour_blocks_for_as_long_as_the_hour() {
    let world = world_with(SandboxOptions {
        calls_per_hour: 2,
        ..SandboxOptions::default()
    })
    .await;
    assert_eq!(codes(&world, 3).await, [0, 0, 45009]);
    world.manual.advance(Duration::from_secs(3599));
    assert_eq!(codes(&world, 1).await, [45009], "the minute is over");
    world.manual.advance(Duration::from_secs(1));
    assert_eq!(codes(&world, 1).await, [0]);
}

#[tokio::test]
async fn limits_are_changed_and_blocks_lifted_at_any_time() {
    let world = world().await;
    let usual = world.sandbox.limits();
    assert_eq!(
        (usual.calls_per_window, usual.calls_per_hour),
        (10_000, 150_000)
    );
    world.sandbox.set_limits(RateLimits {
        calls_per_window: 1,
        ..usual
    });
    assert_eq!(codes(&world, 2).await, [0, 45009]);
    world.sandbox.lift_blocks();
    assert_eq!(codes(&world, 2).await, [0, 45009]);
    world.sandbox.set_limits(usual);
    assert_eq!(codes(&world, 1).await, [45009], "the block stays");
    world.sandbox.lift_blocks();
    assert_eq!(codes(&world, 2).await, [0, 0]);
}

#[tokio::test]
async fn latency_changes_while_it_runs() {
    let world = world().await;
    let latency = Duration::from_millis(500);
    world.sandbox.set_latency(latency);
    let answered = codes(&world, 1);
    let (answered, ()) = tokio::join!(answered, let_latency_pass(&world, 2, latency));
    assert_eq!(answered, [0]);
    for api in ["gettoken", API] {
        let call = world.sandbox.calls_of(api)[0].duration;
        assert!(call >= latency && call < latency * 2, "{api}: {call:?}");
    }
    world.sandbox.set_latency(Duration::ZERO);
    assert_eq!(codes(&world, 1).await, [0]);
    let call = world.sandbox.calls_of(API)[1].duration;
    assert!(call < latency, "{call:?}");
}

/// Moves the clock for so many calls one after the other, none of which is answered before its time.
async fn let_latency_pass(world: &World, calls: usize, latency: Duration) {
    let moment = Duration::from_millis(1);
    for _ in 0..calls {
        world.until_delayed().await;
        world.manual.advance(latency - moment);
        assert_eq!(world.manual.waiting(Wait::Pause), 1);
        world.manual.advance(moment);
        assert_eq!(world.manual.waiting(Wait::Pause), 0);
    }
}
