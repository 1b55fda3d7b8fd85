//! The callback in other languages, with its packages installed.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

use crate::binaries::{deployed_memory, packed, target};
use crate::candidate::{Candidate, Function, Runtime};

/// Contents of the site-packages that are not deployed to Lambda: installers, packages that Lambda's runtime includes,
/// and generated files.
const NOT_DEPLOYED: [&str; 5] = [
    "pip",
    "setuptools",
    "awslambdaric",
    "__pycache__",
    "_distutils_hack",
];

/// Both candidates, with their packages installed.
pub(crate) async fn candidates() -> Result<Vec<Candidate>, String> {
    Ok(vec![python().await?, node().await?])
}

async fn python() -> Result<Candidate, String> {
    let installation = Installation::of("python", &["handler.py", "requirements.txt"])?;
    let version = output_of("python3", &["--version"], "Python 3.11 or newer").await?;
    if !installation.has(&version, "requirements.txt") {
        println!("Installing the packages of the Python handler from PyPI.");
        let environment = installation.directory.join("environment");
        run(
            &installation,
            "python3",
            ["-m", "venv", "--clear", "environment"],
        )
        .await?;
        let pip = environment.join("bin/pip");
        let words = [
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--requirement",
        ];
        run(
            &installation,
            &pip,
            words.into_iter().chain(["requirements.txt"]),
        )
        .await?;
        installation.installed(&version, "requirements.txt")?;
    }
    let program = installation.directory.join("environment/bin/python3");
    let packages = output_of(
        &program,
        &[
            "-c",
            "import sysconfig; print(sysconfig.get_path('purelib'))",
        ],
        "the environment",
    );
    let packages = PathBuf::from(packages.await?);
    let is_deployed = |path: &Path| {
        let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
        let name = name.split('-').next().unwrap_or_default();
        !NOT_DEPLOYED.contains(&name)
    };
    Ok(Candidate {
        function: Function::Callback,
        runtime: Runtime::Python,
        program,
        arguments: ["-m", "awslambdaric", "handler.handler"]
            .map(str::to_owned)
            .to_vec(),
        package_bytes: installation.packed("handler.py", &packages, &is_deployed)?,
        directory: installation.directory,
        memory_mb: deployed_memory(Function::Callback)?,
    })
}

async fn node() -> Result<Candidate, String> {
    let files = [
        "handler.mjs",
        "runtime.mjs",
        "package.json",
        "package-lock.json",
    ];
    let installation = Installation::of("node", &files)?;
    let version = output_of("node", &["--version"], "Node.js 20 or newer").await?;
    if !installation.has(&version, "package-lock.json") {
        println!("Installing the packages of the Node.js handler from npm.");
        let words = [
            "ci",
            "--omit=dev",
            "--ignore-scripts",
            "--no-audit",
            "--no-fund",
            "--loglevel=error",
        ];
        run(&installation, "npm", words).await?;
        installation.installed(&version, "package-lock.json")?;
    }
    let found = output_of("node", &["-p", "process.execPath"], "Node.js").await?;
    Ok(Candidate {
        function: Function::Callback,
        runtime: Runtime::Node,
        program: PathBuf::from(found),
        arguments: vec!["runtime.mjs".to_owned()],
        package_bytes: installation.packed(
            "handler.mjs",
            &installation.directory.join("node_modules"),
            &|_| true,
        )?,
        directory: installation.directory,
        memory_mb: deployed_memory(Function::Callback)?,
    })
}

/// The installation directory of one of them.
struct Installation {
    directory: PathBuf,
}

impl Installation {
    /// Copies the `files` of the peer `name` to its directory.
    fn of(name: &str, files: &[&str]) -> Result<Self, String> {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/runtime/peers");
        let directory = target().join("bench").join(name);
        let failed = |error: io::Error| format!("{}: {error}", directory.display());
        fs::create_dir_all(&directory).map_err(failed)?;
        for file in files {
            let copied = fs::copy(source.join(name).join(file), directory.join(file));
            copied.map_err(failed)?;
        }
        Ok(Self { directory })
    }

    /// Whether the packages in the file `pinned` are installed for this `version` of the language.
    fn has(&self, version: &str, pinned: &str) -> bool {
        let wanted = self.wanted(version, pinned).ok();
        let found = fs::read_to_string(self.directory.join("installed")).ok();
        wanted.is_some() && wanted == found
    }

    fn installed(&self, version: &str, pinned: &str) -> Result<(), String> {
        let written = self.wanted(version, pinned);
        let written = written.and_then(|text| fs::write(self.directory.join("installed"), text));
        written.map_err(|error| format!("{}: {error}", self.directory.display()))
    }

    fn wanted(&self, version: &str, pinned: &str) -> io::Result<String> {
        let pinned = fs::read_to_string(self.directory.join(pinned))?;
        Ok(format!("{version}\n{pinned}"))
    }

    /// Size of the deployed package, in bytes.
    fn packed(
        &self,
        handler: &str,
        packages: &Path,
        is_deployed: &impl Fn(&Path) -> bool,
    ) -> Result<u64, String> {
        let handler = packed(&self.directory.join(handler), &|_| true);
        let packages = packed(packages, is_deployed);
        let sum = handler.and_then(|handler| Ok(handler + packages?));
        sum.map_err(|error| format!("{}: {error}", self.directory.display()))
    }
}

async fn run(
    installation: &Installation,
    program: impl AsRef<OsStr>,
    words: impl IntoIterator<Item = &str>,
) -> Result<(), String> {
    let program = program.as_ref();
    let name = Path::new(program).display();
    let mut command = Command::new(program);
    command
        .args(words)
        .current_dir(&installation.directory)
        .stdin(Stdio::null());
    let ended = command.status().await;
    let ended = ended.map_err(|error| format!("{name}: {error}; to skip it use --no-peers"))?;
    if ended.success() {
        return Ok(());
    }
    Err(format!(
        "{name}: {ended}; its output is above; to skip it use --no-peers"
    ))
}

/// The output of a program.
async fn output_of(
    program: impl AsRef<OsStr>,
    words: &[&str],
    what: &str,
) -> Result<String, String> {
    let program = program.as_ref();
    let missing = |error: &dyn std::fmt::Display| {
        let name = Path::new(program).display();
        format!("{name}: {error}; install {what}, or use --no-peers")
    };
    let output = Command::new(program).args(words).output().await;
    let output = output.map_err(|error| missing(&error))?;
    if !output.status.success() {
        return Err(missing(&output.status));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
