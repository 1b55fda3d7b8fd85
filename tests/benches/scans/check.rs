//! The results of every scan, at WeCom and in the admin API.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use serde_json::Value;
use wecom_sandbox::{Body, Call, Sender};

use crate::{Customer, Scene};

/// The welcome of the channel. The name costs a call to WeCom before the welcome.
pub(crate) const WELCOME: &str = "{customer}您好";

/// How long to wait for outcomes, which are stored after WeCom has answered.
const OUTCOME_TIMEOUT: Duration = Duration::from_secs(60);

/// The nickname of a customer.
pub(crate) fn name(number: u32) -> String {
    format!("客户{number}")
}

/// All counts and times of a run. Times are in milliseconds, ascending.
#[derive(Debug, Default)]
pub(crate) struct Finding {
    pub(crate) scans: usize,
    pub(crate) accepted: usize,
    pub(crate) deliveries: usize,
    pub(crate) welcomed_once: usize,
    pub(crate) welcomed_twice: usize,
    pub(crate) by_name: usize,
    pub(crate) tagged: usize,
    pub(crate) recorded_sent: usize,
    pub(crate) recorded_tagged: usize,
    /// The total adds in the statistics of the channel.
    pub(crate) counted_added: usize,
    /// The total welcomes in the statistics of the channel.
    pub(crate) counted_welcomed: usize,
    /// Calls by API, and how many of them by error code.
    pub(crate) calls: BTreeMap<String, BTreeMap<i64, usize>>,
    pub(crate) answer_ms: Vec<f64>,
    pub(crate) welcome_ms: Vec<f64>,
    pub(crate) tags_ms: Vec<f64>,
}

impl Finding {
    pub(crate) async fn of(scene: &Scene, customers: &[Customer]) -> Result<Self, String> {
        let mut finding = Self {
            scans: customers.len(),
            ..Self::default()
        };
        let welcomes = welcomes(scene);
        let tags = first_success(scene, "mark_tag", |call| {
            text(&call.request["external_userid"])
        });
        for (number, customer) in customers.iter().enumerate() {
            finding.check_chat(scene, customer, number);
            finding.time(scene, customer, &welcomes, &tags);
            finding.check_timeline(scene, customer).await?;
        }
        finding.read_counts(scene).await?;
        finding.count_calls(scene);
        for times in [
            &mut finding.answer_ms,
            &mut finding.welcome_ms,
            &mut finding.tags_ms,
        ] {
            times.sort_unstable_by(f64::total_cmp);
        }
        Ok(finding)
    }

    /// Whether every customer was served completely, and no customer twice.
    pub(crate) fn is_complete(&self) -> bool {
        let done = [
            self.accepted,
            self.welcomed_once,
            self.tagged,
            self.recorded_sent,
            self.recorded_tagged,
            self.counted_added,
            self.counted_welcomed,
        ];
        done.iter().all(|count| *count == self.scans) && self.welcomed_twice == 0
    }

    fn count_calls(&mut self, scene: &Scene) {
        for call in scene.wecom.calls() {
            let codes = self.calls.entry(call.api.clone()).or_default();
            *codes.entry(call.errcode).or_default() += 1;
        }
    }

    fn check_chat(&mut self, scene: &Scene, customer: &Customer, number: usize) {
        let (id, userid) = (&customer.external_userid, &customer.userid);
        let chat = scene.corp.chat(id, userid);
        let from_app = chat
            .into_iter()
            .filter(|message| matches!(message.from, Sender::App(_)));
        let texts: Vec<String> = from_app
            .filter_map(|message| match message.body {
                Body::Text { content } => Some(content),
                _ => None,
            })
            .collect();
        let name = name(u32::try_from(number).unwrap_or_default());
        self.welcomed_once += usize::from(texts.len() == 1);
        self.welcomed_twice += usize::from(texts.len() > 1);
        self.by_name += usize::from(texts == [WELCOME.replace("{customer}", &name)]);
        self.tagged += usize::from(scene.corp.tags(id, userid).len() == 1);
    }

