//! Finds the rate of scans at which the p99 of welcomes exceeds one second, and names the bottleneck.

use std::time::{Duration, Instant};

use bundle_tests::results::{self, percentile};
use bundle_tests::usage::Usage;
use serde::Serialize;

use crate::check::welcome_times;
use crate::report::TARGET_MS;
use crate::{Options, Scene};

/// Scans per second of the first step.
const FIRST: u32 = 10;
/// The rate at which the search stops.
const LAST: u32 = 2_000;

/// The results for one rate.
#[derive(Debug, Serialize)]
struct Step {
    per_second: u32,
    welcomed: usize,
    scans: u32,
    p50_ms: f64,
    p99_ms: f64,
    /// Share of the machine's processors that this process took.
    processors: f64,
    /// Most welcomes in flight at WeCom at one moment.
    in_flight: usize,
}

/// Returns whether at least one rate met the target without a loss.
pub(crate) async fn run(options: &Options) -> Result<bool, String> {
    println!(
        "scans per second, each rate for {} s with its own tables; WeCom answers after {} ms\n",
        options.seconds, options.latency
    );
    println!(
        "  {:>10} {:>14} {:>9} {:>9} {:>11} {:>10}",
        "per second", "welcomed", "p50 ms", "p99 ms", "processors", "in flight"
    );
    let (mut steps, mut rate) = (Vec::new(), FIRST);
    while rate <= LAST {
        let step = climb(options, rate).await?;
        println!(
            "  {:>10} {:>14} {:>9.0} {:>9.0} {:>10.0}% {:>10}",
            step.per_second,
            format!("{} of {}", step.welcomed, step.scans),
            step.p50_ms,
            step.p99_ms,
            step.processors * 100.0,
            step.in_flight
        );
        let misses = step.welcomed < step.scans as usize || step.p99_ms > TARGET_MS;
        steps.push(step);
        if misses {
            break;
        }
        rate += (rate / 2).max(1);
    }
    let met: Vec<&Step> = steps
        .iter()
        .filter(|step| step.p99_ms <= TARGET_MS && step.welcomed == step.scans as usize)
        .collect();
    let most = met.last().map_or(0, |step| step.per_second);
    println!("\n  result  the target of one second is met up to {most} scans per second");
    if let Some(missed) = steps.get(met.len()) {
        println!("  limit   {}", limit(missed));
    }
    if options.save {
        let saved = results::save("climb", &results::command("scans"), &steps);
        saved.map_err(|error| error.to_string())?;
    }
    Ok(most > 0)
}

async fn climb(options: &Options, per_second: u32) -> Result<Step, String> {
    let scene = Scene::open(options).await?;
    let (before, started) = (Usage::own(), Instant::now());
    let scans = f64::from(per_second) * options.seconds;
    let scans = scans.round() as u32;
    let step = Options {
        scans,
        ramp: 0.0,
        ..options.clone()
    };
    let customers = scene.scan(&step).await?;
    let took = started.elapsed().as_secs_f64();
    let used = Usage::own().since(&before).cpu_seconds.unwrap_or_default();
    let end = Instant::now() + Duration::from_secs(options.patience);
    let mut times = welcome_times(&scene, &customers);
    while times.len() < customers.len() && Instant::now() < end {
        tokio::time::sleep(Duration::from_millis(200)).await;
        times = welcome_times(&scene, &customers);
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let step = Step {
        per_second,
        welcomed: times.len(),
        scans,
        p50_ms: percentile(&times, 0.5),
        p99_ms: percentile(&times, 0.99),
        processors: used / took / cores as f64,
        in_flight: scene.wecom.peak_in_flight("send_welcome_msg"),
    };
    scene.stack.stop().await;
    Ok(step)
}

/// The bottleneck at the rate that misses the target.
fn limit(step: &Step) -> String {
    if step.processors > 0.9 {
        return "the processors of this machine: functions, database, WeCom and customers share them"
            .to_owned();
    }
    "the records that are handled at the same time: they wait for WeCom's answers".to_owned()
}
