//! A customer as a person, and the relations of members to the customer.

use domain::channel::ChannelId;
use domain::contact::Profile;
use domain::instant::{self, UnixSeconds};
use domain::relation::{Relation, Status};
use serde::Serialize;
use wecom::api::contact::{ContactType, Gender};
use wecom::{ExternalUserId, Private, State, TagId, UnionId, UserId};

/// The customer as WeCom returned it, and when.
#[derive(Serialize)]
pub(crate) struct ProfileView<'a> {
    external_userid: &'a ExternalUserId,
    name: &'a Private,
    avatar: &'a Private,
    #[serde(rename = "type")]
    kind: &'a ContactType,
    gender: &'a Gender,
    unionid: &'a UnionId,
    position: &'a str,
    corp_name: &'a str,
    corp_full_name: &'a str,
    read_at: UnixSeconds,
}

impl<'a> From<&'a Profile> for ProfileView<'a> {
    fn from(profile: &'a Profile) -> Self {
        let contact = &profile.contact;
        Self {
            external_userid: &contact.external_user_id,
            name: &contact.name,
            avatar: &contact.avatar,
            kind: &contact.kind,
            gender: &contact.gender,
            unionid: &contact.unionid,
            position: &contact.position,
            corp_name: &contact.corp_name,
            corp_full_name: &contact.corp_full_name,
            read_at: instant::split(profile.read_at).0,
        }
    }
}

/// A relation. The customer's profile is shown once for all relations, and is not part of it.
#[derive(Serialize)]
pub(crate) struct RelationView<'a> {
    userid: &'a UserId,
    external_userid: &'a ExternalUserId,
    status: StatusView,
    status_at: UnixSeconds,
    #[serde(skip_serializing_if = "Option::is_none")]
    added_at: Option<UnixSeconds>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lost_at: Option<UnixSeconds>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    unconfirmed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<&'a State>,
    #[serde(skip_serializing_if = "Option::is_none")]
    channel_id: Option<&'a ChannelId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attributed_at: Option<UnixSeconds>,
    #[serde(skip_serializing_if = "<[TagId]>::is_empty")]
    tag_ids: &'a [TagId],
    #[serde(skip_serializing_if = "<[TagId]>::is_empty")]
    marked: &'a [TagId],
    #[serde(skip_serializing_if = "Option::is_none")]
    createtime: Option<UnixSeconds>,
    #[serde(skip_serializing_if = "Option::is_none")]
    add_way: Option<i64>,
    #[serde(skip_serializing_if = "str::is_empty")]
    oper_userid: &'a str,
    #[serde(skip_serializing_if = "is_empty")]
    remark: &'a Private,
    #[serde(skip_serializing_if = "is_empty")]
    description: &'a Private,
    #[serde(skip_serializing_if = "is_empty")]
    remark_corp_name: &'a Private,
    #[serde(skip_serializing_if = "<[Private]>::is_empty")]
    remark_mobiles: &'a [Private],
    #[serde(skip_serializing_if = "Option::is_none")]
    observed_at: Option<UnixSeconds>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    concluded: bool,
}

/// `serde` passes a reference to the field, which is one itself.
fn is_empty(text: &&Private) -> bool {
    text.is_empty()
}

/// Where a relation stands.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum StatusView {
    Active,
    Lost,
    Removed,
}

impl From<Status> for StatusView {
    fn from(status: Status) -> Self {
        match status {
            Status::Active => Self::Active,
            Status::Lost => Self::Lost,
            Status::Removed => Self::Removed,
        }
    }
}

