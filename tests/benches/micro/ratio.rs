//! The ratio of some work to the raw work, measured alternately: other load on the machine slows both equally.
//! Criterion measures one after the other.

use std::hint::black_box;

use crate::thread_time::now;

/// Rounds, of which the median is taken.
const ROUNDS: usize = 301;
/// Repetitions in a round, about half a millisecond.
const REPETITIONS: usize = 200;

/// The median over all rounds of the time of `work` as a multiple of that of `raw`.
pub(super) fn of<W, R>(work: impl Fn() -> W, raw: impl Fn() -> R) -> f64 {
    let round = |_| time(&work) / time(&raw);
    let mut rounds: Vec<f64> = (0..ROUNDS).map(round).collect();
    rounds.sort_by(f64::total_cmp);
    rounds[ROUNDS / 2]
}

fn time<W>(work: impl Fn() -> W) -> f64 {
    let start = now();
    for _ in 0..REPETITIONS {
        black_box(work());
    }
    now().saturating_sub(start).as_secs_f64()
}
