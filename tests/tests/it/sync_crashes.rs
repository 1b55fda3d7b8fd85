//! A scheduled sync whose process is killed between any two steps: the next process resumes, and the bundle agrees with
//! WeCom in the end.

use std::collections::BTreeMap;

use ::sync::Task;
use domain::channel::ChannelId;
use domain::instant::UnixMillis;
use domain::ports::{CountStore, EventStore, RelationStore, RunStore};
use domain::relation::{RelationKey, Status};
use futures::StreamExt;
use jiff::tz::TimeZone;
use platform::store::Store;
use wecom::{ExternalUserId, UserId};
use wecom_sandbox::{
    DeliveryMode, Growth, Happening, JoinScene, MemberEdit, MemberSetup, QuitScene, SandboxOptions,
    Scan,
};

use crate::agreement::assert_agreement;
use crate::crashing::FaultPoint;
use crate::external_world::ExternalWorld;
use crate::split_stack::SplitStack;
use crate::sync_scene::{Process, Scene, TUNING, corp_id, departments, make_channel};
use crate::time::Time;

/// Corps that are synced concurrently, each with a process that crashes at another point. Most of the time they wait
/// for leases to expire.
const CONCURRENCY: usize = 12;
/// Every third point is tested, alternately one before a step and one after a step; testing all takes minutes.
const STRIDE: usize = 3;
/// Customers of the channel.
const SCANS: usize = 2;

/// Fills the corp without delivering any event: members with more customers than fit on a page, a channel whose
/// customers lack its tags, tag groups, customer groups, departments.
async fn fill_corp(scene: &Scene) -> ChannelId {
    let (wecom, corp) = (&scene.external.wecom, &scene.external.corp);
    wecom.set_delivery_mode(DeliveryMode {
        lose_every: Some(1),
        ..DeliveryMode::default()
    });
    let tags = corp.console_creates_tags("来源", &["展会", "官网"]);
    let tags = tags.unwrap().tag_ids;
    let channel = make_channel(&scene.platform, &tags[..1]).await;
    for _ in 0..SCANS {
        corp.scan(channel.as_str(), &Scan::default()).unwrap();
    }
    // One customer more than fits on a page, for lisi and wangwu, who are read together.
    corp.member_gets_function("zhangsan", false).unwrap();
    let growth = Growth {
        relations: 101,
        groups: 1,
        seed: 5,
        ..Growth::default()
    };
    corp.grow(&growth).unwrap();
    corp.member_gets_function("zhangsan", true).unwrap();
    let alone = MemberSetup {
        departments: vec![3],
        has_function: false,
        ..MemberSetup::new("m4", "赵六")
    };
    corp.member_joins(alone).unwrap();
    let group = corp.group_begins("lisi", "老客户").unwrap().chat_id;
    let invited = JoinScene::Invited("lisi".to_owned());
    corp.group_is_joined(&group, &["wangwu"], &invited).unwrap();
    channel
}

/// The counted adds and losses of the channel.
async fn counted(time: &Time, store: &Store, channel: &ChannelId) -> (u64, u64) {
    let today = time.now().to_zoned(TimeZone::get("Asia/Shanghai").unwrap());
    let yesterday = today.yesterday().unwrap().date();
    let corp = corp_id();
    let days = store.days(&corp, channel, yesterday, today.date());
    let days = days.await.unwrap();
    let sum = |count: fn(&domain::tally::DayCounts) -> u64| days.values().map(count).sum();
    (sum(|day| day.added), sum(|day| day.lost))
}

