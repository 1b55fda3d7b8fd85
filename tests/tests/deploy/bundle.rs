//! Build, deployment and deletion, by the commands of the manual.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::aws::Aws;
use crate::command::{Command, Outcome, directory};
use crate::steps::Steps;
use crate::tools::Tools;

/// The stack.
pub(crate) const STACK: &str = "scrm-test";
/// The functions.
pub(crate) const FUNCTIONS: [&str; 5] = ["callback", "welcome", "tagging", "sync", "admin"];
/// What functions are built for; the first can be run here.
pub(crate) const ARCHITECTURES: [&str; 2] = ["x86_64", "arm64"];
/// One region of each partition.
const REGIONS: [&str; 2] = ["us-east-1", "cn-north-1"];
/// The largest package that is taken for small, in bytes. A second TLS stack, or a chain of credential providers, would go
/// over it.
const PACKAGE_LIMIT: u64 = 4_000_000;

/// Builds and deploys.
pub(crate) struct Bundle {
    path: String,
}

/// What the stack says of itself.
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
    pub(crate) fn new(tools: &Tools) -> Self {
        Self { path: tools.path() }
    }

    fn sam(&self, name: &str) -> Command {
        Command::new(name, "sam")
            .env("PATH", &self.path)
            .env("SAM_CLI_TELEMETRY", "0")
    }

    /// Lints every template for a region of each partition.
    pub(crate) async fn lint(&self, steps: &Steps) -> Outcome<()> {
        for region in REGIONS {
            let validate = self
                .sam("validate")
                .args(["validate", "--lint", "--region", region]);
            steps
                .step(
                    &format!("sam validate --lint, for {region}"),
                    validate.run(),
                )
                .await?;
        }
        let templates =
            ["template", "network", "alarms", "dashboard"].map(|name| format!("infra/{name}.yaml"));
        let lint = Command::new("cfn-lint", "cfn-lint")
            .env("PATH", &self.path)
            .arg("--regions")
            .args(REGIONS)
            .arg("--")
            .args(templates);
        steps.step("cfn-lint of all templates", lint.run()).await?;
        Ok(())
    }

    /// Builds all functions for both architectures side by side: the linker's optimization has one thread only.
    pub(crate) async fn build_all(&self, steps: &Steps) -> Outcome<()> {
        let builds = ARCHITECTURES.map(|architecture| self.build(steps, architecture));
        futures::future::try_join_all(builds).await?;
        Ok(())
    }

    /// Builds all functions for one architecture.
    async fn build(&self, steps: &Steps, architecture: &str) -> Outcome<()> {
        let build = self.sam(&format!("build-{architecture}")).args([
            "build",
            "--parameter-overrides",
            &format!("Architecture={architecture}"),
            "--build-dir",
        ]);
        // Each has directories of its own, because Cargo locks its own and SAM keeps notes beside the build.
        let target = directory().join(architecture).join("target");
        let build = build
            .arg(build_directory(architecture))
            .env("CARGO_TARGET_DIR", target);
        steps
            .step(&format!("sam build, for {architecture}"), build.run())
            .await?;
        Ok(())
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
    pub(crate) async fn package(&self, steps: &Steps, aws: &Aws, build: &str) -> Outcome<PathBuf> {
        let packaged = build_directory(build).join("packaged.yaml");
        let package = self
            .sam("package")
            .envs(aws.variables())
            .args([
                "package",
                "--resolve-s3",
                "--no-progressbar",
                "--template-file",
            ])
            .arg(build_directory(build).join("template.yaml"))
            .arg("--output-template-file")
            .arg(&packaged);
        steps.step("sam package", package.run()).await?;
        // SAM notes the addresses of nested templates, and deletes what it finds there; but it takes none for one of
        // S3 that does not begin like this.
        let text = std::fs::read_to_string(&packaged)?;
        let s3 = format!("https://s3.{}.amazonaws.com", crate::emulator::REGION);
        std::fs::write(&packaged, text.replace(aws.endpoint(), &s3))?;
        Ok(packaged)
    }

    /// The size of each package, as Lambda has it.
    pub(crate) async fn sizes(&self, steps: &Steps, aws: &Aws) -> Outcome<()> {
        let measure = async {
            let mut sizes = Vec::new();
            for function in FUNCTIONS {
                let found = aws
                    .ask(&format!(
                        "lambda get-function-configuration --function-name {STACK}-{function}"
                    ))
                    .await?;
                let size = found["CodeSize"].as_u64().ok_or("no CodeSize")?;
                if size > PACKAGE_LIMIT {
                    return Err(format!("the package of {function} has {size} bytes").into());
                }
                sizes.push((function, size));
            }
            Ok(sizes)
        };
        let sizes = steps.step("packages are small", measure).await?;
        for (function, bytes) in sizes {
            let binary = build_directory("x86_64").join(format!("{}Function", capital(function)));
            let binary = std::fs::metadata(binary.join("bootstrap"))?.len();
            steps.note(&format!(
                "{function}: {:.2} MB zipped, {:.2} MB binary",
                megabytes(bytes),
                megabytes(binary)
            ));
        }
        Ok(())
    }

    /// Deletes the stack: the functions go, and what was stored stays.
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
        let gone = async {
            let functions = aws.ask("lambda list-functions").await?;
            if let Some(left) = functions["Functions"]
                .as_array()
                .and_then(|all| all.first())
            {
                return Err(format!("a function is left: {}", left["FunctionName"]).into());
            }
            let schedules = aws.ask("scheduler list-schedules").await?;
            if schedules["Schedules"]
                .as_array()
                .is_none_or(|all| !all.is_empty())
            {
                return Err(format!("schedules are left: {schedules}").into());
            }
            for table in [&outputs.inbox_table, &outputs.data_table] {
                let rows = aws
                    .ask(&format!(
                        "dynamodb scan --select COUNT --table-name {table}"
                    ))
                    .await?;
                if rows["Count"].as_u64().unwrap_or_default() == 0 {
                    return Err(format!("{table} has lost its rows").into());
                }
            }
            Ok(())
        };
        steps
            .step(
                "functions and schedules are gone, the tables have stayed",
                gone,
            )
            .await
    }
}

/// Where a build is.
pub(crate) fn build_directory(architecture: &str) -> PathBuf {
    directory().join(architecture).join("build")
}

/// The logical id of a function begins with its name in capitals.
pub(crate) fn capital(function: &str) -> String {
    let (first, rest) = function.split_at(1);
    format!("{}{rest}", first.to_uppercase())
}

#[expect(clippy::cast_precision_loss, reason = "packages have a few megabytes")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
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

/// Names in a list of an answer.
pub(crate) fn names(list: &Value) -> Vec<String> {
    let all = list.as_array().into_iter().flatten();
    all.filter_map(|name| name.as_str().map(str::to_owned))
        .collect()
}

/// A copy of a build with another package of every function, as the next version has it.
pub(crate) fn next_version(from: &str, to: &str) -> Outcome<()> {
    let (from, to) = (build_directory(from), build_directory(to));
    if to.exists() {
        std::fs::remove_dir_all(&to)?;
    }
    copy(&from, &to)?;
    for function in FUNCTIONS {
        let package = to.join(format!("{}Function", capital(function)));
        std::fs::write(package.join("VERSION"), "the next one")?;
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Outcome<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
