//! A follow relation: one member and one customer, and what an event does to it.
//!
//! Events come late, twice and out of order (WeCom doc 90930), so a change carries its own time and an
//! older one never undoes a newer one.

use serde::{Deserialize, Serialize};
use wecom::{Event, ExternalUserId, State, TagId, UserId};

use crate::channel::ChannelId;
use crate::event::InboxEvent;

/// Where a relation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Member and customer are in contact.
    Active,
    /// The customer left: deleted or blocked the member. Calls about the pair still work.
    Lost,
    /// The member removed the customer. Calls about the pair answer 84061.
    Removed,
}

/// One member's relation to one customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Relation {
    /// The member, as WeCom writes the id.
    pub userid: UserId,
    /// The customer.
    pub external_userid: ExternalUserId,
    /// Where it stands.
    pub status: Status,
    /// Time of the event that says so, in Unix seconds.
    pub status_at: i64,
    /// Start of the present relation, in Unix seconds; `None` while only its end is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub added_at: Option<i64>,
    /// When the customer left last, in Unix seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost_at: Option<i64>,
    /// Whether the customer came by a half add that the member has not confirmed yet.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unconfirmed: bool,
    /// `state` of the way that the customer used last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<State>,
    /// The channel of that state, if it is ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel_id: Option<ChannelId>,
    /// Time of the add that brought the state, in Unix seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attributed_at: Option<i64>,
    /// Corp tags that are known to be on the customer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tag_ids: Vec<TagId>,
}

/// What an event says about a relation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The member.
    pub userid: UserId,
    /// The customer.
    pub external_userid: ExternalUserId,
    /// Time of the event, in Unix seconds.
    pub at: i64,
    /// What happened.
    pub kind: ChangeKind,
}

/// The ways in which a relation changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangeKind {
    /// The two came into contact.
    Added {
        /// `state` of the way used.
        state: Option<State>,
        /// Whether the member has yet to confirm.
        half: bool,
    },
    /// The customer deleted or blocked the member.
    CustomerLeft,
    /// The member deleted the customer.
    MemberRemoved,
}

impl Change {
    /// The change that `event` makes, if it is about a relation's start or end.
    #[must_use]
    pub fn of(event: &InboxEvent) -> Option<Self> {
        let (userid, external_userid) = event.event.contact()?;
        let kind = match &event.event {
            Event::AddedExternalContact(added) => ChangeKind::Added {
                state: added.state.clone(),
                half: false,
            },
            Event::AddedHalfExternalContact(added) => ChangeKind::Added {
                state: added.state.clone(),
                half: true,
            },
            Event::DeletedFollowUser(_) => ChangeKind::CustomerLeft,
            Event::DeletedExternalContact(_) => ChangeKind::MemberRemoved,
            _ => return None,
        };
        Some(Self {
            userid: userid.clone(),
            external_userid: external_userid.clone(),
            at: event.created_at,
            kind,
        })
    }

    /// The relation after this change.
    #[must_use]
    pub fn apply(&self, before: Option<&Relation>) -> Relation {
        let mut after = before.cloned().unwrap_or_else(|| self.unseen());
        match &self.kind {
            ChangeKind::Added { state, half } => self.add(&mut after, state.as_ref(), *half),
            ChangeKind::CustomerLeft => {
                after.lost_at = after.lost_at.max(Some(self.at));
                self.end(&mut after, Status::Lost);
            }
            ChangeKind::MemberRemoved => self.end(&mut after, Status::Removed),
        }
        after
    }

    fn unseen(&self) -> Relation {
        Relation {
            userid: self.userid.clone(),
            external_userid: self.external_userid.clone(),
            status: Status::Active,
            status_at: i64::MIN,
            added_at: None,
            lost_at: None,
            unconfirmed: false,
            state: None,
            channel_id: None,
            attributed_at: None,
            tag_ids: Vec::new(),
        }
    }

    fn add(&self, relation: &mut Relation, state: Option<&State>, half: bool) {
        if self.at > relation.status_at {
            if relation.status != Status::Active || relation.added_at.is_none() {
                relation.added_at = Some(self.at);
                relation.tag_ids.clear();
            }
            relation.status = Status::Active;
            relation.status_at = self.at;
            relation.unconfirmed = half;
        } else if self.at == relation.status_at && !half {
            relation.unconfirmed = false;
        }
        relation.added_at.get_or_insert(self.at);
        if let Some(state) = state.filter(|_| Some(self.at) >= relation.attributed_at) {
            relation.channel_id = ChannelId::parse(state.as_str());
            relation.state = Some(state.clone());
            relation.attributed_at = Some(self.at);
        }
    }

    /// An end wins over a start of the same second: `CreateTime` has no finer resolution, and nobody adds
    /// again within the second.
    fn end(&self, relation: &mut Relation, status: Status) {
        if self.at >= relation.status_at {
            relation.status = status;
            relation.status_at = self.at;
            relation.unconfirmed = false;
        }
    }
}

impl Relation {
    /// The channel that began the present relation, and not one before it.
    #[must_use]
    pub fn present_channel(&self) -> Option<&ChannelId> {
        self.channel_id
            .as_ref()
            .filter(|_| self.attributed_at >= self.added_at)
    }

