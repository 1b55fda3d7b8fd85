//! Lists of customers that stop, fail or are incomplete: no customer is marked lost before all lists were read
//! completely.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use sync::{SyncTuning, Task};
use wecom_sandbox::{Fault, Growth, RelationTruth};

use crate::copy;
use crate::external_world::ExternalWorld;
use crate::instance::{Instance, QUICK};
use crate::world::World;

const LIST: &str = "batch/get_by_user";
/// Time for one page of each member, which takes [`PAGE`].
const INVOCATION: Duration = Duration::from_millis(80);
const PAGE: Duration = Duration::from_millis(100);
/// A number of failing calls that no test reaches.
const ALWAYS: usize = 1_000_000;

/// A bundle that has read a corp, and an instance of the sync that the test invokes.
struct Scene {
    external: ExternalWorld,
    world: World,
    instance: Instance,
}

impl Scene {
    /// A corp whose three members have this many relations in all, which are all stored.
    async fn new(relations: usize, pace: SyncTuning) -> Self {
        let external = ExternalWorld::new(&["contact"]).await;
        let world = external.world().await;
        let growth = Growth {
            relations,
            ..Growth::default()
        };
        world.corp.grow(&growth).unwrap();
        let instance = Instance::on(&external, &world, pace);
        let scene = Self {
            external,
            world,
            instance,
        };
        assert_eq!(scene.run(Task::Reconcile).await["state"], "finished");
        copy::agrees(&scene.world).await;
        scene
    }

    /// Runs a task with a long timeout.
    async fn run(&self, task: Task) -> Value {
        self.instance.invoke(task, Duration::from_secs(60)).await
    }

    /// A member removes some customers, and no event is delivered.
    fn remove_some_of(&self, member: &str) -> Vec<RelationTruth> {
        let of_member = |relation: &RelationTruth| relation.userid == member;
        let relations = self.world.corp.truth().relations.into_iter();
        let removed: Vec<_> = relations.filter(of_member).step_by(3).collect();
        self.world.without_delivery(|| {
            for relation in &removed {
                let (customer, member) = (&relation.external_userid, &relation.userid);
                self.world.corp.member_removes(customer, member).unwrap();
            }
        });
        removed
    }

    async fn active(&self) -> BTreeSet<(String, String)> {
        let active = copy::active(&self.world.store(), &self.world.corp).await;
        active.into_iter().collect()
    }

    /// The relations at WeCom.
    fn at_wecom(&self) -> BTreeSet<(String, String)> {
        let relations = self.world.corp.truth().relations.into_iter();
        relations
            .map(|relation| (relation.userid, relation.external_userid))
            .collect()
    }

    async fn last(&self) -> Value {
        self.world.get("sync").await["last"].take()
    }
}

