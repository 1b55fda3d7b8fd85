//! Opens one delivery, for those who wonder why their endpoint does not verify.
//!
//! Usage: `verify_callback TOKEN ENCODING_AES_KEY RECEIVE_ID QUERY < BODY`, where QUERY is what stands after the `?`
//! of the request. With `echostr` in the query no body is read, and the answer to the verification is printed.

use percent_encoding::percent_decode_str;
use std::error::Error;
use std::io::{Read, stdin};
use wecom::{CallbackCrypto, Envelope, Message, Signature};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [token, key, receive_id, query] = arguments.as_slice() else {
        return Err("usage: verify_callback TOKEN ENCODING_AES_KEY RECEIVE_ID QUERY < BODY".into());
    };
    let value =
        |name: &str| parameter(query, name).ok_or_else(|| format!("the query has no {name}"));
    let (msg_signature, timestamp, nonce) = (
        value("msg_signature")?,
        value("timestamp")?,
        value("nonce")?,
    );
    let signature = Signature {
        msg_signature: &msg_signature,
        timestamp: &timestamp,
        nonce: &nonce,
    };
    let crypto = CallbackCrypto::new(token, key, receive_id)?;

    if let Some(echostr) = parameter(query, "echostr") {
        println!("{}", crypto.open(&signature, &echostr)?);
        return Ok(());
    }
    let mut body = Vec::new();
    stdin().read_to_end(&mut body)?;
    let envelope = Envelope::parse(&body)?;
    let message = Message::parse(&crypto.open(&signature, &envelope.encrypt)?)?;
    println!("{}: {:?}", message.event.name(), message.event);
    Ok(())
}

/// Percent-decoded once, and `+` left alone: base64 has it.
fn parameter(query: &str, name: &str) -> Option<String> {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.into_iter().find(|(at, _)| *at == name)?;
    Some(percent_decode_str(value).decode_utf8_lossy().into_owned())
}
