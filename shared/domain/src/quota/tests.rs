//! Windows of the quota, pauses, and what processes share about calls in flight.

use super::*;

const API: &str = "externalcontact/mark_tag";
/// 2026-11-25 12:00:00 in Beijing.
const NOON: UnixSeconds = UnixSeconds(1_795_579_200);

#[test]
fn a_window_is_taken_up_and_the_next_one_is_fresh() {
    let limits = Limits {
        per_minute: 10,
        per_hour: 25,
        ..Limits::default()
    };
    let mut usage = Usage::default();
    let cases = [
        (0, 8, QuotaGrant::Granted(8)),
        (1, 8, QuotaGrant::Granted(2)),
        (59, 1, QuotaGrant::SpentUntil(UnixSeconds(60))),
        (60, 10, QuotaGrant::Granted(10)),
        (120, 10, QuotaGrant::Granted(5)),
        (180, 1, QuotaGrant::SpentUntil(UnixSeconds(3_600))),
        (3_600, 10, QuotaGrant::Granted(10)),
    ];
    for (now, wanted, expected) in cases {
        assert_eq!(
            usage.take(UnixSeconds(now), wanted, &limits),
            expected,
            "at {now}"
        );
    }
}

#[test]
fn the_share_that_is_taken_is_of_the_fuller_window_and_ends_with_it() {
    let limits = Limits {
        per_minute: 10,
        per_hour: 40,
        ..Limits::default()
    };
    let mut usage = Usage::default();
    assert_eq!(usage.percent(NOON, &limits), 0);
    let minute = NOON.plus_seconds(60);
    assert_eq!(usage.take(minute, 8, &limits), QuotaGrant::Granted(8));
    let cases = [
        (minute, 80),
        (minute.plus_seconds(119), 80),
        (minute.plus_seconds(120), 20),
        (NOON.plus_seconds(HOUR - 1), 20),
        (NOON.plus_seconds(HOUR), 0),
    ];
    for (now, expected) in cases {
        assert_eq!(usage.percent(now, &limits), expected, "at {now}");
    }
    for minute in 2..6 {
        usage.take(NOON.plus_seconds(minute * 60), 10, &limits);
    }
    assert_eq!(usage.percent(NOON.plus_seconds(300), &limits), 100);
    let smaller = Limits {
        per_minute: 0,
        per_hour: 20,
        ..limits
    };
    assert_eq!(
        usage.percent(NOON.plus_seconds(300), &smaller),
        200,
        "it was made smaller"
    );
}

#[test]
fn a_pause_grows_to_the_hour_and_then_to_midnight_in_beijing() {
    let mut guard = Guard::default();
    let limits = Limits::default();
    guard.refused(API, NOON, &limits, false);
    assert_eq!(guard.paused_until(API, NOON), Some(NOON.plus_seconds(60)));
    guard.refused(API, NOON.plus_seconds(5), &limits, true);
    assert_eq!(
        guard.paused_until(API, NOON.plus_seconds(5)),
        Some(NOON.plus_seconds(60)),
        "calls that were under way"
    );
    assert_eq!(guard.paused_until(API, NOON.plus_seconds(60)), None);
    assert_eq!(
        (
            guard.paused(NOON.plus_seconds(59)),
            guard.paused(NOON.plus_seconds(60))
        ),
        (1, 0)
    );
    guard.refused(API, NOON.plus_seconds(61), &limits, false);
    assert_eq!(
        guard.paused_until(API, NOON.plus_seconds(61)),
        Some(NOON.plus_seconds(3_661))
    );
    guard.refused(API, NOON.plus_seconds(3_662), &limits, false);
    assert_eq!(
        guard.paused_until(API, NOON.plus_seconds(3_662)),
        Some(NOON.plus_seconds(12 * HOUR))
    );
    assert_eq!(guard.paused_until("externalcontact/get", NOON), None);
}

#[test]
fn a_refusal_long_after_a_pause_is_a_first_one() {
    let mut guard = Guard::default();
    guard.refused(API, NOON, &Limits::default(), false);
    guard.refused(API, NOON.plus_seconds(180), &Limits::default(), false);
    assert_eq!(guard.pauses[API].step, 1);
}

#[test]
fn a_refusal_after_calls_that_were_taken_is_a_first_one() {
    let mut guard = Guard::default();
    let limits = Limits::default();
    guard.refused(API, NOON, &limits, true);
    for seconds in [61, 122, 183] {
        let now = NOON.plus_seconds(seconds);
        guard.refused(API, now, &limits, true);
        assert_eq!(guard.paused_until(API, now), Some(now.plus_seconds(60)));
    }
}

#[test]
fn what_a_process_found_out_is_shared_for_a_while() {
    let mut guard = Guard::default();
    let report = |process: &str| (API.to_owned(), process.to_owned());
    let long_ago = NOON.plus_seconds(-PROCESS_SECONDS);
    guard.reports.insert(report("b"), NOON.plus_seconds(-1));
    guard.reports.insert(report("c"), long_ago);
    guard.share_limit(API, "a", 1.6, NOON);
    guard.share_limit(API, "b", 9.0, NOON);
    let shared = |processes| {
        Some(SharedLimit {
            calls: 4,
            found_at: NOON,
            processes,
        })
    };
    assert_eq!(guard.shared_limit(API, NOON), shared(2));
    let last = NOON.plus_seconds(CAP_SECONDS - 1);
    assert_eq!(guard.shared_limit(API, last), shared(1));
    assert_eq!(guard.shared_limit(API, last.plus_seconds(1)), None);
    assert_eq!(guard.reports.len(), 2, "what is over is not kept");
    guard.refused(
        "externalcontact/get",
        NOON.plus_seconds(CAP_SECONDS),
        &Limits::default(),
        false,
    );
    assert!(guard.concurrency_caps.is_empty() && guard.reports.is_empty());
}
