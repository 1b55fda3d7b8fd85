//! What the functions' processes have used so far: memory sizes are chosen by it.

use std::fs;

use crate::bundle::STACK;
use crate::command::Outcome;
use crate::steps::Steps;

/// Tells the largest process of each function, and the processor time of all of them.
pub(crate) fn report(steps: &mut Steps) -> Outcome<()> {
    steps.act("What the functions used (all their processes)");
    for function in crate::bundle::FUNCTIONS {
        let processes = processes(&format!("{STACK}-{function}"))?;
        let peak = processes.iter().map(|process| process.peak_kib).max();
        let ticks: u64 = processes.iter().map(|process| process.ticks).sum();
        steps.note(&format!(
            "{function}: {} processes, at most {} MiB, {} ms of processor time",
            processes.len(),
            peak.unwrap_or_default() / 1024,
            ticks * 10,
        ));
    }
    Ok(())
}

struct Process {
    peak_kib: u64,
    /// User and system time in hundredths of a second (`proc(5)`, "stat").
    ticks: u64,
}

fn processes(function: &str) -> Outcome<Vec<Process>> {
    let variable = format!("AWS_LAMBDA_FUNCTION_NAME={function}");
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let directory = entry?.path();
        // Processes come and go, and others are not ours to read.
        let Ok(environment) = fs::read(directory.join("environ")) else {
            continue;
        };
        let is_it = environment
            .split(|byte| *byte == 0)
            .any(|entry| entry == variable.as_bytes());
        if is_it && let Some(process) = read(&directory) {
            found.push(process);
        }
    }
    Ok(found)
}

fn read(directory: &std::path::Path) -> Option<Process> {
    let status = fs::read_to_string(directory.join("status")).ok()?;
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let stat = fs::read_to_string(directory.join("stat")).ok()?;
    let (_, fields) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let ticks = |place: usize| fields.get(place)?.parse::<u64>().ok();
    Some(Process {
        peak_kib: peak.split_whitespace().next()?.parse().ok()?,
        ticks: ticks(11)? + ticks(12)?,
    })
}
