//! MiniStack, an emulator of AWS: it runs the deployed binaries as Lambda does, and with `AUTH` checks each of their
//! calls against the policies of their roles.

use std::fs;
use std::net::TcpListener;
use std::time::Duration;

use tokio::process::Child;

use crate::command::{Command, Outcome, directory, project};
use crate::scene::PATIENCE;
use crate::steps::{Steps, eventually};
use crate::tools::Tools;

/// The emulator's root user.
pub(crate) const ACCESS_KEY: &str = "test";
/// The region of the deployment.
pub(crate) const REGION: &str = "us-east-1";

/// A running emulator. Dropping this stops it.
pub(crate) struct Emulator {
    process: Child,
    /// `http://127.0.0.1:PORT`.
    pub(crate) url: String,
}

impl Emulator {
    /// Starts an empty emulator.
    pub(crate) async fn start(steps: &Steps, tools: &Tools) -> Outcome<Self> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let url = format!("http://127.0.0.1:{port}");
        let state = directory().join("emulator");
        if state.exists() {
            fs::remove_dir_all(&state)?;
        }
        fs::create_dir_all(&state)?;
        let script = project().join("tests/tests/deploy/emulator.py");
        let command = Command::new("emulator", tools.program("emulator", "python"));
        let command = command
            .arg(script)
            .current_dir(&state)
            .env("AUTH", "true")
            .env("AWS_ACCESS_KEY_ID", ACCESS_KEY)
            .env("AWS_SECRET_ACCESS_KEY", ACCESS_KEY)
            // The endpoint that functions receive.
            .env("AWS_ENDPOINT_URL", &url)
            .env("BIND_HOST", "127.0.0.1")
            .env("GATEWAY_PORT", port.to_string())
            .env("MINISTACK_REGION", REGION)
            .env("S3_DATA_DIR", state.join("s3"))
            .env("TMPDIR", &state)
            // Services with ports of their own, which this test does not need.
            .env("IOT_MTLS_ENABLED", "0")
            .env("SFTP_ENABLED", "0");
        let emulator = Self {
            process: command.start()?,
            url,
        };
        steps
            .step("MiniStack starts, with IAM enforced", emulator.ready())
            .await?;
        Ok(emulator)
    }

    async fn ready(&self) -> Outcome<()> {
        let url = format!("{}/_ministack/health", self.url);
        eventually(PATIENCE, || async {
            let answer = reqwest::get(&url)
                .await
                .map_err(|error| error.to_string())?;
            answer
                .error_for_status()
                .map_err(|error| error.to_string())?;
            Ok(())
        })
        .await
    }

    /// The URL of an HTTP API. At AWS, each one has its own host name.
    pub(crate) fn api(&self, api_id: &str) -> String {
        format!("{}/_aws/execute-api/{api_id}/$default", self.url)
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        // On SIGTERM it stops the functions' processes; after SIGKILL they would keep running.
        if let Some(id) = self.process.id() {
            let _status = std::process::Command::new("kill")
                .args(["-TERM", &id.to_string()])
                .status();
            for _ in 0..100 {
                if matches!(self.process.try_wait(), Ok(Some(_))) {
                    return;
                }
                std::thread::sleep(Duration::from_millis(100));
            }
        }
    }
}
