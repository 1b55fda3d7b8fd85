//! The acts of the demo: what people do, and what has to follow.

use std::time::Duration;

use clock::Clock;
use serde_json::{Value, json};
use wecom_sandbox::{Body, Corp, Happening, OtherApp, Sandbox, Scan, Sender};

use super::DemoError;
use crate::config::{DEMO_APP, DEMO_CORP};
use crate::operator::{Operator, Schedules, http_client};
use crate::stack::Stack;

/// How long a step may take before it counts as failed. A welcome has 20 s to live.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// The pause before the next request, while the answer is not yet as wanted.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// The people and things of the play.
pub(super) struct Play {
    pub(super) sandbox: Sandbox,
    pub(super) corp: Corp,
    pub(super) operator: Operator,
    pub(super) schedules: Schedules,
    pub(super) clock: Clock,
}

impl Play {
    pub(super) fn on(stack: &Stack) -> Result<Self, DemoError> {
        let sandbox = stack.sandbox.clone().ok_or("the demo needs the sandbox")?;
        let corp = sandbox
            .corp(DEMO_CORP)
            .ok_or("the demo needs its own corp")?;
        let key = stack
            .keys
            .admin_keys
            .first()
            .ok_or("the configuration has no admin key")?;
        let http = http_client();
        Ok(Self {
            operator: Operator::with_client(http.clone(), &stack.url, DEMO_CORP, key),
            schedules: Schedules::with_client(http, &stack.url),
            clock: stack.clock.clone(),
            sandbox,
            corp,
        })
    }

    pub(super) async fn verification(&self) -> Result<(), DemoError> {
        self.corp
            .verify_url(DEMO_APP)
            .await
            .map_err(|error| error.to_string())
    }

    pub(super) async fn tag(&self) -> Result<String, DemoError> {
        let made = self
            .corp
            .console_creates_tags("来源", &["展会"])
            .map_err(|error| error.to_string())?;
        made.tag_ids
            .first()
            .cloned()
            .ok_or_else(|| "no tag was made".into())
    }

    pub(super) async fn channel(&self, tag: &str) -> Result<String, DemoError> {
        let body = json!({
            "name": "上海展会",
            "users": ["zhangsan"],
            "tag_ids": [tag],
            "remark": "{customer}-展会",
            "welcome": {"text": "{customer}您好，我是{member}，欢迎来到{channel}！"},
        });
        match self.operator.post("channels", &body).await? {
            (201, channel) => Ok(channel["id"].as_str().unwrap_or_default().to_owned()),
            refused => Err(format!("answered {refused:?}")),
        }
    }

    pub(super) async fn default_welcome(&self) -> Result<(), DemoError> {
        let body = json!({"corp": {"text": "您好，很高兴认识您！"}});
        expect(200, self.operator.put("welcome", &body).await?).map(|_| ())
    }

    pub(super) async fn scan(
        &self,
        channel: &str,
        name: &str,
        half: bool,
    ) -> Result<Happening, DemoError> {
        let scan = Scan {
            name: Some(name.into()),
            half,
            ..Scan::default()
        };
        let happening = self
            .corp
            .scan(channel, &scan)
            .map_err(|error| error.to_string())?;
        let events = happening.events.clone();
        self.until("the callback to be accepted", move |sandbox| {
            events
                .iter()
                .all(|id| sandbox.event(*id).is_some_and(|event| event.accepted()))
        })
        .await?;
        Ok(happening)
    }

    /// Waits for a welcome with these words, and returns its text.
    pub(super) async fn welcomed(
        &self,
        customer: &Happening,
        words: &str,
    ) -> Result<String, DemoError> {
        let sent = || {
            let mut welcomes = self.welcomes(customer).into_iter();
            welcomes.find(|text| text.contains(words))
        };
        self.until(&format!("a welcome with {words}"), |_| sent().is_some())
            .await?;
        sent().ok_or_else(|| "the welcome has gone".to_owned())
    }

    pub(super) async fn tagged(&self, customer: &Happening) -> Result<(), DemoError> {
        self.until("the tag on the customer", |_| {
            !self
                .corp
                .tags(&customer.external_userid, &customer.userid)
                .is_empty()
        })
        .await?;
        self.recorded(customer, "tags", "tagged").await
    }

    pub(super) async fn redelivered(&self, customer: &Happening) -> Result<(), DemoError> {
        for event in customer.events.iter().cycle().take(3) {
            self.sandbox.redeliver(*event);
        }
        self.sandbox
            .settled(PATIENCE)
            .await
            .map_err(|error| error.to_string())?;
        match self.welcomes(customer).len() {
            1 => Ok(()),
            count => Err(format!("the customer has {count} welcomes")),
        }
    }

