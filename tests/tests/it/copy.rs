//! Compares the bundle's copy of a corp with the state at WeCom: `agrees(&world).await`.

use std::collections::BTreeMap;

use domain::ports::{
    ContactStore, GroupStore, MemberStore, ObserveRelations, RelationStore, TagStore,
};
use domain::relation::{Relation, RelationKey, Status};
use platform::store::Store;
use serde_json::{Value, json};
use wecom::{ChatId, CorpId, ExternalUserId, UserId};
use wecom_sandbox::{Corp, RelationTruth};

use crate::world::World;

/// Checks all parts of the corp of `world`.
pub(crate) async fn agrees(world: &World) {
    agrees_of(&world.store(), &world.corp).await;
}

/// Checks all parts of any corp.
pub(crate) async fn agrees_of(store: &Store, corp: &Corp) {
    relations_agree(store, corp).await;
    members_agree(store, corp).await;
    tags_agree(store, corp).await;
    groups_agree(store, corp).await;
}

/// The pairs (member, customer) that are stored as active, of all stored members.
pub(crate) async fn active(store: &Store, corp: &Corp) -> Vec<(String, String)> {
    let id = CorpId::from(corp.id());
    let mut pairs = Vec::new();
    for member in store.members(&id).await.unwrap() {
        let mut after = None;
        loop {
            let page = store
                .active_customers(&id, &member.userid, after.as_ref())
                .await;
            let (customers, more) = page.unwrap();
            let of_member =
                |customer: &ExternalUserId| (member.userid.to_string(), customer.to_string());
            pairs.extend(customers.iter().map(of_member));
            match customers.last() {
                Some(last) if more => after = Some(last.clone()),
                _ => break,
            }
        }
    }
    pairs.sort();
    pairs
}

/// The stored relation of a pair, which must exist.
pub(crate) async fn relation(store: &Store, corp: &Corp, pair: (&str, &str)) -> Relation {
    let key = RelationKey::new(UserId::from(pair.0), ExternalUserId::from(pair.1));
    let found = store.relation(&CorpId::from(corp.id()), &key).await;
    found
        .unwrap()
        .unwrap_or_else(|| panic!("{pair:?} is not stored"))
}

/// Every relation at WeCom is stored with the same fields, and no other is stored as active.
pub(crate) async fn relations_agree(store: &Store, corp: &Corp) {
    let truth = corp.truth();
    let id = CorpId::from(corp.id());
    let expected = |relation: &RelationTruth| {
        let pair = format!("{} {}", relation.userid, relation.external_userid);
        (pair, truth_of(relation))
    };
    let expected: BTreeMap<String, Value> = truth.relations.iter().map(expected).collect();
    let mut stored = BTreeMap::new();
    for customer in &truth.customers {
        let customer_id = ExternalUserId::from(customer.external_userid.as_str());
        for relation in store.contact(&id, &customer_id).await.unwrap().relations {
            let pair = format!("{} {}", relation.key.member, relation.key.customer);
            let person = json!(relation.snapshot.contact);
            assert_eq!(person["name"], json!(customer.name), "{pair}");
            let unionid = customer.unionid.as_deref().unwrap_or_default();
            assert_eq!(person["unionid"], json!(unionid), "{pair}");
            // A customer who left is still listed as long as the member keeps the contact.
            if relation.status() == Status::Active || expected.contains_key(&pair) {
                stored.insert(pair, stored_of(&relation));
            }
        }
    }
    assert_eq!(stored, expected);
    let missing = active(store, corp).await.into_iter().find(|pair| {
        let (member, customer) = pair;
        !expected.contains_key(&format!("{member} {customer}"))
    });
    assert_eq!(missing, None, "stored as active, but unknown to WeCom");
}

fn truth_of(relation: &RelationTruth) -> Value {
    json!({
        "createtime": relation.createtime,
        "state": relation.state,
        "add_way": relation.add_way,
        "remark": relation.remark,
        "description": relation.description,
        "corp": relation.remark_corp_name,
        "mobiles": relation.remark_mobiles,
        "tags": relation.tag_ids,
        "by": relation.oper_userid,
    })
}