    /// The channel to which the customer's leaving counts, and when: the one that brought the customer
    /// before.
    #[must_use]
    pub fn loss(&self) -> Option<(&ChannelId, i64)> {
        let (channel, lost_at) = (self.channel_id.as_ref()?, self.lost_at?);
        (Some(lost_at) >= self.attributed_at).then_some((channel, lost_at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "ch0000000000001";
    const B: &str = "ch0000000000002";

    fn change(at: i64, kind: ChangeKind) -> Change {
        Change {
            userid: UserId::from("zhangsan"),
            external_userid: ExternalUserId::from("wmA"),
            at,
            kind,
        }
    }

    fn add(at: i64, state: &str) -> Change {
        change(
            at,
            ChangeKind::Added {
                state: (!state.is_empty()).then(|| State::from(state)),
                half: false,
            },
        )
    }

    fn half(at: i64, state: &str) -> Change {
        change(
            at,
            ChangeKind::Added {
                state: Some(State::from(state)),
                half: true,
            },
        )
    }

    fn left(at: i64) -> Change {
        change(at, ChangeKind::CustomerLeft)
    }

    fn removed(at: i64) -> Change {
        change(at, ChangeKind::MemberRemoved)
    }

    fn after(changes: &[Change]) -> Relation {
        let mut relation = None;
        for change in changes {
            relation = Some(change.apply(relation.as_ref()));
        }
        relation.unwrap()
    }

    #[test]
    fn the_newest_event_decides_in_whatever_order_they_come() {
        let cases: [(&[Change], Status, i64); 6] = [
            (&[add(1, A)], Status::Active, 1),
            (&[add(1, A), left(5)], Status::Lost, 5),
            (&[left(5), add(1, A)], Status::Lost, 5),
            (&[add(1, A), left(5), add(9, B)], Status::Active, 9),
            (&[add(9, B), left(5), add(1, A)], Status::Active, 9),
            (&[add(5, A), removed(5)], Status::Removed, 5),
        ];
        for (changes, status, at) in cases {
            let relation = after(changes);
            assert_eq!(
                (relation.status, relation.status_at),
                (status, at),
                "{changes:?}"
            );
        }
    }

    #[test]
    fn repeating_a_change_changes_nothing() {
        for changes in [
            vec![add(1, A)],
            vec![half(1, A), add(1, A)],
            vec![add(1, A), left(5)],
            vec![left(5), add(1, A)],
        ] {
            let once = after(&changes);
            let twice: Vec<_> = changes
                .iter()
                .flat_map(|change| [change.clone(), change.clone()])
                .collect();
            assert_eq!(after(&twice), once, "{changes:?}");
            assert_eq!(changes.last().unwrap().apply(Some(&once)), once);
        }
    }

    #[test]
    fn a_full_add_without_state_keeps_the_channel_of_the_half_add() {
        let relation = after(&[half(1, A), add(3, "")]);
        assert_eq!(relation.channel_id, ChannelId::parse(A));
        assert!(!relation.unconfirmed);
        assert_eq!(relation.added_at, Some(1), "the half add counts as the add");
        assert!(after(&[half(1, A)]).unconfirmed);
        assert!(
            !after(&[add(3, A), half(1, A)]).unconfirmed,
            "a late half add does not undo the confirmation"
        );
    }

    #[test]
    fn the_last_way_used_is_the_attribution() {
        assert_eq!(
            after(&[add(1, A), left(2), add(3, B)]).channel_id,
            ChannelId::parse(B)
        );
        assert_eq!(
            after(&[add(3, B), add(1, A)]).channel_id,
            ChannelId::parse(B)
        );
        let foreign = after(&[add(1, "another-tool")]);
        assert_eq!(
            (foreign.channel_id, foreign.state),
            (None, Some(State::from("another-tool")))
        );
    }

    #[test]
    fn leaving_counts_to_the_channel_that_brought_the_customer_before() {
        let loss = |changes: &[Change]| {
            after(changes)
                .loss()
                .map(|(channel, at)| (channel.to_string(), at))
        };
        assert_eq!(loss(&[add(1, A), left(5)]), Some((A.into(), 5)));
        assert_eq!(
            loss(&[left(5), add(1, A)]),
            Some((A.into(), 5)),
            "out of order"
        );
        assert_eq!(
            loss(&[add(1, A), left(5), add(9, B)]),
            None,
            "B has lost nobody"
        );
        assert_eq!(
            loss(&[add(1, A), removed(5)]),
            None,
            "the member removed the customer"
        );
        assert_eq!(loss(&[add(1, ""), left(5)]), None, "no channel");
    }

    #[test]
    fn the_channel_of_an_earlier_relation_is_not_the_present_one() {
        assert_eq!(
            after(&[half(1, A), add(3, "")]).present_channel(),
            ChannelId::parse(A).as_ref()
        );
        assert_eq!(
            after(&[add(1, A), left(5), add(9, "")]).present_channel(),
            None
        );
    }

    #[test]
    fn a_new_start_has_no_tags_of_the_old_one() {
        let mut relation = after(&[add(1, A)]);
        relation.tag_ids = vec![TagId::from("et1")];
        assert_eq!(add(1, A).apply(Some(&relation)).tag_ids.len(), 1);
        let again = add(9, A).apply(Some(&left(5).apply(Some(&relation))));
        assert!(again.tag_ids.is_empty());
        assert_eq!(again.added_at, Some(9));
    }
}
