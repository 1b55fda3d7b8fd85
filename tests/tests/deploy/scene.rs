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

/// The timeout of every wait for something that should happen at once. It is long because the machine may be busy; only
/// a failing test reaches it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// The participants of the test.
pub(crate) struct Scene {
    pub(crate) wecom: Sandbox,
    pub(crate) corp: Corp,
    /// The URL of WeCom's API.
    pub(crate) wecom_url: String,
    /// The file with the configuration for the secret.
    pub(crate) config: PathBuf,
    /// The URL of the deployed HTTP API, set after the deployment.
    pub(crate) gateway_url: String,
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
            gateway_url: String::new(),
            keys,
            _served: served,
        })
    }

    /// Sets the URL of the deployed API, and enters the callback URL in WeCom's console.
    pub(crate) fn set_gateway(&mut self, gateway_url: &str) -> Outcome<()> {
        gateway_url.clone_into(&mut self.gateway_url);
        self.corp.set_callback_url(DEMO_APP, &self.callback_url())?;
        Ok(())
    }

    pub(crate) fn callback_url(&self) -> String {
        format!("{}/callback/{DEMO_CORP}/{DEMO_APP}", self.gateway_url)
    }

    pub(crate) fn admin_key(&self) -> &str {
        &self.keys.admin_keys[0]
    }

    pub(crate) fn operator(&self) -> Operator {
        Operator::new(&self.gateway_url, DEMO_CORP, self.admin_key())
    }

    /// The app with its callback keys.
    pub(crate) fn app(&self) -> AppSetup {
        let mut corp = self.keys.sandbox_corps(&self.gateway_url).swap_remove(0);
        corp.apps.swap_remove(0)
    }

    /// Encrypts and signs a message as WeCom does: the query with the signature, and the ciphertext.
    pub(crate) fn sealed(&self, message: &str, token: Option<&str>) -> Outcome<(String, String)> {
        let app = self.app();
        let seal = Seal::new(
            token.unwrap_or(&app.token),
            &app.encoding_aes_key,
            DEMO_CORP,
        );
        let seal = seal.ok_or("the keys of the app are invalid")?;
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

    /// Waits until every customer has `text` in the chat and the tag `tag`.
    pub(crate) async fn all_served(
        &self,
        customers: &[Happening],
        text: &str,
        tag: &str,
    ) -> Outcome<()> {
        eventually(PATIENCE, || async {
            let is_unserved = |customer: &&Happening| {
                let (customer_id, member) = (&customer.external_userid, &customer.userid);
                let welcomed = self.corp.chat(customer_id, member).iter().any(|message| {
                    serde_json::to_string(message).is_ok_and(|message| message.contains(text))
                });
                let tagged = self
                    .corp
                    .tags(customer_id, member)
                    .iter()
                    .any(|found| found.id == tag);
                !(welcomed && tagged)
            };
            match customers.iter().filter(is_unserved).count() {
                0 => Ok(()),
                unserved => Err(format!(
                    "{unserved} of {} customers lack the welcome or the tag",
                    customers.len()
                )),
            }
        })
        .await
    }

    /// Polls the admin API until its response satisfies `holds`.
    pub(crate) async fn wait_for(
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
