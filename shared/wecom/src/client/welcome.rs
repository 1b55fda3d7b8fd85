//! The call that greets a new customer.

use super::Client;
use super::transport::Call;
use crate::api::welcome::WelcomeMessage;
use crate::error::Error;
use crate::id::WelcomeCode;
use serde::Serialize;

#[derive(Serialize)]
struct Request<'a> {
    welcome_code: &'a WelcomeCode,
    #[serde(flatten)]
    message: &'a WelcomeMessage,
}

impl Client {
    /// Sends the welcome message (WeCom doc 92137). The code is good for 20 s from its event and for one success.
    ///
    /// # Errors
    /// 41051 and 41050 are final: already welcomed, too late. 41096 means that another app is sending right now, which
    /// may fail: try again after a second. 41053 waits for the customer's consent, whose event brings a new code. An
    /// attachment error (40007, 40145, 41064, 41065, 90206 to 90208) leaves the code unspent.
    pub async fn send_welcome_msg(
        &self,
        welcome_code: &WelcomeCode,
        message: &WelcomeMessage,
    ) -> Result<(), Error> {
        let api = "externalcontact/send_welcome_msg";
        message.check().map_err(|invalid| invalid.for_api(api))?;
        self.order(Call::post(
            api,
            &Request {
                welcome_code,
                message,
            },
        )?)
        .await
    }
}
