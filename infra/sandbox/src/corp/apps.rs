//! What happens to a corp's apps: their callbacks, tokens, secrets, media and rivals.

use std::time::Duration;

use super::{Corp, VerbError};
use crate::callback::{self, Content, Happened, VerifyError};
use crate::journal::EventId;
use crate::model::{App, CorpState, Holder};
use crate::setup::{MemberSetup, SetupError};

/// An app outside the sandbox that answers every add from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OtherApp {
    /// How long it sends, counted from the add; until then others get 41096.
    pub sends_for: Duration,
    /// Whether its welcome arrives: then others get 41051, else the way is free.
    pub delivers: bool,
}

impl Corp {
    /// Checks an app's callback URL as the console does when it is saved: a GET with an encrypted `echostr`, to be
    /// answered with exactly its plaintext within one second (WeCom doc 90930).
    ///
    /// # Errors
    ///
    /// When it is not.
    pub async fn verify_url(&self, app: &str) -> Result<(), VerifyError> {
        callback::verify(&self.sandbox, &self.id, app).await
    }

    /// Changes where an app's events go; an empty URL ends them.
    ///
    /// # Errors
    ///
    /// When there is no such app.
    pub fn set_callback_url(&self, app: &str, url: &str) -> Result<(), VerbError> {
        self.adjust(|corp| {
            url.clone_into(&mut app_mut(corp, app)?.callback_url);
            Ok(())
        })
    }

    /// Delivers any message to an app, as an event of its own.
    ///
    /// # Errors
    ///
    /// When there is no such app.
    pub fn deliver_xml(&self, app: &str, xml: &str) -> Result<EventId, VerbError> {
        let ((), events) = self.publish(|corp, _| {
            let message = Happened {
                app: corp.app(app).ok_or(VerbError::NoApp)?.name.clone(),
                kind: "xml".to_owned(),
                content: Content::Whole(xml.to_owned()),
            };
            Ok(((), vec![message]))
        })?;
        events.first().copied().ok_or(VerbError::NoApp)
    }

    /// From now on an app outside the sandbox answers every add as well; `None` ends it.
    pub fn other_app_welcomes(&self, other: Option<OtherApp>) {
        self.sandbox.change(|state| {
            if let Some(corp) = state.corps.get_mut(&self.id) {
                corp.other_app = other;
            }
        });
    }

    /// From now on the console welcomes the member's new customers with this text, so that their events have no welcome
    /// code; `None` ends it (WeCom doc 92130).
    ///
    /// # Errors
    ///
    /// When there is no such member.
    pub fn console_welcome(&self, userid: &str, text: Option<&str>) -> Result<(), VerbError> {
        self.adjust(|corp| {
            let userid = corp
                .member(userid)
                .ok_or(VerbError::NoMember)?
                .userid
                .to_string();
            match text {
                Some(text) => corp.console_welcomes.insert(userid, text.to_owned()),
                None => corp.console_welcomes.remove(&userid),
            };
            Ok(())
        })
    }

    /// Ends the life of an app's access token: the next call with it gets 42001.
    pub fn expire_tokens(&self, app: &str) {
        let holder = self.holder(app);
        let now = self.sandbox.clock().instant();
        self.sandbox
            .change(|state| state.tokens.expire(&holder, now));
    }

    /// Makes an app's access token worthless: the next call with it gets 40014.
    pub fn revoke_tokens(&self, app: &str) {
        let holder = self.holder(app);
        self.sandbox.change(|state| state.tokens.revoke(&holder));
    }

    /// Resets an app's secret. The old secret gets 40001 and the old token 40014.
    ///
    /// # Errors
    ///
    /// When there is no such app.
    pub fn rotate_secret(&self, app: &str, secret: &str) -> Result<(), VerbError> {
        self.adjust(|corp| {
            secret.clone_into(&mut app_mut(corp, app)?.secret);
            Ok(())
        })?;
        self.revoke_tokens(app);
        Ok(())
    }

    /// Forgets every temporary medium, as WeCom does after three days.
    pub fn expire_media(&self) {
        self.sandbox.change(|state| {
            if let Some(corp) = state.corps.get_mut(&self.id) {
                corp.media.clear();
            }
        });
    }

    /// Adds a member, or changes the one of the same userid.
    ///
    /// # Errors
    ///
    /// When a department is not there.
    pub fn add_member(&self, member: MemberSetup) -> Result<(), SetupError> {
        self.sandbox.change(|state| {
            let corp = state.corps.get_mut(&self.id);
            corp.map_or(Ok(()), |corp| corp.add_member(member))
        })
    }

    fn holder(&self, app: &str) -> Holder {
        (self.id.clone(), app.to_owned())
    }
}

fn app_mut<'a>(corp: &'a mut CorpState, name: &str) -> Result<&'a mut App, VerbError> {
    corp.apps
        .iter_mut()
        .find(|app| app.name == name)
        .ok_or(VerbError::NoApp)
}
