//! Sends a welcome message within the 20 s of its code.
//!
//! Usage: `WECOM_CORP_ID=… WECOM_SECRET=… send_welcome WELCOME_CODE TEXT`

use std::env::{args, var};
use std::error::Error;
use wecom::{AppName, Client, CorpId, WelcomeCode, WelcomeMessage};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = args().skip(1).collect();
    let [code, text] = arguments.as_slice() else {
        return Err("usage: send_welcome WELCOME_CODE TEXT".into());
    };
    let corp = CorpId::new(var("WECOM_CORP_ID")?);
    let client =
        Client::builder(corp, AppName::new("contact"), var("WECOM_SECRET")?.into()).build()?;
    let sent = client
        .send_welcome_msg(&WelcomeCode::new(code), &WelcomeMessage::text(text))
        .await;
    match sent {
        Ok(()) => println!("sent"),
        Err(error) => println!("not sent ({}): {error}", error.class()),
    }
    Ok(())
}
