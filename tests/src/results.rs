//! The file of results of the benches: `--save` of each writes its section, and the charts, the cost model and the
//! README read it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, io};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The results of one bench, and how to reproduce them.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Section<F> {
    /// The command that measured it.
    pub command: String,
    /// The day, as `YYYY-MM-DD`.
    pub date: String,
    /// Processor and number of cores.
    pub machine: String,
    /// The results, in the bench's own format.
    pub figures: F,
}

/// The path of the results: `tests/benches/results.json`.
#[must_use]
pub fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/results.json")
}

/// Replaces the section `name`, and keeps the others.
///
/// # Errors
/// If the file cannot be read, has another format, or cannot be written.
pub fn save(name: &str, command: &str, figures: &impl Serialize) -> io::Result<()> {
    let mut sections = sections()?;
    let section = Section {
        command: command.to_owned(),
        date: jiff::Timestamp::now().strftime("%Y-%m-%d").to_string(),
        machine: machine(),
        figures: serde_json::to_value(figures)?,
    };
    sections.insert(name.to_owned(), serde_json::to_value(section)?);
    let mut text = serde_json::to_string_pretty(&sections)?;
    text.push('\n');
    fs::write(path(), text)
}

/// The command of this run of the bench `name`, as it is typed.
#[must_use]
pub fn command(name: &str) -> String {
    typed(&format!("cargo bench -p bundle-tests --bench {name} --"))
}

/// `program` with the options of this process. What `cargo bench` adds is left out, and so is where binaries lie, which
/// is of no interest to others.
#[must_use]
pub fn typed(program: &str) -> String {
    let mut words = vec![program.to_owned()];
    let mut own = std::env::args().skip(1);
    while let Some(word) = own.next() {
        match word.as_str() {
            "--bench" => {}
            "--bin-dir" => drop(own.next()),
            word if word.starts_with("--bin-dir=") => {}
            _ => words.push(word),
        }
    }
    words.join(" ")
}

/// The section `name`.
///
/// # Errors
/// If there is none, or it has another format. The error says how to create it again.
pub fn read<F: DeserializeOwned>(name: &str) -> io::Result<Section<F>> {
    let missing = || {
        let text = format!(
            "{} has no section {name}: run the bench of that name with --save",
            path().display()
        );
        io::Error::new(io::ErrorKind::NotFound, text)
    };
    let section = sections()?.remove(name).ok_or_else(missing)?;
    Ok(serde_json::from_value(section)?)
}

/// The nearest-rank percentile: the smallest time that `share` of all times do not exceed; 0 if there are no times.
#[must_use]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "there are fewer than 2^52 times, and a share is from 0 to 1"
)]
pub fn percentile(times: &[f64], share: f64) -> f64 {
    let mut ascending = times.to_vec();
    ascending.sort_by(f64::total_cmp);
    let rank = (ascending.len() as f64 * share).ceil() as usize;
    let found = ascending.get(rank.saturating_sub(1));
    found.copied().unwrap_or_default()
}

fn sections() -> io::Result<BTreeMap<String, Value>> {
    match fs::read_to_string(path()) {
        Ok(text) => Ok(serde_json::from_str(&text)?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(BTreeMap::new()),
        Err(error) => Err(error),
    }
}

fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpus
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .and_then(|rest| rest.split_once(':'));
    let model = model.map_or("unknown processor", |(_, model)| model.trim());
    format!("{model}, {cores} cores, {}", std::env::consts::ARCH)
}
