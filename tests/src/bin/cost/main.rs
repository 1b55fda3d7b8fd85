//! Calculates costs from the figures of a run: per million adds, and per month for a corp of a given size.
//!
//! `cargo run -p bundle-tests --bin cost -- --help` lists the options. The resources that a function uses per event are
//! read from the section `runtime_deployed` of the results, the contents of the stack from `tests/benches/stack.json`,
//! and the prices from `tests/benches/prices.json`, which has the source of each price and whether it was checked.

mod bill;
mod figures;
mod model;
mod prices;
#[cfg(test)]
mod tests;

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use bundle_tests::results;
use clap::Parser;

use bill::Report;
use figures::{Runtime, Stack};
use model::Corp;
use prices::PriceList;

/// The program as the results name it.
const PROGRAM: &str = "cargo run -p bundle-tests --bin cost --";

/// The command that creates its input.
const RUNTIME_COMMAND: &str =
    "cargo bench -p bundle-tests --bench runtime -- --memory deployed --no-peers --rounds 5 --save";

/// Cost of the bundle at AWS's list prices, on arm64.
#[derive(Debug, Parser)]
#[command(name = "cost")]
struct Options {
    /// Customers who are added in a month
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    adds: u64,
    /// Relations that are stored, and compared each day
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    relations: u64,
    /// Other events for each add, such as members' edits
    #[arg(long, value_name = "N", default_value_t = 1.0, value_parser = not_negative)]
    events_per_add: f64,
    /// Calls of the admin API in a month
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    admin_calls: u64,
    /// The region whose prices are used
    #[arg(
        long,
        default_value = "us-east-1",
        value_name = "us-east-1|cn-northwest-1"
    )]
    region: String,
    /// Include the NAT gateway that gives the calls to WeCom a fixed address
    #[arg(long)]
    nat: bool,
    /// Include a trace of each invocation (`Tracing=Active`)
    #[arg(long)]
    tracing: bool,
    /// Subtract the free allowances of an account
    #[arg(long)]
    free_tier: bool,
    /// Read the figures per event from this file instead of the results
    #[arg(long, value_name = "FILE")]
    figures: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Write the section `cost` of the results
    #[arg(long)]
    save: bool,
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cost: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), String> {
    let benches = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches");
    let runtime = match &options.figures {
        Some(file) => figures::read_file::<Runtime>(file)?,
        None => measured()?,
    };
    let stack: Stack = figures::read_file(&benches.join("stack.json"))?;
    let prices = PriceList::read(&benches.join("prices.json"), &options.region)?;
    let corp = Corp {
        adds: options.adds,
        relations: options.relations,
        events_per_add: options.events_per_add,
        admin_calls: options.admin_calls,
        nat: options.nat,
        tracing: options.tracing,
    };
    let report = Report::of(&runtime, &stack, &prices, &corp, options.free_tier)?;
    if options.save {
        results::save("cost", &results::typed(PROGRAM), &report)
            .map_err(|error| error.to_string())?;
    }
    if options.json {
        let text = serde_json::to_string_pretty(&report).map_err(|error| error.to_string())?;
        println!("{text}");
    } else {
        print!("{report}");
    }
    Ok(())
}

/// The results of the bench `runtime`.
fn measured() -> Result<Runtime, String> {
    let section = results::read("runtime_deployed").map_err(|error| match error.kind() {
        ErrorKind::NotFound => format!(
            "{} has no section runtime_deployed: run {RUNTIME_COMMAND}",
            results::path().display()
        ),
        _ => format!("section runtime_deployed, which {RUNTIME_COMMAND} creates: {error}"),
    })?;
    Ok(section.figures)
}

fn not_negative(text: &str) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    let fits = number.is_finite() && number >= 0.0;
    fits.then_some(number).ok_or("must be 0 or more".to_owned())
}
