//! Hundreds of random changes of a corp, while events are lost, duplicated and reordered, interleaved with ticks and
//! reconciles. After a last reconcile the bundle agrees with WeCom in every field.
//!
//! A failure names its seed, and the same seed repeats the same operations.

use std::collections::BTreeSet;
use std::time::Duration;

use ::sync::SyncTuning;
use domain::channel::ChannelId;
use domain::ports::CountStore;
use jiff::tz::TimeZone;
use platform::store::Store;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::json;
use wecom_sandbox::{
    Corp, DeliveryMode, JoinScene, MemberEdit, MemberSetup, MemberStatus, QuitScene, RelationTruth,
    SandboxOptions, Scan, Truth,
};

use crate::agreement::differences;
use crate::crashing::FaultPoint;
use crate::external_world::ExternalWorld;
use crate::sync_scene::{Process, TUNING, corp_id, departments};
use crate::time::Time;
use crate::world::World;

/// Operations of one history.
const OPERATIONS: usize = 300;
/// The number of operations between two ticks, two reconciles and two changes of the delivery mode.
const TICK: usize = 30;
const RECONCILE: usize = 110;
const DELIVERY: usize = 20;
/// The members who never leave, so that there are always some.
const STAFF: [&str; 3] = ["zhangsan", "lisi", "wangwu"];

/// A corp to which random changes happen.
struct History {
    time: Time,
    rng: StdRng,
    corp: Corp,
    channels: Vec<String>,
    /// All pairs (customer, member) that were ever in contact.
    contacts: Vec<(String, String)>,
    /// All adds by a channel: (channel, member, customer).
    scanned: BTreeSet<(String, String, String)>,
    number: usize,
}

impl History {
    fn random_below(&mut self, length: usize) -> usize {
        self.rng.random_range(0..length.max(1))
    }

    fn choose<T: Clone>(&mut self, items: &[T]) -> Option<T> {
        let index = self.random_below(items.len());
        items.get(index).cloned()
    }

    fn is_one_in(&mut self, number: usize) -> bool {
        self.random_below(number) == 0
    }

    fn name(&mut self, what: &str) -> String {
        self.number += 1;
        format!("{what}{}", self.number)
    }

    /// Applies one random change. A change that is impossible in the current state is skipped.
    fn next_operation(&mut self) {
        let truth = self.corp.truth();
        match self.random_below(32) {
            0..=5 => self.add_customer(&truth),
            6 => self.confirm_half_adds(),
            7..=10 => self.edit_customer(&truth),
            11..=15 => self.rename_or_end_relation(&truth),
            16..=19 => self.change_members(&truth),
            20..=23 => self.change_tags(&truth),
            _ => self.change_groups(&truth),
        }
    }

    fn add_customer(&mut self, truth: &Truth) {
        let known = self
            .choose(&self.contacts.clone())
            .filter(|_| self.is_one_in(3));
        let scan = Scan {
            half: self.is_one_in(4),
            name: Some(self.name("客户")),
            customer: known.map(|(customer, _)| customer),
            wecom_user: self.is_one_in(8),
            ..Scan::default()
        };
        let channel = self.choose(&self.channels.clone());
        let added = match channel.filter(|_| !self.is_one_in(3)) {
            Some(channel) => {
                let added = self.corp.scan(&channel, &scan);
                // A customer who already has the member causes no event and is no add.
                if let Ok(added) = &added
                    && !added.events.is_empty()
                {
                    let (customer, member) = (&added.external_userid, &added.userid);
                    self.scanned
                        .insert((channel, member.clone(), customer.clone()));
                }
                added
            }
            None => {
                let member = self.choose(&truth.members);
                let full = Scan {
                    half: false,
                    ..scan
                };
                self.corp.add_by_search(&member.unwrap().userid, &full)
            }
        };
        if let Ok(added) = added {
            self.contacts.push((added.external_userid, added.userid));
        }
    }

    fn confirm_half_adds(&mut self) {
        for (customer, member) in self.contacts.clone() {
            if self.is_one_in(2) {
                let _not_half = self.corp.member_confirms(&customer, &member);
            }
        }
    }

    fn edit_customer(&mut self, truth: &Truth) {
        let Some(RelationTruth {
            userid,
            external_userid,
            tag_ids,
            ..
        }) = self.choose(&truth.relations)
        else {
            return;
        };
        let tags: Vec<String> = truth
            .tag_groups
            .iter()
            .flat_map(|group| &group.tags)
            .map(|tag| tag.id.clone())
            .collect();
        let mut edit = MemberEdit::default();
        match self.random_below(4) {
            0 => edit.remark = Some(self.name("备注")),
            1 => edit.description = Some(self.name("描述")),
            2 => edit.add_tags = self.choose(&tags).into_iter().collect(),
            _ => edit.remove_tags = tag_ids,
        }
        self.corp
            .member_edits(&external_userid, &userid, &edit)
            .unwrap();
    }

