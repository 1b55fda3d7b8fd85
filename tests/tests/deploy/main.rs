//! The deployment, end to end: the real SAM CLI builds and deploys the real binaries to an emulator of AWS that checks
//! every call against the IAM roles, and WeCom's sandbox and an operator use the deployed HTTP API.
//!
//! ```sh
//! cargo test -p bundle-tests --test deploy
//! ```
//!
//! It is not part of `cargo test --workspace`: it installs its tools from PyPI, and builds all functions. By default
//! the functions are compiled with little optimization, and for arm64 only one function is built. With `-- --release`
//! everything is built as for a release, for both processors, and each package is compared with its size limit; `--
//! --packages` stops after that. `-- --built` reuses the builds of the previous run. All files of a run are in
//! `target/deploy`, with a log of each command; it listens on 127.0.0.1 only.

use std::process::ExitCode;

use clap::Parser;

mod arm64;
mod aws;
mod build;
mod bundle;
mod command;
mod deployed;
mod emulator;
mod journey;
mod packages;
mod scene;
mod steps;
mod tools;
mod upgrade;
mod usage;

use aws::Aws;
use build::Profile;
use bundle::Bundle;
use command::Outcome;
use emulator::Emulator;
use scene::Scene;
use steps::Steps;
use tools::Tools;

/// Builds, deploys and tests the whole bundle.
#[derive(Parser)]
#[command(version)]
struct Options {
    /// Reuse the builds of the previous run instead of building.
    #[arg(long)]
    built: bool,
    /// Build as for a release, for both processors, and compare each package with its size limit.
    #[arg(long)]
    release: bool,
    /// Like --release, and stop after the comparison.
    #[arg(long)]
    packages: bool,
    /// Build only the package of this function.
    #[arg(long, value_name = "FUNCTION", requires = "packages")]
    only: Option<String>,
    /// Stop after the journey through the `x86_64` stack, without upgrade, arm64 and deletion.
    #[arg(long)]
    journey_only: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    let mut steps = Steps::new();
    match run(&options, &mut steps).await {
        Ok(()) => {
            steps.done(if options.packages {
                "The packages are within their limits"
            } else {
                "The deployment works"
            });
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("\nfailed: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(options: &Options, steps: &mut Steps) -> Outcome<()> {
    steps.section("Tools");
    let tools = Tools::install(steps).await?;
    let profile = if options.release || options.packages {
        Profile::Release
    } else {
        Profile::Light
    };
    let bundle = Bundle::new(&tools, profile, options.only.as_deref())?;

    steps.section("Packages");
    if !options.built {
        bundle.build(steps).await?;
    }
    if profile == Profile::Release {
        let builds = [bundle.x86_64(), bundle.arm64()];
        packages::compare(steps, &tools, &builds).await?;
    }
    if options.packages {
        return Ok(());
    }

    steps.section("Deployment");
    let emulator = Emulator::start(steps, &tools).await?;
    let aws = Aws::new(&tools, &emulator);
    let mut scene = Scene::open().await?;
    let template = bundle.x86_64().packages().join("template.yaml");
    let outputs = bundle
        .deploy(steps, &aws, &template, &scene.wecom_url)
        .await?;
    scene.set_gateway(&emulator.api(&outputs.api_id))?;
    deployed::compare(steps, &aws, &outputs).await?;

    journey::run(steps, &aws, &outputs, &scene).await?;
    usage::report(steps)?;
    if options.journey_only {
        return Ok(());
    }

    steps.section("Upgrade under load");
    upgrade::under_load(steps, &bundle, &aws, &scene).await?;

    steps.section("arm64");
    arm64::answers(steps, &bundle.arm64(), &aws, &outputs, &scene).await?;

    steps.section("Uninstall");
    bundle.delete(steps, &aws, &outputs).await
}
