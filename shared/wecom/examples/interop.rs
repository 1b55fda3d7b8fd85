//! Opens and seals on behalf of another implementation: one JSON object per line in, one per line out.
//!
//! `{"op": "seal", "token", "key", "receive_id", "message", "timestamp", "nonce"}` answers `encrypt` and `signature`;
//! `{"op": "open", …, "encrypt", "signature"}` answers `message`, or `error` if it does not open.

use serde_json::{Value, json};
use std::error::Error;
use std::io::stdin;
use wecom::{CallbackCrypto, Signature};

fn main() -> Result<(), Box<dyn Error>> {
    for line in stdin().lines() {
        let request: Value = serde_json::from_str(&line?)?;
        println!("{}", answer(&request)?);
    }
    Ok(())
}

fn answer(request: &Value) -> Result<Value, Box<dyn Error>> {
    let text = |name: &str| request[name].as_str().ok_or_else(|| format!("no {name}"));
    let crypto = CallbackCrypto::new(text("token")?, text("key")?, text("receive_id")?)?;
    let (timestamp, nonce) = (text("timestamp")?, text("nonce")?);
    if text("op")? == "seal" {
        let sealed = crypto.seal(text("message")?, timestamp, nonce)?;
        return Ok(json!({"encrypt": sealed.encrypt, "signature": sealed.msg_signature}));
    }
    let signature = Signature {
        msg_signature: text("signature")?,
        timestamp,
        nonce,
    };
    Ok(match crypto.open(&signature, text("encrypt")?) {
        Ok(message) => json!({"message": message}),
        Err(error) => json!({"error": error.to_string()}),
    })
}
