//! How many times the raw work something takes, measured in turns: what else runs on the machine slows both alike, where
//! criterion measures one after the other.

use std::hint::black_box;

use crate::thread_time::now;

/// Turns of each, of which the median is taken.
const ROUNDS: usize = 301;
/// Repetitions in a turn, about half a millisecond.
const REPETITIONS: usize = 200;

/// The median over all rounds of the time of `work` as a multiple of that of `raw`.
pub(super) fn of<W, R>(work: impl Fn() -> W, raw: impl Fn() -> R) -> f64 {
    let round = |_| turn(&work) / turn(&raw);
    let mut rounds: Vec<f64> = (0..ROUNDS).map(round).collect();
    rounds.sort_by(f64::total_cmp);
    rounds[ROUNDS / 2]
}

fn turn<W>(work: impl Fn() -> W) -> f64 {
    let start = now();
    for _ in 0..REPETITIONS {
        black_box(work());
    }
    now().saturating_sub(start).as_secs_f64()
}
