//! A sealed message in the shapes in which it travels: WeCom's delivery, and the passive reply.

use serde_json::{Value, json};
use std::fmt::Write;

/// An encrypted and signed message. It reveals nothing without the key, so it may be printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// The ciphertext in base64.
    pub encrypt: String,
    /// Lower-case hex of the signature.
    pub msg_signature: String,
    /// Unix seconds as text.
    pub timestamp: String,
    /// The nonce as it was given.
    pub nonce: String,
}

impl Sealed {
    /// The passive reply of an app (WeCom doc 90930).
    pub fn to_reply_xml(&self) -> String {
        xml(&[
            ("Encrypt", &self.encrypt),
            ("MsgSignature", &self.msg_signature),
            ("TimeStamp", &self.timestamp),
            ("Nonce", &self.nonce),
        ])
    }

    /// The passive reply of an AI bot; `timestamp` is a number there (WeCom doc 101033).
    pub fn to_reply_json(&self) -> String {
        let timestamp = self
            .timestamp
            .parse::<i64>()
            .map_or_else(|_| json!(self.timestamp), Value::from);
        json!({
            "encrypt": self.encrypt,
            "msgsignature": self.msg_signature,
            "timestamp": timestamp,
            "nonce": self.nonce,
        })
        .to_string()
    }

    /// The body that WeCom posts to a callback (WeCom doc 90930). `agent_id` is left out where the event belongs to
    /// no app.
    pub fn to_delivery_xml(&self, to_user_name: &str, agent_id: Option<&str>) -> String {
        let mut elements = vec![("ToUserName", to_user_name)];
        elements.extend(agent_id.map(|id| ("AgentID", id)));
        elements.push(("Encrypt", &self.encrypt));
        xml(&elements)
    }

    /// The same body in JSON, as Tencent's samples write it (WeCom doc 90238; not offered in the console).
    pub fn to_delivery_json(&self, to_user_name: &str, agent_id: Option<&str>) -> String {
        let mut body = json!({"tousername": to_user_name, "encrypt": self.encrypt});
        if let Some(id) = agent_id {
            body["agentid"] = id.parse::<i64>().map_or_else(|_| json!(id), Value::from);
        }
        body.to_string()
    }
}

/// One flat XML document; each value in CDATA, and a `]]>` inside a value in two of them.
fn xml(elements: &[(&str, &str)]) -> String {
    let mut text = String::from("<xml>");
    for (name, value) in elements {
        let value = value.replace("]]>", "]]]]><![CDATA[>");
        // Writing to a string cannot fail.
        let _ = write!(text, "<{name}><![CDATA[{value}]]></{name}>");
    }
    text.push_str("</xml>");
    text
}

#[cfg(test)]
mod tests {
    use super::Sealed;
    use crate::{Envelope, Fields};

    fn sealed() -> Sealed {
        Sealed {
            encrypt: "QUJD".into(),
            msg_signature: "ab".repeat(20),
            timestamp: "1409659813".into(),
            nonce: "n]]>n".into(),
        }
    }

    #[test]
    fn deliveries_are_envelopes() {
        for body in [
            sealed().to_delivery_xml("ww1", Some("1000002")),
            sealed().to_delivery_json("ww1", Some("1000002")),
        ] {
            let envelope = Envelope::parse(body.as_bytes()).unwrap();
            assert_eq!(envelope.encrypt, "QUJD");
            assert_eq!(envelope.to_user_name.as_deref(), Some("ww1"));
            assert_eq!(envelope.agent_id.as_deref(), Some("1000002"));
        }
        let body = sealed().to_delivery_xml("ww1", None);
        assert_eq!(Envelope::parse(body.as_bytes()).unwrap().agent_id, None);
    }

    #[test]
    fn replies_carry_the_signature_and_any_nonce() {
        let xml = Fields::parse_xml(&sealed().to_reply_xml()).unwrap();
        assert_eq!(xml.get("Nonce"), Some("n]]>n"));
        assert_eq!(xml.get("MsgSignature"), Some("ab".repeat(20).as_str()));
        assert!(
            sealed()
                .to_reply_json()
                .contains(r#""timestamp":1409659813"#)
        );
    }
}