fn stored_of(relation: &Relation) -> Value {
    let follow = &relation.snapshot.follow;
    json!({
        "createtime": follow.createtime,
        "state": relation.attribution.as_ref().and_then(|way| way.state.as_ref()),
        "add_way": follow.add_way,
        "remark": follow.remark,
        "description": follow.description,
        "corp": follow.remark_corp_name,
        "mobiles": follow.remark_mobiles,
        "tags": relation.tags.current,
        "by": follow.oper_userid,
    })
}

/// Every visible member is stored with the same fields, and no other is stored as present.
pub(crate) async fn members_agree(store: &Store, corp: &Corp) {
    let truth = corp.truth().members.into_iter().map(|member| {
        let expected = json!({
            "name": member.name,
            "departments": member.departments,
            "alias": member.alias,
            "position": member.position,
            "status": member.status.number(),
            "follows": member.has_function,
        });
        (member.userid, expected)
    });
    let stored = store.members(&CorpId::from(corp.id())).await.unwrap();
    let present = stored.iter().filter(|member| member.gone_at.is_none());
    let stored = present.map(|member| {
        let stored = json!({
            "name": member.name,
            "departments": member.departments,
            "alias": member.alias,
            "position": member.position,
            "status": member.status,
            "follows": member.follows,
        });
        (member.userid.to_string(), stored)
    });
    let (stored, truth): (BTreeMap<_, _>, BTreeMap<_, _>) = (stored.collect(), truth.collect());
    assert_eq!(stored, truth);
}

/// The corp tag list is the same.
pub(crate) async fn tags_agree(store: &Store, corp: &Corp) {
    let truth = corp.truth().tag_groups.into_iter().map(|group| {
        let tags = group.tags.iter();
        let tags =
            tags.map(|tag| json!({"id": tag.id, "name": tag.name, "order": tag.order}).to_string());
        let mut tags: Vec<_> = tags.collect();
        tags.sort();
        (
            group.id,
            json!({"name": group.name, "order": group.order, "tags": tags}),
        )
    });
    let stored = store.tag_groups(&CorpId::from(corp.id())).await.unwrap();
    let stored = stored.into_iter().map(|group| {
        let tags = group.tag.iter();
        let tags =
            tags.map(|tag| json!({"id": tag.id, "name": tag.name, "order": tag.order}).to_string());
        let mut tags: Vec<_> = tags.collect();
        tags.sort();
        (
            group.group_id.to_string(),
            json!({"name": group.group_name, "order": group.order, "tags": tags}),
        )
    });
    let (stored, truth): (BTreeMap<_, _>, BTreeMap<_, _>) = (stored.collect(), truth.collect());
    assert_eq!(stored, truth);
}

/// The groups that are not dissolved are the same, with their members.
pub(crate) async fn groups_agree(store: &Store, corp: &Corp) {
    let id = CorpId::from(corp.id());
    let (living, more) = store.living_groups(&id, None).await.unwrap();
    assert!(!more, "too many groups for this comparison");
    let mut stored = BTreeMap::new();
    for chat_id in living {
        stored.insert(
            chat_id.to_string(),
            group(store, corp, chat_id.as_str()).await,
        );
    }
    let truth = corp.groups().into_iter().map(|group| {
        let mut members: Vec<_> = group
            .members
            .iter()
            .map(|member| member.id.clone())
            .collect();
        members.sort();
        let expected = json!({
            "name": group.name,
            "owner": group.owner,
            "notice": group.notice,
            "admins": group.admins,
            "members": members,
            "version": group.member_version,
        });
        (group.chat_id, expected)
    });
    assert_eq!(stored, truth.collect());
}

/// A group as it is stored.
pub(crate) async fn group(store: &Store, corp: &Corp, chat_id: &str) -> Value {
    let (corp, chat_id) = (CorpId::from(corp.id()), ChatId::from(chat_id));
    let Some(group) = store.group(&corp, &chat_id).await.unwrap() else {
        return Value::Null;
    };
    let mut members: Vec<_> = group
        .chat
        .member_list
        .iter()
        .map(|member| member.userid.clone())
        .collect();
    members.sort();
    json!({
        "name": group.chat.name,
        "owner": group.chat.owner,
        "notice": group.chat.notice,
        "admins": group.chat.admin_list,
        "members": members,
        "version": group.chat.member_version,
    })
}
