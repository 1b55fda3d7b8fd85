//! The JSON of a relation without what stands in it or in its row twice: a row below 1 KB is written for one unit.

use domain::channel::ChannelId;
use domain::error::StoreError;
use domain::relation::Relation;
use serde_json::{Map, Value};
use wecom::ExternalUserId;

const CUSTOMER: &str = "external_userid";
const CONTACT: &str = "contact";
const STATE: &str = "state";
const CHANNEL: &str = "channel_id";

/// The relation as it is stored.
pub(super) fn text(relation: &Relation) -> Result<String, StoreError> {
    let unwritable = |error: serde_json::Error| StoreError::Unreadable(error.to_string());
    let mut value = serde_json::to_value(relation).map_err(unwritable)?;
    if let Some(fields) = value.as_object_mut() {
        fields.remove(CUSTOMER);
        if fields.get(CHANNEL) == fields.get(STATE) {
            fields.remove(CHANNEL);
        }
        if let Some(contact) = fields.get_mut(CONTACT).and_then(Value::as_object_mut) {
            contact.remove(CUSTOMER);
            contact.retain(|_, value| *value != "");
        }
    }
    Ok(value.to_string())
}

/// The relation of a customer as [`text`] made it.
pub(super) fn relation(text: &str, customer: &ExternalUserId) -> Result<Relation, StoreError> {
    let unreadable = || StoreError::Unreadable("a follow relation".into());
    let mut fields: Map<String, Value> = serde_json::from_str(text).map_err(|_| unreadable())?;
    let customer = Value::from(customer.as_str());
    if let Some(contact) = fields.get_mut(CONTACT).and_then(Value::as_object_mut) {
        contact.insert(CUSTOMER.to_owned(), customer.clone());
    }
    fields.insert(CUSTOMER.to_owned(), customer);
    let state = fields.get(STATE).and_then(Value::as_str);
    if let Some(channel) = state.and_then(ChannelId::parse) {
        let channel = Value::from(channel.as_str());
        fields.entry(CHANNEL).or_insert(channel);
    }
    serde_json::from_value(Value::Object(fields)).map_err(|_| unreadable())
}

#[cfg(test)]
mod tests {
    use domain::relation::{Change, ChangeKind};
    use wecom::api::contact::ExternalContact;
    use wecom::{State, UserId};

    use super::*;

    #[test]
    fn a_relation_is_read_as_it_was_and_says_nothing_twice() {
        let customer = ExternalUserId::from("wmA");
        let state = |state: &str| Change {
            userid: UserId::from("ZhangSan"),
            external_userid: customer.clone(),
            at: 1_700_000_000,
            kind: ChangeKind::Added {
                state: Some(State::from(state)),
                half: false,
            },
        };
        for (state, of_channel) in [
            (state("ch0000000000001"), true),
            (state("elsewhere"), false),
        ] {
            let mut before = state.apply(None);
            before.contact = Some(ExternalContact {
                external_user_id: customer.clone(),
                name: "王小明".into(),
                ..ExternalContact::default()
            });
            let text = text(&before).unwrap();
            assert!(!text.contains("wmA") && !text.contains(r#":"""#), "{text}");
            assert!(!text.contains(CHANNEL), "{text}");
            let after = relation(&text, &customer).unwrap();
            assert_eq!(after, before);
            assert_eq!(after.channel_id.is_some(), of_channel);
        }
    }
}
