//! The call that greets a new customer.

use super::Client;
use super::transport::Call;
use crate::api::path;
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
    /// `ALREADY_WELCOMED` and `INVALID_WELCOME_CODE` are final: already welcomed, too late. `WELCOME_BEING_SENT` means
    /// that another app is sending right now, which may fail: try again after a second. `CHAT_ARCHIVE_NOT_AGREED` waits
    /// for the customer's consent, whose event brings a new code. An attachment error (`INVALID_MEDIA_ID`,
    /// `MEDIA_ID_EXPIRED`, `TOO_MANY_ATTACHMENTS`, `INVALID_ATTACHMENT_TYPE`, `MINI_PROGRAM_NOT_LINKED`,
    /// `INVALID_APPID`, `APPID_MISMATCH`) leaves the code unspent.
    pub async fn send_welcome_msg(
        &self,
        welcome_code: &WelcomeCode,
        message: &WelcomeMessage,
    ) -> Result<(), Error> {
        let api = path::SEND_WELCOME_MSG;
        message.check().map_err(|invalid| invalid.for_api(api))?;
        self.call_unit(Call::post(
            api,
            &Request {
                welcome_code,
                message,
            },
        )?)
        .await
    }
}
