//! Calls about members of the address book and about WeCom's own addresses.

use super::Client;
use super::transport::Call;
use crate::api::user::User;
use crate::error::Error;
use crate::id::UserId;
use serde::Deserialize;

#[derive(Default, Deserialize)]
#[serde(default)]
struct Addresses {
    ip_list: Vec<String>,
}

impl Client {
    /// A member (WeCom doc 90196).
    ///
    /// # Errors
    /// 60111 if there is none, 60011 if the member is out of the app's range.
    pub async fn get_user(&self, user_id: &UserId) -> Result<User, Error> {
        self.call(Call::get("user/get").with("userid", user_id.as_str()))
            .await
    }

    /// Addresses of the API's servers (WeCom doc 90930); patterns such as `1.2.3.*` among them.
    ///
    /// # Errors
    /// As any call.
    pub async fn get_api_domain_ip(&self) -> Result<Vec<String>, Error> {
        self.addresses("get_api_domain_ip").await
    }

    /// Addresses from which callbacks come (WeCom doc 90930); patterns such as `1.2.3.*` among them. Read them daily.
    ///
    /// # Errors
    /// As any call.
    pub async fn get_callback_ip(&self) -> Result<Vec<String>, Error> {
        self.addresses("getcallbackip").await
    }

    async fn addresses(&self, api: &'static str) -> Result<Vec<String>, Error> {
        self.call::<Addresses>(Call::get(api))
            .await
            .map(|addresses| addresses.ip_list)
    }
}
