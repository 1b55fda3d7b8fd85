//! Single steps of the limit, and a simulation of several processes that share what WeCom takes.

use std::collections::{BTreeMap, VecDeque};

use super::*;

fn at(ms: u64) -> Timestamp {
    Timestamp::from_millisecond(1_795_579_200_000 + i64::try_from(ms).unwrap()).unwrap()
}

fn reduced_to(limit: f64) -> AdaptiveLimit {
    AdaptiveLimit {
        limit,
        is_starting: false,
        reduced_at: Some(at(0)),
        ..AdaptiveLimit::new(64)
    }
}

#[test]
fn until_the_first_refusal_each_success_allows_one_call_more() {
    let mut limit = AdaptiveLimit::new(6);
    assert_eq!(limit.calls(), 4);
    limit.succeeded(at(0), false);
    assert_eq!(limit.calls(), 4, "the limit was not reached");
    for expected in [5, 6, 6] {
        limit.succeeded(at(0), true);
        assert_eq!(limit.calls(), expected);
    }
    assert_eq!(AdaptiveLimit::new(0).calls(), 1);
}

#[test]
fn calls_in_flight_together_are_one_refusal() {
    let mut limit = AdaptiveLimit::new(64);
    assert!(limit.refused(at(0), at(100)));
    assert!(!limit.refused(at(50), at(110)));
    assert!(!limit.refused(at(100), at(111)));
    assert!((limit.limit() - 3.2).abs() < 1e-9);
    assert!(limit.refused(at(101), at(200)));
    assert!((limit.limit() - 2.56).abs() < 1e-9);
}

#[test]
fn a_limit_grows_faster_with_the_time_since_the_refusal() {
    let mut limit = reduced_to(2.0);
    limit.succeeded(at(0), true);
    let soon = limit.limit() - 2.0;
    let mut limit = reduced_to(2.0);
    limit.succeeded(at(30_000), true);
    let late = limit.limit() - 2.0;
    assert!((soon - 0.01).abs() < 1e-9 && (late - 0.1).abs() < 1e-9);
}

#[test]
fn a_limit_below_one_call_is_a_share_of_the_time() {
    let duration = Duration::from_millis(100);
    let mut limit = reduced_to(0.5);
    assert_eq!(limit.calls(), 1);
    assert_eq!(limit.spacing(duration), Some(Duration::from_millis(200)));
    for call in 1..100 {
        limit.refused(at(call * 2), at(call * 2 + 1));
    }
    assert_eq!(limit.spacing(duration), Some(Duration::from_secs(2)));
    assert_eq!(reduced_to(4.0).spacing(duration), None);
    assert_eq!(AdaptiveLimit::new(1).spacing(duration), None);
}

#[test]
fn a_shared_limit_is_adopted_once_and_only_if_it_is_lower() {
    let shared = |calls, processes, found_at| SharedLimit {
        calls,
        processes,
        found_at: UnixSeconds(found_at),
    };
    let mut limit = AdaptiveLimit::new(64);
    limit.adopt(shared(40, 2, 1));
    assert!(!limit.is_reduced());
    limit.adopt(shared(6, 4, 2));
    assert!((limit.limit() - 1.5).abs() < 1e-9);
    limit.adopt(shared(6, 8, 2));
    assert!((limit.limit() - 1.5).abs() < 1e-9, "the same finding");
}

/// What WeCom takes at once, how many processes call it, and how often.
struct Scene {
    takes: usize,
    processes: usize,
    per_second: u64,
    seconds: u64,
}

/// A process of the simulation.
struct Process {
    limit: AdaptiveLimit,
    in_flight: usize,
    next_start: u64,
    was_reached: bool,
    /// When the first attempt of each waiting call was due, and its attempts so far.
    waiting: VecDeque<u32>,
}

/// Calls answered and refused after the first five seconds, and the millisecond of the last answer.
#[derive(Debug, Default)]
struct Counted {
    answered: u64,
    refused: u64,
    last: u64,
}

