//! Measures the functions' binaries as Lambda runs them: starts, events, and their resource usage.
//!
//! `cargo bench -p bundle-tests --bench runtime -- --help` lists the options. Each function is a separate process that
//! gets its events from a Runtime API in this process. DynamoDB, Secrets Manager and WeCom are in this process as well,
//! reached over plain HTTP on the loopback: no figure of any candidate includes a network or a TLS handshake. The
//! callback is compared with implementations in Python and JavaScript that use the common libraries there (`peers/`);
//! candidates alternate, so that other load on the machine affects all of them. Every answer is checked, and the exit
//! code is 1 if one is wrong.

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
    /// Measure only this function; the others still run where it needs them
    #[arg(long, value_name = "NAME")]
    function: Option<Function>,
    /// Starts of each candidate
    #[arg(long, value_name = "N", default_value_t = 20)]
    starts: usize,
    /// Warm events of each callback
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    events: usize,
    /// Rounds of adds through all functions; each ends with a tick that handles one member edit for each add
    #[arg(long, value_name = "N", default_value_t = 10)]
    rounds: usize,
    /// Adds per round
    #[arg(long, value_name = "N", default_value_t = 20)]
    adds: usize,
    /// How long WeCom takes to answer a call
    #[arg(long, value_name = "MS", default_value_t = 100)]
    latency: u64,
    /// Limit the functions after init to the share of a processor that Lambda gives for this memory size, or for the
    /// deployed memory size of each (needs root)
    #[arg(long, value_name = "MB|deployed")]
    memory: Option<Memory>,
    /// Skip the callbacks in other languages; they need python3, node and npm, and install packages
    #[arg(long)]
    no_peers: bool,
    /// Use the functions' binaries in this directory instead of building them
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
    let mut run = Run::start_run(options, candidates).await?;
    run.starts().await?;
    run.adds().await?;
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
