//! The AWS CLI against the emulator, as the manual uses it against AWS.

use serde_json::Value;

use crate::command::{Command, Outcome};
use crate::emulator::{ACCESS_KEY, Emulator, REGION};
use crate::tools::Tools;

/// Credentials, region and endpoint.
pub(crate) struct Aws {
    variables: Vec<(String, String)>,
    endpoint: String,
}

impl Aws {
    pub(crate) fn new(tools: &Tools, emulator: &Emulator) -> Self {
        let variables = [
            ("PATH", tools.path()),
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", ACCESS_KEY.to_owned()),
            ("AWS_DEFAULT_REGION", REGION.to_owned()),
            ("AWS_ENDPOINT_URL", emulator.url.clone()),
            ("AWS_PAGER", String::new()),
            ("SAM_CLI_TELEMETRY", "0".to_owned()),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value));
        Self {
            variables: variables.to_vec(),
            endpoint: emulator.url.clone(),
        }
    }

    /// The URL of the endpoint.
    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The environment variables with which a program uses this AWS endpoint.
    pub(crate) fn variables(&self) -> &[(String, String)] {
        &self.variables
    }

    /// Runs a command of the AWS CLI without spaces inside arguments, and parses its output.
    pub(crate) async fn ask(&self, command: &str) -> Outcome<Value> {
        let words: Vec<&str> = command.split_whitespace().collect();
        self.run(&words).await
    }

    /// Runs a command of the AWS CLI, and parses its output.
    pub(crate) async fn run(&self, words: &[&str]) -> Outcome<Value> {
        let name = format!("aws-{}", words[..2.min(words.len())].join("-"));
        let output = Command::new(&name, "aws")
            .envs(&self.variables)
            // Version 1 of the CLI does not use AWS_ENDPOINT_URL for SQS.
            .args(["--output", "json", "--endpoint-url", &self.endpoint])
            .args(words)
            .run()
            .await?;
        if output.trim().is_empty() {
            return Ok(Value::Null);
        }
        Ok(serde_json::from_str(&output)?)
    }
}
