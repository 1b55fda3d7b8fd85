//! Everything that the APIs would return, to compare a copy with.

use std::collections::BTreeSet;

use super::Corp;
use super::group_view::{GroupView, view};
use crate::model::moment::unix_s_of;
use crate::model::{CorpState, Id, Pair, Relation, TagGroup};
use crate::setup::MemberStatus;

/// What one app can find out about a corp by asking. Every list is sorted by its ids.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Truth {
    /// The relations that are open: in full contact, or left by the customer.
    pub relations: Vec<RelationTruth>,
    /// Who has such a relation.
    pub customers: Vec<CustomerTruth>,
    /// The tag groups that are not deleted.
    pub tag_groups: Vec<TagGroupTruth>,
    /// The customer groups that are not dissolved.
    pub groups: Vec<GroupView>,
    /// The members.
    pub members: Vec<MemberTruth>,
}

/// One relation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct RelationTruth {
    /// The member, as the address book spells the userid.
    pub userid: String,
    /// The customer.
    pub external_userid: String,
    /// When it began, Unix time in seconds.
    pub createtime: u64,
    /// The state by which the customer came.
    pub state: Option<String>,
    /// How the customer came (WeCom doc 92114).
    pub add_way: i64,
    /// The member's remark.
    pub remark: String,
    /// The member's description.
    pub description: String,
    /// The member's note of the company.
    pub remark_corp_name: String,
    /// The member's note of the phone numbers, in the member's order.
    pub remark_mobiles: Vec<String>,
    /// The corp tags, sorted.
    pub tag_ids: Vec<String>,
    /// Who began it.
    pub oper_userid: String,
}

/// One customer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct CustomerTruth {
    /// The id.
    pub external_userid: String,
    /// The nickname.
    pub name: String,
    /// 1 for a WeChat user, 2 for a WeCom user of another company.
    pub kind: u8,
    /// Of a WeChat user.
    pub unionid: Option<String>,
    /// Where the picture is; empty if there is none.
    pub avatar: String,
    /// 0 if it is not known, 1 male, 2 female.
    pub gender: u8,
    /// The company of a WeCom user.
    pub corp_name: Option<String>,
}

/// One tag group.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct TagGroupTruth {
    /// The id.
    pub id: String,
    /// The name.
    pub name: String,
    /// The larger comes first.
    pub order: u32,
    /// When it was made, Unix time in seconds.
    pub create_time: u64,
    /// Its tags that are not deleted.
    pub tags: Vec<TagTruth>,
}

/// One tag.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct TagTruth {
    /// The id.
    pub id: String,
    /// The name.
    pub name: String,
    /// The larger comes first.
    pub order: u32,
    /// When it was made, Unix time in seconds.
    pub create_time: u64,
}

/// One member.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct MemberTruth {
    /// The id, as the address book spells it.
    pub userid: String,
    /// The name.
    pub name: String,
    /// The departments, the main one first.
    pub departments: Vec<u32>,
    /// The other name that colleagues see.
    pub alias: String,
    /// The job title.
    pub position: String,
    /// Whether the member uses WeCom.
    pub status: MemberStatus,
    /// Whether the member has the customer-contact function.
    pub has_function: bool,
}

impl Corp {
    /// What the corp's first app can find out. What it cannot is not here: members outside its visible range, relations
    /// of members without the customer-contact function, half adds.
    #[must_use]
    pub fn truth(&self) -> Truth {
        let first = |corp: &CorpState| corp.apps.first().map(|app| app.name.clone());
        let app = self
            .sandbox
            .read(|state| state.corps.get(&self.id).and_then(first));
        self.truth_for(&app.unwrap_or_default())
    }

    /// What an app can find out.
    #[must_use]
    pub fn truth_for(&self, app: &str) -> Truth {
        self.sandbox.read(|state| {
            let corp = state.corps.get(&self.id);
            corp.map(|corp| truth_of(corp, app)).unwrap_or_default()
        })
    }
}

fn truth_of(corp: &CorpState, app: &str) -> Truth {
    let relations = corp.relations.iter();
    let shown: Vec<(&Pair, &Relation)> = relations
        .map(|(pair, relation)| (pair, relation.as_ref()))
        .filter(|(pair, relation)| corp.shows(app, pair, relation))
        .collect();
    let ids: BTreeSet<&Id> = shown.iter().map(|((_, id), _)| id).collect();
    let customers = ids.into_iter().filter_map(|id| tell_customer(corp, id));
    let groups = corp.groups.iter();
    let groups = groups.filter(|(_, group)| corp.shows_group(app, group));
    let members = corp.members.values();
    let members = members.filter(|member| corp.sees(app, member));
    let mut truth = Truth {
        customers: customers.collect(),
        relations: shown
            .into_iter()
            .map(|(pair, relation)| tell_relation(pair, relation))
            .collect(),
        tag_groups: corp.tags.live_groups().map(tell_tags).collect(),
        groups: groups
            .map(|(chat_id, group)| view(corp, chat_id, group))
            .collect(),
        members: members
            .map(|member| MemberTruth {
                userid: member.userid.to_string(),
                name: member.name.clone(),
                departments: member.departments.clone(),
                alias: member.alias.clone(),
                position: member.position.clone(),
                status: member.status,
                has_function: member.has_function,
            })
            .collect(),
    };
    // Relations, customers and groups come in the order of their ids.
    truth.tag_groups.sort();
    truth.members.sort();
    truth
}

fn tell_relation(pair: &Pair, relation: &Relation) -> RelationTruth {
    RelationTruth {
        userid: pair.0.to_string(),
        external_userid: pair.1.to_string(),
        createtime: unix_s_of(relation.created),
        state: relation.state.as_deref().map(str::to_owned),
        add_way: relation.add_way,
        remark: relation.remark.to_string(),
        description: relation.description.to_string(),
        remark_corp_name: relation.remark_corp_name.to_string(),
        remark_mobiles: relation.remark_mobiles.clone(),
        tag_ids: relation.tag_ids.iter().map(ToString::to_string).collect(),
        oper_userid: relation.oper_userid(pair).to_owned(),
    }
}

fn tell_customer(corp: &CorpState, id: &Id) -> Option<CustomerTruth> {
    let customer = corp.customers.get(id)?;
    Some(CustomerTruth {
        external_userid: id.to_string(),
        name: customer.name.to_string(),
        kind: customer.kind,
        unionid: customer.unionid.as_deref().map(str::to_owned),
        avatar: customer.avatar(id),
        gender: customer.gender,
        corp_name: customer.company.as_deref().map(str::to_owned),
    })
}

fn tell_tags(group: &TagGroup) -> TagGroupTruth {
    let tags = group.live_tags().map(|tag| TagTruth {
        id: tag.id.clone(),
        name: tag.name.clone(),
        order: tag.order,
        create_time: tag.created,
    });
    let mut tags: Vec<_> = tags.collect();
    tags.sort();
    TagGroupTruth {
        id: group.id.clone(),
        name: group.name.clone(),
        order: group.order,
        create_time: group.created,
        tags,
    }
}
