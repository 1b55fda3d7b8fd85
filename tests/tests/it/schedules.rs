//! The members in a contact way: shifts over midnight, holidays, daily limits, a backup; and that WeCom is updated only
//! when the list of members changes.
//!
//! Shifts are evaluated at times that the test chooses, years ahead; limits count the current day.

use domain::channel::ChannelId;
use domain::ports::{ChannelStore, CountStore};
use futures::future::join_all;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use operations::duty::{self, AlignError, Aligned};
use platform::start::Platform;
use scrm_local::config::DEMO_CORP;
use serde_json::{Value, json};
use wecom::CorpId;
use wecom_sandbox::{DeliveryMode, Fault, Scan};

use crate::crashing::FaultPoint;
use crate::external_world::ExternalWorld;
use crate::world::{Channel, World, json_at};

/// A bundle, and the adapters with which a test aligns channels as the sync does.
struct Scene {
    external: ExternalWorld,
    world: World,
    platform: Platform,
    corp: CorpId,
    timezone: TimeZone,
}

impl Scene {
    async fn new() -> Self {
        let external = ExternalWorld::new(&["contact"]).await;
        let world = external.world().await;
        let platform = external.platform(&world.stack.dynamodb_url, "sync");
        Self {
            external,
            world,
            platform,
            corp: CorpId::from(DEMO_CORP),
            timezone: TimeZone::get("Asia/Shanghai").unwrap(),
        }
    }

    /// A channel of zhangsan and lisi with this schedule, and wangwu as its backup.
    async fn channel(&self, mut schedule: Value) -> Channel {
        schedule["backup"] = json!(["wangwu"]);
        let fields = json!({"users": ["zhangsan", "lisi"], "schedule": schedule});
        self.world.channel(fields).await
    }

    /// This local time of the corp as a timestamp.
    fn at(&self, local: &str) -> Timestamp {
        let local: DateTime = local.parse().unwrap();
        local.to_zoned(self.timezone.clone()).unwrap().timestamp()
    }

    async fn align(&self, channel: &Channel, now: Timestamp) -> Result<Aligned, AlignError> {
        let (store, wecom) = (&self.platform.store, &self.platform.wecom);
        duty::align(store, wecom, &self.corp, &id(channel), &self.timezone, now).await
    }

    /// The members at WeCom, in alphabetical order.
    async fn at_wecom(&self, channel: &Channel) -> String {
        let url = format!("{}/api/corps/{DEMO_CORP}", self.external.wecom_url);
        let page = json_at(url).await;
        let mut channels = page["channels"].as_array().unwrap().iter();
        let is_it = |one: &&Value| {
            one["id"] == channel.json["config_id"] || one["id"] == channel.json["link_id"]
        };
        let members = channels.find(is_it).unwrap()["members"].as_array().unwrap();
        sorted(members.iter().map(|member| &member["userid"]))
    }

    /// The channel as the bundle has stored it.
    async fn stored(&self, channel: &Channel) -> domain::channel::Channel {
        let stored = self.platform.store.channel(&self.corp, &id(channel)).await;
        stored.unwrap().unwrap()
    }

    /// Waits until exactly these members (in alphabetical order) are stored, and checks that WeCom has the same.
    async fn on_duty_are(&self, channel: &Channel, names: &str) {
        let path = path(channel);
        let names_of = |json: &Value| {
            let names = json["on_duty"].as_array();
            sorted(names.into_iter().flatten())
        };
        self.world
            .eventually(names, &path, |json| names_of(json) == names)
            .await;
        assert_eq!(self.at_wecom(channel).await, names);
    }

    /// The number of adds that are counted today.
    async fn counted(&self, channel: &Channel) -> u64 {
        let today = self.timezone.to_datetime(self.external.time.now()).date();
        let store = &self.platform.store;
        let counts = store.adds_on(&self.corp, &id(channel), today).await;
        counts.unwrap().values().sum()
    }

