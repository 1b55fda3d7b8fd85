//! A corp that is as large as a test wants it, with a past, at once.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::{Corp, VerbError};
use crate::model::moment::unix_s_of;
use crate::model::{
    CorpState, Customer, Group, GroupMember, GroupStatus, Id, Ids, Pair, Relation, Welcomed,
};
use crate::setup::MemberSetup;

/// The relations begin within two years from November 2023.
const PAST: u64 = 1_700_000_000;
const PAST_LENGTH_S: u64 = 2 * 365 * 24 * 3600;
const COMPANIES: [&str; 4] = ["远山贸易", "晨光科技", "和平设备", "南湖食品"];
/// Ways to come without a channel: phone search, card, group, WeChat contact, shared by a colleague, assigned by an
/// administrator (WeCom doc 92114).
const OTHER_WAYS: [i64; 6] = [2, 3, 4, 6, 201, 202];
const REMARKS: [&str; 6] = ["老客户", "已报价", "周五回访", "王总介绍", "待签约", "VIP"];

/// How much a corp grows: [`Corp::grow`].
#[derive(Clone, Debug, Default)]
pub struct Growth {
    /// New members, `m000001` and so on, spread over the departments there are.
    pub members: usize,
    /// New relations, of the new members or, if there are none, of all members with the customer-contact function. Some
    /// members have up to three times as many as others.
    pub relations: usize,
    /// New customer groups of those members, each of three to twelve people.
    pub groups: usize,
    /// States of channels, by which six in ten of the relations come.
    pub states: Vec<String>,
    /// The same seed, grown upon the same corp, gives the same.
    pub seed: u64,
}

/// What has grown.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Grown {
    /// The userids of the new members.
    pub members: Vec<String>,
    /// New customers; a tenth of them have two members.
    pub customers: usize,
    /// New relations.
    pub relations: usize,
    /// The chat ids of the new groups.
    pub groups: Vec<String>,
}

impl Corp {
    /// Grows the corp without an event, a welcome or a chat, as if it had been there for years.
    ///
    /// Nine in ten of the customers use WeChat and have a unionid, the rest use WeCom. A tenth have two members. Some
    /// relations have remarks, descriptions and phone numbers; three in ten have one to three of the corp's tags, which
    /// are to be made before. All began within two years from November 2023. A new corp of a million relations costs
    /// about 600 bytes for each.
    ///
    /// # Errors
    ///
    /// When there are relations or groups to grow and no member to have them.
    pub fn grow(&self, growth: &Growth) -> Result<Grown, VerbError> {
        self.adjust(|corp| Gardener::new(corp, growth).grow())
    }
}

/// The growing of one corp.
struct Gardener<'a> {
    corp: &'a mut CorpState,
    growth: &'a Growth,
    chance: StdRng,
    words: Ids,
    states: Vec<Id>,
    companies: Vec<Id>,
    tags: Vec<Id>,
}

impl<'a> Gardener<'a> {
    fn new(corp: &'a mut CorpState, growth: &'a Growth) -> Self {
        let live = corp.tags.live_groups();
        let tags = live.flat_map(|group| group.live_tags().map(|tag| tag.id.as_str().into()));
        Self {
            tags: tags.collect(),
            chance: StdRng::seed_from_u64(growth.seed),
            words: Ids::new(growth.seed),
            states: growth.states.iter().map(|it| it.as_str().into()).collect(),
            companies: COMPANIES.iter().map(|it| Id::from(*it)).collect(),
            corp,
            growth,
        }
    }

    fn grow(mut self) -> Result<Grown, VerbError> {
        let new = self.members()?;
        let old = self.corp.members.values();
        let old = old.filter(|member| member.has_function);
        let having: Vec<Id> = if new.is_empty() {
            old.map(|member| member.userid.clone()).collect()
        } else {
            new.clone()
        };
        if having.is_empty() && (self.growth.relations > 0 || self.growth.groups > 0) {
            return Err(VerbError::NoMember);
        }
        let customers = self.customers(&having);
        let groups = self.groups(&having, &customers);
        Ok(Grown {
            members: new.iter().map(ToString::to_string).collect(),
            customers: customers.len(),
            relations: self.growth.relations,
            groups,
        })
    }

