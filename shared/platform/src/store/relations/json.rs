//! The JSON of a relation in its row. What is in the row already is left out, and so are empty fields: a row below 1 KB
//! is written for one unit.

use domain::channel::ChannelId;
use domain::error::StoreError;
use domain::instant::{self, UnixSeconds};
use domain::relation::{
    Attribution, Evidence, FollowSnapshot, Lifecycle, Relation, RelationKey, Snapshot, Stage,
    Status, Tags,
};
use serde::{Deserialize, Serialize};
use wecom::api::contact::{ContactType, ExternalContact, Gender};
use wecom::{ExternalUserId, Private, State, TagId, UnionId, UserId};

/// A relation as it is stored. The fields are those of every release so far; new ones need a default.
#[derive(Serialize, Deserialize)]
struct StoredRelation {
    userid: UserId,
    status: StoredStatus,
    status_at: UnixSeconds,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    added_at: Option<UnixSeconds>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lost_at: Option<UnixSeconds>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    unconfirmed: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    state: Option<State>,
    /// Left out where the state says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    channel_id: Option<ChannelId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    attributed_at: Option<UnixSeconds>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    tag_ids: Vec<TagId>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    marked: Vec<TagId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    createtime: Option<UnixSeconds>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    add_way: Option<i64>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    oper_userid: String,
    #[serde(default, skip_serializing_if = "Private::is_empty")]
    remark: Private,
    #[serde(default, skip_serializing_if = "Private::is_empty")]
    description: Private,
    #[serde(default, skip_serializing_if = "Private::is_empty")]
    remark_corp_name: Private,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    remark_mobiles: Vec<Private>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    contact: Option<StoredContact>,
    /// The second, and the microseconds beyond it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    observed_at: Option<UnixSeconds>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    observed_us: Option<u32>,
    /// Whether the end was inferred.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    concluded: bool,
}

#[derive(Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StoredStatus {
    Active,
    Lost,
    Removed,
}

/// The customer as a person, without the id, which is in the row.
#[derive(Serialize, Deserialize)]
#[serde(default)]
#[derive(Default)]
struct StoredContact {
    #[serde(skip_serializing_if = "Private::is_empty")]
    name: Private,
    #[serde(skip_serializing_if = "Private::is_empty")]
    avatar: Private,
    #[serde(rename = "type")]
    kind: ContactType,
    gender: Gender,
    #[serde(skip_serializing_if = "UnionId::is_empty")]
    unionid: UnionId,
    #[serde(skip_serializing_if = "String::is_empty")]
    position: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    corp_name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    corp_full_name: String,
}

/// The relation as it is stored.
pub(super) fn write(relation: &Relation) -> Result<String, StoreError> {
    serde_json::to_string(&StoredRelation::from(relation))
        .map_err(|error| StoreError::unwritable("a follow relation", error))
}

/// The relation of a customer as [`write`] made it.
pub(super) fn read(text: &str, customer: &ExternalUserId) -> Result<Relation, StoreError> {
    let stored: StoredRelation = serde_json::from_str(text)
        .map_err(|error| StoreError::unreadable("a follow relation", error))?;
    Ok(stored.into_relation(customer))
}

