//! Measures the reconcile of a large corp: its first pass, and passes without changes.
//!
//! `cargo bench -p bundle-tests --bench reconcile -- --help` lists the options. The function runs in a separate process
//! for each pass, because its memory is measured. WeCom's sandbox and the embedded DynamoDB are in this process and
//! share the machine's processors with it; only the sandbox's latency simulates a network. The exit code is 1 if a run
//! failed, if the stored relations differ from those of the sandbox, or if a later pass wrote rows although nothing had
//! changed. Times are reported, but do not change the exit code. With `--save`, a run without these faults is written
//! to the results.

mod check;
mod counter;
mod figures;
mod function;
mod report;
mod scene;

use std::process::ExitCode;

use bundle_tests::results;
use clap::Parser;

use figures::Figures;
use function::Task;
use report::Pass;
use scene::Scene;

/// A reconcile of a large corp, counted and timed.
#[derive(Debug, Parser)]
#[command(name = "reconcile")]
struct Options {
    /// How many members the corp has
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    members: usize,
    /// How many relations of members and customers it has
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    relations: usize,
    /// How many customer groups it has
    #[arg(long, value_name = "N", default_value_t = 0)]
    groups: usize,
    /// How long WeCom takes to answer a call
    #[arg(long, value_name = "MS", default_value_t = 50)]
    latency_ms: u64,
    /// How often the corp is read; only the first pass finds changes
    #[arg(long, value_name = "N", default_value_t = 2)]
    passes: usize,
    /// `limits.in_flight` of the configuration: calls of an API at the same time
    #[arg(long, value_name = "N", default_value_t = 5)]
    in_flight: usize,
    /// `limits.per_minute` of the configuration: calls of an API in a minute
    #[arg(long, value_name = "N", default_value_t = 5_000)]
    per_minute: u32,
    /// Members whose customers are read together; by default the bundle's own number
    #[arg(long, value_name = "N")]
    members_together: Option<usize>,
    /// Chunks in progress for each call in flight; by default the bundle's own number
    #[arg(long, value_name = "N")]
    side_by_side: Option<usize>,
    /// Write the section `reconcile` of tests/benches/results.json
    #[arg(long)]
    save: bool,
    /// What `cargo bench` adds to every command line
    #[arg(long, hide = true)]
    bench: bool,
    /// Run as the process of the function (internal)
    #[arg(long, hide = true, value_name = "JSON", value_parser = Task::parse)]
    function: Option<Task>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    let done = match &options.function {
        Some(task) => function::run(task).await,
        None => measure(&options).await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("reconcile: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn measure(options: &Options) -> Result<(), String> {
    report::head(options);
    let scene = Scene::open(options).await?;
    let mut passes = Vec::new();
    for number in 1..=options.passes {
        let pass = Pass::run(&scene, options, number).await?;
        report::pass(&pass);
        check::run(&pass)?;
        check::stored(&scene).await?;
        passes.push(pass);
    }
    report::verdicts(&passes);
    check::unchanged(&passes)?;
    if options.save {
        let saved = results::save(
            "reconcile",
            &results::command("reconcile"),
            &Figures::of(&passes),
        );
        saved.map_err(|error| error.to_string())?;
    }
    Ok(())
}
