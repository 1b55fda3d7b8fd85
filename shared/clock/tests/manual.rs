//! What a test may expect of the clock that it moves.

use std::time::Duration;

use clock::{Clock, Elapsed, ManualClock, START, Wait};
use futures::FutureExt;
use jiff::SignedDuration;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn it_stands_still_but_two_readings_differ() {
    let manual = ManualClock::new();
    let clock = manual.clock();
    let (one, other) = (clock.now(), clock.now());
    assert!(one < other && other < START + SignedDuration::from_millis(1));
    let (one, other) = (clock.instant(), clock.instant());
    assert!(one < other);
    manual.advance(SECOND);
    assert!(clock.since(one) > SECOND && clock.since(one) < SECOND * 2);
    assert_eq!(clock.unix_seconds(), START.as_second() + 1);
    assert_eq!(clock.unix_millis(), START.as_millisecond() + 1_000);
}

#[test]
fn a_sleep_ends_when_its_time_has_passed_and_not_before() {
    let manual = ManualClock::new();
    let clock = manual.clock();
    let mut sleep = Box::pin(clock.sleep(SECOND));
    assert_eq!(sleep.as_mut().now_or_never(), None);
    manual.advance(SECOND / 2);
    assert_eq!(sleep.as_mut().now_or_never(), None);
    manual.advance(SECOND);
    assert_eq!(sleep.as_mut().now_or_never(), Some(()));
    assert_eq!(manual.waiting(Wait::Pause), 0);
    assert_eq!(clock.sleep(Duration::ZERO).now_or_never(), Some(()));
}

#[test]
fn a_wait_that_is_dropped_is_forgotten() {
    let manual = ManualClock::new();
    let clock = manual.clock();
    let mut sleep = Box::pin(clock.sleep(SECOND));
    assert_eq!(sleep.as_mut().now_or_never(), None);
    assert_eq!(manual.waiting(Wait::Pause), 1);
    drop(sleep);
    assert_eq!(manual.waiting(Wait::Pause), 0);
}

#[test]
fn work_that_is_done_in_time_has_no_time_out() {
    let manual = ManualClock::new();
    let clock = manual.clock();
    let done = clock.timeout(SECOND, std::future::ready(7));
    assert_eq!(done.now_or_never(), Some(Ok(7)));
    let mut never = Box::pin(clock.timeout(SECOND, std::future::pending::<()>()));
    assert_eq!(never.as_mut().now_or_never(), None);
    manual.advance(SECOND);
    assert_eq!(never.as_mut().now_or_never(), Some(Err(Elapsed)));
}

#[test]
fn pauses_end_one_by_one_and_never_beyond_a_deadline() {
    let manual = ManualClock::new();
    let clock = manual.clock();
    let mut first = Box::pin(clock.sleep(SECOND));
    let mut second = Box::pin(clock.sleep(SECOND * 3));
    let mut bounded = Box::pin(clock.timeout(SECOND * 2, std::future::pending::<()>()));
    let mut regular = Box::pin(clock.next_turn(SECOND / 2));
    assert!(first.as_mut().now_or_never().is_none() && second.as_mut().now_or_never().is_none());
    assert!(bounded.as_mut().now_or_never().is_none());
    assert!(regular.as_mut().now_or_never().is_none());
    let held = manual.hold();
    assert!(!manual.end_next_pause());
    drop(held);
    assert!(manual.end_next_pause());
    assert_eq!(first.as_mut().now_or_never(), Some(()));
    assert_eq!(regular.as_mut().now_or_never(), Some(()));
    assert!(!manual.end_next_pause(), "a deadline is before the pause");
    drop(bounded);
    assert!(manual.end_next_pause());
    assert_eq!(second.as_mut().now_or_never(), Some(()));
}

#[tokio::test]
async fn the_clock_of_the_system_goes_by_itself() {
    let clock = Clock::system();
    let began = clock.instant();
    clock.sleep(Duration::from_millis(1)).await;
    assert!(clock.since(began) >= Duration::from_millis(1));
    let late = clock.timeout(Duration::ZERO, std::future::pending::<()>());
    assert_eq!(late.await, Err(Elapsed));
}

/// Work that has a deadline may be slow on a busy machine, and others may read the clock or end their pauses meanwhile.
#[test]
fn neither_readings_nor_pauses_make_a_deadline_expire() {
    let manual = ManualClock::new();
    let clock = manual.clock();
    let mut pause = Box::pin(clock.sleep(SECOND));
    let mut work = Box::pin(clock.timeout(
        SECOND + Duration::from_micros(20),
        std::future::pending::<()>(),
    ));
    assert_eq!(pause.as_mut().now_or_never(), None);
    assert_eq!(work.as_mut().now_or_never(), None);
    assert!(manual.end_next_pause());
    assert_eq!(pause.as_mut().now_or_never(), Some(()));
    let began = clock.instant();
    for _ in 0..100 {
        let _ = clock.instant();
    }
    assert!(clock.since(began) > Duration::from_micros(100));
    assert_eq!(work.as_mut().now_or_never(), None);
    let mut later = Box::pin(clock.sleep(SECOND));
    assert_eq!(later.as_mut().now_or_never(), None);
    assert!(
        !manual.end_next_pause(),
        "the work has the clock until it is done"
    );
    manual.advance(SECOND);
    assert_eq!(work.as_mut().now_or_never(), Some(Err(Elapsed)));
}