    fn rename_or_end_relation(&mut self, truth: &Truth) {
        let Some((customer, member)) = self.choose(&self.contacts.clone()) else {
            return;
        };
        let _ignored_if_impossible = match self.random_below(4) {
            0 => {
                let known = self
                    .choose(&truth.customers)
                    .map(|known| known.external_userid);
                let name = self.name("改名");
                let renamed = known.map(|known| self.corp.customer_is_renamed(&known, &name));
                return renamed.unwrap_or(Ok(())).unwrap();
            }
            1 | 2 => self.corp.customer_leaves(&customer, &member),
            _ => self.corp.member_removes(&customer, &member),
        };
    }

    fn change_members(&mut self, truth: &Truth) {
        let member = self.choose(&truth.members).unwrap().userid;
        let (name, corp) = (self.name("员工"), self.corp.clone());
        match self.random_below(8) {
            0 | 1 => {
                let departments = self.departments();
                let setup = MemberSetup {
                    departments,
                    ..MemberSetup::new(self.name("m"), name)
                };
                corp.member_joins(setup).unwrap();
            }
            2 => corp.member_is_renamed(&member, &name).unwrap(),
            3 => corp.member_moves(&member, &self.departments()).unwrap(),
            4 => corp
                .member_gets_function(&member, self.is_one_in(2))
                .unwrap(),
            5 => corp.member_takes_alias(&member, &name).unwrap(),
            6 => corp
                .member_gets_status(
                    &member,
                    self.choose(&[MemberStatus::Active, MemberStatus::Disabled])
                        .unwrap(),
                )
                .unwrap(),
            _ if STAFF.contains(&member.as_str()) => {
                corp.member_gets_position(&member, &name).unwrap();
            }
            _ => corp.member_leaves(&member).unwrap(),
        }
    }

    fn departments(&mut self) -> Vec<u32> {
        self.choose(&[vec![], vec![2], vec![3], vec![3, 1]])
            .unwrap()
    }

    fn change_tags(&mut self, truth: &Truth) {
        let (name, corp) = (self.name("标签"), self.corp.clone());
        let Some(group) = self.choose(&truth.tag_groups) else {
            corp.console_creates_tags(&name, &["甲", "乙"]).unwrap();
            return;
        };
        let ids: Vec<&str> = group.tags.iter().map(|tag| tag.id.as_str()).collect();
        let tag = self.choose(&ids).unwrap();
        match self.random_below(7) {
            0 => drop(corp.console_creates_tags(&name, &["甲", "乙"]).unwrap()),
            1 => drop(corp.console_adds_tag(&group.id, &name).unwrap()),
            2 => drop(corp.console_renames_tag(tag, &name).unwrap()),
            3 => drop(corp.console_renames_tag(&group.id, &name).unwrap()),
            4 => drop(corp.console_orders_tags(Some(&group.id), &ids).unwrap()),
            5 => drop(corp.console_deletes_tag(tag).unwrap()),
            _ => drop(corp.console_deletes_tag(&group.id).unwrap()),
        }
    }

    fn change_groups(&mut self, truth: &Truth) {
        let (name, corp) = (self.name("群"), self.corp.clone());
        let member = self.choose(&truth.members).unwrap().userid;
        let begins = truth.groups.len() < 2 || self.is_one_in(5);
        let Some(group) = self.choose(&truth.groups).filter(|_| !begins) else {
            corp.group_begins(&member, &name).unwrap();
            return;
        };
        let person = self
            .choose(&truth.customers)
            .map(|customer| customer.external_userid);
        let person = person
            .filter(|_| !self.is_one_in(3))
            .unwrap_or(member.clone());
        let inside = self.choose(&group.members).unwrap().id;
        let scene = self.choose(&[JoinScene::QrCode(None), JoinScene::Invited(member.clone())]);
        let _ignored_if_impossible = match self.random_below(8) {
            0..=2 => corp.group_is_joined(&group.chat_id, &[&person], &scene.unwrap()),
            3 => corp.group_is_left(&group.chat_id, &[&inside], QuitScene::Left),
            4 => corp.group_is_renamed(&group.chat_id, &name),
            5 => corp.group_notice_changes(&group.chat_id, &name),
            6 => corp.group_changes_owner(&group.chat_id, &member),
            _ if self.is_one_in(2) => corp.group_is_dissolved(&group.chat_id),
            _ => {
                let _not_inside = corp.group_has_admins(&group.chat_id, &[&inside]);
                return;
            }
        };
    }

