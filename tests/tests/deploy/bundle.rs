//! Build, deployment and deletion, with the commands of the manual.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::aws::Aws;
use crate::build::{Build, Profile, light};
use crate::command::{Command, Outcome, directory};
use crate::steps::Steps;
use crate::tools::Tools;

/// The name of the stack.
pub(crate) const STACK: &str = "scrm-test";
/// The names of the functions.
pub(crate) const FUNCTIONS: [&str; 5] = ["callback", "welcome", "tagging", "sync", "admin"];
/// The function that is built for arm64 in a light build. It links every crate that the others link.
const LINKS_ALL: &str = "sync";

/// Builds and deploys the bundle.
pub(crate) struct Bundle {
    path: String,
    profile: Profile,
    /// The functions that are built for this machine.
    functions: &'static [&'static str],
}

/// The outputs of the stack.
pub(crate) struct Outputs {
    pub(crate) api_id: String,
    pub(crate) inbox_table: String,
    pub(crate) data_table: String,
    pub(crate) dead_letters: String,
    pub(crate) secret: String,
    /// The command that fills the secret.
    pub(crate) fill_secret: String,
}

impl Bundle {
    /// Builds all functions, or only one.
    pub(crate) fn new(tools: &Tools, profile: Profile, only: Option<&str>) -> Outcome<Self> {
        let all: &'static [&'static str] = &FUNCTIONS;
        let functions = match only {
            None => all,
            Some(name) => {
                let place = all.iter().position(|function| *function == name);
                let place = place.ok_or_else(|| format!("there is no function {name}"))?;
                &all[place..=place]
            }
        };
        Ok(Self {
            path: tools.path(),
            profile,
            functions,
        })
    }

    /// The build for this machine, which is deployed.
    pub(crate) fn x86_64(&self) -> Build {
        Build::new(self.profile, "x86_64", self.functions)
    }

    /// The build for arm64.
    pub(crate) fn arm64(&self) -> Build {
        let functions = match self.profile {
            Profile::Light => &[LINKS_ALL],
            Profile::Release => self.functions,
        };
        Build::new(self.profile, "arm64", functions)
    }

    fn sam(&self, name: &str) -> Command {
        Command::new(name, "sam")
            .env("PATH", &self.path)
            .env("SAM_CLI_TELEMETRY", "0")
    }

    /// Builds for both processors.
    pub(crate) async fn build(&self, steps: &Steps) -> Outcome<()> {
        let (x86_64, arm64) = (self.x86_64(), self.arm64());
        match self.profile {
            // One after the other in the same target directory: build-time dependencies are compiled once, and each
            // build uses all cores.
            Profile::Light => {
                let target = directory().join("target");
                let command = |build: &Build| self.command(build, &target).envs(&light());
                steps.step(&x86_64.name(), command(&x86_64).run()).await?;
                steps.step(&arm64.name(), command(&arm64).run()).await?;
            }
            // Concurrently, because link-time optimization uses one thread. Each build has its own target directory,
            // because Cargo locks it.
            Profile::Release => {
                let run = |build: Build| async move {
                    let command = self.command(&build, &build.target());
                    steps.step(&build.name(), command.run()).await
                };
                tokio::try_join!(run(x86_64), run(arm64))?;
            }
        }
        Ok(())
    }

    fn command(&self, build: &Build, target: &Path) -> Command {
        let architecture = build.architecture;
        let command = self
            .sam(&format!("build-{architecture}"))
            .arg("build")
            .args(build.one_function())
            .args([
                "--parameter-overrides",
                &format!("Architecture={architecture}"),
            ])
            // SAM stores its state next to the build directory.
            .arg("--build-dir")
            .arg(build.packages());
        command.env("CARGO_TARGET_DIR", target)
    }

    /// Deploys a build for this machine, with WeCom at `wecom_url` and a reconcile every minute.
    pub(crate) async fn deploy(
        &self,
        steps: &Steps,
        aws: &Aws,
        template: &Path,
        wecom_url: &str,
    ) -> Outcome<Outputs> {
        let deploy = self
            .sam("deploy")
            .envs(aws.variables())
            .args(["deploy", "--stack-name", STACK, "--template-file"])
            .arg(template)
            .args([
                "--no-confirm-changeset",
                "--no-progressbar",
                "--resolve-s3",
                "--capabilities",
            ])
            .args(["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"])
            .arg("--parameter-overrides")
            .args([
                "Architecture=x86_64".to_owned(),
                format!("WecomApiBase={wecom_url}"),
                r#"ReconcileSchedule="rate(1 minute)""#.to_owned(),
            ]);
        steps.step("sam deploy", deploy.run()).await?;
        outputs(aws).await
    }

    /// Uploads a build as a pipeline does, and returns the template to deploy.
    pub(crate) async fn package(
        &self,
        steps: &Steps,
        aws: &Aws,
        packages: &Path,
    ) -> Outcome<PathBuf> {
        let packaged = packages.join("packaged.yaml");
        let package = self
            .sam("package")
            .envs(aws.variables())
            .args([
                "package",
                "--resolve-s3",
                "--no-progressbar",
                "--template-file",
            ])
            .arg(packages.join("template.yaml"))
            .arg("--output-template-file")
            .arg(&packaged);
        steps.step("sam package", package.run()).await?;
        // SAM writes the URLs of nested templates, and later deletes those objects; but it accepts only S3 URLs that
        // begin like this.
        let text = fs::read_to_string(&packaged)?;
        let s3 = format!("https://s3.{}.amazonaws.com", crate::emulator::REGION);
        fs::write(&packaged, text.replace(aws.endpoint(), &s3))?;
        Ok(packaged)
    }

    /// Deletes the stack, and checks that the functions are removed, and the stored data and the configuration are
    /// kept.
    pub(crate) async fn delete(&self, steps: &Steps, aws: &Aws, outputs: &Outputs) -> Outcome<()> {
        let delete = self.sam("delete").envs(aws.variables()).args([
            "delete",
            "--stack-name",
            STACK,
            "--no-prompts",
            "--region",
            crate::emulator::REGION,
        ]);
        steps.step("sam delete", delete.run()).await?;
        let removed = async {
            let functions = aws.ask("lambda list-functions").await?;
            if let Some(left) = functions["Functions"]
                .as_array()
                .and_then(|all| all.first())
            {
                return Err(format!("a function still exists: {}", left["FunctionName"]).into());
            }
            let schedules = aws.ask("scheduler list-schedules").await?;
            if schedules["Schedules"]
                .as_array()
                .is_none_or(|all| !all.is_empty())
            {
                return Err(format!("schedules still exist: {schedules}").into());
            }
            let command = format!(
                "secretsmanager get-secret-value --secret-id {}",
                outputs.secret
            );
            let secret = aws.ask(&command).await?;
            if !secret["SecretString"]
                .as_str()
                .is_some_and(|text| text.contains("admin_keys"))
            {
                return Err("the secret has no configuration any more".into());
            }
            for table in [&outputs.inbox_table, &outputs.data_table] {
                let rows = aws
                    .ask(&format!(
                        "dynamodb scan --select COUNT --table-name {table}"
                    ))
                    .await?;
                if rows["Count"].as_u64().unwrap_or_default() == 0 {
                    return Err(format!("{table} has no rows any more").into());
                }
            }
            Ok(())
        };
        steps
            .step(
                "functions and schedules are removed, tables and configuration are kept",
                removed,
            )
            .await
    }
}

async fn outputs(aws: &Aws) -> Outcome<Outputs> {
    let stacks = aws
        .ask(&format!(
            "cloudformation describe-stacks --stack-name {STACK}"
        ))
        .await?;
    let outputs = &stacks["Stacks"][0]["Outputs"];
    let output = |key: &str| -> Outcome<String> {
        let all = outputs.as_array().ok_or("the stack has no outputs")?;
        let found = all.iter().find(|output| output["OutputKey"] == key);
        let value = found.and_then(|output| output["OutputValue"].as_str());
        Ok(value.ok_or_else(|| format!("no output {key}"))?.to_owned())
    };
    Ok(Outputs {
        api_id: output("ApiId")?,
        inbox_table: output("InboxTableName")?,
        data_table: output("DataTableName")?,
        dead_letters: output("DeadLettersUrl")?,
        secret: output("SecretArn")?,
        fill_secret: output("FillSecret")?,
    })
}

/// The strings in a JSON list.
pub(crate) fn names(list: &Value) -> Vec<String> {
    let all = list.as_array().into_iter().flatten();
    all.filter_map(|name| name.as_str().map(str::to_owned))
        .collect()
}
