//! Compares the bundle's copy of a corp with the corp, field by field.
//!
//! Differences that cannot be detected through WeCom's API are not reported. This is the complete list:
//!
//! - A customer who left is still listed (doc 92130): a listed relation may be stored as active or, after an event that
//!   reported the loss, as lost.
//! - A half add is not listed until the member confirms it (84061): a stored half add may be missing in the list.
//! - The relations of members who have left, are outside the app's visible range or have no customer contact are in no
//!   list (docs 92571, 92113): they are not compared.
//! - The groups of an owner who has left are returned only to requests that name that owner (doc 92120): if the owner
//!   joined and left without being stored, and no event named the group, the bundle cannot request it.

use std::collections::BTreeSet;

use domain::group::Group;
use domain::ports::{GroupStore, MemberStore, ObserveRelations, RelationStore, TagStore};
use domain::relation::{Observation, Reading, Relation, RelationKey, Status, Trigger};
use jiff::Timestamp;
use platform::store::Store;
use serde_json::{Value, json};
use wecom::api::contact::{ExternalContact, FollowUser};
use wecom::api::tag::TagGroup;
use wecom::{ChatId, ExternalUserId, UserId};
use wecom_sandbox::{
    Corp, CustomerTruth, GroupStatus, GroupView, RelationTruth, TagGroupTruth, Truth,
};

use crate::sync_scene::{corp_id, departments};

/// The differences that were found.
#[derive(Default)]
struct Differences(Vec<String>);

impl Differences {
    fn compare(&mut self, what: &str, stored: &Value, expected: &Value) {
        if stored != expected {
            self.0
                .push(format!("{what}: stored {stored}, expected {expected}"));
        }
    }
}

/// Fails unless `store` agrees with the corp.
pub(crate) async fn assert_agreement(store: &Store, corp: &Corp, context: &str) {
    let found = differences(store, corp).await;
    assert!(found.is_empty(), "{context}: {found:#?}");
}

/// The differences between `store` and the corp.
pub(crate) async fn differences(store: &Store, corp: &Corp) -> Vec<String> {
    let truth = corp.truth();
    let mut found = Differences::default();
    relations(store, &truth, &mut found).await;
    active_relations(store, &truth, &mut found).await;
    address_book(store, &truth, &mut found).await;
    tags(store, &truth, &mut found).await;
    groups(store, &truth, &mut found).await;
    found.0
}

/// Every listed relation is stored with the same fields.
async fn relations(store: &Store, truth: &Truth, found: &mut Differences) {
    // A reading in the distant past is older than every stored row, so it changes none of them.
    let rows: Vec<_> = truth.relations.iter().map(row).collect();
    let reading = Reading {
        at: Timestamp::MIN,
        trigger: Trigger::Scheduled,
    };
    let compared = store.compare(&corp_id(), &rows, reading).await.unwrap();
    for (listed, compared) in truth.relations.iter().zip(compared) {
        let stored = compared.relation;
        let what = format!("{} of {}", listed.external_userid, listed.userid);
        if compared.replaces_version.is_some() {
            found.0.push(format!("{what} is not stored"));
            continue;
        }
        let is_consistent = match stored.status() {
            Status::Active => !stored.lifecycle.is_unconfirmed(),
            Status::Lost => !stored.lifecycle.end_is_inferred(),
            Status::Removed => false,
        };
        if !is_consistent {
            let status = stored.status();
            found
                .0
                .push(format!("{what} is listed and stored as {status:?}"));
        }
        found.compare(&what, &stored_relation(&stored), &expected_relation(listed));
        let is_it = |one: &&CustomerTruth| one.external_userid == listed.external_userid;
        let person = truth.customers.iter().find(is_it).map(expected_customer);
        let contact = stored.snapshot.contact.as_ref().map(stored_customer);
        found.compare(&what, &json!(contact), &json!(person));
    }
}

fn row(listed: &RelationTruth) -> Observation {
    let (mut contact, mut follow) = (ExternalContact::default(), FollowUser::default());
    contact.external_user_id = ExternalUserId::from(listed.external_userid.as_str());
    follow.user_id = UserId::from(listed.userid.as_str());
    Observation { contact, follow }
}

