//! The configuration secret: who may use the admin API, and the corps with their apps.
//!
//! It is checked as a whole, and every fault is named in one error: an operator who edits a secret by hand
//! should not have to find the mistakes one at a time. No value of it ever reaches an error or a log.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use aws_lc_rs::{constant_time, digest};
use domain::field::FieldError;
use jiff::tz::TimeZone;
use secrecy::SecretString;
use wecom::{AppName, CallbackCrypto, CorpId};

use crate::data_keys::DataKeys;
use crate::governor::CorpLimits;

pub(crate) mod merge;
mod parse;

/// The configuration of one deployment.
#[derive(Debug)]
pub struct Config {
    admin_keys: Vec<KeyDigest>,
    /// The keys under which values are encrypted at rest, if there are some.
    pub data_keys: Option<Arc<DataKeys>>,
    corps: BTreeMap<CorpId, Corp>,
}

/// What a function needs of the configuration. What it does not need may be missing, because it stands in a secret that
/// the function does not read; what is there is checked in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// `token` and `encoding_aes_key` of apps: callback.
    Callbacks,
    /// `agent_id` and `secret` of apps: what calls WeCom.
    Calls,
    /// These, and `admin_keys`: admin, and everything in one process.
    Everything,
}

/// One company.
#[derive(Debug)]
pub struct Corp {
    /// `corp_id` of the configuration.
    pub id: CorpId,
    /// Where its days and hours are counted.
    pub timezone: TimeZone,
    /// How much of WeCom's quota the bundle takes.
    pub limits: CorpLimits,
    apps: BTreeMap<AppName, App>,
}

/// One self-built app of a corp.
#[derive(Debug)]
pub struct App {
    /// Its name in this configuration and in the callback's path.
    pub name: AppName,
    /// With what it calls WeCom; `None` if the function has no need of it and does not read it.
    pub credentials: Option<Credentials>,
    /// Opens its callbacks; `None` for an app that only makes calls.
    pub callback: Option<CallbackCrypto>,
}

/// With what an app calls WeCom.
#[derive(Debug)]
pub struct Credentials {
    /// The app's id in WeCom's console.
    pub agent_id: u64,
    /// The Secret of WeCom's console.
    pub secret: SecretString,
}

/// A secret that cannot be used, with every fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the configuration secret has {} fault(s): {}", .0.len(), list(.0))]
pub struct ConfigError(pub Vec<FieldError>);

fn list(faults: &[FieldError]) -> String {
    faults
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("; ")
}

/// The name of the app that is used where no event says which one.
const MAIN_APP: &str = "contact";

impl Config {
    /// Reads the JSON of the secret, as far as a function needs it. A byte order mark, and white space around texts, do
    /// not matter.
    ///
    /// # Errors
    /// Names every fault.
    pub fn parse(json: &str, needs: Needs) -> Result<Self, ConfigError> {
        parse::config(json, needs)
    }

    /// A corp of this deployment.
    #[must_use]
    pub fn corp(&self, id: &str) -> Option<&Corp> {
        self.corps.get(&CorpId::from(id))
    }

    /// All corps.
    pub fn corps(&self) -> impl Iterator<Item = &Corp> {
        self.corps.values()
    }

    /// Whether `key` is one of the admin keys. Takes the same time whichever it is, and if it is none.
    #[must_use]
    pub fn is_admin_key(&self, key: &str) -> bool {
        let given = KeyDigest::of(key);
        let matches = self
            .admin_keys
            .iter()
            .filter(|known| known.same_as(&given))
            .count();
        matches > 0
    }
}

impl Corp {
    /// An app by its name.
    #[must_use]
    pub fn app(&self, name: &str) -> Option<&App> {
        self.apps.get(&AppName::from(name))
    }

    /// All apps.
    pub fn apps(&self) -> impl Iterator<Item = &App> {
        self.apps.values()
    }

    /// The app that makes channels: the one named `contact`, else the first.
    #[must_use]
    pub fn main_app(&self) -> Option<&App> {
        self.app(MAIN_APP).or_else(|| self.apps.values().next())
    }
}

/// SHA-256 of an admin key. Keys are compared by digest, so that neither their length nor their beginning
/// can be derived from the time that the comparison takes.
struct KeyDigest(digest::Digest);

impl fmt::Debug for KeyDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyDigest(redacted)")
    }
}

impl KeyDigest {
    fn of(key: &str) -> Self {
        Self(digest::digest(&digest::SHA256, key.as_bytes()))
    }

    fn same_as(&self, other: &Self) -> bool {
        constant_time::verify_slices_are_equal(self.0.as_ref(), other.0.as_ref()).is_ok()
    }
}

#[cfg(test)]
mod tests;