    fn members(&mut self) -> Result<Vec<Id>, VerbError> {
        let departments: Vec<u32> = self.corp.departments.keys().copied().collect();
        let mut new = Vec::with_capacity(self.growth.members);
        let mut number = 0;
        while new.len() < self.growth.members {
            number += 1;
            let userid = format!("m{number:06}");
            // An earlier growth has made this one.
            if self.corp.member(&userid).is_some() {
                continue;
            }
            let place = self.prefixed(departments.len());
            let member = MemberSetup {
                departments: departments.get(place).copied().into_iter().collect(),
                ..MemberSetup::new(userid.as_str(), format!("员工{number}"))
            };
            let added = self.corp.add_member(member);
            added.map_err(|_| VerbError::NoDepartment)?;
            let member = self.corp.member(&userid);
            new.extend(member.map(|member| member.userid.clone()));
        }
        Ok(new)
    }

    /// Customers until there are as many relations as are wanted. The relations are sorted into the map all at once,
    /// which takes a fraction of the time and leaves its nodes full.
    fn customers(&mut self, having: &[Id]) -> Vec<Pair> {
        let mut new: Vec<(Pair, Box<Relation>)> = Vec::with_capacity(self.growth.relations);
        let mut customers = Vec::new();
        while new.len() < self.growth.relations {
            let (id, mut customer) = self.customer();
            let first = self.share(having.len());
            let second =
                (having.len() > 1 && new.len() + 1 < self.growth.relations && self.is_one_in(10))
                    .then(|| (first + 1 + self.prefixed(having.len() - 1)) % having.len());
            for place in std::iter::once(first).chain(second) {
                let Some(userid) = having.get(place) else {
                    continue;
                };
                customer.is_followed_by(userid);
                new.push(((userid.clone(), id.clone()), self.relation()));
            }
            self.corp.customers.insert(id.clone(), Box::new(customer));
            customers.extend(having.get(first).map(|userid| (userid.clone(), id)));
        }
        self.corp.relations.append(&mut new.into_iter().collect());
        customers
    }

    fn customer(&mut self) -> (Id, Customer) {
        let is_wecom = self.is_one_in(10);
        let prefix = if is_wecom { "wo" } else { "wm" };
        let mut id = self.words.word(prefix, 30);
        // A second growth from the same seed begins with the ids of the first.
        while self.corp.customers.contains_key(id.as_str()) {
            id = self.words.word(prefix, 30);
        }
        let number = self.corp.customers.len() + 1;
        let place = self.prefixed(self.companies.len());
        let customer = Customer {
            name: format!("客户{number}").into(),
            kind: if is_wecom { 2 } else { 1 },
            unionid: (!is_wecom).then(|| self.words.word("o", 27).into()),
            gender: self.chance.random_range(0..=2),
            has_avatar: !self.is_one_in(5),
            company: self.companies.get(place).filter(|_| is_wecom).cloned(),
            followers: Vec::new(),
        };
        (id.into(), customer)
    }