fn stored_relation(stored: &Relation) -> Value {
    let follow = &stored.snapshot.follow;
    json!({
        "createtime": follow.createtime,
        "state": stored.attribution.as_ref().and_then(|way| way.state.as_ref()),
        "add_way": follow.add_way,
        "remark": follow.remark,
        "description": follow.description,
        "remark_corp_name": follow.remark_corp_name,
        "remark_mobiles": follow.remark_mobiles,
        "tag_ids": stored.tags.current,
        "oper_userid": follow.oper_userid,
    })
}

fn expected_relation(listed: &RelationTruth) -> Value {
    json!({
        "createtime": listed.createtime,
        "state": listed.state,
        "add_way": listed.add_way,
        "remark": listed.remark,
        "description": listed.description,
        "remark_corp_name": listed.remark_corp_name,
        "remark_mobiles": listed.remark_mobiles,
        "tag_ids": listed.tag_ids,
        "oper_userid": listed.oper_userid,
    })
}

fn stored_customer(stored: &ExternalContact) -> Value {
    json!({
        "name": stored.name,
        "type": stored.kind,
        "unionid": stored.unionid,
        "avatar": stored.avatar,
        "gender": stored.gender,
        "corp_name": stored.corp_name,
    })
}

fn expected_customer(customer: &CustomerTruth) -> Value {
    json!({
        "name": customer.name,
        "type": customer.kind,
        "unionid": customer.unionid.as_deref().unwrap_or_default(),
        "avatar": customer.avatar,
        "gender": customer.gender,
        "corp_name": customer.corp_name.as_deref().unwrap_or_default(),
    })
}

/// No other relation is stored as active.
async fn active_relations(store: &Store, truth: &Truth, found: &mut Differences) {
    let pair =
        |relation: &RelationTruth| (relation.userid.clone(), relation.external_userid.clone());
    let listed: BTreeSet<(String, String)> = truth.relations.iter().map(pair).collect();
    for holder in truth.members.iter().filter(|member| member.has_function) {
        let member = UserId::from(holder.userid.as_str());
        for customer in active_customers(store, &member).await {
            if listed.contains(&(holder.userid.clone(), customer.to_string())) {
                continue;
            }
            let stored = store
                .relation(
                    &corp_id(),
                    &RelationKey::new(member.clone(), customer.clone()),
                )
                .await;
            if stored
                .unwrap()
                .is_some_and(|stored| !stored.lifecycle.is_unconfirmed())
            {
                found.0.push(format!(
                    "{customer} of {member} is stored as active but not listed"
                ));
            }
        }
    }
}

/// All customers that are stored as active for a member.
pub(crate) async fn active_customers(store: &Store, member: &UserId) -> Vec<ExternalUserId> {
    let mut all: Vec<ExternalUserId> = Vec::new();
    loop {
        let (corp, after) = (corp_id(), all.last());
        let page = store.active_customers(&corp, member, after).await;
        let (customers, more) = page.unwrap();
        all.extend(customers);
        if !more {
            return all;
        }
    }
}

async fn address_book(store: &Store, truth: &Truth, found: &mut Differences) {
    let mut stored = store.members(&corp_id()).await.unwrap();
    stored.retain(|member| member.gone_at.is_none());
    stored.sort_by(|one, other| one.userid.as_str().cmp(other.userid.as_str()));
    let stored = stored.into_iter().map(|member| {
        json!({
            "userid": member.userid,
            "name": member.name,
            "departments": member.departments,
            "alias": member.alias,
            "position": member.position,
            "status": member.status,
            "follows": member.follows,
        })
    });
    let expected = truth.members.iter().map(|member| {
        json!({
            "userid": member.userid,
            "name": member.name,
            "departments": member.departments,
            "alias": member.alias,
            "position": member.position,
            "status": member.status.number(),
            "follows": member.has_function,
        })
    });
    found.compare("members", &stored.collect(), &expected.collect());
    let mut stored = store.departments(&corp_id()).await.unwrap();
    stored.sort_by_key(|department| department.id);
    // The sandbox names the root; no action of the sandbox changes a department.
    let stored = stored.iter().filter(|department| department.id > 1);
    let expected = departments();
    let expected = expected
        .iter()
        .map(|it| json!({"id": it.id, "name": it.name, "parent_id": it.parent_id}));
    let stored = stored.map(|department| json!(department));
    found.compare("departments", &stored.collect(), &expected.collect());
}