/// Defect of OpenSCRM: a sync that stops at a timeout keeps partial data as complete.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_stopped_by_a_timeout_resumes_until_it_is_complete() {
    let scene = Scene::new(420, QUICK).await;
    let removed = scene.remove_some_of("lisi");
    let calls = scene.world.calls(LIST);
    let faults = scene.world.wecom.faults();
    faults.next(LIST, ALWAYS, Fault::Slow(PAGE));
    let mut ran = scene.instance.invoke(Task::Reconcile, INVOCATION).await;
    let (id, mut invocations) = (ran["run_id"].clone(), 1);
    while ran["state"] == "continues" {
        assert_eq!(ran["run_id"], id, "it is the same run");
        let (active, at_wecom) = (scene.active().await, scene.at_wecom());
        assert!(
            active.is_superset(&at_wecom),
            "no existing customer is marked lost"
        );
        let sync = scene.world.get("sync").await;
        let running = &sync["running"];
        assert_eq!(
            (&running["id"], sync["last"]["id"] == id),
            (&id, false),
            "{sync}"
        );
        // Reaching the deadline is not an error.
        assert_eq!(running["error"], json!(null), "{sync}");
        invocations += 1;
        let tick = scene.instance.invoke(Task::Tick, INVOCATION).await;
        ran = tick["corps"][scene.world.corp.id()]["run"].clone();
        assert!(invocations < 200, "it makes no progress: {sync}");
    }
    assert_eq!(ran, json!({"run_id": id, "state": "finished"}));
    assert!(invocations > 2, "{invocations}");
    faults.clear();
    copy::agrees(&scene.world).await;
    assert_eq!(scene.active().await, scene.at_wecom());
    let last = scene.last().await;
    assert_eq!((&last["id"], &last["lost"]), (&id, &json!(removed.len())));
    // No page is read twice, except one per invocation that it had no time to write. A member has about 6 pages.
    assert!(
        scene.world.calls(LIST) - calls <= 18 + invocations,
        "pages are read repeatedly"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn reconciles_in_the_same_second_find_every_loss() {
    let scene = Scene::new(90, QUICK).await;
    let second = scene.world.time.second();
    for member in ["zhangsan", "lisi", "wangwu", "lisi"] {
        let removed = scene.remove_some_of(member);
        assert_eq!(scene.run(Task::Reconcile).await["state"], "finished");
        assert_eq!(scene.active().await, scene.at_wecom(), "{member}");
        let last = scene.last().await;
        assert_eq!(last["lost"], removed.len(), "{member}: {last}");
        assert_eq!(scene.run(Task::Reconcile).await["state"], "finished");
        let last = scene.last().await;
        assert_eq!((&last["lost"], &last["writes"]), (&json!(0), &json!(0)));
    }
    assert_eq!(scene.world.time.second(), second, "all within one second");
    copy::agrees(&scene.world).await;
}

/// Defect of Venus: one failed list call marks all customers of a member as lost.
#[tokio::test(flavor = "multi_thread")]
async fn a_failed_list_call_marks_no_customer_lost() {
    let scene = Scene::new(360, QUICK).await;
    let removed = scene.remove_some_of("zhangsan");
    let known = scene.active().await;
    let faults = [
        Fault::Code(-1),
        Fault::Http(502),
        Fault::Code(45033),
        Fault::DropConnection {
            after_effect: false,
        },
    ];
    for fault in faults {
        // The second page that is read, of whatever member, and all later ones.
        scene.world.wecom.faults().after(LIST, 1, ALWAYS, fault);
        let ran = scene
            .instance
            .invoke(Task::Reconcile, Duration::from_secs(3))
            .await;
        assert_eq!(ran["state"], "continues", "{fault:?}: {ran}");
        let lost: Vec<_> = known.difference(&scene.active().await).cloned().collect();
        let is_true =
            |pair: &(String, String)| removed.iter().any(|gone| gone.external_userid == pair.1);
        assert!(lost.iter().all(is_true), "{fault:?}");
        scene.world.wecom.faults().clear();
    }
    // The interrupted run resumes.
    let tick = scene.run(Task::Tick).await;
    assert_eq!(
        tick["corps"][scene.world.corp.id()]["run"]["state"],
        "finished"
    );
    assert_eq!(scene.active().await, scene.at_wecom());
    let last = scene.last().await;
    assert_eq!(
        (&last["lost"], &last["error"]),
        (&json!(removed.len()), &json!(null))
    );
    copy::agrees(&scene.world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_refused_by_wecom_is_skipped_and_the_others_are_read() {
    for code in [60111, 60011, 84061, 84083, 40003] {
        let together = SyncTuning {
            members_per_chunk: 100,
            ..QUICK
        };
        let scene = Scene::new(240, together).await;
        let removed = ["lisi", "wangwu", "zhangsan"].map(|member| scene.remove_some_of(member));
        let known = scene.active().await;
        // The second page of the list of all three members, and then the first page of the first member.
        scene
            .world
            .wecom
            .faults()
            .after(LIST, 1, 1, Fault::Code(code));
        let alone = if code == 84061 { 60111 } else { code };
        scene.world.wecom.faults().next(LIST, 1, Fault::Code(alone));
        let ran = scene.run(Task::Reconcile).await;
        assert_eq!(ran["state"], "finished", "{code}: {ran}");
        let active = scene.active().await;
        let of = |member: &str, pairs: &BTreeSet<(String, String)>| {
            let own = pairs.iter().filter(|(userid, _)| userid == member);
            own.cloned().collect::<BTreeSet<_>>()
        };
        assert_eq!(
            of("lisi", &active),
            of("lisi", &known),
            "{code}: no loss is inferred"
        );
        for member in ["wangwu", "zhangsan"] {
            assert_eq!(
                of(member, &active),
                of(member, &scene.at_wecom()),
                "{code}: {member}"
            );
        }
        // After the error is gone, exactly the missing customers are lost.
        scene.run(Task::Reconcile).await;
        assert_eq!(scene.active().await, scene.at_wecom(), "{code}");
        assert_eq!(scene.last().await["lost"], removed[0].len(), "{code}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_cursor_restarts_the_list() {
    let scene = Scene::new(450, QUICK).await;
    let removed = scene.remove_some_of("wangwu");
    scene
        .world
        .wecom
        .faults()
        .after(LIST, 3, ALWAYS, Fault::Code(-1));
    let ran = scene
        .instance
        .invoke(Task::Reconcile, Duration::from_secs(2))
        .await;
    assert_eq!(ran["state"], "continues", "{ran}");
    scene.world.wecom.faults().clear();
    scene.world.wecom.stale_cursors();
    let tick = scene.run(Task::Tick).await;
    assert_eq!(
        tick["corps"][scene.world.corp.id()]["run"]["state"],
        "finished",
        "{tick}"
    );
    let refused = scene.world.wecom.calls_of(LIST);
    assert!(
        refused.iter().any(|call| call.errcode == 50100),
        "no cursor was stale"
    );
    copy::agrees(&scene.world).await;
    assert_eq!(scene.active().await, scene.at_wecom());
    assert_eq!(scene.last().await["lost"], removed.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn customers_of_departed_or_invisible_members_are_not_lost() {
    let scene = Scene::new(90, QUICK).await;
    let known = scene.active().await;
    scene.world.corp.member_leaves("lisi").unwrap();
    scene
        .world
        .corp
        .app_sees("contact", &["zhangsan"], &[])
        .unwrap();
    assert_eq!(scene.run(Task::Reconcile).await["state"], "finished");
    assert_eq!(scene.active().await, known);
    assert_eq!(scene.last().await["lost"], 0);
    scene.world.corp.app_sees_everybody("contact").unwrap();
    scene.run(Task::Reconcile).await;
    assert_eq!(scene.active().await, known);
    copy::members_agree(&scene.world.store(), &scene.world.corp).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn losing_function_or_licence_during_a_run_loses_no_customer() {
    let scene = Scene::new(240, QUICK).await;
    let known = scene.active().await;
    // The members are listed, and then the first pages are refused.
    scene
        .world
        .wecom
        .faults()
        .next(LIST, ALWAYS, Fault::Code(-1));
    let stop = Duration::from_secs(2);
    let ran = scene.instance.invoke(Task::Reconcile, stop).await;
    assert_eq!(ran["state"], "continues", "{ran}");
    scene.world.wecom.faults().clear();
    scene
        .world
        .corp
        .member_gets_function("wangwu", false)
        .unwrap();
    scene.world.corp.member_gets_licence("lisi", false).unwrap();
    scene.run(Task::Tick).await;
    assert_eq!(scene.active().await, known);
    assert_eq!(scene.last().await["lost"], 0);
    scene
        .world
        .corp
        .member_gets_function("wangwu", true)
        .unwrap();

    // Another process resumes the list that reported a member without a licence.
    let together = SyncTuning {
        members_per_chunk: 100,
        ..QUICK
    };
    let instance = Instance::on(&scene.external, &scene.world, together);
    scene
        .world
        .wecom
        .faults()
        .after(LIST, 1, ALWAYS, Fault::Code(-1));
    let ran = instance.invoke(Task::Reconcile, stop).await;
    assert_eq!(ran["state"], "continues", "{ran}");
    scene.world.wecom.faults().clear();
    scene.world.corp.member_gets_licence("lisi", true).unwrap();
    let tick = scene.run(Task::Tick).await;
    assert_eq!(
        tick["corps"][scene.world.corp.id()]["run"]["state"],
        "finished",
        "{tick}"
    );
    assert_eq!(
        scene.active().await,
        known,
        "the licence came after the member's place in the list was read"
    );
}
