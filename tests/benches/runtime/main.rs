//! Measures the functions' binaries as Lambda runs them: starts, events, and what both cost.
//!
//! `cargo bench -p bundle-tests --bench runtime -- --help` tells the options. Each function is a process of its own that
//! gets its events from a Runtime API of this process. DynamoDB, Secrets Manager and WeCom are here as well, reached
//! over plain HTTP on the loopback: there is no network and no TLS handshake in any figure, for any candidate. The
//! callback is compared with the same in Python and JavaScript, by the libraries that one takes there (`peers/`);
//! candidates take turns, so that what else the machine does meets all of them. Every answer is checked, and the exit
//! code is 1 if one is not what it has to be.

mod binaries;
mod candidate;
mod check;
mod figures;
mod lambda;
mod measured;
mod meter;
mod peers;
mod report;
mod run;
mod scene;
mod share;

use std::path::PathBuf;
use std::process::ExitCode;

use bundle_tests::results;
use clap::Parser;

use candidate::Function;
use figures::Figures;
use run::Run;
use share::Memory;

/// The functions' binaries under a Runtime API, timed and counted.
#[derive(Debug, Parser)]
#[command(name = "runtime")]
struct Options {
    /// Measure this function only; the others still run where it needs them
    #[arg(long, value_name = "NAME")]
    function: Option<Function>,
    /// Starts of each candidate
    #[arg(long, value_name = "N", default_value_t = 20)]
    starts: usize,
    /// Warm events of each callback
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    events: usize,
    /// Rounds of adds through all functions; each ends with a tick that folds in a member's edit of each
    #[arg(long, value_name = "N", default_value_t = 10)]
    rounds: usize,
    /// Adds of a round
    #[arg(long, value_name = "N", default_value_t = 20)]
    adds: usize,
    /// How long WeCom takes to answer a call
    #[arg(long, value_name = "MS", default_value_t = 100)]
    latency: u64,
    /// Give the functions, after init, the share of a processor that Lambda gives with so much memory, or with what each
    /// is deployed with (needs root)
    #[arg(long, value_name = "MB|deployed")]
    memory: Option<Memory>,
    /// Leave the callbacks in other languages out; they need python3, node and npm, and install packages
    #[arg(long)]
    no_peers: bool,
    /// Take the functions' binaries from here, instead of building them
    #[arg(long, value_name = "DIR")]
    bin_dir: Option<PathBuf>,
    /// Write the figures to tests/benches/results.json: section `runtime`, with --memory `runtime_{MB}mb` or
    /// `runtime_deployed`
    #[arg(long)]
    save: bool,
    /// What `cargo bench` adds to every command line
    #[arg(long, hide = true)]
    bench: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    match measure(&Options::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nruntime: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn measure(options: &Options) -> Result<(), String> {
    if options.memory.is_some() {
        share::check()?;
    }
    let mut candidates = binaries::candidates(options.bin_dir.as_deref()).await?;
    let compares = options.function.is_none_or(|it| it == Function::Callback);
    if compares && !options.no_peers {
        candidates.extend(peers::candidates().await?);
    }
    let mut run = Run::begin(options, candidates).await?;
    run.starts().await?;
    run.way().await?;
    run.callbacks().await?;
    let figures = Figures::of(&run);
    report::print(&figures, options.memory);
    if options.save {
        let section = match options.memory {
            None => "runtime".to_owned(),
            Some(memory) => format!("runtime_{memory}"),
        };
        let saved = results::save(&section, &results::command("runtime"), &figures);
        saved.map_err(|error| error.to_string())?;
    }
    Ok(())
}