    fn time(&mut self, scene: &Scene, customer: &Customer, welcomes: &Calls, tags: &Calls) {
        let Some(event) = scene.wecom.event(customer.event) else {
            return;
        };
        self.deliveries += event.attempts.len();
        if let Some(accepted) = event.attempts.iter().find(|attempt| attempt.accepted()) {
            self.accepted += 1;
            self.answer_ms
                .push(accepted.duration.as_secs_f64() * 1000.0);
        }
        // Both are Unix milliseconds of the same clock.
        let since = |at_ms: u64| at_ms.saturating_sub(event.at_ms) as f64;
        self.welcome_ms
            .extend(welcome_ms(scene, customer, welcomes));
        let marked = tags.get(&customer.external_userid);
        self.tags_ms
            .extend(marked.map(|(_, answered)| since(*answered)));
    }

    /// Polls the timeline in the admin API until it has both outcomes or [`OUTCOME_TIMEOUT`] is over.
    async fn check_timeline(&mut self, scene: &Scene, customer: &Customer) -> Result<(), String> {
        let path = format!("contacts/{}", customer.external_userid);
        let end = Instant::now() + OUTCOME_TIMEOUT;
        loop {
            let (_, contact) = scene.operator.get(&path).await?;
            let entry = &contact["timeline"][0];
            let sent = entry["welcome"]["outcome"] == "sent";
            let tagged = entry["tags"]["outcome"] == "tagged";
            if (sent && tagged) || Instant::now() > end {
                self.recorded_sent += usize::from(sent);
                self.recorded_tagged += usize::from(tagged);
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn read_counts(&mut self, scene: &Scene) -> Result<(), String> {
        let path = format!("channels/{}/stats", scene.channel);
        let (_, stats) = scene.operator.get(&path).await?;
        let total = |name: &str| {
            let number = stats["total"][name].as_u64().unwrap_or_default();
            usize::try_from(number).unwrap_or_default()
        };
        self.counted_added = total("added");
        self.counted_welcomed = total("welcomed");
        Ok(())
    }
}

/// The times from callback to welcome call of the customers who were welcomed, in milliseconds, ascending.
pub(crate) fn welcome_times(scene: &Scene, customers: &[Customer]) -> Vec<f64> {
    let welcomes = welcomes(scene);
    let times = customers.iter();
    let mut times: Vec<f64> = times
        .filter_map(|customer| welcome_ms(scene, customer, &welcomes))
        .collect();
    times.sort_unstable_by(f64::total_cmp);
    times
}

/// The calls that sent a welcome, by welcome code.
fn welcomes(scene: &Scene) -> Calls {
    first_success(scene, "send_welcome_msg", |call| {
        text(&call.request["welcome_code"])
    })
}

fn welcome_ms(scene: &Scene, customer: &Customer, welcomes: &Calls) -> Option<f64> {
    let event = scene.wecom.event(customer.event)?;
    let code = element(&event.xml, "WelcomeCode")?;
    let (arrived, _) = welcomes.get(code)?;
    Some(arrived.saturating_sub(event.at_ms) as f64)
}

/// Arrival and response of the first successful call for each key, in Unix milliseconds.
type Calls = HashMap<String, (u64, u64)>;

fn first_success(scene: &Scene, api: &str, about: impl Fn(&Call) -> String) -> Calls {
    let mut calls = Calls::new();
    for call in scene.wecom.calls_of(api) {
        let took = u64::try_from(call.duration.as_millis()).unwrap_or_default();
        if call.errcode == 0 && call.status == Some(200) {
            calls
                .entry(about(&call))
                .or_insert((call.at_ms, call.at_ms + took));
        }
    }
    calls
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// The content of an element of an event, which the sandbox writes as CDATA.
fn element<'a>(xml: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = xml.split_once(&format!("<{name}><![CDATA["))?;
    rest.split_once("]]>").map(|(content, _)| content)
}
