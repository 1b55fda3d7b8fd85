//! Changes during a reconcile: two processes at once, a paused process, events between the reading of an object and its
//! writing. Barriers in the ports fix the order of the steps.

use std::time::Duration;

use ::sync::{LeaseTuning, SyncTuning};
use domain::ports::RunStore;
use platform::start::Platform;
use wecom::UserId;
use wecom_sandbox::{Growth, Happening, JoinScene, MemberEdit, QuitScene, SandboxOptions, Scan};

use crate::agreement::{active_customers, assert_agreement};
use crate::crashing::FaultPoint;
use crate::external_world::ExternalWorld;
use crate::sync_scene::{Process, Scene, TUNING, corp_id, departments};
use crate::world::World;

/// Leases that do not expire during a test.
const LONG: SyncTuning = SyncTuning {
    lease: LeaseTuning {
        lease: Duration::from_secs(60),
        ..TUNING.lease
    },
    ..TUNING
};

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_reconciles_do_the_work_once() {
    let alone = Scene::new().await;
    let both = Scene::new().await;
    let relations = Growth {
        relations: 30,
        ..Growth::default()
    };
    for scene in [&alone, &both] {
        scene.external.corp.grow(&relations).unwrap();
    }
    let calls = |scene: &Scene| scene.external.wecom.calls_of("batch/get_by_user").len();
    let none = FaultPoint::none();
    alone.process("one", LONG, &none).reconcile().await;

    let [first, second] = ["one", "two"].map(|owner| both.process(owner, LONG, &none));
    let (first, second) = tokio::join!(first.reconcile(), second.reconcile());
    let states = [&first["state"], &second["state"]];
    assert!(
        states.iter().any(|state| *state == "finished"),
        "{states:?}"
    );
    assert_eq!(first["run_id"], second["run_id"]);
    assert_eq!(
        states.iter().filter(|state| **state == "continues").count(),
        1
    );
    assert_eq!(calls(&both), calls(&alone));
    assert_agreement(both.store(), &both.external.corp, "two at once").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_paused_longer_than_its_lease_does_no_harm() {
    for point in [
        "before customers",
        "after customers",
        "before put_page",
        "after active_customers",
        "after group_chat",
        "before save_run",
    ] {
        let scene = Scene::new().await;
        let corp = &scene.external.corp;
        let some = Growth {
            relations: 20,
            groups: 2,
            ..Growth::default()
        };
        corp.grow(&some).unwrap();
        let pause = FaultPoint::wait_at(point);
        let paused = scene.process("paused", TUNING, &pause);
        let (answer, ()) = tokio::join!(paused.reconcile(), async {
            assert_eq!(pause.reached().await, point);
            scene.external.next_second();
            let truth = corp.truth();
            let pair = |at: usize| {
                let relation = &truth.relations[at];
                (relation.external_userid.as_str(), relation.userid.as_str())
            };
            let (removed, edited) = (pair(0), pair(1));
            corp.member_removes(removed.0, removed.1).unwrap();
            corp.member_edits(edited.0, edited.1, &remark("another"))
                .unwrap();
            corp.add_by_search("lisi", &Scan::default()).unwrap();
            corp.group_is_renamed(&truth.groups[0].chat_id, "另一个")
                .unwrap();
            scene
                .process("second", TUNING, &FaultPoint::none())
                .tick_until_idle()
                .await;
            pause.release();
        });
        assert_eq!(
            answer["state"], "continues",
            "another process holds the run now"
        );
        let (running, last) = scene.store().runs(&corp_id()).await.unwrap();
        assert_eq!((running, last.unwrap().error), (None, None), "{point}");
        // Changes that the second process read too early are found by the next reconcile.
        scene.external.next_second();
        scene
            .process("third", TUNING, &FaultPoint::none())
            .reconcile()
            .await;
        assert_agreement(scene.store(), corp, point).await;
    }
}

fn remark(remark: &str) -> MemberEdit {
    MemberEdit {
        remark: Some(remark.to_owned()),
        ..MemberEdit::default()
    }
}

/// A whole bundle, and further processes of the sync that a test starts.
struct BundleScene {
    external: ExternalWorld,
    world: World,
    platform: Platform,
}

impl BundleScene {
    async fn new() -> Self {
        let external =
            ExternalWorld::with_departments(SandboxOptions::default(), &departments()).await;
        let world = external.world().await;
        let platform = external.platform(&world.stack.dynamodb_url, "sync");
        Self {
            external,
            world,
            platform,
        }
    }

    fn process(&self, fault_point: &FaultPoint) -> Process {
        Process::new(
            &self.platform,
            &self.external.time,
            "run",
            LONG,
            fault_point,
        )
    }

    /// Runs a tick that handles every delivered event. A tick takes events received before its own millisecond.
    async fn tick(&self) {
        self.external.all_delivered().await;
        self.external.time.passes(Duration::from_millis(1));
        let tick = Process::new(
            &self.platform,
            &self.external.time,
            "tick",
            LONG,
            &FaultPoint::none(),
        )
        .tick()
        .await;
        assert!(tick["folded"].is_u64(), "{tick}");
    }

    /// Starts a reconcile and pauses it at `point`. Then runs `changes` in a later second and a tick that handles their
    /// events, and resumes the reconcile. After another tick the bundle agrees with WeCom.
    async fn during_a_run(&self, point: &'static str, changes: impl AsyncFnOnce()) {
        let pause = FaultPoint::wait_at(point);
        let process = self.process(&pause);
        let (answer, ()) = tokio::join!(process.reconcile(), async {
            assert_eq!(pause.reached().await, point);
            self.external.next_second();
            changes().await;
            self.external.next_second();
            self.tick().await;
            pause.release();
        });
        assert_eq!(answer["state"], "finished", "{point}: {answer}");
        self.tick().await;
        assert_agreement(&self.platform.store, &self.external.corp, point).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_reverted_during_a_run_stays_reverted() {
    let scene = BundleScene::new().await;
    let corp = &scene.external.corp;
    let Happening {
        external_userid,
        userid,
        ..
    } = corp.add_by_search("lisi", &Scan::default()).unwrap();
    let edits = |text: &str| {
        corp.member_edits(&external_userid, &userid, &remark(text))
            .unwrap()
    };
    edits("one");
    scene.external.next_second();
    scene.tick().await;
    scene.world.without_delivery(|| edits("two"));
    for point in ["after customers", "after compare"] {
        scene.during_a_run(point, async || drop(edits("one"))).await;
        scene.world.without_delivery(|| edits("two"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn events_during_a_run_are_not_undone_by_it() {
    let scene = BundleScene::new().await;
    let (world, corp) = (&scene.world, &scene.external.corp);
    let channel = world.channel_with_welcome("hi").await;
    for point in [
        "after follow_users",
        "after tag_library",
        "before customers",
        "after customers",
        "after compare",
        "before put_page",
        "after active_customers",
        "after groups",
        "after group_chat",
        "before put_group",
    ] {
        // Changes before the run, without events, so that the run has rows to write.
        let tags =
            world.without_delivery(|| corp.console_creates_tags("等级", &["A", "B"]).unwrap());
        let [left, removed, back, edited] = world.without_delivery(|| {
            ["zhangsan", "lisi", "lisi", "wangwu"]
                .map(|member| corp.add_by_search(member, &Scan::default()).unwrap())
        });
        let [renamed, dissolved, joined, left_group] = world.without_delivery(|| {
            let create = |name| corp.group_begins("lisi", name).unwrap().chat_id;
            ["一", "二", "三", "四"].map(create)
        });
        let invited = JoinScene::Invited("lisi".to_owned());
        world.without_delivery(|| {
            corp.group_is_joined(&left_group, &["wangwu"], &invited)
                .unwrap();
            corp.member_removes(&back.external_userid, &back.userid)
                .unwrap();
        });
        let changes = async || {
            corp.scan(&channel.id, &Scan::default()).unwrap();
            corp.add_by_search("wangwu", &Scan::default()).unwrap();
            corp.customer_leaves(&left.external_userid, &left.userid)
                .unwrap();
            corp.member_removes(&removed.external_userid, &removed.userid)
                .unwrap();
            let again = Scan {
                customer: Some(back.external_userid.clone()),
                ..Scan::default()
            };
            corp.scan(&channel.id, &again).unwrap();
            let edit = MemberEdit {
                add_tags: tags.tag_ids[..1].to_vec(),
                ..remark("又一个")
            };
            corp.member_edits(&edited.external_userid, &edited.userid, &edit)
                .unwrap();
            corp.console_renames_tag(&tags.tag_ids[1], "C").unwrap();
            corp.console_creates_tags("新的", &["x"]).unwrap();
            corp.group_is_renamed(&renamed, "另一个").unwrap();
            corp.group_is_dissolved(&dissolved).unwrap();
            corp.group_is_joined(&joined, &["zhangsan"], &invited)
                .unwrap();
            corp.group_is_left(&left_group, &["wangwu"], QuitScene::Left)
                .unwrap();
            corp.group_begins("wangwu", "新群").unwrap();
        };
        scene.during_a_run(point, changes).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_change_reverted_during_a_run_stays_reverted() {
    let scene = BundleScene::new().await;
    let (world, corp) = (&scene.world, &scene.external.corp);
    let tags = corp.console_creates_tags("等级", &["A"]).unwrap();
    scene.external.next_second();
    scene.tick().await;
    let renames = |name| drop(corp.console_renames_tag(&tags.tag_ids[0], name).unwrap());
    world.without_delivery(|| renames("B"));
    scene
        .during_a_run("after tag_library", async || renames("A"))
        .await;
    let new = world.without_delivery(|| corp.console_creates_tags("新的", &["x"]).unwrap());
    let deletes = async || drop(corp.console_deletes_tag(&new.group_id).unwrap());
    scene.during_a_run("after tag_library", deletes).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_change_during_a_run_is_not_undone() {
    let scene = BundleScene::new().await;
    let (world, corp) = (&scene.world, &scene.external.corp);
    let group = corp.group_begins("lisi", "一").unwrap().chat_id;
    scene.external.next_second();
    scene.tick().await;
    let renames = |name| drop(corp.group_is_renamed(&group, name).unwrap());
    world.without_delivery(|| renames("二"));
    scene
        .during_a_run("after group_chat", async || renames("一"))
        .await;
    // The second group is dissolved before it was ever stored.
    corp.group_is_dissolved(&group).unwrap();
    scene.external.next_second();
    scene.tick().await;
    let new = world.without_delivery(|| corp.group_begins("lisi", "三").unwrap().chat_id);
    let dissolves = async || drop(corp.group_is_dissolved(&new).unwrap());
    scene.during_a_run("after group_chat", dissolves).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_event_does_not_undo_a_newer_reading_by_a_run() {
    let scene = BundleScene::new().await;
    let (world, corp) = (&scene.world, &scene.external.corp);
    let group = corp.group_begins("lisi", "一").unwrap().chat_id;
    let invited = JoinScene::Invited("lisi".to_owned());
    corp.group_is_joined(&group, &["wangwu"], &invited).unwrap();
    scene.external.next_second();
    scene.tick().await;
    world.without_delivery(|| corp.group_is_renamed(&group, "二").unwrap());
    corp.group_is_left(&group, &["wangwu"], QuitScene::Left)
        .unwrap();
    scene.external.all_delivered().await;
    // A tick handles events that were received in an earlier millisecond.
    scene.external.next_second();
    let pause = FaultPoint::wait_at("after group");
    let tick = Process::new(&scene.platform, &scene.external.time, "tick", LONG, &pause);
    tokio::join!(tick.tick(), async {
        pause.reached().await;
        // A reading three seconds after an event includes the change of the event (doc 92130).
        for _ in 0..3 {
            scene.external.next_second();
        }
        scene.process(&FaultPoint::none()).reconcile().await;
        pause.release();
    });
    assert_agreement(&scene.platform.store, corp, "after both").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_customer_is_lost_when_members_lose_the_function_during_a_run() {
    let scene = Scene::new().await;
    let corp = &scene.external.corp;
    let some = Growth {
        relations: 20,
        ..Growth::default()
    };
    corp.grow(&some).unwrap();
    let all = corp.truth().relations.len();
    scene
        .process("first", LONG, &FaultPoint::none())
        .reconcile()
        .await;
    let pause = FaultPoint::wait_at("before customers");
    let run = scene.process("second", LONG, &pause);
    scene.external.next_second();
    let (answer, ()) = tokio::join!(run.reconcile(), async {
        pause.reached().await;
        for member in ["zhangsan", "lisi", "wangwu"] {
            corp.member_gets_function(member, false).unwrap();
        }
        pause.release();
    });
    assert_eq!(answer["state"], "finished");
    let mut active = 0;
    for member in ["zhangsan", "lisi", "wangwu"] {
        active += active_customers(scene.store(), &UserId::from(member))
            .await
            .len();
    }
    assert_eq!(active, all);
}
