//! The outer body of a callback (WeCom doc 90930): who it is for, and the ciphertext.

use crate::fields::{Fields, FieldsError};

/// What WeCom posts, before it is verified and opened. Nothing in it is to be trusted until then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// The ciphertext in base64; the signature covers exactly this text.
    pub encrypt: String,
    /// The corp id; the suite id for the commands of a third-party suite.
    pub to_user_name: Option<String>,
    /// The app's number. WeCom leaves it out or empty where an event belongs to no app.
    pub agent_id: Option<String>,
}

/// Why a body is no envelope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// The body is not UTF-8.
    #[error("the body is not UTF-8")]
    NotUtf8,
    /// The body is neither XML nor a JSON object.
    #[error("the body is {0}")]
    Malformed(#[from] FieldsError),
    /// There is no ciphertext in it.
    #[error("the body has no Encrypt")]
    NoEncrypt,
}

impl Envelope {
    /// Reads XML or, if it starts with `{`, JSON with `encrypt` or `Encrypt`. A byte order mark and white space around
    /// it are tolerated. The size of the body is the caller's to limit.
    ///
    /// # Errors
    /// One [`EnvelopeError`] per cause.
    ///
    /// # Examples
    /// ```
    /// use wecom::{Envelope, EnvelopeError};
    ///
    /// let body = b"<xml><ToUserName>ww1</ToUserName><Encrypt>QQ==</Encrypt></xml>";
    /// let envelope = Envelope::parse(body)?;
    /// assert_eq!(envelope.encrypt, "QQ==");
    /// assert_eq!(envelope.to_user_name.as_deref(), Some("ww1"));
    /// assert_eq!(Envelope::parse(b"{}"), Err(EnvelopeError::NoEncrypt));
    /// # Ok::<(), EnvelopeError>(())
    /// ```
    pub fn parse(body: &[u8]) -> Result<Self, EnvelopeError> {
        let text = str::from_utf8(body).map_err(|_| EnvelopeError::NotUtf8)?;
        let fields = Fields::parse(text)?;
        let either = |xml: &str, json: &str| {
            let value = fields.get(xml).or_else(|| fields.get(json))?.trim();
            (!value.is_empty()).then(|| value.to_owned())
        };
        Ok(Self {
            encrypt: either("Encrypt", "encrypt").ok_or(EnvelopeError::NoEncrypt)?,
            to_user_name: either("ToUserName", "tousername"),
            agent_id: either("AgentID", "agentid"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Envelope, EnvelopeError};

    #[test]
    fn xml_and_json_are_read() {
        let cases = [
            "<xml><ToUserName><![CDATA[ww1]]></ToUserName><Encrypt><![CDATA[QQ==]]></Encrypt></xml>",
            "\u{feff}\n<xml>\n<Encrypt>\n<![CDATA[QQ==]]>\n</Encrypt>\
             <ToUserName>ww1</ToUserName><AgentID></AgentID></xml>\n",
            r#"{"encrypt":"QQ==","tousername":"ww1","agentid":""}"#,
            r#" {"Encrypt":"QQ==","ToUserName":"ww1"}"#,
        ];
        for body in cases {
            let envelope = Envelope::parse(body.as_bytes()).expect(body);
            assert_eq!(
                (envelope.encrypt.as_str(), envelope.agent_id),
                ("QQ==", None),
                "{body}"
            );
            assert_eq!(envelope.to_user_name.as_deref(), Some("ww1"), "{body}");
        }
        let numbered = Envelope::parse(br#"{"encrypt":"QQ==","agentid":218}"#).unwrap();
        assert_eq!(numbered.agent_id.as_deref(), Some("218"));
    }

    #[test]
    fn other_bodies_are_refused_by_cause() {
        let check = |body: &[u8]| Envelope::parse(body).unwrap_err();
        assert_eq!(check(b"\xff\xfe"), EnvelopeError::NotUtf8);
        assert!(matches!(check(b""), EnvelopeError::Malformed(_)));
        assert!(matches!(check(b"[1]"), EnvelopeError::Malformed(_)));
        assert_eq!(check(b"<xml><Encrypt/></xml>"), EnvelopeError::NoEncrypt);
        assert_eq!(check(b"{}"), EnvelopeError::NoEncrypt);
    }
}
