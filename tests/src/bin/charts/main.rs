//! Draws the charts of the README from the results of the benches.
//!
//! `cargo run -p bundle-tests --bin charts` reads `tests/benches/results.json` and writes `start.svg`, `warm.svg`,
//! `memory.svg` and `cost.svg` into `.github/`. The same results give the same bytes.

mod chart;
mod figures;
#[cfg(test)]
mod tests;

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use bundle_tests::results::{self, Section};
use clap::Parser;
use serde::de::DeserializeOwned;

use figures::{Cost, Runtime};

/// Draws the charts of the README.
#[derive(Debug, Parser)]
#[command(name = "charts")]
struct Options {
    /// Output directory; by default `.github` of the repository
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("charts: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), String> {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.github");
    let directory = options.out.as_ref().unwrap_or(&repository);
    let runtime: Section<Runtime> = section(
        "runtime",
        "cargo bench -p bundle-tests --bench runtime -- --save",
    )?;
    let cost: Section<Cost> = section("cost", "cargo run -p bundle-tests --bin cost -- --save")?;
    fs::create_dir_all(directory).map_err(|error| format!("{}: {error}", directory.display()))?;
    for (name, chart) in figures::charts(&runtime, &cost) {
        let file = directory.join(name);
        fs::write(&file, chart.draw()?).map_err(|error| format!("{}: {error}", file.display()))?;
        println!("{}", file.display());
    }
    Ok(())
}

/// A section of the results; if it is missing, the error names the command that creates it.
fn section<F: DeserializeOwned>(name: &str, command: &str) -> Result<Section<F>, String> {
    results::read(name).map_err(|error| match error.kind() {
        ErrorKind::NotFound => format!(
            "{} has no section {name}: run {command}",
            results::path().display()
        ),
        _ => format!("section {name}, which {command} creates: {error}"),
    })
}
