//! The configuration of the local stack: the file that was named, or one made for the occasion.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use platform::BoxFuture;
use platform::config::{Config, Needs};
use platform::secret::{LoadSecret, SecretError};
use rand::Rng;
use rand::distr::{Alphanumeric, SampleString};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use wecom_sandbox::{AppSetup, CorpSetup, MemberSetup};

use crate::start::StartError;

/// The configuration secret as a file. It is read anew as often as the secret would be, so that keys can be rotated
/// here as well.
#[derive(Debug, Clone)]
pub struct ConfigFile {
    path: PathBuf,
    /// The file with the data keys, if the configuration has none.
    data_keys: Option<PathBuf>,
}

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
        Ok(Self {
            path: path.to_owned(),
            data_keys: None,
        })
    }

    /// The same with the data keys of the file at `path`, which is made unless there is one, if the configuration has
    /// no data keys of its own.
    ///
    /// # Errors
    /// [`StartError::Unreadable`] if a file cannot be read or written.
    pub fn with_data_keys(self, path: &Path) -> Result<Self, StartError> {
        let unreadable = |path: &Path| {
            let path = path.to_owned();
            move |source| StartError::Unreadable {
                flag: "--data",
                path,
                source,
            }
        };
        let text = fs::read_to_string(&self.path).map_err(unreadable(&self.path))?;
        if has_data_keys(&text) {
            return Ok(self);
        }
        if !path.exists() {
            write_private(path, &random_data_keys()).map_err(unreadable(path))?;
        }
        Ok(Self {
            data_keys: Some(path.to_owned()),
            ..self
        })
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
        let read = fs::read_to_string(&self.path).and_then(|text| {
            // The error of the parser may quote the text, which holds secrets.
            serde_json::from_str(text.trim_start_matches('\u{feff}'))
                .map_err(|_| io::Error::other("was changed during the start"))
        });
        read.map_err(|source| StartError::Unreadable {
            flag: "--config",
            path: self.path.clone(),
            source,
        })
    }
}

impl ConfigFile {
    /// The configuration, with the data keys of their own file if it has none.
    fn read(&self) -> io::Result<String> {
        let text = fs::read_to_string(&self.path)?;
        let Some(data_keys) = self.data_keys.as_ref().filter(|_| !has_data_keys(&text)) else {
            return Ok(text);
        };
        let data_keys: Value = serde_json::from_str(&fs::read_to_string(data_keys)?)
            .map_err(|_| io::Error::other("the file of data keys is not JSON"))?;
        Ok(match object(&text) {
            Some(mut config) => {
                config.insert("data_keys".to_owned(), data_keys);
                Value::Object(config).to_string()
            }
            // What is wrong with it, its parser says.
            None => text,
        })
    }
}

/// The configuration as an object, if it is one.
fn object(text: &str) -> Option<Map<String, Value>> {
    serde_json::from_str(text.trim_start_matches('\u{feff}')).ok()
}

fn has_data_keys(text: &str) -> bool {
    object(text).is_some_and(|config| config.contains_key("data_keys"))
}

impl LoadSecret for ConfigFile {
    fn load(&self) -> BoxFuture<'_, Result<String, SecretError>> {
        let read = self
            .read()
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

fn random_data_keys() -> String {
    let random = || BASE64_STANDARD.encode(rand::rng().random::<[u8; 32]>());
    let keys = json!({"current": "local", "seal": {"local": random()}, "index": random()});
    format!("{keys:#}")
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

    #[tokio::test]
    async fn data_keys_are_made_where_the_configuration_has_none_and_stay() {
        let directory = tempfile::tempdir().unwrap();
        let (path, keys) = (
            directory.path().join("c.json"),
            directory.path().join("keys.json"),
        );
        let made = ConfigFile::make(&path).unwrap();
        assert!(!has_data_keys(&made.load().await.unwrap()));
        let first = made.with_data_keys(&keys).unwrap().load().await.unwrap();
        let config = Config::parse(&first, Needs::Everything).unwrap();
        assert!(config.data_keys.is_some());
        let again = ConfigFile::open(&path)
            .unwrap()
            .with_data_keys(&keys)
            .unwrap();
        assert_eq!(again.load().await.unwrap(), first);
        // Its own keys win.
        fs::write(&path, first.replace("local", "own")).unwrap();
        let own = again.load().await.unwrap();
        assert!(
            own.contains("\"own\"") && !own.contains("\"local\""),
            "{own}"
        );
        let own = ConfigFile::open(&path).unwrap();
        let unused = directory.path().join("unused.json");
        own.with_data_keys(&unused).unwrap();
        assert!(!unused.exists());
    }

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
