//! Whether what the bundle keeps of a corp agrees with the corp, field by field.
//!
//! What WeCom's API cannot tell is no disagreement. All of it is here:
//!
//! - Who left is listed like anybody (doc 92130): a relation that is listed may be kept as active or, after an event
//!   that told so, as left.
//! - A half add is not listed until the member confirms it (84061): nothing is concluded about one that is kept.
//! - The relations of members who are gone, out of the app's sight or without customer contact are in no list (docs
//!   92571, 92113): nothing is concluded about them.
//! - The groups of an owner who has left are told to who asks for that owner (doc 92120): one who came and went, and
//!   whose group nobody told of, is asked for by nobody.

use std::collections::BTreeSet;

use domain::group::Group;
use domain::ports::{GroupStore, MemberStore, ObserveRelations, RelationStore, TagStore};
use domain::relation::{Observation, Reading, Relation, Status};
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

/// The disagreements that were found.
#[derive(Default)]
struct Found(Vec<String>);

impl Found {
    fn compare(&mut self, what: &str, kept: &Value, told: &Value) {
        if kept != told {
            self.0
                .push(format!("{what}: {kept} is kept, {told} is true"));
        }
    }
}

/// Fails unless `store` agrees with the corp.
pub(crate) async fn assert_agreement(store: &Store, corp: &Corp, context: &str) {
    let found = disagreements(store, corp).await;
    assert!(found.is_empty(), "{context}: {found:#?}");
}

/// What `store` keeps otherwise than it is.
pub(crate) async fn disagreements(store: &Store, corp: &Corp) -> Vec<String> {
    let truth = corp.truth();
    let mut found = Found::default();
    relations(store, &truth, &mut found).await;
    active_relations(store, &truth, &mut found).await;
    address_book(store, &truth, &mut found).await;
    tags(store, &truth, &mut found).await;
    groups(store, &truth, &mut found).await;
    found.0
}

/// Everybody who is listed is kept as told.
async fn relations(store: &Store, truth: &Truth, found: &mut Found) {
    // A reading of long ago is older than all that is kept and changes nothing of it.
    let rows: Vec<_> = truth.relations.iter().map(row).collect();
    let reading = Reading {
        at: Timestamp::MIN,
        for_event: false,
    };
    let observed = store.compare(&corp_id(), &rows, reading).await.unwrap();
    let unknown: BTreeSet<usize> = observed.differ.iter().map(|(place, _)| *place).collect();
    let kept = observed.relations.into_iter().enumerate();
    for (told, (place, kept)) in truth.relations.iter().zip(kept) {
        let what = format!("{} of {}", told.external_userid, told.userid);
        if unknown.contains(&place) {
            found.0.push(format!("{what} is not kept"));
            continue;
        }
        let stands = match kept.status {
            Status::Active => !kept.unconfirmed,
            Status::Lost => !kept.concluded,
            Status::Removed => false,
        };
        if !stands {
            let status = kept.status;
            found
                .0
                .push(format!("{what} is listed and kept as {status:?}"));
        }
        found.compare(&what, &kept_relation(&kept), &told_relation(told));
        let is_it = |one: &&CustomerTruth| one.external_userid == told.external_userid;
        let person = truth.customers.iter().find(is_it).map(told_customer);
        let contact = kept.contact.as_ref().map(kept_customer);
        found.compare(&what, &json!(contact), &json!(person));
    }
}

fn row(told: &RelationTruth) -> Observation {
    let (mut contact, mut follow) = (ExternalContact::default(), FollowUser::default());
    contact.external_user_id = ExternalUserId::from(told.external_userid.as_str());
    follow.user_id = UserId::from(told.userid.as_str());
    Observation { contact, follow }
}

fn kept_relation(kept: &Relation) -> Value {
    let told = &kept.told;
    json!({
        "createtime": told.createtime,
        "state": kept.state,
        "add_way": told.add_way,
        "remark": told.remark,
        "description": told.description,
        "remark_corp_name": told.remark_corp_name,
        "remark_mobiles": told.remark_mobiles,
        "tag_ids": kept.tag_ids,
        "oper_userid": told.oper_userid,
    })
}

fn told_relation(told: &RelationTruth) -> Value {
    json!({
        "createtime": told.createtime,
        "state": told.state,
        "add_way": told.add_way,
        "remark": told.remark,
        "description": told.description,
        "remark_corp_name": told.remark_corp_name,
        "remark_mobiles": told.remark_mobiles,
        "tag_ids": told.tag_ids,
        "oper_userid": told.oper_userid,
    })
}

