//! Sending one event: encrypted, signed, with up to three attempts (WeCom doc 90930).

use std::time::SystemTime;

use super::event::push_element;
use crate::Sandbox;
use crate::journal::{Delivery, EventId};
use crate::model::moment::unix_s_of;
use crate::model::{App, State};

/// Attempts in total (WeCom doc 90238).
const ATTEMPTS: u32 = 3;

/// Delivers one copy: up to three attempts, each under a nonce of its own.
pub(crate) async fn deliver(sandbox: Sandbox, id: EventId) {
    for attempt in 1..=ATTEMPTS {
        let Some(request) = sandbox.change(|state| Outgoing::seal(state, id, sandbox.now())) else {
            break;
        };
        let sent = sandbox.clock().instant();
        let status = request.post(&sandbox).await;
        let delivery = Delivery {
            event: id,
            attempt,
            nonce: request.nonce,
            status,
            duration: sandbox.clock().since(sent),
        };
        let accepted = delivery.accepted();
        sandbox.change(|state| {
            if let Some(event) = state.journal.event_mut(id) {
                event.attempts.push(delivery);
            }
        });
        if accepted {
            break;
        }
    }
    sandbox.change(|state| {
        if let Some(event) = state.journal.event_mut(id) {
            event.under_way -= 1;
        }
    });
}

/// One request to a callback.
struct Outgoing {
    url: String,
    nonce: String,
    body: String,
}

impl Outgoing {
    fn seal(state: &mut State, id: EventId, now: SystemTime) -> Option<Self> {
        let event = state.journal.event(id)?;
        let (corp, app, xml) = (event.corp.clone(), event.app.clone(), event.xml.clone());
        let corp = state.corps.get(&corp)?;
        let app = corp.app(&app)?;
        let nonce = state.ids.nonce();
        let encrypted = app.seal.encrypt(state.ids.bytes(), &xml);
        let mut body = String::from("<xml>");
        push_element(&mut body, "ToUserName", &corp.id);
        push_element(&mut body, "AgentID", &app.agent_id.to_string());
        push_element(&mut body, "Encrypt", &encrypted);
        body.push_str("</xml>");
        Some(Self {
            url: signed_url(app, &nonce, &encrypted, now),
            nonce,
            body,
        })
    }

    /// The status of the answer, if there is one in time.
    async fn post(&self, sandbox: &Sandbox) -> Option<u16> {
        let limit = sandbox.options().callback_timeout;
        let answered = self.answered(sandbox);
        sandbox.clock().timeout(limit, answered).await.ok()?.ok()
    }

    /// The status of the answer, once its body has come as well: without it there is no answer.
    async fn answered(&self, sandbox: &Sandbox) -> reqwest::Result<u16> {
        let client = sandbox.clients().for_url(&self.url)?;
        let request = client.post(&self.url).header("content-type", "text/xml");
        let answer = request.body(self.body.clone()).send().await?;
        let status = answer.status().as_u16();
        answer.bytes().await.map(|_| status)
    }
}

/// The callback with signature, time and nonce, to which more may be appended.
pub(super) fn signed_url(app: &App, nonce: &str, encrypted: &str, now: SystemTime) -> String {
    let timestamp = unix_s_of(now).to_string();
    let signature = app.seal.signature(&timestamp, nonce, encrypted);
    let join = if app.callback_url.contains('?') {
        '&'
    } else {
        '?'
    };
    let url = &app.callback_url;
    format!("{url}{join}msg_signature={signature}&timestamp={timestamp}&nonce={nonce}")
}