async fn tags(store: &Store, truth: &Truth, found: &mut Differences) {
    let mut stored = store.tag_groups(&corp_id()).await.unwrap();
    stored.sort_by(|one, other| one.group_id.as_str().cmp(other.group_id.as_str()));
    let stored = stored.into_iter().map(stored_tags);
    let expected = truth.tag_groups.iter().map(expected_tags);
    found.compare("tags", &stored.collect(), &expected.collect());
}

fn stored_tags(mut group: TagGroup) -> Value {
    group
        .tag
        .sort_by(|one, other| one.id.as_str().cmp(other.id.as_str()));
    let tags = group.tag.iter().map(
        |tag| json!({"id": tag.id, "name": tag.name, "order": tag.order, "at": tag.create_time}),
    );
    json!({
        "id": group.group_id,
        "name": group.group_name,
        "order": group.order,
        "at": group.create_time,
        "tags": tags.collect::<Value>(),
    })
}

fn expected_tags(group: &TagGroupTruth) -> Value {
    let tags = group.tags.iter().map(
        |tag| json!({"id": tag.id, "name": tag.name, "order": tag.order, "at": tag.create_time}),
    );
    json!({
        "id": group.id,
        "name": group.name,
        "order": group.order,
        "at": group.create_time,
        "tags": tags.collect::<Value>(),
    })
}

async fn groups(store: &Store, truth: &Truth, found: &mut Differences) {
    let members = store.members(&corp_id()).await.unwrap();
    let mut expected_groups: Vec<&GroupView> = Vec::new();
    for group in &truth.groups {
        let chat_id = ChatId::from(group.chat_id.as_str());
        let stored = store.group(&corp_id(), &chat_id).await.unwrap();
        let stored = stored.filter(|stored| stored.dissolved_at.is_none());
        let owner = UserId::from(group.owner.as_str());
        let is_known = members.iter().any(|member| member.userid == owner);
        if stored.is_none() && group.status == GroupStatus::OwnerLeft && !is_known {
            continue;
        }
        expected_groups.push(group);
        let stored = stored.as_ref().map(stored_group);
        let what = format!("group {chat_id}");
        found.compare(&what, &json!(stored), &expected_group(group));
    }
    let (living, _) = store.living_groups(&corp_id(), None).await.unwrap();
    let expected = expected_groups.iter().map(|group| json!(group.chat_id));
    found.compare(
        "groups that are not dissolved",
        &json!(living),
        &expected.collect(),
    );
}

fn stored_group(group: &Group) -> Value {
    let chat = &group.chat;
    let members = chat.member_list.iter().map(|member| {
        json!({
            "id": member.userid,
            "type": member.kind,
            "unionid": member.unionid,
            "join_time": member.join_time,
            "join_scene": member.join_scene,
            "invitor": member.invitor,
            "group_nickname": member.group_nickname,
            "name": member.name,
            "state": member.state,
        })
    });
    json!({
        "name": chat.name,
        "owner": chat.owner,
        "notice": chat.notice,
        "create_time": chat.create_time,
        "status": group.status,
        "admins": chat.admin_list,
        "members": members.collect::<Value>(),
        "member_version": chat.member_version,
    })
}

fn expected_group(group: &GroupView) -> Value {
    let mut members: Vec<_> = group.members.iter().collect();
    members.sort_by(|one, other| one.id.cmp(&other.id));
    let members = members.into_iter().map(|member| {
        json!({
            "id": member.id,
            "type": member.kind,
            "unionid": member.unionid.as_deref().unwrap_or_default(),
            "join_time": member.join_time,
            "join_scene": member.join_scene,
            "invitor": member.invitor,
            "group_nickname": member.group_nickname,
            "name": member.name,
            "state": member.state.as_deref().unwrap_or_default(),
        })
    });
    json!({
        "name": group.name,
        "owner": group.owner,
        "notice": group.notice,
        "create_time": group.create_time,
        "status": group.status.number(),
        "admins": group.admins,
        "members": members.collect::<Value>(),
        "member_version": group.member_version,
    })
}