impl<'a> From<&'a Relation> for RelationView<'a> {
    fn from(relation: &'a Relation) -> Self {
        let (lifecycle, snapshot) = (&relation.lifecycle, &relation.snapshot);
        let (attribution, follow) = (relation.attribution.as_ref(), &snapshot.follow);
        Self {
            userid: &relation.key.member,
            external_userid: &relation.key.customer,
            status: lifecycle.status().into(),
            status_at: lifecycle.known_at(),
            added_at: lifecycle.added_at,
            lost_at: lifecycle.lost_at,
            unconfirmed: lifecycle.is_unconfirmed(),
            state: attribution.and_then(|way| way.state.as_ref()),
            channel_id: relation.channel(),
            attributed_at: attribution.map(|way| way.since),
            tag_ids: &relation.tags.current,
            marked: &relation.tags.applied_by_bundle,
            createtime: follow.createtime,
            add_way: follow.add_way,
            oper_userid: &follow.oper_userid,
            remark: &follow.remark,
            description: &follow.description,
            remark_corp_name: &follow.remark_corp_name,
            remark_mobiles: &follow.remark_mobiles,
            observed_at: snapshot.observed_at.map(|at| instant::split(at).0),
            concluded: lifecycle.end_is_inferred(),
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::relation::{
        Attribution, Evidence, FollowSnapshot, Lifecycle, RelationKey, Snapshot, Stage, Tags,
    };
    use serde_json::json;
    use wecom::api::contact::ExternalContact;

    use super::*;

    fn relation() -> Relation {
        let lifecycle = Lifecycle {
            stage: Stage::Lost {
                at: UnixSeconds(5),
                evidence: Evidence::Inferred,
            },
            added_at: Some(UnixSeconds(1)),
            lost_at: Some(UnixSeconds(3)),
        };
        Relation::new(RelationKey::new("zhangsan".into(), "wmA".into()), lifecycle)
    }

    #[test]
    fn a_relation_is_shown_without_the_profile_and_without_microseconds() {
        let channel = "ch0000000000001";
        let relation = Relation {
            attribution: Some(Attribution {
                state: Some(channel.into()),
                channel: ChannelId::parse(channel),
                since: UnixSeconds(1),
            }),
            snapshot: Snapshot {
                follow: FollowSnapshot {
                    createtime: Some(UnixSeconds(1)),
                    add_way: Some(1),
                    oper_userid: "wmA".to_owned(),
                    remark: "r".into(),
                    description: "d".into(),
                    remark_corp_name: "c".into(),
                    remark_mobiles: vec!["1".into()],
                },
                contact: Some(ExternalContact {
                    name: "王".into(),
                    ..ExternalContact::default()
                }),
                observed_at: Some(instant::join(UnixSeconds(6), Some(17))),
            },
            tags: Tags {
                current: vec!["et1".into()],
                applied_by_bundle: vec!["et2".into()],
            },
            ..relation()
        };
        let shown = json!({
            "userid": "zhangsan", "external_userid": "wmA", "status": "lost", "status_at": 5, "added_at": 1,
            "lost_at": 3, "state": "ch0000000000001", "channel_id": "ch0000000000001",
            "attributed_at": 1, "tag_ids": ["et1"], "marked": ["et2"], "createtime": 1, "add_way": 1,
            "oper_userid": "wmA", "remark": "r", "description": "d", "remark_corp_name": "c",
            "remark_mobiles": ["1"], "observed_at": 6, "concluded": true,
        });
        assert_eq!(json!(RelationView::from(&relation)), shown);
    }

    #[test]
    fn what_is_not_known_of_a_relation_is_left_out() {
        let removed = Lifecycle::ended(Stage::Removed { at: UnixSeconds(5) });
        let half = Lifecycle::active(UnixSeconds(5), true);
        for (lifecycle, shown) in [
            (removed, json!({"status": "removed"})),
            (
                half,
                json!({"status": "active", "added_at": 5, "unconfirmed": true}),
            ),
        ] {
            let mut expected =
                json!({"userid": "zhangsan", "external_userid": "wmA", "status_at": 5});
            expected
                .as_object_mut()
                .unwrap()
                .extend(shown.as_object().unwrap().clone());
            let relation = Relation {
                lifecycle,
                ..relation()
            };
            assert_eq!(json!(RelationView::from(&relation)), expected);
        }
    }

    #[test]
    fn a_profile_is_shown_as_wecom_returned_it_with_the_second_of_the_reading() {
        let shown = json!({
            "external_userid": "wmA", "name": "王", "avatar": "https://a", "type": 1, "gender": 2,
            "unionid": "oA", "position": "p", "corp_name": "c", "corp_full_name": "cc", "read_at": 100,
        });
        let mut stored = shown.clone();
        stored["read_us"] = json!(17);
        let profile: Profile = serde_json::from_value(stored).unwrap();
        assert_eq!(json!(ProfileView::from(&profile)), shown);
    }
}
