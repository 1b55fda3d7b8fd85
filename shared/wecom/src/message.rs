//! A decrypted message: all its fields, and the event that they are.

use crate::event::Event;
use crate::fields::{Fields, FieldsError};
use crate::id::{CorpId, UserId};

/// What is inside an envelope. `Debug` shows ids, and hides names, texts and codes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Everything that WeCom sent, also of events that this crate does not know.
    pub fields: Fields,
    /// The event, [`Event::Unknown`] if it is none of the list.
    pub event: Event,
}

/// Why a plaintext is no message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the message is {0}")]
pub struct MessageError(#[from] FieldsError);

impl Message {
    /// Reads a decrypted message: XML, or JSON if it starts with `{`.
    ///
    /// # Errors
    /// Only if it is not well-formed. An event that is unknown, or known and short of a field, is
    /// [`Event::Unknown`].
    ///
    /// # Examples
    /// ```
    /// use wecom::{Event, Message};
    ///
    /// let message = Message::parse(
    ///     "<xml><CreateTime>1403610513</CreateTime><MsgType>event</MsgType>\
    ///      <Event>change_external_contact</Event><ChangeType>del_follow_user</ChangeType>\
    ///      <UserID>zhangsan</UserID><ExternalUserID>wmA</ExternalUserID></xml>",
    /// )?;
    /// assert_eq!(message.create_time(), Some(1_403_610_513));
    /// assert_eq!(message.event.name(), "del_follow_user");
    /// assert!(matches!(message.event, Event::DeletedFollowUser { .. }));
    /// # Ok::<(), wecom::MessageError>(())
    /// ```
    pub fn parse(plaintext: &str) -> Result<Self, MessageError> {
        Ok(Self::from_fields(Fields::parse(plaintext)?))
    }

    /// The same from fields that were stored.
    pub fn from_fields(fields: Fields) -> Self {
        let event = Event::read(&fields);
        Self { fields, event }
    }

    /// When it happened in Unix seconds: `CreateTime`, or `TimeStamp` in the commands of a suite.
    pub fn create_time(&self) -> Option<i64> {
        self.either("CreateTime", "TimeStamp")?.trim().parse().ok()
    }

    /// The receiver: the corp id, encrypted (`wp…`) towards agent-developed apps.
    pub fn to_user_name(&self) -> Option<&str> {
        self.value("ToUserName")
    }

    /// The sender: `sys` for customer contact, else the member who wrote.
    pub fn from_user_name(&self) -> Option<UserId> {
        self.value("FromUserName").map(UserId::from)
    }

    /// The app's number, where the event belongs to one.
    pub fn agent_id(&self) -> Option<&str> {
        self.value("AgentID")
    }

    /// The suite, in its commands.
    pub fn suite_id(&self) -> Option<&str> {
        self.value("SuiteId")
    }

    /// The company that uses the suite, in its commands.
    pub fn auth_corp_id(&self) -> Option<CorpId> {
        self.value("AuthCorpId").map(CorpId::from)
    }

    fn value(&self, path: &str) -> Option<&str> {
        self.fields.get(path).filter(|value| !value.is_empty())
    }

    fn either(&self, first: &str, second: &str) -> Option<&str> {
        self.value(first).or_else(|| self.value(second))
    }
}
