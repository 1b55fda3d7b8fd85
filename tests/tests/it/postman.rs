//! Hand-made callbacks: encrypted with the sandbox's own crypto and sent in any form a test needs, with the complete
//! answer returned.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use scrm_local::operator::http_client;
use serde_json::json;
use wecom_sandbox::AppSetup;
use wecom_sandbox::crypto::Seal;

use crate::world::World;

pub(crate) const TIMESTAMP: &str = "1700000000";
pub(crate) const NONCE: &str = "1372623149";

/// Delivers callbacks to one app.
pub(crate) struct Postman {
    http: reqwest::Client,
    setup: AppSetup,
    corp: String,
    seal: Seal,
}

/// A delivery as it is sent: the ciphertext, and the query with its signature.
#[derive(Clone)]
pub(crate) struct Sealed {
    pub(crate) encrypt: String,
    pub(crate) query: String,
}

/// A status and a body.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer(pub(crate) u16, pub(crate) String);

impl Postman {
    /// To the first app of `world`.
    pub(crate) fn of(world: &World) -> Self {
        Self::to(world, 0)
    }

    /// To one of the apps of `world`, in the order of their names.
    pub(crate) fn to(world: &World, app: usize) -> Self {
        let mut corps = world.stack.keys.sandbox_corps(&world.stack.url);
        let corp = corps.swap_remove(0);
        let setup = corp.apps[app].clone();
        Self::with(setup, corp.corp_id)
    }

    /// The same postman with another token, as after a rotation.
    pub(crate) fn with_token(mut self, token: &str) -> Self {
        token.clone_into(&mut self.setup.token);
        Self::with(self.setup, self.corp)
    }

    fn with(setup: AppSetup, corp: String) -> Self {
        let seal = Seal::new(&setup.token, &setup.encoding_aes_key, &corp).unwrap();
        Self {
            http: http_client(),
            setup,
            corp,
            seal,
        }
    }

    /// Where the app's callbacks go.
    pub(crate) fn url(&self) -> &str {
        &self.setup.callback_url
    }

    /// Encrypts and signs a message.
    pub(crate) fn seal(&self, message: &str) -> Sealed {
        self.sign(self.encrypt(message))
    }

    /// Encrypts a message.
    pub(crate) fn encrypt(&self, message: impl AsRef<[u8]>) -> String {
        self.seal.encrypt([7; 16], message)
    }

    /// Encrypts a message for another receiver.
    pub(crate) fn encrypt_for(&self, receiver: &str, message: &str) -> String {
        let AppSetup {
            token,
            encoding_aes_key,
            ..
        } = &self.setup;
        let seal = Seal::new(token, encoding_aes_key, receiver).unwrap();
        seal.encrypt([7; 16], message)
    }

    /// Encrypts a message and changes one byte of the ciphertext: in CBC mode, that changes the same bits of the
    /// plaintext byte 16 places further on.
    pub(crate) fn encrypt_flipped(&self, message: &str, at: isize, bits: u8) -> String {
        let mut bytes = STANDARD.decode(self.encrypt(message)).unwrap();
        let length = bytes.len().cast_signed();
        bytes[at.rem_euclid(length).cast_unsigned()] ^= bits;
        STANDARD.encode(bytes)
    }

    /// Signs any text as if it were a ciphertext.
    pub(crate) fn sign(&self, encrypt: String) -> Sealed {
        self.sign_with_nonce(encrypt, NONCE)
    }

    /// The same under a nonce.
    pub(crate) fn sign_with_nonce(&self, encrypt: String, nonce: &str) -> Sealed {
        let signature = self.seal.signature(TIMESTAMP, nonce, &encrypt);
        Sealed {
            query: format!("msg_signature={signature}&timestamp={TIMESTAMP}&nonce={nonce}"),
            encrypt,
        }
    }

    /// The body of WeCom's request.
    pub(crate) fn envelope(&self, encrypt: &str) -> String {
        format!(
            "<xml><ToUserName><![CDATA[{}]]></ToUserName><AgentID><![CDATA[{}]]></AgentID>\
             <Encrypt><![CDATA[{encrypt}]]></Encrypt></xml>",
            self.corp, self.setup.agent_id
        )
    }

    /// Delivers a message as WeCom does.
    pub(crate) async fn deliver(&self, message: &str) -> Answer {
        let sealed = self.seal(message);
        self.post(&sealed.query, self.envelope(&sealed.encrypt))
            .await
    }

    /// Signs and delivers any text in place of a ciphertext.
    pub(crate) async fn deliver_encrypted(&self, encrypt: String) -> Answer {
        let sealed = self.sign(encrypt);
        self.post(&sealed.query, self.envelope(&sealed.encrypt))
            .await
    }

    /// Posts a body as text.
    pub(crate) async fn post(&self, query: &str, body: impl Into<reqwest::Body>) -> Answer {
        self.call(Method::POST, query, "text/xml", body).await
    }

    /// Requests the URL verification with this query.
    pub(crate) async fn get(&self, query: &str) -> Answer {
        self.call(Method::GET, query, "text/plain", "").await
    }

    pub(crate) async fn call(
        &self,
        method: Method,
        query: &str,
        content_type: &str,
        body: impl Into<reqwest::Body>,
    ) -> Answer {
        let url = format!("{}?{query}", self.url());
        let request = self
            .http
            .request(method, url)
            .header("content-type", content_type);
        Answer::of(request.body(body).send().await.unwrap()).await
    }
}

impl Answer {
    pub(crate) async fn of(answer: reqwest::Response) -> Self {
        Self(answer.status().as_u16(), answer.text().await.unwrap())
    }

    /// The answer to an event that is stored.
    pub(crate) fn stored() -> Self {
        Self(200, String::new())
    }

    /// A refusal: only the error code.
    pub(crate) fn refused(status: u16, code: &str) -> Self {
        Self(status, json!({"error": code}).to_string())
    }
}

/// An add of one customer, without welcome code.
pub(crate) fn added(customer: &str) -> String {
    event("change_external_contact", "add_external_contact", customer)
}

/// Any event about a customer, all in the same second.
pub(crate) fn event(name: &str, change: &str, customer: &str) -> String {
    format!(
        "<xml><ToUserName><![CDATA[ww]]></ToUserName><FromUserName><![CDATA[sys]]></FromUserName>\
         <CreateTime>{TIMESTAMP}</CreateTime><MsgType><![CDATA[event]]></MsgType>\
         <Event><![CDATA[{name}]]></Event><ChangeType><![CDATA[{change}]]></ChangeType>\
         <UserID><![CDATA[zhangsan]]></UserID><ExternalUserID><![CDATA[{customer}]]></ExternalUserID></xml>"
    )
}
