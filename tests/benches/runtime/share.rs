//! Limits a process to the share of a processor that Lambda gives for a memory size, with a control group of the
//! kernel.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;
use std::{fmt, fs};

use crate::candidate::Candidate;

/// The memory size that determines the share.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Memory {
    /// The deployed memory size of each function.
    Deployed,
    /// This size in MB for all functions.
    Of(u32),
}

impl Memory {
    /// The memory size of `candidate`, in MB.
    pub(crate) fn of(self, candidate: &Candidate) -> u32 {
        match self {
            Self::Deployed => candidate.memory_mb,
            Self::Of(megabytes) => megabytes,
        }
    }
}

impl FromStr for Memory {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.parse() {
            Ok(megabytes @ 128..=WHOLE) => Ok(Self::Of(megabytes)),
            Err(_) if text == "deployed" => Ok(Self::Deployed),
            _ => Err(format!("neither 128 to {WHOLE} nor \"deployed\"")),
        }
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deployed => f.write_str("deployed"),
            Self::Of(megabytes) => write!(f, "{megabytes}mb"),
        }
    }
}

/// Memory at which a function has one processor (Lambda developer guide, "Configure Lambda function memory"), in MB.
const WHOLE: u32 = 1769;
/// The period of the share. Lambda does not document it; published measurements found 20 ms.
pub(crate) const PERIOD: Duration = Duration::from_millis(20);
/// The directory of control groups.
const ROOT: &str = "/sys/fs/cgroup";

/// A control group with one process in it. Dropping it removes it, if the process has ended.
#[derive(Debug)]
pub(crate) struct Share {
    group: PathBuf,
}

impl Share {
    /// Limits the process `pid`, with all its threads, to the share of a function with `memory` MB.
    pub(crate) fn limit(pid: u32, memory: u32) -> Result<Self, String> {
        let (parent, is_unified) = parent()?;
        let group = parent.join(format!("wecom-scrm-bench-{pid}"));
        let write = |file: &str, text: &str| {
            let path = group.join(file);
            fs::write(&path, text).map_err(|error| unusable(&path, &error.to_string()))
        };
        fs::create_dir(&group).map_err(|error| unusable(&group, &error.to_string()))?;
        let share = Self {
            group: group.clone(),
        };
        let period = u32::try_from(PERIOD.as_micros()).unwrap_or(u32::MAX);
        let quota = u64::from(period) * u64::from(memory) / u64::from(WHOLE);
        if is_unified {
            write("cpu.max", &format!("{quota} {period}"))?;
        } else {
            write("cpu.cfs_period_us", &period.to_string())?;
            write("cpu.cfs_quota_us", &quota.to_string())?;
        }
        write("cgroup.procs", &pid.to_string())?;
        Ok(share)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        // The killed process may still be in it for a moment; an empty group that remains is harmless.
        for _ in 0..20 {
            if fs::remove_dir(&self.group).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// Checks that control groups can be created here.
pub(crate) fn check() -> Result<(), String> {
    let (parent, _) = parent()?;
    let probe = parent.join(format!("wecom-scrm-bench-{}", std::process::id()));
    let made = fs::create_dir(&probe).and_then(|()| fs::remove_dir(&probe));
    made.map_err(|error| unusable(&probe, &error.to_string()))
}

/// The parent group for new groups, and whether it is version 2.
fn parent() -> Result<(PathBuf, bool), String> {
    let root = Path::new(ROOT);
    if root.join("cgroup.controllers").exists() {
        let control = root.join("cgroup.subtree_control");
        let enabled = fs::read_to_string(&control).unwrap_or_default();
        if !enabled.split_whitespace().any(|name| name == "cpu") {
            let written = fs::write(&control, "+cpu");
            written.map_err(|error| unusable(&control, &error.to_string()))?;
        }
        return Ok((root.to_owned(), true));
    }
    let first = root.join("cpu");
    if first.join("cpu.cfs_quota_us").exists() {
        return Ok((first, false));
    }
    Err(unusable(root, "processor time cannot be limited"))
}

fn unusable(path: &Path, error: &str) -> String {
    format!(
        "--memory needs control groups and root: {}: {error}",
        path.display()
    )
}