fn kept_customer(kept: &ExternalContact) -> Value {
    json!({
        "name": kept.name,
        "type": kept.kind,
        "unionid": kept.unionid,
        "avatar": kept.avatar,
        "gender": kept.gender,
        "corp_name": kept.corp_name,
    })
}

fn told_customer(told: &CustomerTruth) -> Value {
    json!({
        "name": told.name,
        "type": told.kind,
        "unionid": told.unionid.as_deref().unwrap_or_default(),
        "avatar": told.avatar,
        "gender": told.gender,
        "corp_name": told.corp_name.as_deref().unwrap_or_default(),
    })
}

/// Nobody else is kept as active.
async fn active_relations(store: &Store, truth: &Truth, found: &mut Found) {
    let pair = |told: &RelationTruth| (told.userid.clone(), told.external_userid.clone());
    let listed: BTreeSet<(String, String)> = truth.relations.iter().map(pair).collect();
    for told in truth.members.iter().filter(|told| told.has_function) {
        let member = UserId::from(told.userid.as_str());
        for customer in active_customers(store, &member).await {
            if listed.contains(&(told.userid.clone(), customer.to_string())) {
                continue;
            }
            let kept = store.relation(&corp_id(), (&member, &customer)).await;
            if kept.unwrap().is_some_and(|kept| !kept.unconfirmed) {
                found.0.push(format!(
                    "{customer} of {member} is kept as active and is not listed"
                ));
            }
        }
    }
}

/// All customers whom a member has as far as is kept.
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

async fn address_book(store: &Store, truth: &Truth, found: &mut Found) {
    let mut kept = store.members(&corp_id()).await.unwrap();
    kept.retain(|member| member.gone_at.is_none());
    kept.sort_by(|one, other| one.userid.as_str().cmp(other.userid.as_str()));
    let kept = kept.into_iter().map(|member| {
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
    let told = truth.members.iter().map(|member| {
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
    found.compare("members", &kept.collect(), &told.collect());
    let mut kept = store.departments(&corp_id()).await.unwrap();
    kept.sort_by_key(|department| department.id);
    // The root is named by the sandbox; no verb changes a department.
    let kept = kept.iter().filter(|department| department.id > 1);
    let told = departments();
    let told = told
        .iter()
        .map(|it| json!({"id": it.id, "name": it.name, "parent_id": it.parent_id}));
    let kept = kept.map(|department| json!(department));
    found.compare("departments", &kept.collect(), &told.collect());
}

async fn tags(store: &Store, truth: &Truth, found: &mut Found) {
    let mut kept = store.tag_groups(&corp_id()).await.unwrap();
    kept.sort_by(|one, other| one.group_id.as_str().cmp(other.group_id.as_str()));
    let kept = kept.into_iter().map(kept_tags);
    let told = truth.tag_groups.iter().map(told_tags);
    found.compare("tags", &kept.collect(), &told.collect());
}

fn kept_tags(mut group: TagGroup) -> Value {
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

fn told_tags(group: &TagGroupTruth) -> Value {
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

async fn groups(store: &Store, truth: &Truth, found: &mut Found) {
    let members = store.members(&corp_id()).await.unwrap();
    let mut told_of: Vec<&GroupView> = Vec::new();
    for told in &truth.groups {
        let chat_id = ChatId::from(told.chat_id.as_str());
        let kept = store.group(&corp_id(), &chat_id).await.unwrap();
        let kept = kept.filter(|group| group.dissolved_at.is_none());
        let owner = UserId::from(told.owner.as_str());
        let is_known = members.iter().any(|member| member.userid == owner);
        if kept.is_none() && told.status == GroupStatus::OwnerLeft && !is_known {
            continue;
        }
        told_of.push(told);
        let kept = kept.as_ref().map(kept_group);
        let what = format!("group {chat_id}");
        found.compare(&what, &json!(kept), &told_group(told));
    }
    let (living, _) = store.living_groups(&corp_id(), None).await.unwrap();
    let told = told_of.iter().map(|group| json!(group.chat_id));
    found.compare("groups that live", &json!(living), &told.collect());
}

fn kept_group(group: &Group) -> Value {
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

fn told_group(told: &GroupView) -> Value {
    let mut members: Vec<_> = told.members.iter().collect();
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
        "name": told.name,
        "owner": told.owner,
        "notice": told.notice,
        "create_time": told.create_time,
        "status": told.status.number(),
        "admins": told.admins,
        "members": members.collect::<Value>(),
        "member_version": told.member_version,
    })
}