impl From<&Relation> for StoredRelation {
    fn from(relation: &Relation) -> Self {
        let lifecycle = &relation.lifecycle;
        let attribution = relation.attribution.clone();
        let (state, channel, since) = match attribution {
            Some(way) => (way.state, way.channel, Some(way.since)),
            None => (None, None, None),
        };
        let says_channel = |channel: &ChannelId| {
            let state = state.as_ref();
            state.is_some_and(|state| state.as_str() == channel.as_str())
        };
        let channel_id = channel.filter(|channel| !says_channel(channel));
        let Snapshot {
            follow,
            contact,
            observed_at,
        } = relation.snapshot.clone();
        let (observed_at, observed_us) = observed_at.map(instant::split).unzip();
        Self {
            userid: relation.key.member.clone(),
            status: lifecycle.status().into(),
            status_at: lifecycle.known_at(),
            added_at: lifecycle.added_at,
            lost_at: lifecycle.lost_at,
            unconfirmed: lifecycle.is_unconfirmed(),
            state,
            channel_id,
            attributed_at: since,
            tag_ids: relation.tags.current.clone(),
            marked: relation.tags.applied_by_bundle.clone(),
            createtime: follow.createtime,
            add_way: follow.add_way,
            oper_userid: follow.oper_userid,
            remark: follow.remark,
            description: follow.description,
            remark_corp_name: follow.remark_corp_name,
            remark_mobiles: follow.remark_mobiles,
            contact: contact.map(StoredContact::from),
            observed_at,
            observed_us,
            concluded: lifecycle.end_is_inferred(),
        }
    }
}

impl StoredRelation {
    fn into_relation(self, customer: &ExternalUserId) -> Relation {
        let lifecycle = Lifecycle {
            stage: self.stage(),
            added_at: self.added_at,
            lost_at: self.lost_at,
        };
        let said = self.state.as_ref().map(State::as_str);
        let channel = self.channel_id.or_else(|| said.and_then(ChannelId::parse));
        // A customer who came back without a state has only the time of the way before: an older add does not replace
        // it.
        let has_way = self.state.is_some() || channel.is_some() || self.attributed_at.is_some();
        let attribution = has_way.then(|| Attribution {
            state: self.state,
            channel,
            since: self.attributed_at.unwrap_or_default(),
        });
        let observed_at = self.observed_at;
        Relation {
            key: RelationKey::new(self.userid, customer.clone()),
            lifecycle,
            attribution,
            snapshot: Snapshot {
                follow: FollowSnapshot {
                    createtime: self.createtime,
                    add_way: self.add_way,
                    oper_userid: self.oper_userid,
                    remark: self.remark,
                    description: self.description,
                    remark_corp_name: self.remark_corp_name,
                    remark_mobiles: self.remark_mobiles,
                },
                contact: self.contact.map(|contact| contact.into_contact(customer)),
                observed_at: observed_at.map(|at| instant::join(at, self.observed_us)),
            },
            tags: Tags {
                current: self.tag_ids,
                applied_by_bundle: self.marked,
            },
            counted: None,
        }
    }

    fn stage(&self) -> Stage {
        let at = self.status_at;
        match self.status {
            StoredStatus::Active => Stage::Active {
                confirmed_at: at,
                unconfirmed: self.unconfirmed,
            },
            StoredStatus::Lost => Stage::Lost {
                at,
                evidence: match self.concluded {
                    true => Evidence::Inferred,
                    false => Evidence::Event,
                },
            },
            StoredStatus::Removed => Stage::Removed { at },
        }
    }
}

impl From<Status> for StoredStatus {
    fn from(status: Status) -> Self {
        match status {
            Status::Active => Self::Active,
            Status::Lost => Self::Lost,
            Status::Removed => Self::Removed,
        }
    }
}

impl From<ExternalContact> for StoredContact {
    fn from(contact: ExternalContact) -> Self {
        Self {
            name: contact.name,
            avatar: contact.avatar,
            kind: contact.kind,
            gender: contact.gender,
            unionid: contact.unionid,
            position: contact.position,
            corp_name: contact.corp_name,
            corp_full_name: contact.corp_full_name,
        }
    }
}

impl StoredContact {
    fn into_contact(self, customer: &ExternalUserId) -> ExternalContact {
        ExternalContact {
            external_user_id: customer.clone(),
            name: self.name,
            avatar: self.avatar,
            kind: self.kind,
            gender: self.gender,
            unionid: self.unionid,
            position: self.position,
            corp_name: self.corp_name,
            corp_full_name: self.corp_full_name,
        }
    }
}

#[cfg(test)]
mod tests;
