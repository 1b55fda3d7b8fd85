//! The package sizes of a release, and their limits.

use std::fs;
use std::path::Path;

use crate::build::Build;
use crate::command::{Command, Outcome};
use crate::steps::Steps;
use crate::tools::Tools;

/// The size limit of each function's package, in bytes of its ZIP file. A second TLS stack or the default credential
/// provider chain would exceed it. A function that needs more gets a higher limit here.
const LIMITS: [(&str, u64); 5] = [
    ("callback", 4_000_000),
    ("welcome", 4_000_000),
    ("tagging", 4_000_000),
    ("sync", 4_000_000),
    ("admin", 4_000_000),
];

/// Compares the packages of all builds with their limits, and reports all that exceed theirs.
pub(crate) async fn compare(steps: &Steps, tools: &Tools, builds: &[Build]) -> Outcome<()> {
    let mut sizes = Vec::new();
    let compared = async {
        let mut over = Vec::new();
        for build in builds {
            for function in build.functions {
                let package = build.package(function);
                let bytes = zipped(tools, function, &package).await?;
                let binary = fs::metadata(package.join("bootstrap"))?.len();
                let name = format!("{function} for {}", build.architecture);
                sizes.push(format!(
                    "{name}: {:.2} MB zipped, {:.2} MB binary",
                    megabytes(bytes),
                    megabytes(binary)
                ));
                let limit = limit(function)?;
                if bytes > limit {
                    over.push(format!(
                        "the package of {name} has {bytes} bytes, and the limit is {limit}"
                    ));
                }
            }
        }
        if over.is_empty() {
            return Ok(());
        }
        Err(format!("{} (LIMITS in {})", over.join("; "), file!()).into())
    };
    let compared = steps.step("packages are within limits", compared).await;
    for line in sizes {
        steps.note(&line);
    }
    compared
}

fn limit(function: &str) -> Outcome<u64> {
    let found = LIMITS.iter().find(|(name, _)| *name == function);
    let (_, limit) = found.ok_or_else(|| {
        format!(
            "{function} has no size limit: add one to LIMITS in {}",
            file!()
        )
    })?;
    Ok(*limit)
}

/// The size of a package, zipped with the library that SAM uses.
async fn zipped(tools: &Tools, function: &str, package: &Path) -> Outcome<u64> {
    let zip = package.with_extension("zip");
    let mut files = Vec::new();
    for entry in fs::read_dir(package)? {
        files.push(entry?.file_name());
    }
    Command::new(&format!("zip-{function}"), tools.program("sam", "python"))
        .current_dir(package)
        .args(["-m", "zipfile", "-c"])
        .arg(&zip)
        .args(files)
        .run()
        .await?;
    Ok(fs::metadata(zip)?.len())
}

#[expect(clippy::cast_precision_loss, reason = "packages have a few megabytes")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
