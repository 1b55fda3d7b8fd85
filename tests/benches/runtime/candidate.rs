//! The candidates: the functions of the bundle, and the callback in other languages.

use std::fmt;
use std::path::PathBuf;

use scrm_local::config::{DEMO_APP, DEMO_CORP};
use scrm_local::stack::{DATA_TABLE, INBOX_TABLE};
use serde::{Deserialize, Serialize};

use crate::scene::{PEERS_TABLE, Scene};

/// A function of the bundle.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, clap::ValueEnum,
)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Function {
    Callback,
    Welcome,
    Tagging,
    Sync,
    Admin,
}

/// The language of a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Runtime {
    Rust,
    Python,
    Node,
}

/// A function in one of the languages, ready to start.
#[derive(Debug, Clone)]
pub(crate) struct Candidate {
    pub(crate) function: Function,
    pub(crate) runtime: Runtime,
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<String>,
    /// Lambda's task root.
    pub(crate) directory: PathBuf,
    /// Size of the deployed package, in bytes.
    pub(crate) package_bytes: u64,
    /// `MemorySize` of the deployed function, in MB.
    pub(crate) memory_mb: u32,
}

impl Function {
    /// All of them, in the order of an add.
    pub(crate) const ALL: [Self; 5] = [
        Self::Callback,
        Self::Welcome,
        Self::Tagging,
        Self::Sync,
        Self::Admin,
    ];

    /// The name of the package and of the binary.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Callback => "callback",
            Self::Welcome => "welcome",
            Self::Tagging => "tagging",
            Self::Sync => "sync",
            Self::Admin => "admin",
        }
    }
}

impl Candidate {
    /// The name under which it would be deployed.
    pub(crate) fn deployed_name(&self) -> String {
        format!("scrm-{}", self.function.name())
    }

    /// The environment variables: those of Lambda and of infra/template.yaml, and the keys for the other languages.
    pub(crate) fn environment(
        &self,
        scene: &Scene,
        runtime_api: &str,
        memory: Option<u32>,
    ) -> Vec<(&'static str, String)> {
        let name = self.deployed_name();
        let memory = memory.unwrap_or(self.memory_mb);
        let root = self.directory.display().to_string();
        let mut variables = vec![
            ("AWS_LAMBDA_RUNTIME_API", runtime_api.to_owned()),
            ("AWS_LAMBDA_FUNCTION_NAME", name.clone()),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", memory.to_string()),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST".to_owned()),
            ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand".to_owned()),
            ("AWS_LAMBDA_LOG_GROUP_NAME", format!("/aws/lambda/{name}")),
            (
                "AWS_LAMBDA_LOG_STREAM_NAME",
                format!("2026/11/25/{name}[$LATEST]0123456789abcdef0123456789abcdef"),
            ),
            ("AWS_LAMBDA_LOG_FORMAT", "JSON".to_owned()),
            ("AWS_REGION", "us-east-1".to_owned()),
            ("AWS_DEFAULT_REGION", "us-east-1".to_owned()),
            ("AWS_ACCESS_KEY_ID", "bench".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "bench".to_owned()),
            // As long as a role's token.
            ("AWS_SESSION_TOKEN", "bench".repeat(200)),
            ("AWS_ENDPOINT_URL", scene.proxy.url().to_owned()),
            ("LAMBDA_TASK_ROOT", root),
            ("_HANDLER", "handler.handler".to_owned()),
            ("LANG", "en_US.UTF-8".to_owned()),
            ("TZ", ":UTC".to_owned()),
            ("PATH", "/usr/local/bin:/usr/bin:/bin".to_owned()),
        ];
        variables.extend(match self.runtime {
            Runtime::Rust => vec![
                ("SCRM_INBOX_TABLE", INBOX_TABLE.to_owned()),
                ("SCRM_DATA_TABLE", DATA_TABLE.to_owned()),
                ("SCRM_SECRET_ID", "config".to_owned()),
                ("WECOM_API_BASE", scene.wecom_url().to_owned()),
            ],
            Runtime::Python | Runtime::Node => vec![
                ("INBOX_TABLE", PEERS_TABLE.to_owned()),
                ("WECOM_CORP_ID", DEMO_CORP.to_owned()),
                ("WECOM_APP", DEMO_APP.to_owned()),
                ("WECOM_TOKEN", scene.keys.token.clone()),
                (
                    "WECOM_ENCODING_AES_KEY",
                    scene.keys.encoding_aes_key.clone(),
                ),
            ],
        });
        variables
    }
}

impl fmt::Display for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.function.name(), self.runtime)
    }
}

impl fmt::Display for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rust => "rust",
            Self::Python => "python",
            Self::Node => "node",
        })
    }
}
