//! Calls about WeCom's own addresses.

use super::Client;
use super::transport::Call;
use crate::api::path;
use crate::error::Error;
use serde::Deserialize;

#[derive(Default, Deserialize)]
#[serde(default)]
struct Addresses {
    ip_list: Vec<String>,
}

impl Client {
    /// Addresses of the API's servers (WeCom doc 90930); patterns such as `1.2.3.*` among them.
    ///
    /// # Errors
    /// As any call.
    pub async fn get_api_domain_ip(&self) -> Result<Vec<String>, Error> {
        self.addresses(path::GET_API_DOMAIN_IP).await
    }

    /// Addresses from which callbacks come (WeCom doc 90930); patterns such as `1.2.3.*` among them. Read them daily.
    ///
    /// # Errors
    /// As any call.
    pub async fn get_callback_ip(&self) -> Result<Vec<String>, Error> {
        self.addresses(path::GET_CALLBACK_IP).await
    }

    async fn addresses(&self, api: &'static str) -> Result<Vec<String>, Error> {
        self.call::<Addresses>(Call::get(api))
            .await
            .map(|addresses| addresses.ip_list)
    }
}
