//! Actions of a customer, and assertions about one: `customer.sees("Hello")`, `customer.outcome("welcome", "sent")`.

use std::collections::BTreeSet;

use serde_json::Value;
use wecom_sandbox::{Body, EventId, Sender};

use crate::world::World;

/// A customer of a member.
#[derive(Clone)]
pub(crate) struct Customer<'a> {
    pub(crate) world: &'a World,
    pub(crate) external_userid: String,
    pub(crate) userid: String,
    pub(crate) events: Vec<EventId>,
}

impl Customer<'_> {
    /// The texts that the bundle sent.
    pub(crate) fn texts(&self) -> Vec<String> {
        let chat = self.world.corp.chat(&self.external_userid, &self.userid);
        let from_app = chat
            .into_iter()
            .filter(|message| matches!(message.from, Sender::App(_)));
        from_app
            .filter_map(|message| match message.body {
                Body::Text { content } => Some(content),
                _ => None,
            })
            .collect()
    }

    /// Waits until the bundle has sent exactly this text.
    pub(crate) async fn sees(&self, text: &str) {
        self.world
            .until(&format!("the customer sees {text}"), |_| {
                self.texts() == [text]
            })
            .await;
    }

    /// Waits until the customer has exactly the tags with these names, in any order.
    pub(crate) async fn is_tagged(&self, names: &[&str]) {
        let names: BTreeSet<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let current_names = || {
            let tags = self.world.corp.tags(&self.external_userid, &self.userid);
            tags.into_iter()
                .map(|tag| tag.name)
                .collect::<BTreeSet<_>>()
        };
        self.world
            .until(&format!("the customer has {names:?}"), |_| {
                current_names() == names
            })
            .await;
    }

    /// The admin API's path of this customer.
    pub(crate) fn path(&self) -> String {
        format!("contacts/{}", self.external_userid)
    }

    /// Waits until the newest event of this name (`add_external_contact`, …) has this outcome of `kind`
    /// (`welcome` or `tags`), and returns the outcome.
    pub(crate) async fn outcome_of(&self, event: &str, kind: &str, outcome: &str) -> Value {
        let of_event = |contact: &Value| {
            let entries = contact["timeline"].as_array().cloned().unwrap_or_default();
            let entry = entries.into_iter().find(|entry| entry["event"] == event);
            entry.map(|entry| entry[kind].clone()).unwrap_or_default()
        };
        // An outcome that is not stored yet is also shown as pending, but without a time.
        let is_stored = |contact: &Value| {
            let entry = of_event(contact);
            entry["outcome"] == outcome && entry["at"].is_number()
        };
        let contact = self
            .world
            .eventually(&format!("{kind} {outcome}"), &self.path(), is_stored)
            .await;
        of_event(&contact)
    }

    /// The same for the add.
    pub(crate) async fn outcome(&self, kind: &str, outcome: &str) -> Value {
        self.outcome_of("add_external_contact", kind, outcome).await
    }

    /// Waits until the relation has this status.
    pub(crate) async fn relation_is(&self, status: &str) -> Value {
        let is = |contact: &Value| contact["relations"][0]["status"] == status;
        self.world
            .eventually(&format!("a relation that is {status}"), &self.path(), is)
            .await
    }
    /// The customer deletes the member.
    pub(crate) fn leaves(&self) -> Vec<EventId> {
        let left = self
            .world
            .corp
            .customer_leaves(&self.external_userid, &self.userid);
        left.unwrap().events
    }

    /// The member deletes the customer.
    pub(crate) fn is_removed(&self) -> Vec<EventId> {
        let removed = self
            .world
            .corp
            .member_removes(&self.external_userid, &self.userid);
        removed.unwrap().events
    }

    /// The member confirms a half add.
    pub(crate) fn is_confirmed(&self) -> Vec<EventId> {
        let confirmed = self
            .world
            .corp
            .member_confirms(&self.external_userid, &self.userid);
        confirmed.unwrap().events
    }

    /// The relation as the admin API returns it.
    pub(crate) async fn relation(&self) -> Value {
        let contact = self.world.get(&self.path()).await;
        let relations = contact["relations"].as_array().unwrap();
        let own = relations
            .iter()
            .find(|relation| relation["userid"] == self.userid.as_str());
        own.cloned().unwrap_or_default()
    }

    /// Waits until its tags have an outcome in the table, and returns it.
    pub(crate) async fn has_outcome_of_tags(&self) -> Value {
        let contact = self
            .world
            .eventually("an outcome of tags", &self.path(), |contact| {
                contact["timeline"][0]["tags"]["at"].is_number()
            })
            .await;
        contact["timeline"][0]["tags"].clone()
    }

    /// Waits until its tags are left to the sync because WeCom takes no calls, and returns the outcome that says so.
    pub(crate) async fn is_postponed(&self) -> Value {
        let tags = self.has_outcome_of_tags().await;
        assert_eq!(tags["outcome"], "pending", "{tags}");
        assert!(tags["reason"].is_string(), "{tags}");
        tags
    }
}
