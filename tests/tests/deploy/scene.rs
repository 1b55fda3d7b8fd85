//! WeCom's sandbox, a corp in it, and the operator of the deployed stack.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use scrm_local::config::{ConfigFile, DEMO_APP, DEMO_CORP, Keys};
use scrm_local::operator::Operator;
use serde_json::Value;
use wecom_sandbox::crypto::Seal;
use wecom_sandbox::{AppSetup, Corp, Happening, Sandbox, SandboxOptions, Scan, Served, serve_on};

use crate::command::{Outcome, directory};
use crate::steps::eventually;

/// How long anything is waited for that happens at once. It is long, because the machine may be busy; a test that passes
/// ends sooner.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// Who plays.
pub(crate) struct Scene {
    pub(crate) wecom: Sandbox,
    pub(crate) corp: Corp,
    /// Where WeCom's API is.
    pub(crate) wecom_url: String,
    /// The configuration that goes into the secret.
    pub(crate) config: PathBuf,
    /// Where the functions are reached, once they are.
    pub(crate) front_door: String,
    keys: Keys,
    _served: Served,
}

impl Scene {
    /// Opens the sandbox, with a corp whose keys are new.
    pub(crate) async fn open() -> Outcome<Self> {
        let config = directory().join("config.json");
        if config.exists() {
            fs::remove_file(&config)?;
        }
        let keys = ConfigFile::make(&config)?.keys()?;
        let wecom = Sandbox::new(SandboxOptions::default())?;
        let setup = keys.sandbox_corps("").swap_remove(0);
        let corp = wecom.add_corp(setup)?;
        let served = serve_on(&wecom, SocketAddr::from(([127, 0, 0, 1], 0))).await?;
        Ok(Self {
            wecom,
            corp,
            wecom_url: served.base_url.clone(),
            config,
            front_door: String::new(),
            keys,
            _served: served,
        })
    }

    /// The callback URL is entered in WeCom's console.
    pub(crate) fn goes_to(&mut self, front_door: &str) -> Outcome<()> {
        front_door.clone_into(&mut self.front_door);
        self.corp.set_callback_url(DEMO_APP, &self.callback_url())?;
        Ok(())
    }

    pub(crate) fn callback_url(&self) -> String {
        format!("{}/callback/{DEMO_CORP}/{DEMO_APP}", self.front_door)
    }

    pub(crate) fn admin_key(&self) -> &str {
        &self.keys.admin_keys[0]
    }

    pub(crate) fn operator(&self) -> Operator {
        Operator::new(&self.front_door, DEMO_CORP, self.admin_key())
    }

    /// The app, with the keys of its callback.
    pub(crate) fn app(&self) -> AppSetup {
        let mut corp = self.keys.sandbox_corps(&self.front_door).swap_remove(0);
        corp.apps.swap_remove(0)
    }

    /// A message that WeCom sends, sealed: the query that signs it, and the ciphertext.
    pub(crate) fn sealed(&self, message: &str, token: Option<&str>) -> Outcome<(String, String)> {
        let app = self.app();
        let seal = Seal::new(
            token.unwrap_or(&app.token),
            &app.encoding_aes_key,
            DEMO_CORP,
        );
        let seal = seal.ok_or("the keys of the app seal nothing")?;
        let encrypted = seal.encrypt([7; 16], message);
        let (timestamp, nonce) = ("1700000000", "1372623149");
        let signature = seal.signature(timestamp, nonce, &encrypted);
        let query = format!("msg_signature={signature}&timestamp={timestamp}&nonce={nonce}");
        Ok((query, encrypted))
    }

    /// A new customer scans.
    pub(crate) fn scan(&self, channel: &str, name: &str) -> Outcome<Happening> {
        let scan = Scan {
            name: Some(name.to_owned()),
            ..Scan::default()
        };
        Ok(self.corp.scan(channel, &scan)?)
    }

    /// Every one of them reads `text` in the chat and has `tag` on.
    pub(crate) async fn all_served(
        &self,
        customers: &[Happening],
        text: &str,
        tag: &str,
    ) -> Outcome<()> {
        eventually(PATIENCE, || async {
            let lacking = |customer: &&Happening| {
                let (who, member) = (&customer.external_userid, &customer.userid);
                let welcomed = self.corp.chat(who, member).iter().any(|message| {
                    serde_json::to_string(message).is_ok_and(|message| message.contains(text))
                });
                let tagged = self
                    .corp
                    .tags(who, member)
                    .iter()
                    .any(|found| found.id == tag);
                !(welcomed && tagged)
            };
            match customers.iter().filter(lacking).count() {
                0 => Ok(()),
                lacking => Err(format!(
                    "{lacking} of {} lack welcome or tag",
                    customers.len()
                )),
            }
        })
        .await
    }

    /// Asks the admin API until its answer is as wanted.
    pub(crate) async fn told(
        &self,
        patience: Duration,
        path: &str,
        holds: impl Fn(&Value) -> bool,
    ) -> Outcome<Value> {
        let operator = self.operator();
        eventually(patience, || async {
            match operator.get(path).await? {
                (200, json) if holds(&json) => Ok(json),
                answer => Err(format!("GET {path} answers {answer:?}")),
            }
        })
        .await
    }
}
