//! The configuration of the local stack: the file that was named, or one made for the occasion.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use platform::BoxFuture;
use platform::config::{Config, Needs};
use platform::secret::{LoadSecret, SecretError};
use rand::Rng;
use rand::distr::{Alphanumeric, SampleString};
use serde::Deserialize;
use serde_json::json;
use wecom_sandbox::{AppSetup, CorpSetup, MemberSetup};

use crate::start::StartError;

/// The configuration secret as a file. It is read anew as often as the secret would be, so that keys can be rotated
/// here as well.
#[derive(Debug, Clone)]
pub struct ConfigFile(PathBuf);

/// The corp of a configuration that was made for the occasion.
pub const DEMO_CORP: &str = "wwlocal00000000001";
/// Its app.
pub const DEMO_APP: &str = "contact";
/// Members of every corp of the sandbox.
const MEMBERS: [(&str, &str); 3] = [("zhangsan", "张三"), ("lisi", "李四"), ("wangwu", "王五")];

impl ConfigFile {
    /// Uses the file at `path`, which must hold a valid configuration.
    ///
    /// # Errors
    /// [`StartError::Unreadable`], or [`StartError::Config`] with every fault.
    pub fn open(path: &Path) -> Result<Self, StartError> {
        let text = fs::read_to_string(path).map_err(|source| StartError::Unreadable {
            flag: "--config",
            path: path.to_owned(),
            source,
        })?;
        Config::parse(&text, Needs::Everything).map_err(|error| StartError::Config {
            path: path.to_owned(),
            reason: error.to_string(),
        })?;
        Ok(Self(path.to_owned()))
    }

    /// Makes a configuration with random keys at `path`, readable by its owner only, unless there is one.
    ///
    /// # Errors
    /// [`StartError::Unreadable`] if the file cannot be written.
    pub fn make(path: &Path) -> Result<Self, StartError> {
        if !path.exists() {
            write_private(path, &random_config()).map_err(|source| StartError::Unreadable {
                flag: "--data",
                path: path.to_owned(),
                source,
            })?;
        }
        Self::open(path)
    }

    /// The keys in the clear, for the sandbox and for people at this machine.
    ///
    /// # Errors
    /// [`StartError::Unreadable`] if the file is gone or was changed since it was opened.
    pub fn keys(&self) -> Result<Keys, StartError> {
        let read = fs::read_to_string(&self.0).and_then(|text| {
            // The error of the parser may quote the text, which holds secrets.
            serde_json::from_str(&text)
                .map_err(|_| io::Error::other("was changed during the start"))
        });
        read.map_err(|source| StartError::Unreadable {
            flag: "--config",
            path: self.0.clone(),
            source,
        })
    }
}

impl LoadSecret for ConfigFile {
    fn load(&self) -> BoxFuture<'_, Result<String, SecretError>> {
        let read = fs::read_to_string(&self.0)
            .map_err(|error| SecretError::Unavailable(error.to_string()));
        Box::pin(std::future::ready(read))
    }
}

/// A configuration in the clear.
#[derive(Deserialize)]
pub struct Keys {
    /// Keys of the admin API.
    pub admin_keys: Vec<String>,
    corps: Vec<CorpKeys>,
}

#[derive(Deserialize)]
struct CorpKeys {
    corp_id: String,
    apps: std::collections::BTreeMap<String, AppKeys>,
}

#[derive(Deserialize)]
struct AppKeys {
    agent_id: u64,
    secret: String,
    token: Option<String>,
    encoding_aes_key: Option<String>,
}

impl Keys {
    /// The ids of the corps.
    #[must_use]
    pub fn corp_ids(&self) -> Vec<&str> {
        self.corps
            .iter()
            .map(|corp| corp.corp_id.as_str())
            .collect()
    }

    /// The same corps for the sandbox, whose callbacks go to the functions at `front_door`. An app without token and
    /// key takes no callbacks and is left out.
    #[must_use]
    pub fn sandbox_corps(&self, front_door: &str) -> Vec<CorpSetup> {
        let members = || {
            MEMBERS
                .iter()
                .map(|(userid, name)| MemberSetup::new(*userid, *name))
        };
        let setup = |corp: &CorpKeys| CorpSetup {
            corp_id: corp.corp_id.clone(),
            apps: corp
                .apps
                .iter()
                .filter_map(|(name, app)| app.setup(name, &corp.corp_id, front_door))
                .collect(),
            departments: Vec::new(),
            members: members().collect(),
        };
        self.corps.iter().map(setup).collect()
    }
}

impl AppKeys {
    fn setup(&self, name: &str, corp_id: &str, front_door: &str) -> Option<AppSetup> {
        Some(AppSetup {
            name: name.to_owned(),
            agent_id: self.agent_id,
            secret: self.secret.clone(),
            token: self.token.clone()?,
            encoding_aes_key: self.encoding_aes_key.clone()?,
            callback_url: format!("{front_door}/callback/{corp_id}/{name}"),
        })
    }
}

fn random_config() -> String {
    let random = |length| Alphanumeric.sample_string(&mut rand::rng(), length);
    let agent_id = rand::rng().random_range(1_000_002..1_000_100);
    let app = json!({
        "agent_id": agent_id,
        "secret": random(43),
        "token": random(32),
        "encoding_aes_key": random(43),
    });
    let config = json!({
        "admin_keys": [random(40)],
        "corps": [{"corp_id": DEMO_CORP, "timezone": "Asia/Shanghai", "apps": {DEMO_APP: app}}],
    });
    format!("{config:#}")
}

fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_made_for_the_occasion_is_valid_and_stays() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("config.json");
        let first = ConfigFile::make(&path).unwrap().keys().unwrap();
        let again = ConfigFile::make(&path).unwrap().keys().unwrap();
        assert_eq!(first.admin_keys, again.admin_keys);
        assert_eq!(first.corp_ids(), [DEMO_CORP]);
        let corps = first.sandbox_corps("http://127.0.0.1:1");
        assert_eq!(
            corps[0].apps[0].callback_url,
            format!("http://127.0.0.1:1/callback/{DEMO_CORP}/{DEMO_APP}")
        );
    }

    #[test]
    fn a_bad_file_is_one_line_that_names_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("config.json");
        assert!(
            ConfigFile::open(&path)
                .unwrap_err()
                .to_string()
                .starts_with("cannot read --config")
        );
        fs::write(&path, r#"{"admin_keys":["x"],"corps":[]}"#).unwrap();
        let error = ConfigFile::open(&path).unwrap_err().to_string();
        assert!(
            error.contains("admin_keys[0]") && error.contains("corps: is empty"),
            "{error}"
        );
        assert_eq!(error.lines().count(), 1);
    }
}
