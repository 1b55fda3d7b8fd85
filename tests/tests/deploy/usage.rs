//! Resource usage of the functions' processes so far. The memory sizes in the template are based on it.

use std::fs;

use bundle_tests::usage::Usage;

use crate::bundle::STACK;
use crate::command::Outcome;
use crate::steps::Steps;

/// Prints the largest process of each function, and the processor time of all its processes.
pub(crate) fn report(steps: &mut Steps) -> Outcome<()> {
    steps.section("Resource usage of the functions (all their processes)");
    for function in crate::bundle::FUNCTIONS {
        let processes = processes(&format!("{STACK}-{function}"))?;
        let peak = processes.iter().filter_map(|process| process.peak_bytes);
        let seconds = processes.iter().filter_map(|process| process.cpu_seconds);
        steps.note(&format!(
            "{function}: {} processes, at most {} MiB, {:.0} ms of processor time",
            processes.len(),
            peak.max().unwrap_or_default() >> 20,
            seconds.sum::<f64>() * 1000.0,
        ));
    }
    Ok(())
}

fn processes(function: &str) -> Outcome<Vec<Usage>> {
    let variable = format!("AWS_LAMBDA_FUNCTION_NAME={function}");
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let directory = entry?.path();
        // Processes may end at any time, and those of other users are not readable.
        let Ok(environment) = fs::read(directory.join("environ")) else {
            continue;
        };
        let is_it = environment
            .split(|byte| *byte == 0)
            .any(|entry| entry == variable.as_bytes());
        let pid = directory.file_name().and_then(|name| name.to_str());
        if is_it && let Some(Ok(pid)) = pid.map(str::parse) {
            found.push(Usage::of(pid));
        }
    }
    Ok(found)
}