/// A reconcile crashes at `point`, another process resumes it, and the bundle agrees with WeCom. Returns the crash
/// point.
async fn reconcile_crashes_at(point: usize) -> Option<String> {
    let scene = Scene::new().await;
    let channel = fill_corp(&scene).await;
    let first = scene.process("first", TUNING, &FaultPoint::at(point));
    let crash = first.crashes_before(Task::Reconcile).await;
    drop(first);
    let second = scene.process("second", TUNING, &FaultPoint::none());
    second.tick_until_idle().await;
    let store = scene.store();
    let (running, last) = store.runs(&corp_id()).await.unwrap();
    assert_eq!(running, None);
    if last.is_none() {
        // The run had not begun.
        assert_eq!(crash.as_deref(), Some("before take_run"));
        second.reconcile().await;
    }
    let context = format!("{point}: {crash:?}");
    assert_agreement(store, &scene.external.corp, &context).await;
    assert_eq!(
        counted(&scene.external.time, store, &channel).await,
        (SCANS as u64, 0),
        "{context}"
    );
    let (_, last) = store.runs(&corp_id()).await.unwrap();
    let last = last.unwrap();
    assert_eq!((last.lost, last.error), (0, None), "{context}");
    for relation in scene.external.corp.truth().relations {
        let is_lacking = relation.state.as_deref() == Some(channel.as_str());
        assert!(!is_lacking || relation.tag_ids.len() == 1, "{context}");
    }
    crash
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reconcile_that_crashes_at_any_step_is_resumed_and_completed() {
    let scene = Scene::new().await;
    fill_corp(&scene).await;
    let counter = FaultPoint::none();
    let process = scene.process("whole", TUNING, &counter);
    assert_eq!(process.reconcile().await["state"], "finished");
    let points = counter.passed();
    let crashes = futures::stream::iter((0..points).step_by(STRIDE))
        .map(|point| async move { tokio::spawn(reconcile_crashes_at(point)).await })
        .buffer_unordered(CONCURRENCY);
    let mut by_point = BTreeMap::<String, usize>::new();
    let crashes: Vec<_> = crashes.collect().await;
    let failures = crashes.iter().filter(|crash| crash.is_err()).count();
    assert_eq!(failures, 0, "the messages of failed tasks are above");
    for point in crashes.into_iter().filter_map(|crash| crash.unwrap()) {
        *by_point.entry(point).or_default() += 1;
    }
    let crashes: usize = by_point.values().sum();
    // Concurrent steps happen in any order, and the end of a run may take fewer steps.
    assert!(
        points > 120 && crashes + 2 >= points / STRIDE,
        "{points}: {by_point:?}"
    );
}

/// Events of every kind that a tick handles arrive, and the tick crashes at `point`; the next tick completes the work.
async fn tick_crashes_at(point: usize) -> (Option<String>, usize) {
    let options = SandboxOptions::default();
    let external = ExternalWorld::with_departments(options, &departments()).await;
    let split = SplitStack::new(&external).await;
    let (platform, corp) = (split.platform("sync"), &external.corp);
    let channel = make_channel(&platform, &[]).await;
    let process = |owner, fault_point: &FaultPoint| {
        Process::new(&platform, &external.time, owner, TUNING, fault_point)
    };
    let [left, removed] =
        ["lisi", "wangwu"].map(|member| corp.add_by_search(member, &Scan::default()).unwrap());
    let group = corp.group_begins("lisi", "一").unwrap().chat_id;
    let ends = corp.group_begins("lisi", "二").unwrap().chat_id;
    let invited = JoinScene::Invited("lisi".to_owned());
    corp.group_is_joined(&group, &["wangwu"], &invited).unwrap();
    external.all_delivered().await;
    // No other function runs, so the reconcile finds them.
    let scan = || corp.scan(channel.as_str(), &Scan::default()).unwrap();
    let customers: Vec<Happening> = (0..SCANS).map(|_| scan()).collect();
    process("before", &FaultPoint::none()).reconcile().await;
    process("before", &FaultPoint::none()).tick().await;
    for customer in &customers {
        let edit = MemberEdit {
            remark: Some("李总".to_owned()),
            ..MemberEdit::default()
        };
        corp.member_edits(&customer.external_userid, &customer.userid, &edit)
            .unwrap();
    }
    // WeCom still lists a customer who left: only the event says so.
    for left in [&left, &customers[0]] {
        corp.customer_leaves(&left.external_userid, &left.userid)
            .unwrap();
    }
    corp.member_removes(&removed.external_userid, &removed.userid)
        .unwrap();
    corp.console_creates_tags("来源", &["展会"]).unwrap();
    corp.group_is_left(&group, &["wangwu"], QuitScene::Left)
        .unwrap();
    corp.group_is_dissolved(&ends).unwrap();
    corp.group_begins("wangwu", "三").unwrap();
    external.all_delivered().await;
    external.next_second();
    let fault_point = FaultPoint::at(point);
    let crash = process("first", &fault_point)
        .crashes_before(Task::Tick)
        .await;
    process("second", &FaultPoint::none())
        .tick_until_idle()
        .await;
    let context = format!("{point}: {crash:?}");
    assert_agreement(&platform.store, corp, &context).await;
    assert_eq!(
        counted(&external.time, &platform.store, &channel).await,
        (SCANS as u64, 1),
        "{context}"
    );
    let corp = corp_id();
    for left in [&left, &customers[0]] {
        let key = RelationKey {
            member: UserId::from(left.userid.as_str()),
            customer: ExternalUserId::from(left.external_userid.as_str()),
        };
        let relation = platform.store.relation(&corp, &key).await.unwrap().unwrap();
        assert_eq!(relation.status(), Status::Lost, "{context}");
    }
    let work = platform
        .store
        .pending_events(&corp, UnixMillis(i64::MAX), 100)
        .await
        .unwrap();
    assert!(work.is_empty(), "{context}: {work:?}");
    (crash, fault_point.passed())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tick_that_crashes_at_any_step_is_completed_by_the_next() {
    let (crash, points) = tick_crashes_at(usize::MAX).await;
    assert_eq!(crash, None);
    let crashes = futures::stream::iter((0..points).step_by(STRIDE))
        .map(|point| async move { tokio::spawn(tick_crashes_at(point)).await })
        .buffer_unordered(CONCURRENCY / 3);
    let crashes: Vec<_> = crashes.collect().await;
    let failures = crashes.iter().filter(|crash| crash.is_err()).count();
    assert_eq!(failures, 0, "the messages of failed tasks are above");
    let crashed = crashes
        .into_iter()
        .filter(|crash| crash.as_ref().unwrap().0.is_some());
    let crashed = crashed.count();
    assert!(
        points > 50 && crashed + 2 >= points / STRIDE,
        "{crashed} of {points}"
    );
}
