//! Work that is due at a time: a channel at a boundary of its schedule, media that expire, tags to apply again.

use wecom::ExternalUserId;

use crate::channel::ChannelId;
use crate::event::EventId;
use crate::welcome::WelcomeOwner;

/// Where a list of what is due goes on; its content is the store's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueCursor(pub Vec<String>);

/// Something that is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Due {
    /// A channel: a boundary of its schedule, or media of its welcome.
    Channel(ChannelId),
    /// Media of a default welcome.
    Welcome(WelcomeOwner),
    /// Tags that could not be applied.
    Tags {
        /// The customer.
        external_userid: ExternalUserId,
        /// The add.
        event: EventId,
    },
}
