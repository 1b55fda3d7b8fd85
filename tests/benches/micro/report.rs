//! The report: the ratios of the callback's processing to the raw work, and criterion's medians from its files.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use bundle_tests::results;
use serde::{Deserialize, Serialize};

/// The criterion group of the callback's processing.
pub(super) const CALLBACK: &str = "callback";
/// The command that measures it.
const COMMAND: &str = "cargo bench -p bundle-tests --bench micro -- --save";

/// The section `micro`.
#[derive(Debug, Serialize)]
struct Figures {
    /// Median of each bench in nanoseconds, named `group/bench`.
    nanoseconds: BTreeMap<String, f64>,
    #[serde(flatten)]
    ratios: Ratios,
}

/// The callback's processing as multiples of the raw work.
#[derive(Debug, Serialize)]
pub(super) struct Ratios {
    /// Verification, decryption and parsing of the message.
    pub(super) open_parse_to_raw: f64,
    /// The same including the parsing of the envelope.
    pub(super) whole_to_raw: f64,
}

/// The fields used of criterion's `estimates.json`.
#[derive(Deserialize)]
struct Estimates {
    median: Estimate,
}

#[derive(Deserialize)]
struct Estimate {
    point_estimate: f64,
}

/// The directory of criterion's results: `criterion` in cargo's target directory.
pub(super) fn directory() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("../criterion")
}

/// Prints the ratios, and writes them and the medians of all benches with `save`.
pub(super) fn print(ratios: Ratios, save: bool) -> Result<(), String> {
    println!(
        "verify + decrypt + parse ÷ raw: {:.2}",
        ratios.open_parse_to_raw
    );
    println!(
        "envelope + verify + decrypt + parse ÷ raw: {:.2}",
        ratios.whole_to_raw
    );
    if save {
        let nanoseconds = medians().map_err(|error| format!("criterion's files: {error}"))?;
        let figures = Figures {
            nanoseconds,
            ratios,
        };
        results::save("micro", COMMAND, &figures).map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// Every `group/bench/new/estimates.json`.
fn medians() -> std::io::Result<BTreeMap<String, f64>> {
    let mut found = BTreeMap::new();
    let Ok(groups) = fs::read_dir(directory()) else {
        return Ok(found);
    };
    for group in groups {
        let group = group?;
        if !group.file_type()?.is_dir() {
            continue;
        }
        for bench in fs::read_dir(group.path())? {
            let bench = bench?;
            let Ok(text) = fs::read_to_string(bench.path().join("new/estimates.json")) else {
                continue;
            };
            let estimates: Estimates = serde_json::from_str(&text)?;
            let name =
                [group.file_name(), bench.file_name()].map(|part| part.display().to_string());
            found.insert(name.join("/"), estimates.median.point_estimate);
        }
    }
    Ok(found)
}