const CALL_MS: u64 = 100;

/// Steps of a millisecond. A refused call is made again after half a second, which doubles.
fn simulate(scene: &Scene) -> Counted {
    let new = || Process {
        limit: AdaptiveLimit::new(64),
        in_flight: 0,
        next_start: 0,
        was_reached: false,
        waiting: VecDeque::new(),
    };
    let mut processes: Vec<Process> = (0..scene.processes).map(|_| new()).collect();
    let mut shared: Option<SharedLimit> = None;
    let mut answers = BTreeMap::<u64, Vec<usize>>::new();
    let mut again = BTreeMap::<u64, Vec<(usize, u32)>>::new();
    let (mut at_wecom, mut counted) = (0, Counted::default());
    let total = scene.per_second * scene.seconds;
    let (mut done, mut arrived, mut seed) = (0, 0, 7_u64);
    for now in 0..600_000 {
        while arrived < total && arrived * 1000 / scene.per_second <= now {
            // A linear congruential generator: which process receives a record is arbitrary.
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let process = usize::try_from(seed >> 33).unwrap() % scene.processes;
            processes[process].waiting.push_back(0);
            arrived += 1;
        }
        for (process, attempts) in again.remove(&now).unwrap_or_default() {
            processes[process].waiting.push_back(attempts);
        }
        for process in answers.remove(&now).unwrap_or_default() {
            at_wecom -= 1;
            done += 1;
            let process = &mut processes[process];
            process.in_flight -= 1;
            process.limit.succeeded(at(now), process.was_reached);
            process.was_reached = false;
            counted.answered += u64::from(now >= 5000);
            counted.last = now;
        }
        for (number, process) in processes.iter_mut().enumerate() {
            if let Some(shared) = shared {
                process.limit.adopt(shared);
            }
            while !process.waiting.is_empty() {
                if process.in_flight >= process.limit.calls() || now < process.next_start {
                    process.was_reached = true;
                    break;
                }
                let attempts = process.waiting.pop_front().unwrap();
                if let Some(spacing) = process.limit.spacing(Duration::from_millis(CALL_MS)) {
                    process.next_start = now + u64::try_from(spacing.as_millis()).unwrap();
                }
                if at_wecom < scene.takes {
                    at_wecom += 1;
                    process.in_flight += 1;
                    answers.entry(now + CALL_MS).or_default().push(number);
                    continue;
                }
                counted.refused += u64::from(now >= 5000 && now < scene.seconds * 1000);
                again
                    .entry(now + (500 << attempts.min(3)))
                    .or_default()
                    .push((number, attempts + 1));
                let second = UnixSeconds::of(at(now));
                if process.limit.refused(at(now), at(now + 1))
                    && shared.is_none_or(|shared| shared.found_at < second)
                {
                    let calls = times(process.limit.limit(), scene.processes);
                    shared = Some(SharedLimit {
                        calls,
                        found_at: second,
                        processes: scene.processes,
                    });
                }
            }
        }
        if done == total {
            return counted;
        }
    }
    panic!("{done} of {total} calls were answered: {counted:?}");
}

#[test]
fn several_processes_find_out_together_what_wecom_takes() {
    for processes in [1, 4, 8] {
        for (takes, most_percent) in [(5, 5), (8, 5), (15, 5), (16, 2), (40, 2)] {
            let counted = simulate(&Scene {
                takes,
                processes,
                per_second: 100,
                seconds: 15,
            });
            let calls = counted.answered + counted.refused;
            assert!(
                counted.refused * 100 <= calls * most_percent,
                "{processes} processes, {takes} calls at once: {counted:?}"
            );
            // Nothing is lost, and at least a third of what WeCom takes is used.
            let fewest_ms = 1500 * CALL_MS / u64::try_from(takes).unwrap();
            assert!(
                counted.last < 20_000.max(3 * fewest_ms),
                "{processes} processes, {takes} calls at once: {counted:?}"
            );
        }
    }
}
