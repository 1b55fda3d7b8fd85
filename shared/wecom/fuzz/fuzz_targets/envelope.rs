//! Any body, signed anew so that it reaches the decryption: never a panic, and never a signature error.

#![no_main]

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;
use wecom::{CallbackCrypto, Envelope, Message, OpenError, Signature};

const TOKEN: &str = "QDG6eK";
static CRYPTO: LazyLock<CallbackCrypto> = LazyLock::new(|| {
    CallbackCrypto::new(TOKEN, "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C", "wx5823bf96d3bd56c7")
        .expect("Tencent's sample key")
});

fuzz_target!(|body: &[u8]| {
    let Ok(envelope) = Envelope::parse(body) else { return };
    let mut parts = [TOKEN, "1409659813", "1372623149", envelope.encrypt.as_str()];
    parts.sort_unstable();
    let hash = digest(&SHA1_FOR_LEGACY_USE_ONLY, parts.concat().as_bytes());
    let msg_signature: String = hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    let signature =
        Signature { msg_signature: &msg_signature, timestamp: "1409659813", nonce: "1372623149" };
    match CRYPTO.open(&signature, &envelope.encrypt) {
        Ok(message) => drop(Message::parse(&message)),
        Err(error) => assert_ne!(error, OpenError::SignatureMismatch),
    }
});
