//! The deployment, end to end: the real SAM CLI builds and deploys the real binaries to an emulator of AWS that holds
//! every call against the roles, and WeCom's sandbox and an operator go through the deployed HTTP API.
//!
//! ```sh
//! cargo test -p bundle-tests --test deploy
//! ```
//!
//! It is not part of `cargo test --workspace`: it installs its tools from PyPI, and builds all functions. What is only
//! deployed to the emulator is compiled with little optimization, and for arm64 only one function is built. With
//! `-- --release` everything is built as it is released, for both processors, and each package is compared with its
//! limit; `-- --packages` does that and no more. `-- --built` takes the builds of the run before. Everything it makes is
//! in `target/deploy`, with a log of each command; it listens on 127.0.0.1 only.

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

/// Builds, lints, deploys and tries the whole bundle.
#[derive(Parser)]
#[command(version)]
struct Options {
    /// Take the builds of the run before in place of building.
    #[arg(long)]
    built: bool,
    /// Build as released, for both processors, and compare each package with its limit.
    #[arg(long)]
    release: bool,
    /// The same, and stop after it.
    #[arg(long)]
    packages: bool,
    /// The package of this function only.
    #[arg(long, value_name = "FUNCTION", requires = "packages")]
    only: Option<String>,
    /// Stop after the journey through the x86_64 stack, and leave out upgrade, deletion and arm64.
    #[arg(long)]
    journey_only: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    let mut steps = Steps::begin();
    match run(&options, &mut steps).await {
        Ok(()) => {
            steps.done(if options.packages {
                "The packages are within their limits"
            } else {
                "The deployment works"
            });
            ExitCode::SUCCESS
        }
        Err(wrong) => {
            eprintln!("\nfailed: {wrong}");
            ExitCode::FAILURE
        }
    }
}

async fn run(options: &Options, steps: &mut Steps) -> Outcome<()> {
    steps.act("Tools");
    let tools = Tools::install(steps).await?;
    let profile = if options.release || options.packages {
        Profile::Release
    } else {
        Profile::Light
    };
    let bundle = Bundle::new(&tools, profile, options.only.as_deref())?;

    steps.act("Templates and packages");
    bundle.lint(steps).await?;
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

    steps.act("Deployment");
    let emulator = Emulator::start(steps, &tools).await?;
    let aws = Aws::new(&tools, &emulator);
    let mut scene = Scene::open().await?;
    let template = bundle.x86_64().packages().join("template.yaml");
    let outputs = bundle
        .deploy(steps, &aws, &template, &scene.wecom_url)
        .await?;
    scene.goes_to(&emulator.api(&outputs.api_id))?;
    deployed::compare(steps, &aws, &outputs).await?;

    journey::travel(steps, &aws, &outputs, &scene).await?;
    usage::report(steps)?;
    if options.journey_only {
        return Ok(());
    }

    steps.act("Upgrade, while customers come");
    upgrade::under_load(steps, &bundle, &aws, &scene).await?;

    steps.act("arm64");
    arm64::answers(steps, &bundle.arm64(), &aws, &outputs, &scene).await?;

    steps.act("Uninstall");
    bundle.delete(steps, &aws, &outputs).await
}