    /// A random delivery mode.
    fn delivery_mode(&mut self) -> DeliveryMode {
        DeliveryMode {
            copies: self.choose(&[1, 1, 2, 3]).unwrap(),
            lose_every: self.choose(&[None, Some(1), Some(2), Some(5)]).unwrap(),
            reorder: self.choose(&[0, 0, 3, 8]).unwrap(),
            paused: false,
        }
    }
}

impl History {
    /// Channels with fewer counted adds than relations at WeCom, or more than there were scans.
    async fn miscounted(&self, store: &Store) -> Vec<String> {
        let relations = self.corp.truth().relations;
        let mut found = Vec::new();
        for channel in &self.channels {
            let listed = relations
                .iter()
                .filter(|it| it.state.as_ref() == Some(channel));
            let scanned = self.scanned.iter().filter(|(of, _, _)| of == channel);
            let (least, most) = (listed.count(), scanned.count());
            let added = counted(&self.time, store, channel).await;
            if !(least..=most).contains(&added) {
                found.push(format!(
                    "{channel}: {added} adds are counted, expected {least} to {most}"
                ));
            }
        }
        found
    }
}

/// The adds that the bundle has counted for a channel.
async fn counted(time: &Time, store: &Store, channel: &str) -> usize {
    let today = time.now().to_zoned(TimeZone::get("Asia/Shanghai").unwrap());
    let (from, to) = (today.yesterday().unwrap().date(), today.date());
    let (corp, channel) = (corp_id(), ChannelId::parse(channel).unwrap());
    let days = store.days(&corp, &channel, from, to).await.unwrap();
    let added: u64 = days.values().map(|day| day.added).sum();
    usize::try_from(added).unwrap()
}

async fn check_history(seed: u64) {
    let options = SandboxOptions {
        seed,
        ..SandboxOptions::default()
    };
    let external = ExternalWorld::with_departments(options, &departments()).await;
    let world: World = external.world().await;
    let platform = external.platform(&world.stack.dynamodb_url, "sync");
    let process = Process::new(
        &platform,
        &external.time,
        "sync",
        SyncTuning {
            members_per_chunk: 3,
            ..TUNING
        },
        &FaultPoint::none(),
    );
    let mut history = History {
        rng: StdRng::seed_from_u64(seed),
        corp: external.corp.clone(),
        time: external.time.clone(),
        channels: Vec::new(),
        contacts: Vec::new(),
        scanned: BTreeSet::new(),
        number: 0,
    };
    for operation in 1..=OPERATIONS {
        history.next_operation();
        if operation % (OPERATIONS / 4) == 1 {
            let truth = external.corp.truth();
            let group = history.choose(&truth.tag_groups);
            let tags: Vec<String> = group
                .into_iter()
                .map(|group| group.tags[0].id.clone())
                .collect();
            let fields = json!({"users": STAFF, "tag_ids": tags});
            history.channels.push(world.channel(fields).await.id);
        }
        if operation % DELIVERY == 0 {
            external.wecom.set_delivery_mode(history.delivery_mode());
        }
        if operation % TICK == 0 {
            process.tick_until_idle().await;
        }
        if operation % RECONCILE == 0 {
            assert_eq!(
                process.reconcile().await["state"],
                "finished",
                "seed {seed}"
            );
        }
    }
    external.wecom.set_delivery_mode(DeliveryMode::default());
    external.all_delivered().await;
    // A reading of a group is newer than an event only from two seconds after the event (doc 92130), so a reading in
    // the next second updates everything except groups.
    for (seconds, with_groups) in [(1, false), (2, true)] {
        external.time.passes(Duration::from_secs(seconds));
        process.tick_until_idle().await;
        assert_eq!(
            process.reconcile().await["state"],
            "finished",
            "seed {seed}"
        );
        // Tags and counts of the last events may not be stored yet.
        let mut patience = external.time.patience();
        loop {
            let mut found = differences(&platform.store, &external.corp).await;
            found.extend(history.miscounted(&platform.store).await);
            found.retain(|what| with_groups || !what.starts_with("group"));
            if found.is_empty() {
                break;
            }
            let last = format!("seed {seed}: {found:#?}");
            patience.wait_to_poll(&last).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reconcile_after_a_random_history_agrees_with_wecom() {
    let histories = (1..=4).map(|seed| tokio::spawn(check_history(seed)));
    let ended = futures::future::join_all(histories).await;
    let failures = ended.iter().filter(|ended| ended.is_err()).count();
    assert_eq!(failures, 0, "the messages of failed tasks are above");
}
