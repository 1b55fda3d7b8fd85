//! The builds of the functions: settings and directories.

use std::fs;
use std::path::{Path, PathBuf};

use crate::command::{Outcome, directory};

/// Overrides of Cargo's release profile for a build that is only tested: it takes a third of the processor time. As in
/// a release, a panic unwinds and symbols are stripped.
const LIGHT: [(&str, &str); 3] = [
    ("CARGO_PROFILE_RELEASE_LTO", "off"),
    ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "256"),
    ("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0"),
];

/// How functions are built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Profile {
    /// Fast to compile: all functions for `x86_64`, and one for arm64.
    Light,
    /// As for a release: all functions for both processors.
    Release,
}

/// A set of functions and the processor they are built for.
pub(crate) struct Build {
    pub(crate) architecture: &'static str,
    pub(crate) functions: &'static [&'static str],
    directory: PathBuf,
}

impl Build {
    pub(crate) fn new(
        profile: Profile,
        architecture: &'static str,
        functions: &'static [&'static str],
    ) -> Self {
        let directory = match profile {
            Profile::Light => directory().join(architecture),
            Profile::Release => directory().join("release").join(architecture),
        };
        Self {
            architecture,
            functions,
            directory,
        }
    }

    /// The target directory of a build that does not share one.
    pub(crate) fn target(&self) -> PathBuf {
        self.directory.join("target")
    }

    /// The name of the build step.
    pub(crate) fn name(&self) -> String {
        let functions = self.functions.join(", ");
        format!("sam build, for {}: {functions}", self.architecture)
    }

    /// The argument of `sam build` that chooses a function, unless all are built.
    pub(crate) fn one_function(&self) -> Option<String> {
        match self.functions {
            [function] => Some(logical_id(function)),
            _ => None,
        }
    }

    /// The directory for the packages and the template that refers to them.
    pub(crate) fn packages(&self) -> PathBuf {
        self.directory.join("build")
    }

    /// The directory with the contents of a function's package.
    pub(crate) fn package(&self, function: &str) -> PathBuf {
        self.packages().join(logical_id(function))
    }

    /// Copies the build with a changed package of every function, like a next version. Returns the directory, which
    /// also contains the template.
    pub(crate) fn next_version(&self) -> Outcome<PathBuf> {
        let next = directory().join("next");
        if next.exists() {
            fs::remove_dir_all(&next)?;
        }
        copy(&self.packages(), &next)?;
        for function in self.functions {
            let package = next.join(logical_id(function));
            fs::write(package.join("VERSION"), "next")?;
        }
        Ok(next)
    }
}

/// The logical id of a function in the template.
fn logical_id(function: &str) -> String {
    let (first, rest) = function.split_at(1);
    format!("{}{rest}Function", first.to_uppercase())
}

/// The environment of a light build.
pub(crate) fn light() -> Vec<(String, String)> {
    let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    LIGHT.map(owned).to_vec()
}

fn copy(from: &Path, to: &Path) -> Outcome<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
