//! The tools, each in its own virtual environment, because their requirements conflict.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use crate::command::{Command, Outcome, directory};
use crate::steps::Steps;

/// The environments and their packages. This test is known to pass with these versions.
const ENVIRONMENTS: [(&str, &[&str]); 4] = [
    ("build", &["cargo-lambda==1.9.2", "ziglang==0.17.1"]),
    ("sam", &["aws-sam-cli==1.170.0"]),
    ("aws", &["awscli==1.46.3"]),
    (
        "emulator",
        &["ministack==1.5.33", "aws-sam-translator==1.115.0"],
    ),
];

/// The installer of the others: uv takes seconds where pip takes minutes.
const INSTALLER: (&str, &str) = ("installer", "uv==0.13.9");

/// The emulator of arm64 from a system package, and the directory of the arm64 libraries.
pub(crate) const QEMU: &str = "qemu-aarch64";
pub(crate) const ARM64_LIBRARIES: &str = "/usr/aarch64-linux-gnu";

/// The tools, installed.
pub(crate) struct Tools {
    root: PathBuf,
}

impl Tools {
    /// Installs the tools that are missing.
    pub(crate) async fn install(steps: &Steps) -> Outcome<Self> {
        let tools = Self {
            root: directory().join("tools"),
        };
        if !Path::new(ARM64_LIBRARIES).exists() || !is_in_path(QEMU) {
            return Err(format!(
                "{QEMU} or {ARM64_LIBRARIES} is missing: install the packages qemu-user, libc6-arm64-cross and \
                 libgcc-s1-arm64-cross (Debian, Ubuntu)"
            )
            .into());
        }
        let (name, package) = INSTALLER;
        let what = format!("{package} from PyPI, by pip");
        steps.step(&what, tools.installer(name, package)).await?;
        for (name, packages) in ENVIRONMENTS {
            let what = format!("{} from PyPI", packages.join(", "));
            steps.step(&what, tools.environment(name, packages)).await?;
        }
        let target =
            Command::new("rustup", "rustup").args(["target", "add", "aarch64-unknown-linux-gnu"]);
        steps.step("Rust's target for arm64", target.run()).await?;
        Ok(tools)
    }

    /// Installs the installer.
    async fn installer(&self, name: &str, package: &str) -> Outcome<()> {
        let environment = self.root.join(name);
        let create = async {
            let venv = Command::new("venv", "python3").args(["-m", "venv", "--clear"]);
            venv.arg(&environment).run().await?;
            let pip = Command::new("pip", environment.join("bin/pip"));
            let pip = pip.args(["install", "--quiet", "--disable-pip-version-check"]);
            pip.arg(package).run().await
        };
        once(&environment, package, create).await
    }

    /// Installs packages in an environment of their own.
    async fn environment(&self, name: &str, packages: &[&str]) -> Outcome<()> {
        let environment = self.root.join(name);
        let uv = self.program(INSTALLER.0, "uv");
        let create = async {
            let venv = Command::new(&format!("venv-{name}"), &uv);
            let venv = venv.args(["venv", "--quiet", "--clear", "--python", "python3"]);
            venv.arg(&environment).run().await?;
            let install = Command::new(&format!("install-{name}"), &uv);
            let install = install.args(["pip", "install", "--quiet", "--python"]);
            let install = install.arg(environment.join("bin/python"));
            install.args(packages).run().await
        };
        once(&environment, &packages.join(" "), create).await
    }

    /// The path of a program in one of the environments.
    pub(crate) fn program(&self, environment: &str, program: &str) -> PathBuf {
        self.root.join(environment).join("bin").join(program)
    }

    /// `PATH` with all tools. cargo-lambda uses zig from the first `python3`, so its environment comes first.
    pub(crate) fn path(&self) -> String {
        let own = ENVIRONMENTS.map(|(name, _)| self.root.join(name).join("bin"));
        let found = env::var_os("PATH").unwrap_or_default();
        let all = own.into_iter().chain(env::split_paths(&found));
        let joined = env::join_paths(all).unwrap_or_default();
        joined.to_string_lossy().into_owned()
    }
}

/// Creates an environment, unless it was already created with the packages `wanted`.
async fn once(
    environment: &Path,
    wanted: &str,
    create: impl Future<Output = Outcome<String>>,
) -> Outcome<()> {
    let installed = environment.join("installed");
    if fs::read_to_string(&installed).is_ok_and(|found| found == wanted) {
        return Ok(());
    }
    create.await?;
    Ok(fs::write(installed, wanted)?)
}

fn is_in_path(program: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|directory| directory.join(program).exists())
}
