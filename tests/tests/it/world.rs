//! The vocabulary of the scenarios: `world.scan(&channel)`, `customer.sees("Hello")`,
//! `customer.timeline_tells("welcome", "sent")`.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use clock::Clock;
use platform::environment::Environment;
use platform::store::Store;
use scrm_local::config::DEMO_CORP;
use scrm_local::operator::{Answer, Schedules, http_client};
use scrm_local::stack::{DATA_TABLE, INBOX_TABLE, Stack, StackOptions, Wecom, aws_config};
use serde_json::{Value, json};
use wecom_sandbox::{Corp, DeliveryMode, EventId, Happening, Sandbox, SandboxOptions, Scan};

use crate::customer::Customer;
use crate::leftovers::Leftovers;
use crate::operator::Operator;
use crate::time::Time;

/// How long [`Sandbox`]'s own waits may take: patience with the machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);
/// The app of every world.
pub(crate) const APP: &str = "contact";

/// A bundle with its WeCom, and people.
pub(crate) struct World {
    pub(crate) stack: Stack,
    pub(crate) wecom: Sandbox,
    pub(crate) corp: Corp,
    pub(crate) operator: Operator,
    pub(crate) time: Time,
    /// Of a world whose WeCom ends with it.
    pub(crate) _leftovers: Option<Leftovers>,
}

/// A channel that an operator made.
#[derive(Debug, Clone)]
pub(crate) struct Channel {
    pub(crate) id: String,
    pub(crate) json: Value,
}

impl World {
    /// A bundle with an empty corp of three members: zhangsan, lisi, wangwu.
    pub(crate) async fn new() -> Self {
        Self::with(SandboxOptions::default()).await
    }

    /// The same with a WeCom that behaves as `options` say.
    pub(crate) async fn with(options: SandboxOptions) -> Self {
        let stack = |clock| StackOptions {
            port: 0,
            data: None,
            config: None,
            wecom: Wecom::Sandbox(options),
            clock,
        };
        Self::start(stack).await
    }

    /// The same on a stack that is made for the clock of the test.
    pub(crate) async fn start(options: impl FnOnce(Clock) -> StackOptions) -> Self {
        let time = Time::new();
        let stack = time
            .drive(Stack::start(options(time.clock())))
            .await
            .unwrap();
        let wecom = stack.sandbox.clone().unwrap();
        let corp = wecom.corp(DEMO_CORP).unwrap();
        let operator = Operator::new(&stack.url, DEMO_CORP, &stack.keys.admin_keys[0], &time);
        Self {
            stack,
            _leftovers: Some(Leftovers::of(&wecom)),
            wecom,
            corp,
            operator,
            time,
        }
    }

    /// Lets `duration` pass.
    pub(crate) fn time_passes(&self, duration: Duration) {
        self.time.passes(duration);
    }

    /// Tags that an administrator makes in the console.
    pub(crate) fn tags(&self, names: &[&str]) -> Vec<String> {
        self.corp
            .console_creates_tags("来源", names)
            .unwrap()
            .tag_ids
    }

    /// A channel of zhangsan, with a welcome that says `welcome`.
    pub(crate) async fn channel_that_says(&self, welcome: &str) -> Channel {
        self.channel(json!({"welcome": {"text": welcome}})).await
    }

    /// A channel of zhangsan with these fields besides.
    pub(crate) async fn channel(&self, fields: Value) -> Channel {
        let mut body = json!({"name": "展会", "users": ["zhangsan"]});
        body.as_object_mut()
            .unwrap()
            .extend(fields.as_object().unwrap().clone());
        let (status, json) = self.operator.post("channels", &body).await.unwrap();
        assert_eq!(status, 201, "{json}");
        let id = json["id"].as_str().unwrap().to_owned();
        Channel { id, json }
    }

    /// A default welcome of the corp.
    pub(crate) async fn default_welcome(&self, text: &str) {
        let (status, json) = self
            .operator
            .put("welcome", &json!({"corp": {"text": text}}))
            .await
            .unwrap();
        assert_eq!(status, 200, "{json}");
    }

