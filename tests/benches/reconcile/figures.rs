//! What a run found, as it is saved.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::report::Pass;

const MIB: f64 = (1 << 20) as f64;

/// A whole run.
#[derive(Serialize)]
pub(crate) struct Figures {
    passes: Vec<Figure>,
}

/// One pass.
#[derive(Serialize)]
struct Figure {
    /// Calls to WeCom by API.
    calls: BTreeMap<String, u64>,
    /// Calls × latency ÷ calls in flight.
    bound_s: f64,
    wall_s: f64,
    invocations: u32,
    items_read: u64,
    /// Rows that say something of the corp.
    rows_written: u64,
    /// Rows about the run itself.
    rows_about_the_run: u64,
    /// Of the function's process.
    cpu_s: Option<f64>,
    peak_mib: Option<f64>,
}

impl Figures {
    pub(crate) fn of(passes: &[Pass]) -> Self {
        Self {
            passes: passes.iter().map(Figure::of).collect(),
        }
    }
}

impl Figure {
    fn of(pass: &Pass) -> Self {
        let usage = &pass.used.usage;
        Self {
            calls: pass.calls.clone(),
            bound_s: pass.bound.as_secs_f64(),
            wall_s: pass.used.wall.as_secs_f64(),
            invocations: pass.used.invocations,
            items_read: pass.tally.items_read,
            rows_written: pass.rows_written(),
            rows_about_the_run: pass.tally.bookkeeping.values().sum(),
            cpu_s: usage.cpu_seconds,
            peak_mib: usage.peak_bytes.map(|bytes| bytes as f64 / MIB),
        }
    }
}
