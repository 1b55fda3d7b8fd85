//! What happened, as a closed enum. The one list of events is in `event/list.rs`.

mod list;
mod table;
mod value;

pub use list::{
    AcquisitionBalanceExhausted, AcquisitionBalanceIncreased, AcquisitionBalanceLow,
    AcquisitionChatStarted, AcquisitionFriendRequested, AcquisitionLinkDeleted,
    AcquisitionLinkUnavailable, AcquisitionMessageReceived, AcquisitionPermitChanged,
    AcquisitionPriceChanged, AcquisitionProfileOpened, AcquisitionQuotaExpiring,
    AcquisitionServiceBalanceConsumed, AcquisitionServiceBalanceExhausted,
    AcquisitionServiceBalanceLow, AddedExternalContact, AddedHalfExternalContact,
    AgentShareChanged, ApprovalChanged, BatchJobFinished, CancelledAuth, ChangedAuth, ClickedMenu,
    CreatedAuth, CreatedExternalChat, CreatedExternalTag, CreatedParty, CreatedUser,
    DeletedExternalContact, DeletedExternalTag, DeletedFollowUser, DeletedParty, DeletedUser,
    DismissedExternalChat, EditedExternalContact, EnteredAgent, Event, ImageReceived,
    KfAccountAuthChanged, KfMsgOrEvent, LinkReceived, LocationReceived, LocationReported,
    MsgAuditApproved, MsgAuditNotified, ShuffledExternalTags, Subscribed, SuiteTicketReceived,
    TemplateCardUsed, TextReceived, TransferFailed, Unsubscribed, UpdatedExternalChat,
    UpdatedExternalTag, UpdatedParty, UpdatedUser, UpdatedUserTag, UploadMediaJobFinished,
    VideoReceived, ViewedMenu, VoiceReceived, WorkbenchModeSwitched,
};
pub use table::FieldList;
pub use value::{CommaSeparated, TagType};

use crate::id::{ChatId, ExternalUserId, State, TagId, UserId, WelcomeCode};

/// Gives `Some(expression)` for the listed variants and `None` for every other.
macro_rules! of_variants {
    ($event:expr, [$($variant:ident),* $(,)?], $bound:ident => $value:expr) => {
        match $event {
            $(Event::$variant($bound) => $value,)*
            _ => None,
        }
    };
}

impl Event {
    /// The member and the customer, for events about one relation.
    pub fn contact(&self) -> Option<(&UserId, &ExternalUserId)> {
        of_variants!(
            self,
            [
                AddedExternalContact,
                AddedHalfExternalContact,
                EditedExternalContact,
                DeletedExternalContact,
                DeletedFollowUser,
                TransferFailed,
                MsgAuditApproved,
                AcquisitionChatStarted,
            ],
            event => Some((&event.user_id, &event.external_user_id))
        )
    }

    /// The way that the customer came, where the event says it.
    pub fn state(&self) -> Option<&State> {
        of_variants!(
            self,
            [
                AddedExternalContact,
                AddedHalfExternalContact,
                AcquisitionProfileOpened,
                AcquisitionFriendRequested,
            ],
            event => event.state.as_ref()
        )
    }

    /// The right to send a welcome message, where the event brings it.
    pub fn welcome_code(&self) -> Option<&WelcomeCode> {
        of_variants!(
            self,
            [AddedExternalContact, AddedHalfExternalContact, MsgAuditApproved],
            event => event.welcome_code.as_ref()
        )
    }

    /// The customer group, for events about one.
    pub fn chat_id(&self) -> Option<&ChatId> {
        of_variants!(
            self,
            [CreatedExternalChat, UpdatedExternalChat, DismissedExternalChat],
            event => Some(&event.chat_id)
        )
    }

    /// The corp tag or, as WeCom calls both `Id`, the tag group, for events about one.
    pub fn tag_id(&self) -> Option<&TagId> {
        of_variants!(
            self,
            [CreatedExternalTag, UpdatedExternalTag, DeletedExternalTag],
            event => Some(&event.id)
        )
    }
}