    fn relation(&mut self) -> Box<Relation> {
        let began = self.moment();
        let mut relation = Relation::new(began);
        // Whoever came long ago is welcomed no more.
        relation.welcomed = Welcomed::Done;
        relation.chatting = true;
        if !self.states.is_empty() && !self.is_one_in(5) && !self.is_one_in(4) {
            let place = self.prefixed(self.states.len());
            relation.state = self.states.get(place).cloned();
            relation.add_way = 1;
        } else {
            let place = self.prefixed(OTHER_WAYS.len());
            relation.add_way = OTHER_WAYS.get(place).copied().unwrap_or_default();
        }
        if self.is_one_in(4) {
            let place = self.prefixed(REMARKS.len());
            relation.remark = REMARKS.get(place).copied().unwrap_or_default().into();
        }
        if self.is_one_in(20) {
            relation.description = "展会上认识，想要报价".into();
        }
        if self.is_one_in(20) {
            let number = self.chance.random_range(0..100_000_000);
            relation.remark_mobiles = vec![format!("138{number:08}")];
        }
        if !self.tags.is_empty() && self.prefixed(10) < 3 {
            for _ in 0..=self.prefixed(3) {
                let place = self.prefixed(self.tags.len());
                relation.tag(self.tags.get(place).cloned());
            }
            relation.tag_ids.shrink_to_fit();
        }
        Box::new(relation)
    }

    fn groups(&mut self, having: &[Id], customers: &[Pair]) -> Vec<String> {
        let mut new = Vec::with_capacity(self.growth.groups);
        while new.len() < self.growth.groups {
            let mut chat_id = self.words.word("wr", 30);
            while self.corp.groups.contains_key(chat_id.as_str()) {
                chat_id = self.words.word("wr", 30);
            }
            let place = self.share(having.len());
            let Some(owner) = having.get(place).cloned() else {
                break;
            };
            let group = self.group(&owner, having, customers, new.len() + 1);
            self.corp.groups.insert(chat_id.as_str().into(), group);
            new.push(chat_id);
        }
        new
    }

    fn group(&mut self, owner: &Id, having: &[Id], customers: &[Pair], number: usize) -> Group {
        let began = unix_s_of(self.moment());
        let mut group = Group {
            name: format!("客户群{number}"),
            owner: owner.clone(),
            notice: String::new(),
            created: began,
            status: GroupStatus::Normal,
            admins: Vec::new(),
            members: Vec::new(),
            member_version: self.words.hex(),
            dissolved: false,
        };
        let second = self.prefixed(having.len());
        let colleague = having.get(second).cloned();
        let mut people: Vec<(Id, u8)> = vec![(owner.clone(), 1)];
        people.extend(colleague.map(|id| (id, 1)));
        for _ in 0..3 + self.prefixed(8) {
            let place = self.prefixed(customers.len());
            people.extend(customers.get(place).map(|(_, id)| (id.clone(), 2)));
        }
        for (id, kind) in people {
            if group.place_of(&id).is_some() {
                continue;
            }
            let join_scene = if kind == 1 {
                1
            } else {
                self.chance.random_range(1..=3)
            };
            let place = self.prefixed(self.states.len());
            let state = self.states.get(place).filter(|_| join_scene == 3).cloned();
            let nickname = if self.is_one_in(10) {
                "群里的我"
            } else {
                ""
            };
            group.members.push(GroupMember {
                id,
                kind,
                joined: began + self.chance.random_range(0..1_000_000),
                join_scene,
                invitor: (join_scene < 3).then(|| owner.clone()),
                nickname: nickname.into(),
                state,
            });
        }
        group
    }

    /// A place among so many, those in front more often than those behind: the first has half as many again as one in
    /// the middle.
    fn share(&mut self, length: usize) -> usize {
        let rank = self.prefixed(length.saturating_mul(length));
        // The square root of an even spread leans to the end.
        let leaning = length.saturating_sub(1).saturating_sub(rank.isqrt());
        if self.is_one_in(2) {
            leaning
        } else {
            self.prefixed(length)
        }
    }

    fn moment(&mut self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(PAST + self.chance.random_range(0..PAST_LENGTH_S))
    }

    /// A place among so many; 0 if there are none.
    fn prefixed(&mut self, length: usize) -> usize {
        self.chance.random_range(0..length.max(1))
    }

    fn is_one_in(&mut self, number: usize) -> bool {
        self.prefixed(number) == 0
    }
}