    /// A new customer scans the code of `channel`.
    pub(crate) fn scan(&self, channel: &Channel) -> Customer<'_> {
        self.scan_as(channel, Scan::default())
    }

    /// Somebody scans the code of `channel` in a particular way.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "the way is written down at the call"
    )]
    pub(crate) fn scan_as(&self, channel: &Channel, scan: Scan) -> Customer<'_> {
        self.customer(self.corp.scan(&channel.id, &scan).unwrap())
    }

    /// A new customer finds a member by search, without any channel.
    pub(crate) fn search(&self, userid: &str) -> Customer<'_> {
        self.customer(self.corp.add_by_search(userid, &Scan::default()).unwrap())
    }

    pub(crate) fn customer(&self, happening: Happening) -> Customer<'_> {
        let Happening {
            external_userid,
            userid,
            events,
            ..
        } = happening;
        Customer {
            world: self,
            external_userid,
            userid,
            events,
        }
    }

    /// Waits until WeCom sees `holds`.
    pub(crate) async fn until(&self, what: &str, holds: impl Fn(&Sandbox) -> bool) {
        self.time.until_true(what, || holds(&self.wecom)).await;
    }

    /// Waits until every event is delivered.
    pub(crate) async fn all_delivered(&self) {
        let settled = self.wecom.settled(PATIENCE);
        self.time.drive(settled).await.unwrap();
    }

    /// Asks the admin API until its answer is as wanted, and returns it.
    pub(crate) async fn eventually(
        &self,
        what: &str,
        path: &str,
        holds: impl Fn(&Value) -> bool,
    ) -> Value {
        self.eventually_as(&self.operator, what, path, holds).await
    }

    /// Asks as another operator.
    pub(crate) async fn eventually_as(
        &self,
        operator: &Operator,
        what: &str,
        path: &str,
        holds: impl Fn(&Value) -> bool,
    ) -> Value {
        let look = async || {
            let (status, json) = operator.get(path).await.unwrap();
            if status == 200 && holds(&json) {
                return Ok(json);
            }
            Err(format!("{what}; the answer is {status} {json}"))
        };
        self.time.until(look).await
    }

    /// Waits until the numbers of `channel` are these, given as added, lost, welcomed, welcome_failed.
    pub(crate) async fn numbers(&self, channel: &Channel, numbers: [u64; 4]) {
        let [added, lost, welcomed, failed] = numbers;
        let wanted =
            json!({"added": added, "lost": lost, "welcomed": welcomed, "welcome_failed": failed});
        let path = format!("channels/{}/stats", channel.id);
        self.eventually(&format!("{wanted}"), &path, |stats| {
            stats["total"] == wanted
        })
        .await;
    }

    /// Calls of one API that reached WeCom.
    pub(crate) fn calls(&self, api: &str) -> usize {
        self.wecom.calls_of(api).len()
    }

    /// Reads the admin API, which must answer 200.
    pub(crate) async fn get(&self, path: &str) -> Value {
        let (status, json): Answer = self.operator.get(path).await.unwrap();
        assert_eq!(status, 200, "{path}: {json}");
        json
    }

    /// The tables as the functions see them.
    pub(crate) fn store(&self) -> Store {
        let environment = Environment {
            inbox_table: INBOX_TABLE.to_owned(),
            data_table: DATA_TABLE.to_owned(),
            secret_id: String::new(),
            wecom_api_base: String::new(),
            function_name: None,
        };
        Store::new(self.dynamodb(), &environment, self.time.clock())
    }

    /// Sends the sync what a schedule sends, and returns its answer.
    pub(crate) async fn schedule(&self, task: &str) -> Value {
        let schedules = Schedules::new(&self.stack.url);
        let (status, json) = self.time.drive(schedules.send(task)).await.unwrap();
        assert_eq!(status, 200, "{task}: {json}");
        json
    }

    /// Reconciles the corp, as far as one invocation comes.
    pub(crate) async fn reconcile(&self) -> Value {
        self.schedule("reconcile").await
    }

    /// A tick, and what it says of the corp.
    pub(crate) async fn tick(&self) -> Value {
        self.schedule("tick").await["corps"][DEMO_CORP].take()
    }

    /// Sends a tick each second until one says what is wanted: an event is folded in when it is a few seconds old.
    pub(crate) async fn tick_until(&self, wanted: impl Fn(&Value) -> bool) -> Value {
        let look = async || {
            let told = self.tick().await;
            if wanted(&told) {
                return Ok(told);
            }
            self.time_passes(Duration::from_secs(1));
            Err(format!("the last tick said {told}"))
        };
        self.time.until(look).await
    }

    /// Does `verb` while no callback tells of it; its events can be told later, in any order, by
    /// `redeliver`, or in other words by [`tell`](Self::tell).
    pub(crate) fn untold<T>(&self, verb: impl FnOnce() -> T) -> T {
        let mode = self.wecom.delivery_mode();
        self.wecom.set_delivery_mode(DeliveryMode {
            lose_every: Some(1),
            ..mode
        });
        let done = verb();
        self.wecom.set_delivery_mode(mode);
        done
    }

    /// The message of an event as it is before encryption.
    pub(crate) fn message(&self, event: EventId) -> String {
        self.wecom.event(event).unwrap().xml
    }

    /// WeCom tells the app what `xml` says.
    pub(crate) fn tell(&self, xml: &str) {
        self.corp.deliver_xml(APP, xml).unwrap();
    }

    /// The contact ways and links that there are at WeCom.
    pub(crate) async fn channels_at_wecom(&self) -> Vec<Value> {
        let url = format!("{}/sandbox/api/corps/{DEMO_CORP}", self.stack.url);
        let page = json_at(url).await;
        page["channels"].as_array().unwrap().clone()
    }

    /// The requests of one API, in the order of the answers.
    pub(crate) fn requests(&self, api: &str) -> Vec<Value> {
        let calls = self.wecom.calls_of(api).into_iter();
        calls.map(|call| call.request.clone()).collect()
    }

    /// The customers of the calls of one API, in the order of the answers.
    pub(crate) fn customers_of(&self, api: &str) -> Vec<String> {
        let customer = |request: &Value| request["external_userid"].as_str().map(str::to_owned);
        self.requests(api).iter().filter_map(customer).collect()
    }

    /// The embedded DynamoDB, for what the bundle's own interfaces do not show.
    pub(crate) fn dynamodb(&self) -> Client {
        Client::new(&aws_config(&self.stack.dynamodb_url).unwrap())
    }

    /// The events that are kept, as (id, name).
    pub(crate) async fn inbox(&self) -> Vec<(String, String)> {
        let scan = self
            .dynamodb()
            .scan()
            .table_name(INBOX_TABLE)
            .consistent_read(true);
        let items = scan
            .into_paginator()
            .items()
            .send()
            .collect::<Result<Vec<_>, _>>();
        let text = |item: &HashMap<String, AttributeValue>, name| {
            item.get(name).and_then(|value| value.as_s().ok()).cloned()
        };
        let items = items.await.unwrap();
        let events = items
            .iter()
            .filter_map(|item| text(item, "id").zip(text(item, "name")));
        events.collect()
    }
}

/// The JSON at `url`.
pub(crate) async fn json_at(url: String) -> Value {
    let answer = http_client().get(url).send().await;
    answer.unwrap().json().await.unwrap()
}

/// The same message, as if its event had happened `seconds` later.
pub(crate) fn later(xml: &str, seconds: i64) -> String {
    let (before, rest) = xml.split_once("<CreateTime>").unwrap();
    let (time, after) = rest.split_once("</CreateTime>").unwrap();
    let time = time.parse::<i64>().unwrap() + seconds;
    format!("{before}<CreateTime>{time}</CreateTime>{after}")
}
