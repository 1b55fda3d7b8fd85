//! The vocabulary of the scenarios: `world.scan(&channel)`, `customer.sees("Hello")`,
//! `customer.outcome("welcome", "sent")`.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use clock::Clock;
use platform::environment::Environment;
use platform::store::Store;
use scrm_local::config::DEMO_CORP;
use scrm_local::operator::{Schedules, http_client};
use scrm_local::stack::{DATA_TABLE, INBOX_TABLE, Stack, StackOptions, Wecom, aws_config};
use serde_json::{Value, json};
use wecom_sandbox::{Corp, DeliveryMode, EventId, Happening, Sandbox, SandboxOptions, Scan};

use crate::counts::Counts;
use crate::customer::Customer;
use crate::leftovers::Leftovers;
use crate::operator::Operator;
use crate::time::Time;

/// How long [`Sandbox`]'s own waits may take. Only a failing test reaches it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);
/// The app of every world.
pub(crate) const APP: &str = "contact";

/// A bundle with its WeCom, an operator and a clock.
pub(crate) struct World {
    pub(crate) stack: Stack,
    pub(crate) wecom: Sandbox,
    pub(crate) corp: Corp,
    pub(crate) operator: Operator,
    pub(crate) time: Time,
    /// Set if WeCom ends together with this world.
    pub(crate) _leftovers: Option<Leftovers>,
}

/// A channel that an operator created.
#[derive(Debug, Clone)]
pub(crate) struct Channel {
    pub(crate) id: String,
    pub(crate) json: Value,
}

/// The body that creates a channel of zhangsan, with these additional fields.
pub(crate) fn channel_body(fields: &Value) -> Value {
    let mut body = json!({"name": "展会", "users": ["zhangsan"]});
    let fields = fields.as_object().unwrap().clone();
    body.as_object_mut().unwrap().extend(fields);
    body
}

impl World {
    /// A bundle with an empty corp of three members: zhangsan, lisi, wangwu.
    pub(crate) async fn new() -> Self {
        Self::with(SandboxOptions::default()).await
    }

    /// The same with these options of WeCom.
    pub(crate) async fn with(options: SandboxOptions) -> Self {
        let stack = |clock| StackOptions {
            port: 0,
            data: None,
            config: None,
            wecom: Wecom::Sandbox(options),
            shards: 1,
            clock,
        };
        Self::start(stack).await
    }

    /// The same on a stack that uses the clock of the test.
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

    /// Advances the clock by `duration`.
    pub(crate) fn time_passes(&self, duration: Duration) {
        self.time.passes(duration);
    }

    /// Tags that an administrator creates in the console.
    pub(crate) fn tags(&self, names: &[&str]) -> Vec<String> {
        self.corp
            .console_creates_tags("来源", names)
            .unwrap()
            .tag_ids
    }

    /// A channel of zhangsan, with this welcome text.
    pub(crate) async fn channel_with_welcome(&self, welcome: &str) -> Channel {
        self.channel(json!({"welcome": {"text": welcome}})).await
    }

    /// A channel of zhangsan with these additional fields.
    pub(crate) async fn channel(&self, fields: Value) -> Channel {
        let created = self.operator.creates_channel(&channel_body(&fields)).await;
        let json = created.is(201);
        let id = json["id"].as_str().unwrap().to_owned();
        Channel { id, json }
    }

    /// A default welcome of the corp.
    pub(crate) async fn default_welcome(&self, text: &str) {
        let body = json!({"corp": {"text": text}});
        self.operator.sets_welcomes(&body).await.is(200);
    }

