//! The resource usage of a process so far, from `/proc`.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// Processor time and memory of a process; `None` without `/proc`, or if the process has ended.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Usage {
    /// User and system time, in seconds.
    pub cpu_seconds: Option<f64>,
    /// The largest resident set so far, in bytes.
    pub peak_bytes: Option<u64>,
}

impl Usage {
    /// The usage of this process.
    #[must_use]
    pub fn own() -> Self {
        Self::at(Path::new("/proc/self"))
    }

    /// The usage of the process `pid`.
    #[must_use]
    pub fn of(pid: u32) -> Self {
        Self::at(&PathBuf::from(format!("/proc/{pid}")))
    }

    /// The processor time since `earlier`; the peak is that of the whole process.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let used = self.cpu_seconds.zip(earlier.cpu_seconds);
        Self {
            cpu_seconds: used.map(|(now, then)| now - then),
            peak_bytes: self.peak_bytes,
        }
    }

    fn at(process: &Path) -> Self {
        // The first includes threads that have ended, but in hundredths of a second and rounded down; the second is
        // exact for running threads only. Both are lower bounds, so the larger one is more accurate.
        let cpu_seconds = [of_all(process), of_living_threads(process)];
        Self {
            cpu_seconds: cpu_seconds.into_iter().flatten().reduce(f64::max),
            peak_bytes: peak_bytes(process),
        }
    }
}

/// User and system time of the process (`proc(5)`, "stat": fields 14 and 15, in hundredths on every Linux).
fn of_all(process: &Path) -> Option<f64> {
    let stat = fs::read_to_string(process.join("stat")).ok()?;
    // The second field may hold spaces, but it ends with the last parenthesis.
    let (_, fields) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let ticks = |index: usize| fields.get(index)?.parse::<f64>().ok();
    Some((ticks(11)? + ticks(12)?) / 100.0)
}

/// Time on a processor of each thread, in nanoseconds (kernel documentation, "sched-stats": the first number). `None`
/// if the kernel does not report it.
fn of_living_threads(process: &Path) -> Option<f64> {
    let threads = fs::read_dir(process.join("task")).ok()?;
    let times = threads.filter_map(|thread| {
        let text = fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse::<f64>().ok()
    });
    times.reduce(|all, one| all + one).map(|all| all / 1e9)
}

/// The largest resident set so far (`proc(5)`, "status": `VmHWM`, in KiB).
fn peak_bytes(process: &Path) -> Option<u64> {
    let status = fs::read_to_string(process.join("status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kib * 1024)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_working_process_has_usage_and_a_missing_one_has_none() {
        let before = Usage::own();
        let sum = (0..20_000_000_u64).fold(0, |sum: u64, n| std::hint::black_box(sum ^ n));
        let used = Usage::of(std::process::id()).since(&before);
        assert!(
            used.cpu_seconds.is_some_and(|seconds| seconds > 0.0),
            "{sum}"
        );
        assert!(used.peak_bytes.is_some_and(|bytes| bytes > 1 << 20));
        // Process ids are below four million.
        assert!(Usage::of(u32::MAX).cpu_seconds.is_none());
    }
}