    /// The member lists of all updates of contact ways.
    fn updated_lists(&self) -> Vec<Value> {
        let requests = self.world.requests("update_contact_way").into_iter();
        requests.map(|request| request["user"].clone()).collect()
    }
}

fn sorted<'a>(names: impl Iterator<Item = &'a Value>) -> String {
    let mut names: Vec<_> = names.filter_map(Value::as_str).collect();
    names.sort_unstable();
    names.join(" ")
}

fn id(channel: &Channel) -> ChannelId {
    ChannelId::parse(&channel.id).unwrap()
}

fn path(channel: &Channel) -> String {
    format!("channels/{}", channel.id)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_contact_way_changes_only_at_shift_and_holiday_boundaries() {
    let scene = Scene::new().await;
    // 2126-01-07 is a Monday, and Thursday is a holiday on which lisi works in the evening.
    let channel = scene
        .channel(json!({
            "shifts": [
                {"users": ["lisi"], "weekdays": ["mon", "tue", "wed", "thu"], "from": "22:00", "to": "06:00"},
                {"users": ["zhangsan"], "weekdays": [1, 2, 3, 4, 5], "from": "09:00", "to": "18:00"},
                {"users": ["lisi"], "dates": ["2126-01-10"], "from": "18:00", "to": "20:00"},
                // This shift lies within another one and changes nothing.
                {"users": ["zhangsan"], "weekdays": [1, 2, 3, 4, 5], "from": "10:00", "to": "12:00"},
            ],
            "holidays": ["2126-01-10"],
        }))
        .await;
    let (mut now, end) = (scene.at("2126-01-09T00:00"), scene.at("2126-01-11T12:00"));
    scene.align(&channel, now).await.unwrap();
    let calls = scene.updated_lists().len();
    let mut lists = vec![(String::from("09 00:00"), scene.at_wecom(&channel).await)];
    while now < end {
        let aligned = scene.align(&channel, now).await.unwrap();
        let due = aligned.due.unwrap().timestamp();
        assert!(due > now, "{due}");
        if aligned.changed {
            let local = scene.timezone.to_datetime(now);
            let list = scene.at_wecom(&channel).await;
            lists.push((local.strftime("%d %H:%M").to_string(), list));
        }
        // Between two boundaries an alignment changes nothing.
        for quarter in 1..4 {
            let between = now + (due.duration_since(now) / 4) * quarter;
            assert!(!scene.align(&channel, between).await.unwrap().changed);
        }
        now = due;
    }
    let expected = [
        ("09 00:00", "lisi"),
        ("09 06:00", "wangwu"),
        ("09 09:00", "zhangsan"),
        ("09 18:00", "wangwu"),
        ("09 22:00", "lisi"),
        // Wednesday's night shift continues into the holiday.
        ("10 06:00", "wangwu"),
        ("10 18:00", "lisi"),
        ("10 20:00", "wangwu"),
        ("11 09:00", "zhangsan"),
    ]
    .map(|(at, list)| (at.to_owned(), list.to_owned()));
    assert_eq!(lists, expected);
    assert_eq!(scene.updated_lists().len() - calls, expected.len() - 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_at_the_limit_is_removed_before_the_next_customer() {
    let scene = Scene::new().await;
    let tags = scene.world.tags(&["展会"]);
    let channel = scene
        .world
        .channel(json!({
            "kind": "acquisition_link", "users": ["zhangsan", "lisi"], "tag_ids": tags,
            "schedule": {"daily_limit": 2, "daily_limits": {"lisi": 1}, "backup": ["wangwu"]},
        }))
        .await;
    assert_eq!(channel.json["on_duty"], json!(["zhangsan", "lisi"]));
    let scan = async |member: &str| {
        let member = Some(member.to_owned());
        let scan = Scan {
            member,
            ..Scan::default()
        };
        let url = channel.json["url"].as_str().unwrap();
        let customer = scene
            .world
            .customer(scene.world.corp.scan(url, &scan).unwrap());
        customer.outcome("tags", "tagged").await;
        customer
    };
    for (member, on_duty) in [
        ("zhangsan", "lisi zhangsan"),
        ("zhangsan", "lisi"),
        ("lisi", "wangwu"),
        ("wangwu", "wangwu"),
        ("wangwu", "wangwu"),
        ("wangwu", "wangwu"),
    ] {
        let customer = scan(member).await;
        scene.on_duty_are(&channel, on_duty).await;
        // A redelivered event is not counted again.
        scene.world.wecom.redeliver(customer.events[0]);
    }
    scene.world.all_delivered().await;
    assert_eq!(scene.counted(&channel).await, 6);
    assert_eq!(scene.world.calls("customer_acquisition/update_link"), 2);

    let tomorrow = scene.external.time.now() + SignedDuration::from_hours(24);
    assert!(scene.align(&channel, tomorrow).await.unwrap().changed);
    assert_eq!(scene.at_wecom(&channel).await, "lisi zhangsan");
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_concurrent_scans_send_each_member_list_once() {
    let scene = Scene::new().await;
    let channel = scene.channel(json!({"daily_limit": 3})).await;
    // Every event comes twice, and all scans happen before a member can reach the limit.
    let mode = scene.world.wecom.delivery_mode();
    let twice = DeliveryMode { copies: 2, ..mode };
    scene.world.wecom.set_delivery_mode(twice);
    let customers: Vec<_> = (0..50).map(|_| scene.world.scan(&channel)).collect();
    for customer in &customers {
        customer.outcome("tags", "no_tags").await;
    }
    scene.on_duty_are(&channel, "wangwu").await;
    scene.world.all_delivered().await;
    assert_eq!(scene.counted(&channel).await, 50);
    let lists = scene.updated_lists();
    assert_eq!(lists.last(), Some(&json!(["wangwu"])));
    // zhangsan and lisi may reach the limit at two moments, and no list is sent twice.
    assert!(lists.len() <= 2, "{lists:?}");

    let late = scene.world.scan(&channel);
    assert_eq!(late.userid, "wangwu");
    late.outcome("tags", "no_tags").await;
    assert_eq!(scene.updated_lists().len(), lists.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_list_update_delays_no_customer_and_is_retried() {
    let scene = Scene::new().await;
    let lost = Fault::DropConnection { after_effect: true };
    for (fault, unclear) in [
        (lost, true),
        (Fault::Code(-1), true),
        (Fault::Code(60111), false),
    ] {
        let channel = scene.channel(json!({"daily_limit": 1})).await;
        // After a lost response the client repeats the request.
        scene
            .world
            .wecom
            .faults()
            .next("update_contact_way", 1, fault);
        let members = ["zhangsan", "lisi"];
        for member in members {
            let scan = Scan {
                member: Some(member.to_owned()),
                ..Scan::default()
            };
            let customer = scene.world.scan_as(&channel, scan);
            customer.outcome("tags", "no_tags").await;
        }
        let stored = scene.stored(&channel).await;
        let seconds_left = stored.duty_until.unwrap().get() - scene.external.time.second();
        if stored.update_lease_until.is_some() {
            assert!(unclear && seconds_left <= 60, "{fault:?}: {stored:?}");
        }
        let later = scene.external.time.now() + SignedDuration::from_secs(61);
        scene.align(&channel, later).await.unwrap();
        scene.on_duty_are(&channel, "wangwu").await;
        assert_eq!(scene.stored(&channel).await.update_lease_until, None);
        scene.world.wecom.faults().clear();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_concurrent_alignments_only_one_updates_wecom() {
    let scene = Scene::new().await;
    let channel = scene
        .channel(json!({"shifts": [{"dates": ["2126-01-07"]}]}))
        .await;
    let now = scene.at("2126-01-07T00:00");
    for _ in 0..3 {
        let alignments = (0..8).map(|_| scene.align(&channel, now));
        let aligned: Vec<_> = join_all(alignments).await.into_iter().collect();
        assert!(aligned.iter().all(Result::is_ok), "{aligned:?}");
    }
    assert_eq!(scene.updated_lists(), [json!(["zhangsan", "lisi"])]);
    scene.on_duty_are(&channel, "lisi zhangsan").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_concurrent_change_by_an_operator_wins() {
    let scene = Scene::new().await;
    let channel = scene
        .channel(json!({"shifts": [{"dates": ["2126-01-07"]}]}))
        .await;
    let slow = Fault::Slow(std::time::Duration::from_millis(500));
    scene
        .world
        .wecom
        .faults()
        .next("update_contact_way", 1, slow);
    let align = scene.align(&channel, scene.at("2126-01-07T00:00"));
    let patch = async {
        let is_updating =
            |wecom: &wecom_sandbox::Sandbox| wecom.peak_in_flight("update_contact_way") == 1;
        scene
            .world
            .until("WeCom is being updated", is_updating)
            .await;
        let patch = json!({"name": "门店", "users": ["lisi"]});
        scene.world.operator.patch(&path(&channel), &patch).await
    };
    let both = async { tokio::join!(align, patch) };
    let (aligned, patched) = scene.world.time.drive(both).await;
    let (status, answer) = patched.unwrap();
    assert!([200, 409].contains(&status), "{answer}");
    aligned.unwrap();
    // The slower of the two has read again, so the stored members equal those at WeCom.
    let stored = scene.stored(&channel).await;
    assert_eq!(stored.update_lease_until, None);
    let mut members: Vec<_> = stored.members().iter().map(|user| user.as_str()).collect();
    // WeCom returns them in the order of their ids.
    members.sort_unstable();
    assert_eq!(scene.at_wecom(&channel).await, members.join(" "));
    if status == 200 {
        assert_eq!(stored.spec.name, "门店");
        let users: Vec<_> = stored.spec.users.iter().map(|user| user.as_str()).collect();
        assert_eq!(users, ["lisi"]);
        // The alignment evaluates a day with a shift, the change the present day, which has none: then the backup is on
        // duty.
        assert!(members == ["lisi"] || members == ["wangwu"], "{members:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alignment_that_crashes_at_any_step_is_completed_by_the_next() {
    let scene = Scene::new().await;
    let mut crashes = Vec::new();
    for point in 0.. {
        let channel = scene
            .channel(json!({"daily_limit": 9, "shifts": [{"dates": ["2126-01-07"]}]}))
            .await;
        let now = scene.at("2126-01-07T00:00");
        let fault_point = FaultPoint::at(point);
        let Platform { store, wecom, .. } = scene
            .external
            .platform(&scene.world.stack.dynamodb_url, "sync");
        let (store, wecom, id) = (
            fault_point.wrap(store),
            fault_point.wrap(wecom),
            id(&channel),
        );
        let alignment = duty::align(&store, &wecom, &scene.corp, &id, &scene.timezone, now);
        let crash = tokio::select! {
            point = fault_point.reached() => Some(point),
            aligned = alignment => { aligned.unwrap(); None }
        };
        // A minute later, the lease of the crashed alignment has expired.
        let again = now + SignedDuration::from_secs(61);
        scene.align(&channel, again).await.unwrap();
        scene.on_duty_are(&channel, "lisi zhangsan").await;
        assert_eq!(
            scene.stored(&channel).await.update_lease_until,
            None,
            "{crash:?}"
        );
        match crash {
            Some(crash) => crashes.push(crash),
            None => break,
        }
    }
    let steps = [
        "channel",
        "adds_on",
        "put_channel",
        "update",
        "put_channel",
        "channel",
        "adds_on",
    ];
    let expected = steps
        .iter()
        .flat_map(|step| [format!("before {step}"), format!("after {step}")]);
    assert_eq!(crashes, expected.collect::<Vec<_>>());
}