    /// A new customer scans the code of `channel`.
    pub(crate) fn scan(&self, channel: &Channel) -> Customer<'_> {
        self.scan_as(channel, Scan::default())
    }

    /// A customer scans the code of `channel` in a particular way.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "callers write the options inline"
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

    /// Waits until `holds` is true of WeCom.
    pub(crate) async fn until(&self, what: &str, holds: impl Fn(&Sandbox) -> bool) {
        self.time.until_true(what, || holds(&self.wecom)).await;
    }

    /// Waits until every event is delivered.
    pub(crate) async fn all_delivered(&self) {
        let settled = self.wecom.settled(PATIENCE);
        self.time.drive(settled).await.unwrap();
    }

    /// Polls the admin API until its response satisfies `holds`, and returns the response.
    pub(crate) async fn eventually(
        &self,
        what: &str,
        path: &str,
        holds: impl Fn(&Value) -> bool,
    ) -> Value {
        self.eventually_as(&self.operator, what, path, holds).await
    }

    /// The same as another operator.
    pub(crate) async fn eventually_as(
        &self,
        operator: &Operator,
        what: &str,
        path: &str,
        holds: impl Fn(&Value) -> bool,
    ) -> Value {
        let poll = async || {
            let (status, json) = operator.get(path).await.unwrap();
            if status == 200 && holds(&json) {
                return Ok(json);
            }
            Err(format!("{what}; the last response is {status} {json}"))
        };
        self.time.until(poll).await
    }

    /// Waits until the statistics of `channel` show exactly these totals.
    pub(crate) async fn counts_are(&self, channel: &Channel, expected: Counts) {
        let expected = expected.to_json();
        let path = format!("channels/{}/stats", channel.id);
        self.eventually(&format!("{expected}"), &path, |stats| {
            stats["total"] == expected
        })
        .await;
    }

    /// The number of calls of one API that reached WeCom.
    pub(crate) fn calls(&self, api: &str) -> usize {
        self.wecom.calls_of(api).len()
    }

    /// Reads the admin API, which must answer 200.
    pub(crate) async fn get(&self, path: &str) -> Value {
        self.operator.reads(path).await.is(200)
    }

    /// The tables as the functions see them.
    pub(crate) fn store(&self) -> Store {
        let environment = Environment {
            inbox_table: INBOX_TABLE.to_owned(),
            data_table: DATA_TABLE.to_owned(),
            secret_id: String::new(),
            wecom_api_base: String::new(),
            inbox_days: platform::layout::INBOX_DAYS,
            public_url: None,
            function_name: None,
        };
        Store::new(self.dynamodb(), &environment, self.time.clock())
    }

    /// Sends a scheduled task to the sync, and returns its answer.
    pub(crate) async fn schedule(&self, task: &str) -> Value {
        let schedules = Schedules::new(&self.stack.url);
        let (status, json) = self.time.drive(schedules.send(task)).await.unwrap();
        assert_eq!(status, 200, "{task}: {json}");
        json
    }

    /// Reconciles the corp, as far as one invocation gets.
    pub(crate) async fn reconcile(&self) -> Value {
        self.schedule("reconcile").await
    }

    /// Runs a tick, and returns its result for the corp.
    pub(crate) async fn tick(&self) -> Value {
        self.schedule("tick").await["corps"][DEMO_CORP].take()
    }

    /// Runs a tick each second until its result satisfies `wanted`: an event is applied when it is a few seconds old.
    pub(crate) async fn tick_until(&self, wanted: impl Fn(&Value) -> bool) -> Value {
        let poll = async || {
            let tick = self.tick().await;
            if wanted(&tick) {
                return Ok(tick);
            }
            self.time_passes(Duration::from_secs(1));
            Err(format!("the last tick returned {tick}"))
        };
        self.time.until(poll).await
    }

    /// Runs `action` while WeCom delivers no callback. Its events can be delivered later, in any order, by `redeliver`,
    /// or with changed content by [`deliver`](Self::deliver).
    pub(crate) fn without_delivery<T>(&self, action: impl FnOnce() -> T) -> T {
        let mode = self.wecom.delivery_mode();
        self.wecom.set_delivery_mode(DeliveryMode {
            lose_every: Some(1),
            ..mode
        });
        let result = action();
        self.wecom.set_delivery_mode(mode);
        result
    }

    /// The message of an event as it is before encryption.
    pub(crate) fn message(&self, event: EventId) -> String {
        self.wecom.event(event).unwrap().xml
    }

    /// WeCom delivers `xml` to the app.
    pub(crate) fn deliver(&self, xml: &str) {
        self.corp.deliver_xml(APP, xml).unwrap();
    }

    /// The contact ways and links that exist at WeCom.
    pub(crate) async fn channels_at_wecom(&self) -> Vec<Value> {
        let url = format!("{}/sandbox/api/corps/{DEMO_CORP}", self.stack.url);
        let page = json_at(url).await;
        page["channels"].as_array().unwrap().clone()
    }

    /// The requests to one API, in the order of the responses.
    pub(crate) fn requests(&self, api: &str) -> Vec<Value> {
        let calls = self.wecom.calls_of(api).into_iter();
        calls.map(|call| call.request.clone()).collect()
    }

    /// The customers in the requests to one API, in the order of the responses.
    pub(crate) fn customers_of(&self, api: &str) -> Vec<String> {
        let customer = |request: &Value| request["external_userid"].as_str().map(str::to_owned);
        self.requests(api).iter().filter_map(customer).collect()
    }

    /// The embedded DynamoDB, for data that the bundle's own interfaces do not show.
    pub(crate) fn dynamodb(&self) -> Client {
        Client::new(&aws_config(&self.stack.dynamodb_url).unwrap())
    }

    /// The events that are stored, as (id, name).
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

/// The same message with a `CreateTime` that is `seconds` later.
pub(crate) fn later(xml: &str, seconds: i64) -> String {
    let (before, rest) = xml.split_once("<CreateTime>").unwrap();
    let (time, after) = rest.split_once("</CreateTime>").unwrap();
    let time = time.parse::<i64>().unwrap() + seconds;
    format!("{before}<CreateTime>{time}</CreateTime>{after}")
}
