//! What a process has used so far.

use std::fs;

use serde::{Deserialize, Serialize};

/// Processor time and memory of this process; `None` where there is no `/proc`.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Usage {
    /// User and system time, in seconds.
    pub(crate) cpu_seconds: Option<f64>,
    /// The largest resident set so far, in bytes.
    pub(crate) peak_bytes: Option<u64>,
}

impl Usage {
    pub(crate) fn now() -> Self {
        Self {
            cpu_seconds: cpu_seconds(),
            peak_bytes: peak_bytes(),
        }
    }

    /// The processor time since `earlier`; the peak is that of the whole process.
    pub(crate) fn since(&self, earlier: &Self) -> Self {
        let used = self.cpu_seconds.zip(earlier.cpu_seconds);
        Self {
            cpu_seconds: used.map(|(now, then)| now - then),
            peak_bytes: self.peak_bytes,
        }
    }
}

/// User and system time of the process (`proc(5)`, "stat": fields 14 and 15, in hundredths on every Linux).
fn cpu_seconds() -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The second field may hold spaces, but it ends with the last parenthesis.
    let (_, fields) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let ticks = |place: usize| fields.get(place)?.parse::<f64>().ok();
    Some((ticks(11)? + ticks(12)?) / 100.0)
}

/// The largest resident set so far (`proc(5)`, "status": `VmHWM`, in KiB).
fn peak_bytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kib * 1024)
}