    pub(super) async fn half_add(&self, channel: &str) -> Result<(Happening, String), DemoError> {
        let customer = self.scan(channel, "李雷", true).await?;
        // The name of a customer who is not confirmed yet cannot be read (84061): the neutral form is used.
        let welcome = self.welcomed(&customer, "朋友您好").await?;
        Ok((customer, welcome))
    }

    pub(super) async fn confirmed(&self, customer: &Happening) -> Result<(), DemoError> {
        let confirmed = self
            .corp
            .member_confirms(&customer.external_userid, &customer.userid);
        confirmed.map_err(|error| error.to_string())?;
        self.tagged(customer).await
    }

    pub(super) async fn search(&self) -> Result<(Happening, String), DemoError> {
        let scan = Scan {
            name: Some("韩梅梅".into()),
            ..Scan::default()
        };
        let found = self
            .corp
            .add_by_search("lisi", &scan)
            .map_err(|error| error.to_string())?;
        let welcome = self.welcomed(&found, "很高兴认识您").await?;
        self.recorded(&found, "tags", "no_channel").await?;
        Ok((found, welcome))
    }

    pub(super) async fn another_app(&self, channel: &str) -> Result<Happening, DemoError> {
        self.corp.other_app_welcomes(Some(OtherApp {
            sends_for: Duration::from_millis(300),
            delivers: true,
        }));
        let customer = self.scan(channel, "赵六", false).await?;
        let recorded = self
            .recorded(&customer, "welcome", "already_welcomed")
            .await;
        self.corp.other_app_welcomes(None);
        recorded.map(|()| customer)
    }

    pub(super) async fn left(&self, customer: &Happening) -> Result<(), DemoError> {
        let left = self
            .corp
            .customer_leaves(&customer.external_userid, &customer.userid);
        left.map_err(|error| error.to_string())?;
        let path = format!("contacts/{}", customer.external_userid);
        self.eventually("the relation to be lost", &path, |contact| {
            contact["relations"][0]["status"] == "lost"
        })
        .await
    }

    pub(super) async fn numbers(&self, channel: &str) -> Result<(), DemoError> {
        let wanted = json!({"added": 3, "lost": 1, "welcomed": 2, "welcome_failed": 0});
        let path = format!("channels/{channel}/stats");
        self.eventually(&format!("{wanted}"), &path, |stats| {
            stats["total"] == wanted
        })
        .await
    }

    /// What the admin API returns for the newest event of a customer.
    pub(super) async fn timeline(
        &self,
        customer: &Happening,
        outcome: &str,
    ) -> Result<Value, DemoError> {
        let path = format!("contacts/{}", customer.external_userid);
        let contact = expect(200, self.operator.get(&path).await?)?;
        let entry = contact["timeline"].get(0).ok_or("the timeline is empty")?;
        if entry["welcome"]["outcome"] == outcome {
            Ok(entry.clone())
        } else {
            Err(format!("the welcome is not recorded as {outcome}"))
        }
    }

    /// The texts that our app sent to the customer.
    fn welcomes(&self, customer: &Happening) -> Vec<String> {
        let chat = self.corp.chat(&customer.external_userid, &customer.userid);
        chat.into_iter()
            .filter(|message| matches!(message.from, Sender::App(_)))
            .filter_map(|message| match message.body {
                Body::Text { content } => Some(content),
                _ => None,
            })
            .collect()
    }

    /// Waits until the newest event of the customer has this outcome.
    async fn recorded(
        &self,
        customer: &Happening,
        kind: &str,
        outcome: &str,
    ) -> Result<(), DemoError> {
        let path = format!("contacts/{}", customer.external_userid);
        let is_recorded = |contact: &Value| contact["timeline"][0][kind]["outcome"] == outcome;
        self.eventually(&format!("the outcome {outcome}"), &path, is_recorded)
            .await
    }

    async fn until(&self, what: &str, holds: impl Fn(&Sandbox) -> bool) -> Result<(), DemoError> {
        self.sandbox
            .wait_for(what, PATIENCE, holds)
            .await
            .map_err(|error| error.to_string())
    }

    /// Asks the admin API until its answer is as wanted.
    pub(super) async fn eventually(
        &self,
        what: &str,
        path: &str,
        holds: impl Fn(&Value) -> bool,
    ) -> Result<(), DemoError> {
        let began = self.clock.instant();
        loop {
            let answer = self.operator.get(path).await?;
            if answer.0 == 200 && holds(&answer.1) {
                return Ok(());
            }
            if self.clock.since(began) > PATIENCE {
                return Err(format!(
                    "waited in vain for {what}; the answer is {answer:?}"
                ));
            }
            self.clock.sleep(LOOK_AGAIN).await;
        }
    }
}

fn expect(status: u16, answer: (u16, Value)) -> Result<Value, DemoError> {
    if answer.0 == status {
        Ok(answer.1)
    } else {
        Err(format!("answered {answer:?}"))
    }
}
