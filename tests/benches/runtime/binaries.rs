//! The functions' release binaries, and the sizes of their packages.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::DeflateEncoder;
use serde::Deserialize;
use tokio::process::Command;

use crate::candidate::{Candidate, Function, Runtime};

/// The bundle's functions: from `directory`, or built by cargo.
pub(crate) async fn candidates(directory: Option<&Path>) -> Result<Vec<Candidate>, String> {
    let directory = match directory {
        // Absolute, because each process runs in its own working directory.
        Some(directory) => fs::canonicalize(directory)
            .map_err(|error| format!("--bin-dir {}: {error}", directory.display()))?,
        None => build().await?,
    };
    let candidate = |function: Function| {
        let program = directory.join(function.name());
        let packed = packed(&program, &|_| true);
        let packed = packed.map_err(|error| format!("{}: {error}", program.display()))?;
        Ok(Candidate {
            function,
            runtime: Runtime::Rust,
            arguments: Vec::new(),
            directory: directory.clone(),
            package_bytes: packed,
            memory_mb: deployed_memory(function)?,
            program,
        })
    };
    Function::ALL.into_iter().map(candidate).collect()
}

/// `MemorySize` of `function` in MB, from `tests/benches/stack.json`.
pub(crate) fn deployed_memory(function: Function) -> Result<u32, String> {
    #[derive(Deserialize)]
    struct Stack {
        memory_mb: BTreeMap<String, u32>,
    }
    let stack: Result<Stack, _> = serde_json::from_str(include_str!("../stack.json"));
    let memory = stack
        .map_err(|error| format!("stack.json: {error}"))?
        .memory_mb;
    let name = function.name();
    let found = memory.get(name).copied();
    found.ok_or_else(|| format!("stack.json: memory_mb.{name} is missing"))
}

/// Cargo's target directory.
pub(crate) fn target() -> PathBuf {
    let temporary = Path::new(env!("CARGO_TARGET_TMPDIR"));
    temporary.parent().unwrap_or(temporary).to_owned()
}

async fn build() -> Result<PathBuf, String> {
    println!("Building the functions in release mode; link-time optimization takes minutes.");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--release", "--locked"]);
    for function in Function::ALL {
        cargo.args(["--package", function.name()]);
    }
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let built = cargo.current_dir(root).status().await;
    let built = built.map_err(|error| format!("cargo: {error}"))?;
    if !built.success() {
        return Err(format!("cargo build: {built}"));
    }
    Ok(target().join("release"))
}

/// The compressed size of a file, or of the files of a directory for which `belongs` is true, each compressed as in a
/// ZIP archive. The overhead of the archive, about a hundred bytes for each file, is not included.
pub(crate) fn packed(path: &Path, belongs: &impl Fn(&Path) -> bool) -> io::Result<u64> {
    if path.is_dir() {
        let mut sum = 0;
        for entry in fs::read_dir(path)? {
            let entry = entry?.path();
            if belongs(&entry) && !entry.is_symlink() {
                sum += packed(&entry, belongs)?;
            }
        }
        return Ok(sum);
    }
    let mut counting = DeflateEncoder::new(Bytes(0), Compression::best());
    counting.write_all(&fs::read(path)?)?;
    Ok(counting.finish()?.0)
}

/// Counts the written bytes.
struct Bytes(u64);

impl Write for Bytes {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.0 += u64::try_from(buffer.len()).unwrap_or(u64::MAX);
        Ok(buffer.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
