//! What a pending event is about: the thing that has to be read from WeCom again.
//!
//! Many events about one thing are one piece of work. The callback marks the event, the scheduled sync applies it. An
//! add is marked only if whoever tags the customer could not ask in the same moment.

use wecom::{ChatId, Event, ExternalUserId, LinkId, UserId};

/// A thing that WeCom is asked about, once for all events about it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RefreshTarget {
    /// A customer with all members who follow.
    Contact(ExternalUserId),
    /// The corp tag list: an event names a tag or a group, but an order that changes concerns all.
    Tags,
    /// A customer group.
    Group(ChatId),
    /// What is left of the uses of acquisition links.
    Balance,
    /// An acquisition link.
    Link(LinkId),
    /// A member of the address book.
    Member(UserId),
}

impl RefreshTarget {
    /// The thing that `event` is about, if there is anything to ask.
    #[must_use]
    pub fn of(event: &Event) -> Option<Self> {
        Some(match event {
            Event::AddedExternalContact(_)
            | Event::AddedHalfExternalContact(_)
            | Event::EditedExternalContact(_)
            | Event::DeletedExternalContact(_)
            | Event::DeletedFollowUser(_)
            | Event::TransferFailed(_) => Self::Contact(event.contact()?.1.clone()),
            Event::CreatedExternalTag(_)
            | Event::UpdatedExternalTag(_)
            | Event::DeletedExternalTag(_)
            | Event::ShuffledExternalTags(_) => Self::Tags,
            Event::CreatedExternalChat(_)
            | Event::UpdatedExternalChat(_)
            | Event::DismissedExternalChat(_) => Self::Group(event.chat_id()?.clone()),
            Event::AcquisitionBalanceLow(_)
            | Event::AcquisitionBalanceExhausted(_)
            | Event::AcquisitionBalanceIncreased(_)
            | Event::AcquisitionQuotaExpiring(_) => Self::Balance,
            Event::AcquisitionLinkUnavailable(event) => Self::Link(event.link_id.clone()),
            Event::AcquisitionLinkDeleted(event) => Self::Link(event.link_id.clone()),
            Event::CreatedUser(event) => Self::Member(event.user_id.clone()),
            Event::UpdatedUser(event) => {
                Self::Member(event.new_user_id.as_ref().unwrap_or(&event.user_id).clone())
            }
            Event::DeletedUser(event) => Self::Member(event.user_id.clone()),
            _ => return None,
        })
    }

    /// The word for its kind in logs and metrics.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Contact(_) => "contact",
            Self::Tags => "tags",
            Self::Group(_) => "group",
            Self::Balance => "balance",
            Self::Link(_) => "link",
            Self::Member(_) => "member",
        }
    }
}

#[cfg(test)]
mod tests {
    use wecom::Message;

    use super::*;

    fn object(fields: &str) -> Option<RefreshTarget> {
        let xml = format!(
            "<xml><ToUserName>ww1</ToUserName><CreateTime>1700000000</CreateTime><MsgType>event</MsgType>{fields}</xml>"
        );
        RefreshTarget::of(&Message::parse(&xml).unwrap().event)
    }

    #[test]
    fn events_lead_to_the_thing_that_they_are_about() {
        let contact = "<Event>change_external_contact</Event><UserID>li</UserID><ExternalUserID>wmA</ExternalUserID>";
        for change in [
            "add_external_contact",
            "add_half_external_contact",
            "edit_external_contact",
            "del_external_contact",
            "del_follow_user",
        ] {
            assert_eq!(
                object(&format!("{contact}<ChangeType>{change}</ChangeType>")),
                Some(RefreshTarget::Contact(ExternalUserId::from("wmA"))),
                "{change}"
            );
        }
        let customer = RefreshTarget::Contact(ExternalUserId::from("wmA"));
        assert_eq!(customer.as_str(), "contact", "without the id");
        let cases = [
            (
                "<Event>change_external_tag</Event><ChangeType>shuffle</ChangeType>",
                Some(RefreshTarget::Tags),
            ),
            (
                "<Event>change_external_chat</Event><ChangeType>dismiss</ChangeType><ChatId>wr1</ChatId>",
                Some(RefreshTarget::Group(ChatId::from("wr1"))),
            ),
            (
                "<Event>customer_acquisition</Event><ChangeType>balance_low</ChangeType>",
                Some(RefreshTarget::Balance),
            ),
            (
                "<Event>customer_acquisition</Event><ChangeType>delete_link</ChangeType><LinkId>l1</LinkId>",
                Some(RefreshTarget::Link(LinkId::from("l1"))),
            ),
            (
                "<Event>change_contact</Event><ChangeType>update_user</ChangeType>\
                 <UserID>li</UserID><NewUserID>Li</NewUserID>",
                Some(RefreshTarget::Member(UserId::from("li"))),
            ),
            ("<Event>msgaudit_notify</Event>", None),
        ];
        for (fields, expected) in cases {
            assert_eq!(object(fields), expected, "{fields}");
        }
    }
}
