//! A customer as a person, and the relations of members to the customer.

use domain::channel::ChannelId;
use domain::contact::Profile;
use domain::instant;
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
    read_at: i64,
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
    status: Status,
    status_at: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    added_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lost_at: Option<i64>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    unconfirmed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<&'a State>,
    #[serde(skip_serializing_if = "Option::is_none")]
    channel_id: Option<&'a ChannelId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attributed_at: Option<i64>,
    #[serde(skip_serializing_if = "<[TagId]>::is_empty")]
    tag_ids: &'a [TagId],
    #[serde(skip_serializing_if = "<[TagId]>::is_empty")]
    marked: &'a [TagId],
    #[serde(skip_serializing_if = "Option::is_none")]
    createtime: Option<i64>,
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
    observed_at: Option<i64>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    concluded: bool,
}

/// `serde` passes a reference to the field, which is one itself.
fn is_empty(text: &&Private) -> bool {
    text.is_empty()
}

impl<'a> From<&'a Relation> for RelationView<'a> {
    fn from(relation: &'a Relation) -> Self {
        let seen = &relation.told;
        Self {
            userid: &relation.userid,
            external_userid: &relation.external_userid,
            status: relation.status,
            status_at: relation.status_at,
            added_at: relation.added_at,
            lost_at: relation.lost_at,
            unconfirmed: relation.unconfirmed,
            state: relation.state.as_ref(),
            channel_id: relation.channel_id.as_ref(),
            attributed_at: relation.attributed_at,
            tag_ids: &relation.tag_ids,
            marked: &relation.marked,
            createtime: seen.createtime,
            add_way: seen.add_way,
            oper_userid: &seen.oper_userid,
            remark: &seen.remark,
            description: &seen.description,
            remark_corp_name: &seen.remark_corp_name,
            remark_mobiles: &seen.remark_mobiles,
            observed_at: relation.observed_at.map(|at| instant::split(at).0),
            concluded: relation.concluded,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_relation_is_shown_without_the_profile_and_without_microseconds() {
        let shown = json!({
            "userid": "zhangsan", "external_userid": "wmA", "status": "lost", "status_at": 5, "added_at": 1,
            "lost_at": 5, "unconfirmed": true, "state": "ch0000000000001", "channel_id": "ch0000000000001",
            "attributed_at": 1, "tag_ids": ["et1"], "marked": ["et1"], "createtime": 1, "add_way": 1,
            "oper_userid": "wmA", "remark": "r", "description": "d", "remark_corp_name": "c",
            "remark_mobiles": ["1"], "observed_at": 6, "concluded": true,
        });
        let mut stored = shown.clone();
        stored["observed_us"] = json!(17);
        stored["contact"] = json!({"external_userid": "wmA", "name": "王"});
        let relation: Relation = serde_json::from_value(stored).unwrap();
        assert!(relation.contact.is_some());
        assert_eq!(json!(RelationView::from(&relation)), shown);
    }

    #[test]
    fn what_is_not_known_of_a_relation_is_left_out() {
        let relation = Relation::unknown(&UserId::from("zhangsan"), &ExternalUserId::from("wmA"));
        assert_eq!(
            json!(RelationView::from(&relation)),
            json!({"userid": "zhangsan", "external_userid": "wmA", "status": "removed", "status_at": i64::MIN})
        );
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
