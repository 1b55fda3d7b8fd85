//! Limits and latency that change while the sandbox runs, and faults at a chosen call.

use crate::support::{World, code, world, world_with};
use std::time::{Duration, Instant};
use wecom_sandbox::{Fault, RateLimits, SandboxOptions};

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
        hour: Duration::from_secs(1),
        rate_window: Duration::from_millis(1),
        ..SandboxOptions::default()
    })
    .await;
    assert_eq!(codes(&world, 3).await, [0, 0, 45009]);
    tokio::time::sleep(Duration::from_millis(1100)).await;
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
    world.sandbox.set_latency(Duration::from_millis(500));
    let start = Instant::now();
    codes(&world, 1).await;
    // The token and the call.
    assert!(start.elapsed() >= Duration::from_secs(1));
    world.sandbox.set_latency(Duration::ZERO);
    codes(&world, 1).await;
    let call = world.sandbox.calls_of(API)[1].duration;
    assert!(call < Duration::from_millis(500), "{call:?}");
}
